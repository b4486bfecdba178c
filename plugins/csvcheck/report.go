package csvcheck

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
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
		text += fmt.Sprintf(", %d days missing", t.missing)
	}
	newest := t.lagging.newest()
	return text + fmt.Sprintf(", newest is %s, which ended %s ago", newest.Period, nagios.Human(age(newest, now), nagios.Seconds))
}

// todo lists the bad files and the missing days with what to do about them, oldest first. One alone is not listed, since the first line
// tells it.
func (o observation) todo(t totals) []string {
	type entry struct {
		day  catalog.Day
		line string
	}
	var entries []entry
	if len(t.bad) > 1 {
		for _, f := range t.bad {
			entries = append(entries, entry{f.file.Period.First, f.err.Error() + ". " + f.remedy()})
		}
	}
	if holes := o.holes(); len(holes) > 1 {
		for _, h := range holes {
			entries = append(entries, entry{h.First, fmt.Sprintf("%s %s: missing. Fetch: %s", h.series, h.run, h.download().command())})
		}
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(a.day, b.day) })
	var lines []string
	for _, e := range entries[:min(len(entries), maxTodo)] {
		lines = append(lines, e.line)
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
		lines = append(lines, fmt.Sprintf("%d more symbols", more))
	}
	if len(o.looked) < len(o.files) {
		lines = append(lines, fmt.Sprintf("%d of %d files were looked at", len(o.looked), len(o.files)))
	}
	if o.depth.checksum || o.depth.full {
		lines = append(lines, fmt.Sprintf("%d files agree with their .CHECKSUM, %d have none", t.agreed, t.unsure))
	}
	for _, s := range o.passed[:min(len(o.passed), maxPassed)] {
		lines = append(lines, fmt.Sprintf("passed over: %s: %s", s.Path, s.Reason))
	}
	if more := len(o.passed) - maxPassed; more > 0 {
		lines = append(lines, fmt.Sprintf("passed over: %d more", more))
	}
	if o.others > 0 {
		lines = append(lines, fmt.Sprintf("passed over: %d files with names of something else", o.others))
	}
	return lines
}

// describe is one series in a line.
func (s series) describe(now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d files, %s to %s", s, len(s.files), s.first(), s.newest().Period.Last())
	if n := len(s.missing); n > 0 {
		fmt.Fprintf(&b, ", %d days missing", n)
	}
	fmt.Fprintf(&b, ", newest ended %s ago", nagios.Human(age(s.newest(), now), nagios.Seconds))
	return b.String()
}
