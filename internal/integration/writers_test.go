//go:build integration

package integration

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// TestIcinga2Writers has Icinga 2 write performance data as docs/grafana.md says. A real InfluxDB is then asked all that the dashboard asks;
// what is written for InfluxDB 2 and for Graphite is read where it arrives. Each time the values have to be those that the checks printed.
func TestIcinga2Writers(t *testing.T) {
	t.Parallel()
	need(t, "icinga2", "icinga2-bin")
	influx, w := startInflux(t), newWorld(t)
	influx2, graphite := listenInflux2(t), listenGraphite(t)
	i := startIcinga(t, w, strings.Join([]string{
		feature(t, "influxdb", "port", strconv.Itoa(influx.port)),
		feature(t, "influxdb2", "port", influx2.port, "organization", `"monitoring"`, "bucket", `"icinga2"`, "auth_token", `"secret-token"`),
		feature(t, "graphite", "port", graphite.port),
		// One that looks at two file systems.
		"object Service \"disks\" {\n\timport \"generic-service\"\n\thost_name = \"loader\"\n\tcheck_command = \"check_ingest_disk\"\n",
		fmt.Sprintf("\tvars.ingest_db = %q\n\tvars.ingest_path = [ \"%s=copy\" ]\n}\n", w.db, filepath.Dir(w.db)),
	}, ""))

	p := printed{t, i, map[metricKey]float64{}}
	i.await(t, "Graphite", graphite.met) // what is checked before Icinga has found it, it never gets
	p.check()
	w.download(t, 1)
	w.loader(t)
	p.check() // how far the load is

	asked := checkDashboard(t, p, influx)
	for name, c := range map[string]*carrier{"InfluxDB 2": influx2, "Graphite": graphite} {
		i.await(t, name, func() error { return c.has(asked, p.last()) })
	}
}

// metricKey is a metric of a service of the host loader.
type metricKey struct{ service, metric string }

// printed knows what the checks printed last for each metric.
type printed struct {
	t      *testing.T
	icinga *icinga
	values map[metricKey]float64
}

func (p printed) services() []string {
	return []string{"ingest-lock", "ingest-disk", "ingest-db", "ingest-db-BTCUSDT", "ingest-csv", "ingest-log", "disks"}
}

// check has all checked now.
func (p printed) check() {
	p.t.Helper()
	for _, name := range p.services() {
		p.add(name, p.icinga.checkNow(p.t, name))
	}
}

func (p printed) add(name string, s service) {
	p.t.Helper()
	for _, item := range strings.Fields(s.perfdata) {
		label, rest, _ := strings.Cut(item, "=")
		var value float64
		if _, err := fmt.Sscanf(rest, "%f", &value); err != nil {
			p.t.Fatalf("%s: %v", item, err)
		}
		p.values[metricKey{name, label}] = value
	}
}

// last asks Icinga again: it may have checked something once more.
func (p printed) last() map[metricKey]float64 {
	p.t.Helper()
	for _, name := range p.services() {
		var s service
		if _, err := p.icinga.result(name, &s); err != nil {
			p.t.Fatal(err)
		}
		p.add(name, s)
	}
	return p.values
}

// feature is one of Icinga's features as the distribution has it, with the values of some of its attributes, which there are comments.
func feature(t *testing.T, name string, values ...string) string {
	t.Helper()
	data, err := os.ReadFile("/etc/icinga2/features-available/" + name + ".conf")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for i := 0; i < len(values); i += 2 {
		comment := regexp.MustCompile(`(?m)^  //` + values[i] + ` = .*$`)
		if !comment.MatchString(text) {
			t.Fatalf("%s.conf has no %s", name, values[i])
		}
		text = comment.ReplaceAllLiteralString(text, "  "+values[i]+" = "+values[i+1])
	}
	return text
}

// influxDB is a running InfluxDB 1 with an empty database icinga2.
type influxDB struct{ port int }

func startInflux(t *testing.T) influxDB {
	t.Helper()
	program := need(t, "influxd", "influxdb")
	dir, port := folder(t), freePort(t)
	config := write(t, filepath.Join(dir, "influxdb.conf"), fmt.Sprintf(
		"bind-address = \"127.0.0.1:%d\"\nreporting-disabled = true\n[meta]\ndir = \"%[2]s/meta\"\n[data]\ndir = \"%[2]s/data\"\nwal-dir = \"%[2]s/wal\"\n[monitor]\nstore-enabled = false\n[http]\nbind-address = \"127.0.0.1:%[3]d\"\nlog-enabled = false\n",
		freePort(t), dir, port))
	db := influxDB{port}
	launch(t, nil, program, "-config", config).await(t, "InfluxDB", func() error {
		_, err := db.query("CREATE DATABASE icinga2")
		return err
	})
	return db
}

// influxSeries is a series of an answer. What is measured nowhere is null.
type influxSeries struct {
	Tags   map[string]string
	Values [][]any
}

func (db influxDB) query(q string) ([]influxSeries, error) {
	resp, err := http.PostForm(fmt.Sprintf("http://127.0.0.1:%d/query?db=icinga2&epoch=s", db.port), url.Values{"q": {q}})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var answer struct {
		Error   string
		Results []struct {
			Error  string
			Series []influxSeries
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return nil, err
	}
	if len(answer.Results) != 1 || answer.Error+answer.Results[0].Error != "" {
		return nil, fmt.Errorf("%s: %+v", q, answer)
	}
	return answer.Results[0].Series, nil
}

// checkDashboard asks InfluxDB what Grafana would ask it, and looks whether every series has the value that the check printed last. It gives the
// metrics that were found.
func checkDashboard(t *testing.T, checks printed, db influxDB) []metricKey {
	t.Helper()
	dash, asked := readDashboard(t), map[metricKey]bool{}
	grafana := strings.NewReplacer("/^$host$/", "/^(loader)$/", "$timeFilter", "time >= now() - 1h", "$__interval", "1s")
	for _, p := range dash.Panels {
		for _, q := range p.Targets {
			checks.icinga.await(t, p.Title, func() error {
				values := checks.last()
				series, err := db.query(grafana.Replace(q.Query))
				if err != nil {
					return err
				}
				if len(series) == 0 {
					return errors.New("no series")
				}
				for _, s := range series {
					key := metricKey{s.Tags["service"], q.metric(s.Tags)}
					want, ok := values[key]
					if s.Tags["hostname"] != "loader" || !ok {
						t.Fatalf("%s: tags %v", q.Query, s.Tags)
					}
					if !slices.ContainsFunc(s.Values, func(v []any) bool { return v[1] == want }) {
						return fmt.Errorf("%v: %v is not among %v", key, want, s.Values)
					}
					asked[key] = true
				}
				return nil
			})
		}
	}
	for _, key := range []metricKey{{"disks", "free_copy"}, {"ingest-disk", "free"}, {"ingest-lock", "percent"}, {"ingest-db-BTCUSDT", "rows"}} {
		if !asked[key] {
			t.Errorf("the dashboard does not show %v, but %v", key, asked)
		}
	}
	hosts, err := db.query(dash.hosts())
	if err != nil || len(hosts) != 1 || !slices.EqualFunc(hosts[0].Values, []string{"loader"}, func(v []any, name string) bool { return v[1] == name }) {
		t.Errorf("the dashboard offers the hosts %v, %v", hosts, err)
	}
	return slices.Collect(maps.Keys(asked))
}

// carrier collects the lines that Icinga sends to a program that listens on a port of the loopback interface.
type carrier struct {
	port string
	line func(metricKey) string // the pattern of a line about this metric, with the value as its group

	mu        sync.Mutex
	connected bool
	lines     []string
}

// met wants a connection to have been made.
func (c *carrier) met() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.connected {
		return errors.New("no connection")
	}
	return nil
}

func (c *carrier) take(r io.Reader) {
	c.mu.Lock()
	c.connected = true
	c.mu.Unlock()
	for s := bufio.NewScanner(r); s.Scan(); {
		c.mu.Lock()
		c.lines = append(c.lines, s.Text())
		c.mu.Unlock()
	}
}

// has wants a line with the metric's name and value for each.
func (c *carrier) has(metrics []metricKey, values map[metricKey]float64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, key := range metrics {
		line := regexp.MustCompile(c.line(key))
		if !slices.ContainsFunc(c.lines, func(l string) bool {
			m := line.FindStringSubmatch(l)
			if m == nil {
				return false
			}
			got, err := strconv.ParseFloat(m[1], 64)
			return err == nil && got == values[key]
		}) {
			return fmt.Errorf("no line %s with %v; there are\n%s", line, values[key], strings.Join(c.lines, "\n"))
		}
	}
	return nil
}

// check is the check that a service of the tests runs.
func (k metricKey) check() string {
	if k.service == "disks" {
		return "check_ingest_disk"
	}
	return "check_" + strings.ReplaceAll(strings.TrimSuffix(k.service, "-BTCUSDT"), "-", "_")
}

// listenInflux2 takes what is written to a bucket of InfluxDB 2.
func listenInflux2(t *testing.T) *carrier {
	t.Helper()
	c := &carrier{line: func(k metricKey) string {
		return fmt.Sprintf(`^%s,hostname=loader,service=%s,metric=%s (?:unit="[a-z]+",)?value=(\S+) \d+$`, k.check(), k.service, k.metric)
	}}
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Path == "/api/v2/write" && r.FormValue("org") == "monitoring" && r.FormValue("bucket") == "icinga2" && r.Header.Get("Authorization") == "Token secret-token" {
			c.take(r.Body)
			rw.WriteHeader(http.StatusNoContent)
			return
		}
		http.Error(rw, r.URL.String(), http.StatusUnauthorized)
	}))
	t.Cleanup(s.Close)
	_, c.port, _ = strings.Cut(strings.TrimPrefix(s.URL, "http://"), ":")
	return c
}

// listenGraphite takes what is written to a Graphite.
func listenGraphite(t *testing.T) *carrier {
	t.Helper()
	c := &carrier{line: func(k metricKey) string {
		return fmt.Sprintf(`^icinga2\.loader\.services\.%s\.%s\.perfdata\.%s\.value (\S+) \d+$`, k.service, k.check(), k.metric)
	}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	_, c.port, _ = strings.Cut(l.Addr().String(), ":")
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed
			}
			go c.take(conn)
		}
	}()
	return c
}
