// Package plan decides what a load does with each file of a data dir: load it, skip it and why, or leave it alone.
// It does not link DuckDB, so that a check can tell what a load would need.
package plan

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
)

// Action is what a load does with a file.
type Action string

// The actions.
const (
	Load    Action = "load"
	Replace Action = "replace" // its content changed since it was loaded; swap its rows
	Skip    Action = "skip"    // nothing to do
	Changed Action = "changed" // its content changed since it was loaded, and nobody asked to replace it
	// Standby is a monthly file whose days all come from daily files of the same plan. When its turn comes those are done, and it is
	// loaded only for days that one of them failed to bring.
	Standby Action = "standby"
)

// Item is one file of a plan.
type Item struct {
	File   source.File
	Action Action
	Days   catalog.Period // the days of the file that are asked for; for Replace also those that were loaded
	Reason string         // why, for Skip, Changed, Replace and Standby; a note for Load, or empty
	Own    *ledger.Entry  // the latest outcome of this file, if the ledger has one
	Moved  bool           // its content is that of Own, but path or time differ from what the ledger has
	Error  error          // why the file could not be looked at; the item is then to be loaded, which reports it
}

// Writes reports whether the item may put rows into the database.
func (i Item) Writes() bool { return i.Action == Load || i.Action == Replace || i.Action == Standby }

// Bridged are the item's days and those between them and the days that were loaded before. The ledger's entry will stand for both, and for all days
// in between, so these have to be loaded too.
func (i Item) Bridged() catalog.Period {
	if i.Own == nil || !i.Own.Loaded() {
		return i.Days
	}
	return catalog.Period{First: min(i.Days.First, i.Own.Period.End), End: max(i.Days.End, i.Own.Period.First)}
}

// Input is what a plan is made from.
type Input struct {
	Files   []source.File // as source.Choose leaves them: one of each series and period
	Entries []ledger.Entry
	First   *catalog.Day // the days asked for, inclusive; nil for no bound
	Last    *catalog.Day
	Replace bool
	// SHA256 hashes a file. It is called for files whose size or time is not what the ledger has.
	SHA256 func(path string) (string, error)
	// UnpackedSize tells the size of a zip's content from its directory.
	UnpackedSize func(source.File) (int64, error)
}

// Plan is what a load will do.
type Plan struct {
	Items   []Item
	Missing []MissingDays
}

// MissingDays are the days of a series, from the first asked for or found to the last, that neither a file nor the ledger has.
type MissingDays struct {
	Series catalog.Series
	Days   []catalog.Day
}

// Make plans a load.
func Make(in Input) Plan {
	p := planner{in: in, covered: ledger.CoverageOf(in.Entries), own: ownEntries(in.Entries), daily: dailyFiles(in.Files)}
	plan := Plan{Items: make([]Item, 0, len(in.Files))}
	for _, f := range in.Files {
		plan.Items = append(plan.Items, p.item(f))
	}
	plan.sort()
	plan.Missing = p.missing()
	return plan
}

// Settled is the plan of a load whose files are all recorded. Of the input only the files and days count.
func Settled(in Input, covered ledger.Coverage, reason string) Plan {
	plan := Plan{Items: make([]Item, 0, len(in.Files))}
	for _, f := range in.Files {
		plan.Items = append(plan.Items, Item{File: f, Action: Skip, Days: wanted(f, in.First, in.Last), Reason: reason})
	}
	plan.sort()
	plan.Missing = planner{in: in, covered: covered}.missing()
	return plan
}

// sort brings the items into the order in which they are loaded.
func (p Plan) sort() {
	slices.SortStableFunc(p.Items, func(a, b Item) int {
		if c := a.File.Period.Compare(b.File.Period); c != 0 {
			return c
		}
		return a.File.Series.Compare(b.File.Series)
	})
}

// Settled reports whether every file is recorded, as it lies there.
func (p Plan) Settled() bool {
	return !slices.ContainsFunc(p.Items, func(i Item) bool { return i.Action != Skip || i.Moved })
}

// identity is what a file is: its path says nothing.
type identity struct {
	series catalog.Series
	period catalog.Period
}

type planner struct {
	in      Input
	covered ledger.Coverage
	own     map[identity]*ledger.Entry
	daily   map[identity]bool
}

// ownEntries finds the ledger's entry of a file by what the file is. The period in an entry may be shorter than the file's, where a load was
// asked for some of its days; its name tells.
func ownEntries(entries []ledger.Entry) map[identity]*ledger.Entry {
	own := make(map[identity]*ledger.Entry, len(entries))
	for i := range entries {
		e := &entries[i]
		symbol, period, _, err := source.ParseName(filepath.Base(e.FilePath))
		if err != nil || e.Market == "" || symbol != e.Symbol {
			continue
		}
		id := identity{e.Series(), period}
		if old, ok := own[id]; !ok || e.Loaded() && !old.Loaded() || e.Loaded() == old.Loaded() && e.ProcessedAt.After(old.ProcessedAt) {
			own[id] = e
		}
	}
	return own
}

func dailyFiles(files []source.File) map[identity]bool {
	daily := map[identity]bool{}
	for _, f := range files {
		if f.Period.Days() == 1 {
			daily[identity{f.Series, f.Period}] = true
		}
	}
	return daily
}

// item decides about one file.
func (p planner) item(f source.File) Item {
	item := Item{File: f, Action: Load, Days: wanted(f, p.in.First, p.in.Last), Own: p.own[identity{f.Series, f.Period}]}
	if item.Own != nil && item.Own.Loaded() {
		if done := p.compare(&item); done {
			return item
		}
	}
	days := item.Days
	var open, byDaily int
	for d := days.First; d < days.End; d++ {
		switch {
		case p.loaded(f, d):
		case f.Period.Days() > 1 && p.daily[identity{f.Series, catalog.DayPeriod(d)}]:
			byDaily++
		default:
			open++
		}
	}
	switch {
	case open == 0 && byDaily == 0:
		item.Action, item.Reason = Skip, "its days are loaded from other files"
	case open == 0:
		item.Action, item.Reason = Standby, "its days come from daily files"
	case open < days.Days():
		item.Reason = fmt.Sprintf("for %d of its %d days, the others come from other files", open, days.Days())
	}
	return item
}

// loaded reports whether a file need not bring a day. A daily file is to bring one that a monthly file was loaded for but had no row of.
func (p planner) loaded(f source.File, d catalog.Day) bool {
	return p.covered.Has(f.Series, d) && (f.Period.Days() > 1 || !p.covered.Hole(f.Series, d))
}

// wanted are the days of the file that were asked for.
func wanted(f source.File, first, last *catalog.Day) catalog.Period {
	p := f.Period
	if first != nil {
		p.First = max(p.First, *first)
	}
	if last != nil {
		p.End = min(p.End, *last+1)
	}
	return p
}

// compare decides about a file whose rows the ledger has. It reports false where the file is the same but days that were not asked for
// then are asked for now.
func (p planner) compare(item *Item) bool {
	same, err := p.same(item)
	if err != nil {
		item.Error = err
		return true
	}
	loadedFrom := "loaded " + item.Own.ProcessedAt.Format("2006-01-02 15:04:05") + " UTC"
	switch own := item.Own.Period; {
	case same && item.Days.First >= own.First && item.Days.End <= own.End:
		item.Action, item.Reason = Skip, loadedFrom
		return true
	case same:
		return false
	case p.in.Replace:
		item.Days = catalog.Period{First: min(item.Days.First, own.First), End: max(item.Days.End, own.End)}
		item.Action, item.Reason = Replace, "changed since it was "+loadedFrom
	default:
		item.Action, item.Reason = Changed, "changed since it was "+loadedFrom+"; --replace would swap its rows"
	}
	return true
}

// same reports whether the file's content is what the ledger has: by size and time without opening it, else by its SHA-256.
func (p planner) same(item *Item) (bool, error) {
	f, own := item.File, item.Own
	_, _, format, err := source.ParseName(filepath.Base(own.FilePath))
	if err != nil {
		return false, err
	}
	switch {
	case format == f.Format && f.Size == own.FileSize && f.ModTime.Equal(own.FileMTime):
		item.Moved = f.Path != own.FilePath
		return true, nil
	case format == f.Format:
		sum, err := p.in.SHA256(f.Path)
		if err != nil {
			return false, err
		}
		item.Moved = sum == own.SHA256
		return item.Moved, nil
	case format == source.CSV && f.Format == source.ZIP:
		// The extracted file was loaded and is gone. The archive's directory tells whether it held the same number of bytes.
		size, err := p.in.UnpackedSize(f)
		return size == own.FileSize, err
	default:
		return true, nil // the same file packed in another way; its content is not compared
	}
}

// missing finds the days that nothing has.
func (p planner) missing() []MissingDays {
	spans := map[catalog.Series]catalog.Period{}
	has := map[catalog.Series]map[catalog.Day]bool{}
	note := func(s catalog.Series, q catalog.Period) {
		if q.Days() <= 0 {
			return
		}
		span, ok := spans[s]
		if !ok {
			span = q
			has[s] = map[catalog.Day]bool{}
		}
		spans[s] = catalog.Period{First: min(span.First, q.First), End: max(span.End, q.End)}
		for d := q.First; d < q.End; d++ {
			has[s][d] = true
		}
	}
	for _, f := range p.in.Files {
		note(f.Series, wanted(f, p.in.First, p.in.Last))
	}
	series := make([]catalog.Series, 0, len(spans))
	for s, span := range spans {
		if p.in.First != nil {
			span.First = *p.in.First
		}
		if p.in.Last != nil {
			span.End = *p.in.Last + 1
		}
		spans[s] = span
		series = append(series, s)
	}
	slices.SortFunc(series, catalog.Series.Compare)
	var out []MissingDays
	for _, s := range series {
		m := MissingDays{Series: s}
		for d := spans[s].First; d < spans[s].End; d++ {
			if !has[s][d] && !p.covered.Has(s, d) {
				m.Days = append(m.Days, d)
			}
		}
		if len(m.Days) > 0 {
			out = append(out, m)
		}
	}
	return out
}
