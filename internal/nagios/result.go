package nagios

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/check-ingest/check-ingest/internal/amount"
)

// Result is what a check found out, before it is judged. A check that could not find out returns an error instead.
type Result struct {
	Summary  string    // the first line where nothing is wrong
	Metrics  []Metric  // what was measured, in any order
	Problems []Problem // bad facts that have no number
	Lines    []string  // further lines for -v, such as a list of files
	Debug    []string  // further lines for -vvv
	Details  []Detail  // what machines may want to discover
}

// Problem is a bad fact: a state, a sentence, and what to do about it.
type Problem struct {
	State  Status `json:"state"`
	Text   string `json:"text"`
	Remedy string `json:"remedy,omitempty"`
	Path   string `json:"path,omitempty"`
}

// Report is a judged result: what is rendered. Its fields are as they came; rendering makes them safe.
type Report struct {
	Name     string // of the service, such as "INGEST DISK"
	State    Status
	Summary  string // what the first line says after the state
	Metrics  []Judged
	Problems []Problem // worst first; violated thresholds among them
	Lines    []string
	Debug    []string
	Details  []Detail
	Seconds  float64 // the check took
	Version  string  // of the program
}

// Judge gives the result its state: the worst of its problems and of the thresholds its metrics violate. Metrics are
// put into the order of specs. Where nothing was gathered at all the state is Unknown. A value that is not finite,
// and a metric that specs do not declare, is a problem of state Unknown and left out.
func Judge(name string, r Result, specs []Spec, t Thresholds) Report {
	rep := Report{Name: name, Lines: r.Lines, Debug: r.Debug, Details: r.Details}
	rep.Problems = slices.Clone(r.Problems)
	rep.Problems = append(rep.Problems, strays(r.Metrics, specs)...)
	for _, s := range specs {
		i := slices.IndexFunc(r.Metrics, func(m Metric) bool { return m.Label == s.Label })
		if i < 0 {
			continue
		}
		m := r.Metrics[i]
		if math.IsNaN(m.Value) || math.IsInf(m.Value, 0) {
			rep.Problems = append(rep.Problems, Problem{Unknown, fmt.Sprintf("%s has no finite value", m.Label), "", m.Path})
			continue
		}
		j := Judged{Spec: s, Metric: m, Limits: t.For(s)}
		var violated *Range
		j.State, violated = j.Limits.status(m.Value)
		rep.Metrics = append(rep.Metrics, j)
		if violated != nil {
			rep.Problems = append(rep.Problems, Problem{j.State, j.sentence(*violated), m.Remedy, m.Path})
		}
	}
	slices.SortStableFunc(rep.Problems, func(a, b Problem) int { return b.State.severity() - a.State.severity() })
	rep.conclude(r.Summary)
	return rep
}

// conclude sets state and summary from what the report holds.
func (rep *Report) conclude(summary string) {
	if len(rep.Problems) == 0 && len(rep.Metrics) == 0 {
		rep.State, rep.Summary = Unknown, "nothing was measured"
		return
	}
	rep.State = OK
	for _, p := range rep.Problems {
		rep.State = Worst(rep.State, p.State)
	}
	switch {
	case rep.State != OK:
		rep.Summary = firstLine(rep.Problems)
	case summary != "":
		rep.Summary = summary
	case len(rep.Metrics) > 0:
		rep.Summary = rep.Metrics[0].phrase(rep.Metrics[0].Text())
	default:
		rep.Summary = firstLine(rep.Problems)
	}
}

// maxSentences is how many problems the first line names.
const maxSentences = 3

// firstLine names the worst problems in one line, and none of them twice.
func firstLine(problems []Problem) string {
	var texts []string
	for _, p := range problems {
		if text := cut(p.Text, maxSentence); !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	if more := len(texts) - maxSentences; more > 0 {
		texts = append(texts[:maxSentences], amount.Text(more)+" more with -v")
	}
	return strings.Join(texts, ". ")
}

// strays are the problems that measured metrics make which are not declared or come twice: mistakes in the check.
func strays(metrics []Metric, specs []Spec) []Problem {
	var out []Problem
	seen := map[string]bool{}
	for _, m := range metrics {
		declared := slices.ContainsFunc(specs, func(s Spec) bool { return s.Label == m.Label })
		if !declared || seen[m.Label] {
			out = append(out, Problem{Unknown, fmt.Sprintf("internal error: metric %q is not declared or comes twice", m.Label), "Report this bug.", m.Path})
		}
		seen[m.Label] = true
	}
	return out
}

// UnknownReport is the report of a run that found out nothing.
func UnknownReport(name, summary string) Report {
	return Report{Name: name, State: Unknown, Summary: summary}
}
