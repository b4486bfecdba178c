package runstate

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// now is when the fixtures are looked at.
var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// fixture is a real lock file and a made-up process table.
type fixture struct {
	t    *testing.T
	lock string
	proc string
	st   syscall.Stat_t
}

// newFixture has a free lock file, an empty lock table, and a machine that booted at 1,000,000,000 s.
func newFixture(t *testing.T) *fixture {
	t.Helper()
	dir := t.TempDir()
	f := &fixture{t: t, lock: write(t, filepath.Join(dir, "l"), "", 0o600), proc: filepath.Join(dir, "proc")}
	if err := syscall.Stat(f.lock, &f.st); err != nil {
		t.Fatal(err)
	}
	f.file("stat", "cpu  1 2 3\nbtime 1000000000\nprocesses 7\n")
	f.link("self/ns/pid", initialPIDNamespace)
	f.locks()
	f.mounted(f.st.Dev, "ext4")
	return f
}

func (f *fixture) file(name, content string) {
	f.t.Helper()
	write(f.t, filepath.Join(f.proc, name), content, 0o644)
}

func (f *fixture) link(name, target string) {
	f.t.Helper()
	path := filepath.Join(f.proc, name)
	os.Remove(path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		f.t.Fatal(err)
	}
}

// locks writes the lock table; FILE stands for the lock file's device and inode, INO for its inode.
func (f *fixture) locks(lines ...string) {
	f.t.Helper()
	f.file("locks", f.fill(lines...))
}

func (f *fixture) fill(lines ...string) string {
	file := fmt.Sprintf("%02x:%02x:%d", unix.Major(f.st.Dev), unix.Minor(f.st.Dev), f.st.Ino)
	text := strings.NewReplacer("FILE", file, "INO", fmt.Sprint(f.st.Ino)).Replace(strings.Join(lines, "\n"))
	if text != "" {
		text += "\n"
	}
	return text
}

// mounted makes the lock file's mount one of that device and type.
func (f *fixture) mounted(dev uint64, fsType string) {
	f.t.Helper()
	var stx unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, f.lock, 0, unix.STATX_MNT_ID, &stx); err != nil || stx.Mask&unix.STATX_MNT_ID == 0 {
		f.t.Skip("the kernel does not tell mounts by number")
	}
	f.file("self/mountinfo", fmt.Sprintf("1 1 0:1 / / rw - rootfs rootfs rw\n%d 1 %d:%d / /x rw,relatime shared:5 master:2 - %s none rw\n",
		stx.Mnt_id, unix.Major(dev), unix.Minor(dev), fsType))
}

// process adds a process of this user, python3 ingest.py, that started 50 s after boot.
func (f *fixture) process(pid, innerPID int) {
	f.t.Helper()
	dir := fmt.Sprint(pid)
	f.file(dir+"/stat", fmt.Sprintf("%d (python3) S 1 1 1 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 5000 16990208 3361 18446744073709551615\n", pid))
	f.file(dir+"/status", fmt.Sprintf("Name:\tpython3\nPid:\t%d\nUid:\t12345\t%d\t0\t0\nNSpid:\t%d\t%d\n", pid, os.Geteuid(), pid, innerPID))
	f.file(dir+"/cmdline", "/usr/bin/python3\x00-u\x00/opt/ingest.py\x00--symbol\x00X\x00")
}

// opens gives a process one open file, with lines of fdinfo.
func (f *fixture) opens(pid, fd int, path string, fdinfo ...string) {
	f.t.Helper()
	f.link(fmt.Sprintf("%d/fd/%d", pid, fd), path)
	f.file(fmt.Sprintf("%d/fdinfo/%d", pid, fd), "pos:\t0\nflags:\t02100000\nmnt_id:\t27\n"+f.fill(fdinfo...))
}

// goodStatus is what the process 123 of a fixture would publish a second ago.
func goodStatus() Status {
	return Status{
		Schema: StatusSchema, RunID: "r1", PID: 123, PIDStart: 5000, Host: "h", User: "bob", Program: "ingest-aggtrades",
		StartedAt: now.Add(-time.Hour), HeartbeatAt: now.Add(-time.Second), HeartbeatEvery: 2, Phase: PhaseLoad,
		FilesDone: 1, FilesTotal: 2,
	}
}

// status publishes s.
func (f *fixture) status(s Status) {
	f.t.Helper()
	data, err := json.Marshal(s)
	if err != nil {
		f.t.Fatal(err)
	}
	write(f.t, StatusPath(f.lock), string(data), 0o644)
}

// statusOwner gives the status file to another user.
func (f *fixture) statusOwner(uid int) {
	f.t.Helper()
	needRoot(f.t)
	if err := os.Chown(StatusPath(f.lock), uid, -1); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) inspect() State {
	f.t.Helper()
	state, err := Inspect(f.proc, f.lock, now)
	if err != nil {
		f.t.Fatal(err)
	}
	return state
}
