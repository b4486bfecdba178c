package dbcheck

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/internal/checkcli"
	"github.com/check-ingest/check-ingest/internal/checktest"
	"github.com/check-ingest/check-ingest/internal/nagios"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/store"
)

// TestUnprivileged: the check works as a user who may only read, and says what that user may not.
func TestUnprivileged(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to act as two users")
	}
	const wal = "write INSERT INTO aggtrades_history (agg_trade_id, timestamp, symbol, price, quantity, side, market) SELECT i + 400, TIMESTAMP '2024-01-04', 'BTCUSDT', 1, 1, 'buy', 'um' FROM range(10) r(i)"
	mode := func(path string, mode fs.FileMode) func(*world) {
		return func(w *world) { w.sound(); w.Must(os.Chmod(filepath.Join(w.Dir, path), mode)) }
	}
	tests := map[string]struct {
		make func(w *world)
		args []string
		code string
		want string // the first line's beginning
	}{
		"may read it":             {sound, nil, "0", "INGEST DB OK: " + fine + perfSound},
		"may read all of it":      {sound, []string{"--deep", "--blocks", "--gaps"}, "0", "INGEST DB OK: " + fine + ", no days"},
		"may read no file of it":  {mode("t.duckdb", 0o600), nil, "3", "INGEST DB UNKNOWN: DIR/t.duckdb may not be read by user USER: it belongs to OWNER, with mode 0600 |"},
		"may not search a folder": {func(w *world) { w.Must(os.Mkdir(w.Path, 0o700)); w.Path += "/t.duckdb"; w.sound() }, nil, "3", "INGEST DB UNKNOWN: DIR/t.duckdb/t.duckdb: permission denied\n"},
		"may only read the folder": {
			func(w *world) { w.sound(); w.Must(os.Chmod(w.Path, 0o444)); w.Must(os.Chmod(w.Dir, 0o555)) }, nil, "0", "INGEST DB OK: " + fine + perfSound,
		},
		"may read the log of a killed writer": {
			func(w *world) { w.sound(); w.Killed(wal); w.Must(os.Chmod(w.Path+".wal", 0o644)) }, nil, "0", "INGEST DB OK: 510 rows",
		},
		"may not read the log": {
			func(w *world) { w.sound(); w.Killed(wal); w.Must(os.Chmod(w.Path+".wal", 0o600)) }, nil,
			"3", "INGEST DB UNKNOWN: DIR/t.duckdb.wal may not be read by user USER: it belongs to OWNER, with mode 0600 |",
		},
		"sees who writes": {
			func(w *world) { w.sound(); w.Play("write") }, nil, "2",
			"INGEST DB CRITICAL: DIR/t.duckdb is held open for writing by PROCESS, so nobody else can read or load it |",
		},
		"sees the loader of another user": {
			func(w *world) { w.sound(); w.snapshot(time.Minute, files()...); w.Play("load 1s") }, nil, "0",
			"INGEST DB OK: being loaded by PROCESS, 1 of 4 files (25%), 5,000,000 rows, ETA 3h. By the ledger snapshot of 1m ago: 500 rows, 2 symbols",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Must(os.Chmod(filepath.Dir(w.Dir), 0o755))
			tc.make(w)
			before := w.Listing()
			if code, out := w.AsNobody(tc.args...); code != tc.code || !strings.HasPrefix(out, tc.want) {
				t.Errorf("exit code %s, want %s, output\n%s\nwant\n%s", code, tc.code, out, tc.want)
			}
			if diff := cmp.Diff(before[1:], w.Listing()[1:]); diff != "" {
				t.Errorf("the folder changed (-before +after):\n%s", diff)
			}
		})
	}
}

// TestOutOfTime: a scan that takes too long ends in time, and says at which stage it was.
func TestOutOfTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sound()
	w.Execute("INSERT INTO aggtrades_history (agg_trade_id, timestamp, symbol, price, quantity, side, market) SELECT i + 1000, make_timestamp(1704067200000000 + i), 'BTCUSDT', 1, hash(i) % 1000, 'buy', 'um' FROM range(2000000) r(i)")
	code, out := run("--db", w.Path, "--deep", "--blocks", "-t", "20ms", "--timeout-state=warning")
	if want := regexp.MustCompile(`^INGEST DB WARNING: timed out after 20ms( while [a-z]+ing .*)?\n`); code != 1 || !want.MatchString(out) {
		t.Errorf("exit code %d, %q", code, out)
	}
}

// TestOtherChecksAreNoNews: a check that reads the database at the same moment is not worth a line.
func TestOtherChecksAreNoNews(t *testing.T) {
	t.Parallel()
	for program, want := range map[string]bool{"check_ingest_log": false, "duckdb": true} {
		c := Cmd{}
		o := observation{use: store.Use{Mode: runstate.DBReaders, Holder: runstate.Holder{PID: 7, Program: program}}, inside: &inside{schema: errors.New("x")}}
		if got := strings.Contains(strings.Join(c.notes(o, at()), "\n"), "has it open for reading"); got != want {
			t.Errorf("%s: %t", program, got)
		}
	}
}

// TestWriterGetsIn: what the check left behind keeps no writer out.
func TestWriterGetsIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sound()
	if code, out := run("--db", w.Path, "--gaps", "--deep", "--blocks"); code != 0 {
		t.Fatalf("exit code %d, %q", code, out)
	}
	w.Play("write")
}

// TestEvaluateWhatNoProcessOfATestCanBe judges holders in another PID namespace and what else takes more than a test to set up.
func TestEvaluateWhatNoProcessOfATestCanBe(t *testing.T) {
	t.Parallel()
	status := &runstate.Status{PID: 7, Phase: runstate.PhasePlan, StartedAt: at().Add(-time.Minute), HeartbeatAt: at(), HeartbeatEvery: 2}
	tests := map[string]struct {
		o    observation
		want string
	}{
		"a writer that cannot be seen": {
			observation{path: "/t.duckdb", sized: true, size: 5, use: store.Use{Mode: runstate.DBWriter}},
			"INGEST DB CRITICAL: /t.duckdb is held open for writing by a process that cannot be seen from here, so nobody else can read or load it\n" +
				"[CRITICAL] /t.duckdb is held open for writing by a process that cannot be seen from here, so nobody else can read or load it. " +
				"Wait for it to end; to see who it is, run the check as root on the host that runs it.\n| size=5B;;;0 wal_size=0B;;;0\n",
		},
		"the loader, which has published nothing": {
			observation{path: "/t.duckdb", sized: true, size: 5, walSize: -1, use: store.Use{Mode: runstate.DBWriter, Loading: true, Holder: runstate.Holder{PID: 7, Program: "ingest-aggtrades"}}},
			"INGEST DB OK: being loaded by PID 7 (ingest-aggtrades). What it holds is not known, since there is no ledger snapshot yet | size=5B;;;0\n",
		},
		"the loader, which plans": {
			observation{path: "/t.duckdb", walSize: -1, use: store.Use{Mode: runstate.DBWriter, Loading: true, Run: status, Holder: runstate.Holder{PID: 7}}},
			"INGEST DB OK: being loaded by PID 7, phase plan. What it holds is not known, since there is no ledger snapshot yet | heartbeat_age=0s;;;0\n",
		},
		"a database that a writer takes again and again": {
			observation{path: "/t.duckdb", walSize: -1, fault: &store.Error{Kind: store.KindHeld, Path: "/t.duckdb", Text: "is held open by PID 7 (python3 report.py, user bob)", Remedy: "wait until that process is done"}},
			"INGEST DB CRITICAL: /t.duckdb is held open by PID 7 (python3 report.py, user bob)\n" +
				"[CRITICAL] /t.duckdb is held open by PID 7 (python3 report.py, user bob). Wait until that process is done.\n",
		},
		"a disk that errs": {
			observation{path: "/t.duckdb", walSize: -1, fault: &store.Error{Kind: store.KindIO, Path: "/t.duckdb", Text: "input/output error", Remedy: "look at the disk (dmesg)"}},
			"INGEST DB CRITICAL: /t.duckdb: input/output error\n[CRITICAL] /t.duckdb: input/output error. Look at the disk (dmesg).\n",
		},
		"a log that takes too much memory": {
			observation{path: "/t.duckdb", walSize: -1, fault: &store.Error{Kind: store.KindMemory, Path: "/t.duckdb", Text: "has a write-ahead log that takes more memory", Remedy: "the next load replays it"}},
			"INGEST DB UNKNOWN: /t.duckdb has a write-ahead log that takes more memory\n" +
				"[UNKNOWN] /t.duckdb has a write-ahead log that takes more memory. The next load replays it.\n",
		},
		"what nobody thought of": {
			observation{path: "/t.duckdb", walSize: -1, fault: errors.New("something new")},
			"INGEST DB UNKNOWN: something new\n[UNKNOWN] something new\n",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := Cmd{Missing: nagios.Critical, Busy: nagios.Critical, IngestBusy: nagios.OK}
			thresholds, err := nagios.ParseThresholds(c.Metrics(), nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			rep := nagios.Judge("INGEST DB", c.evaluate(tc.o, at()), c.Metrics(), thresholds)
			if diff := cmp.Diff(tc.want, string(rep.Plugin(1))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	checktest.Usage(t, check(), map[string]struct {
		Args []string
		Want string
	}{
		"no database":                      {nil, "give --db=FILE, the database to look at"},
		"an empty lock file":               {[]string{"--db=x", "--lock-file="}, "--lock-file: is empty"},
		"a symbol of two parts":            {[]string{"--db=x", "--symbol=../x"}, `--symbol: symbol "../x": character '.', expected letters, digits and '_'`},
		"an unknown market":                {[]string{"--db=x", "--market=forex"}, `--market: market "forex": expected spot, um or cm`},
		"an unknown state":                 {[]string{"--db=x", "--busy=fine"}, `--busy: state "fine": expected ok, warning, critical or unknown`},
		"a threshold on what is not asked": {[]string{"--db=x", "-w", "days_missing=1"}, "--warning: metric days_missing is measured only with --gaps"},
		"a threshold on what is not read":  {[]string{"--db=x", "-c", "duplicates=1"}, "--critical: metric duplicates is measured only with --deep"},
		"a size for a time":                {[]string{"--db=x", "-w", "5GB"}, "--warning: metric age:"},
	})
}

func TestHelp(t *testing.T) {
	t.Parallel()
	checktest.Help(t, run)
}

func TestSettings(t *testing.T) {
	t.Parallel()
	model, err := checkcli.Model[Cmd]("INGEST DB")
	checktest.Settings(t, "check_ingest_db", model, err)
}
