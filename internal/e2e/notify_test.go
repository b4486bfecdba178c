package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/check-ingest/check-ingest/internal/synth"
	"github.com/check-ingest/check-ingest/internal/testfs"
)

// manager is the socket on which systemd listens to a unit with Type=notify.
type manager struct{ socket *net.UnixConn }

func listen(tb testing.TB, w *world) manager {
	tb.Helper()
	path := filepath.Join(w.dir, "notify")
	_ = os.Remove(path) // that of the run before
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
	return manager{c}
}

// next is the next message, as lines.
func (m manager) next(tb testing.TB) []string {
	tb.Helper()
	b := make([]byte, 4096)
	if err := m.socket.SetReadDeadline(time.Now().Add(patience)); err != nil {
		tb.Fatal(err)
	}
	n, err := m.socket.Read(b)
	if err != nil {
		tb.Fatalf("no message came: %v", err)
	}
	return strings.Split(string(b[:n]), "\n")
}

// until gives all lines up to the first message with the one that is waited for.
func (m manager) until(tb testing.TB, want string) (lines []string) {
	tb.Helper()
	for {
		lines = append(lines, m.next(tb)...)
		if slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, want) }) {
			return lines
		}
	}
}

// TestNotify runs loads as systemd does a unit with Type=notify, and reads what they say.
func TestNotify(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	next := w.make(t, spec("um", "BTCUSDT", january, 1000, 1), synth.Plain)
	next.Rows = 1_000_000
	w.make(t, next, synth.Plain)
	var out bytes.Buffer
	run := func(code int, watchdog time.Duration, args ...string) (m manager, p *os.Process, wait func()) {
		m = listen(t, w)
		cmd := w.command(t.Context(), &out, args...)
		cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+m.socket.LocalAddr().String(), fmt.Sprintf("WATCHDOG_USEC=%d", watchdog.Microseconds()))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return m, cmd.Process, func() {
			t.Helper()
			if got := exitCode(t, cmd.Wait()); got != code {
				t.Errorf("exit code %d, expected %d\n%s", got, code, &out)
			}
			m.socket.Close()
		}
	}

	m, _, wait := run(0, 4*time.Second, "--throttle", "1900ms")
	lines := m.until(t, "STOPPING=1")
	wait()
	if lines[0] != "STATUS=Waiting for the lock and the database" {
		t.Errorf("it began with %q", lines[0])
	}
	if slices.Index(lines, "READY=1") < 1 || slices.Index(lines, "WATCHDOG=1") < slices.Index(lines, "READY=1") {
		t.Errorf("it never was ready, or no sign of life came after that: %q", lines)
	}
	if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "STATUS=1 of 2 files") }) {
		t.Errorf("it did not say how far it was: %q", lines)
	}
	if got := lines[len(lines)-1]; got != "STATUS=2 files loaded, 1M rows" {
		t.Errorf("it ended with %q", got)
	}

	// Nothing to do: still ready before it ends, or systemd would call the unit failed; and in a message of its own, since of READY=1 and
	// STOPPING=1 in one it takes the last.
	m, _, wait = run(0, 0)
	for ready := false; ; {
		message := m.next(t)
		ready = ready || slices.Contains(message, "READY=1")
		if !slices.Contains(message, "STOPPING=1") {
			continue
		}
		if !ready || slices.Contains(message, "READY=1") {
			t.Errorf("it was not ready before it said %q", message)
		}
		break
	}
	wait()

	// The lock is held: never ready, and it says why.
	held, err := os.OpenFile(w.lock, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if err := syscall.Flock(int(held.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	m, _, wait = run(75, 0, "--wait", "0")
	lines = m.until(t, "STOPPING=1")
	wait()
	if last := lines[len(lines)-1]; slices.Contains(lines, "READY=1") || !strings.Contains(last, "held by") {
		t.Errorf("it said %q", lines)
	}

	// It waits for the lock and is told to stop.
	var p *os.Process
	m, p, wait = run(143, 0, "--wait", "10m")
	m.until(t, "STATUS=Waiting")
	if err := p.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if lines := m.until(t, "STOPPING=1"); !slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, "SIGTERM") }) {
		t.Errorf("it said %q", lines)
	}
	wait()

	// A pause that would look like a hang.
	out.Reset()
	_, _, wait = run(2, time.Minute, "--throttle", "30s")
	wait()
	if !strings.Contains(out.String(), "--throttle 30s: systemd kills a unit that does nothing for 1m0s") {
		t.Errorf("it said %s", &out)
	}
}

// TestNotifyRetries: a load that tries a file again and again is not taken for one that hangs, however often it may.
func TestNotifyRetries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := spec("um", "BTCUSDT", january, 1000, 1)
	dir := filepath.Join(w.data, "bad")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	testfs.Served(t, dir, map[string]*testfs.File{s.Name(synth.Plain): {
		Content: make([]byte, 1<<20), Reading: func(context.Context, int64) syscall.Errno { return syscall.EIO },
	}})
	m := listen(t, w)
	var out bytes.Buffer
	const retries = 12
	cmd := w.command(t.Context(), &out, "--retries", strconv.Itoa(retries))
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+m.socket.LocalAddr().String(), fmt.Sprintf("WATCHDOG_USEC=%d", (2*time.Second).Microseconds()))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := m.until(t, "STOPPING=1")
	if got := exitCode(t, cmd.Wait()); got != 1 {
		t.Errorf("exit code %d\n%s", got, &out)
	}
	signs := 0
	for _, l := range lines {
		if l == "WATCHDOG=1" {
			signs++
		}
	}
	if tried := strings.Count(out.String(), "file will be tried again"); tried != retries || signs < retries/2 {
		t.Errorf("%d retries, %d signs of life\n%s", tried, signs, &out)
	}
}
