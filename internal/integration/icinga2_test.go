//go:build integration

package integration

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/check-ingest/check-ingest/internal/nagiostest"
)

// icingaConfig is a small icinga2.conf around the files of contrib and the distribution's templates.
const icingaConfig = `const PluginDir = "PLUGINS"
const NodeName = "loader"
const ZoneName = NodeName
include <itl>
include <plugins>
object Endpoint NodeName {}
object Zone ZoneName { endpoints = [ NodeName ] }
object CheckerComponent "checker" {}
object ApiListener "api" { bind_host = "127.0.0.1", bind_port = PORT }
object ApiUser "root" { password = "secret", permissions = [ "*" ] }
include "/etc/icinga2/conf.d/templates.conf"
include "CONTRIB/check_ingest_commands.conf"
include "CONTRIB/check_ingest_services.conf"
object Host "loader" {
	import "generic-host"
	check_command = "dummy"
	vars.ingest = true
	vars.ingest_symbols = [ "BTCUSDT" ]
	vars.ingest_age_warning = "10000d"
	vars.ingest_age_critical = "20000d"
}
WRITERS
`

// icinga is a running Icinga 2 that is asked through its API.
type icinga struct {
	*daemon
	url    string
	client *http.Client
}

// startIcinga checks the configuration, starts the daemon on it, and waits until its API answers. writers are more objects.
func startIcinga(t *testing.T, w *world, writers string) *icinga {
	t.Helper()
	program := need(t, "icinga2", "icinga2-bin")
	dir := folder(t)
	port := freePort(t)
	var defines []string
	for name, sub := range map[string]string{"DataDir": "data", "CacheDir": "cache", "LogDir": "log", "SpoolDir": "spool", "InitRunDir": "run", "ConfigDir": "etc"} {
		path := filepath.Join(dir, sub)
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		defines = append(defines, "-D", name+"="+path)
	}
	run(t, nil, "chown", "-R", "nagios:nagios", dir)
	// It makes a certificate; that there are no features to enable in the folder it complains of does not matter.
	run(t, nil, program, append([]string{"api", "setup", "--cn", "loader"}, defines...)...)
	text := strings.NewReplacer("PLUGINS", install(t), "PORT", fmt.Sprint(port), "CONTRIB", contrib(t, "icinga2"), "WRITERS", writers).Replace(icingaConfig)
	config := write(t, filepath.Join(dir, "icinga2.conf"), text)
	args := append([]string{"daemon", "-c", config}, defines...)
	verdict := run(t, nil, program, append(args, "-C")...)
	if strings.Contains(verdict, "warning/") || !regexp.MustCompile(`Instantiated [67] Services`).MatchString(verdict) {
		t.Errorf("icinga2 daemon -C is not content:\n%s", verdict)
	}
	ca, err := os.ReadFile(filepath.Join(dir, "data", "certs", "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	i := &icinga{
		daemon: launch(t, w.env(), program, append(args, "-x", "information")...),
		url:    fmt.Sprintf("https://127.0.0.1:%d/v1/", port),
		client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "loader"}}},
	}
	i.await(t, "the API", func() error { return i.ask("status/IcingaApplication", nil, nil) })
	return i
}

// ask asks the API and decodes the answer's results: with GET, or POST where there is something to send.
func (i *icinga) ask(path string, send, results any) error {
	method, body := http.MethodGet, []byte(nil)
	if send != nil {
		var err error
		if body, err = json.Marshal(send); err != nil {
			return err
		}
		method = http.MethodPost
	}
	req, err := http.NewRequest(method, i.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.SetBasicAuth("root", "secret")
	req.Header.Set("Accept", "application/json")
	resp, err := i.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	answer := struct{ Results any }{results}
	if err := json.Unmarshal(text, &answer); err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %.500s", path, resp.Status, text)
	}
	return nil
}

// checkNow has a service checked at once, and gives what the check said.
func (i *icinga) checkNow(t *testing.T, name string) service {
	t.Helper()
	var before, after service
	at, err := i.result(name, &before)
	if err != nil {
		t.Fatal(err)
	}
	order := map[string]any{"type": "Service", "service": "loader!" + name, "force": true, "next_check": float64(time.Now().Unix())}
	i.await(t, name, func() error {
		if err := i.ask("actions/reschedule-check", order, nil); err != nil {
			return err
		}
		next, err := i.result(name, &after)
		if err == nil && next <= at {
			err = fmt.Errorf("no new result, the last one is %q", after.text)
		}
		return err
	})
	return after
}

// result reads a service's last result, and when it came; 0 for none.
func (i *icinga) result(name string, s *service) (float64, error) {
	var objects []struct {
		Attrs struct {
			State  float64
			Result *struct {
				Output         string
				PerfData       []string `json:"performance_data"`
				ExecutionEnd   float64  `json:"execution_end"`
				ExecutionStart float64  `json:"execution_start"`
			} `json:"last_check_result"`
		}
	}
	if err := i.ask("objects/services/loader!"+name+"?attrs=state&attrs=last_check_result", nil, &objects); err != nil || len(objects) != 1 || objects[0].Attrs.Result == nil {
		return 0, err
	}
	r := objects[0].Attrs.Result
	*s = service{[]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}[int(objects[0].Attrs.State)], r.Output, strings.Join(r.PerfData, " ")}
	return r.ExecutionEnd, nil
}

// icingaMetric is performance data as Icinga has parsed it.
type icingaMetric struct {
	Label                string
	Value                float64
	Unit                 string
	Counter              bool
	Warn, Crit, Min, Max *float64
}

// parse has Icinga parse an item of performance data.
func (i *icinga) parse(item string) (icingaMetric, error) {
	var results []struct {
		Code   int
		Status string
		Result icingaMetric
	}
	script := map[string]any{"command": fmt.Sprintf("parse_performance_data(%q)", item)}
	if err := i.ask("console/execute-script", script, &results); err != nil {
		return icingaMetric{}, err
	}
	if len(results) != 1 || results[0].Code != 200 {
		return icingaMetric{}, fmt.Errorf("%s: %+v", item, results)
	}
	return results[0].Result, nil
}

// TestIcinga2 runs the services in a real Icinga 2.
func TestIcinga2(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	i := startIcinga(t, w, "")
	var app []struct {
		Status struct {
			Application struct{ App struct{ Version string } } `json:"icingaapplication"`
		}
	}
	if err := i.ask("status/IcingaApplication", nil, &app); err != nil || len(app) != 1 {
		t.Fatal(err)
	}
	t.Log("Icinga 2", app[0].Status.Application.App.Version)
	parsed := map[string]icingaMetric{} // by item
	play(t, w, i.daemon, func(t *testing.T, name string) service {
		t.Helper()
		s := i.checkNow(t, "ingest-"+name)
		for _, item := range strings.Fields(s.perfdata) {
			if _, known := parsed[item]; known {
				continue
			}
			m, err := i.parse(item)
			if err != nil {
				t.Fatal(err)
			}
			parsed[item] = m
			checkParsed(t, item, m)
		}
		return s
	})
	if len(parsed) < 20 {
		t.Errorf("only %d metrics were seen", len(parsed))
	}
}

// checkParsed compares what Icinga made of an item of performance data with what it says, by the model of Icinga in nagiostest and by hand.
func checkParsed(t *testing.T, item string, m icingaMetric) {
	t.Helper()
	label, rest, _ := strings.Cut(item, "=")
	fields := strings.Split(rest, ";")
	var value float64
	var unit string
	if n, err := fmt.Sscanf(fields[0], "%f%s", &value, &unit); n < 1 {
		t.Fatalf("%s: %v", item, err)
	}
	unit = map[string]string{"": "", "s": "seconds", "B": "bytes", "%": "percent", "c": ""}[unit]
	if m.Label != label || m.Value != value || m.Unit != unit {
		t.Errorf("%s: Icinga reads %+v, want %v %s", item, m, value, unit)
	}
	for n, limit := range map[int]*float64{1: m.Warn, 2: m.Crit, 3: m.Min, 4: m.Max} {
		if n >= len(fields) || fields[n] == "" || strings.ContainsAny(fields[n], ":@~") {
			continue // Icinga 2 keeps plain numbers only
		}
		var want float64
		if _, err := fmt.Sscan(fields[n], &want); err != nil || limit == nil || *limit != want {
			t.Errorf("%s: field %d is %v", item, n, limit)
		}
	}
	if !nagiostest.PerfdataForm().MatchString(item) {
		t.Errorf("%s has not the form of performance data", item)
	}
}

// TestIcinga2Arguments: every variable of every command reaches the check as the flag that it is for.
func TestIcinga2Arguments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	extra := ""
	values := map[string]string{
		"ingest_timeout": `"30s"`, "ingest_timeout_state": `"warning"`, "ingest_verbose": "3", "ingest_gate": "true",
		"ingest_warning": `[ "held_for=-5:5h", "held=2" ]`, "ingest_critical": `"9h"`, "ingest_held": `"warning"`,
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		extra += "\tvars." + name + " = " + values[name] + "\n"
	}
	i := startIcinga(t, w, "object Service \"arguments\" {\n\timport \"generic-service\"\n\thost_name = \"loader\"\n\tcheck_command = \"check_ingest_lock\"\n"+extra+"}\n")
	s := i.checkNow(t, "arguments")
	var objects []struct {
		Attrs struct {
			Result struct{ Command []string } `json:"last_check_result"`
		}
	}
	if err := i.ask("objects/services/loader!arguments?attrs=last_check_result", nil, &objects); err != nil {
		t.Fatal(err)
	}
	line := strings.Join(objects[0].Attrs.Result.Command[1:], " ")
	for _, part := range []string{"--timeout 30s", "--timeout-state warning", "--verbose=3", "--gate", "--warning held_for=-5:5h", "--warning held=2", "--critical 9h", "--held warning"} {
		if !strings.Contains(line, part) {
			t.Errorf("the command line lacks %s: %s", part, line)
		}
	}
	if s.state != "OK" || !strings.Contains(s.text, "debug: version") {
		t.Errorf("%+v", s)
	}
}
