package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// TestClockSetBack has the clock be ahead while something was written, by an hour and by a year, and asks everybody after it was set right: status, snapshot
// and ledger are of the future. Nobody takes a run that lives for one that ended, or the other way round, and what cannot be known is not OK.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	const future = "20... UTC (in the future)"
	hung := "CRITICAL: hung: PID ... (ingest-aggtrades, user root) gave no sign of life since the clock was set back"
	for name, ahead := range map[string]time.Duration{"an hour": time.Hour, "a year": 365 * 24 * time.Hour} {
		see(t, map[string][]stage{
			name + ": a run that ended": {
				{"set back", then(downloads(1), loads(0), wasAhead(ahead)), view{
					lock: "OK: free, the last run ended " + future + ": all files are loaded",
					disk: nothing,
					db:   "OK: 1,000 rows",
					csv:  sound,
					log:  "WARNING: the last load of a file is of 20... UTC, which is in the future. the last sign of the last run is of 20... UTC, which is in the future",
				}},
				{"after the next load", then(downloads(1), loads(0)), view{
					lock: ended + "all files are loaded", disk: nothing, db: "OK: 2,000 rows", log: "OK: 2 files loaded, none failed, the last one ... ago, the last run ended ... ago: all files are loaded",
				}},
				{"after one that fails", then(cutDownload, loads(1), must(func(s *scene) error { return os.Remove(runstate.StatusPath(s.lock)) })), view{
					lock: "OK: free", disk: fits, csv: "CRITICAL: 1 of 3 files is bad", log: "CRITICAL: 1 file failed",
				}},
			},
			name + ": a run that died": {
				{"set back", then(downloads(4), startsAndPauses("1h"), isKilled, isWaitedFor, wasAhead(ahead)), view{
					lock: "OK: free, the last run died, its last sign of life was " + future,
					disk: fits + "...3 pending files need",
					db:   "OK: 1,000 rows",
					log:  "CRITICAL: the last run died (killed, or the machine went down), its last sign of life was " + future,
				}},
				{"after the next load", loads(0), view{lock: ended + "all files are loaded", disk: nothing, db: "OK: 4,000 rows", log: "OK: 4 files loaded"}},
			},
			name + ": a run that lives": {
				{"set back, and it has not noticed", then(downloads(4), startsAndPauses("1h"), freezes, publishedAhead(ahead), statusIsSane), view{
					lock: hung,
					disk: fits + "...3 pending files need",
					db:   "CRITICAL: $D/trades.duckdb is held by a loader that hangs: PID ... gave no sign of life since the clock was set back",
					log:  "CRITICAL: a load hangs: PID ... gave no sign of life since the clock was set back",
				}},
				{"another load", loads(75, "--wait=0"), view{lock: hung, db: "CRITICAL: ", log: "CRITICAL: a load hangs"}},
				{"and it goes on", goesOn, view{
					lock: held + one, db: "WARNING: the ledger snapshot is of 20... UTC, which is in the future", log: "WARNING: ",
				}},
				{"and ends", isStopped(syscall.SIGTERM, 143), view{
					lock: ended + "stopped by SIGTERM", db: "OK: 1,000 rows", log: "WARNING: the last run ended ... ago: stopped by SIGTERM (exit code 143)",
				}},
			},
			name + ": trades": {
				{"loaded", then(func(t *testing.T, s *scene) {
					t.Helper()
					s.next.Period = catalog.DayPeriod(catalog.DayOf(time.Now().Add(ahead)) + 1)
					s.next = s.make(t, s.next, synth.Plain)
				}, loads(0)), view{
					disk: nothing,
					db:   "WARNING: the newest trade is of 20... UTC, which is in the future",
					csv:  "WARNING: the newest file of um BTCUSDT is 20..., which has not begun yet",
					log:  "OK: 1 file loaded",
				}},
			},
		})
	}
}

// statusIsSane has the loader's own status tell of the load, and of no time below zero.
func statusIsSane(t *testing.T, s *scene) {
	t.Helper()
	for _, form := range []string{"text", "json"} {
		cmd := exec.CommandContext(t.Context(), program, "status", "--db", s.db, "--lock-file", s.lock, "-o", form)
		out, err := cmd.CombinedOutput()
		if code := exitCode(t, err); code != 0 || regexp.MustCompile(`[ :]-\d`).Match(out) {
			t.Errorf("exit code %d: %s", code, out)
		}
		if form == "text" && !strings.Contains(strings.Join(strings.Fields(string(out)), " "), "gave no sign of life since the clock was set back") {
			t.Errorf("it said: %s", out)
		}
	}
}

// wasAhead has all that was written be of a clock that was ahead: what the last run published, the snapshot, the ledger.
func wasAhead(by time.Duration) step {
	return then(publishedAhead(by), func(t *testing.T, s *scene) {
		t.Helper()
		if err := change(t.Context(), s.db, fmt.Sprintf("UPDATE ingestion_log SET processed_at = processed_at + INTERVAL '%d seconds'", int64(by.Seconds()))); err != nil {
			t.Fatal(err)
		}
	})
}

// publishedAhead is wasAhead without the ledger, which nobody can change while a load holds the database.
func publishedAhead(by time.Duration) step {
	return func(t *testing.T, s *scene) {
		t.Helper()
		status, err := runstate.ReadStatus(runstate.StatusPath(s.lock))
		if err != nil {
			t.Fatal(err)
		}
		status.StartedAt, status.HeartbeatAt = status.StartedAt.Add(by), status.HeartbeatAt.Add(by)
		if status.EndedAt != nil {
			*status.EndedAt = status.EndedAt.Add(by)
		}
		data, err := json.Marshal(status)
		if err != nil {
			t.Fatal(err)
		}
		write(t, runstate.StatusPath(s.lock), string(data))

		snapshot, err := ledger.ReadSnapshot(ledger.PathFor(s.db))
		if err != nil {
			t.Fatal(err)
		}
		snapshot.WrittenAt = snapshot.WrittenAt.Add(by)
		for i := range snapshot.Series {
			snapshot.Series[i].LastSuccess = snapshot.Series[i].LastSuccess.Add(by)
		}
		for i := range snapshot.Runs {
			snapshot.Runs[i].StartedAt, snapshot.Runs[i].EndedAt = snapshot.Runs[i].StartedAt.Add(by), snapshot.Runs[i].EndedAt.Add(by)
		}
		if err := snapshot.Write(ledger.PathFor(s.db)); err != nil {
			t.Fatal(err)
		}
	}
}
