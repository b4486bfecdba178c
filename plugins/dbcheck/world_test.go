package dbcheck

import (
	"context"
	"fmt"
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

// jan is a day of January 2024.
func jan(day int) catalog.Day {
	return catalog.DayOf(time.Date(2024, 1, day, 0, 0, 0, 0, time.UTC))
}

// template is a database of ours that tests copy: see makeTemplate.
var template []byte

func TestMain(m *testing.M) {
	os.Exit(dbworld.Main(m, dbworld.Roles{Check: check(), Hold: holdLock}, func(ctx context.Context) (err error) {
		template, err = makeTemplate(ctx)
		return err
	}))
}

// run runs the check at the tests' moment.
func run(args ...string) (int, string) {
	return checktest.Run(checkcli.Run[Cmd], "INGEST DB", at, args...)
}

// check is the check, with what differs from run to run in its output.
func check() checktest.Check {
	return checktest.Check{Service: "INGEST DB", Run: run, Masks: []checktest.Mask{
		{What: regexp.MustCompile(`open_time=[\d.]+s`), With: "open_time=0s"},
		{What: regexp.MustCompile(`\bsize=[1-9]\d*B`), With: "size=1B"},
		{What: regexp.MustCompile(`wal_size=[1-9]\d*B`), With: "wal_size=1B"},
		{What: regexp.MustCompile(`\b[\d.]+ [kMG]B\b`), With: "1 MB"},
		{What: regexp.MustCompile(` in [\d.]+s`), With: " in 0s"},
	}}
}

// holdLock takes the lock beside the database and publishes a run into it whose last sign of life was so long before the tests' moment.
func holdLock(ctx context.Context, path, silence string) error {
	lock, err := runstate.Acquire(ctx, path+".lock", 0)
	if err != nil || silence == "unpublished" {
		return err
	}
	age, err := time.ParseDuration(silence)
	if err != nil {
		return err
	}
	p := runstate.NewPublisher(lock, runstate.Status{
		RunID: "r1", Version: "v1", Database: path, Phase: runstate.PhaseLoad, StartedAt: at().Add(-age - time.Hour),
		FilesTotal: 4, FilesDone: 1, BytesTotal: 400, BytesDone: 100, Rows: 5_000_000,
	}, time.Hour, func() time.Time { return at().Add(-age) })
	return p.Flush()
}

// makeTemplate makes a database of three days of um BTCUSDT and two of um ETHUSDT, of a hundred rows each, with its ledger.
func makeTemplate(ctx context.Context) ([]byte, error) {
	dir, err := os.MkdirTemp("", "dbcheck")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "t.duckdb")
	if err := store.Create(ctx, path); err != nil {
		return nil, err
	}
	var statements []string
	for _, f := range files() {
		statements = append(statements, insert(f, "market", "'um'"))
	}
	if err := dbworld.Execute(ctx, path, statements...); err != nil {
		return nil, err
	}
	if err := dbworld.Record(ctx, path, files()...); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// files are the ledger's entries of the template.
func files() []ledger.Entry {
	return []ledger.Entry{file("BTCUSDT", 1), file("BTCUSDT", 2), file("BTCUSDT", 3), file("ETHUSDT", 1), file("ETHUSDT", 2)}
}

// file is the entry of a day's file of a hundred rows, the last of which is of 23:45.
func file(symbol string, day int) ledger.Entry {
	first := int64(day * 100)
	return ledger.Entry{
		FilePath: "/data/" + symbol + "-aggTrades-" + jan(day).String() + ".csv", Market: catalog.UM, Symbol: symbol, Status: ledger.Success,
		ProcessedAt: jan(day + 1).Time(), RowCount: 100, RowsInserted: 100, FileSize: 5000, Period: catalog.DayPeriod(jan(day)),
		FirstID: first, LastID: first + 99, FirstTradeAt: jan(day).Time(), LastTradeAt: jan(day).Time().Add(99 * 864 * time.Second), Attempts: 1, RunID: "r0",
	}
}

// insert is the statement that writes a file's rows, with a further column where one is named.
func insert(f ledger.Entry, column, value string) string {
	if column != "" {
		column, value = ", "+column, ", "+value
	}
	return fmt.Sprintf(`INSERT INTO aggtrades_history (agg_trade_id, timestamp, symbol, price, quantity, side%s)
		SELECT i, make_timestamp(%d + (i - %d) * 864000000), '%s', 42000.5, 0.25, CASE WHEN i %% 2 = 0 THEN 'buy' ELSE 'sell' END%s FROM range(%[3]d, %[6]d) r(i)`,
		column, f.FirstTradeAt.UnixMicro(), f.FirstID, f.Symbol, value, f.LastID+1)
}

// world is a folder with a database in it, or what else a test puts there.
type world struct{ *dbworld.World }

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{dbworld.New(t, check())}
}

// sound puts the template there.
func (w *world) sound() { w.T.Helper(); w.Write(string(template)) }

// damage changes the database's bytes.
func (w *world) damage(change func([]byte) []byte) {
	w.T.Helper()
	data, err := os.ReadFile(w.Path)
	w.Must(err)
	w.Write(string(change(data)))
}

// snapshot leaves a ledger snapshot, written so long before the tests' moment.
func (w *world) snapshot(age time.Duration, entries ...ledger.Entry) {
	w.T.Helper()
	s := ledger.Build(entries, nil, ledger.Meta{RunID: "r1", WrittenAt: at().Add(-age), Database: w.Path, DatabaseSize: 1, DatabaseMTime: at()})
	w.Must(s.Write(ledger.PathFor(w.Path)))
}
