//go:build integration

package integration

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// keepVariable tells the test binary to be a keeper: it runs the program that its arguments name, and when its standard input ends, as it
// does when the test ends in whatever way, it ends that program and everything it has started.
const keepVariable = "INTEGRATION_KEEP"

// grace is how long a daemon may take to end before it is killed.
const grace = 5 * time.Second

func keep(args []string) (int, error) {
	// What a daemon's own children leave behind becomes a child of the keeper, which so can find it.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return 0, fmt.Errorf("become a subreaper: %w", err)
	}
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM)
	if err := os.Unsetenv(keepVariable); err != nil {
		return 0, err
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	abandoned := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // it ends either way
		close(abandoned)
	}()
	var err error
	select {
	case err = <-ended:
	case <-abandoned:
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may be gone
		select {
		case <-ended:
		case <-time.After(grace):
		}
	}
	for {
		pids := descendants(os.Getpid())
		if len(pids) == 0 {
			break
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may be gone
		}
		_, _ = syscall.Wait4(-1, nil, 0, nil) // cmd.Wait may have been faster
	}
	if cmd.ProcessState != nil && err != nil {
		return cmd.ProcessState.ExitCode(), fmt.Errorf("%s: %w", filepath.Base(args[0]), err)
	}
	return 0, nil
}

// descendants are the processes below a process, by the kernel's lists of children.
func descendants(pid int) []int {
	var all []int
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // the pattern is right
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			continue // it ended
		}
		for _, field := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				all = append(append(all, child), descendants(child)...)
			}
		}
	}
	return all
}

// daemon is a running daemon under its keeper.
type daemon struct {
	name  string
	cmd   *exec.Cmd
	out   *output
	ended chan struct{}
}

// output collects what a daemon prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// launch starts a daemon in the foreground, which ends with the test at the latest. Its output is shown where the test fails.
func launch(t *testing.T, env []string, program string, args ...string) *daemon {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{name: filepath.Base(program), out: &output{}, ended: make(chan struct{})}
	d.cmd = exec.Command(self, append([]string{program}, args...)...)
	d.cmd.Env = append(append(os.Environ(), keepVariable+"=1"), env...)
	d.cmd.Stdout, d.cmd.Stderr = d.out, d.out
	d.cmd.Dir = "/"
	stdin, err := d.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = d.cmd.Wait() // how it ended is in its output
		close(d.ended)
	}()
	t.Cleanup(func() {
		stdin.Close()
		<-d.ended
		if t.Failed() {
			t.Logf("%s said:\n%s", d.name, d.out)
		}
	})
	return d
}

// patience is how long tests wait for a condition: far longer than it takes on a machine that has other things to do.
const patience = 3 * time.Minute

// await repeats try until it gives no error, and ends the test where the daemon has ended or patience has.
func (d *daemon) await(t *testing.T, what string, try func() error) {
	t.Helper()
	if err := d.comes(try); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// comes repeats try until it gives no error. Where the daemon has ended or patience has it gives the last one.
func (d *daemon) comes(try func() error) error {
	deadline := time.Now().Add(patience)
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-d.ended:
			return fmt.Errorf("%s ended: %w", d.name, err)
		case <-time.After(100 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return err
		}
	}
}

// freePort is a port of the loopback interface that nobody listens on. It is below those that the kernel gives to clients, one of which might
// get it before the daemon does, and within the range that Zabbix accepts.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 20000 + rand.IntN(12000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

// run runs a program to its end and gives what it printed; it has to succeed.
func run(t *testing.T, env []string, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(program), strings.Join(args, " "), err, out)
	}
	return string(out)
}
