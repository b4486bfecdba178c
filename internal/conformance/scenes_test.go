package conformance

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// scenes are the worlds that the documentation's examples are of.
func scenes() map[string]func(*testing.T) world {
	return map[string]func(*testing.T) world{
		"free":       freeScene,
		"loading":    loadingScene,
		"hung":       hungScene,
		"died":       diedScene,
		"python":     pythonScene,
		"fifo":       fifoScene,
		"first-load": firstLoadScene,
		"more-files": moreFilesScene,
		"too-small":  tooSmallScene,
		"read-only":  readOnlyScene,
	}
}

func sceneSpec() synth.Spec {
	day := catalog.DayOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	return synth.Spec{Series: catalog.Series{Market: catalog.UM, Symbol: "BTCUSDT"}, Period: catalog.DayPeriod(day), Rows: 5000, FirstID: 1}
}

// freeScene is after a load.
func freeScene(t *testing.T) world {
	t.Helper()
	w := emptyWorld(t)
	w.put(t, lot{spec: sceneSpec(), files: 4, packing: synth.Zip})
	w.mustLoad(t, 0)
	return w
}

// loader starts a load that pauses after its first file, and waits until it does.
func (w world) loader(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(binary(t, "ingest-aggtrades"), "--db", w.db, "--data-dir", w.data, "--lock-file", w.lock, "--batch-rows=1", "--throttle=1h")
	cmd.Env = []string{"CHECK_INGEST_CONFIG=" + noSettings(t)}
	log := &lines{want: "file committed", seen: make(chan struct{})}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGCONT) // it may have been stopped, or be gone
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	select {
	case <-log.seen:
	case <-time.After(time.Minute):
		t.Fatal("the load commits nothing")
	}
	// It says so in its log a moment before it does in its status and its snapshot.
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		status, err := runstate.ReadStatus(runstate.StatusPath(w.lock))
		_, noSnapshot := ledger.ReadSnapshot(ledger.PathFor(w.db))
		if err == nil && status.FilesDone > 0 && noSnapshot == nil {
			return cmd
		}
		if time.Now().After(deadline) {
			t.Fatalf("the load publishes nothing: %+v, %v", status, err)
		}
	}
}

// lines closes seen when what is written to it has the text wanted.
type lines struct {
	want string
	text bytes.Buffer
	seen chan struct{}
	done bool
}

func (l *lines) Write(p []byte) (int, error) {
	l.text.Write(p)
	if !l.done && strings.Contains(l.text.String(), l.want) {
		l.done = true
		close(l.seen)
	}
	return len(p), nil
}

func loadingScene(t *testing.T) world {
	t.Helper()
	w := emptyWorld(t)
	w.put(t, lot{spec: sceneSpec(), files: 4, packing: synth.Zip})
	w.loader(t)
	return w
}

// hungScene is a loader that was stopped. Its last sign of life is set back instead of waiting, but for what the pages show.
func hungScene(t *testing.T) world {
	t.Helper()
	w := emptyWorld(t)
	w.put(t, lot{spec: sceneSpec(), files: 4, packing: synth.Zip})
	cmd := w.loader(t)
	if *updateDocs {
		if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		time.Sleep(47 * time.Second)
		return w
	}
	w.stop(t, cmd)
	return w
}

// stop stops a loader and sets its last sign of life back.
func (w world) stop(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	status, err := runstate.ReadStatus(runstate.StatusPath(w.lock))
	if err != nil {
		t.Fatal(err)
	}
	status.StartedAt = status.StartedAt.Add(-time.Hour)
	status.HeartbeatAt = status.HeartbeatAt.Add(-5 * time.Minute)
	data, err := json.Marshal(status)
	if err != nil {
		t.Fatal(err)
	}
	file(t, runstate.StatusPath(w.lock), string(data))
}

func diedScene(t *testing.T) world {
	t.Helper()
	w := emptyWorld(t)
	w.put(t, lot{spec: sceneSpec(), files: 4, packing: synth.Zip})
	cmd := w.loader(t)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	return w
}

// pythonScene is a Python script that holds the lock as the old loader did.
func pythonScene(t *testing.T) world {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3")
	}
	w := emptyWorld(t)
	script := file(t, filepath.Join(w.dir, "ingest_aggtrades.py"), "import fcntl, sys\nf = open(sys.argv[1], 'w')\nfcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)\nprint('held', file=sys.stderr, flush=True)\nsys.stdin.read()\n")
	cmd := exec.Command(python, script, w.lock)
	log := &lines{want: "held", seen: make(chan struct{})}
	cmd.Stderr = log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Wait()
	})
	<-log.seen
	return w
}

func fifoScene(t *testing.T) world {
	t.Helper()
	w := emptyWorld(t)
	if err := syscall.Mkfifo(w.lock, 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

func firstLoadScene(t *testing.T) world {
	t.Helper()
	w := emptyWorld(t)
	w.put(t, lot{spec: sceneSpec(), files: 4, packing: synth.Zip})
	return w
}

func moreFilesScene(t *testing.T) world {
	t.Helper()
	w := freeScene(t)
	w.put(t, lot{spec: sceneSpec(), from: 4, files: 3, packing: synth.Zip})
	return w
}

// mounted gives the world's folder a file system of its own.
func (w world) mounted(t *testing.T, flags uintptr) world {
	t.Helper()
	if err := unix.Mount("tmpfs", w.dir, "tmpfs", flags, "mode=755,size=64M"); err != nil {
		t.Skipf("may not mount: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(w.dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return w
}

func tooSmallScene(t *testing.T) world {
	t.Helper()
	w := emptyWorld(t).mounted(t, 0)
	if err := os.Mkdir(w.data, 0o755); err != nil {
		t.Fatal(err)
	}
	w.put(t, lot{spec: sceneSpec(), files: 1, packing: synth.Zip})
	return w
}

func readOnlyScene(t *testing.T) world {
	t.Helper()
	return emptyWorld(t).mounted(t, unix.MS_RDONLY)
}
