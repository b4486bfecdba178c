package nagios_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/check-ingest/check-ingest/internal/nagios"
	"github.com/check-ingest/check-ingest/internal/nagiostest"
)

// FuzzReport: whatever texts and numbers a check found, no form of its output breaks its format.
func FuzzReport(f *testing.F) {
	const poison = "a|b=9c\n[OK] x\r\t\x00\x1b[31m\x7f\xff<b>\\n;`$~'\"\u0085\u202e\u2028=1;2"
	f.Add("free", poison, poison, poison, 5.0, uint8(2), uint8(0))
	f.Add("", "", "", "", 0.0, uint8(0), uint8(3))
	f.Add(strings.Repeat("|\n", 3000), strings.Repeat("成", 3000), strings.Repeat("<b>", 3000), strings.Repeat("x", 9000), -1e300, uint8(3), uint8(200))
	prom := regexp.MustCompile(`^(# (HELP|TYPE) [a-z_]+ .*|[a-z_]+(\{[a-z]+="([^"\\]|\\[n"\\])*"(,[a-z]+="([^"\\]|\\[n"\\])*")*\})? -?[0-9.e+-]+)\n$`)
	units := []nagios.Unit{nagios.Seconds, nagios.Bytes, nagios.Percent}
	f.Fuzz(func(t *testing.T, summary, text, remedy, path string, value float64, state, kinds uint8) {
		specs := []nagios.Spec{{Label: "first", Unit: units[int(kinds)%len(units)], Critical: "5"}, {Label: "second", Warning: "@1:2"}}
		thresholds, err := nagios.ParseThresholds(specs, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		r := nagios.Result{Summary: summary, Lines: []string{text, path, remedy}, Debug: []string{text}}
		r.Metrics = []nagios.Metric{{Label: "first", Value: value, Phrase: text, Remedy: remedy, Path: path}, {Label: "second", Value: 1}}
		for range kinds % 5 {
			r.Problems = append(r.Problems, nagios.Problem{State: nagios.Status(state % 5), Text: text, Remedy: remedy, Path: path})
		}
		rep := nagios.Judge("INGEST TEST", r, specs, thresholds)
		for verbosity, limit := range []int{nagiostest.SoftLimit, nagiostest.SoftLimit, nagiostest.SoftLimit, nagiostest.HardLimit} {
			out := string(rep.Plugin(verbosity))
			if err := nagiostest.CheckOutput(out, "INGEST TEST", rep.State.String(), limit); err != nil {
				t.Errorf("-v %d: %v in %q", verbosity, err, out)
			}
		}
		if out := rep.JSON(); !json.Valid(out) || strings.Count(string(out), "\n") != 1 {
			t.Errorf("JSON %q", out)
		}
		for line := range strings.Lines(string(rep.Prometheus())) {
			if !prom.MatchString(line) {
				t.Errorf("Prometheus: %q", line)
			}
		}
		if out := string(rep.Table()); strings.ContainsAny(out, "|\x00\x1b\r\t\u202e<>\\") {
			t.Errorf("table %q", out)
		}
	})
}
