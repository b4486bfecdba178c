package nagios

import (
	"encoding/json"
	"math"
)

// Schema is the version of the JSON object. It grows when a field changes its meaning or goes; new fields may come
// without notice.
const Schema = 1

// Limits of the texts in JSON and in tables, in bytes, so that a hostile one cannot make the output as large as it likes.
const (
	maxText    = 1000
	maxPath    = 4096     // what the kernel takes
	maxSummary = 16 << 10 // which may be a help text
)

// document is the JSON form of a report; [Report.JSON] says what the fields mean.
type document struct {
	Schema   int                         `json:"schema"`
	Name     string                      `json:"name"`
	State    Status                      `json:"state"`
	ExitCode int                         `json:"exit_code"`
	Summary  string                      `json:"summary"`
	Metrics  []documentMetric            `json:"metrics"`
	Problems []Problem                   `json:"problems"`
	Lines    []string                    `json:"lines,omitempty"`
	Details  map[string][]map[string]any `json:"details,omitempty"`
	Seconds  float64                     `json:"seconds"`
	Version  string                      `json:"version"`
}

type documentMetric struct {
	Label    string   `json:"label"`
	Value    float64  `json:"value"`
	Unit     Unit     `json:"unit"`
	Warning  *Range   `json:"warning,omitempty"`
	Critical *Range   `json:"critical,omitempty"`
	Min      *float64 `json:"min,omitempty"`
	Max      *float64 `json:"max,omitempty"`
	State    Status   `json:"state"`
}

// JSON renders the report as one JSON object on one line:
//
//	schema     1; see Schema
//	name       the service: "INGEST DISK"
//	state      "OK", "WARNING", "CRITICAL" or "UNKNOWN"
//	exit_code  0 to 3, the code of the state, whatever --gate makes of it
//	summary    what the first line of plugin output says
//	metrics    array of {label, value, unit, warning, critical, min, max, state}: unit is "", "s", "B", "%" or "c",
//	           thresholds are canonical ranges in that unit; what was not measured, or is not known, is left out
//	problems   array of {state, text, remedy, path}, worst first, violated thresholds among them
//	lines      array of further lines; left out where there are none
//	details    object of arrays, by kind, of what was looked at: {market, symbol, rows, age, ...}; left out where there are none
//	seconds    the check took
//	version    of the program
//
// Texts are as they came but for what is no UTF-8, and cut at 1,000 bytes, help aside.
func (rep Report) JSON() []byte {
	doc := document{
		Schema: Schema, Name: rep.Name, State: rep.State, ExitCode: rep.State.ExitCode(), Summary: cut(rep.Summary, maxSummary),
		Metrics: []documentMetric{}, Problems: []Problem{},
		Details: detailsByKind(rep.Details), Seconds: rep.Seconds, Version: rep.Version,
	}
	for _, p := range rep.Problems {
		doc.Problems = append(doc.Problems, Problem{p.State, cut(p.Text, maxText), cut(p.Remedy, maxText), cut(p.Path, maxPath)})
	}
	for _, l := range rep.Lines {
		doc.Lines = append(doc.Lines, cut(l, maxText))
	}
	if math.IsNaN(doc.Seconds) || math.IsInf(doc.Seconds, 0) {
		doc.Seconds = 0
	}
	for _, m := range rep.Metrics {
		dm := documentMetric{
			Label: m.Spec.Label, Value: m.Metric.Value, Unit: m.Spec.Unit,
			Warning: m.Limits.Warning, Critical: m.Limits.Critical, State: m.State,
		}
		if lo, ok := m.Lowest(); ok {
			dm.Min = &lo
		}
		if hi, ok := m.Highest(); ok {
			dm.Max = &hi
		}
		doc.Metrics = append(doc.Metrics, dm)
	}
	out, err := json.Marshal(doc)
	if err != nil { // cannot happen: every number is finite and every type can be marshalled
		out = []byte(`{"schema":1,"name":"","state":"UNKNOWN","exit_code":3,"summary":"internal error: JSON","metrics":[],"problems":[],"seconds":0,"version":""}`)
	}
	return append(out, '\n')
}
