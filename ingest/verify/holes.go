package verify

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/store"
)

// hole is ids that no row has, between two that rows have.
type hole struct {
	firstDay, lastDay catalog.Day // of the rows around it
	after, before     int64
	missing           int64
	published         bool // files that were loaded lack them as well
}

// span is rows whose ranges of ids overlap: mostly those of a day.
type span struct {
	first, last       int64
	rows              int64
	firstDay, lastDay catalog.Day // NoDay where no row has a day
}

// spans are a key's rows by their ids, in order.
func (k *keyTally) spans() []span {
	var spans []span
	for _, c := range k.sortedCells() {
		if n := len(spans); n > 0 && c.minID <= spans[n-1].last {
			s := &spans[n-1]
			s.last, s.rows = max(s.last, c.maxID), s.rows+c.rows
			s.include(c.day)
			continue
		}
		spans = append(spans, span{first: c.minID, last: c.maxID, rows: c.rows, firstDay: c.day, lastDay: c.day})
	}
	return spans
}

func (s *span) include(d catalog.Day) {
	switch {
	case d == store.NoDay:
	case s.firstDay == store.NoDay:
		s.firstDay, s.lastDay = d, d
	default:
		s.firstDay, s.lastDay = min(s.firstDay, d), max(s.lastDay, d)
	}
}

// holes are the ids that no row has between a key's first and last, of the days that are looked at.
func (k *keyTally) holes(w windows, c *comparison) []hole {
	var holes []hole
	spans := k.spans()
	for i, s := range spans {
		if i > 0 {
			before := spans[i-1]
			x, xok := w.of(before.lastDay)
			y, yok := w.of(s.firstDay)
			if n := s.first - before.last - 1; n > 0 && xok && yok && x == y {
				h := hole{firstDay: before.lastDay, lastDay: s.firstDay, after: before.last, before: s.first, missing: n}
				holes = append(holes, h)
			}
		}
		if n := s.last - s.first + 1 - (s.rows - k.surplus(s.first, s.last)); n > 0 {
			holes = append(holes, hole{firstDay: s.firstDay, lastDay: s.lastDay, after: s.first, before: s.last, missing: n})
		}
	}
	for i := range holes {
		h := &holes[i]
		h.published = c.explains(h.after, h.before)
		if h.firstDay > h.lastDay {
			h.firstDay, h.lastDay = h.lastDay, h.firstDay
		}
		if h.firstDay == store.NoDay {
			h.firstDay = h.lastDay
		}
	}
	return holes
}

// refine counts the rows around each hole on all days, not only on those that are looked at: a row that strayed into these makes ids of other
// days look missing.
func (k *keyTally) refine(ctx context.Context, db *store.DB, holes []hole) ([]hole, error) {
	var left []hole
	for _, h := range holes {
		n, _, _, err := db.FileRows(ctx, k.key, nil, h.after, h.before)
		if err != nil {
			return nil, err
		}
		if h.missing = h.before - h.after + 1 - (n - k.allSurplus(h.after, h.before)); h.missing > 0 {
			left = append(left, h)
		}
	}
	return left, nil
}

// few is how many times fewer rows a day has whose rows strayed there from another: a row that strayed away widens the ids of a day likewise.
const few = 10

// displaced are the days that a key has only rows of whose ids belong to other days: rows with a wrong time. They say nothing about which days
// there ought to be.
func (k *keyTally) displaced(c *comparison) map[catalog.Day]bool {
	displaced := map[catalog.Day]bool{}
	days := k.sortedDays()
	slices.SortStableFunc(days, func(a, b catalog.Day) int {
		x, y := k.days[a], k.days[b]
		return cmp.Or(cmp.Compare(x.minID, y.minID), cmp.Compare(y.maxID, x.maxID))
	})
	widest := &dayTally{maxID: -1}
	for _, d := range days {
		day := k.days[d]
		switch {
		case day.withID == 0:
		case day.maxID <= widest.maxID && day.rows < widest.rows/few && (c == nil || !c.coverage.Has(c.series, d)),
			c != nil && !c.coverage.Has(c.series, d) && c.holds(day.minID, day.maxID):
			displaced[d] = true
		case day.maxID > widest.maxID:
			widest = day
		}
	}
	return displaced
}

// missingDays are the days without a row that a key ought to have, from the first day asked for, loaded or found to the last; those that
// loaded files have no rows of either apart.
func (k *keyTally) missingDays(asked catalog.Period, sample *Sample, last catalog.Day, c *comparison) (missing, unpublished []catalog.Day) {
	displaced := k.displaced(c)
	has := func(d catalog.Day) bool { return k.days[d] != nil && !displaced[d] }
	check := func(d catalog.Day) {
		switch {
		case has(d):
		case c != nil && c.coverage.Hole(c.series, d):
			unpublished = append(unpublished, d)
		default:
			missing = append(missing, d)
		}
	}
	if sample != nil {
		for _, d := range sample.Days {
			if c == nil || c.coverage.Has(c.series, d) { // a symbol need not have had trades on a day that others have
				check(d)
			}
		}
		return missing, unpublished
	}
	p, ok := k.expected(asked, last, displaced, c)
	for d := p.First; ok && d < p.End; d++ {
		check(d)
	}
	return missing, unpublished
}

// expected is the days that a key ought to have, false where it has none.
func (k *keyTally) expected(asked catalog.Period, last catalog.Day, displaced map[catalog.Day]bool, c *comparison) (catalog.Period, bool) {
	var p catalog.Period
	add := func(q catalog.Period) {
		if asked.Days() > 0 {
			q = catalog.Period{First: max(q.First, asked.First), End: min(q.End, asked.End)}
		}
		switch {
		case q.Days() <= 0:
		case p.Days() == 0:
			p = q
		default:
			p = catalog.Period{First: min(p.First, q.First), End: max(p.End, q.End)}
		}
	}
	for d := range maps.Keys(k.days) {
		if d != store.NoDay && !displaced[d] {
			add(catalog.DayPeriod(d))
		}
	}
	if c != nil {
		for _, q := range c.coverage.Ranges(c.series) {
			add(q)
		}
	}
	if p.Days() == 0 {
		return p, false
	}
	if asked.First > farPast && asked.Days() > 0 {
		p.First = asked.First
	}
	if asked.End < farFuture && asked.Days() > 0 {
		p.End = max(p.End, min(asked.End, last)) // the last day is not over, so nobody can have it
	}
	return p, true
}

// periods joins days, which are in order, to periods.
func periods(days []catalog.Day) []catalog.Period {
	var ps []catalog.Period
	for _, d := range days {
		if n := len(ps); n > 0 && ps[n-1].End == d {
			ps[n-1].End++
		} else {
			ps = append(ps, catalog.DayPeriod(d))
		}
	}
	return ps
}
