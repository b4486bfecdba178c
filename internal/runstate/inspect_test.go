package runstate

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

const (
	heldLine    = "1: FLOCK  ADVISORY  WRITE 123 FILE 0 EOF"
	ofOpenFile  = "1: OFDLCK ADVISORY  WRITE -1 FILE 0 EOF"
	otherLine   = "2: POSIX  ADVISORY  WRITE 77 00:1f:999999999 0 EOF"
	waitingLine = "1: -> FLOCK  ADVISORY  WRITE 124 FILE 0 EOF"
)

// pythonHolder is process 123 of a fixture.
func pythonHolder() Holder {
	return Holder{
		PID: 123, InnerPID: 123, Program: "python3 ingest.py", User: userName(os.Geteuid()), UID: os.Geteuid(),
		Since: time.Unix(1000000050, 0).UTC(), StartTicks: 5000, Known: true,
	}
}

func TestInspectFindsTheHolderInTheLockTable(t *testing.T) {
	t.Parallel()
	unseen := Holder{UID: -1}
	for name, test := range map[string]struct {
		set        func(f *fixture)
		held       bool
		holder     Holder
		unknowable string // a part of it
	}{
		"an empty table":                   {set: func(f *fixture) { f.locks() }},
		"locks on other files":             {set: func(f *fixture) { f.locks(otherLine, "3: FLOCK  ADVISORY  WRITE 0 <none>:0 0 EOF") }},
		"the same inode on another device": {set: func(f *fixture) { f.locks("1: FLOCK  ADVISORY  WRITE 123 7f:7f:INO 0 EOF"); f.process(123, 123) }},
		"only processes that wait":         {set: func(f *fixture) { f.locks("1: FLOCK  ADVISORY  WRITE 77 00:1f:9 0 EOF", waitingLine) }},
		"a lease":                          {set: func(f *fixture) { f.locks("1: LEASE  ACTIVE    WRITE 123 FILE 0 EOF") }},
		"a POSIX lock for reading":         {set: func(f *fixture) { f.locks("1: POSIX  ADVISORY  READ 123 FILE 0 EOF") }},
		"an flock, among others": {
			set:  func(f *fixture) { f.locks(otherLine, heldLine, waitingLine); f.process(123, 123) },
			held: true, holder: pythonHolder(),
		},
		"a shared flock": {
			set:  func(f *fixture) { f.locks(strings.Replace(heldLine, "WRITE", "READ ", 1)); f.process(123, 123) },
			held: true, holder: pythonHolder(),
		},
		"a POSIX lock for writing": {
			set:  func(f *fixture) { f.locks(strings.Replace(heldLine, "FLOCK", "POSIX", 1)); f.process(123, 123) },
			held: true, holder: pythonHolder(),
		},
		"a process of another PID namespace": {
			set:  func(f *fixture) { f.locks(strings.Replace(heldLine, "123", "0", 1)) },
			held: true, holder: unseen, unknowable: "another PID namespace",
		},
		"a process that has ended": {
			set:  func(f *fixture) { f.locks(heldLine) },
			held: true, holder: unseen, unknowable: "process 123 took the lock and has ended",
		},
		"a process that has ended, and a child of it": {
			set: func(f *fixture) {
				f.locks(strings.Replace(heldLine, "123", "99", 1))
				f.process(123, 123)
				f.opens(123, 7, f.lock, "lock:\t"+heldLine)
				f.process(122, 122) // has the file open, and no lock
				f.opens(122, 7, f.lock)
			},
			held: true, holder: pythonHolder(),
		},
		"a process that has ended, and another with its PID": {
			set: func(f *fixture) {
				f.locks(heldLine)
				f.process(123, 123)
				f.opens(123, 0, os.DevNull)
			},
			held: true, holder: unseen, unknowable: "process 123 took the lock and has ended",
		},
		"a process that has the file open twice": {
			set: func(f *fixture) {
				f.locks(heldLine)
				f.process(123, 123)
				f.opens(123, 3, f.lock)
				f.opens(123, 4, f.lock, "lock:\t"+heldLine)
			},
			held: true, holder: pythonHolder(),
		},
		"an open file's lock": {
			set: func(f *fixture) {
				f.locks(ofOpenFile)
				f.process(123, 123)
				f.opens(123, 3, f.lock, "lock:\t"+ofOpenFile)
			},
			held: true, holder: pythonHolder(),
		},
		"an open file's lock, and nothing else to see": {
			set:  func(f *fixture) { f.locks(ofOpenFile) },
			held: true, holder: unseen, unknowable: "belongs to an open file",
		},
		"btrfs: the mount's device, and the process has the file open": {
			set: func(f *fixture) {
				f.mounted(unix.Mkdev(0, 0x33), "btrfs")
				f.locks("1: FLOCK  ADVISORY  WRITE 123 00:33:INO 0 EOF")
				f.process(123, 123)
				f.opens(123, 3, f.lock, "lock:\t1: FLOCK  ADVISORY  WRITE 123 00:33:INO 0 EOF")
			},
			held: true, holder: pythonHolder(),
		},
		"btrfs: the mount's device, and the process may not be looked into": {
			set: func(f *fixture) {
				f.mounted(unix.Mkdev(0, 0x33), "btrfs")
				f.locks("1: FLOCK  ADVISORY  WRITE 123 00:33:INO 0 EOF")
				f.process(123, 123)
			},
			held: true, holder: pythonHolder(),
		},
		"btrfs: the mount's device, but the file of another subvolume": {
			set: func(f *fixture) {
				f.mounted(unix.Mkdev(0, 0x33), "btrfs")
				f.locks("1: FLOCK  ADVISORY  WRITE 123 00:33:INO 0 EOF")
				f.process(123, 123)
				f.opens(123, 3, os.DevNull)
			},
		},
		"an unknown mount, and the process has the file open": {
			set: func(f *fixture) {
				f.file("self/mountinfo", "")
				f.locks("1: FLOCK  ADVISORY  WRITE 123 00:33:INO 0 EOF")
				f.process(123, 123)
				f.opens(123, 3, f.lock, "lock:\t1: FLOCK  ADVISORY  WRITE 123 00:33:INO 0 EOF")
			},
			held: true, holder: pythonHolder(),
		},
		"an unknown mount, and the process may not be looked into": {
			set: func(f *fixture) {
				f.file("self/mountinfo", "")
				f.locks("1: FLOCK  ADVISORY  WRITE 123 00:33:INO 0 EOF")
				f.process(123, 123)
			},
		},
		"no table": {
			set:        func(f *fixture) { os.Remove(filepath.Join(f.proc, "locks")) },
			unknowable: "lock table cannot be read: open ",
		},
		"a table of another format": {
			set:        func(f *fixture) { f.locks("1: FLOCK WRITE") },
			unknowable: "unexpected format",
		},
		"a container": {
			set:        func(f *fixture) { f.link("self/ns/pid", "pid:[4026532000]") },
			unknowable: "PID namespace (a container) to which the kernel does not show",
		},
		"a container's own process": {
			set: func(f *fixture) {
				f.link("self/ns/pid", "pid:[4026532000]")
				f.locks(heldLine)
				f.process(123, 123)
			},
			held: true, holder: pythonHolder(),
		},
		"a network file system": {
			set:        func(f *fixture) { f.mounted(f.st.Dev, "nfs4") },
			unknowable: "network file system (nfs4)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			test.set(f)
			got := f.inspect()
			if got.Held != test.held || (got.Unknowable == "") != (test.unknowable == "") || !strings.Contains(got.Unknowable, test.unknowable) {
				t.Errorf("held %v, unknowable %q", got.Held, got.Unknowable)
			}
			if diff := cmp.Diff(test.holder, got.Holder); diff != "" {
				t.Errorf("holder (-want +got):\n%s", diff)
			}
			if !got.Exists || !got.Regular || got.Kind != "file" || got.Status != nil || got.StatusIgnored != "" || got.Previous != nil {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestInspectOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if got, err := Inspect(DefaultProcRoot, filepath.Join(dir, "none"), now); err != nil || cmp.Diff(State{}, got, cmp.AllowUnexported(State{})) != "" {
		t.Errorf("absent: %+v, %v", got, err)
	}
	if _, err := Inspect(DefaultProcRoot, filepath.Join(write(t, filepath.Join(dir, "file"), "", 0o600), "l"), now); err == nil {
		t.Error("below a file: no error")
	}
}

func TestInspectSeesARealHolder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(openDir(t), "l")
	before := time.Now().Add(-time.Minute)
	c := start(t, nil, "publish", path).expect(t, "published")

	check := func(t *testing.T, got inspected) {
		t.Helper()
		h := got.Holder
		if !got.Held || h.PID != c.pid() || h.InnerPID != c.pid() || !h.Known || h.UID != os.Geteuid() || h.Program != filepath.Base(c.cmd.Path) ||
			h.Since.Before(before) || h.Since.After(time.Now().Add(time.Minute)) || got.Unknowable != "" {
			t.Errorf("got %+v", got)
		}
		if got.Status == nil || got.StatusIgnored != "" || got.Status.RunID != "r1" || got.Status.PIDStart != h.StartTicks {
			t.Errorf("status %+v, ignored: %q", got.Status, got.StatusIgnored)
		}
	}
	check(t, start(t, nil, "inspect", path).inspected(t))
	if os.Geteuid() == 0 { // as an unprivileged user
		check(t, start(t, asNobody(t), "inspect", path).inspected(t))
	}
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Waitid(unix.P_PID, c.pid(), nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if got := start(t, nil, "inspect", path).inspected(t); got.Held || got.Unknowable == "" && got.RunEnd != "died" {
		t.Errorf("after kill -9, while nobody asks how it ended: %+v", got)
	}
	c.kill(t)
	if got := start(t, nil, "inspect", path).inspected(t); got.Held || got.Unknowable == "" && got.RunEnd != "died" {
		t.Errorf("after kill -9: %+v", got)
	}
	start(t, nil, "publish", path).expect(t, "published").finish(t)
	if got := start(t, nil, "inspect", path).inspected(t); got.Held || got.RunEnd != "ended" {
		t.Errorf("after the end: %+v", got)
	}
}

func TestInspectSeesAProcessThatInheritedTheLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(openDir(t), "l")
	c := start(t, nil, "inherit", path)
	child := c.line(t)
	if _, err := c.cmd.Process.Wait(); err != nil {
		t.Fatal(err)
	}
	state, err := Inspect(DefaultProcRoot, path, now)
	if err != nil || !state.Held || fmt.Sprint(state.Holder.PID) != child || !state.Holder.Known {
		t.Errorf("child %s: %+v, %v", child, state, err)
	}
	if got := start(t, asNobody(t), "inspect", path).inspected(t); !got.Held || got.Holder.Known || !strings.Contains(got.Unknowable, "has ended; a process that inherited it") {
		t.Errorf("as an unprivileged user: %+v", got)
	}
	c.stdin.Close()
	io.Copy(io.Discard, c.out) // until the child has ended
}

// A check must not make a load fail: however often a lock is looked at, it can be taken at once.
func TestInspectNeverKeepsALoadOut(t *testing.T) {
	t.Parallel()
	path := write(t, filepath.Join(t.TempDir(), "l"), "", 0o000)
	stop, done := make(chan struct{}), make(chan error)
	go func() {
		for {
			select {
			case <-stop:
				done <- nil
				return
			default:
				if _, err := Inspect(DefaultProcRoot, path, now); err != nil {
					done <- err
					return
				}
			}
		}
	}()
	os.Chmod(path, 0o600)
	for range 300 {
		l, err := Acquire(t.Context(), path, 0)
		if err != nil {
			t.Error(err)
			break
		}
		l.Release()
	}
	close(stop)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// The kernel may skip a line of a table that takes more than a page while locks elsewhere come and go.
func TestInspectAmongBusyLocks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	flock := func(f *os.File, how int) {
		if err := unix.Flock(int(f.Fd()), how); err != nil {
			t.Error(err)
		}
	}
	var others []*os.File
	for i := range 200 {
		f, err := os.Create(filepath.Join(dir, fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		flock(f, unix.LOCK_EX)
		others = append(others, f)
	}
	path := filepath.Join(dir, "l")
	l, err := Acquire(t.Context(), path, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			for _, f := range others {
				select {
				case <-stop:
					return
				default:
				}
				flock(f, unix.LOCK_UN)
				flock(f, unix.LOCK_EX)
			}
		}
	}()
	for range 200 {
		if state, err := Inspect(DefaultProcRoot, path, now); err != nil || !state.Held {
			t.Errorf("%+v, %v", state, err)
			break
		}
	}
	close(stop)
	<-done
}
