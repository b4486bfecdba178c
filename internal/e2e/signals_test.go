package e2e

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/synth"
	"github.com/check-ingest/check-ingest/internal/testfs"
)

// soon is how long a load may take to end. It should be five seconds; a busy machine is given more, and one that does not end at all is what is looked for.
const soon = 30 * time.Second

// stopWith sends a signal and has the load end with that exit code, soon.
func stopWith(tb testing.TB, cmd *exec.Cmd, signal syscall.Signal, code int) {
	tb.Helper()
	if err := cmd.Process.Signal(signal); err != nil {
		tb.Fatal(err)
	}
	endsSoon(tb, cmd, code)
}

// endsSoon has the process end with that exit code.
func endsSoon(tb testing.TB, cmd *exec.Cmd, code int) {
	tb.Helper()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if got := exitCode(tb, err); got != code {
			tb.Errorf("exit code %d, expected %d", got, code)
		}
	case <-time.After(soon):
		_ = cmd.Process.Kill() // what counts is said below
		<-ended
		tb.Fatal("it did not end")
	}
}

// checkStopped has the last run recorded as stopped by that signal.
func (w *world) checkStopped(tb testing.TB, signal string, code int) {
	tb.Helper()
	s, err := runstate.ReadStatus(runstate.StatusPath(w.lock))
	if err != nil || !s.Ended() || *s.ExitCode != code || !strings.Contains(s.Outcome, "stopped by "+signal) {
		tb.Errorf("status %+v, %v", s, err)
	}
}

func signals() map[string]struct {
	signal syscall.Signal
	code   int
} {
	return map[string]struct {
		signal syscall.Signal
		code   int
	}{"SIGTERM": {syscall.SIGTERM, 143}, "SIGINT": {syscall.SIGINT, 130}, "SIGHUP": {syscall.SIGHUP, 129}}
}

// TestSignals stops a load in the middle of a file that streams into the database.
func TestSignals(t *testing.T) {
	t.Parallel()
	for name, tt := range signals() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			next := w.make(t, spec(catalog.UM, "BTCUSDT", january, 1000, 1), synth.Plain)
			next.Rows = 800_000
			w.make(t, next, synth.Plain)
			var out bytes.Buffer
			cmd := w.command(t.Context(), &out)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			// The small file is committed before the large one begins.
			w.awaitStatus(t, func(s runstate.Status) bool { return s.FilesDone == 1 && strings.Contains(s.CurrentFile, "2024-01-02") })
			stopWith(t, cmd, tt.signal, tt.code)
			if !strings.Contains(out.String(), "stopped by "+name) {
				t.Errorf("it said: %s", &out)
			}
			w.checkStopped(t, name, tt.code)
			if got := w.ask(t, "SELECT (SELECT count(*) FROM aggtrades_history), (SELECT count(*) FROM ingestion_log)"); got[0] != "1000|1" {
				t.Errorf("rows and ledger entries are %v, expected those of the first file", got)
			}
			if left, _ := filepath.Glob(w.db + ".wal*"); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			w.run(t, 0)
			if got := w.ask(t, "SELECT count(*), count(DISTINCT agg_trade_id) FROM aggtrades_history"); got[0] != "801000|801000" {
				t.Errorf("after the next run: %v", got)
			}
		})
	}
}

// TestSecondSignal ends a load that is stopping, as if the signal was not caught: its file hangs, so that it would take three seconds.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reached := w.hangs(t, 0)
	var out bytes.Buffer
	cmd := w.command(t.Context(), &out)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	wait(t, reached)
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for { // the first is caught; one of those that follow is not
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			var exit *exec.ExitError
			if !errors.As(err, &exit) {
				t.Fatalf("%v\n%s", err, &out)
			}
			if status, ok := exit.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGINT {
				t.Errorf("%v, expected that it was ended by the signal\n%s", err, &out)
			}
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// TestIgnoredSignal: a load started with nohup outlives its terminal.
func TestIgnoredSignal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	next := w.make(t, spec(catalog.UM, "BTCUSDT", january, 1000, 1), synth.Plain)
	w.make(t, next, synth.Plain)
	var out bytes.Buffer
	cmd := w.within(t, "trap '' HUP", &out, "--batch-rows", "1", "--throttle", "100ms")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.awaitStatus(t, func(s runstate.Status) bool { return s.FilesDone == 1 })
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if code := exitCode(t, cmd.Wait()); code != 0 {
		t.Errorf("exit code %d\n%s", code, &out)
	}
}

// within is a loader that a shell starts after it did something to itself.
func (w *world) within(tb testing.TB, shell string, out *bytes.Buffer, args ...string) *exec.Cmd {
	tb.Helper()
	binary, err := exec.LookPath(program)
	if err != nil {
		tb.Fatal(err)
	}
	cmd := w.command(tb.Context(), out, args...)
	cmd.Path, cmd.Args = "/bin/sh", append([]string{"sh", "-c", shell + `; exec "$0" "$@"`, binary}, cmd.Args[1:]...)
	return cmd
}

// hangs puts a file into the data dir that gives its first bytes and no more. It tells when that is reached.
func (w *world) hangs(t *testing.T, after int64) (reached chan struct{}) {
	t.Helper()
	s := spec(catalog.UM, "BTCUSDT", january, 20_000, 1)
	dir := filepath.Join(w.data, "remote")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	reached = make(chan struct{})
	release := make(chan struct{})
	var told atomic.Bool
	testfs.Served(t, dir, map[string]*testfs.File{s.Name(synth.Plain): {
		Content: synth.CSV(s),
		Reading: func(ctx context.Context, offset int64) syscall.Errno {
			if offset < after {
				return 0
			}
			if told.CompareAndSwap(false, true) {
				close(reached)
			}
			select {
			case <-release:
			case <-ctx.Done(): // whoever reads was killed
			}
			return syscall.EIO
		},
	}})
	t.Cleanup(func() { close(release) })
	return reached
}

func wait(tb testing.TB, c <-chan struct{}) {
	tb.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		tb.Fatal("what was waited for never came")
	}
}

// TestStoppedWhileNothingAnswers stops loads that wait for what does not come.
func TestStoppedWhileNothingAnswers(t *testing.T) {
	t.Parallel()
	check := func(t *testing.T, w *world, cmd *exec.Cmd) {
		t.Helper()
		stopWith(t, cmd, syscall.SIGTERM, 143)
		w.checkStopped(t, "SIGTERM", 143)
	}
	t.Run("a data dir on a dead file system", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		testfs.Dead(t, w.data)
		var out bytes.Buffer
		cmd := w.command(t.Context(), &out)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		w.awaitStatus(t, func(s runstate.Status) bool { return s.Phase == runstate.PhasePlan })
		check(t, w, cmd)
		if !strings.Contains(out.String(), "stopped by SIGTERM, without waiting any longer for a file, a disk or a pipe that does not answer") {
			t.Errorf("it said: %s", &out)
		}
	})
	t.Run("a file that hangs in the middle", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		reached := w.hangs(t, 64<<10)
		var out bytes.Buffer
		cmd := w.command(t.Context(), &out)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		wait(t, reached)
		check(t, w, cmd)
	})
	t.Run("a pipe for the log that is full", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.make(t, spec(catalog.UM, "BTCUSDT", january, 1000, 1), synth.Plain)
		var out bytes.Buffer
		cmd := w.command(t.Context(), &out)
		cmd.Stderr = fullPipe(t)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		w.awaitStatus(t, func(s runstate.Status) bool { return s.Phase != runstate.PhasePlan })
		check(t, w, cmd)
	})
	t.Run("a pipe for the report that is full", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.make(t, spec(catalog.UM, "BTCUSDT", january, 1000, 1), synth.Plain)
		var out bytes.Buffer
		cmd := w.command(t.Context(), &out)
		cmd.Stdout = fullPipe(t)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		w.awaitStatus(t, runstate.Status.Ended)
		stopWith(t, cmd, syscall.SIGTERM, 143)
		if s, err := runstate.ReadStatus(runstate.StatusPath(w.lock)); err != nil || *s.ExitCode != 0 { // the load was done
			t.Errorf("status %+v, %v", s, err)
		}
	})
}

// fullPipe is a pipe that takes no more.
func fullPipe(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close(); _ = w.Close() })
	raw, err := w.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	chunk := make([]byte, 4096)
	if err := raw.Write(func(fd uintptr) bool { // the descriptor does not block until a child inherits it
		for {
			if _, err := syscall.Write(int(fd), chunk); err != nil {
				return true
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	return w
}

// TestOutputThatNobodyReads: what becomes of the load does not depend on who reads of it.
func TestOutputThatNobodyReads(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = full.Close() })
	tests := map[string]struct {
		shell string
		code  int
		says  string
	}{
		"pipes that somebody closed": {"exec >&3 2>&3", 0, ""},
		"stdout closed":              {"exec >&-", 0, "run ended"},
		"stderr closed":              {"exec 2>&-", 0, "5 of 5 files loaded"},
		"all closed":                 {"exec <&- >&- 2>&-", 0, ""},
		"a full disk below stdout":   {"exec >/dev/full", 74, "ingest-aggtrades: write to stdout: no space left on device"},
		"a full disk below stderr":   {"exec 2>/dev/full", 0, "5 of 5 files loaded"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			next := spec(catalog.UM, "BTCUSDT", january, 1000, 1)
			for range 5 {
				next = w.make(t, next, synth.Plain)
			}
			r, pipe, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			defer pipe.Close()
			var out bytes.Buffer
			cmd := w.within(t, tt.shell, &out, "--batch-rows", "1")
			cmd.ExtraFiles = []*os.File{pipe}
			if code := exitCode(t, cmd.Run()); code != tt.code || !strings.Contains(out.String(), tt.says) {
				t.Errorf("exit code %d, expected %d, and %q in: %s", code, tt.code, tt.says, &out)
			}
			if got := w.ask(t, "SELECT count(*) FROM aggtrades_history"); got[0] != "5000" {
				t.Errorf("%v rows, expected the whole load", got)
			}
			if s, err := runstate.ReadStatus(runstate.StatusPath(w.lock)); err != nil || !s.Ended() || *s.ExitCode != 0 {
				t.Errorf("status %+v, %v", s, err)
			}
			if _, err := os.Stat(w.db + ".wal"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a write-ahead log: %v", err)
			}
		})
	}
}
