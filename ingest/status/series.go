package status

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/store"
)

// seriesFacts is all that is known of one series.
type seriesFacts struct {
	catalog.Series
	state  ledger.SeriesState // of the loaded files that tell their days
	files  []ledger.Entry     // these files; nil where only the snapshot is known
	known  bool               // files is known
	failed []ledger.FileState // failed and partial files

	scripts ledger.ScriptsState // loaded files that do not tell their days

	scanned bool // counts is known
	counts  map[catalog.Day]store.DayCount
	disk    []source.File
}

// gathering sorts facts by series.
type gathering struct {
	scope  store.Scope
	asked  catalog.Period // days asked for; without bounds, all there can be
	series map[catalog.Series]*seriesFacts
}

func (g *gathering) of(s catalog.Series) *seriesFacts {
	f := g.series[s]
	if f == nil {
		f = &seriesFacts{Series: s, state: ledger.SeriesState{Series: s, FirstID: -1, LastID: -1}, counts: map[catalog.Day]store.DayCount{}}
		g.series[s] = f
	}
	return f
}

// wants reports whether a file is of the series and days asked for. Entries of the scripts tell neither market nor days.
func (g *gathering) wants(s catalog.Series, p catalog.Period) bool {
	scope := g.scope
	if s.Market == "" {
		scope.Market = ""
	}
	return scope.Holds(s) && (p.Days() <= 0 || p.Overlaps(g.asked))
}

// collect sorts what was found by series, in order.
func collect(f Facts) []*seriesFacts {
	g := &gathering{scope: f.Options.Scope, asked: f.bounds(), series: map[catalog.Series]*seriesFacts{}}
	switch {
	case f.Read:
		g.addEntries(f.Entries, f.At)
		g.addCounts(f)
	case f.Snapshot != nil:
		g.addSnapshot(*f.Snapshot)
	}
	for _, file := range f.Disk {
		if g.wants(file.Series, file.Period) {
			s := g.of(file.Series)
			s.disk = append(s.disk, file)
		}
	}
	return slices.SortedFunc(maps.Values(g.series), func(a, b *seriesFacts) int { return a.Compare(b.Series) })
}

// bounds are the days asked for, within those of which there can be trades.
func (f Facts) bounds() catalog.Period {
	p := catalog.Period{First: oldestDay, End: catalog.DayOf(f.At) + 1}
	if o := f.Options; o.First != nil {
		p.First = max(p.First, *o.First)
	}
	if o := f.Options; o.Last != nil {
		p.End = min(p.End, *o.Last+1)
	}
	return p
}

// oldestDay is 2017-01-01, before Binance's first trade.
const oldestDay = catalog.Day(17167)

// addEntries adds the ledger.
func (g *gathering) addEntries(entries []ledger.Entry, now time.Time) {
	loaded := map[catalog.Series][]ledger.Entry{}
	for _, e := range entries {
		if !g.wants(e.Series(), e.Period) {
			continue
		}
		s := g.of(e.Series())
		s.known = true
		if e.Status == ledger.Failed || e.Status == ledger.Partial {
			s.failed = append(s.failed, stateOf(e))
		}
		switch {
		case !e.Loaded():
		case e.Period.Days() > 0:
			loaded[e.Series()] = append(loaded[e.Series()], e)
		default:
			s.scripts.Files++
			s.scripts.Rows += e.RowCount
			s.scripts.SourceBytes += e.FileSize
			if e.Status == ledger.Success {
				s.scripts.LastSuccess = catalog.Later(s.scripts.LastSuccess, e.ProcessedAt, now)
			}
		}
	}
	for series, files := range loaded {
		s := g.of(series)
		s.files = files
		s.state = ledger.Build(files, nil, ledger.Meta{WrittenAt: now}).Series[0]
	}
}

// stateOf is an entry as snapshots have it.
func stateOf(e ledger.Entry) ledger.FileState {
	return ledger.FileState{
		Path: e.FilePath, Market: e.Market, Symbol: e.Symbol, Period: e.Period, Status: e.Status, Error: e.ErrorMessage,
		At: e.ProcessedAt.UTC(), Attempts: e.Attempts, Conflict: e.RowsConflict,
	}
}

// addCounts adds what the table itself holds. Where it does not tell markets apart, a symbol's rows are of the one market that the ledger has of it.
func (g *gathering) addCounts(f Facts) {
	if !f.Options.Scan {
		return
	}
	only := map[string]catalog.Market{}
	for s := range g.series {
		if s.Market != "" {
			only[s.Symbol] = s.Market
		}
	}
	for _, c := range f.Days {
		series := c.Series
		if !f.Market {
			series.Market = only[series.Symbol]
		}
		g.of(series).counts[c.Day] = c
	}
	for _, s := range g.series {
		s.scanned = true
	}
}

// addSnapshot adds what a snapshot tells.
func (g *gathering) addSnapshot(snapshot ledger.Snapshot) {
	for _, state := range snapshot.Series {
		if g.wants(state.Series, catalog.Period{}) {
			g.of(state.Series).state = state
		}
	}
	for _, file := range snapshot.Failed {
		series := catalog.Series{Market: file.Market, Symbol: file.Symbol}
		if g.wants(series, file.Period) {
			s := g.of(series)
			s.failed = append(s.failed, file)
		}
	}
	if snapshot.Scripts.Files > 0 && g.scope.All() {
		g.of(catalog.Series{}).scripts = snapshot.Scripts // of whatever symbol
	}
}

// span is from the first day known or asked for to the last. Nothing is published of a day before it has ended, so one that is asked for is not
// missing until then.
func (s *seriesFacts) span(f Facts) catalog.Period {
	o, bounds := f.Options, f.bounds()
	var all []catalog.Period
	all = append(all, s.state.Loaded...)
	for _, file := range s.failed {
		all = append(all, file.Period)
	}
	for _, file := range s.disk {
		all = append(all, file.Period)
	}
	for d := range s.counts {
		all = append(all, catalog.DayPeriod(d))
	}
	known := catalog.Period{}
	for _, p := range all {
		switch {
		case p.Days() <= 0:
		case known.Days() <= 0:
			known = p
		default:
			known = catalog.Period{First: min(known.First, p.First), End: max(known.End, p.End)}
		}
	}
	if known.Days() <= 0 {
		return catalog.Period{}
	}
	today := catalog.DayOf(f.At)
	if o.First != nil {
		known.First = *o.First
	}
	if o.Last != nil {
		known.End = min(*o.Last+1, max(known.End, today))
	}
	known.First, known.End = max(known.First, bounds.First), min(known.End, bounds.End)
	if known.Days() <= 0 {
		return catalog.Period{}
	}
	return known
}

// byLength are the loaded files, those of the longest periods first.
func (s *seriesFacts) byLength() []ledger.Entry {
	return slices.SortedStableFunc(slices.Values(s.files), func(a, b ledger.Entry) int {
		return cmp.Or(cmp.Compare(b.Period.Days(), a.Period.Days()), cmp.Compare(a.Period.First, b.Period.First))
	})
}
