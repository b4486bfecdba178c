package logcheck

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/checktest"
	"github.com/check-ingest/check-ingest/internal/e2e/olddb"
	"github.com/check-ingest/check-ingest/internal/ledger"
)

// state is a history that a database can have, and what the check says about it.
type state struct {
	make  func(w *world)
	args  []string
	code  int
	first string // the first line after the name, performance data included
}

// TestStates has a row for every state, made of real files and processes. What the check says with -v, remedies among it, is in a golden file.
func TestStates(t *testing.T) {
	t.Parallel()
	tests := states()
	checktest.States(t, "testdata/states.golden", slices.Collect(maps.Keys(tests)), func(t *testing.T, name string) string {
		t.Helper()
		return observe(t, tests[name])
	})
}

// observe makes the state, compares what the check says in each form, and gives what it says with -v.
func observe(t *testing.T, s state) string {
	t.Helper()
	w := newWorld(t)
	s.make(w)
	return w.Observe(s.code, s.first, w.Args(s.args...)...)
}

func states() map[string]state {
	all := map[string]state{}
	for _, group := range []map[string]state{statesOfFiles(), statesOfLedgers(), statesOfRuns(), statesOfOtherTraces(), statesHeld()} {
		maps.Copy(all, group)
	}
	return all
}

const (
	none  = " | failed=0;;0;0 partial=0;0;;0 success=0;;;0"
	perf2 = " | failed=0;;0;0 partial=0;0;;0 success=2;;;0 success_age=86400s;;;0"
	ran   = " run_age=10800s;;;0 rows=20000000;;;0 rows_per_second=250000;;;0"
	old   = " run_age=86400s;;;0 rows=200;;;0" // by the ledger alone
	fine  = "2 files loaded, none failed, the last one 1d ago, "
)

// byLedger is all that can be said of a run that left nothing but the ledger.
const byLedger = "the last run recorded a file 1d ago, and nothing tells how it ended"

func statesOfFiles() map[string]state {
	const cannot = "UNKNOWN: the ledger cannot be read: DIR/t.duckdb"
	const nothing = "OK: nothing was loaded yet, DIR/t.duckdb does not exist" + none
	content := func(text string) func(*world) { return func(w *world) { w.Write(text) } }
	return map[string]state{
		"nothing ever ran":                       {func(*world) {}, nil, 0, nothing},
		"nothing ever ran, and a success is due": {func(*world) {}, []string{"-c", "success_age=1d"}, 2, "CRITICAL: no file was loaded yet" + none},
		"nothing ever ran, and a run is due":     {func(*world) {}, []string{"-w", "run_age=1d"}, 1, "WARNING: no run is known" + none},
		"missing with its folder":                {func(w *world) { w.Path = filepath.Join(w.Dir, "no", "t.duckdb") }, nil, 3, "UNKNOWN: the ledger cannot be read: DIR/no/t.duckdb: its folder does not exist"},
		"a symlink that leads nowhere":           {func(w *world) { w.Must(os.Symlink("gone", w.Path)) }, nil, 3, cannot + " is a symlink to a file that does not exist"},
		"a folder":                               {func(w *world) { w.Must(os.Mkdir(w.Path, 0o755)) }, nil, 3, cannot + " is not a regular file"},
		"text":                                   {content("1,2,3\n"), nil, 3, cannot + " is not a DuckDB database but text"},
		"empty":                                  {content(""), nil, 3, cannot + " is empty and no database"},
		"damaged":                                {func(w *world) { w.Write(string(template[:len(template)-1])) }, nil, 3, cannot + " is damaged: it ends before its content does"},
		"another DuckDB database":                {func(w *world) { w.Execute("CREATE TABLE t AS SELECT 1 AS i") }, nil, 3, cannot + " has no table ingestion_log, so nothing is known of loads into it"},
		"damaged, and the last run failed": {
			func(w *world) { w.Write(string(template[:len(template)-1])); w.ran(3, "t.duckdb is damaged") }, nil, 2,
			"CRITICAL: the last run ended 3h ago: t.duckdb is damaged (exit code 3). the ledger cannot be read: DIR/t.duckdb is damaged: it ends before its content does |" + ran,
		},
		"missing, and the last run failed": {
			func(w *world) { w.ran(5, "not enough space in DIR") }, nil, 2,
			"CRITICAL: the last run ended 3h ago: not enough space in DIR (exit code 5)" + none + ran,
		},
	}
}

func statesOfLedgers() map[string]state {
	with := func(entries ...ledger.Entry) func(*world) { return func(w *world) { w.loaded(entries...) } }
	bad := file("BTCUSDT", 3, failed)
	const badText = "1 file failed, the latest BTCUSDT-aggTrades-2024-01-03.csv: line 7: price \"1e5\": invalid number"
	const left = "1 file loaded in part, the latest BTCUSDT-aggTrades-2024-01-03.csv: 2 rows left out: the database holds other trades with their ids"
	var many []ledger.Entry
	for i := range 60 {
		many = append(many, file("BTCUSDT", 3, func(e *ledger.Entry) {
			e.FilePath = fmt.Sprintf("/data/F%02d-aggTrades-2024-01-03.csv", i)
			failed(e)
			e.ProcessedAt = e.ProcessedAt.Add(time.Duration(i) * time.Minute)
		}))
	}
	scripts := func(rows string) func(*world) {
		return func(w *world) {
			w.Execute(append(olddb.Shapes()[0].Statements(), "INSERT INTO ingestion_log VALUES ('/a.csv', 'BTCUSDT', TIMESTAMP '2024-01-04', 100, 'success', NULL, 5000, 10)"+rows)...)
		}
	}
	narrow := func(w *world) {
		w.loaded(append(two(), bad, file("ETHUSDT", 2, func(e *ledger.Entry) { e.Market = catalog.Spot; partial(e) }))...)
	}
	return map[string]state{
		"a new database":                      {with(), nil, 0, "OK: nothing was loaded yet" + none},
		"two files":                           {with(two()...), nil, 0, "OK: " + fine + byLedger + perf2 + old},
		"one file":                            {with(two()[1]), nil, 0, "OK: 1 file loaded, none failed, the last one 1d ago, " + byLedger + " | failed=0;;0;0 partial=0;0;;0 success=1;;;0 success_age=86400s;;;0 run_age=86400s;;;0 rows=100;;;0"},
		"a file failed":                       {with(append(two(), bad)...), nil, 2, "CRITICAL: " + badText + ", limit 0" + strings.Replace(perf2, "failed=0", "failed=1", 1) + old},
		"a file failed, which is a warning":   {with(append(two(), bad)...), []string{"-w", "0"}, 1, "WARNING: " + badText + ", limit 0" + strings.Replace(perf2, "failed=0;;0", "failed=1;0;", 1) + old},
		"a file failed, which is fine":        {with(append(two(), bad)...), []string{"-c", "1"}, 0, "OK: 2 files loaded, 1 failed, the last one 1d ago, " + byLedger + strings.Replace(perf2, "failed=0;;0", "failed=1;;1", 1) + old},
		"every file failed":                   {with(bad), nil, 2, "CRITICAL: " + badText + ", limit 0 | failed=1;;0;0 partial=0;0;;0 success=0;;;0 run_age=86400s;;;0 rows=0;;;0"},
		"every file failed, a success is due": {with(bad), []string{"-w", "success_age=1h"}, 2, "CRITICAL: " + badText + ", limit 0. no file was loaded yet | failed=1;;0;0 partial=0;0;;0 success=0;;;0 run_age=86400s;;;0 rows=0;;;0"},
		"sixty files failed": {
			with(many...), nil, 2,
			"CRITICAL: 60 files failed, the latest F59-aggTrades-2024-01-03.csv: line 7: price \"1e5\": invalid number, limit 0 | failed=60;;0;0 partial=0;0;;0 success=0;;;0 run_age=82860s;;;0 rows=0;;;0",
		},
		"a file in part": {
			with(append(two(), file("BTCUSDT", 3, partial))...), nil, 1,
			"WARNING: " + left + ", limit 0 | failed=0;;0;0 partial=1;0;;0 success=2;;;0 success_age=86400s;;;0 run_age=86400s;;;0 rows=298;;;0",
		},
		"a file in part, which is fine": {
			with(append(two(), file("BTCUSDT", 3, partial))...),
			[]string{"-w", "partial=1"},
			0,
			"OK: 3 files loaded, none failed, 1 in part, the last one 1d ago, " + byLedger + " | failed=0;;0;0 partial=1;1;;0 success=2;;;0 success_age=86400s;;;0 run_age=86400s;;;0 rows=298;;;0",
		},
		"an error with what could break the output": {
			with(file("BTCUSDT", 3, func(e *ledger.Entry) { failed(e); e.ErrorMessage = "a|b=1\nc;d<e>\x1b[31m" })), nil, 2,
			"CRITICAL: 1 file failed, the latest BTCUSDT-aggTrades-2024-01-03.csv: a!b=1 c,d(e)?[31m, limit 0 | failed=1;;0;0 partial=0;0;;0 success=0;;;0 run_age=86400s;;;0 rows=0;;;0",
		},
		"a success is long ago":           {with(two()...), []string{"-w", "success_age=12h", "-c", "success_age=2d"}, 1, "WARNING: the last file was loaded 1d ago, limit 12h" + strings.Replace(perf2, "86400s;;;0", "86400s;43200;172800;0", 1) + old},
		"a success is too long ago":       {with(two()...), []string{"-c", "success_age=12h"}, 2, "CRITICAL: the last file was loaded 1d ago, limit 12h" + strings.Replace(perf2, "86400s;;;0", "86400s;;43200;0", 1) + old},
		"by symbol":                       {narrow, []string{"--symbol=ETHUSDT", "-w", "partial=1"}, 0, "OK: 2 files loaded, none failed, 1 in part, the last one 1d ago, " + byLedger + " | failed=0;;0;0 partial=1;1;;0 success=1;;;0 success_age=86400s;;;0 run_age=86400s;;;0 rows=298;;;0"},
		"by market":                       {narrow, []string{"--market=spot", "-w", "partial=1"}, 0, "OK: 1 file loaded, none failed, 1 in part, " + byLedger + " | failed=0;;0;0 partial=1;1;;0 success=0;;;0 run_age=86400s;;;0 rows=298;;;0"},
		"by a symbol without files":       {narrow, []string{"--symbol=X"}, 0, "OK: 0 files loaded, none failed, " + byLedger + none + " run_age=86400s;;;0 rows=298;;;0"},
		"the scripts' ledger":             {scripts(""), nil, 0, "OK: 1 file loaded, none failed, the last one 1d ago | failed=0;;0;0 partial=0;0;;0 success=1;;;0 success_age=86400s;;;0"},
		"the scripts' ledger, by market":  {scripts(""), []string{"--market=um", "--symbol=BTCUSDT"}, 0, "OK: 1 file loaded, none failed, the last one 1d ago | failed=0;;0;0 partial=0;0;;0 success=1;;;0 success_age=86400s;;;0"},
		"the scripts' ledger, empty":      {func(w *world) { w.Execute(olddb.Shapes()[0].Statements()...) }, nil, 0, "OK: nothing was loaded yet" + none},
		"the scripts' table and no other": {func(w *world) { w.Execute(olddb.Shapes()[2].Statements()...) }, nil, 3, "UNKNOWN: the ledger cannot be read: DIR/t.duckdb has no table ingestion_log, so nothing is known of loads into it"},
		"the scripts' ledger, a failure": {
			scripts(", ('/b.csv', 'BTCUSDT', TIMESTAMP '2024-01-04 12:00', 0, 'failed', 'no such column', 5000, 10)"), nil, 2,
			"CRITICAL: 1 file failed, the latest b.csv: no such column, limit 0 | failed=1;;0;0 partial=0;0;;0 success=1;;;0 success_age=86400s;;;0",
		},
		"a ledger of other columns": {
			func(w *world) { w.loaded(); w.Execute("ALTER TABLE ingestion_log DROP COLUMN status") }, nil, 3,
			"UNKNOWN: the ledger cannot be read: DIR/t.duckdb: its table ingestion_log has no column status",
		},
	}
}

// statesOfRuns are ways in which the last run can have ended.
func statesOfRuns() map[string]state {
	after := func(exit int, outcome string) func(*world) {
		return func(w *world) { w.loaded(two()...); w.ran(exit, outcome) }
	}
	const ended = "the last run ended 3h ago: "
	perf := perf2 + ran
	return map[string]state{
		"a run that ended well":              {after(0, "all files are loaded"), nil, 0, "OK: " + fine + ended + "all files are loaded" + perf},
		"a run some of whose files failed":   {after(1, "some files failed: 1 of 4"), nil, 1, "WARNING: " + ended + "some files failed: 1 of 4 (exit code 1)" + perf},
		"a run that found the database bad":  {after(3, "t.duckdb is damaged"), nil, 2, "CRITICAL: " + ended + "t.duckdb is damaged (exit code 3)" + perf},
		"a run that found nothing":           {after(4, "nothing to load"), nil, 1, "WARNING: " + ended + "nothing to load (exit code 4)" + perf},
		"a run without space":                {after(5, "not enough space in /data"), nil, 2, "CRITICAL: " + ended + "not enough space in /data (exit code 5)" + perf},
		"a run that found the database held": {after(75, "t.duckdb is held open by PID 7 (python3 report.py, user bob)"), nil, 1, "WARNING: " + ended + "t.duckdb is held open by PID 7 (python3 report.py, user bob) (exit code 75)" + perf},
		"a run that SIGINT stopped":          {after(130, "stopped by SIGINT"), nil, 1, "WARNING: " + ended + "stopped by SIGINT (exit code 130)" + perf},
		"a run that SIGHUP stopped":          {after(129, "stopped by SIGHUP"), nil, 1, "WARNING: " + ended + "stopped by SIGHUP (exit code 129)" + perf},
		"a run that SIGTERM stopped":         {after(143, "stopped by SIGTERM"), nil, 1, "WARNING: " + ended + "stopped by SIGTERM (exit code 143)" + perf},
		"a run that ended in another way":    {after(42, ""), nil, 2, "CRITICAL: " + strings.TrimSuffix(ended, ": ") + " with exit code 42" + perf},
		"a run long ago":                     {after(0, "fine"), []string{"-c", "run_age=1h"}, 2, "CRITICAL: the last run ended 3h ago, limit 1h" + strings.Replace(perf, "10800s;;;0", "10800s;;3600;0", 1)},
		"a run that loaded little":           {after(0, "fine"), []string{"-w", "rows=50000000:"}, 1, "WARNING: 20,000,000 rows loaded by the last run, limit 50,000,000" + strings.Replace(perf, "rows=20000000;;;0", "rows=20000000;50000000:;;0", 1)},
		"a run that was slow":                {after(0, "fine"), []string{"-w", "rows_per_second=1000000:"}, 1, "WARNING: 250,000 rows a second, limit 1,000,000" + strings.Replace(perf, "=250000;;;0", "=250000;1000000:;;0", 1)},
		"a run whose failed file is counted": {
			func(w *world) {
				w.loaded(append(two(), file("BTCUSDT", 3, failed))...)
				w.ran(1, "some files failed: 1 of 3")
			}, nil, 2,
			"CRITICAL: 1 file failed, the latest BTCUSDT-aggTrades-2024-01-03.csv: line 7: price \"1e5\": invalid number, limit 0" + strings.Replace(perf, "failed=0", "failed=1", 1),
		},
		"a run that was killed": {
			func(w *world) { w.loaded(two()...); w.Killed("load 5m") }, nil, 2,
			"CRITICAL: the last run died (killed, or the machine went down), its last sign of life was 5m ago" + perf2 + " run_age=300s;;;0 rows=5000000;;;0 rows_per_second=250000;;;0",
		},
		"a run that was killed before it had the database": {
			func(w *world) { w.Killed("lock 5m") }, nil, 2,
			"CRITICAL: the last run died (killed, or the machine went down), its last sign of life was 5m ago" + none + " run_age=300s;;;0 rows=5000000;;;0 rows_per_second=250000;;;0",
		},
		"a run into another database": {
			func(w *world) {
				w.loaded(two()...)
				w.Must(os.Rename(w.Path, w.Path+".kept"))
				w.ran(3, "this is not ours")
				w.Must(os.Rename(w.Path+".kept", filepath.Join(w.Dir, "other.duckdb")))
				w.Lock, w.Path = w.LockFile(), filepath.Join(w.Dir, "other.duckdb")
			}, nil, 0, "OK: " + fine + byLedger + perf2 + old,
		},
	}
}

// statesOfOtherTraces are runs whose status is gone or is not the latest: /tmp does not outlive the machine.
func statesOfOtherTraces() map[string]state {
	const recorded = " run_age=10800s;;;0 rows=7200000;;;0 rows_per_second=2000;;;0"
	return map[string]state{
		"only the snapshot tells of the run": {
			func(w *world) {
				w.loaded(two()...)
				w.snapshot("r8", 3*time.Hour, []ledger.Run{endedRun("r8", 0)}, two()...)
			}, nil, 0,
			"OK: " + fine + "the last run ended 3h ago: everything asked for is loaded, or was already" + perf2 + recorded,
		},
		"a run of the future, since the clock was wrong, and one after it": {
			func(w *world) {
				future := func(e *ledger.Entry) { e.ProcessedAt, e.RunID = at().AddDate(1, 0, 0), "r7" }
				entries := []ledger.Entry{file("BTCUSDT", 1, future), file("ETHUSDT", 3, nil)}
				w.loaded(entries...)
				r7 := endedRun("r7", 5)
				r7.StartedAt, r7.EndedAt = at().AddDate(1, 0, 0), at().AddDate(1, 0, 0)
				w.snapshot("r8", 3*time.Hour, []ledger.Run{r7, endedRun("r8", 0)}, entries...)
			}, nil, 0,
			"OK: " + fine + "the last run ended 3h ago: everything asked for is loaded, or was already" + perf2 + recorded,
		},
		"that, while another program holds the database": {
			func(w *world) {
				future := func(e *ledger.Entry) { e.ProcessedAt, e.RunID = at().AddDate(1, 0, 0), "r7" }
				entries := []ledger.Entry{file("BTCUSDT", 1, future), file("ETHUSDT", 3, nil)}
				w.loaded(entries...)
				r7 := endedRun("r7", 0)
				r7.StartedAt, r7.EndedAt = at().AddDate(1, 0, 0), at().AddDate(1, 0, 0)
				w.snapshot("r8", 3*time.Hour, []ledger.Run{r7, endedRun("r8", 5)}, entries...)
				w.Play("write")
			}, nil, 2,
			"CRITICAL: the last run ended 3h ago: not enough space on the database's file system (exit code 5)" + perf2 + recorded + " snapshot_age=10800s;;;0",
		},
		"only the snapshot tells of the failed run": {
			func(w *world) {
				w.loaded(two()...)
				w.snapshot("r8", 3*time.Hour, []ledger.Run{endedRun("r8", 5)}, two()...)
			}, nil, 2,
			"CRITICAL: the last run ended 3h ago: not enough space on the database's file system (exit code 5)" + perf2 + recorded,
		},
		"only the snapshot tells that the run died": {
			func(w *world) {
				w.loaded(two()...)
				w.snapshot("r9", 2*time.Hour, []ledger.Run{endedRun("r8", 0)}, two()...)
			}, nil, 2,
			"CRITICAL: the last run died (killed, or the machine went down), its last sign of life was 2h ago" + perf2 + " run_age=7200s;;;0",
		},
		"the status is of an older run than the snapshot": {
			func(w *world) {
				w.loaded(two()...)
				w.ran(3, "long ago")
				run := endedRun("r10", 0)
				run.StartedAt, run.EndedAt = ago(30*time.Minute), ago(20*time.Minute)
				w.snapshot("r10", 20*time.Minute, []ledger.Run{endedRun("r9", 3), run}, two()...)
			}, nil, 0,
			"OK: " + fine + "the last run ended 20m ago: everything asked for is loaded, or was already" + perf2 + " run_age=1200s;;;0 rows=7200000;;;0 rows_per_second=2000;;;0",
		},
		"the snapshot is of an older run than the status": {
			func(w *world) {
				w.loaded(two()...)
				w.ran(0, "fine")
				run := endedRun("r7", 5)
				run.StartedAt, run.EndedAt = ago(30*time.Hour), ago(29*time.Hour)
				w.snapshot("r7", 29*time.Hour, []ledger.Run{run}, two()...)
			}, nil, 0, "OK: " + fine + "the last run ended 3h ago: fine" + perf2 + ran,
		},
		"the snapshot and the status are of one run": {
			func(w *world) {
				w.loaded(two()...)
				w.ran(0, "fine")
				w.snapshot("r9", 3*time.Hour, []ledger.Run{endedRun("r9", 0)}, two()...)
			}, nil, 0, "OK: " + fine + "the last run ended 3h ago: fine" + perf2 + ran,
		},
		"a file was recorded after all that is told": {
			func(w *world) {
				w.loaded(append(two(), file("BTCUSDT", 4, func(e *ledger.Entry) { e.ProcessedAt, e.RunID = ago(time.Minute), "r11" }))...)
				w.ran(3, "long ago")
			}, nil, 0,
			"OK: 3 files loaded, none failed, the last one 1m ago, the last run recorded a file 1m ago, and nothing tells how it ended | failed=0;;0;0 partial=0;0;;0 success=3;;;0 success_age=60s;;;0 run_age=60s;;;0 rows=100;;;0",
		},
		"a snapshot that cannot be read": {
			func(w *world) { w.loaded(two()...); w.Must(os.WriteFile(ledger.PathFor(w.Path), []byte("{}"), 0o600)) }, nil, 0,
			"OK: " + fine + byLedger + perf2 + old,
		},
		"a lock file that is a folder": {
			func(w *world) { w.loaded(two()...); w.Must(os.Mkdir(w.Path+".lock", 0o755)) }, nil, 0, "OK: " + fine + byLedger + perf2 + old,
		},
	}
}

// statesHeld are databases that other processes use.
func statesHeld() map[string]state {
	const progress = "a load runs: PROCESS, 1 of 4 files (25%), 5,000,000 rows, ETA 3h, since 1h"
	const run = " run_age=0s;;;0 rows=5000000;;;0 rows_per_second=250000;;;0"
	const seen = " snapshot_age=90s;;;0"
	left := func(w *world, entries ...ledger.Entry) {
		w.loaded()
		w.snapshot("r9", 90*time.Second, []ledger.Run{endedRun("r8", 0)}, entries...)
	}
	return map[string]state{
		"a load runs":                     {func(w *world) { left(w, two()...); w.Play("load 1s") }, nil, 0, "OK: " + fine + progress + perf2 + run + seen},
		"a load runs for the first time":  {func(w *world) { w.loaded(); w.Play("load 1s") }, nil, 0, "OK: what it has loaded before is not known, since there is no ledger snapshot yet, " + progress + " |" + run},
		"a load creates the database":     {func(w *world) { w.Play("lock 1s") }, nil, 0, "OK: 0 files loaded, none failed, " + progress + none + run},
		"a load plans":                    {func(w *world) { left(w, two()...); w.Play("lock 1s") }, nil, 0, "OK: " + fine + progress + perf2 + run + seen},
		"a load runs, by symbol":          {func(w *world) { left(w, two()...); w.Play("load 1s") }, []string{"--symbol=BTCUSDT"}, 0, "OK: 1 file loaded, none failed, the last one 2d ago, " + progress + " | failed=0;;0;0 partial=0;0;;0 success=1;;;0 success_age=172800s;;;0" + run + seen},
		"a load runs, a success is due":   {func(w *world) { left(w, two()...); w.Play("load 1s") }, []string{"-c", "success_age=1h"}, 2, "CRITICAL: the last file was loaded 1d ago, limit 1h" + strings.Replace(perf2, "86400s;;;0", "86400s;;3600;0", 1) + run + seen},
		"a load runs, a run is never due": {func(w *world) { left(w, two()...); w.Play("load 1s") }, []string{"-c", "run_age=1s"}, 0, "OK: " + fine + progress + perf2 + strings.Replace(run, "0s;;;0", "0s;;1;0", 1) + seen},
		"a load that hangs":               {func(w *world) { left(w, two()...); w.Play("load 12h") }, nil, 2, "CRITICAL: a load hangs: PROCESS gave no sign of life for 12h" + perf2 + run + seen},
		"somebody reads":                  {func(w *world) { w.loaded(two()...); w.Play("read") }, nil, 0, "OK: " + fine + byLedger + perf2 + old},
		"somebody writes, no snapshot":    {func(w *world) { w.loaded(two()...); w.Play("write") }, nil, 3, "UNKNOWN: the ledger cannot be read: DIR/t.duckdb is held open for writing by PROCESS, and there is no ledger snapshot"},
		"somebody writes after a run": {func(w *world) {
			w.loaded(two()...)
			w.ran(0, "fine")
			w.snapshot("r9", 3*time.Hour, []ledger.Run{endedRun("r9", 0)}, two()...)
			w.Play("write")
		}, nil, 0, "OK: " + fine + "the last run ended 3h ago: fine" + perf2 + ran + " snapshot_age=10800s;;;0"},
		"somebody writes in mid-snapshot": {func(w *world) { left(w, two()...); w.Play("write") }, nil, 0, "OK: " + fine + "the last run recorded a file 1m 30s ago, and nothing tells how it ended" + perf2 + " run_age=90s;;;0" + seen},
		"a load runs whose lock is gone": {
			func(w *world) {
				w.loaded(two()...)
				w.Play("lock 1s")
				w.Must(os.Remove(w.Path + ".lock"))
				w.Must(os.WriteFile(w.Path+".lock", nil, 0o600))
			}, nil, 1,
			"WARNING: a load runs whose lock file was replaced or removed, so nothing keeps a second one out: PROCESS, 1 of 4 files (25%), 5,000,000 rows, ETA 3h, since 1h" + perf2 + run,
		},
		"a load runs, files failed": {
			func(w *world) {
				left(w, append(two(), file("BTCUSDT", 3, failed), file("SOLUSDT", 3, partial), ledger.Entry{FilePath: "/old.csv", Symbol: "XRPUSDT", Status: ledger.Failed, ErrorMessage: "no", ProcessedAt: ago(72 * time.Hour)})...)
				w.Play("load 1s")
			}, nil, 2,
			"CRITICAL: 2 files failed, the latest BTCUSDT-aggTrades-2024-01-03.csv: line 7: price \"1e5\": invalid number, limit 0. 1 file loaded in part, the latest SOLUSDT-aggTrades-2024-01-03.csv: 2 rows left out: the database holds other trades with their ids, limit 0" +
				" | failed=2;;0;0 partial=1;0;;0 success=2;;;0 success_age=86400s;;;0" + run + seen,
		},
		"a load into another database": {
			func(w *world) {
				w.Play("lock 1s")
				w.Lock, w.Path = w.LockFile(), filepath.Join(w.Dir, "other.duckdb")
				w.loaded(two()...)
			}, nil, 0, "OK: " + fine + byLedger + perf2 + old,
		},
	}
}
