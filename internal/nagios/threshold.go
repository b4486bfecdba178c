package nagios

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/check-ingest/check-ingest/internal/near"
)

// Limits are the thresholds of one metric; nil where there is none.
type Limits struct {
	Warning, Critical *Range
}

// status is the state v gives: critical is asked first.
func (l Limits) status(v float64) (Status, *Range) {
	switch {
	case l.Critical != nil && l.Critical.Alerts(v):
		return Critical, l.Critical
	case l.Warning != nil && l.Warning.Alerts(v):
		return Warning, l.Warning
	default:
		return OK, nil
	}
}

// Thresholds are the limits in force for a check's metrics.
type Thresholds struct {
	limits map[string]Limits // by label
	given  map[string]bool   // labels that the user set a limit for
}

// ParseThresholds reads the values of -w and -c for a check with these metrics. A value is [METRIC=]RANGE; without
// METRIC it is for the first metric of specs. A metric for which either is given loses both its defaults, so that -c
// alone leaves no default warning behind. What is wrong with a value is a [*ThresholdError].
func ParseThresholds(specs []Spec, warning, critical []string) (Thresholds, error) {
	if err := CheckSpecs(specs); err != nil {
		return Thresholds{}, err
	}
	t := Thresholds{limits: map[string]Limits{}, given: map[string]bool{}}
	for _, text := range warning {
		if err := t.add(specs, text, func(l *Limits) **Range { return &l.Warning }); err != nil {
			return Thresholds{}, &ThresholdError{"warning", text, err}
		}
	}
	for _, text := range critical {
		if err := t.add(specs, text, func(l *Limits) **Range { return &l.Critical }); err != nil {
			return Thresholds{}, &ThresholdError{"critical", text, err}
		}
	}
	for _, s := range specs {
		if !t.given[s.Label] {
			t.limits[s.Label] = s.defaults()
		}
	}
	return t, nil
}

// ThresholdError says which value of -w or -c is wrong and why.
type ThresholdError struct {
	Option string // "warning" or "critical"
	Text   string // as it was given
	Err    error
}

// Error names the option and the reason, in which the text stands where it helps.
func (e *ThresholdError) Error() string { return fmt.Sprintf("--%s: %v", e.Option, e.Err) }

// Unwrap gives the reason.
func (e *ThresholdError) Unwrap() error { return e.Err }

// add parses one value into the limit that field picks.
func (t *Thresholds) add(specs []Spec, text string, field func(*Limits) **Range) error {
	label, rangeText, named := strings.Cut(text, "=")
	if !named {
		if len(specs) == 0 {
			return errors.New("this check has no metric")
		}
		label, rangeText = specs[0].Label, text
	}
	label = strings.TrimSpace(label)
	i := slices.IndexFunc(specs, func(s Spec) bool { return s.Label == label })
	if i < 0 {
		return fmt.Errorf("no metric %q%s", label, hint(label, specs))
	}
	if specs[i].Needs != "" {
		return fmt.Errorf("metric %s is measured only with %s", label, specs[i].Needs)
	}
	r, err := ParseRangeIn(rangeText, specs[i].Unit)
	if err != nil {
		return fmt.Errorf("metric %s: %w", label, err)
	}
	limits := t.limits[label]
	if *field(&limits) != nil {
		return fmt.Errorf("metric %s has one already; a metric takes one range for each state", label)
	}
	*field(&limits) = &r
	t.limits[label], t.given[label] = limits, true
	return nil
}

// defaults are the spec's own limits. CheckSpecs has parsed them before.
func (s Spec) defaults() Limits {
	var l Limits
	if r, err := ParseRangeIn(s.Warning, s.Unit); err == nil {
		l.Warning = &r
	}
	if r, err := ParseRangeIn(s.Critical, s.Unit); err == nil {
		l.Critical = &r
	}
	return l
}

// hint is the end of a message about a label that no metric has: the one that was meant, or all there are.
func hint(label string, specs []Spec) string {
	labels := make([]string, len(specs))
	for i, s := range specs {
		labels[i] = s.Label
	}
	if meant := near.Hint(label, labels); meant != "" {
		return meant
	}
	return "; this check has " + strings.Join(labels, ", ")
}

// Given reports whether the user set any threshold; defaults do not count.
func (t Thresholds) Given() bool { return len(t.given) > 0 }

// For are the limits of a metric: its own where the user gave any, else those of the metric it is one Of.
func (t Thresholds) For(s Spec) Limits {
	if s.Of == "" || t.given[s.Label] {
		return t.limits[s.Label]
	}
	if own := t.limits[s.Label]; !t.given[s.Of] && (own.Warning != nil || own.Critical != nil) {
		return own
	}
	return t.limits[s.Of]
}

// Unmeasured is the problem of a metric that cannot be measured, as bad as its worst limit, and none where it has no limit: with one, silence
// would look like OK.
func (t Thresholds) Unmeasured(label string, p Problem) []Problem {
	switch limits := t.limits[label]; {
	case limits.Critical != nil:
		p.State = Critical
	case limits.Warning != nil:
		p.State = Warning
	default:
		return nil
	}
	return []Problem{p}
}
