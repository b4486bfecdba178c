package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/synth"
	"github.com/check-ingest/check-ingest/internal/testfs"
)

// stopped starts a load of a small file and three larger ones, one of them staged, and stops it when the small one is committed.
func (w *world) stopped(t *testing.T, out *bytes.Buffer) (goOn func() (code int)) {
	t.Helper()
	next := w.make(t, spec(catalog.UM, "BTCUSDT", january, 1000, 1), synth.Plain)
	next.Rows = 60_000
	next = w.make(t, next, synth.Plain)
	rows := strings.SplitAfter(strings.TrimPrefix(string(synth.CSV(next)), synth.Header+"\n"), "\n")
	rows[0], rows[50_000] = rows[50_000], rows[0]
	write(t, filepath.Join(w.data, next.Folder(synth.Mirror), next.Name(synth.Plain)), strings.Join(rows, ""))
	w.make(t, next.Next(), synth.Plain)
	cmd := w.command(t.Context(), out, "--batch-rows", "1", "--throttle", "1s")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.awaitStatus(t, func(s runstate.Status) bool { return s.FilesDone == 1 || s.FilesDone == 2 })
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	return func() int {
		if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		return exitCode(t, cmd.Wait())
	}
}

// checkFiles has every file of the database wholly there and recorded, or neither, and the first one there. It tells how many there are.
func (w *world) checkFiles(t *testing.T) int {
	t.Helper()
	got := w.ask(t, `SELECT count(*), count(*) FILTER (WHERE status = 'success'), coalesce(sum(rows_inserted), 0),
		(SELECT count(*) FROM aggtrades_history), (SELECT count(DISTINCT agg_trade_id) FROM aggtrades_history) FROM ingestion_log`)[0]
	f := strings.Split(got, "|")
	files, err := strconv.Atoi(f[0])
	if err != nil || f[1] != f[0] || f[2] != f[3] || f[3] != f[4] || files < 1 {
		t.Errorf("entries, of which successful, their rows, rows, ids: %s", got)
	}
	return files
}

const allStopped = "181000|181000" // rows and ids once all that stopped loads is there

// TestDiskFullInMidLoad fills the file system after the load was found to fit, while it lasts, to many degrees.
func TestDiskFullInMidLoad(t *testing.T) {
	t.Parallel()
	leaves := []int64{0, 300 << 10, 2 << 20, 5 << 20}
	if os.Getenv("CHECK_INGEST_KILLS") != "" { // the soak
		leaves = nil
		for leave := int64(0); leave < 8<<20; leave += 256 << 10 {
			leaves = append(leaves, leave)
		}
	}
	kinds := map[string]func(t *testing.T) string{
		"tmpfs": func(t *testing.T) string { t.Helper(); return testfs.Tmpfs(t, "120m") },
		"ext4":  func(t *testing.T) string { t.Helper(); return testfs.Ext4(t, 120<<20).Dir },
	}
	for kind, mount := range kinds {
		for _, leave := range leaves {
			t.Run(fmt.Sprintf("%s, %d KiB left", kind, leave>>10), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				small := mount(t)
				w.db, w.lock = filepath.Join(small, "trades.duckdb"), filepath.Join(small, "lock") // and so the snapshot, the status and temporary files
				var out bytes.Buffer
				goOn := w.stopped(t, &out)
				free := testfs.Fill(t, small, leave)
				code := goOn()
				// The disk is still full, and the database can be read.
				files := w.checkFiles(t)
				switch {
				case code == 0 && files == 4: // there was enough
				case code != 5 || files == 4:
					t.Errorf("exit code %d with %d files loaded\n%s", code, files, &out)
				case !strings.Contains(out.String(), "free space there and run again: nothing that was committed is lost"):
					t.Errorf("it said: %s", &out)
				}
				free()
				w.run(t, 0)
				if got := w.ask(t, "SELECT count(*), count(DISTINCT agg_trade_id) FROM aggtrades_history"); got[0] != allStopped {
					t.Errorf("after there was space again: %v", got)
				}
				if left, err := filepath.Glob(filepath.Join(small, ".*")); err != nil || len(left) > 0 {
					t.Errorf("left behind: %v, %v", left, err)
				}
			})
		}
	}
}

// TestDiskFullInASharedTransaction fills the file system while large files share a transaction: those that there was room for are kept.
func TestDiskFullInASharedTransaction(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes minutes with the race detector, and runs what other tests run")
	}
	const rows, files = 320_000, 4 // 17 MB of CSV, some 4 MB of database, each
	for leave, atLeast := range map[int64]int{0: 1, 3 << 20: 1, 7 << 20: 2, 11 << 20: 2} {
		t.Run(fmt.Sprintf("%d MiB left", leave>>20), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			small := testfs.Tmpfs(t, "160m")
			w.db, w.lock = filepath.Join(small, "trades.duckdb"), filepath.Join(small, "lock")
			next := w.make(t, spec(catalog.UM, "BTCUSDT", january, 1000, 1), synth.Plain)
			next.Rows = rows
			for range files {
				next = w.make(t, next, synth.Plain)
			}
			var out bytes.Buffer
			cmd := w.command(t.Context(), &out, "--throttle", "1s")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			w.awaitStatus(t, func(s runstate.Status) bool { return s.FilesDone == 1 })
			if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			free := testfs.Fill(t, small, leave)
			if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
			if code := exitCode(t, cmd.Wait()); code != 5 || !strings.Contains(out.String(), "free space there and run again: nothing that was committed is lost") {
				t.Errorf("exit code %d\n%s", code, &out)
			}
			if got := w.checkFiles(t); got < atLeast || got > files {
				t.Errorf("%d files are kept, expected at least %d\n%s", got, atLeast, &out)
			}
			free()
			w.run(t, 0)
			if got, want := w.ask(t, "SELECT count(*), count(DISTINCT agg_trade_id) FROM aggtrades_history"), fmt.Sprint(1000+files*rows); got[0] != want+"|"+want {
				t.Errorf("after there was space again: %v, expected %s", got, want)
			}
		})
	}
}

// TestReadOnlyInMidLoad takes the right to write from a file system while a load lasts, as the kernel does where the disk fails (mount option
// errors=remount-ro).
func TestReadOnlyInMidLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	disk := testfs.Ext4(t, 120<<20)
	w.db = filepath.Join(disk.Dir, "trades.duckdb")
	var out bytes.Buffer
	goOn := w.stopped(t, &out)
	disk.Fail(t)
	if code := goOn(); code != 3 || !strings.Contains(out.String(), "lies on a file system that is mounted read-only; remount it read-write") &&
		!strings.Contains(out.String(), "input/output error; look at the disk (dmesg)") {
		t.Errorf("exit code %d\n%s", code, &out)
	}
	disk.Recover(t)
	w.checkFiles(t)
	w.run(t, 0)
	if got := w.ask(t, "SELECT count(*), count(DISTINCT agg_trade_id) FROM aggtrades_history"); got[0] != allStopped {
		t.Errorf("after it was mounted again: %v", got)
	}
}

// TestTemporaryFolder has a load that needs temporary files and cannot have them.
func TestTemporaryFolder(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		prepare func(t *testing.T, w *world) (mend func())
		code    int
		says    string
	}{
		"a file in its place": {func(t *testing.T, w *world) func() {
			t.Helper()
			write(t, w.db+".tmp", "notes")
			return func() { remove(t, w.db+".tmp") }
		}, 3, "trades.duckdb: temporary files cannot be written beside it; make trades.duckdb.tmp a folder that this user may write to, or remove it, and run again"},
		"a link in its place": {func(t *testing.T, w *world) func() {
			t.Helper()
			if err := os.Symlink(t.TempDir(), w.db+".tmp"); err != nil {
				t.Fatal(err)
			}
			return func() { remove(t, w.db+".tmp") }
		}, 3, "trades.duckdb: temporary files cannot be written beside it; make trades.duckdb.tmp a folder"},
		"full": {func(t *testing.T, w *world) func() {
			t.Helper()
			if err := os.Mkdir(w.db+".tmp", 0o755); err != nil {
				t.Fatal(err)
			}
			return testfs.TmpfsAt(t, w.db+".tmp", "4m")
		}, 5, "trades.duckdb: no space left for its temporary files; free space, or raise --memory-limit, and run again: nothing that was committed is lost"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			next := w.make(t, spec(catalog.UM, "BTCUSDT", january, 1000, 1), synth.Plain)
			w.run(t, 0)
			mend := tt.prepare(t, w)
			w.stages(t, next)
			out := w.run(t, tt.code, "--memory-limit", "64MiB")
			if !strings.Contains(out, tt.says) {
				t.Errorf("it said: %s", out)
			}
			w.checkFiles(t)
			mend()
			w.run(t, 0, "--memory-limit", "64MiB")
			if files := w.checkFiles(t); files != 2 {
				t.Errorf("%d files loaded after there was a temporary folder", files)
			}
		})
	}
}

// stages makes a file that is staged, and whose staging does not fit into little memory.
func (w *world) stages(t *testing.T, s synth.Spec) {
	t.Helper()
	s.Rows = 700_000
	rows := strings.SplitAfter(strings.TrimPrefix(string(synth.CSV(s)), synth.Header+"\n"), "\n")
	rows[0], rows[600_000] = rows[600_000], rows[0]
	write(t, filepath.Join(w.data, s.Folder(synth.Mirror), s.Name(synth.Plain)), strings.Join(rows, ""))
}

// TestSpilledFilesOfAKilledLoad: DuckDB's temporary files stay when it is killed, and the next load removes them, and nothing else.
func TestSpilledFilesOfAKilledLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	next := w.make(t, spec(catalog.UM, "BTCUSDT", january, 1000, 1), synth.Plain)
	w.run(t, 0)
	w.stages(t, next)
	var out bytes.Buffer
	cmd := w.command(t.Context(), &out, "--memory-limit", "64MiB")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	spilled := func() int {
		files, _ := filepath.Glob(w.db + ".tmp/duckdb_temp_*") // the pattern is good
		return len(files)
	}
	if !poll(func() bool { return spilled() > 0 }) {
		t.Fatalf("it never spilled\n%s", &out)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	if spilled() == 0 {
		t.Fatal("the killed load left no temporary files, so that there is nothing to test")
	}
	notes := filepath.Join(w.db+".tmp", "notes")
	write(t, notes, "mine")
	if out := w.run(t, 0); !strings.Contains(out, "removed temporary files of a load that was killed") {
		t.Errorf("it said: %s", out)
	}
	if n := spilled(); n > 0 {
		t.Errorf("%d temporary files are still there", n)
	}
	if _, err := os.Stat(notes); err != nil {
		t.Error(err)
	}
	w.checkFiles(t)
}
