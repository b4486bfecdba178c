package integration

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/check-ingest/check-ingest/internal/nagios"
)

// dashboard is what the tests read of Grafana's format.
type dashboard struct {
	Title      string
	Templating struct {
		List []struct{ Name, Type, Query string }
	}
	Panels []panel
}

type panel struct {
	ID          int
	Title       string
	GridPos     struct{ X, Y, W, H int }
	FieldConfig struct{ Defaults struct{ Unit string } }
	Targets     []target
}

// target is a query of a panel, in InfluxQL.
type target struct {
	RefID, Alias, Query string
	Datasource          struct{ Type, UID string }
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	var d dashboard
	if err := json.Unmarshal([]byte(readContrib(t, "grafana/check_ingest.json")), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// hosts is the query of the variable that offers the hosts.
func (d dashboard) hosts() string {
	for _, v := range d.Templating.List {
		if v.Name == "host" {
			return v.Query
		}
	}
	return ""
}

// queryForm is the one form that all queries have: a measurement, which is a check, and one metric of it, or several by a pattern and but for
// another one.
var queryForm = regexp.MustCompile(`^SELECT mean\("value"\) FROM "(check_ingest_[a-z]+)" WHERE "metric" (?:= '([a-z_]+)'|=~ /([^/]+)/ AND "metric" !~ /([^/]+)/)` +
	` AND "hostname" =~ /\^\$host\$/ AND \$timeFilter GROUP BY time\(\$__interval\), "hostname", "service"(, "metric")? fill\(none\)$`)

// metric is the metric that a series of the answer is about, or "" where the query has not the form.
func (q target) metric(tags map[string]string) string {
	m := queryForm.FindStringSubmatch(q.Query)
	if m == nil || m[5] != "" {
		return tags["metric"]
	}
	return m[2]
}

// metrics are those that the query asks for, of all that there are.
func (q target) metrics(known map[string]nagios.Unit) (found []string) {
	m := queryForm.FindStringSubmatch(q.Query)
	if m == nil {
		return nil
	}
	for name := range known {
		check, label, _ := strings.Cut(name, " ")
		if check != m[1] {
			continue
		}
		if label == m[2] || m[2] == "" && regexp.MustCompile(m[3]).MatchString(label) && !regexp.MustCompile(m[4]).MatchString(label) {
			found = append(found, name)
		}
	}
	return found
}

// TestGrafanaDashboard: panels have names and numbers of their own and do not overlap, and each asks for a metric that a check has, in the
// metric's unit, with a legend that tells the series apart.
func TestGrafanaDashboard(t *testing.T) {
	t.Parallel()
	d := readDashboard(t)
	if d.Title == "" || len(d.Panels) == 0 || d.hosts() == "" {
		t.Fatal("no title, no panel, or no hosts to choose from")
	}
	seen := map[any]bool{}
	once := func(what any) {
		t.Helper()
		if seen[what] {
			t.Errorf("twice: %v", what)
		}
		seen[what] = true
	}
	units, known := map[nagios.Unit]string{nagios.None: "short", nagios.Seconds: "s", nagios.Bytes: "bytes", nagios.Percent: "percent"}, metrics()
	for _, p := range d.Panels {
		once(p.ID)
		once(p.Title)
		if strings.TrimSpace(p.Title) == "" || p.ID == 0 || len(p.Targets) == 0 {
			t.Errorf("panel %+v has no title, no number or asks for nothing", p)
		}
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				once([2]int{p.GridPos.X + x, p.GridPos.Y + y})
			}
		}
		for _, q := range p.Targets {
			once(fmt.Sprint(p.ID, q.RefID))
			once(fmt.Sprint(p.ID, q.Alias))
			found := q.metrics(known)
			if len(found) != 1 {
				t.Fatalf("%s: %q asks for %q", p.Title, q.Query, found)
			}
			if want := units[known[found[0]]]; p.FieldConfig.Defaults.Unit != want {
				t.Errorf("%s: %s is shown as %s, its unit is %s", p.Title, found[0], p.FieldConfig.Defaults.Unit, want)
			}
			if !strings.HasPrefix(q.Alias, "$tag_hostname $tag_service: ") || strings.Contains(q.Query, `"service", "metric"`) != strings.Contains(q.Alias, "$tag_metric") {
				t.Errorf("%s: the legend %q does not tell all series apart", p.Title, q.Alias)
			}
			if q.Datasource.Type != "influxdb" || q.Datasource.UID != "${datasource}" {
				t.Errorf("%s: data source %+v", p.Title, q.Datasource)
			}
		}
	}
	if !slices.ContainsFunc(d.Templating.List, func(v struct{ Name, Type, Query string }) bool {
		return v.Name == "datasource" && v.Type == "datasource" && v.Query == "influxdb"
	}) {
		t.Error("no data source to choose")
	}
}

// TestZabbixTemplateMetrics: every number that the template takes from a check is one of its metrics.
func TestZabbixTemplateMetrics(t *testing.T) {
	t.Parallel()
	text := readContrib(t, "zabbix/check_ingest_template.yaml")
	item := regexp.MustCompile(`(?s)\n          key: check_ingest\.([a-z]+)\.([a-z_]+)\n.*?parameters:\n\s+- ([^\n]*)`)
	known, seen := metrics(), 0
	for _, m := range item.FindAllStringSubmatch(text, -1) {
		if m[2] == "state" || m[2] == "text" || m[2] == "discovery" {
			continue
		}
		seen++
		if _, ok := known["check_ingest_"+m[1]+" "+m[2]]; !ok || !strings.Contains(m[3], "@.label==''"+m[2]+"''") {
			t.Errorf("item check_ingest.%s.%s: no metric of the check, or taken from %s", m[1], m[2], m[3])
		}
	}
	if seen < 30 {
		t.Errorf("only %d items were found", seen)
	}
}
