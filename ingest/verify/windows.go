package verify

import (
	"context"
	"slices"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/store"
)

// windows are the days that are looked at, apart from each other and in order; none means all there is.
type windows []catalog.Period

// of is the number of the window that holds the day, 0 where there are no windows, and false where none holds it.
func (w windows) of(d catalog.Day) (int, bool) {
	if len(w) == 0 {
		return 0, true
	}
	for i, p := range w {
		if p.Contains(d) {
			return i, true
		}
	}
	return 0, false
}

// hold reports whether one window holds all days of the period.
func (w windows) hold(p catalog.Period) bool {
	i, first := w.of(p.First)
	j, last := w.of(p.Last())
	return first && last && i == j
}

// The days between which a range that is open at one end is taken to lie.
var (
	farPast   = catalog.DayOf(time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)) //nolint:gochecknoglobals // a constant
	farFuture = catalog.DayOf(time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)) //nolint:gochecknoglobals // a constant
)

// asked is the range that was asked for; without days where none was.
func (c Config) asked() catalog.Period {
	if c.First == nil && c.Last == nil {
		return catalog.Period{}
	}
	p := catalog.Period{First: farPast, End: farFuture}
	if c.First != nil {
		p.First = *c.First
	}
	if c.Last != nil {
		p.End = *c.Last + 1
	}
	return p
}

// choose is the days to look at, and where that is a sample, of how many.
func (c Config) choose(ctx context.Context, db *store.DB, entries []ledger.Entry, now time.Time) (windows, *Sample, error) {
	asked := c.asked()
	if c.Sample == 0 {
		if asked.Days() == 0 {
			return nil, nil, nil
		}
		return windows{asked}, nil, nil
	}
	within := catalog.Period{First: oldest, End: catalog.DayOf(now) + 1}
	if asked.Days() > 0 {
		within = catalog.Period{First: max(within.First, asked.First), End: min(within.End, asked.End)}
	}
	if within.Days() <= 0 {
		return windows{asked}, &Sample{}, nil
	}
	days := recordedDays(entries, within)
	if len(days) == 0 {
		bounds, err := db.DayBounds(ctx, c.scope(), within)
		if err != nil {
			return nil, nil, err
		}
		for d := bounds.First; d < bounds.End; d++ {
			days = append(days, d)
		}
	}
	s := &Sample{OfDays: len(days), Days: spread(days, c.Sample)}
	var w windows
	for _, d := range s.Days {
		if n := len(w); n > 0 && w[n-1].End == d {
			w[n-1].End++
		} else {
			w = append(w, catalog.DayPeriod(d))
		}
	}
	if len(w) == 0 {
		w = windows{within} // no row at all: looking there is quick
	}
	return w, s, nil
}

// recordedDays are the days for which the ledger has rows, in order.
func recordedDays(entries []ledger.Entry, within catalog.Period) []catalog.Day {
	seen := map[catalog.Day]bool{}
	for _, e := range entries {
		if !e.Loaded() || e.FirstID < 0 {
			continue
		}
		for d := max(e.Period.First, within.First); d < min(e.Period.End, within.End); d++ {
			if !slices.Contains(e.DaysMissing, d) {
				seen[d] = true
			}
		}
	}
	days := make([]catalog.Day, 0, len(seen))
	for d := range seen {
		days = append(days, d)
	}
	slices.Sort(days)
	return days
}

// spread picks n of the days, evenly from the first to the last.
func spread(days []catalog.Day, n int) []catalog.Day {
	if n >= len(days) {
		return days
	}
	if n == 1 {
		return days[len(days)-1:]
	}
	picked := make([]catalog.Day, n)
	for i := range picked {
		picked[i] = days[i*(len(days)-1)/(n-1)]
	}
	return picked
}

// pieceRows is how many rows are read at a time: 32 of DuckDB's row groups.
const pieceRows = 32 * 122_880

// parts are the pieces in which the rows of the windows are read. All of a table, or a long range of it, is read in the order in which it lies
// on disk, so that each row is read once whatever that order is; the days of a sample are looked for.
func (w windows) parts(rowEnd int64, sample bool) []store.Part {
	var parts []store.Part
	if sample {
		for _, p := range w {
			parts = append(parts, store.Part{Days: p})
		}
		return parts
	}
	for first := int64(0); first < rowEnd; first += pieceRows {
		p := store.Part{FirstRow: first, EndRow: min(first+pieceRows, rowEnd)}
		if len(w) == 1 {
			p.Days = w[0]
		}
		parts = append(parts, p)
	}
	return parts
}
