package nagios

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// Spec declares a metric of a check. The table of a check's specs feeds its help, the validation of thresholds, the
// order of the output and the documentation.
type Spec struct {
	Label    string // name in performance data, JSON and thresholds: [a-z][a-z0-9_]*
	Of       string // the metric whose thresholds hold where this one has none: "free" for "free_data"; "" for none
	Unit     Unit
	Help     string // what it is, for one line of help
	Warning  string // default ranges as a user would write them, "" for none
	Critical string
	Signed   bool   // may be negative; any other metric has a minimum of 0
	Needs    string // what must be given for it to be measured, such as "--data-dir"; a threshold on it is an error until then
}

// CheckSpecs reports the first thing wrong with a check's metrics: a label outside the grammar or declared twice, a
// default that does not parse, an Of that names nothing.
func CheckSpecs(specs []Spec) error {
	label := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	seen := map[string]bool{}
	for _, s := range specs {
		if !label.MatchString(s.Label) {
			return fmt.Errorf("metric %q: label must match %s", s.Label, label)
		}
		if seen[s.Label] {
			return fmt.Errorf("metric %q: declared twice", s.Label)
		}
		seen[s.Label] = true
		for _, text := range []string{s.Warning, s.Critical} {
			if text == "" {
				continue
			}
			if _, err := ParseRangeIn(text, s.Unit); err != nil {
				return fmt.Errorf("metric %q: default: %w", s.Label, err)
			}
		}
	}
	for _, s := range specs {
		if s.Of != "" && !seen[s.Of] {
			return fmt.Errorf("metric %q: of %q, which is not declared", s.Label, s.Of)
		}
	}
	return nil
}

// Metric is one measured number. What was not measured has no Metric; it is left out of the output.
type Metric struct {
	Label string
	Value float64 // in the base unit of the label's Spec
	Max   float64 // largest possible value, such as the size of a file system; 0 = not known

	// Phrase says the value in a sentence where it violates a threshold, with {} in its place: "{} free on / (ext4)".
	// Empty means the label and the value.
	Phrase string
	Remedy string // what the reader should do where it violates a threshold
	Path   string // the file or folder it was measured on, where there is one
}

// Judged is a metric with the thresholds that hold for it and the state they give.
type Judged struct {
	Spec   Spec
	Metric Metric
	Limits Limits
	State  Status
}

// Lowest is the smallest value the metric can have, where there is one.
func (j Judged) Lowest() (float64, bool) { return 0, !j.Spec.Signed }

// Highest is the largest value the metric can have, where it is known.
func (j Judged) Highest() (float64, bool) {
	if j.Metric.Max > 0 {
		return j.Metric.Max, true
	}
	return 100, j.Spec.Unit == Percent && !j.Spec.Signed
}

// Perfdata is the metric as the guidelines write it: label=value[unit][;warn[;crit[;min[;max]]]], thresholds in the
// base unit, trailing empty fields left out.
func (j Judged) Perfdata() string {
	fields := []string{
		j.Spec.Label + "=" + formatValue(j.Metric.Value) + string(j.Spec.Unit),
		j.rangeField(j.Limits.Warning), j.rangeField(j.Limits.Critical), "", "",
	}
	if lo, ok := j.Lowest(); ok {
		fields[3] = formatValue(lo)
	}
	if hi, ok := j.Highest(); ok {
		fields[4] = formatValue(hi)
	}
	return strings.TrimRight(strings.Join(fields, ";"), ";")
}

// rangeField is a threshold as performance data carries it, empty where there is none.
func (j Judged) rangeField(r *Range) string {
	switch lowest, bounded := j.Lowest(); {
	case r == nil:
		return ""
	case bounded:
		return r.perfdata(lowest)
	default:
		return r.perfdata(math.Inf(-1))
	}
}

// formatValue writes a value of performance data: at most six decimals, no exponent, no sign on zero.
func formatValue(v float64) string {
	s := strconv.FormatFloat(v, 'f', 6, 64)
	s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	if s == "-0" {
		return "0"
	}
	return s
}
