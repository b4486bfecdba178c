//go:build integration

package integration

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// world is an installation that has loaded some files: a database on a file system of its own, downloads, a lock file, and the settings
// that say where they are.
type world struct {
	dir, data, db, lock, config string
	series                      []synth.Spec // of the next files
	mounted                     bool         // the database's folder is a file system of its own
}

// firstDays is how many days are loaded at the beginning.
const firstDays = 3

// newWorld makes an installation that is well. Its files belong to root; every user may read them.
func newWorld(t *testing.T) *world {
	t.Helper()
	dir := folder(t)
	w := &world{
		dir: dir, data: filepath.Join(dir, "downloads"), db: filepath.Join(dir, "db", "trades.duckdb"),
		lock: filepath.Join(dir, "run", "ingest.lock"), config: filepath.Join(dir, "config.yaml"),
	}
	for _, d := range []string{w.data, filepath.Dir(w.db), filepath.Dir(w.lock)} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	w.mounted = unix.Mount("tmpfs", filepath.Dir(w.db), "tmpfs", 0, "mode=755,size=512M") == nil
	if w.mounted {
		t.Cleanup(func() { _ = unix.Unmount(filepath.Dir(w.db), unix.MNT_DETACH) })
	}
	write(t, w.config, fmt.Sprintf("db: %s\ndata-dir: %s\nlock-file: %s\ncheck_ingest_disk:\n  warning: [\"free=2MB:\"]\n  critical: [\"free=1MB:\"]\n", w.db, w.data, w.lock))
	day := catalog.DayOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	for i, symbol := range []string{"BTCUSDT", "ETHUSDT"} {
		w.series = append(w.series, synth.Spec{
			Series: catalog.Series{Market: catalog.UM, Symbol: symbol}, Period: catalog.DayPeriod(day), Rows: 2000, FirstID: 1, Seed: uint64(i),
		})
	}
	w.download(t, firstDays)
	w.load(t, 0)
	return w
}

// env is the environment in which checks and loader find the world's settings.
func (w *world) env() []string { return []string{"CHECK_INGEST_CONFIG=" + w.config} }

// download adds the files of the next days, and gives the path of the last.
func (w *world) download(t *testing.T, days int) string {
	t.Helper()
	last := ""
	for range days {
		for i, s := range w.series {
			path, err := synth.WriteFile(w.data, synth.Mirror, s, synth.Zip)
			if err != nil {
				t.Fatal(err)
			}
			last, w.series[i] = path, s.Next()
		}
	}
	return last
}

// load runs the loader, which has to end with the exit code.
func (w *world) load(t *testing.T, code int) {
	t.Helper()
	cmd := exec.Command(filepath.Join(install(t), "ingest-aggtrades"), "--threads=1")
	cmd.Env = append(os.Environ(), w.env()...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != code {
		t.Fatalf("load: %v, want exit code %d\n%s", err, code, out)
	}
}

// loader starts a load that pauses after its first file, and waits until it says so in its status.
func (w *world) loader(t *testing.T) *os.Process {
	t.Helper()
	d := launch(t, w.env(), filepath.Join(install(t), "ingest-aggtrades"), "--threads=1", "--batch-rows=1", "--throttle=1h")
	var pid int
	d.await(t, "a load that runs", func() error {
		s, err := runstate.ReadStatus(runstate.StatusPath(w.lock))
		if err == nil && (s.FilesDone == 0 || s.Ended()) {
			err = fmt.Errorf("status %+v", s)
		}
		pid = s.PID
		return err
	})
	p, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Signal(syscall.SIGCONT) }) // or its keeper waits for it longer
	return p
}

// hang stops a loader, and sets its last sign of life back instead of waiting.
func (w *world) hang(t *testing.T, p *os.Process) {
	t.Helper()
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	path := runstate.StatusPath(w.lock)
	s, err := runstate.ReadStatus(path)
	if err != nil {
		t.Fatal(err)
	}
	s.StartedAt, s.HeartbeatAt = s.StartedAt.Add(-time.Hour), s.HeartbeatAt.Add(-5*time.Minute)
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, string(text))
}

// stop lets a loader end as systemd would, and waits until its lock is free.
func (w *world) stop(t *testing.T, p *os.Process) {
	t.Helper()
	for _, s := range []os.Signal{syscall.SIGTERM, syscall.SIGCONT} {
		if err := p.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(w.lock)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
}

// fill leaves half a megabyte on the database's file system.
func (w *world) fill(t *testing.T) {
	t.Helper()
	w.resize(t, 512<<10)
}

func (w *world) resize(t *testing.T, free int64) {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(filepath.Dir(w.db), &st); err != nil {
		t.Fatal(err)
	}
	size := int64(st.Blocks-st.Bfree)*st.Bsize + free
	if err := unix.Mount("tmpfs", filepath.Dir(w.db), "tmpfs", unix.MS_REMOUNT, fmt.Sprintf("mode=755,size=%d", size)); err != nil {
		t.Fatal(err)
	}
}

// holdVariable tells the test binary to hold a file open as a program does that writes to a database.
const holdVariable = "INTEGRATION_HOLD"

func hold(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.FcntlFlock(f.Fd(), unix.F_SETLKW, &unix.Flock_t{Type: unix.F_WRLCK}); err != nil {
		return err
	}
	if _, err := fmt.Println("held"); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// holdDB starts a program that holds the database, and gives what ends it.
func (w *world) holdDB(t *testing.T) (release func()) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), holdVariable+"="+w.db)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	release = func() {
		stdin.Close()
		_ = cmd.Wait() // the second time it has ended
	}
	t.Cleanup(release)
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "held\n" {
		t.Fatalf("the holder says %q, %v", line, err)
	}
	return release
}

// truncate cuts a file to half its size.
func truncate(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()/2); err != nil {
		t.Fatal(err)
	}
}
