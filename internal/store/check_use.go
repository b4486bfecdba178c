package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/shell"
)

// Use is how other processes use a database at the moment.
type Use struct {
	Mode    runstate.DBMode
	Holder  runstate.Holder  // one of them, or the loader where Loading is set; PID 0 where it cannot be seen from here
	Reader  runstate.Holder  // who keeps the loader waiting, where Loading is set and Mode is DBReaders
	Loading bool             // the loader writes to it or is about to: it holds its lock, and has the database open or says that it is the one it loads
	Run     *runstate.Status // what the loader publishes, believed; nil where it publishes nothing yet
	Doubt   string           // why it cannot be told whether a writer is the loader; "" where it can
}

// Writing reports whether the database is somebody's to write to, so that nobody else is to open it: a reader that got in before the loader
// would keep it waiting.
func (u Use) Writing() bool { return u.Mode == runstate.DBWriter || u.Loading }

// loaderProgram is the name by which the loader is known before it has published anything.
const loaderProgram = "ingest-aggtrades"

// useTries is how often a database is asked for its holder when the one that was named has ended in the meantime.
const useTries = 3

// A loader that has just taken its lock says within a millisecond or two which database it loads. What a check waits for that is bounded, since one
// that cannot publish says it never.
const (
	introductionPause = 10 * time.Millisecond
	introductionTries = 20
)

// UseOf asks the kernel who has the database at a resolved path open, and compares a writer with the holder of the loader's lock. A loader that holds
// its lock for a load into this database is its writer, even before it has opened it. UseOf takes no lock and waits for none; for a loader that
// has not said yet what it loads it waits 200 ms at most. It must not be called while this process has the database open, see
// [runstate.DatabaseHolder].
func UseOf(ctx context.Context, procRoot, path, lockFile string, now time.Time) (Use, error) {
	for gone, silent := 1, 1; ; {
		lock, err := runstate.DatabaseHolder(path)
		if err != nil {
			return Use{}, unreadable(path, err)
		}
		u, ended := describe(procRoot, lock)
		if ended && gone < useTries {
			gone++
			continue
		}
		state, err := runstate.Inspect(procRoot, lockFile, now)
		if u.Mode == runstate.DBWriter {
			u.compare(path, state, err)
			return u, nil
		}
		if err != nil || !u.expect(path, state, now) || silent == introductionTries {
			return u, nil
		}
		silent++
		select {
		case <-ctx.Done():
			return u, nil
		case <-time.After(introductionPause):
		}
	}
}

// describe finds out about the process that holds lock. gone is set where it ended since.
func describe(procRoot string, lock runstate.DBLock) (u Use, gone bool) {
	u = Use{Mode: lock.Mode, Holder: runstate.Holder{PID: max(lock.PID, 0), UID: -1}}
	if u.Mode != runstate.DBFree && u.Holder.PID > 0 {
		h, err := runstate.ReadHolder(procRoot, u.Holder.PID)
		gone = errors.Is(err, fs.ErrNotExist)
		u.Holder = h // what could be seen of it, where it is not all
	}
	return u, gone
}

// expect takes the holder of the loader's lock for the writer of a database that no writer has open, if that is what it says. again is set where
// it is a loader that has said nothing yet.
//
// Only a holder that the kernel names counts, and one that gives signs of life: while a loader hangs before it has opened the database, what is in
// it may well be looked at.
func (u *Use) expect(path string, state runstate.State, now time.Time) (again bool) {
	switch run := state.Status; {
	case !state.Held || !state.Holder.Known:
		return false
	case run == nil:
		return strings.HasPrefix(state.Holder.Program, loaderProgram)
	case run.Ended() || run.Hung(now) || !SameFile(run.Database, path):
		return false
	default:
		if u.Mode == runstate.DBReaders {
			u.Reader = u.Holder
		}
		u.Loading, u.Run, u.Holder = true, run, state.Holder
		return false
	}
}

// compare finds out whether the writer is the loader.
func (u *Use) compare(path string, state runstate.State, err error) {
	switch {
	case err != nil:
		u.Doubt = err.Error()
	case state.PreviousLives && state.Previous.PID == u.Holder.PID:
		u.Run, u.Loading = state.Previous, true // somebody replaced or removed its lock file
	case !state.Held:
		u.Doubt = state.Unknowable
	case u.Holder.PID > 0 && state.Holder.PID == u.Holder.PID:
		u.Run, u.Doubt = state.Status, state.StatusIgnored
		u.Loading = state.Status != nil || strings.HasPrefix(u.Holder.Program, loaderProgram)
	case u.Holder.PID == 0 && state.Status != nil && SameFile(state.Status.Database, path):
		u.Run, u.Loading = state.Status, true // its process cannot be seen from here; what it publishes names this database
		u.Holder = state.Holder
	}
}

// SameFile reports whether both paths name one file, which may not exist yet.
func SameFile(a, b string) bool {
	if a == b {
		return true
	}
	x, xerr := os.Stat(a)
	y, yerr := os.Stat(b)
	return xerr == nil && yerr == nil && os.SameFile(x, y)
}

// OpenToCheck is [Recognize] and then [OpenReadOnly], with DuckDB's words for what readers alone meet put into ours.
func OpenToCheck(ctx context.Context, path string, o Options) (*DB, error) {
	if _, err := Stat(path); err != nil {
		return nil, err
	}
	if err := Recognize(path); err != nil {
		return nil, err
	}
	db, err := OpenReadOnly(ctx, path, o)
	var e *Error
	if !errors.As(err, &e) || e.Err == nil {
		return db, err
	}
	text := e.Err.Error()
	switch {
	case strings.Contains(text, "replaying WAL") && strings.Contains(text, "Bad file descriptor"):
		// It holds a CREATE INDEX, which DuckDB can replay only if it may write.
		return nil, &Error{
			Kind: KindNeedsWriter, Path: path, Text: "has a write-ahead log that only a writer can replay",
			Remedy: "start the next load, which replays it, or run: duckdb " + shell.Quote(path) + " -c CHECKPOINT", Err: e.Err,
		}
	case e.Kind == KindMemory, strings.Contains(text, "replaying WAL") && strings.Contains(text, "could not allocate"):
		return nil, &Error{
			Kind: KindMemory, Path: path, Text: "has a write-ahead log that takes more memory to replay than a check may use",
			Remedy: "start the next load, which replays it, or run: duckdb " + shell.Quote(path) + " -c CHECKPOINT", Err: e.Err,
		}
	}
	return db, err
}
