package status

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/catalog"
)

// findGaps finds the days and ids that are missing, and says of each why that is likely so.
func (c *calendar) findGaps() {
	c.missingDays()
	days := len(c.gaps)
	switch {
	case c.facts.scanned:
		c.idsByDay(days)
	case c.facts.known:
		c.idsByFile(days)
	}
	slices.SortStableFunc(c.gaps, func(a, b Gap) int {
		return cmp.Or(cmp.Compare(a.period.First, b.period.First), cmp.Compare(b.Days, a.Days))
	})
	for i := range c.gaps {
		c.gaps[i].First, c.gaps[i].Last = c.gaps[i].period.First.String(), c.gaps[i].period.Last().String()
	}
}

// missingDays joins days that follow one another and have no rows for the same reason.
func (c *calendar) missingDays() {
	var files map[string]bool
	for i, d := range c.days {
		if d.state.hasRows() {
			continue
		}
		date, why := c.span.First+catalog.Day(i), c.cause[i]
		if n := len(c.gaps); n > 0 && c.gaps[n-1].period.End == date && c.gaps[n-1].Reason == why.reason {
			c.gaps[n-1].period.End++
			c.gaps[n-1].Days++
		} else {
			files = map[string]bool{}
			c.gaps = append(c.gaps, Gap{Series: c.facts.Series, Days: 1, Reason: why.reason, Detail: why.detail, File: why.file, period: catalog.DayPeriod(date)})
		}
		if why.file != "" {
			files[why.file] = true
		}
		c.gaps[len(c.gaps)-1].Files = len(files)
	}
}

// idGap adds missing ids that no missing day accounts for, and marks the day where it is one.
func (c *calendar) idGap(p catalog.Period, ids int64, why cause) {
	p = catalog.Period{First: max(p.First, c.span.First), End: min(p.End, c.span.End)}
	if ids <= 0 || p.Days() <= 0 {
		return
	}
	g := Gap{Series: c.facts.Series, IDsMissing: ids, Reason: why.reason, Detail: why.detail, File: why.file, period: p}
	if why.file != "" {
		g.Files = 1
	}
	c.gaps = append(c.gaps, g)
	if p.Days() > 1 {
		return
	}
	c.each(p, func(i int) {
		c.days[i].ids += ids
		if c.days[i].state == Loaded {
			c.days[i].state = Hole
		}
	})
}

// betweenDays is the first of the gaps in days that lies between two days with rows; nil where no day is missing there.
func (c *calendar) betweenDays(days int, before, after catalog.Day) *Gap {
	for i := range c.gaps[:days] {
		if p := c.gaps[i].period; p.First > before && p.End <= after {
			return &c.gaps[i]
		}
	}
	return nil
}

// stretch is rows of a series that came together: those of a file, or of a day.
type stretch struct {
	period  catalog.Period
	file    string // "" where it is not known
	rows    int64
	firstID int64
	lastID  int64
	firstAt time.Time
	lastAt  time.Time
	ids     int64         // missing between firstID and lastID
	empty   []catalog.Day // days of the period without rows
}

// idsByFile finds what [ledger.SeriesState] counts as missing ids: inside files, and between one and the next.
func (c *calendar) idsByFile(days int) {
	var files []stretch
	for _, e := range c.facts.files {
		if e.FirstID < 0 || e.LastID < e.FirstID {
			continue
		}
		files = append(files, stretch{
			period: e.Period, file: e.FilePath, rows: e.RowsInserted + e.RowsDuplicate, firstID: e.FirstID, lastID: e.LastID,
			firstAt: e.FirstTradeAt, lastAt: e.LastTradeAt, ids: e.IDsMissing, empty: e.DaysMissing,
		})
	}
	slices.SortStableFunc(files, func(a, b stretch) int { return cmp.Compare(a.firstID, b.firstID) })
	c.idGaps(days, files)
}

// idsByDay finds the ids that the table lacks, by day.
func (c *calendar) idsByDay(days int) {
	files := c.facts.byLength()
	var all []stretch
	for i := range c.days {
		date := c.span.First + catalog.Day(i)
		n, there := c.facts.counts[date]
		if !there || n.FirstID < 0 {
			continue
		}
		s := stretch{
			period: catalog.DayPeriod(date), rows: n.Rows, firstID: n.FirstID, lastID: n.LastID, firstAt: n.FirstAt, lastAt: n.LastAt,
			ids: n.LastID - n.FirstID + 1 - n.Rows,
		}
		for _, e := range slices.Backward(files) { // the shortest period first
			if e.Period.Contains(date) {
				s.file = e.FilePath
				break
			}
		}
		all = append(all, s)
	}
	c.idGaps(days, all)
}

// idGaps finds the ids missing inside and between stretches, which are in order of their ids.
func (c *calendar) idGaps(days int, all []stretch) {
	var last stretch // that with the largest id so far
	for i, s := range all {
		c.inside(days, s)
		if i > 0 && s.firstID > last.lastID+1 {
			c.between(days, last, s)
		}
		if i == 0 || s.lastID > last.lastID {
			last = s
		}
	}
}

// inside tells of ids missing inside one stretch. Where it has a day without rows, they are most likely of that day.
func (c *calendar) inside(days int, s stretch) {
	if s.ids <= 0 {
		return
	}
	for _, d := range s.empty {
		if g := c.betweenDays(days, d-1, s.period.End); g != nil && g.File == s.file {
			g.IDsMissing += s.ids
			return
		}
	}
	detail := amount.Text(s.ids) + " ids between the first and the last have no row"
	if len(s.empty) > 0 {
		detail += ", those of days that other files brought among them"
	}
	c.idGap(s.period, s.ids, cause{HoleInFile, s.file, detail})
}

// between tells of ids missing between two stretches.
func (c *calendar) between(days int, before, after stretch) {
	ids := after.firstID - before.lastID - 1
	if g := c.betweenDays(days, dayOr(before.lastAt, before.period.Last()), dayOr(after.firstAt, after.period.First)); g != nil {
		g.IDsMissing += ids
		return
	}
	tail, head := before.period.End.Time().Sub(before.lastAt), after.firstAt.Sub(after.period.First.Time())
	switch {
	case tail >= head && tail > before.usual():
		c.idGap(catalog.DayPeriod(before.period.Last()), ids, cause{
			FileTruncated, before.file, fmt.Sprintf("the last trade is of %s UTC, and %s ids follow that no file has", clock(before.lastAt), amount.Text(ids)),
		})
	case head > tail && head > after.usual():
		c.idGap(catalog.DayPeriod(after.period.First), ids, cause{
			FileTruncated, after.file, fmt.Sprintf("the first trade is of %s UTC, and the %s ids before it are in no file", clock(after.firstAt), amount.Text(ids)),
		})
	default:
		c.idGap(catalog.DayPeriod(after.period.First), ids, cause{
			PublishedHole, after.file, fmt.Sprintf("ids jump from %d to %d where one day ends and the next begins", before.lastID, after.firstID),
		})
	}
}

// usual is how far from its period's end the trades may usually end or begin: twenty times the mean time between two of them, and a minute at
// least, since some symbols are traded once an hour.
func (s stretch) usual() time.Duration {
	const times = 20
	return max(times*(s.lastAt.Sub(s.firstAt)/time.Duration(max(s.rows, 1))), time.Minute)
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

func dayOr(t time.Time, d catalog.Day) catalog.Day {
	if t.IsZero() {
		return d
	}
	return catalog.DayOf(t)
}

// idsMissing adds up the ids that the gaps lack.
func (c *calendar) idsMissing() int64 {
	var n int64
	for _, g := range c.gaps {
		n += g.IDsMissing
	}
	return n
}
