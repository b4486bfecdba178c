package status

import (
	"fmt"
	"testing"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/store"
)

// at is the moment at which the tests look.
func at() time.Time { return time.Date(2024, 3, 20, 12, 0, 0, 0, time.UTC) }

func series(market catalog.Market, symbol string) catalog.Series {
	return catalog.Series{Market: market, Symbol: symbol}
}

func day0(tb testing.TB, s string) catalog.Day {
	tb.Helper()
	d, err := catalog.ParseDay(s)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// perDay is how many ids each day of the tests' files has.
const perDay = 1000

// file is the entry of a day's file, loaded by run r1 three hours before the tests' moment: a thousand ids, one after another.
func file(s catalog.Series, d catalog.Day, changes ...func(*ledger.Entry)) ledger.Entry {
	first := int64(d-oldestDay) * perDay
	loaded := at().Add(-3 * time.Hour).Add(time.Duration(int64(d)%1000) * time.Second)
	e := ledger.Entry{
		FilePath: fmt.Sprintf("/data/%s/%s-aggTrades-%s.zip", s.Market, s.Symbol, d), Symbol: s.Symbol, Market: s.Market,
		ProcessedAt: loaded, RowCount: perDay, Status: ledger.Success, FileSize: 20_000, ProcessingTime: 900 * time.Millisecond,
		Period: catalog.DayPeriod(d), FirstID: first, LastID: first + perDay - 1, FirstTradeAt: d.Time().Add(time.Second), LastTradeAt: (d + 1).Time().Add(-time.Second),
		RowsInserted: perDay, Attempts: 1, RunID: "20240320T090000Z-00000001",
	}
	for _, change := range changes {
		change(&e)
	}
	return e
}

// files are the entries of the days from first to last.
func files(tb testing.TB, s catalog.Series, first, last string, changes ...func(*ledger.Entry)) []ledger.Entry {
	tb.Helper()
	var out []ledger.Entry
	for d := day0(tb, first); d <= day0(tb, last); d++ {
		out = append(out, file(s, d, changes...))
	}
	return out
}

// failing makes an entry one of a file that failed.
func failing(text string) func(*ledger.Entry) {
	return func(e *ledger.Entry) {
		e.Status, e.ErrorMessage, e.Attempts = ledger.Failed, text, 3
		e.RowCount, e.RowsInserted, e.FirstID, e.LastID, e.FirstTradeAt, e.LastTradeAt = 0, 0, -1, -1, time.Time{}, time.Time{}
	}
}

// read are the facts of a database that was opened and has these entries.
func read(entries ...ledger.Entry) Facts {
	var rows int64
	for _, e := range entries {
		rows += e.RowsInserted
	}
	return Facts{
		Options: Options{Database: "/db/trades.duckdb", LockFile: "/tmp/lock", Version: "1.2.3"}, At: at(), Path: "/db/trades.duckdb", Size: 123_456_789,
		Modified: at().Add(-2 * time.Hour), Read: true, Market: true, Rows: &rows, Entries: entries,
	}
}

// snapshotOf are the facts of a database that a load holds, of which a snapshot tells.
func snapshotOf(f Facts) Facts {
	s := ledger.Build(f.Entries, []ledger.Run{run("20240320T090000Z-00000001", 0)}, ledger.Meta{
		RunID: "20240320T115000Z-00000002", WrittenAt: at().Add(-5 * time.Second), Database: f.Path, DatabaseSize: f.Size, DatabaseMTime: f.Modified,
	})
	f.Snapshot, f.Read, f.Rows, f.Entries = &s, false, nil, nil
	f.Status = running(f.Path)
	f.Holder = runstate.Holder{PID: 4711, Program: "ingest-aggtrades", User: "ingest", Known: true}
	f.Use = store.Use{Mode: runstate.DBWriter, Holder: f.Holder, Loading: true, Run: f.Status}
	return f
}

// running is the status of a run that is a quarter through.
func running(path string) *runstate.Status {
	return &runstate.Status{
		RunID: "20240320T115000Z-00000002", PID: 4711, Program: "ingest-aggtrades", User: "ingest", Database: path, StartedAt: at().Add(-10 * time.Minute),
		HeartbeatAt: at().Add(-time.Second), HeartbeatEvery: 2, Phase: runstate.PhaseLoad, FilesDone: 10, FilesTotal: 40, FilesFailed: 1,
		BytesDone: 1 << 20, BytesTotal: 4 << 20, Rows: 12_345_678, RowsPerSecond: 812_345, CurrentFile: "/data/um/BTCUSDT-aggTrades-2024-03-19.zip",
	}
}

func run(id string, exit int) ledger.Run {
	return ledger.Run{
		ID: id, StartedAt: at().Add(-3 * time.Hour), EndedAt: at().Add(-3*time.Hour + 10*time.Minute), ExitCode: exit, FilesLoaded: 100, FilesFailed: 2, FilesSkipped: 7,
		Rows: 100_000, Bytes: 2_000_000, Seconds: 600,
	}
}

// planted is a database with a gap of each kind, of three series.
func planted(tb testing.TB) Facts {
	tb.Helper()
	btc, eth := series(catalog.UM, "BTCUSDT"), series(catalog.Spot, "ETHUSDT")
	entries := files(tb, btc, "2022-11-15", "2024-03-18")
	replace := func(day string, changes ...func(*ledger.Entry)) {
		for i := range entries {
			if entries[i].Period == catalog.DayPeriod(day0(tb, day)) && entries[i].Market == catalog.UM {
				entries[i] = file(btc, day0(tb, day), changes...)
			}
		}
	}
	absent := map[string]bool{"2023-02-26": true, "2023-02-27": true, "2023-02-28": true, "2023-07-04": true}
	kept := entries[:0]
	for _, e := range entries {
		if !absent[e.Period.First.String()] {
			kept = append(kept, e)
		}
	}
	entries = kept
	replace("2023-09-09", failing("BTCUSDT-aggTrades-2023-09-09.zip: line 48211: price \"1e5x\": invalid number, expected an unsigned decimal such as 61234.5 or 1e-05"))
	replace("2023-09-10", failing("BTCUSDT-aggTrades-2023-09-10.zip: its compressed data ends too early"))
	replace("2023-10-01", func(e *ledger.Entry) { e.IDsMissing, e.RowsInserted, e.RowCount = 250, 750, 750 })
	replace("2023-11-11", func(e *ledger.Entry) {
		e.LastID -= 400
		e.RowsInserted, e.RowCount, e.LastTradeAt = 600, 600, e.Period.First.Time().Add(14*time.Hour)
	})
	replace("2024-01-05", func(e *ledger.Entry) { e.FirstID += 12; e.RowsInserted -= 12 })
	replace("2024-02-02", func(e *ledger.Entry) {
		e.Status, e.ErrorMessage, e.RowsConflict, e.RowsInserted = ledger.Partial, "2 rows left out: the database holds other trades with their ids, the first is agg_trade_id 9", 2, 998
	})
	april := catalog.MonthPeriod(2022, time.April)
	month := file(eth, april.First, func(e *ledger.Entry) {
		e.FilePath, e.Period, e.LastID, e.IDsMissing = "/data/spot/ETHUSDT-aggTrades-2022-04.zip", april, e.FirstID+30*perDay-1, perDay
		e.LastTradeAt, e.RowsInserted, e.RowCount = april.End.Time().Add(-time.Second), 29*perDay, 29*perDay
		e.DaysMissing = []catalog.Day{april.First + 23}
	})
	entries = append(entries, month)
	entries = append(entries, files(tb, series(catalog.CM, "BTCUSD_PERP"), "2024-02-20", "2024-02-24")...)
	f := read(entries...)
	s := ledger.Build(entries, []ledger.Run{
		{ID: "20240319T090000Z-00000000", StartedAt: at().Add(-27 * time.Hour), EndedAt: at().Add(-26 * time.Hour), FilesLoaded: 50, Rows: 5_000_000, Seconds: 3600},
		run("20240320T090000Z-00000001", 1),
	}, ledger.Meta{RunID: "20240320T090000Z-00000001", WrittenAt: at().Add(-2 * time.Hour), Database: f.Path, DatabaseSize: f.Size, DatabaseMTime: f.Modified})
	f.Snapshot = &s
	return f
}
