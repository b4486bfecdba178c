package csvcheck

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/catalog"
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
		text = amount.Text(len(o.looked)) + " of " + amount.Of(len(o.files), "file")
	}
	agree := " agree"
	if t.agreed == 1 {
		agree = " agrees"
	}
	switch {
	case o.depth.full:
		text += " decoded, " + amount.Of(t.rows, "row")
	case o.depth.checksum:
		text += " looked at, " + amount.Of(t.agreed, "checksum") + agree
	default:
		text += " looked at"
	}
	if n := len(t.bad); n > 0 {
		text += ", " + amount.Text(n) + " bad"
	} else {
		text += ", none bad"
	}
	if t.missing > 0 {
		text += ", " + amount.Of(t.missing, "day") + " missing"
	}
	newest := t.lagging.newest()
	return text + fmt.Sprintf(", newest is %s, which %s", newest.Period, ended(newest, now))
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
		lines = append(lines, amount.Text(more)+" more to fetch or mend")
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
		lines = append(lines, amount.Of(more, "more symbol"))
	}
	if len(o.looked) < len(o.files) {
		lines = append(lines, fmt.Sprintf("%s of %s looked at", amount.Text(len(o.looked)), amount.Of(len(o.files), "file")))
	}
	if o.depth.checksum || o.depth.full {
		lines = append(lines, fmt.Sprintf("%s with a .CHECKSUM that agrees, %s without one", amount.Of(t.agreed, "file"), amount.Text(t.unsure)))
	}
	for _, s := range o.passed[:min(len(o.passed), maxPassed)] {
		lines = append(lines, fmt.Sprintf("passed over: %s: %s", s.Path, s.Reason))
	}
	if more := len(o.passed) - maxPassed; more > 0 {
		lines = append(lines, "passed over: "+amount.Text(more)+" more")
	}
	if o.others > 0 {
		lines = append(lines, "passed over: "+amount.Of(o.others, "file")+" with other names")
	}
	return lines
}

// describe is one series in a line.
func (s series) describe(now time.Time) string {
	newest := s.newest()
	text := fmt.Sprintf("%s: %s, %s to %s", s, amount.Of(len(s.files), "file"), s.first(), newest.Period.Last())
	if n := len(s.missing); n > 0 {
		text += ", " + amount.Of(n, "day") + " missing"
	}
	text += ", newest " + ended(newest, now)
	if behind := catalog.DayOf(now) - publication - newest.Period.Last(); behind > 0 {
		text += ", " + amount.Of(int(behind), "day") + " behind what is published"
	}
	return text
}
