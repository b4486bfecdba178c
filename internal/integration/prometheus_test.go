//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPrometheus has the script of contrib write for a real node_exporter, which a real Prometheus with the rules of contrib scrapes.
// What a service says is the annotation of its alert.
func TestPrometheus(t *testing.T) {
	t.Parallel()
	prometheus, promtool := need(t, "prometheus", "prometheus"), need(t, "promtool", "prometheus")
	exporter := need(t, "prometheus-node-exporter", "prometheus-node-exporter")
	w := newWorld(t)
	dir := folder(t)
	textfiles := filepath.Join(dir, "textfiles")
	if err := os.Mkdir(textfiles, 0o755); err != nil {
		t.Fatal(err)
	}
	// What is pending is shown at once here, and stays pending: alerts wait for minutes before they fire.
	rules := contrib(t, "prometheus/check_ingest_rules.yml")
	run(t, nil, promtool, "check", "rules", rules)
	ports := []int{freePort(t), freePort(t)}
	config := write(t, filepath.Join(dir, "prometheus.yml"), fmt.Sprintf(`global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [%q]
scrape_configs:
  - job_name: node
    static_configs: [{targets: ["127.0.0.1:%d"]}]
`, rules, ports[0]))
	run(t, nil, promtool, "check", "config", config)

	launch(t, nil, exporter, "--collector.disable-defaults", "--collector.textfile", "--collector.textfile.directory="+textfiles, fmt.Sprintf("--web.listen-address=127.0.0.1:%d", ports[0]))
	d := launch(t, nil, prometheus, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), fmt.Sprintf("--web.listen-address=127.0.0.1:%d", ports[1]))
	server := promServer{fmt.Sprintf("http://127.0.0.1:%d/api/v1/", ports[1]), http.DefaultClient}
	d.await(t, "a server that answers", func() error { return server.get("status/buildinfo", nil) })
	t.Log(strings.Split(run(t, nil, prometheus, "--version"), "\n")[0], strings.Split(run(t, nil, exporter, "--version"), "\n")[0])

	play(t, w, d, func(t *testing.T, name string) service {
		t.Helper()
		run(t, append(w.env(), "PATH="+install(t)+":"+os.Getenv("PATH")), contrib(t, "prometheus/check-ingest-textfile"), textfiles)
		return server.service(t, name)
	})
	files, err := filepath.Glob(filepath.Join(textfiles, "*"))
	if err != nil || len(files) != 5 {
		t.Errorf("files %q, %v", files, err)
	}
	for _, path := range files {
		cmd := exec.Command(promtool, "check", "metrics")
		if cmd.Stdin, err = os.Open(path); err != nil {
			t.Fatal(err)
		}
		// Its linter takes every name with "days" in it for a duration; these are counted.
		out, err := cmd.CombinedOutput()
		complaints := regexp.MustCompile(`(?m)^\S+_days_missing use base unit "seconds" instead of "days"\n`).ReplaceAll(out, nil)
		if len(complaints) > 0 {
			t.Errorf("promtool check metrics: %s: %v\n%s", filepath.Base(path), err, complaints)
		}
	}
	// Nothing of the text was refused.
	var refused []promSample
	if err := server.get("query?query="+url.QueryEscape(`node_textfile_scrape_error`), &struct{ Result *[]promSample }{&refused}); err != nil || len(refused) != 1 || refused[0].Value[1] != "0" {
		t.Errorf("node_textfile_scrape_error: %v, %v", refused, err)
	}
}

// promServer is asked through its API.
type promServer struct {
	url    string
	client *http.Client
}

// promSample is an element of an instant vector: the value is a time and a text.
type promSample struct {
	Metric map[string]string
	Value  [2]any
}

// get asks the server's API, and decodes the answer's data.
func (s promServer) get(path string, data any) error {
	resp, err := s.client.Get(s.url + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	answer := struct{ Data any }{data}
	if err := json.Unmarshal(text, &answer); err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %.500s", path, resp.Status, text)
	}
	return nil
}

// service is what Prometheus knows of a check: the state that it scraped, and the description of the alert or, where there is none, what it
// measured. A green check has no text in Prometheus; the one that it would have is made of its metrics.
func (s promServer) service(t *testing.T, name string) service {
	t.Helper()
	var states []promSample
	query := fmt.Sprintf("check_ingest_state{check=%q}", name)
	if err := s.get("query?query="+url.QueryEscape(query), &struct{ Result *[]promSample }{&states}); err != nil {
		t.Fatal(err)
	}
	if len(states) != 1 {
		return service{text: fmt.Sprintf("%d samples of %s", len(states), query)}
	}
	state := map[any]string{"0": "OK", "1": "WARNING", "2": "CRITICAL", "3": "UNKNOWN"}[states[0].Value[1]]
	if state == "OK" {
		return service{state: state, text: promQuiet}
	}
	var alerts struct {
		Alerts []struct{ Labels, Annotations map[string]string }
	}
	if err := s.get("alerts", &alerts); err != nil {
		t.Fatal(err)
	}
	for _, a := range alerts.Alerts {
		if a.Labels["check"] == name && strings.EqualFold(a.Labels["alertname"], "Ingest"+state) {
			return service{state: state, text: regexp.MustCompile(`\s+`).ReplaceAllString(a.Annotations["description"], " ")}
		}
	}
	return service{text: "no alert yet"}
}

// promQuiet stands for the text of a check that is OK.
const promQuiet = "(no alert)"
