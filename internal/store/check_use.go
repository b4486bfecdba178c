package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/check-ingest/check-ingest/internal/runstate"
)

// Use is how other processes use a database at the moment.
type Use struct {
	Mode    runstate.DBMode
	Holder  runstate.Holder  // one of them; PID 0 where it cannot be seen from here
	Loading bool             // Mode is DBWriter, and the writer is the loader: it holds the loader's lock as well
	Run     *runstate.Status // what the loader publishes, believed; nil where it publishes nothing yet
	Doubt   string           // why it cannot be told whether a writer is the loader; "" where it can
}

// loaderProgram is the name by which the loader is known before it has published anything.
const loaderProgram = "ingest-aggtrades"

// useTries is how often a database is asked for its holder when the one that was named has ended in the meantime.
const useTries = 3

// UseOf asks the kernel who has the database at a resolved path open, and compares a writer with the holder of the loader's lock. It waits for
// nothing and must not be called while this process has the database open, see [runstate.DatabaseHolder].
func UseOf(procRoot, path, lockFile string, now time.Time) (Use, error) {
	for try := 1; ; try++ {
		lock, err := runstate.DatabaseHolder(path)
		if err != nil {
			return Use{}, unreadable(path, err)
		}
		u, gone := describe(procRoot, path, lockFile, now, lock)
		if !gone || try == useTries {
			return u, nil
		}
	}
}

// describe finds out about the process that holds lock. gone is set where it ended since.
func describe(procRoot, path, lockFile string, now time.Time, lock runstate.DBLock) (u Use, gone bool) {
	u = Use{Mode: lock.Mode, Holder: runstate.Holder{PID: max(lock.PID, 0), UID: -1}}
	if u.Mode == runstate.DBFree {
		return u, false
	}
	if u.Holder.PID > 0 {
		h, err := runstate.ReadHolder(procRoot, u.Holder.PID)
		if errors.Is(err, fs.ErrNotExist) {
			gone = true
		}
		u.Holder = h // what could be seen of it, where it is not all
	}
	if u.Mode != runstate.DBWriter {
		return u, gone
	}
	state, err := runstate.Inspect(procRoot, lockFile, now)
	switch {
	case err != nil:
		u.Doubt = err.Error()
	case !state.Held:
		u.Doubt = state.Unknowable
	case u.Holder.PID > 0 && state.Holder.PID == u.Holder.PID:
		u.Run, u.Doubt = state.Status, state.StatusIgnored
		u.Loading = state.Status != nil || strings.HasPrefix(u.Holder.Program, loaderProgram)
	case u.Holder.PID == 0 && state.Status != nil && SameFile(state.Status.Database, path):
		u.Run, u.Loading = state.Status, true // its process cannot be seen from here; what it publishes names this database
		u.Holder = state.Holder
	}
	return u, gone
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
			Remedy: "the next load does; or: duckdb " + path + " -c CHECKPOINT", Err: e.Err,
		}
	case e.Kind == KindMemory, strings.Contains(text, "replaying WAL") && strings.Contains(text, "could not allocate"):
		return nil, &Error{
			Kind: KindMemory, Path: path, Text: "has a write-ahead log that takes more memory to replay than a check may use",
			Remedy: "the next load replays it; or: duckdb " + path + " -c CHECKPOINT", Err: e.Err,
		}
	}
	return db, err
}
