package dbworld

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/internal/checktest"
	"github.com/check-ingest/check-ingest/internal/nagios"
	"github.com/check-ingest/check-ingest/internal/nagiostest"
)

// masks are those of every check.
func masks() []checktest.Mask {
	return []checktest.Mask{
		{What: regexp.MustCompile(`PID \d+ \(\S+, user \S+\)`), With: "PROCESS"},
		{What: regexp.MustCompile(`(kill |ps -fp |/proc/)\d+`), With: "${1}N"},
		{What: regexp.MustCompile(`by user \S+: it belongs to \S+,`), With: "by user USER: it belongs to OWNER,"},
		{What: regexp.MustCompile(`-m u:\S+:r`), With: "-m u:USER:r"},
	}
}

// Observe runs the check in the world and compares its exit code and its first line after the service's name, performance data included. It also holds the
// output against the norm and against the JSON form, and looks that nothing in the folder changed. It gives what the check says with -v.
func (w *World) Observe(code int, first string, args ...string) string {
	t := w.T
	t.Helper()
	before := w.Listing()
	got, out := w.check.Run(args...)
	if text := strings.TrimPrefix(w.Masked(out), w.check.Service+" "); got != code || text != first+"\n" {
		t.Errorf("exit code %d, want %d (-want +got):\n%s", got, code, cmp.Diff(first+"\n", text))
	}
	state, _, _ := strings.Cut(strings.TrimPrefix(out, w.check.Service+" "), ":")
	if err := nagiostest.CheckOutput(out, w.check.Service, state, nagiostest.SoftLimit); err != nil {
		t.Error(err)
	}
	_, metrics, err := nagiostest.NewIcinga2(t).Read(out)
	if err != nil {
		t.Error(err)
	}
	w.compareJSON(args, got, out, metrics)
	_, verbose := w.check.Run(append(args, "-v")...)
	if diff := cmp.Diff(before, w.Listing()); diff != "" {
		t.Errorf("the folder changed (-before +after):\n%s", diff)
	}
	return w.Masked(verbose)
}

// compareJSON compares the JSON form with the text: the same state, exit code and metrics, and a remedy for each problem.
func (w *World) compareJSON(args []string, code int, out string, metrics []nagiostest.Icinga2Metric) {
	t := w.T
	t.Helper()
	var doc struct {
		State    string
		ExitCode int `json:"exit_code"`
		Metrics  []struct{ Label string }
		Problems []nagios.Problem
	}
	jsonCode, text := w.check.Run(append(args, "-o", "json")...)
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	if jsonCode != code || doc.ExitCode != code || !strings.HasPrefix(out, w.check.Service+" "+doc.State+": ") {
		t.Errorf("JSON has exit codes %d and %d and state %s, the text %d and %q", jsonCode, doc.ExitCode, doc.State, code, out)
	}
	var labels, want []string
	for _, m := range doc.Metrics {
		labels = append(labels, m.Label)
	}
	for _, m := range metrics {
		want = append(want, m.Label)
	}
	if diff := cmp.Diff(want, labels); diff != "" {
		t.Errorf("metrics of text and JSON:\n%s", diff)
	}
	for _, p := range doc.Problems {
		if p.Remedy == "" || p.State == nagios.OK {
			t.Errorf("problem %q has state %s and remedy %q", p.Text, p.State, p.Remedy)
		}
	}
}
