package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ptytest"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// world is a place to load in.
type world struct {
	dir, data, db, lock string
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	w := &world{dir: tb.TempDir()}
	w.data, w.db, w.lock = filepath.Join(w.dir, "data"), filepath.Join(w.dir, "trades.duckdb"), filepath.Join(w.dir, "lock")
	if err := os.Mkdir(w.data, 0o755); err != nil {
		tb.Fatal(err)
	}
	return w
}

// command is a loader with these arguments that did not start yet.
func (w *world) command(ctx context.Context, out *bytes.Buffer, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, append([]string{"--db", w.db, "--data-dir", w.data, "--lock-file", w.lock, "--threads", "2"}, args...)...)
	cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+filepath.Join(w.dir, "no-config"))
	cmd.Stdout, cmd.Stderr = out, out
	return cmd
}

// run runs a loader to its end, which must come with that exit code.
func (w *world) run(tb testing.TB, code int, args ...string) string {
	tb.Helper()
	var out bytes.Buffer
	if got := exitCode(tb, w.command(tb.Context(), &out, args...).Run()); got != code {
		tb.Fatalf("exit code %d, expected %d\n%s", got, code, &out)
	}
	return out.String()
}

func exitCode(tb testing.TB, err error) int {
	tb.Helper()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		tb.Fatal(err)
	}
	if exit == nil {
		return 0
	}
	return exit.ExitCode()
}

func (w *world) ask(tb testing.TB, query string) []string {
	tb.Helper()
	rows, err := ask(tb.Context(), w.db, query)
	if err != nil {
		tb.Fatal(err)
	}
	return rows
}

// make writes a made-up file and returns the spec of the one that follows it.
func (w *world) make(tb testing.TB, s synth.Spec, p synth.Packing) synth.Spec {
	tb.Helper()
	if _, err := synth.WriteFile(w.data, synth.Mirror, s, p); err != nil {
		tb.Fatal(err)
	}
	return s.Next()
}

func spec(m catalog.Market, symbol string, first catalog.Day, rows int, id int64) synth.Spec {
	return synth.Spec{Series: catalog.Series{Market: m, Symbol: symbol}, Period: catalog.DayPeriod(first), Rows: rows, FirstID: id, Seed: uint64(id)}
}

// january is the first day of most files here.
const january = catalog.Day(19723) // 2024-01-01

// awaitStatus waits until the run publishes a status that is good.
func (w *world) awaitStatus(tb testing.TB, good func(runstate.Status) bool) runstate.Status {
	tb.Helper()
	var s runstate.Status
	_, ok := await(runstate.StatusPath(w.lock), func(string) bool {
		var err error
		s, err = runstate.ReadStatus(runstate.StatusPath(w.lock))
		return err == nil && good(s)
	})
	if !ok {
		tb.Fatalf("the run never published what was waited for: %+v", s)
	}
	return s
}

// TestSignals stops a load between two commits and in the middle of a file that streams into the database.
func TestSignals(t *testing.T) {
	t.Parallel()
	signals := map[string]struct {
		signal syscall.Signal
		code   int
	}{"SIGTERM": {syscall.SIGTERM, 143}, "SIGINT": {syscall.SIGINT, 130}, "SIGHUP": {syscall.SIGHUP, 129}}
	for name, tt := range signals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			next := w.make(t, spec(catalog.UM, "BTCUSDT", january, 1000, 1), synth.Plain)
			next.Rows = 3_000_000
			w.make(t, next, synth.Plain)
			var out bytes.Buffer
			cmd := w.command(t.Context(), &out)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			// The small file is committed before the large one begins.
			w.awaitStatus(t, func(s runstate.Status) bool { return s.FilesDone == 1 && strings.Contains(s.CurrentFile, "2024-01-02") })
			sent := time.Now()
			if err := cmd.Process.Signal(tt.signal); err != nil {
				t.Fatal(err)
			}
			if code := exitCode(t, cmd.Wait()); code != tt.code {
				t.Errorf("exit code %d, expected %d\n%s", code, tt.code, &out)
			}
			if took := time.Since(sent); took > 5*time.Second {
				t.Errorf("it took %s to end", took)
			}
			if !strings.Contains(out.String(), "stopped by "+name) || !strings.Contains(out.String(), "Not reached:") {
				t.Errorf("it said: %s", &out)
			}
			s, err := runstate.ReadStatus(runstate.StatusPath(w.lock))
			if err != nil || !s.Ended() || *s.ExitCode != tt.code || !strings.Contains(s.Outcome, name) {
				t.Errorf("status %+v, %v", s, err)
			}
			if got := w.ask(t, "SELECT (SELECT count(*) FROM aggtrades_history), (SELECT count(*) FROM ingestion_log)"); got[0] != "1000|1" {
				t.Errorf("rows and ledger entries are %v, expected those of the first file", got)
			}
			if left, _ := filepath.Glob(w.db + ".wal*"); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			w.run(t, 0)
			if got := w.ask(t, "SELECT count(*), count(DISTINCT agg_trade_id) FROM aggtrades_history"); got[0] != "3001000|3001000" {
				t.Errorf("after the next run: %v", got)
			}
		})
	}
}

// mount is a file system of its own of that size; a test that cannot have one is skipped.
func mount(tb testing.TB, size string) string {
	tb.Helper()
	dir := tb.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		tb.Skipf("mount a small file system: %v", err)
	}
	tb.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

func TestNotEnoughSpace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	small := mount(t, "8m")
	w.db = filepath.Join(small, "trades.duckdb")
	w.make(t, spec(catalog.UM, "BTCUSDT", january, 1000, 1), synth.Plain)
	for _, dry := range []string{"--dry-run=false", "--dry-run"} {
		if out := w.run(t, 5, dry); !strings.Contains(out, "not enough space in "+small+": the load needs about 67 MB, 8.4 MB are free; free space, or load fewer days with --end-date") {
			t.Errorf("it said: %s", out)
		}
		left, err := os.ReadDir(small)
		if err != nil || len(left) > 0 {
			t.Errorf("something was written: %v, %v", left, err)
		}
	}
}

// TestDiskFullInMidLoad fills the file system after the load was found to fit, while it lasts.
func TestDiskFullInMidLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	small := mount(t, "160m")
	w.db = filepath.Join(small, "trades.duckdb")
	next := w.make(t, spec(catalog.UM, "BTCUSDT", january, 1000, 1), synth.Plain)
	next.Rows = 1_000_000
	w.make(t, next, synth.Plain)
	var out bytes.Buffer
	cmd := w.command(t.Context(), &out, "--throttle", "500ms")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.awaitStatus(t, func(s runstate.Status) bool { return s.FilesDone == 1 })
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(small, "filler")
	fill(t, filler)
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if code := exitCode(t, cmd.Wait()); code != 5 {
		t.Errorf("exit code %d, expected 5\n%s", code, &out)
	}
	if !strings.Contains(out.String(), "no space left on its file system; free space there and run again: nothing that was committed is lost") {
		t.Errorf("it said: %s", &out)
	}
	// The disk is still full, and the database can be read.
	if got := w.ask(t, "SELECT (SELECT count(*) FROM aggtrades_history), (SELECT count(*) FROM ingestion_log)"); got[0] != "1000|1" {
		t.Errorf("rows and ledger entries are %v, expected those of the first file", got)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	w.run(t, 0)
	if got := w.ask(t, "SELECT count(*), count(DISTINCT agg_trade_id) FROM aggtrades_history"); got[0] != "1001000|1001000" {
		t.Errorf("after there was space again: %v", got)
	}
}

// fill takes all the space of a file system but a megabyte.
func fill(tb testing.TB, path string) {
	tb.Helper()
	var fs unix.Statfs_t
	f, err := os.Create(path)
	if err == nil {
		defer f.Close()
		err = unix.Statfs(filepath.Dir(path), &fs)
	}
	if err == nil {
		err = unix.Fallocate(int(f.Fd()), 0, 0, int64(fs.Bavail)*fs.Bsize-1<<20)
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// TestAnotherUser has a loader without the right to write, and one without the right to read.
func TestAnotherUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	w := newWorld(t)
	w.make(t, spec(catalog.UM, "BTCUSDT", january, 100, 1), synth.Plain)
	w.run(t, 0)
	w.make(t, spec(catalog.UM, "BTCUSDT", january+1, 100, 101), synth.Plain)
	// The binary lies in a folder that only root may enter.
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(w.dir, program)
	if err := os.Link(path, binary); err != nil {
		t.Skipf("put the binary where others may run it: %v", err)
	}
	for dir := w.dir; dir != os.TempDir(); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	nobody := func(args ...string) (string, int) {
		var out bytes.Buffer
		cmd := w.command(t.Context(), &out, args...)
		cmd.Path = binary
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		code := exitCode(t, cmd.Run())
		return out.String(), code
	}
	state := func() string {
		info, err := os.Stat(w.db)
		return fmt.Sprint(info.ModTime(), info.Size(), err)
	}
	before := state()
	if out, code := nobody(); code != 3 { // the lock file is root's alone
		t.Errorf("with root's lock file: exit code %d: %s", code, out)
	}
	w.lock = filepath.Join(t.TempDir(), "lock")
	if err := os.Chmod(filepath.Dir(w.lock), 0o777); err != nil {
		t.Fatal(err)
	}
	if out, code := nobody(); code != 3 {
		t.Errorf("with a lock file of its own: exit code %d: %s", code, out)
	}
	if out, code := nobody("--dry-run"); code != 0 {
		t.Errorf("a dry run: exit code %d: %s", code, out)
	}
	if after := state(); after != before {
		t.Errorf("the database was touched: %s, %s", before, after)
	}
}

// TestOutputThatNobodyReads has a run whose stdout and stderr are pipes that somebody closed.
func TestOutputThatNobodyReads(t *testing.T) {
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
	cmd := w.command(t.Context(), nil, "--batch-rows", "1")
	cmd.Stdout, cmd.Stderr = pipe, pipe
	_ = cmd.Run()
	if err := pipe.Close(); err != nil {
		t.Fatal(err)
	}
	if got := w.ask(t, "SELECT count(*) FROM aggtrades_history"); got[0] != "5000" {
		t.Errorf("%v rows, expected the whole load", got)
	}
}

// TestProgressOnATerminal draws a bar there and no log lines about single files.
func TestProgressOnATerminal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	next := spec(catalog.UM, "BTCUSDT", january, 200_000, 1)
	for range 3 {
		next = w.make(t, next, synth.Plain)
	}
	screen, terminal := ptytest.Open(t)
	var shown bytes.Buffer
	read := make(chan error, 1)
	go func() {
		_, err := shown.ReadFrom(screen)
		read <- err
	}()
	var stdout bytes.Buffer
	cmd := w.command(t.Context(), &stdout)
	cmd.Stderr = terminal
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if err := terminal.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-read; err != nil && !errors.Is(err, syscall.EIO) { // which is how a terminal ends
		t.Fatal(err)
	}
	for _, want := range []string{"0/3 files", "3/3 files, 600k rows", "B/s]"} {
		if !strings.Contains(shown.String(), want) {
			t.Errorf("no %q in %q", want, shown.String())
		}
	}
	if strings.Contains(shown.String(), "file committed") || !strings.Contains(stdout.String(), "3 of 3 files loaded") {
		t.Errorf("shown %q, report %q", shown.String(), stdout.String())
	}
}

// random is a generator whose seed is told, so that a failure can be had again.
func random(tb testing.TB) *rand.Rand {
	tb.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("CHECK_INGEST_SEED"); text != "" {
		if _, err := fmt.Sscan(text, &seed); err != nil {
			tb.Fatal(err)
		}
	}
	tb.Logf("CHECK_INGEST_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}
