package status

import (
	"slices"
	"strings"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
)

// calendar is the days of one series while it is worked out.
type calendar struct {
	facts *seriesFacts
	span  catalog.Period
	days  []day
	cause []cause // why a day without rows has none
	gaps  []Gap
}

// cause is why a day has no rows.
type cause struct {
	reason Reason
	file   string // that is the cause; "" where there is none
	detail string
}

func newCalendar(s *seriesFacts, span catalog.Period) *calendar {
	c := &calendar{facts: s, span: span, days: make([]day, span.Days()), cause: make([]cause, span.Days())}
	for i := range c.days {
		c.days[i] = day{state: Absent, rows: -1, gap: -1}
		c.cause[i] = cause{reason: FileAbsent}
	}
	c.onDisk()
	c.failed()
	c.loaded()
	if s.known || s.scanned {
		c.rows()
	}
	c.partial()
	return c
}

// each calls f with the indices of the days of p that are in the span.
func (c *calendar) each(p catalog.Period, f func(i int)) {
	for d := max(p.First, c.span.First); d < min(p.End, c.span.End); d++ {
		f(int(d - c.span.First))
	}
}

// onDisk notes days whose files are there. What is loaded or failed overrides it.
func (c *calendar) onDisk() {
	for _, f := range c.facts.disk {
		c.each(f.Period, func(i int) {
			c.days[i].state = Waiting
			c.cause[i] = cause{FileNotLoaded, f.Path, "the file is in the data dir, and no load has tried it"}
		})
	}
}

// failed notes days of files that failed, the latest last.
func (c *calendar) failed() {
	files := slices.SortedStableFunc(slices.Values(c.facts.failed), func(a, b ledger.FileState) int { return a.At.Compare(b.At) })
	for _, f := range files {
		if f.Status != ledger.Failed {
			continue
		}
		reason := FileFailed
		if truncated(f.Error) {
			reason = FileTruncated
		}
		c.each(f.Period, func(i int) {
			c.days[i].state = Failed
			c.cause[i] = cause{reason, f.Path, f.Error}
		})
	}
}

// truncated reports whether an error that the loader recorded says that a file ends too early. TestTruncatedFiles holds it against real ones.
func truncated(text string) bool {
	return slices.ContainsFunc([]string{
		"ends in the middle of a line", "ends too early", "its content ends after", " follow", "directory, at its end, is missing",
	}, func(says string) bool { return strings.Contains(text, says) })
}

// loaded notes the days that loaded files stand for, with or without rows of them.
func (c *calendar) loaded() {
	for _, p := range c.facts.state.Loaded {
		c.each(p, func(i int) { c.days[i].state = Loaded })
	}
	for _, p := range c.facts.state.DaysMissing {
		c.each(p, func(i int) {
			if c.days[i].state == Loaded {
				c.days[i].state = Empty
				c.cause[i] = cause{PublishedHole, "", "the file has no row of it"}
			}
		})
	}
	for _, e := range c.facts.files {
		for _, d := range e.DaysMissing {
			c.each(catalog.DayPeriod(d), func(i int) { c.cause[i].file = e.FilePath })
		}
	}
}

// rows notes how many rows a day has: by the table where it was read, else by the file of the shortest period that has some.
func (c *calendar) rows() {
	if c.facts.scanned {
		for i := range c.days {
			c.count(i)
		}
		return
	}
	owner := make([]int, len(c.days)) // index of a file, plus one
	files := c.facts.byLength()
	for n, e := range files {
		c.each(e.Period, func(i int) {
			if !slices.Contains(e.DaysMissing, c.day(i)) {
				owner[i] = n + 1
			}
		})
	}
	owned := make([]int64, len(files))
	for _, n := range owner {
		if n > 0 {
			owned[n-1]++
		}
	}
	for i, n := range owner {
		if n == 0 {
			continue
		}
		e := files[n-1]
		rows := e.RowsInserted + e.RowsDuplicate
		if e.Period.Days() > 1 {
			if e.RowsInserted > 0 {
				rows = e.RowsInserted // the others are of days that daily files brought
			}
			c.days[i].about = true
			rows /= owned[n-1]
		}
		c.days[i].rows = rows
	}
}

// day is the one at an index of days.
func (c *calendar) day(i int) catalog.Day {
	return c.span.First + catalog.Day(i) //nolint:gosec // days of a span, which are counted in Day
}

// count notes what the table has of a day.
func (c *calendar) count(i int) {
	d := &c.days[i]
	n, there := c.facts.counts[c.day(i)]
	d.rows = n.Rows
	switch {
	case there:
		d.state = Loaded
	case d.state == Loaded:
		d.state = Empty
		c.cause[i] = cause{RowsAbsent, "", "the ledger has it as loaded, and the table has no row of it"}
	}
}

// partial notes the days of daily files of which rows were left out.
func (c *calendar) partial() {
	for _, f := range c.facts.failed {
		if f.Status != ledger.Partial || f.Period.Days() != 1 {
			continue
		}
		c.each(f.Period, func(i int) {
			if c.days[i].state == Loaded {
				c.days[i].state = Partial
			}
		})
	}
}

// spans are the days as ranges of one state.
func (c *calendar) spans() []Span {
	spans := []Span{}
	for i, d := range c.days {
		date := (c.span.First + catalog.Day(i)).String()
		if n := len(spans); n > 0 && spans[n-1].State == d.state {
			spans[n-1].Last = date
			continue
		}
		spans = append(spans, Span{date, date, d.state})
	}
	return spans
}

// hasRows reports whether the database has rows of a day in that state.
func (s State) hasRows() bool { return s == Loaded || s == Partial || s == Hole }
