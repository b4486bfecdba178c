package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/nagiostest"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// place is where a test loads.
type place struct{ dir, data, db, lock string }

func newPlace(tb testing.TB) place {
	tb.Helper()
	dir := tb.TempDir()
	p := place{dir, filepath.Join(dir, "data"), filepath.Join(dir, "trades.duckdb"), filepath.Join(dir, "lock")}
	s := synth.Spec{Series: catalog.Series{Market: catalog.UM, Symbol: "BTCUSDT"}, Period: catalog.DayPeriod(20000), Rows: 1000, FirstID: 1, Seed: 1}
	if _, err := synth.WriteFile(p.data, synth.Mirror, s, synth.Zip); err != nil {
		tb.Fatal(err)
	}
	return p
}

// hold takes the lock until the function returned is called.
func (p place) hold(tb testing.TB) (release func()) {
	tb.Helper()
	f, err := os.OpenFile(p.lock, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		tb.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		tb.Fatal(err)
	}
	return func() { f.Close() }
}

// cron runs the script as cron does: few variables, and nothing but what it prints is seen.
func (p place) cron(tb testing.TB, env []string, args ...string) (code int, mail string) {
	tb.Helper()
	cmd := exec.Command("/bin/sh", append([]string{filepath.Join(nagiostest.Root(tb), "contrib/cron/ingest-cron")}, args...)...)
	cmd.Env = append([]string{
		"PATH=" + binaries(tb, loader, "check_ingest_disk") + ":/usr/bin:/bin", "HOME=/nonexistent", "TMPDIR=" + tb.TempDir(), "CHECK_INGEST_DB=" + p.db, "CHECK_INGEST_DATA_DIR=" + p.data,
		"CHECK_INGEST_LOCK_FILE=" + p.lock, "GATE=check_ingest_disk --gate -v -c free=1kB: -w free=1kB:",
	}, env...)
	return run(tb, cmd)
}

func TestCron(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	if code, mail := p.cron(t, []string{"GATE=check_ingest_disk --gate -c free=900000TB:"}); code != 5 || !strings.HasPrefix(mail, "INGEST DISK CRITICAL") {
		t.Errorf("the gate is shut: exit code %d, mail %q", code, mail)
	}
	if _, err := os.Stat(p.db); err == nil {
		t.Error("it loaded although the gate was shut")
	}

	release := p.hold(t)
	code, mail := p.cron(t, []string{"TRIES=2", "PAUSE=0"}, "--wait", "0")
	if code != 75 || !strings.Contains(mail, "lock held by PID") || strings.Count(mail, "Exit code") > 1 {
		t.Errorf("the lock is held: exit code %d, mail %q", code, mail)
	}
	release()

	for _, what := range []string{"the first load", "nothing to do"} {
		if code, mail := p.cron(t, nil); code != 0 || mail != "" {
			t.Errorf("%s: exit code %d, mail %q", what, code, mail)
		}
	}

	bad := filepath.Join(p.data, "BTCUSDT-aggTrades-2024-01-02.csv")
	if err := os.WriteFile(bad, []byte("<html>"), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, mail := p.cron(t, nil); code != 1 || !strings.Contains(mail, bad) || !strings.Contains(mail, "1 failed") {
		t.Errorf("a file is bad: exit code %d, mail %q", code, mail)
	}
	if code, mail := p.cron(t, nil, "--no-such-flag"); code != 2 || !strings.Contains(mail, "--no-such-flag") {
		t.Errorf("a wrong flag: exit code %d, mail %q", code, mail)
	}
}

// TestCronTriesAgain: what held the lock goes away between two tries.
func TestCronTriesAgain(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	release := p.hold(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer release()
		for { // until the log says that the first try found the lock held
			if logs, _ := filepath.Glob(filepath.Join(p.dir, "*/log")); len(logs) > 0 {
				if b, _ := os.ReadFile(logs[0]); strings.Contains(string(b), "exit_code=75") {
					return
				}
			}
			if _, err := os.Stat(p.dir); err != nil {
				return
			}
		}
	}()
	code, mail := p.cron(t, []string{"TRIES=100000", "PAUSE=0", "TMPDIR=" + p.dir}, "--wait", "0")
	<-done
	if code != 0 || mail != "" {
		t.Errorf("exit code %d, mail %q", code, mail)
	}
	if left, _ := filepath.Glob(filepath.Join(p.dir, "tmp.*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestCronSignal: who stops the script stops the loader, which rolls back.
func TestCronSignal(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	fifo := filepath.Join(p.dir, "started")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	// A loader that waits for the lock, started through a script that tells when.
	release := p.hold(t)
	defer release()
	wrapper := filepath.Join(p.dir, "loader")
	if err := os.WriteFile(wrapper, []byte("#!/bin/sh\necho $$ >"+fifo+"\nexec ingest-aggtrades \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	type result struct {
		code int
		mail string
	}
	results := make(chan result, 1)
	script := make(chan int, 1)
	go func() {
		b, err := os.ReadFile(fifo)
		if err != nil || len(b) == 0 {
			t.Errorf("the loader did not start: %v", err)
		}
		status, err := os.ReadFile("/proc/" + strings.TrimSpace(string(b)) + "/status")
		if err != nil {
			t.Error(err)
		}
		parent := regexp.MustCompile(`PPid:\s+(\d+)`).FindStringSubmatch(string(status))
		script <- 1
		if err := exec.Command("kill", "-TERM", parent[1]).Run(); err != nil {
			t.Error(err)
		}
	}()
	go func() {
		code, mail := p.cron(t, []string{"LOADER=" + wrapper}, "--wait", "10m")
		results <- result{code, mail}
	}()
	<-script
	if r := <-results; r.code != 143 {
		t.Errorf("exit code %d, mail %q", r.code, r.mail)
	}
}
