package status

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/store"
)

// gapsOf are a report's gaps in short.
func gapsOf(r Report) []string {
	out := []string{}
	for _, g := range r.Gaps {
		out = append(out, fmt.Sprintf("%s %s %s: %d days, %d ids", g.Series, dates(g.First, g.Last), g.Reason, g.Days, g.IDsMissing))
	}
	return out
}

func TestReasons(t *testing.T) {
	t.Parallel()
	btc := series(catalog.UM, "BTCUSDT")
	week := func() []ledger.Entry { return files(t, btc, "2024-03-01", "2024-03-07") }
	d := day0(t, "2024-03-01")
	without := func(days ...int) []ledger.Entry {
		entries := week()
		for _, n := range slices.Backward(days) {
			entries = slices.Delete(entries, n, n+1)
		}
		return entries
	}
	with := func(n int, changes ...func(*ledger.Entry)) []ledger.Entry {
		entries := week()
		entries[n] = file(btc, d+catalog.Day(n), changes...)
		return entries
	}
	monthly := func(empty ...catalog.Day) ledger.Entry {
		return file(btc, day0(t, "2024-02-01"), func(e *ledger.Entry) {
			e.FilePath, e.Period, e.DaysMissing = "/data/BTCUSDT-aggTrades-2024-02.zip", catalog.MonthPeriod(2024, 2), empty
			e.LastID, e.LastTradeAt = e.FirstID+29*perDay-1, e.Period.End.Time().Add(-time.Second)
			e.IDsMissing = int64(len(empty)) * perDay
		})
	}
	tests := map[string]struct {
		facts Facts
		want  []string
	}{
		"nothing missing":          {read(week()...), []string{}},
		"a file was never there":   {read(without(2)...), []string{"um BTCUSDT 2024-03-03 file absent: 1 days, 1000 ids"}},
		"two that follow":          {read(without(2, 3)...), []string{"um BTCUSDT 2024-03-03..2024-03-04 file absent: 2 days, 2000 ids"}},
		"two apart":                {read(without(1, 4)...), []string{"um BTCUSDT 2024-03-02 file absent: 1 days, 1000 ids", "um BTCUSDT 2024-03-05 file absent: 1 days, 1000 ids"}},
		"a failed file":            {read(with(2, failing("line 3: odd"))...), []string{"um BTCUSDT 2024-03-03 file failed: 1 days, 1000 ids"}},
		"a failed file at the end": {read(with(6, failing("line 3: odd"))...), []string{"um BTCUSDT 2024-03-07 file failed: 1 days, 0 ids"}},
		"a truncated file":         {read(with(2, failing("x: its compressed data ends too early"))...), []string{"um BTCUSDT 2024-03-03 file truncated: 1 days, 1000 ids"}},
		"ids inside a file":        {read(with(2, func(e *ledger.Entry) { e.IDsMissing = 5 })...), []string{"um BTCUSDT 2024-03-03 hole in file: 0 days, 5 ids"}},
		"a file that ends at noon": {
			read(with(2, func(e *ledger.Entry) { e.LastID -= 500; e.LastTradeAt = e.LastTradeAt.Add(-12 * time.Hour) })...),
			[]string{"um BTCUSDT 2024-03-03 file truncated: 0 days, 500 ids"},
		},
		"a file that begins at noon": {
			read(with(2, func(e *ledger.Entry) { e.FirstID += 500; e.FirstTradeAt = e.FirstTradeAt.Add(12 * time.Hour) })...),
			[]string{"um BTCUSDT 2024-03-03 file truncated: 0 days, 500 ids"},
		},
		"ids between whole files":   {read(with(2, func(e *ledger.Entry) { e.FirstID += 7 })...), []string{"um BTCUSDT 2024-03-03 published hole: 0 days, 7 ids"}},
		"a month with an empty day": {read(append(week(), monthly(day0(t, "2024-02-10")))...), []string{"um BTCUSDT 2024-02-10 published hole: 1 days, 1000 ids"}},
		"which a daily file brought": {
			read(append(week(), monthly(day0(t, "2024-02-10")), file(btc, day0(t, "2024-02-10")))...),
			[]string{"um BTCUSDT 2024-02-01..2024-02-29 hole in file: 0 days, 1000 ids"},
		},
		"a rarely traded symbol": {
			read(with(2, func(e *ledger.Entry) {
				e.LastID, e.RowsInserted, e.LastTradeAt = e.FirstID+3, 4, e.LastTradeAt.Add(-4*time.Hour)
			})...),
			[]string{"um BTCUSDT 2024-03-04 published hole: 0 days, 996 ids"},
		},
		"failed once, then brought by a month": {
			read(monthly(), file(btc, day0(t, "2024-02-10"), failing("x"))), []string{},
		},
		"asked for more days": {asking(t, read(week()...), "2024-02-28", "2024-03-09"), []string{
			"um BTCUSDT 2024-02-28..2024-02-29 file absent: 2 days, 0 ids", "um BTCUSDT 2024-03-08..2024-03-09 file absent: 2 days, 0 ids",
		}},
		"asked for fewer":         {asking(t, read(without(1, 4)...), "2024-03-04", "2024-03-06"), []string{"um BTCUSDT 2024-03-05 file absent: 1 days, 1000 ids"}},
		"not before the day ends": {asking(t, read(files(t, btc, "2024-03-15", "2024-03-18")...), "2024-03-15", "2024-12-31"), []string{"um BTCUSDT 2024-03-19 file absent: 1 days, 0 ids"}},
		"a file waits": {
			onDisk(read(without(3)...), source.File{Path: "/d/x", Series: btc, Period: catalog.DayPeriod(d + 3)}, source.File{Path: "/d/y", Series: btc, Period: catalog.DayPeriod(d + 7)}),
			[]string{"um BTCUSDT 2024-03-04 file not loaded: 1 days, 1000 ids", "um BTCUSDT 2024-03-08 file not loaded: 1 days, 0 ids"},
		},
		"by snapshot: absent, failed, empty": {
			snapshotOf(read(append(slices.Delete(with(2, failing("line 3: odd")), 4, 5), monthly(day0(t, "2024-02-10")))...)),
			[]string{
				"um BTCUSDT 2024-02-10 published hole: 1 days, 0 ids", "um BTCUSDT 2024-03-03 file failed: 1 days, 0 ids", "um BTCUSDT 2024-03-05 file absent: 1 days, 0 ids",
			},
		},
		"counted: a day of which rows were deleted": {counted(read(week()...), btc, d, 7, 3), []string{"um BTCUSDT 2024-03-04 rows absent: 1 days, 1000 ids"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, gapsOf(Build(tt.facts))); diff != "" {
				t.Errorf("gaps (-want +got):\n%s", diff)
			}
		})
	}
}

// asking narrows facts to some days.
func asking(tb testing.TB, f Facts, first, last string) Facts {
	tb.Helper()
	a, b := day0(tb, first), day0(tb, last)
	f.Options.First, f.Options.Last = &a, &b
	return f
}

func onDisk(f Facts, files ...source.File) Facts {
	f.Disk = files
	return f
}

// counted adds a scan of days from first on, each whole but for those in without.
func counted(f Facts, s catalog.Series, first catalog.Day, days int, without ...int) Facts {
	f.Options.Scan = true
	for i := range days {
		if slices.Contains(without, i) {
			continue
		}
		e := file(s, first+catalog.Day(i))
		f.Days = append(f.Days, store.DayCount{Series: s, Day: e.Period.First, Rows: perDay, FirstID: e.FirstID, LastID: e.LastID, FirstAt: e.FirstTradeAt, LastAt: e.LastTradeAt})
	}
	return f
}

// TestGapsAddUp: whatever the ledger is like, the gaps lack as many ids as the ledger's own count says, and as many days as the table shows.
func TestGapsAddUp(t *testing.T) {
	t.Parallel()
	btc := series(catalog.UM, "BTCUSDT")
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		var entries []ledger.Entry
		for i := range catalog.Day(60) {
			d := day0(t, "2024-01-01") + i
			switch r.IntN(8) {
			case 0:
			case 1:
				entries = append(entries, file(btc, d, failing("x")))
			case 2:
				entries = append(entries, file(btc, d, func(e *ledger.Entry) { e.IDsMissing = int64(r.IntN(9)) }))
			case 3:
				entries = append(entries, file(btc, d, func(e *ledger.Entry) {
					e.FirstID += int64(r.IntN(400))
					e.LastID -= int64(r.IntN(400))
					e.FirstTradeAt, e.LastTradeAt = e.FirstTradeAt.Add(time.Duration(r.IntN(9))*time.Hour), e.LastTradeAt.Add(-time.Duration(r.IntN(9))*time.Hour)
				}))
			default:
				entries = append(entries, file(btc, d))
			}
		}
		if r.IntN(2) == 0 {
			entries = append(entries, file(btc, day0(t, "2024-02-01"), func(e *ledger.Entry) {
				e.FilePath, e.Period, e.DaysMissing = "/m", catalog.MonthPeriod(2024, 2), []catalog.Day{day0(t, "2024-02-04"), day0(t, "2024-02-20")}
				e.LastID, e.LastTradeAt, e.IDsMissing = e.FirstID+29*perDay-1, e.Period.End.Time().Add(-time.Second), 2*perDay
			}))
		}
		report := Build(read(entries...))
		want := ledger.Build(entries, nil, ledger.Meta{})
		if len(report.Series) != 1 {
			t.Fatalf("seed %d: %d series", seed, len(report.Series))
		}
		s := report.Series[0]
		var ids int64
		days := 0
		for _, g := range report.Gaps {
			ids += g.IDsMissing
			days += g.Days
		}
		if ids != want.Series[0].IDsMissing || ids != s.IDsMissing {
			t.Errorf("seed %d: the gaps lack %d ids, the table %d, the ledger's count says %d", seed, ids, s.IDsMissing, want.Series[0].IDsMissing)
		}
		if days != s.DaysMissing || s.Days+s.DaysMissing != s.span.Days() {
			t.Errorf("seed %d: the gaps lack %d days, the table %d of %d", seed, days, s.DaysMissing, s.span.Days())
		}
		if first := want.Series[0].MissingDays(); s.DaysMissing < first {
			t.Errorf("seed %d: %d days missing, fewer than the %d that check_ingest_db --gaps counts", seed, s.DaysMissing, first)
		}
	}
}

func TestWhatRuns(t *testing.T) {
	t.Parallel()
	free := read()
	held := snapshotOf(read())
	died := read()
	died.Status, died.End = running(died.Path), runstate.RunDied
	hung := held
	old := *held.Status
	old.HeartbeatAt = at().Add(-time.Hour)
	hung.Status = &old
	silent := held
	silent.Status, silent.Use.Run = nil, nil
	other := held
	other.Status, other.Snapshot = nil, nil
	other.Use = store.Use{Mode: runstate.DBWriter, Holder: runstate.Holder{PID: 12, Program: "python3 x.py", User: "bob"}}
	creating := Facts{At: at(), Creating: true, Status: held.Status, Holder: held.Holder}
	for name, tt := range map[string]struct {
		facts     Facts
		now, from string
		outcome   Outcome
	}{
		"nothing": {free, "No load is running.", "From the database's ledger.", ""},
		"a load": {
			held, "A load runs: PID 4711 (ingest-aggtrades, user ingest), 10 of 40 files (25%), 1 failed, 12,345,678 rows (812.3k/s), ETA 29m 57s, since 10m.",
			"From the ledger snapshot of 2024-03-20 11:59:55 UTC, 5s old, since a load holds the database.", RunRunning,
		},
		"a load that hangs": {
			hung, "A load hangs: PID 4711 (ingest-aggtrades, user ingest) gave no sign of life for 1h, 10 of 40 files (25%), 1 failed, 12,345,678 rows (812.3k/s), since 10m.",
			"From the ledger snapshot of 2024-03-20 11:59:55 UTC, 5s old, since a load holds the database.", RunRunning,
		},
		"one that says nothing": {
			silent, "A load runs: PID 4711 (ingest-aggtrades, user ingest), which says nothing about itself yet.",
			"From the ledger snapshot of 2024-03-20 11:59:55 UTC, 5s old, since a load holds the database.", RunEnded,
		},
		"somebody else": {
			other, "The database is held by PID 12 (python3 x.py, user bob), which is no load that is known.",
			"What is loaded is not known: another process holds the database, and there is no ledger snapshot yet.", "",
		},
		"a first load": {
			creating, "A load runs: PID 4711 (ingest-aggtrades, user ingest), 10 of 40 files (25%), 1 failed, 12,345,678 rows (812.3k/s), ETA 29m 57s, since 10m.",
			"What is loaded is not known: a load is creating the database, and there is no ledger snapshot yet.", RunRunning,
		},
		"one that died": {died, "No load is running.", "From the database's ledger.", RunDied},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := Build(tt.facts)
			if r.now() != tt.now || r.from() != tt.from {
				t.Errorf("%s\n%s\nwant\n%s\n%s", r.now(), r.from(), tt.now, tt.from)
			}
			var outcome Outcome
			if n := len(r.Runs); n > 0 {
				outcome = r.Runs[n-1].Outcome
			}
			if outcome != tt.outcome {
				t.Errorf("the last run %q, want %q", outcome, tt.outcome)
			}
		})
	}
}

func TestNotes(t *testing.T) {
	t.Parallel()
	scripts := ledger.Entry{FilePath: "/old.csv", Symbol: "BTCUSDT", Status: ledger.Success, RowCount: 50, FirstID: -1, LastID: -1}
	noLedger := read()
	noLedger.NoLedger = true
	more, fewer := read(file(series(catalog.UM, "X"), 19700)), read(file(series(catalog.UM, "X"), 19700))
	rows := []int64{1500, 100}
	more.Rows, fewer.Rows = &rows[0], &rows[1]
	busy := snapshotOf(read())
	busy.Options.Scan = true
	for name, tt := range map[string]struct {
		facts Facts
		want  []string
	}{
		"none":                {read(), []string{}},
		"of the scripts":      {read(scripts), []string{"1 file was loaded by the Python scripts, whose ledger does not tell their days; --scan finds these in the rows themselves"}},
		"no ledger":           {noLedger, []string{"the database has no ledger (table ingestion_log), so what was loaded is not recorded; --scan finds days and ids in the rows themselves"}},
		"rows of no file":     {more, []string{"the table holds 500 rows that no file of the ledger accounts for"}},
		"rows that are gone":  {fewer, []string{"the table holds 900 rows less than the ledger accounts for: another program deleted them, or the ledger is of another database"}},
		"a scan while loaded": {busy, []string{"rows could not be read (--scan) while the database is held"}},
	} {
		if diff := cmp.Diff(tt.want, Build(tt.facts).Notes); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestRowsOfDays: a day's rows are those of its daily file, else the average of the monthly one, and those of the table where it was read.
func TestRowsOfDays(t *testing.T) {
	t.Parallel()
	btc := series(catalog.UM, "BTCUSDT")
	month := file(btc, day0(t, "2024-02-01"), func(e *ledger.Entry) {
		e.FilePath, e.Period, e.RowsInserted = "/m", catalog.MonthPeriod(2024, 2), 2800
	})
	daily := file(btc, day0(t, "2024-02-10"))
	days := Build(read(month, daily)).Series[0].days
	if d := days[0]; d.rows != 100 || !d.about {
		t.Errorf("a day of the month: %+v", d)
	}
	if d := days[9]; d.rows != perDay || d.about {
		t.Errorf("a day of its own: %+v", d)
	}
	days = Build(counted(read(month, daily), btc, month.Period.First, 29)).Series[0].days
	if d := days[0]; d.rows != perDay || d.about {
		t.Errorf("a day that was counted: %+v", d)
	}
}
