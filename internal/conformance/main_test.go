package conformance

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/internal/proctest"
)

// binVariable names a folder with binaries to test instead of building them: those of a release, for instance.
const binVariable = "CHECK_INGEST_BIN"

// TestMain makes the folder for all tests. Where a variable names a file, the test binary is a process that holds a lock on it.
func TestMain(m *testing.M) {
	if path := os.Getenv(holdVariable); path != "" {
		if err := hold(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code, err := inRoot(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// root is the folder of everything that the tests make. Every user may search it, so that checks can run as nobody.
var root string

func inRoot(run func() int) (code int, err error) {
	if root, err = os.MkdirTemp("", "conformance"); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(root)) }()
	if err := os.Chmod(root, 0o755); err != nil {
		return 0, err
	}
	return run(), nil
}

// folder makes an empty folder that every user may search and read.
func folder(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp(root, "")
	if err != nil {
		tb.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		tb.Fatal(err)
	}
	return dir
}

// binaries are the programs by name, each built when a test first wants it.
var binaries sync.Map

// binary is the path of a program of cmd.
func binary(tb testing.TB, name string) string {
	tb.Helper()
	build, _ := binaries.LoadOrStore(name, sync.OnceValues(func() (string, error) { return compile(name) }))
	path, err := build.(func() (string, error))()
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

// building lets one go build run at a time: each takes all cores it can get.
var building sync.Mutex

func compile(name string) (string, error) {
	building.Lock()
	defer building.Unlock()
	path := filepath.Join(root, "bin", name)
	if dir := os.Getenv(binVariable); dir != "" {
		// A copy that every user may run. Not made here: a test that forks meanwhile would keep it open for writing.
		out, err := exec.Command("install", "-D", "-m", "755", filepath.Join(dir, name), path).CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("copy %s: %w\n%s", name, err, out)
		}
		return path, nil
	}
	cmd := exec.Command("go", "build", "-o", path, "github.com/check-ingest/check-ingest/cmd/"+name)
	cmd.Env = os.Environ()
	if slices.Contains([]string{"check_ingest_lock", "check_ingest_disk", "check_ingest_csv"}, name) {
		cmd.Env = append(cmd.Env, "CGO_ENABLED=0")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", name, err, out)
	}
	return path, nil
}

// What the test binary is told when it is to hold a lock, and a database as a writer does.
const (
	holdVariable   = "CONFORMANCE_HOLD"
	holdDBVariable = "CONFORMANCE_HOLD_DB"
)

// hold takes the lock at path, and that on a database if one is named, says so, and keeps them until stdin ends.
func hold(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return err
	}
	if db := os.Getenv(holdDBVariable); db != "" {
		d, err := os.OpenFile(db, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		defer d.Close()
		if err := unix.FcntlFlock(d.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}); err != nil {
			return err
		}
	}
	if _, err := fmt.Println("held"); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// holding is a process that holds a lock.
type holding struct {
	lock    string
	db      string   // "" for none
	program []string // its name and arguments, if it is to call itself something
}

// start starts it: this binary, under whatever name. It ends with the test.
func (h holding) start(tb testing.TB) *os.Process {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(self)
	if len(h.program) > 0 {
		cmd.Args = h.program
	}
	cmd.Env = append(os.Environ(), holdVariable+"="+h.lock, holdDBVariable+"="+h.db)
	cmd.Stderr = os.Stderr
	proctest.Start(tb, cmd, "held")
	return cmd.Process
}
