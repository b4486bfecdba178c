package runstate

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// childEnv makes the test binary a child process that does what its arguments say; see childMain.
const childEnv = "RUNSTATE_TEST_CHILD"

// nobody is the user that unprivileged children run as.
const nobody = 65534

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "" {
		os.Exit(m.Run())
	}
	if err := childMain(os.Args[1], os.Args[2:]); err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

// childMain does one thing in a process of its own. It says so in one line on stdout, and stays until its stdin ends.
func childMain(do string, args []string) error {
	switch do {
	case "hold": // LOCKFILE
		l, err := Acquire(context.Background(), args[0], 0)
		if err != nil {
			return err
		}
		fmt.Println("held")
		io.Copy(io.Discard, os.Stdin)
		return l.Release()
	case "publish": // LOCKFILE
		return childPublish(args[0])
	case "inherit": // LOCKFILE: pass the lock on to a child and end
		return childInherit(args[0])
	case "inherited":
		fmt.Println(os.Getpid())
		io.Copy(io.Discard, os.Stdin)
		return nil
	case "posix": // FILE read|write
		return childPOSIX(args[0], args[1])
	case "inspect": // LOCKFILE
		return childInspect(DefaultProcRoot, args[0])
	case "inspect-proc": // LOCKFILE FOLDER OPTIONS [UID]: with a proc of its own
		if err := mountProc(args[1], args[2]); err != nil {
			return err
		}
		if len(args) > 3 {
			if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(nobody), syscall.Setuid(nobody)); err != nil {
				return err
			}
		}
		return childInspect(args[1], args[0])
	case "overlay": // FOLDER
		return childOverlay(args[0])
	case "database": // FILE
		lock, err := DatabaseHolder(args[0])
		if err != nil {
			return err
		}
		fmt.Println(lock.Mode, lock.PID)
		return nil
	default:
		return fmt.Errorf("child cannot %q", do)
	}
}

func childPublish(path string) error {
	syscall.Umask(0o077)
	l, err := Acquire(context.Background(), path, 0)
	if err != nil {
		return err
	}
	p := NewPublisher(l, Status{RunID: "r1", Phase: PhaseLoad, FilesDone: 3, FilesTotal: 4}, time.Minute, time.Now)
	if err := p.Flush(); err != nil {
		return err
	}
	fmt.Println("published")
	io.Copy(io.Discard, os.Stdin)
	code := 7
	return errors.Join(p.Close(func(s *Status) { s.ExitCode = &code }), l.Release())
}

func childInherit(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(exe, "inherited")
	cmd.ExtraFiles = []*os.File{f}
	cmd.Stdin, cmd.Stdout = os.Stdin, os.Stdout
	return cmd.Start()
}

func childPOSIX(path, mode string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	lock := unix.Flock_t{Type: unix.F_RDLCK}
	if mode == "write" {
		lock.Type = unix.F_WRLCK
	}
	if err := unix.FcntlFlock(f.Fd(), unix.F_SETLK, &lock); err != nil {
		return err
	}
	fmt.Println("held")
	io.Copy(io.Discard, os.Stdin)
	return f.Close()
}

// inspected is what a child reports of a State.
type inspected struct {
	Held          bool
	Holder        Holder
	Unknowable    string
	Status        *Status
	StatusIgnored string
	RunEnd        string
}

func childInspect(procRoot, path string) error {
	state, err := Inspect(procRoot, path, time.Now())
	if err != nil {
		return err
	}
	_, end, _ := state.LastRun()
	return json.NewEncoder(os.Stdout).Encode(inspected{
		state.Held, state.Holder, state.Unknowable, state.Status, state.StatusIgnored, end.String(),
	})
}

// childOverlay holds and inspects a lock on an overlay file system made of two tmpfs.
func childOverlay(dir string) error {
	lower, upper, merged := filepath.Join(dir, "lower"), filepath.Join(dir, "upper"), filepath.Join(dir, "merged")
	data, work := filepath.Join(upper, "data"), filepath.Join(upper, "work")
	steps := []func() error{
		func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") },
		func() error {
			return errors.Join(os.Mkdir(lower, 0o755), os.Mkdir(upper, 0o755), os.Mkdir(merged, 0o755))
		},
		func() error { return unix.Mount("lower", lower, "tmpfs", 0, "") },
		func() error { return unix.Mount("upper", upper, "tmpfs", 0, "") },
		func() error { return errors.Join(os.Mkdir(data, 0o755), os.Mkdir(work, 0o755)) },
		func() error {
			return unix.Mount("overlay", merged, "overlay", 0, "lowerdir="+lower+",upperdir="+data+",workdir="+work)
		},
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	path := filepath.Join(merged, "l")
	l, err := Acquire(context.Background(), path, 0)
	if err != nil {
		return err
	}
	defer l.Release()
	if _, err := os.Create(filepath.Join(merged, "other")); err != nil {
		return err
	}
	return childInspect(DefaultProcRoot, path)
}

func mountProc(dir, options string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	return unix.Mount("proc", dir, "proc", 0, options)
}

// child is a process started by a test; it ends with the test.
type child struct {
	cmd   *exec.Cmd
	stdin io.Closer
	out   *bufio.Reader
}

// start runs the test binary as childMain, as nobody if asked.
func start(t *testing.T, attr *syscall.SysProcAttr, args ...string) *child {
	t.Helper()
	return startProgram(t, attr, testBinary(t), args...)
}

func startProgram(t *testing.T, attr *syscall.SysProcAttr, program string, args ...string) *child {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), childEnv+"=1")
	cmd.Dir = "/"
	cmd.SysProcAttr = attr
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		if attr != nil && errors.Is(err, fs.ErrPermission) {
			t.Skipf("this machine does not let the test start %q so: %v", args, err)
		}
		t.Fatal(err)
	}
	c := &child{cmd: cmd, stdin: stdin, out: bufio.NewReader(out)}
	t.Cleanup(func() {
		stdin.Close()
		cmd.Process.Kill()
		cmd.Wait()
	})
	return c
}

// line reads what the child says.
func (c *child) line(t *testing.T) string {
	t.Helper()
	s, err := c.out.ReadString('\n')
	if err != nil {
		t.Fatalf("child %q: %v", c.cmd.Args[1:], err)
	}
	return strings.TrimSuffix(s, "\n")
}

// expect waits until the child says so.
func (c *child) expect(t *testing.T, want string) *child {
	t.Helper()
	if got := c.line(t); got != want {
		t.Fatalf("child %q says %q, want %q", c.cmd.Args[1:], got, want)
	}
	return c
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// finish lets the child end by itself.
func (c *child) finish(t *testing.T) {
	t.Helper()
	c.stdin.Close()
	if err := c.cmd.Wait(); err != nil {
		t.Fatalf("child %q: %v", c.cmd.Args[1:], err)
	}
}

// kill -9.
func (c *child) kill(t *testing.T) {
	t.Helper()
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	c.cmd.Wait()
}

// inspected reads what a child that inspects says.
func (c *child) inspected(t *testing.T) inspected {
	t.Helper()
	text := c.line(t)
	var got inspected
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("child %q says %q", c.cmd.Args[1:], text)
	}
	return got
}

// asNobody runs a child as an unprivileged user.
func asNobody(t *testing.T) *syscall.SysProcAttr {
	t.Helper()
	needRoot(t)
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody, NoSetGroups: false}}
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to act as two users")
	}
}

// openDir is a temporary folder that every user may reach.
func openDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// testBinary is a copy of this test's program that every user may run.
func testBinary(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(openDir(t), filepath.Base(exe))
	if err := os.Link(exe, path); err == nil {
		return path
	}
	data, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// write makes a file with exactly that mode.
func write(t *testing.T, path, content string, mode os.FileMode) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}
