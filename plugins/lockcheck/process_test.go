package lockcheck

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/check-ingest/check-ingest/internal/checkcli"
	"github.com/check-ingest/check-ingest/internal/checktest"
	"github.com/check-ingest/check-ingest/internal/proctest"
	"github.com/check-ingest/check-ingest/internal/runstate"
)

// run runs the check as its binary does, without settings from outside.
func run(args ...string) (int, string) {
	return checktest.Run(checkcli.Run[Cmd], "INGEST LOCK", time.Now, args...)
}

// TestMain makes the test binary a process that holds a lock, where a variable names the file: with a status as the
// loader publishes one, or without. It says "held" on stdout and waits for its stdin to end.
func TestMain(m *testing.M) {
	if path := os.Getenv("LOCKCHECK_TEST_HOLD"); path != "" {
		if err := hold(path, os.Getenv("LOCKCHECK_TEST_STATUS") != ""); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func hold(path string, publish bool) error {
	lock, err := runstate.Acquire(context.Background(), path, 0)
	if err != nil {
		return err
	}
	if publish {
		p := runstate.NewPublisher(lock, runstate.Status{RunID: "r1", Version: "v1", Database: "/data/t.duckdb", FilesTotal: 4, FilesDone: 1}, time.Hour, time.Now)
		if err := p.Flush(); err != nil {
			return err
		}
	}
	fmt.Println("held")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// holder starts a process that holds the lock at path, and returns when it does.
func holder(t *testing.T, path string, publish bool) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), "LOCKCHECK_TEST_HOLD="+path)
	if publish {
		cmd.Env = append(cmd.Env, "LOCKCHECK_TEST_STATUS=1")
	}
	wait(t, cmd)
	return cmd
}

// wait starts cmd with a stdin that stays open and waits for the line "held".
func wait(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	proctest.Start(t, cmd, "held")
}

func TestFreeFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ingest.lock")
	code, out := run("--lock-file", path)
	if want := "INGEST LOCK OK: free, there is no lock file " + path; code != 0 || !strings.HasPrefix(out, want) {
		t.Fatalf("exit code %d, %q, want %q", code, out, want)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Fatal("the check made the lock file")
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if !runstateSees(t) {
		t.Skip("this process cannot see all processes' locks")
	}
	if code, out := run("--lock-file", path); code != 0 || out != "INGEST LOCK OK: free | held_for=0s;;;0 held=0;;;0;1\n" {
		t.Fatalf("exit code %d, %q", code, out)
	}
}

// runstateSees reports whether the kernel shows this process the locks of all others.
func runstateSees(t *testing.T) bool {
	t.Helper()
	path := filepath.Join(t.TempDir(), "probe")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := runstate.Inspect(runstate.DefaultProcRoot, path, time.Now())
	return err == nil && s.Unknowable == ""
}

func TestHeldByProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ingest.lock")
	cmd := holder(t, path, true)
	who := fmt.Sprintf("PID %d (", cmd.Process.Pid)
	tests := map[string]struct {
		args []string
		code int
		want []string
	}{
		"is critical, with progress":    {nil, 2, []string{"INGEST LOCK CRITICAL: held by " + who, "1 of 4 files (25%)", "heartbeat_age=", "percent=25%;;;0;100"}},
		"closes a gate":                 {[]string{"--gate"}, 1, []string{"INGEST LOCK CRITICAL"}},
		"or is what --held says":        {[]string{"--held=warning"}, 1, []string{"INGEST LOCK WARNING: held by "}},
		"is fine below a threshold":     {[]string{"-w2h", "-c6h"}, 0, []string{"INGEST LOCK OK: held by ", ";7200;21600;0"}},
		"is not above one":              {[]string{"-c", "0"}, 2, []string{"INGEST LOCK CRITICAL: held for ", ", limit 0s"}},
		"every metric takes thresholds": {[]string{"-w", "percent=50:"}, 1, []string{"INGEST LOCK WARNING: 25% done, limit 50%"}},
		"in JSON":                       {[]string{"-o", "json"}, 2, []string{`"label":"held","value":1`, `"remedy":"Wait for it to end`}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, out := run(append([]string{"--lock-file", path}, tc.args...)...)
			if code != tc.code {
				t.Errorf("exit code %d, want %d", code, tc.code)
			}
			for _, part := range tc.want {
				if !strings.Contains(out, part) {
					t.Errorf("%q lacks %q", out, part)
				}
			}
		})
	}
}

func TestKilledHolderFreesTheLock(t *testing.T) {
	t.Parallel()
	if !runstateSees(t) {
		t.Skip("this process cannot see all processes' locks")
	}
	path := filepath.Join(t.TempDir(), "ingest.lock")
	cmd := holder(t, path, true)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := cmd.Process.Wait(); err != nil {
		t.Fatal(err)
	}
	code, out := run("--lock-file", path)
	if code != 0 || !strings.HasPrefix(out, "INGEST LOCK OK: free, the last run died, its last sign of life was ") {
		t.Fatalf("exit code %d, %q", code, out)
	}
}

func TestStoppedHolderIsStillSeen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ingest.lock")
	cmd := holder(t, path, false)
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Signal(syscall.SIGCONT) }()
	if code, out := run("--lock-file", path); code != 2 || !strings.Contains(out, "which says nothing about itself") {
		t.Fatalf("exit code %d, %q", code, out)
	}
}

func TestHeldByPython(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3")
	}
	dir := t.TempDir()
	path, script := filepath.Join(dir, "ingest.lock"), filepath.Join(dir, "ingest_aggtrades.py")
	const source = "import fcntl, sys\nf = open(sys.argv[1], 'w')\nfcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)\nprint('held', flush=True)\nsys.stdin.read()\n"
	if err := os.WriteFile(script, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	wait(t, exec.CommandContext(t.Context(), python, script, path))
	code, out := run("--lock-file", path)
	if code != 2 || !strings.Contains(out, "ingest_aggtrades.py") || !strings.Contains(out, "which says nothing about itself") {
		t.Fatalf("exit code %d, %q", code, out)
	}
}

func TestPathsThatAreNoFile(t *testing.T) {
	t.Parallel()
	kinds := map[string]func(path string) error{
		"folder":  func(path string) error { return os.Mkdir(path, 0o755) },
		"symlink": func(path string) error { return os.Symlink("elsewhere", path) },
		"FIFO":    func(path string) error { return syscall.Mkfifo(path, 0o600) },
	}
	for kind, create := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "ingest.lock")
			if err := create(path); err != nil {
				t.Fatal(err)
			}
			code, out := run("--lock-file", path)
			if want := fmt.Sprintf("INGEST LOCK CRITICAL: the lock file %s is a %s, and the loader refuses to use it\n", path, kind); code != 2 || out != want {
				t.Fatalf("exit code %d, %q, want %q", code, out, want)
			}
		})
	}
}

func TestFolderThatCannotBeSearched(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	code, out := run("--lock-file", filepath.Join(path, "ingest.lock"))
	if code != 3 || !strings.HasPrefix(out, "INGEST LOCK UNKNOWN: the lock file "+path+"/ingest.lock cannot be looked at: not a directory") {
		t.Fatalf("exit code %d, %q", code, out)
	}
}

// TestProbeDoesNotLock: while the check runs over and over, a load can always take the lock.
func TestProbeDoesNotLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ingest.lock")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				run("--lock-file", path)
			}
		}
	}()
	for range 100 {
		lock, err := runstate.Acquire(t.Context(), path, 0)
		if err != nil {
			t.Error(err)
			break
		}
		if err := lock.Release(); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	<-done
	after, err := os.Stat(path)
	if err != nil || after.Mode() != before.Mode() || after.Size() != 0 || !after.ModTime().Equal(before.ModTime()) {
		t.Fatalf("the lock file changed: %v, %v", after, err)
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	checktest.Help(t, run)
	if _, text := run("--help"); !strings.Contains(strings.Join(strings.Fields(text), " "), "Default: "+runstate.DefaultLockFile+".") {
		t.Error("--lock-file's default is not the path that everybody locks")
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	model, err := checkcli.Model[Cmd]("INGEST LOCK")
	checktest.Settings(t, "check_ingest_lock", model, err)
}
