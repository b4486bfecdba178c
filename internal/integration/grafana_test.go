package integration

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

// TestGrafanaDashboard: the dashboard is JSON, its panels have names, and each asks for a metric of a check under the names that Icinga 2
// gives them in InfluxDB: the check command as measurement, the label as the tag metric.
func TestGrafanaDashboard(t *testing.T) {
	t.Parallel()
	var dashboard struct {
		Title  string
		Panels []struct {
			Title   string
			Targets []struct{ Query string }
		}
	}
	if err := json.Unmarshal([]byte(readContrib(t, "grafana/check_ingest.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	if dashboard.Title == "" || len(dashboard.Panels) == 0 {
		t.Fatal("no title, or no panel")
	}
	query := regexp.MustCompile(`FROM "(check_ingest_[a-z]+)" WHERE "metric" = '([a-z_]+)'`)
	known := metrics()
	for _, p := range dashboard.Panels {
		if strings.TrimSpace(p.Title) == "" || len(p.Targets) == 0 {
			t.Errorf("panel %+v has no title or asks for nothing", p)
		}
		for _, target := range p.Targets {
			m := query.FindStringSubmatch(target.Query)
			if m == nil || !known[m[1]+" "+m[2]] {
				t.Errorf("%s: %q asks for no metric of a check", p.Title, target.Query)
			}
		}
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
		if !known["check_ingest_"+m[1]+" "+m[2]] || !strings.Contains(m[3], "@.label==''"+m[2]+"''") {
			t.Errorf("item check_ingest.%s.%s: no metric of the check, or taken from %s", m[1], m[2], m[3])
		}
	}
	if seen < 30 {
		t.Errorf("only %d items were found", seen)
	}
}
