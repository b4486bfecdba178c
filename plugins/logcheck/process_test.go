package logcheck

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/internal/checkcli"
	"github.com/check-ingest/check-ingest/internal/checktest"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/nagios"
	"github.com/check-ingest/check-ingest/internal/runstate"
)

// TestUnprivileged: the check works as a user who may only read, and says what that user may not.
func TestUnprivileged(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to act as two users")
	}
	tests := map[string]struct {
		make func(w *world)
		code string
		want string // the first line's beginning
	}{
		"may read it": {func(w *world) { w.loaded(two()...); w.ran(0, "fine") }, "0", "INGEST LOG OK: " + fine + "the last run ended 3h ago: fine" + perf2 + ran},
		"may not read the database": {
			func(w *world) { w.loaded(two()...); w.ran(0, "fine"); w.Must(os.Chmod(w.Path, 0o600)) },
			"3", "INGEST LOG UNKNOWN: the ledger cannot be read: DIR/t.duckdb may not be read by user USER: it belongs to OWNER, with mode 0600 |" + ran,
		},
		"sees a load of another user": {
			func(w *world) {
				w.loaded()
				w.snapshot("r9", time.Minute, []ledger.Run{endedRun("r8", 0)}, two()...)
				w.Play("load 1s")
			}, "0", "INGEST LOG OK: " + fine + "a load runs: PROCESS, 1 of 4 files (25%), 5,000,000 rows, ETA 3h, since 1h" + perf2,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Must(os.Chmod(filepath.Dir(w.Dir), 0o755))
			tc.make(w)
			before := w.Listing()
			if code, out := w.AsNobody(); code != tc.code || !strings.HasPrefix(out, tc.want) {
				t.Errorf("exit code %s, want %s, output\n%s\nwant\n%s", code, tc.code, out, tc.want)
			}
			if diff := cmp.Diff(before, w.Listing()); diff != "" {
				t.Errorf("the folder changed (-before +after):\n%s", diff)
			}
		})
	}
}

// TestEvaluateWhatNoProcessOfATestCanBe judges runs in another PID namespace.
func TestEvaluateWhatNoProcessOfATestCanBe(t *testing.T) {
	t.Parallel()
	s := status("/t.duckdb", 2*time.Hour)
	s.PID, s.Host, s.Program, s.User, s.HeartbeatAt = 7, "db1", "ingest-aggtrades", "bob", ago(2*time.Hour)
	tests := map[string]struct {
		o    observation
		want string
	}{
		"a run that is silent in another container": {
			observation{path: "/t.duckdb", status: &s, end: runstate.RunSilent},
			"INGEST LOG WARNING: the last run gave no sign of life for 2h and did not say that it ended\n" +
				"[WARNING] the last run gave no sign of life for 2h and did not say that it ended. Look for PID 7 on host db1; if it is gone, start the next load.\n" +
				"| failed=0;;0;0 partial=0;0;;0 success=0;;;0 run_age=7200s;;;0 rows=5000000;;;0 rows_per_second=250000;;;0\n",
		},
		"what nobody thought of": {
			observation{path: "/t.duckdb", fault: errors.New("something new")},
			"INGEST LOG UNKNOWN: the ledger cannot be read: something new\n[UNKNOWN] the ledger cannot be read: something new\n",
		},
		"a lock file that cannot be looked at": {
			observation{path: "/t.duckdb", lockErr: errors.New("the lock file cannot be looked at: permission denied")},
			"INGEST LOG OK: nothing was loaded yet\nthe lock file cannot be looked at: permission denied\n| failed=0;;0;0 partial=0;0;;0 success=0;;;0\n",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var c Cmd
			thresholds, err := nagios.ParseThresholds(c.Metrics(), nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			rep := nagios.Judge("INGEST LOG", c.evaluate(tc.o, at()), c.Metrics(), thresholds)
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
		"no database":           {nil, "give --db=FILE, the database whose ledger is to be read"},
		"an empty lock file":    {[]string{"--db=x", "--lock-file="}, "--lock-file: is empty"},
		"a symbol of two parts": {[]string{"--db=x", "--symbol=../x"}, `--symbol: symbol "../x": character '.', expected letters, digits and '_'`},
		"an unknown market":     {[]string{"--db=x", "--market=forex"}, `--market: market "forex": expected spot, um or cm`},
		"an unknown metric":     {[]string{"--db=x", "-w", "age=1"}, `--warning: no metric "age"`},
	})
}

func TestHelp(t *testing.T) {
	t.Parallel()
	checktest.Help(t, run)
}

func TestSettings(t *testing.T) {
	t.Parallel()
	model, err := checkcli.Model[Cmd]("INGEST LOG")
	checktest.Settings(t, "check_ingest_log", model, err)
}
