package csvcheck

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/nagios"
)

// How many lines each list has at most.
const (
	maxTodo   = 50
	maxSeries = 20
	maxPassed = 10
)

// summary is the first line where nothing is wrong.
func (o observation) summary(t totals, now time.Time) string {
	if t.lagging == nil {
		return ""
	}
	text := o.subject()
	if len(o.looked) < len(o.files) {
		text = fmt.Sprintf("%d of %d files", len(o.looked), len(o.files))
	}
	switch {
	case o.depth.full:
		text += fmt.Sprintf(" decoded, %d rows", t.rows)
	case o.depth.checksum:
		text += fmt.Sprintf(" looked at, %d checksums agree", t.agreed)
	default:
		text += " looked at"
	}
	if n := len(t.bad); n > 0 {
		text += fmt.Sprintf(", %d bad", n)
	} else {
		text += ", none bad"
	}
	if t.missing > 0 {
		text += ", " + plural(t.missing, "day") + " missing"
	}
	newest := t.lagging.newest()
	return text + fmt.Sprintf(", newest is %s, which ended %s ago", newest.Period, nagios.Human(age(newest, now), nagios.Seconds))
}

// todo lists the bad files and the missing days with what to do about them, oldest first. One alone is not listed, since the first line
// tells it.
func todo(t totals) []string {
	type entry struct {
		day  catalog.Day
		line func() string
	}
	var entries []entry
	if len(t.bad) > 1 {
		for _, f := range t.bad {
			entries = append(entries, entry{f.file.Period.First, func() string { return f.text() + ". " + f.remedy() }})
		}
	}
	if len(t.holes) > 1 {
		for _, h := range t.holes {
			entries = append(entries, entry{h.First, func() string {
				return fmt.Sprintf("%s %s: missing. Fetch: %s", h.series, h.stretch, h.download().command())
			}})
		}
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(a.day, b.day) })
	var lines []string
	for _, e := range entries[:min(len(entries), maxTodo)] {
		lines = append(lines, e.line())
	}
	if more := len(entries) - maxTodo; more > 0 {
		lines = append(lines, fmt.Sprintf("%d more to fetch or mend", more))
	}
	return lines
}

// notes are the lines for -v that are no problem.
func (o observation) notes(t totals, now time.Time) []string {
	var lines []string
	for _, s := range o.series[:min(len(o.series), maxSeries)] {
		lines = append(lines, s.describe(now))
	}
	if more := len(o.series) - maxSeries; more > 0 {
		lines = append(lines, plural(more, "more symbol"))
	}
	if len(o.looked) < len(o.files) {
		lines = append(lines, fmt.Sprintf("%d of %d files were looked at", len(o.looked), len(o.files)))
	}
	if o.depth.checksum || o.depth.full {
		lines = append(lines, fmt.Sprintf("%s with a .CHECKSUM that agrees, %d without one", plural(t.agreed, "file"), t.unsure))
	}
	for _, s := range o.passed[:min(len(o.passed), maxPassed)] {
		lines = append(lines, fmt.Sprintf("passed over: %s: %s", s.Path, s.Reason))
	}
	if more := len(o.passed) - maxPassed; more > 0 {
		lines = append(lines, fmt.Sprintf("passed over: %d more", more))
	}
	if o.others > 0 {
		lines = append(lines, "passed over: "+plural(o.others, "file")+" with other names")
	}
	return lines
}

// describe is one series in a line.
func (s series) describe(now time.Time) string {
	newest := s.newest()
	text := fmt.Sprintf("%s: %s, %s to %s", s, plural(len(s.files), "file"), s.first(), newest.Period.Last())
	if n := len(s.missing); n > 0 {
		text += ", " + plural(n, "day") + " missing"
	}
	text += ", newest ended " + nagios.Human(age(newest, now), nagios.Seconds) + " ago"
	if behind := catalog.DayOf(now) - publication - newest.Period.Last(); behind > 0 {
		text += ", " + plural(int(behind), "day") + " behind what is published"
	}
	return text
}
