//go:build integration

package integration

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/nagiostest"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// machine is a machine of its own as far as its users can tell: systemd is its process 1, it has a network without anybody else in it, and its
// files are those of this one with a layer above them, which is gone when the test has ended. Besides root it has the user ops, who may
// use sudo.
type machine struct {
	*daemon
	pid int // of its systemd, as this machine sees it
}

// bootScript makes the file systems of a machine, in namespaces of its own, and becomes its systemd. $1 is an empty folder, $2 the hierarchy of
// cgroups that systemd gets: "v1" or "v2".
const bootScript = `set -e
layer=$1
mount -t tmpfs -o size=3g tmpfs "$layer"
mkdir "$layer/upper" "$layer/work" "$layer/root"
mount -t overlay -o "lowerdir=/,upperdir=$layer/upper,workdir=$layer/work" overlay "$layer/root"
cd "$layer/root"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty; do
	touch dev/$device
	mount --bind /dev/$device dev/$device
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs tmpfs dev/shm
if [ "$2" = v1 ]; then
	mount -t tmpfs -o mode=755 tmpfs sys/fs/cgroup
	mkdir sys/fs/cgroup/systemd
	mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
else
	mount -t cgroup2 cgroup2 sys/fs/cgroup
fi
# As large as a disk would be: what is not written takes no memory.
rm -rf etc/check-ingest var/lib/check-ingest
mkdir var/lib/check-ingest
mount -t tmpfs -o size=400g,mode=755 tmpfs var/lib/check-ingest
ip link set lo up
hostname loader
echo loader >etc/hostname
echo 127.0.0.1 localhost loader >etc/hosts
: >etc/machine-id
rm -f usr/sbin/policy-rc.d
useradd -R "$layer/root" -m -s /bin/bash ops
echo 'ops ALL=(ALL) NOPASSWD: ALL' >etc/sudoers.d/ops
mkdir old
pivot_root . old
cd /
umount -l old
exec env -i container=check-ingest PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=basic.target
`

// newMachine boots a machine. The test is skipped where it may not.
func newMachine(t *testing.T) *machine {
	t.Helper()
	need(t, "systemd-analyze", "systemd-sysv")
	need(t, "sudo", "sudo")
	layer := folder(t)
	version, join := cgroup(t, filepath.Base(layer))
	if out, err := exec.Command("unshare", "-n", "-p", "-m", "-u", "-i", "-C", "--fork", "true").CombinedOutput(); err != nil {
		t.Skipf("a machine may not be booted here: %s", out)
	}
	join += "exec unshare -n -p -m -u -i -C --fork --kill-child --propagation private sh -c \"$0\" boot \"$@\""
	m := &machine{daemon: launch(t, nil, "sh", "-c", join, bootScript, layer, version)}
	// What it cannot do here says nothing about the programs that would be tried on it.
	err := m.comes(func() error {
		if m.pid = m.systemd(); m.pid == 0 {
			return errors.New("no systemd")
		}
		// Nothing of what fails on a machine without devices matters here.
		if state := m.root("systemctl is-system-running; :").output; state != "running\n" && state != "degraded\n" {
			return fmt.Errorf("systemctl is-system-running: %s", state)
		}
		return nil
	})
	if err != nil {
		t.Skipf("a machine does not boot here: %v", err)
	}
	return m
}

// cgroup makes a group of that name for a machine's systemd in each hierarchy that it may use, so that machines do not meet in one. It gives the
// version of the main one and the script by which a shell joins them.
func cgroup(t *testing.T, name string) (version, join string) {
	t.Helper()
	version = "v1"
	roots := []string{"/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"}
	if _, err := os.Stat(roots[0]); err != nil {
		version, roots = "v2", []string{"/sys/fs/cgroup"}
	}
	for _, root := range roots {
		if _, err := os.Stat(root); err != nil {
			continue
		}
		group := filepath.Join(root, name)
		if err := os.Mkdir(group, 0o755); err != nil {
			t.Skipf("a machine may not be booted here: %v", err)
		}
		t.Cleanup(func() { _ = exec.Command("find", group, "-depth", "-type", "d", "-exec", "rmdir", "{}", "+").Run() }) // what is left is empty
		join += "echo $$ >" + group + "/cgroup.procs; "
	}
	return version, join
}

// systemd is the machine's process 1, or 0 before it has begun.
func (m *machine) systemd() int {
	for _, pid := range descendants(m.cmd.Process.Pid) {
		name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // the same holds
		if err == nil && string(name) == "systemd\n" && strings.Contains(string(status), fmt.Sprintf("\nNSpid:\t%d\t1\n", pid)) {
			return pid
		}
	}
	return 0
}

// ended is how a command in a machine ended, and what it said.
type ended struct {
	code           int
	output, errors string
}

// command is a script of bash in the machine, as one of its users.
func (m *machine) command(user, script string) *exec.Cmd {
	home, path := "/home/"+user, "/usr/local/bin:/usr/bin:/bin"
	if user == "root" {
		home, path = "/root", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	}
	return exec.Command("nsenter", "-t", strconv.Itoa(m.pid), "-m", "-p", "-n", "-u", "-i", "-C", "-r", "-w", "setpriv", "--reuid", user, "--regid", user, "--init-groups",
		"env", "-i", "-C", home, "HOME="+home, "PATH="+path, "USER="+user, "LC_ALL=C.UTF-8", "bash", "-c", script)
}

// as runs a script as one of the machine's users.
func (m *machine) as(user, script string) ended {
	cmd := m.command(user, script)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = 10 * time.Second // a daemon that it leaves behind may keep its output open
	err := cmd.Run()
	code := -1
	if cmd.ProcessState != nil {
		code = cmd.ProcessState.ExitCode()
	}
	if code == -1 {
		errs.WriteString(err.Error())
	}
	return ended{code, out.String(), errs.String()}
}

func (m *machine) root(script string) ended { return m.as("root", script) }

// must runs a script as root, which has to succeed, and gives what it printed.
func (m *machine) must(t *testing.T, script string) string {
	t.Helper()
	e := m.root(script)
	if e.code != 0 {
		t.Fatalf("%s: exit code %d\n%s%s", script, e.code, e.output, e.errors)
	}
	return e.output
}

// path is where this machine finds a file of that one.
func (m *machine) path(name string) string {
	return filepath.Join("/proc", strconv.Itoa(m.pid), "root", name)
}

// bring copies a file or folder into a folder of the machine.
func (m *machine) bring(t *testing.T, from, folder string) {
	t.Helper()
	run(t, nil, "mkdir", "-p", m.path(folder))
	run(t, nil, "cp", "-r", from, m.path(folder))
}

// curl, in a machine, which has no network, gives what is asked of Binance from /srv/binance.
const curl = `#!/bin/sh
for word; do
	case $word in
	https://data.binance.vision/*) exec cp "/srv/binance/${word#https://data.binance.vision/}" . ;;
	esac
done
exec /usr/bin/curl "$@"
`

// binance has the files of the last days of three symbols where the machine's curl looks for them.
func (m *machine) binance(t *testing.T) {
	t.Helper()
	dir := folder(t)
	for i, symbol := range []string{"BTCUSDT", "ETHUSDT"} {
		s := synth.Spec{Series: catalog.Series{Market: catalog.UM, Symbol: symbol}, Period: catalog.DayPeriod(catalog.DayOf(time.Now()) - 8), Rows: 2000, FirstID: 1, Seed: uint64(i)}
		for range 8 {
			if _, err := synth.WriteFile(dir, synth.Mirror, s, synth.Zip); err != nil {
				t.Fatal(err)
			}
			s = s.Next()
		}
	}
	m.bring(t, filepath.Join(dir, "data"), "/srv/binance")
	write(t, m.path("/usr/local/bin/curl"), curl)
	m.must(t, "chmod 755 /usr/local/bin/curl")
}

// debianPackage is the package that make packages has made.
func debianPackage(t *testing.T) string {
	t.Helper()
	dist := os.Getenv("CHECK_INGEST_DIST")
	if dist == "" {
		t.Skip("needs a package: make packages runs this")
	}
	found, err := filepath.Glob(filepath.Join(dist, "check-ingest_*_amd64.deb"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: packages %q, %v", dist, found, err)
	}
	return found[0]
}

// docs reads a page.
func docs(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(nagiostest.Root(t), "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
