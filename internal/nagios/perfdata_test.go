package nagios

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/check-ingest/check-ingest/internal/nagiostest"
)

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
		if !nagiostest.PerfdataForm().MatchString(text) {
			t.Fatalf("%q", text)
		}
		m, err := nagiostest.Icinga2{}.Parse(text)
		if err != nil || m.Label != "m" || math.Abs(m.Value-v) > 5.1e-7+math.Abs(v)*1e-15 {
			t.Fatalf("%q reads as %+v, %v; value was %v", text, m, err, v)
		}
	})
}

func TestEveryMetricSurvivesIcinga(t *testing.T) {
	t.Parallel()
	model := nagiostest.NewIcinga2(t)
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
		text, metrics, err := model.Read(string(Judge("N", result, specs, th).Plugin(verbosity)))
		if err != nil || !strings.HasPrefix(text, "N ") || strings.Contains(text, "|") {
			t.Errorf("text %q, %v", text, err)
		}
		if len(metrics) != len(result.Metrics) {
			t.Fatalf("%d of %d metrics", len(metrics), len(result.Metrics))
		}
		for i, m := range metrics {
			if m.Label != result.Metrics[i].Label || m.Value != result.Metrics[i].Value {
				t.Errorf("metric %d reads as %+v", i, m)
			}
			if m.Label == "age" && (m.Warn == nil || *m.Warn != 300 || m.Crit == nil || *m.Crit != 600) {
				t.Errorf("%+v: limits that are plain numbers were dropped", m)
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
		if err := nagiostest.CheckOutput(out, "INGEST DISK", "CRITICAL", hardLimit); err != nil {
			t.Fatalf("verbosity %d: %v", verbosity, err)
		}
	}
}
