package ledger

import (
	"cmp"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/check-ingest/check-ingest/internal/catalog"
)

// Coverage is which days are loaded, by series: days that a loaded file stands for, whether it has rows of them or not, since loading it again
// would not change that. It does not change once it is made; the zero Coverage has no days.
type Coverage struct {
	days  map[catalog.Series][]catalog.Period // as merge returns them
	holes map[catalog.Series][]catalog.Period // likewise: those that no file has a row of, and that a file of their own may bring
}

// CoverageOf is the coverage of the loaded files among entries. Entries of the Python scripts do not say which days they stand for and add none.
func CoverageOf(entries []Entry) Coverage {
	c := Coverage{days: map[catalog.Series][]catalog.Period{}, holes: map[catalog.Series][]catalog.Period{}}
	loaded := map[catalog.Series][]*Entry{}
	for i := range entries {
		if e := &entries[i]; e.Loaded() && e.Period.Days() > 0 {
			loaded[e.Series()] = append(loaded[e.Series()], e)
		}
	}
	for series, files := range loaded {
		c.add(series, daysOf(files))
	}
	return c
}

// add adds a series.
func (c Coverage) add(series catalog.Series, d daySets) {
	c.days[series] = d.loaded
	for _, p := range intersect(d.loaded, d.missing) {
		c.holes[series] = append(c.holes[series], without(p, d.empty)...)
	}
}

// daySets are the days that the loaded files of one series stand for, each as merge returns it.
type daySets struct {
	loaded  []catalog.Period
	missing []catalog.Period // without a row, from the first day to the last
	empty   []catalog.Period // of these, the days whose own files have no row, such as one whose trades Binance has all voided: no other file brings any
}

// daysOf sums up the loaded files of one series, of which there is at least one.
func daysOf(files []*Entry) daySets {
	var loaded, withRows, empty []catalog.Period
	for _, e := range files {
		loaded = append(loaded, e.Period)
		rows := without(e.Period, merge(dayPeriods(e.DaysMissing)))
		withRows = append(withRows, rows...)
		// An entry of one day may also be of a month of which no other day was asked for. The name tells.
		if e.Period.Days() == 1 && len(rows) == 0 && strings.Contains(filepath.Base(e.FilePath), e.Period.First.String()) {
			empty = append(empty, e.Period)
		}
	}
	d := daySets{loaded: merge(loaded)}
	whole := catalog.Period{First: d.loaded[0].First, End: d.loaded[len(d.loaded)-1].End}
	d.missing = without(whole, merge(withRows))
	d.empty = intersect(merge(empty), d.missing)
	return d
}

// dayPeriods turns days into periods of one day.
func dayPeriods(days []catalog.Day) []catalog.Period {
	periods := make([]catalog.Period, len(days))
	for i, d := range days {
		periods[i] = catalog.DayPeriod(d)
	}
	return periods
}

// Has reports whether the day is loaded.
func (c Coverage) Has(series catalog.Series, day catalog.Day) bool {
	return covers(c.days[series], catalog.DayPeriod(day))
}

// Hole reports whether the day is loaded and yet has no row: a monthly file left it out, and a daily file may bring it.
func (c Coverage) Hole(series catalog.Series, day catalog.Day) bool {
	return covers(c.holes[series], catalog.DayPeriod(day))
}

// Covers reports whether every day of p is loaded.
func (c Coverage) Covers(series catalog.Series, p catalog.Period) bool {
	return covers(c.days[series], p)
}

// Ranges is the series' loaded days as periods in order, with at least a day between one and the next.
func (c Coverage) Ranges(series catalog.Series) []catalog.Period {
	return slices.Clone(c.days[series])
}

// Series are the series that have loaded days, in order.
func (c Coverage) Series() []catalog.Series {
	return slices.SortedFunc(maps.Keys(c.days), catalog.Series.Compare)
}

// merge returns the days of periods as few periods as can be, in order. It changes the slice.
func merge(periods []catalog.Period) []catalog.Period {
	slices.SortFunc(periods, func(a, b catalog.Period) int { return cmp.Compare(a.First, b.First) })
	merged := periods[:0]
	for _, p := range periods {
		if last := len(merged) - 1; last >= 0 && p.First <= merged[last].End {
			merged[last].End = max(merged[last].End, p.End)
		} else {
			merged = append(merged, p)
		}
	}
	return merged
}

// without returns the days of p that are in none of merged, which is as merge returns it.
func without(p catalog.Period, merged []catalog.Period) []catalog.Period {
	var rest []catalog.Period
	for _, m := range merged {
		if m.End <= p.First {
			continue
		}
		if m.First >= p.End {
			break
		}
		if p.First < m.First {
			rest = append(rest, catalog.Period{First: p.First, End: m.First})
		}
		p.First = m.End
	}
	if p.First < p.End {
		rest = append(rest, p)
	}
	return rest
}

// intersect returns the days that are in both of a and b, each of which is as merge returns it.
func intersect(a, b []catalog.Period) []catalog.Period {
	var both []catalog.Period
	for len(a) > 0 && len(b) > 0 {
		p := catalog.Period{First: max(a[0].First, b[0].First), End: min(a[0].End, b[0].End)}
		if p.First < p.End {
			both = append(both, p)
		}
		if a[0].End < b[0].End {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return both
}

// covers reports whether one of merged, which is as merge returns it, holds all days of p. A p without days is not covered.
func covers(merged []catalog.Period, p catalog.Period) bool {
	i, _ := slices.BinarySearchFunc(merged, p.First, func(m catalog.Period, day catalog.Day) int {
		if m.End <= day {
			return -1
		}
		return 1
	})
	return i < len(merged) && p.Days() > 0 && merged[i].First <= p.First && p.End <= merged[i].End
}
