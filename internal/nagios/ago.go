package nagios

import (
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
)

// Ago says how long ago something was, as in "the last run ended 5m ago". What is dated in the future gets its date: "2027-01-02 03:04 UTC (in the future)".
func Ago(at, now time.Time) string {
	if catalog.InFuture(at, now) {
		return at.UTC().Format(minutes) + " (in the future)"
	}
	return Human(since(at, now), Seconds) + " ago"
}

// Silence says for how long there was no sign of life, as in "gave no sign of life for 5m", where the last one was at that time.
func Silence(at, now time.Time) string {
	if catalog.InFuture(at, now) {
		return "since the clock was set back"
	}
	return "for " + Human(since(at, now), Seconds)
}

// AddAge adds m as the time since at, in seconds. Where what (such as "the newest trade") is dated in the future, how old it is cannot be known: m is
// then 0, and a problem says so.
func (r *Result) AddAge(m Metric, what string, at, now time.Time) {
	m.Value = max(now.Sub(at).Seconds(), 0)
	r.Metrics = append(r.Metrics, m)
	if catalog.InFuture(at, now) {
		r.Problems = append(r.Problems, Problem{
			State: Warning, Path: m.Path, Text: what + " is of " + at.UTC().Format(minutes) + ", which is in the future",
			Remedy: "Check the clock of this machine (timedatectl); if it is right, it was wrong then, or was set back since.",
		})
	}
}

// minutes is how times appear in sentences.
const minutes = "2006-01-02 15:04 UTC"

// since is the time since at, in whole seconds, and never negative.
func since(at, now time.Time) float64 { return max(now.Sub(at).Round(time.Second).Seconds(), 0) }
