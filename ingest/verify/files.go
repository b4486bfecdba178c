package verify

import (
	"cmp"
	"context"
	"slices"
	"sort"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/store"
)

// fileGroup is loaded files of one key whose ranges of ids overlap, mostly a single one. What a group brought can be told from all other rows.
type fileGroup struct {
	files       []ledger.Entry
	first, last int64

	compared bool
	distinct int64 // ids of the range that the table has
	outside  int64 // rows that are in the period of none of the files
	example  int64 // the id of one of them
}

// groupFiles are the groups of a key's loaded files, in order of their ids.
func groupFiles(entries []ledger.Entry) []*fileGroup {
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(a, b ledger.Entry) int {
		return cmp.Or(cmp.Compare(a.FirstID, b.FirstID), cmp.Compare(a.LastID, b.LastID), cmp.Compare(a.FilePath, b.FilePath))
	})
	var groups []*fileGroup
	for _, e := range entries {
		if n := len(groups); n > 0 && e.FirstID <= groups[n-1].last {
			g := groups[n-1]
			g.files, g.last = append(g.files, e), max(g.last, e.LastID)
			continue
		}
		groups = append(groups, &fileGroup{files: []ledger.Entry{e}, first: e.FirstID, last: e.LastID})
	}
	return groups
}

// inserted is how many rows the files brought, by the ledger.
func (g *fileGroup) inserted() int64 {
	var n int64
	for _, f := range g.files {
		n += f.RowsInserted
	}
	return n
}

// found is how many rows of the files were in the table before them, or twice in them.
func (g *fileGroup) found() int64 {
	var n int64
	for _, f := range g.files {
		n += f.RowsDuplicate
	}
	return n
}

// unpublished is how many ids of its range no file has, by the ledger: an upper bound where there are several.
func (g *fileGroup) unpublished() int64 {
	var n int64
	for _, f := range g.files {
		n += f.IDsMissing + f.RowsVoided
	}
	return n
}

// lost is how many rows that the files brought are not there; below 0 where there are more.
func (g *fileGroup) lost() int64 { return g.inserted() - g.distinct }

// unrecorded is how many rows of the range none of the files accounts for.
func (g *fileGroup) unrecorded() int64 { return max(0, -g.lost()-g.found()) }

// explains reports whether ids that are missing in its range were missing in the files already.
func (g *fileGroup) explains() bool {
	if !g.compared || g.lost() > 0 {
		return false
	}
	// Where rows were there before, what the files inserted does not tell how many there ought to be.
	return g.found() == 0 || g.last-g.first+1-g.distinct <= g.unpublished()
}

// ofID is the path of the file that brought an id.
func (g *fileGroup) ofID(id int64) string {
	for _, f := range g.files {
		if f.FirstID <= id && id <= f.LastID {
			return f.FilePath
		}
	}
	return g.files[0].FilePath
}

// within are the cells that have ids from first to last; cells are in order of their smallest ids, and none is wider than a bucket.
func within(cells []*cell, first, last int64) []*cell {
	const widest = 1 << 22
	from := sort.Search(len(cells), func(i int) bool { return cells[i].minID > first-widest })
	var found []*cell
	for _, c := range cells[from:] {
		if c.minID > last {
			break
		}
		if c.maxID >= first {
			found = append(found, c)
		}
	}
	return found
}

// prove counts the rows of a group by what is known of days, false where that does not tell that all of them are in the periods of the files.
func (g *fileGroup) prove(cells []*cell) (rows int64, ok bool) {
	for _, c := range within(cells, g.first, g.last) {
		rows += c.rows
		if !slices.ContainsFunc(g.files, func(f ledger.Entry) bool {
			return f.Period.Contains(c.day) && f.FirstID <= c.minID && c.maxID <= f.LastID
		}) {
			return 0, false
		}
	}
	return rows, true
}

// comparison is what the ledger says of one key, compared with the table.
type comparison struct {
	groups   []*fileGroup
	coverage ledger.Coverage // by key's series
	series   catalog.Series
	compared int   // files
	beyond   int   // files that reach beyond the days that are looked at
	leftOut  int64 // rows of theirs that were left out because of their ids
	other    otherRows
}

// otherRows are rows that no file brought.
type otherRows struct {
	onLoadedDays int64 // on days that loaded files stand for
	example      int64
	days         []catalog.Day
	onOtherDays  int64
}

// compareKey compares the rows of a key with its loaded files. Where what is known of days does not prove that they agree, rows are counted.
func compareKey(ctx context.Context, db *store.DB, k *keyTally, entries []ledger.Entry, w windows) (*comparison, error) {
	c := &comparison{series: k.key.Series, other: otherRows{example: -1}}
	for i := range entries {
		entries[i].Market = k.key.Market // as the coverage is asked for
		if w.hold(entries[i].Period) {
			c.leftOut += entries[i].RowsConflict
		}
	}
	c.coverage = ledger.CoverageOf(entries)
	withRows := slices.DeleteFunc(slices.Clone(entries), func(e ledger.Entry) bool { return e.FirstID < 0 })
	c.groups = groupFiles(withRows)
	cells := k.sortedCells()
	for _, g := range c.groups {
		if slices.ContainsFunc(g.files, func(f ledger.Entry) bool { return !w.hold(f.Period) }) {
			c.beyond += len(g.files)
			if err := g.findStrays(ctx, db, k, cells); err != nil {
				return nil, err
			}
			continue
		}
		if err := g.compare(ctx, db, k, cells, len(w) > 0); err != nil {
			return nil, err
		}
		c.compared += len(g.files)
	}
	return c, c.countOthers(ctx, db, k, cells)
}

// compare counts a group's rows. Where days were chosen, rows of theirs that moved to other days are not known, so that a count which does not
// come out is repeated by the table.
func (g *fileGroup) compare(ctx context.Context, db *store.DB, k *keyTally, cells []*cell, chosen bool) error {
	rows, ok := g.prove(cells)
	g.distinct = rows - k.surplus(g.first, g.last)
	if !ok || chosen && g.distinct != g.inserted() {
		var err error
		rows, g.outside, g.example, err = db.FileRows(ctx, k.key, g.files, g.first, g.last)
		if err != nil {
			return err
		}
		g.distinct = rows - k.allSurplus(g.first, g.last)
	}
	g.compared = true
	return nil
}

// findStrays finds rows of a group that reaches beyond the days that are looked at, on days of these that are not its own.
func (g *fileGroup) findStrays(ctx context.Context, db *store.DB, k *keyTally, cells []*cell) error {
	if _, ok := g.prove(cells); ok {
		return nil
	}
	var err error
	_, g.outside, g.example, err = db.FileRows(ctx, k.key, g.files, g.first, g.last)
	return err
}

// allSurplus is surplus with rows of other days than those that were asked for.
func (k *keyTally) allSurplus(first, last int64) int64 {
	var n int64
	for _, r := range k.repeats {
		if id := max(r.SameID, r.OtherID); id >= first && id <= last {
			n += r.Same + r.Other
		}
	}
	return n
}

// countOthers counts the rows whose ids no file brought.
func (c *comparison) countOthers(ctx context.Context, db *store.DB, k *keyTally, cells []*cell) error {
	for _, x := range cells {
		if x.day == store.NoDay {
			continue // found as rows of an impossible time
		}
		rows, example := x.rows, x.minID
		touching := c.near(x)
		if len(touching) == 1 && touching[0].first <= x.minID && x.maxID <= touching[0].last {
			continue
		}
		if len(touching) > 0 {
			ranges := make([]ledger.Entry, len(touching))
			for i, g := range touching {
				ranges[i] = ledger.Entry{FirstID: g.first, LastID: g.last}
			}
			var err error
			if rows, example, err = db.OtherRows(ctx, k.key, x.day, ranges, x.minID, x.maxID); err != nil {
				return err
			}
		}
		switch {
		case rows == 0:
		case c.coverage.Has(c.series, x.day):
			c.other.onLoadedDays += rows
			if c.other.example < 0 {
				c.other.example = example
			}
			c.other.days = append(c.other.days, x.day)
		default:
			c.other.onOtherDays += rows
		}
	}
	return nil
}

// near are the groups that have ids of a cell's range; they are in order and do not overlap.
func (c *comparison) near(x *cell) []*fileGroup {
	from := sort.Search(len(c.groups), func(i int) bool { return c.groups[i].last >= x.minID })
	to := from
	for to < len(c.groups) && c.groups[to].first <= x.maxID {
		to++
	}
	return c.groups[from:to]
}

// explains reports whether ids that are missing between two ids were missing in loaded files already.
func (c *comparison) explains(after, before int64) bool {
	if c == nil {
		return false
	}
	near := c.near(&cell{minID: after, maxID: before})
	return len(near) == 1 && near[0].first <= after && before <= near[0].last && near[0].explains()
}

// holds reports whether loaded files have all ids from first to last in their ranges.
func (c *comparison) holds(first, last int64) bool {
	if c == nil {
		return false
	}
	near := c.near(&cell{minID: first, maxID: last})
	return len(near) == 1 && near[0].first <= first && last <= near[0].last
}
