package lockcheck

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/internal/nagios"
	"github.com/check-ingest/check-ingest/internal/runstate"
)

// at is the moment at which every observation of these tests is judged.
func at() time.Time { return time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC) }

func ago(d time.Duration) time.Time { return at().Add(-d) }

// loading is the status of a run that started an hour ago and is a third through.
func loading(change func(*runstate.Status)) *runstate.Status {
	s := runstate.Status{
		Schema: 1, RunID: "r1", PID: 4711, Host: "db1", User: "bob", Program: "ingest-aggtrades", Version: "v1.0.0", Database: "/data/t.duckdb",
		StartedAt: ago(time.Hour), HeartbeatAt: ago(time.Second), HeartbeatEvery: 2, Phase: runstate.PhaseLoad,
		FilesDone: 40, FilesTotal: 120, BytesDone: 1e9, BytesTotal: 4e9, Rows: 50_000_000, CurrentFile: "BTCUSDT-aggTrades-2024-01-01.zip",
	}
	if change != nil {
		change(&s)
	}
	return &s
}

func loader() runstate.Holder {
	return runstate.Holder{PID: 4711, Program: "ingest-aggtrades", User: "bob", UID: 1000, Since: ago(time.Hour), Known: true}
}

func ended(outcome string) *runstate.Status {
	return loading(func(s *runstate.Status) {
		end, code := ago(3*time.Hour), 0
		s.EndedAt, s.ExitCode, s.Outcome, s.Phase = &end, &code, outcome, runstate.PhaseEnded
	})
}

// TestEvaluate has a row for every state in which a lock can be found.
func TestEvaluate(t *testing.T) {
	t.Parallel()
	const path = "/run/ingest.lock"
	const why = "this process runs in a container"
	file := runstate.State{Exists: true, Regular: true, Kind: "file"}
	with := func(change func(*runstate.State)) runstate.State {
		s := file
		change(&s)
		return s
	}
	script := runstate.Holder{PID: 99, Program: "python3 ingest_aggtrades.py", User: "root", Since: ago(2 * time.Minute), Known: true}
	heldByLoader := with(func(s *runstate.State) { s.Held, s.Holder, s.Status = true, loader(), loading(nil) })
	tests := map[string]struct {
		state             runstate.State
		heldState         nagios.Status
		warning, critical []string
		want              string // plugin output with -v
	}{
		"absent": {want: "INGEST LOCK OK: free, there is no lock file /run/ingest.lock | held_for=0s;;;0 held=0;;;0;1\n"},
		"free":   {state: file, want: "INGEST LOCK OK: free | held_for=0s;;;0 held=0;;;0;1\n"},
		"free after a run": {
			state: with(func(s *runstate.State) { s.Previous = ended("12 files loaded") }),
			want:  "INGEST LOCK OK: free, the last run ended 3h ago: 12 files loaded | held_for=0s;;;0 held=0;;;0;1\n",
		},
		"free after a run that died": {
			state: with(func(s *runstate.State) { s.Previous = loading(nil) }),
			want:  "INGEST LOCK OK: free, the last run died, its last sign of life was 1s ago | held_for=0s;;;0 held=0;;;0;1\n",
		},
		"free as far as a container can see": {
			state: with(func(s *runstate.State) { s.Unknowable, s.Previous = why, ended("") }),
			want: "INGEST LOCK OK: free, the last run ended 3h ago (judged by its status alone: this process runs in a container)\n" +
				"what the kernel tells is not all: this process runs in a container\n| held_for=0s;;;0 held=0;;;0;1\n",
		},
		"not to be known in a container without a status": {
			state: with(func(s *runstate.State) { s.Unknowable = why }),
			want: "INGEST LOCK UNKNOWN: cannot tell whether the lock is held, and no run has published a status: " + why + "\n" +
				"[UNKNOWN] cannot tell whether the lock is held, and no run has published a status: " + why + ". Run the check where the loader runs; if it does, as in one container with it, load once: the lock is judged by that run's status from then on.\n" +
				"what the kernel tells is not all: " + why + "\n",
		},
		"silent in a container: killed or hung": {
			state: with(func(s *runstate.State) {
				s.Unknowable = why
				s.Previous = loading(func(s *runstate.Status) { s.HeartbeatAt = ago(time.Hour) })
			}),
			want: "INGEST LOCK WARNING: the last run gave no sign of life for 1h and did not say that it ended: killed or hung\n" +
				"[WARNING] the last run gave no sign of life for 1h and did not say that it ended: killed or hung. Look for PID 4711 on host db1; if it is gone, a load may start.\n" +
				"what the kernel tells is not all: " + why + "\n| held_for=0s;;;0 held=0;;;0;1\n",
		},
		"a symbolic link": {
			state: runstate.State{Exists: true, Kind: "symlink"},
			want: "INGEST LOCK CRITICAL: the lock file /run/ingest.lock is a symlink, and the loader refuses to use it\n" +
				"[CRITICAL] the lock file /run/ingest.lock is a symlink, and the loader refuses to use it. Find out who put it there; remove it, or name another path with --lock-file everywhere.\n",
		},
		"held by a script": {
			state: with(func(s *runstate.State) { s.Held, s.Holder = true, script }),
			want: "INGEST LOCK CRITICAL: held by PID 99 (python3 ingest_aggtrades.py, user root) for 2m, which says nothing about itself\n" +
				"[CRITICAL] held by PID 99 (python3 ingest_aggtrades.py, user root) for 2m, which says nothing about itself. Wait for it to end, or look at it with: ps -fp 99\n" +
				"| held_for=120s;;;0 held=1;;;0;1\n",
		},
		"held by the loader": {
			state: heldByLoader,
			want: "INGEST LOCK CRITICAL: held by PID 4711 (ingest-aggtrades, user bob) for 1h, 40 of 120 files (25%), 50,000,000 rows, ETA 3h, last sign of life 1s ago\n" +
				"[CRITICAL] held by PID 4711 (ingest-aggtrades, user bob) for 1h, 40 of 120 files (25%), 50,000,000 rows, ETA 3h, last sign of life 1s ago. " +
				"Wait for it to end, or stop it with: kill 4711 (it rolls back the open batch first)\n" +
				"run r1 of ingest-aggtrades v1.0.0, since 2026-01-02 11:00:00 UTC\ndatabase /data/t.duckdb\ncurrent file BTCUSDT-aggTrades-2024-01-01.zip\n" +
				"| held_for=3600s;;;0 held=1;;;0;1 heartbeat_age=1s;;;0 files_done=40;;;0;120 files_total=120;;;0 percent=25%;;;0;100 rows=50000000;;;0\n",
		},
		"held by the loader, which has not planned yet": {
			state: with(func(s *runstate.State) {
				s.Held, s.Holder = true, loader()
				s.Status = loading(func(s *runstate.Status) {
					*s = runstate.Status{PID: 4711, Phase: runstate.PhasePlan, StartedAt: ago(time.Hour), HeartbeatAt: at(), HeartbeatEvery: 2, Program: "ingest-aggtrades", Version: "v1", RunID: "r", Database: "/d"}
				})
			}),
			heldState: nagios.Warning,
			want: "INGEST LOCK WARNING: held by PID 4711 (ingest-aggtrades, user bob) for 1h, phase plan, last sign of life 0s ago\n" +
				"[WARNING] held by PID 4711 (ingest-aggtrades, user bob) for 1h, phase plan, last sign of life 0s ago. Wait for it to end, or stop it with: kill 4711 (it rolls back the open batch first)\n" +
				"run r of ingest-aggtrades v1, since 2026-01-02 11:00:00 UTC\ndatabase /d\n" +
				"| held_for=3600s;;;0 held=1;;;0;1 heartbeat_age=0s;;;0 files_done=0;;;0 files_total=0;;;0 rows=0;;;0\n",
		},
		"held, and a threshold that is not violated decides": {
			state: heldByLoader, warning: []string{"2h"}, critical: []string{"6h"},
			want: "INGEST LOCK OK: held by PID 4711 (ingest-aggtrades, user bob) for 1h, 40 of 120 files (25%), 50,000,000 rows, ETA 3h, last sign of life 1s ago\n" +
				"run r1 of ingest-aggtrades v1.0.0, since 2026-01-02 11:00:00 UTC\ndatabase /data/t.duckdb\ncurrent file BTCUSDT-aggTrades-2024-01-01.zip\n" +
				"| held_for=3600s;7200;21600;0 held=1;;;0;1 heartbeat_age=1s;;;0 files_done=40;;;0;120 files_total=120;;;0 percent=25%;;;0;100 rows=50000000;;;0\n",
		},
		"held too long for a threshold": {
			state: with(func(s *runstate.State) { s.Held, s.Holder = true, script }), warning: []string{"1m"},
			want: "INGEST LOCK WARNING: held for 2m by PID 99 (python3 ingest_aggtrades.py, user root), which says nothing about itself, limit 1m\n" +
				"[WARNING] held for 2m by PID 99 (python3 ingest_aggtrades.py, user root), which says nothing about itself, limit 1m. Wait for it to end, or look at it with: ps -fp 99\n" +
				"| held_for=120s;60;;0 held=1;;;0;1\n",
		},
		"a threshold on another metric decides too": {
			state: with(func(s *runstate.State) { s.Held, s.Holder = true, script }), critical: []string{"held=0"},
			want: "INGEST LOCK CRITICAL: held by PID 99 (python3 ingest_aggtrades.py, user root), limit 0\n" +
				"[CRITICAL] held by PID 99 (python3 ingest_aggtrades.py, user root), limit 0. Wait for it to end, or look at it with: ps -fp 99\n" +
				"| held_for=120s;;;0 held=1;;0;0;1\n",
		},
		"hung, whatever the thresholds": {
			state: with(func(s *runstate.State) {
				s.Held, s.Holder = true, loader()
				s.Status = loading(func(s *runstate.Status) { s.HeartbeatAt, s.CurrentFile = ago(10*time.Minute), "" })
			}),
			warning: []string{"9h"},
			want: "INGEST LOCK CRITICAL: hung: PID 4711 (ingest-aggtrades, user bob) gave no sign of life for 10m\n" +
				"[CRITICAL] hung: PID 4711 (ingest-aggtrades, user bob) gave no sign of life for 10m. Look at what it waits for (cat /proc/4711/wchan; dmesg); stop it with: kill 4711\n" +
				"run r1 of ingest-aggtrades v1.0.0, since 2026-01-02 11:00:00 UTC\ndatabase /data/t.duckdb\n" +
				"| held_for=3600s;32400;;0 held=1;;;0;1 heartbeat_age=600s;;;0 files_done=40;;;0;120 files_total=120;;;0 percent=25%;;;0;100 rows=50000000;;;0\n",
		},
		"held by nobody that can be seen": {
			state: with(func(s *runstate.State) { s.Held, s.Unknowable = true, "its holder is in another PID namespace" }),
			want: "INGEST LOCK CRITICAL: held by a process that cannot be seen from here, which says nothing about itself\n" +
				"[CRITICAL] held by a process that cannot be seen from here, which says nothing about itself. Wait for it to end; to see who it is, run the check as root on the host that runs it.\n" +
				"what the kernel tells is not all: its holder is in another PID namespace\n| held=1;;;0;1\n",
		},
		"so that a threshold cannot be judged": {
			state:   with(func(s *runstate.State) { s.Held, s.Unknowable = true, "its holder is in another PID namespace" }),
			warning: []string{"2h"},
			want: "INGEST LOCK UNKNOWN: held by a process that cannot be seen from here, for how long cannot be known: its holder is in another PID namespace\n" +
				"[UNKNOWN] held by a process that cannot be seen from here, for how long cannot be known: its holder is in another PID namespace. Run the check as root, or where the loader runs.\n" +
				"what the kernel tells is not all: its holder is in another PID namespace\n| held=1;;;0;1\n",
		},
		"held, with a status that is not believed": {
			state: with(func(s *runstate.State) {
				s.Held, s.Holder, s.StatusIgnored = true, script, "it is of PID 5 and the lock is held by PID 99"
			}),
			heldState: nagios.OK,
			want: "INGEST LOCK OK: held by PID 99 (python3 ingest_aggtrades.py, user root) for 2m\n" +
				"[OK] held by PID 99 (python3 ingest_aggtrades.py, user root) for 2m. Wait for it to end, or look at it with: ps -fp 99\n" +
				"the status file beside the lock is not believed: it is of PID 5 and the lock is held by PID 99\n| held_for=120s;;;0 held=1;;;0;1\n",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			specs := (&Cmd{}).Metrics()
			th, err := nagios.ParseThresholds(specs, tc.warning, tc.critical)
			if err != nil {
				t.Fatal(err)
			}
			v := verdict{held: tc.heldState, byThresholds: th.Given()}
			if v.held == nagios.Unknown {
				v.held = nagios.Critical
			}
			result := evaluate(observation{path: path, state: tc.state}, at(), v)
			got := string(nagios.Judge("INGEST LOCK", result, specs, th).Plugin(1))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Fatalf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestHostileHolderCannotBreakTheOutput(t *testing.T) {
	t.Parallel()
	bad := "x|held=0\n\x1b[2J<b>" + strings.Repeat("y", 1<<20)
	state := runstate.State{
		Exists: true, Regular: true, Held: true, Unknowable: bad, StatusIgnored: bad,
		Holder: runstate.Holder{PID: 1, Program: bad, User: bad, Since: ago(time.Minute)},
		Status: loading(func(s *runstate.Status) {
			s.RunID, s.Program, s.Version, s.Database, s.CurrentFile = bad, bad, bad, bad, bad
		}),
	}
	specs := (&Cmd{}).Metrics()
	rep := nagios.Judge("INGEST LOCK", evaluate(observation{path: bad, state: state}, at(), verdict{held: nagios.Critical}), specs, nagios.Thresholds{})
	for verbosity := range 4 {
		out := string(rep.Plugin(verbosity))
		if strings.Count(out, "|") != 1 || strings.ContainsAny(out, "\x1b<>") || len(out) > 8<<10 || !strings.HasPrefix(out, "INGEST LOCK CRITICAL: ") {
			t.Fatalf("verbosity %d: %.300q", verbosity, out)
		}
	}
}
