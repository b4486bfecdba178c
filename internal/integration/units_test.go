//go:build integration

package integration

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// newUnits is a machine with the programs, the settings and the units where the packages put them, and downloads of two symbols.
func newUnits(t *testing.T) *machine {
	t.Helper()
	m := newMachine(t)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(m.root("journalctl --no-pager -n 60 -u 'ingest-aggtrades*'").output)
		}
	})
	m.bring(t, install(t), "/tmp")
	m.bring(t, contrib(t, "systemd"), "/tmp")
	m.bring(t, contrib(t, "package/config.yaml"), "/etc/check-ingest")
	m.binance(t)
	m.must(t, `set -e
		install -m 755 /tmp/plugins/* /usr/bin
		cd /tmp/systemd
		cp ingest-aggtrades*.service ingest-aggtrades*.timer /etc/systemd/system
		cp check-ingest.sysusers /usr/lib/sysusers.d/check-ingest.conf
		cp check-ingest.tmpfiles /usr/lib/tmpfiles.d/check-ingest.conf
		systemd-sysusers check-ingest.conf
		systemd-tmpfiles --create check-ingest.conf
		cp -r /srv/binance/. /var/lib/check-ingest/downloads`)
	m.dropIn(t, "ingest-aggtrades.service", "[Service]\nRestartSec=1s\n") // instead of a minute
	return m
}

// dropIn changes a unit.
func (m *machine) dropIn(t *testing.T, unit, text string) {
	t.Helper()
	write(t, m.path("/etc/systemd/system/"+unit+".d/test.conf"), text)
	m.must(t, "systemctl daemon-reload")
}

// property is one of systemd's of a unit.
func (m *machine) property(t *testing.T, unit, name string) string {
	t.Helper()
	return strings.TrimSpace(m.must(t, "systemctl show --value -p "+name+" "+quoted(unit)))
}

// until waits until a property of a unit has a value.
func (m *machine) until(t *testing.T, unit, name, want string) {
	t.Helper()
	m.await(t, unit, func() error {
		if got := m.property(t, unit, name); got != want {
			return fmt.Errorf("%s=%s, want %s\n%s", name, got, want, m.root("journalctl --no-pager -n 30 -u "+quoted(unit)).output)
		}
		return nil
	})
}

// loaded fails the test unless so many files are loaded.
func (m *machine) loaded(t *testing.T, files int) {
	t.Helper()
	if out := m.root("check_ingest_log").output; !strings.Contains(out, fmt.Sprintf(" OK: %d files loaded", files)) {
		t.Errorf("expected %d files loaded: %s", files, out)
	}
}

// hold has a process of root hold the lock, until the function returned is called.
func (m *machine) hold(t *testing.T) (release func()) {
	t.Helper()
	m.must(t, "systemd-run --unit=holder flock /run/check-ingest/ingest-aggtrades.lock sleep infinity")
	m.await(t, "a lock that is held", func() error {
		if e := m.root("check_ingest_lock"); e.code != 2 {
			return fmt.Errorf("%s%s", e.output, e.errors)
		}
		return nil
	})
	return func() { m.must(t, "systemctl stop holder") }
}

// TestUnits has systemd run the units, and looks at what becomes of them in good and bad cases.
func TestUnits(t *testing.T) {
	t.Parallel()
	m := newUnits(t)
	const unit = "ingest-aggtrades.service"

	// What is there is loaded; and then, as on most days, there is nothing to do, which is no failure.
	for _, what := range []string{"the first load", "nothing to do"} {
		if e := m.root("systemctl start --wait ingest-aggtrades"); e.code != 0 {
			t.Fatalf("%s: %s%s", what, e.errors, m.must(t, "journalctl --no-pager -u ingest-aggtrades"))
		}
		if result := m.property(t, unit, "Result"); result != "success" {
			t.Errorf("%s: the result is %s", what, result)
		}
		m.loaded(t, 16)
	}

	// While somebody holds the lock it is tried again and again.
	release := m.hold(t)
	m.root("systemctl start --no-block ingest-aggtrades")
	m.await(t, "a second try", func() error {
		if n, code := m.property(t, unit, "NRestarts"), m.property(t, unit, "ExecMainStatus"); n == "0" || code != "75" {
			return fmt.Errorf("restarts %s, exit code %s", n, code)
		}
		return nil
	})
	release()
	m.until(t, unit, "ActiveState", "inactive")
	if result := m.property(t, unit, "Result"); result != "success" {
		t.Errorf("after the lock was free: %s", result)
	}

	// Or the start is skipped.
	m.must(t, "cp /tmp/systemd/skip-when-held.conf /etc/systemd/system/ingest-aggtrades.service.d/ && systemctl daemon-reload")
	release = m.hold(t)
	m.must(t, "systemctl start ingest-aggtrades")
	state, said := m.property(t, unit, "ActiveState"), m.must(t, "journalctl --no-pager -n 5 -u ingest-aggtrades")
	if state != "inactive" || !strings.Contains(said, "Skipped due to 'exec-condition'") {
		t.Errorf("the lock is held and skip-when-held.conf is there: %s\n%s", state, said)
	}
	release()
	m.must(t, "rm /etc/systemd/system/ingest-aggtrades.service.d/skip-when-held.conf && systemctl daemon-reload")

	// A load that cannot end well is not begun, and the journal says why.
	m.must(t, `printf 'check_ingest_disk:\n  critical: ["free=900TB:"]\n' >>/etc/check-ingest/config.yaml`)
	if e := m.root("systemctl start --wait ingest-aggtrades"); e.code == 0 || m.property(t, unit, "ActiveState") != "failed" {
		t.Error("the gate is shut, and the unit has not failed")
	}
	if out := m.must(t, "journalctl --no-pager -u ingest-aggtrades"); !strings.Contains(out, "INGEST DISK CRITICAL") {
		t.Errorf("the journal does not say why:\n%s", out)
	}
}

// TestUnitHangs: a load that hangs is killed and begun again; one that is stopped is none that has failed.
func TestUnitHangs(t *testing.T) {
	t.Parallel()
	m := newUnits(t)
	const unit = "ingest-aggtrades.service"
	m.dropIn(t, unit, "[Service]\nRestartSec=1s\nWatchdogSec=20s\nTimeoutAbortSec=1s\nEnvironment=CHECK_INGEST_BATCH_ROWS=1 CHECK_INGEST_THROTTLE=3s CHECK_INGEST_THREADS=1\n")
	running := func() {
		t.Helper()
		m.await(t, "a load that runs", func() error {
			if s := m.property(t, unit, "StatusText"); !strings.Contains(s, " files, ") {
				return fmt.Errorf("its status is %q", s)
			}
			return nil
		})
	}
	m.must(t, "systemctl start ingest-aggtrades")
	running()
	m.must(t, "systemctl stop ingest-aggtrades")
	if result := m.property(t, unit, "Result"); result != "success" {
		t.Errorf("it was stopped: %s", result)
	}
	m.must(t, "systemctl start ingest-aggtrades")
	running()
	m.must(t, "systemctl kill --signal=STOP --kill-who=main ingest-aggtrades")
	m.await(t, "a load that was begun again", func() error {
		if n := m.property(t, unit, "NRestarts"); n != "1" {
			return fmt.Errorf("restarts %s, %s", n, m.property(t, unit, "StatusText"))
		}
		return nil
	})
	if out := m.must(t, "journalctl --no-pager -u ingest-aggtrades"); !strings.Contains(out, "Watchdog timeout") {
		t.Errorf("the watchdog has not killed it:\n%s", out)
	}
	m.until(t, unit, "ActiveState", "active")
	m.must(t, "systemctl stop ingest-aggtrades")
	m.dropIn(t, unit, "")
	m.must(t, "systemctl start --wait ingest-aggtrades")
	m.loaded(t, 16)
}

// TestUnitOfSymbol: the template loads one symbol, whatever letters it has, with settings of its own; and a database elsewhere needs what the
// page says.
func TestUnitOfSymbol(t *testing.T) {
	t.Parallel()
	m := newUnits(t)
	const chinese = "币安人生USDT"
	dir := folder(t)
	s := synth.Spec{Series: catalog.Series{Market: catalog.UM, Symbol: chinese}, Period: catalog.DayPeriod(20_600), Rows: 100, FirstID: 1}
	if _, err := synth.WriteFile(dir, synth.Mirror, s, synth.Zip); err != nil {
		t.Fatal(err)
	}
	m.bring(t, filepath.Join(dir, "data"), "/var/lib/check-ingest/downloads")
	m.must(t, "echo CHECK_INGEST_START_DATE=$(date -u -d '3 days ago' +%F) >/etc/check-ingest/ETHUSDT.env; systemctl start --wait ingest-aggtrades@ETHUSDT")
	m.loaded(t, 3)
	m.must(t, `systemctl start --wait "ingest-aggtrades@$(systemd-escape `+chinese+`)"`)
	m.loaded(t, 4)

	// A database elsewhere: the settings of the page, which let it be written to.
	m.must(t, "mkdir /data && mount -t tmpfs -o size=400g tmpfs /data && install -d -o check-ingest /data/trades && sed -i 's#^db: .*#db: /data/trades/trades.duckdb#' /etc/check-ingest/config.yaml")
	if e := m.root("systemctl start --wait ingest-aggtrades"); e.code == 0 {
		t.Error("it wrote to a folder that it may not write to")
	}
	for _, block := range strings.Split(docs(t, "systemd.md"), "```ini\n")[1:] {
		if settings, _, _ := strings.Cut(block, "```"); strings.Contains(settings, "ReadWritePaths=/data/trades") {
			m.dropIn(t, "ingest-aggtrades.service", settings)
		}
	}
	if e := m.root("systemctl start --wait ingest-aggtrades"); e.code != 0 {
		t.Errorf("with the settings of the page: %s\n%s", e.errors, m.must(t, "journalctl --no-pager -n 30 -u ingest-aggtrades"))
	}
	m.loaded(t, 17)
}
