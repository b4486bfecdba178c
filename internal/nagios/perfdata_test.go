package nagios

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
)

// perfdataForm is the form that conventions 10.2 asks of every metric.
func perfdataForm() *regexp.Regexp {
	const number = `-?[0-9]+(\.[0-9]+)?`
	const rng = `(@?(~:|` + number + `:)?(` + number + `)?)?`
	return regexp.MustCompile(`^[a-z][a-z0-9_]*=` + number + `(s|B|%|c)?(;` + rng + `(;` + rng + `(;(` + number + `)?(;(` + number + `)?)?)?)?)?$`)
}

// FuzzPerfdata renders a metric and reads it back through the model of Icinga 2: every metric survives, with its value.
func FuzzPerfdata(f *testing.F) {
	f.Add(61203283968.0, 252e9, "150GB:", byte(0))
	f.Add(-0.0000001, 0.0, "~:10", byte(1))
	f.Add(1e-7, 1.0, "@5:10", byte(2))
	f.Add(1e300, 1.0, "5", byte(3))
	f.Fuzz(func(t *testing.T, v, highest float64, limit string, unit byte) {
		if math.IsNaN(v) || math.IsInf(v, 0) || math.IsNaN(highest) || math.IsInf(highest, 0) {
			return
		}
		spec := Spec{Label: "m", Unit: []Unit{Bytes, Seconds, Percent, None, Counter}[int(unit)%5], Signed: unit%2 == 0}
		j := Judged{Spec: spec, Metric: Metric{Label: "m", Value: v, Max: highest}}
		if r, err := ParseRangeIn(limit, spec.Unit); err == nil {
			j.Limits = Limits{Warning: &r, Critical: &r}
		}
		text := j.Perfdata()
		if !perfdataForm().MatchString(text) {
			t.Fatalf("%q", text)
		}
		units := map[string]icingaUnit{"B": {Factor: 1}, "s": {Factor: 1}, "%": {Factor: 1}, "c": {Factor: 1}}
		m, err := icingaParse(text, units)
		if err != nil || m.label != "m" || math.Abs(m.value-v) > 5.1e-7+math.Abs(v)*1e-15 {
			t.Fatalf("%q reads as %+v, %v; value was %v", text, m, err, v)
		}
	})
}

func TestEveryMetricSurvivesIcinga(t *testing.T) {
	t.Parallel()
	units := icingaUnits(t)
	specs := testSpecs()
	result := Result{Summary: "fine", Metrics: []Metric{
		{Label: "free", Value: 61203283968, Max: 252e9},
		{Label: "age", Value: 12.5},
		{Label: "used_pct", Value: 61.2},
		{Label: "bad", Value: 0},
		{Label: "rows", Value: 1982554380},
		{Label: "headroom", Value: -1},
	}, Lines: []string{"a line with x=1", "another"}}
	th := mustThresholds(t, specs, []string{"age=300", "used_pct=~:80"}, []string{"age=~:600", "headroom=0:"})
	for verbosity := range 4 {
		text, perf := icingaOutput(string(Judge("N", result, specs, th).Plugin(verbosity)))
		if !strings.HasPrefix(text, "N ") || strings.Contains(text, "|") {
			t.Errorf("text %q", text)
		}
		items := icingaSplit(perf)
		if len(items) != len(result.Metrics) {
			t.Fatalf("%d of %d metrics in %q", len(items), len(result.Metrics), perf)
		}
		for i, item := range items {
			m, err := icingaParse(item, units)
			if err != nil || m.label != result.Metrics[i].Label || m.value != result.Metrics[i].Value {
				t.Errorf("%q reads as %+v, %v", item, m, err)
			}
			if m.label == "age" && (m.warn == nil || *m.warn != 300 || m.crit == nil || *m.crit != 600) {
				t.Errorf("%q: limits that are plain numbers were dropped", item)
			}
		}
	}
}

func TestManyMetricsNeverExceedTheHardLimit(t *testing.T) {
	t.Parallel()
	var specs []Spec
	var res Result
	for i := range 300 {
		label := fmt.Sprintf("free_%d", i)
		specs = append(specs, Spec{Label: label, Unit: Bytes, Warning: "150GB:", Critical: "100GB:"})
		res.Metrics = append(res.Metrics, Metric{Label: label, Value: 61203283968, Max: 252e9})
	}
	rep := Judge("INGEST DISK", res, specs, mustThresholds(t, specs, nil, nil))
	for verbosity := range 4 {
		out := string(rep.Plugin(verbosity))
		if err := checkOutput(out, Critical, hardLimit); err != nil {
			t.Fatalf("verbosity %d: %v", verbosity, err)
		}
		_, perf := icingaOutput(out)
		for _, item := range icingaSplit(perf) {
			if !perfdataForm().MatchString(item) {
				t.Fatalf("%q was cut", item)
			}
		}
	}
}
