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

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ptytest"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/synth"
	"github.com/check-ingest/check-ingest/internal/testfs"
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

func TestNotEnoughSpace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	small := testfs.Tmpfs(t, "8m")
	w.db = filepath.Join(small, "trades.duckdb")
	w.make(t, spec(catalog.UM, "BTCUSDT", january, 1000, 1), synth.Plain)
	for _, dry := range []string{"--dry-run=false", "--dry-run"} {
		if out := w.run(t, 5, dry); !strings.Contains(out, "not enough space in "+small+": the load needs about 67.1 MB, 8.39 MB are free; free space, or load fewer days with --end-date") {
			t.Errorf("it said: %s", out)
		}
		left, err := os.ReadDir(small)
		if err != nil || len(left) > 0 {
			t.Errorf("something was written: %v, %v", left, err)
		}
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
