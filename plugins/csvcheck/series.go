package csvcheck

import (
	"slices"

	"github.com/check-ingest/check-ingest/ingest/plan"
	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/catalog"
)

// series is what there is of one market and symbol.
type series struct {
	catalog.Series
	files   []source.File // in order of time
	missing []catalog.Day // likewise
}

// first is the first day that a file stands for.
func (s series) first() catalog.Day {
	first := s.files[0].Period.First
	for _, f := range s.files { // files are ordered by the end of their period
		first = min(first, f.Period.First)
	}
	return first
}

// newest is the file whose period ends last.
func (s series) newest() source.File { return s.files[len(s.files)-1] }

// nearest is the file whose folder is the place for that of a day: the last daily file before it, else the first daily file, else any.
func (s series) nearest(d catalog.Day) source.File {
	nearest := s.files[0]
	for _, f := range s.files {
		if f.Period.Days() > 1 || nearest.Period.Days() == 1 && f.Period.First > d {
			continue
		}
		nearest = f
	}
	return nearest
}

// publication is how many days after a day its file should be there at the latest: it is published the next day, at no fixed time.
const publication = 2

// arrange sorts the files by series and finds the days that are missing. It finds them as a plan does, except that none is missed
// before its file should be there.
func arrange(files []source.File, looked []finding, a asked, today catalog.Day) []series {
	at := map[catalog.Series]int{}
	var all []series
	for _, f := range files {
		i, ok := at[f.Series]
		if !ok {
			i = len(all)
			at[f.Series] = i
			all = append(all, series{Series: f.Series})
		}
		all[i].files = append(all[i].files, f)
	}
	last := a.last
	if due := today - publication; last != nil && *last > due {
		last = &due
	}
	for _, m := range plan.Make(plan.Input{Files: files, First: a.first, Last: last}).Missing {
		all[at[m.Series]].missing = m.Days
	}
	for _, f := range looked {
		s := &all[at[f.file.Series]]
		for _, d := range f.holes {
			if a.wants(d) && !s.hasDaily(d) {
				s.missing = append(s.missing, d)
			}
		}
	}
	for i := range all {
		slices.Sort(all[i].missing)
		all[i].missing = slices.Compact(all[i].missing)
	}
	slices.SortFunc(all, func(a, b series) int { return a.Compare(b.Series) })
	return all
}

// wants reports whether a day was asked for.
func (a asked) wants(d catalog.Day) bool {
	return (a.first == nil || d >= *a.first) && (a.last == nil || d <= *a.last)
}

// hasDaily reports whether a file stands for this day alone.
func (s series) hasDaily(d catalog.Day) bool {
	_, found := slices.BinarySearchFunc(s.files, catalog.DayPeriod(d), func(f source.File, p catalog.Period) int { return f.Period.Compare(p) })
	return found
}

// sample is up to n files of each series, spread evenly from its first to its last, in the order they came in. n is 0 for all.
func sample(files []source.File, n int) []source.File {
	if n == 0 {
		return slices.Clone(files)
	}
	total := map[catalog.Series]int{}
	for _, f := range files {
		total[f.Series]++
	}
	seen := map[catalog.Series]int{}
	var chosen []source.File
	for _, f := range files {
		if picked(seen[f.Series], total[f.Series], n) {
			chosen = append(chosen, f)
		}
		seen[f.Series]++
	}
	return chosen
}

// picked reports whether i is one of n numbers that are spread evenly from 0 to total-1; of one, it is the last.
func picked(i, total, n int) bool {
	if n >= total {
		return true
	}
	if n == 1 {
		return i == total-1
	}
	k := (i*(n-1) + total - 2) / (total - 1) // the first of the n that can be at i or after it
	return k < n && k*(total-1)/(n-1) == i
}
