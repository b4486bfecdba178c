//go:build integration

package integration

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/internal/doctest"
	"github.com/check-ingest/check-ingest/internal/nagiostest"
)

var updateDocs = flag.Bool("update-docs", false, "write what commands print into the guides that show it")

// TestGuides follows each guide as it stands, as a user who may use sudo, on a machine with the Debian package and the monitoring system. What
// a guide says of states is looked up in the monitoring system.
func TestGuides(t *testing.T) {
	t.Parallel()
	pkg := debianPackage(t)
	for _, name := range []string{"install.md", "nagios.md", "icinga2.md", "nrpe.md", "zabbix.md", "prometheus.md", "grafana.md", "systemd.md", "cron.md", "n8n.md"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := docs(t, name)
			pages := doctest.Pages{Update: *updateDocs, Open: func(t *testing.T, scene string) *doctest.Sandbox {
				t.Helper()
				g := newGuide(t, pkg)
				begin, ok := scenes()[scene]
				if !ok {
					t.Fatalf("no scene %q", scene)
				}
				g.observe = begin(t, g)
				switch scene {
				case "a new machine":
				case "Icinga 2 and InfluxDB":
					g.follow(t, "install.md", "\n## What the packages bring\n")
					g.follow(t, "icinga2.md", "\n2. See one turn red")
				default:
					g.follow(t, "install.md", "\n## What the packages bring\n")
				}
				return &doctest.Sandbox{Shell: g.shell, See: g.see}
			}}
			page := pages.Run(t, text)
			if *updateDocs && page != text {
				write(t, filepath.Join(nagiostest.Root(t), "docs", name), page)
			}
		})
	}
}

// observer tells what a monitoring system shows of a check now, having it look again first.
type observer func(t *testing.T, check string) (service, error)

// scenes have a monitoring system run on a machine, and tell how it is asked.
func scenes() map[string]func(*testing.T, *guide) observer {
	return map[string]func(*testing.T, *guide) observer{
		"a new machine": func(*testing.T, *guide) observer { return nil },
		"the package":   func(*testing.T, *guide) observer { return nil },
		"cron": func(t *testing.T, g *guide) observer {
			t.Helper()
			need(t, "cron", "cron")
			g.must(t, "systemctl start cron")
			return nil
		},
		"n8n's user": func(t *testing.T, g *guide) observer {
			t.Helper()
			g.must(t, "useradd --system --create-home n8n")
			return nil
		},
		"Nagios":                nagiosScene,
		"Icinga 2":              icingaScene,
		"NRPE":                  nrpeScene,
		"Zabbix agent 2":        zabbixScene,
		"Prometheus":            prometheusScene,
		"Icinga 2 and InfluxDB": influxScene,
	}
}

// guide is a guide that is being followed.
type guide struct {
	*machine
	observe observer
	typed   io.Writer     // what is typed into the shell
	printed *bufio.Reader // what it prints
	log     *output       // what goes to stderr
	said    string        // the text of the last red check
}

// endOfCommand marks in the output of a shell that a command has ended.
const endOfCommand = "--- the command ended with "

func newGuide(t *testing.T, pkg string) *guide {
	t.Helper()
	g := &guide{machine: newMachine(t), log: &output{}}
	g.binance(t)
	g.bring(t, pkg, "/home/ops")
	cmd := g.command("ops", "exec bash")
	cmd.Stderr = g.log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	g.typed, g.printed = stdin, bufio.NewReader(stdout)
	t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Wait() // it goes with the machine, too
		if t.Failed() {
			t.Logf("stderr of the shell:\n%s", g.log)
		}
	})
	return g
}

// shell types a command into the user's shell.
func (g *guide) shell(t *testing.T, command string) (code int, output string) {
	t.Helper()
	if _, err := fmt.Fprintf(g.typed, "echo '$' %s >&2\n{ %s\n} </dev/null\nprintf '\\n%s%%d\\n' $?\n", quoted(command), command, endOfCommand); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for {
		line, err := g.printed.ReadString('\n')
		if err != nil {
			t.Fatalf("the shell ended in %s: %v\n%s", command, err, out.String())
		}
		if text, ok := strings.CutPrefix(line, endOfCommand); ok {
			if code, err = strconv.Atoi(strings.TrimSpace(text)); err != nil {
				t.Fatal(err)
			}
			return code, strings.TrimSuffix(out.String(), "\n")
		}
		out.WriteString(line)
	}
}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// follow follows another guide first, up to a text in it.
func (g *guide) follow(t *testing.T, name, end string) {
	t.Helper()
	page, _, found := strings.Cut(docs(t, name), end)
	if !found {
		t.Fatalf("%s has no %q", name, end)
	}
	doctest.Pages{Open: func(*testing.T, string) *doctest.Sandbox { return &doctest.Sandbox{Shell: g.shell, See: g.see} }}.Run(t, page)
}

// see waits until the monitoring system shows what the guide says.
func (g *guide) see(t *testing.T, what string) {
	t.Helper()
	if look, ok := g.others()[what]; ok {
		g.await(t, what, look)
		return
	}
	wants := map[string]want{"csv": {"CRITICAL", []string{`(?s)\.zip.*Fetch it again: \(cd .* && curl -fL -O https://data.binance.vision/`}}}
	switch what {
	case "green after doing what it says":
		m := regexp.MustCompile(`Fetch it again: (\(cd [^()]*\))`).FindStringSubmatch(g.said)
		if m == nil {
			t.Fatalf("it does not say what to do: %s", g.said)
		}
		g.must(t, m[1])
		fallthrough
	case "green":
		wants = map[string]want{}
		for _, name := range []string{"lock", "disk", "db", "csv", "log"} {
			wants[name] = want{"OK", nil}
		}
	case "red":
	default:
		t.Fatalf("nobody knows how to see %q", what)
	}
	for name, want := range wants {
		g.await(t, what, func() error {
			s, err := g.observe(t, name)
			if err != nil {
				return err
			}
			g.said = s.text
			return want.check(name, s)
		})
	}
}

// others are what can be seen beside states of checks.
func (g *guide) others() map[string]func() error {
	return map[string]func() error{
		"values in InfluxDB": func() error {
			e := g.root("curl -s -G http://127.0.0.1:8086/query --data-urlencode db=icinga2 --data-urlencode 'q=SHOW MEASUREMENTS' | grep check_ingest_db")
			if e.code != 0 {
				return errors.New("none yet")
			}
			return nil
		},
		// The gate is shut, and what would send a mail writes it down.
		"a mail when a load has failed": func() error {
			g.root(`printf '#!/bin/sh\necho "$@" >/tmp/mail\ncat >>/tmp/mail\n' >/usr/local/bin/mail
				chmod 755 /usr/local/bin/mail
				printf 'check_ingest_disk:\n  critical: ["free=900TB:"]\n' >>/etc/check-ingest/config.yaml
				systemctl start ingest-aggtrades`)
			mail, err := os.ReadFile(g.path("/tmp/mail"))
			if text := string(mail); err == nil && (!strings.HasPrefix(text, "-s ingest-aggtrades.service failed on loader root\n") || !strings.Contains(text, "INGEST DISK CRITICAL")) {
				err = errors.New(text)
			}
			return err
		},
		// A new file, and a cron that runs what stands in its table every minute.
		"cron loads what is new": func() error {
			e := g.root(`set -e
				cd /var/lib/check-ingest/downloads
				f=BTCUSDT-aggTrades-$(date -u -d yesterday +%F).zip
				[ -e "$f" ] || runuser -u check-ingest curl -- -O "https://data.binance.vision/data/futures/um/daily/aggTrades/BTCUSDT/$f"
				sed -i 's/^17 5 /* * /' /etc/cron.d/check-ingest
				check_ingest_log | grep '4 files loaded'`)
			if e.code != 0 {
				return fmt.Errorf("%s%s", e.output, e.errors)
			}
			return nil
		},
	}
}

// client asks servers of the machine.
func (g *guide) client(config *tls.Config) *http.Client {
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{DialContext: g.dial, DisableKeepAlives: true, TLSClientConfig: config}}
}

// dial connects to an address in the machine's network.
func (g *guide) dial(_ context.Context, network, address string) (net.Conn, error) {
	runtime.LockOSThread() // the thread ends with the goroutine, as it is not unlocked where it cannot go back
	ours, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, err
	}
	defer ours.Close()
	theirs, err := os.Open(filepath.Join("/proc", strconv.Itoa(g.pid), "ns", "net"))
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	if err := unix.Setns(int(theirs.Fd()), unix.CLONE_NEWNET); err != nil {
		return nil, err
	}
	conn, err := net.DialTimeout(network, address, 10*time.Second)
	if back := unix.Setns(int(ours.Fd()), unix.CLONE_NEWNET); back != nil {
		return nil, errors.Join(err, back)
	}
	runtime.UnlockOSThread()
	return conn, err
}

func nagiosScene(t *testing.T, g *guide) observer {
	t.Helper()
	need(t, "nagios4", "nagios4-core")
	g.must(t, "sed -i 's/^\\(status_update_interval\\|check_result_reaper_frequency\\)=.*/\\1=1/' /etc/nagios4/nagios.cfg && systemctl start nagios4") // sooner than as it comes"
	return func(t *testing.T, check string) (service, error) {
		t.Helper()
		g.must(t, fmt.Sprintf("now=$(date +%%s); echo \"[$now] SCHEDULE_FORCED_SVC_CHECK;localhost;ingest %s;$now\" >/var/lib/nagios4/rw/nagios.cmd; sleep 1", check))
		return nagiosStatus(t, g.path("/var/lib/nagios4/status.dat"), "ingest "+check), nil
	}
}

// icingaScene has Icinga run with its API, as Icinga's web interface needs it.
func icingaScene(t *testing.T, g *guide) observer {
	t.Helper()
	need(t, "icinga2", "icinga2-bin")
	// The files are rewritten first: on a layer, Icinga's library cannot copy those that lie below it.
	g.must(t, "sed -i '' /etc/icinga2/*.conf /etc/icinga2/conf.d/*.conf && icinga2 api setup && sed -i 's/password = .*/password = \"secret\"/' /etc/icinga2/conf.d/api-users.conf && systemctl start icinga2")
	ca, err := os.ReadFile(g.path("/var/lib/icinga2/certs/ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	i := &icinga{daemon: g.daemon, url: "https://127.0.0.1:5665/v1/", client: g.client(&tls.Config{RootCAs: roots, ServerName: "loader"})}
	return func(t *testing.T, check string) (service, error) {
		t.Helper()
		g.await(t, "Icinga", func() error {
			_, err := i.result("ingest-"+check, &service{})
			return err
		})
		return i.checkNow(t, "ingest-"+check), nil
	}
}

func nrpeScene(t *testing.T, g *guide) observer {
	t.Helper()
	need(t, "nrpe", "nagios-nrpe-server")
	need(t, "check_nrpe", "nagios-nrpe-plugin")
	g.must(t, "systemctl start nagios-nrpe-server")
	return func(t *testing.T, check string) (service, error) {
		t.Helper()
		e := g.as("ops", "/usr/lib/nagios/plugins/check_nrpe -H LOADER -c check_ingest_"+check)
		if e.code < 0 || e.code > 3 {
			return service{}, errors.New(e.errors)
		}
		return service{state: []string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}[e.code], text: e.output}, nil
	}
}

func zabbixScene(t *testing.T, g *guide) observer {
	t.Helper()
	need(t, "zabbix_agent2", "zabbix-agent2")
	g.must(t, "systemctl start zabbix-agent2")
	return func(t *testing.T, check string) (service, error) {
		t.Helper()
		conn, err := g.dial(t.Context(), "tcp", "127.0.0.1:10050")
		if err != nil {
			return service{}, err
		}
		defer conn.Close()
		text, err := zabbixAsk(conn, "check_ingest."+check)
		if err != nil {
			return service{}, err
		}
		return readJSON(t, text), nil
	}
}

func prometheusScene(t *testing.T, g *guide) observer {
	t.Helper()
	need(t, "prometheus", "prometheus")
	need(t, "prometheus-node-exporter", "prometheus-node-exporter")
	g.must(t, "systemctl start prometheus prometheus-node-exporter")
	server := promServer{"http://127.0.0.1:9090/api/v1/", g.client(nil)}
	return func(t *testing.T, check string) (service, error) {
		t.Helper()
		g.await(t, "Prometheus", func() error { return server.get("status/buildinfo", nil) })
		g.root("systemctl start check-ingest-textfile") // instead of waiting for its timer; there is none yet in the beginning
		return server.service(t, check), nil
	}
}

func influxScene(t *testing.T, g *guide) observer {
	t.Helper()
	need(t, "influxd", "influxdb")
	g.must(t, "systemctl start influxdb")
	return icingaScene(t, g)
}
