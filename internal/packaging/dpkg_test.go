package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// machine is this machine's file system with a layer above it: what is installed there is gone when the test has ended.
type machine struct{ root string }

func newMachine(tb testing.TB) machine {
	tb.Helper()
	if os.Geteuid() != 0 {
		tb.Skip("needs root")
	}
	layer := tb.TempDir()
	mount := func(what, where, kind, options string) {
		if err := os.MkdirAll(where, 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := unix.Mount(what, where, kind, 0, options); err != nil {
			tb.Skipf("mount %s: %v", kind, err)
		}
		tb.Cleanup(func() { _ = unix.Unmount(where, unix.MNT_DETACH) })
	}
	mount("tmpfs", layer, "tmpfs", "size=2g") // a layer may not lie on another one, as a container's root does
	root := filepath.Join(layer, "root")
	for _, dir := range []string{"upper", "work"} {
		if err := os.Mkdir(filepath.Join(layer, dir), 0o755); err != nil {
			tb.Fatal(err)
		}
	}
	mount("overlay", root, "overlay", "lowerdir=/,upperdir="+layer+"/upper,workdir="+layer+"/work")
	mount("proc", filepath.Join(root, "proc"), "proc", "")
	mount("tmpfs", filepath.Join(root, "run"), "tmpfs", "")
	mount("tmpfs", filepath.Join(root, "tmp"), "tmpfs", "mode=1777")
	m := machine{root}
	m.must(tb, "rm -rf /etc/check-ingest /var/lib/check-ingest && dpkg --purge check-ingest 2>/dev/null; true")
	return m
}

// sh runs a command in the machine.
func (m machine) sh(tb testing.TB, command string) (code int, out string) {
	tb.Helper()
	cmd := exec.Command("chroot", m.root, "/bin/sh", "-c", command)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C", "HOME=/root"}
	return run(tb, cmd)
}

func (m machine) must(tb testing.TB, command string) string {
	tb.Helper()
	code, out := m.sh(tb, command)
	if code != 0 {
		tb.Fatalf("%s: exit code %d\n%s", command, code, out)
	}
	return out
}

func (m machine) has(path string) bool {
	_, err := os.Lstat(filepath.Join(m.root, path))
	return err == nil
}

// bring copies a file into the machine's /tmp and gives its path there.
func (m machine) bring(tb testing.TB, path string) string {
	tb.Helper()
	must(tb, "cp", "-r", path, filepath.Join(m.root, "tmp"))
	return "/tmp/" + filepath.Base(path)
}

// next is the package once more as a later version whose configuration file is another one.
func next(tb testing.TB, pkg string) string {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "later")
	must(tb, "dpkg-deb", "-R", pkg, dir)
	must(tb, "sed", "-i", "s/^Version: .*/Version: 99.0/", filepath.Join(dir, "DEBIAN/control"))
	must(tb, "sh", "-c", "echo '# new in 99' >>"+filepath.Join(dir, "etc/check-ingest/config.yaml"))
	must(tb, "dpkg-deb", "-Znone", "-b", dir, dir+".deb")
	return dir + ".deb"
}

// TestPackageDpkg installs, uses, upgrades, removes and purges the Debian package.
func TestPackageDpkg(t *testing.T) {
	t.Parallel()
	pkg := dist(t, "check-ingest_*_amd64.deb")
	needs(t, "dpkg", "dpkg-deb")
	m := newMachine(t)
	m.must(t, "dpkg -i "+m.bring(t, pkg))
	for _, path := range append(installed("lib"), "/lib/systemd/system/ingest-aggtrades.timer", "/lib/systemd/system/ingest-aggtrades@.service", "/etc/nagios4/conf.d/check_ingest_commands.cfg",
		"/etc/nagios/nrpe.d/check_ingest.cfg", "/usr/share/zsh/vendor-completions/_check_ingest_db") {
		if !m.has(path) {
			t.Errorf("%s was not installed", path)
		}
	}
	for path, want := range map[string]string{
		"/run/check-ingest": "check-ingest 755", "/run/check-ingest/ingest-aggtrades.lock": "check-ingest 600", "/var/lib/check-ingest": "check-ingest 755",
		"/etc/check-ingest/config.yaml": "root 644", "/usr/bin/ingest-aggtrades": "root 755",
	} {
		if got := strings.TrimSpace(m.must(t, "stat -c '%U %a' "+path)); got != want {
			t.Errorf("%s: %s, expected %s", path, got, want)
		}
	}
	m.use(t)
	m.daemons(t)
	m.upgrade(t, next(t, pkg))
	m.leave(t)
}

// use loads as the service would, with the settings as installed, and looks at it as the user of a monitoring system does.
func (m machine) use(tb testing.TB) {
	tb.Helper()
	p := newPlace(tb)
	m.must(tb, "cp -r "+m.bring(tb, p.data)+"/. /var/lib/check-ingest/downloads/")
	m.must(tb, "cd / && setpriv --reuid=check-ingest --regid=check-ingest --clear-groups ingest-aggtrades")
	asNobody := "cd / && setpriv --reuid=nobody --regid=nogroup --clear-groups "
	for _, check := range []string{"check_ingest_lock", "check_ingest_disk -w free=1MB: -c free=1MB:", "check_ingest_db", "check_ingest_log"} {
		if out := m.must(tb, asNobody+"/usr/lib/nagios/plugins/"+check); !strings.Contains(out, " OK: ") {
			tb.Errorf("%s: %s", check, out)
		}
	}
	if out := m.must(tb, "for u in ingest-aggtrades.service ingest-aggtrades.timer ingest-aggtrades@BTCUSDT.service check-ingest-textfile.service check-ingest-textfile.timer; do systemd-analyze verify --recursive-errors=no $u 2>&1; done"); out != "" {
		tb.Errorf("systemd-analyze verify: %s", out)
	}
	if out := m.must(tb, "man -l /usr/share/man/man1/check_ingest_disk.1.gz 2>&1 | head -n 3"); !strings.Contains(strings.ToUpper(out), "CHECK_INGEST_DISK") {
		tb.Errorf("the manual page begins with %q", out)
	}
}

// daemons: monitoring systems that are on this machine still take their configuration.
func (m machine) daemons(tb testing.TB) {
	tb.Helper()
	for path, command := range map[string]string{
		"/etc/nagios4/nagios.cfg":            "nagios4 -v /etc/nagios4/nagios.cfg",
		"/etc/icinga2/icinga2.conf":          "mkdir -p /run/icinga2 && icinga2 daemon -C",
		"/etc/zabbix/zabbix_agent2.conf":     "zabbix_agent2 -c /etc/zabbix/zabbix_agent2.conf -t check_ingest.lock | grep ingest",
		"/usr/lib/nagios/plugins/check_nrpe": "grep -rq check_ingest_lock /etc/nagios/nrpe.d",
	} {
		if !m.has(path) {
			tb.Logf("not there: %s", path)
			continue
		}
		if code, out := m.sh(tb, command); code != 0 {
			tb.Errorf("%s: exit code %d\n%s", command, code, out)
		}
	}
}

// upgrade: what the user changed in the configuration file stays.
func (m machine) upgrade(tb testing.TB, pkg string) {
	tb.Helper()
	m.must(tb, "echo '# mine' >>/etc/check-ingest/config.yaml")
	m.must(tb, "dpkg --force-confdef --force-confold -i "+m.bring(tb, pkg))
	if got := m.must(tb, "dpkg-query -W -f '${Version}' check-ingest"); got != "99.0" {
		tb.Errorf("version %s is installed", got)
	}
	config := m.must(tb, "cat /etc/check-ingest/config.yaml")
	if !strings.Contains(config, "# mine") || strings.Contains(config, "# new in 99") {
		tb.Errorf("the configuration file is now %s", config)
	}
	if !m.has("/etc/check-ingest/config.yaml.dpkg-dist") {
		tb.Error("the new configuration file does not lie beside the old one")
	}
	m.must(tb, "cd / && setpriv --reuid=check-ingest --regid=check-ingest --clear-groups ingest-aggtrades")
}

// leave removes and purges.
func (m machine) leave(tb testing.TB) {
	tb.Helper()
	m.must(tb, "dpkg -r check-ingest")
	if m.has("/usr/bin/ingest-aggtrades") || m.has("/usr/bin/check_ingest_lock") || !m.has("/etc/check-ingest/config.yaml") {
		tb.Error("after removal: expected no programs, and the configuration file")
	}
	m.must(tb, "dpkg -P check-ingest")
	for _, path := range []string{"/etc/check-ingest", "/run/check-ingest", "/usr/lib/check-ingest", "/usr/share/doc/check-ingest", "/etc/icinga2/conf.d/check_ingest_commands.conf"} {
		if m.has(path) {
			tb.Errorf("after purging there still is %s", path)
		}
	}
	if !m.has("/var/lib/check-ingest/trades.duckdb") {
		tb.Error("purging took the database along")
	}
}

func TestPackageLintian(t *testing.T) {
	t.Parallel()
	for _, arch := range []string{"amd64", "arm64"} {
		pkg := dist(t, "check-ingest_*_"+arch+".deb")
		needs(t, "lintian")
		code, out := run(t, exec.Command("lintian", "--allow-root", "--fail-on", "error,warning", "--tag-display-limit", "0", pkg))
		if code != 0 {
			t.Errorf("exit code %d\n%s", code, out)
		}
	}
}
