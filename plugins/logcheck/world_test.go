package logcheck

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/checkcli"
	"github.com/check-ingest/check-ingest/internal/checktest"
	"github.com/check-ingest/check-ingest/internal/checktest/dbworld"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/store"
)

// at is the moment at which the tests look.
func at() time.Time { return time.Date(2024, 1, 5, 0, 0, 0, 0, time.UTC) }

func ago(d time.Duration) time.Time { return at().Add(-d) }

// template is an empty database of ours, which tests copy.
var template []byte

func TestMain(m *testing.M) {
	os.Exit(dbworld.Main(m, dbworld.Roles{Check: check(), Hold: holdLock}, func(ctx context.Context) (err error) {
		template, err = makeTemplate(ctx)
		return err
	}))
}

// run runs the check at the tests' moment.
func run(args ...string) (int, string) {
	return checktest.Run(checkcli.Run[Cmd], "INGEST LOG", at, args...)
}

// check is the check, with what differs from run to run in its output.
func check() checktest.Check {
	return checktest.Check{Service: "INGEST LOG", Run: run, Masks: []checktest.Mask{
		{What: regexp.MustCompile(`run r9 of \S+ v1`), With: "run r9 of PROGRAM v1"},
	}}
}

func makeTemplate(ctx context.Context) ([]byte, error) {
	dir, err := os.MkdirTemp("", "logcheck")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "t.duckdb")
	if err := store.Create(ctx, path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// holdLock takes the lock beside the database and publishes a run into it whose last sign of life was so long before the tests' moment.
func holdLock(ctx context.Context, path, silence string) error {
	age, err := time.ParseDuration(silence)
	if err != nil {
		return err
	}
	lock, err := runstate.Acquire(ctx, path+".lock", 0)
	if err != nil {
		return err
	}
	p := runstate.NewPublisher(lock, status(path, age), time.Hour, func() time.Time { return ago(age) })
	return p.Flush()
}

// status is that of a run which is a quarter through.
func status(path string, age time.Duration) runstate.Status {
	return runstate.Status{
		RunID: "r9", Version: "v1", Database: path, Phase: runstate.PhaseLoad, StartedAt: ago(age + time.Hour), CurrentFile: "/data/BTCUSDT-aggTrades-2024-01-04.zip",
		FilesTotal: 4, FilesDone: 1, BytesTotal: 400, BytesDone: 100, Rows: 5_000_000, RowsPerSecond: 250_000,
	}
}

// file is the entry of a day's file of January 2024, loaded the day after by run r8, with a change.
func file(symbol string, day int, change func(*ledger.Entry)) ledger.Entry {
	d := catalog.DayOf(time.Date(2024, 1, day, 0, 0, 0, 0, time.UTC))
	e := ledger.Entry{
		FilePath: "/data/" + symbol + "-aggTrades-" + d.String() + ".csv", Market: catalog.UM, Symbol: symbol, Status: ledger.Success,
		ProcessedAt: (d + 1).Time(), RowCount: 100, RowsInserted: 100, FileSize: 5000, Period: catalog.DayPeriod(d),
		FirstID: int64(day) * 100, LastID: int64(day)*100 + 99, FirstTradeAt: d.Time(), LastTradeAt: d.Time().Add(time.Hour), Attempts: 1, RunID: "r8",
	}
	if change != nil {
		change(&e)
	}
	return e
}

// failed makes an entry one of a file that failed.
func failed(e *ledger.Entry) {
	e.Status, e.ErrorMessage = ledger.Failed, e.FilePath+": line 7: price \"1e5\": invalid number"
	e.RowCount, e.RowsInserted, e.FirstID, e.LastID, e.FirstTradeAt, e.LastTradeAt, e.Attempts = 0, 0, -1, -1, time.Time{}, time.Time{}, 3
}

// partial makes an entry one of a file of which rows were left out.
func partial(e *ledger.Entry) {
	e.Status, e.ErrorMessage, e.RowsInserted, e.RowsConflict = ledger.Partial, "2 rows left out: the database holds other trades with their ids", 98, 2
}

// two are the entries of two files that were loaded.
func two() []ledger.Entry {
	return []ledger.Entry{file("BTCUSDT", 2, nil), file("ETHUSDT", 3, nil)}
}

// world is a folder with a database in it, or what else a test puts there.
type world struct{ *dbworld.World }

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{dbworld.New(t, check())}
}

// loaded puts a database with these entries there.
func (w *world) loaded(entries ...ledger.Entry) {
	w.T.Helper()
	w.Write(string(template))
	if len(entries) > 0 {
		w.Record(entries...)
	}
}

// snapshot leaves a ledger snapshot of a run, written so long before the tests' moment.
func (w *world) snapshot(runID string, age time.Duration, runs []ledger.Run, entries ...ledger.Entry) {
	w.T.Helper()
	s := ledger.Build(entries, runs, ledger.Meta{RunID: runID, WrittenAt: ago(age), Database: w.Path, DatabaseSize: 1, DatabaseMTime: at()})
	w.Must(s.Write(ledger.PathFor(w.Path)))
}

// endedRun is a run that ended three hours before the tests' moment and notes so in snapshots.
func endedRun(id string, exit int) ledger.Run {
	return ledger.Run{ID: id, StartedAt: ago(4 * time.Hour), EndedAt: ago(3 * time.Hour), ExitCode: exit, FilesLoaded: 2, Rows: 7_200_000, Seconds: 3600}
}

// ran leaves the status of a run that ended three hours before the tests' moment.
func (w *world) ran(exit int, outcome string) {
	w.T.Helper()
	lock, err := runstate.Acquire(w.T.Context(), w.Path+".lock", 0)
	w.Must(err)
	p := runstate.NewPublisher(lock, status(w.Path, 3*time.Hour), time.Hour, func() time.Time { return ago(3 * time.Hour) })
	end := ago(3 * time.Hour)
	w.Must(p.Close(func(s *runstate.Status) {
		s.Phase, s.EndedAt, s.ExitCode, s.Outcome, s.FilesDone, s.Rows = runstate.PhaseEnded, &end, &exit, outcome, 4, 20_000_000
	}))
	w.Must(lock.Release())
}
