package verify

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/store"
)

// judge makes the report of what was gathered. What was not looked at wholly is not judged where that would be a guess.
func (r *run) judge() {
	rep := r.report
	rep.Rows = r.tally.rows
	if r.noEntry != "" {
		rep.Notes = append(rep.Notes, r.noEntry)
	}
	if r.db != nil && r.Market != "" && !r.db.Table().HasMarket() {
		rep.Notes = append(rep.Notes, "the table has no column market, so --market narrows nothing")
	}
	r.judgeValues()
	keys := r.tally.sortedKeys()
	for k := range maps.Keys(r.compare) { // series of the ledger that have no rows
		if r.tally.keys[k] == nil {
			keys = append(keys, r.tally.key(k))
		}
	}
	slices.SortStableFunc(keys, func(a, b *keyTally) int {
		return cmp.Or(a.key.Compare(b.key.Series), cmp.Compare(a.key.Exchange, b.key.Exchange))
	})
	for _, k := range keys {
		s := k.series()
		r.judgeRepeats(k)
		if rep.Checked.Holes == Wholly && r.db.Whole(k.key) {
			c := r.compare[k.key]
			r.judgeFiles(k.key, c, &s)
			r.judgeHoles(k, c, &s)
			if rep.Checked.Neighbours == Wholly {
				r.judgeNeighbours(k, c)
			}
		}
		if k.rows > 0 || s.DaysMissing > 0 || s.Files > 0 {
			rep.Series = append(rep.Series, s)
		}
	}
	if rep.Checked.Values == Wholly {
		r.judgeAbsent(keys)
	}
}

// series sums a key up.
func (k *keyTally) series() Series {
	s := Series{Market: k.key.Market, Symbol: k.key.Symbol, Exchange: k.key.Exchange, Rows: k.rows, FirstID: -1, LastID: -1}
	low, high := math.Inf(1), math.Inf(-1)
	for _, d := range slices.Sorted(maps.Keys(k.days)) {
		day := k.days[d]
		if day.withID > 0 {
			if s.FirstID < 0 || day.minID < s.FirstID {
				s.FirstID = day.minID
			}
			s.LastID = max(s.LastID, day.maxID)
		}
		s.Quantity += day.quantity
		s.Value += day.value
		s.Sells += day.sells
		s.Zeros += day.zeros
		low, high = math.Min(low, day.low), math.Max(high, day.high)
		if d == store.NoDay {
			continue
		}
		s.Days++
		if s.FirstDay == nil {
			s.FirstDay, s.FirstAt = &d, time.UnixMicro(day.firstAt).UTC()
		}
		s.LastDay, s.LastAt = &d, time.UnixMicro(day.lastAt).UTC()
	}
	s.LowPrice, s.HighPrice, s.Quantity, s.Value = finite(low), finite(high), finite(s.Quantity), finite(s.Value)
	return s
}

// finite is a number that JSON can hold: 0 in place of what is none, which is found as a defect.
func finite(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

func (r *run) defect(k store.Key, f Finding) {
	r.report.Defects = append(r.report.Defects, named(k, f))
}

func (r *run) warning(k store.Key, f Finding) {
	r.report.Warnings = append(r.report.Warnings, named(k, f))
}

// named is a finding of a key, with what to do about it.
func named(k store.Key, f Finding) Finding {
	f.Market, f.Symbol, f.Exchange = k.Market, k.Symbol, k.Exchange
	f.Text = k.String() + ": " + f.Text
	f.Remedy = f.Kind.remedy()
	return f
}

// firstID is an id that is known, nil where it is not.
func firstID(id int64) *int64 {
	if id < 0 {
		return nil
	}
	return &id
}

// kindOf is the kind of a defect that a row has by itself.
func kindOf(d store.Defect) Kind {
	switch d {
	case store.Null:
		return MissingValue
	case store.BadPrice:
		return BadPrice
	case store.BadQuantity:
		return BadQuantity
	case store.BadSide:
		return BadSide
	case store.BadGrossValue:
		return BadGrossValue
	case store.BadTime:
		return BadTime
	case store.OutsidePeriod:
		return OutsidePeriod
	default:
		return RepeatedRow
	}
}

func (r *run) judgeValues() {
	found := slices.SortedFunc(maps.Values(r.values), func(a, b *store.Finding) int {
		return cmp.Or(a.Series.Compare(b.Series), cmp.Compare(a.Defect, b.Defect))
	})
	for _, f := range found {
		text := fmt.Sprintf("%s with %s%s", amount.Of(f.Rows, "row"), f.Defect, first(f.Example))
		r.defect(store.Key{Series: f.Series}, Finding{Kind: kindOf(f.Defect), Count: f.Rows, FirstID: firstID(f.Example), Text: text})
	}
}

func (r *run) judgeRepeats(k *keyTally) {
	same, other := Finding{Kind: RepeatedRow}, Finding{Kind: ConflictingID}
	for _, x := range k.repeats {
		for _, of := range []struct {
			f     *Finding
			n, id int64
		}{{&same, x.Same, x.SameID}, {&other, x.Other, x.OtherID}} {
			of.f.Count += of.n
			if of.n > 0 && of.id >= 0 && (of.f.FirstID == nil || of.id < *of.f.FirstID) {
				of.f.FirstID = &of.id
			}
		}
	}
	if same.Count > 0 {
		same.Text = fmt.Sprintf("%s %s another to the letter, the first of id %d", amount.Of(same.Count, "row"), verb(same.Count, "repeats", "repeat"), *same.FirstID)
		r.defect(k.key, same)
	}
	if other.Count > 0 {
		other.Text = fmt.Sprintf("%s %s the id of another and other content, the first of id %d", amount.Of(other.Count, "row"), verb(other.Count, "has", "have"), *other.FirstID)
		r.defect(k.key, other)
	}
}

func (r *run) judgeFiles(k store.Key, c *comparison, s *Series) {
	if c == nil {
		return
	}
	s.Files, s.FilesNot, s.RowsNoLedger = c.compared, c.beyond, c.other.onOtherDays
	for _, g := range c.groups {
		if g.outside > 0 {
			f := Finding{Kind: OutsidePeriod, Count: g.outside, FirstID: firstID(g.example), File: g.ofID(g.example)}
			f.Text = fmt.Sprintf("%s with %s%s, of %s", amount.Of(g.outside, "row"), store.OutsidePeriod, first(g.example), f.File)
			r.defect(k, f)
		}
		if !g.compared {
			continue
		}
		file := g.files[0].FilePath
		if n := g.lost(); n > 0 {
			r.defect(k, Finding{Kind: RowsLost, Count: n, File: file, Text: fmt.Sprintf("%s of %s that the ledger has as loaded %s not there", amount.Of(n, "row"), g.name(), verb(n, "is", "are"))})
		}
		if n := g.unrecorded(); n > 0 {
			r.defect(k, Finding{Kind: RowsUnrecorded, Count: n, File: file, Text: fmt.Sprintf("%s more than the ledger has as loaded of %s", amount.Of(n, "row"), g.name())})
		}
	}
	if n := c.other.onLoadedDays; n > 0 {
		f := Finding{Kind: RowsUnrecorded, Count: n, FirstID: firstID(c.other.example)}
		slices.Sort(c.other.days)
		for _, p := range periods(slices.Compact(c.other.days)) {
			f.Places = append(f.Places, Place{FirstDay: p.First, LastDay: p.Last()})
		}
		f.Text = fmt.Sprintf("%s that no file brought%s, on days that the ledger has as loaded", amount.Of(n, "row"), first(c.other.example))
		r.defect(k, f)
	}
	if n := c.leftOut; n > 0 {
		r.warning(k, Finding{Kind: RowsLeftOut, Count: n, Text: fmt.Sprintf("%s left out when %s loaded: other trades had %s", amount.Of(n, "row"), verb(n, "its file was", "their files were"), verb(n, "its id", "their ids"))})
	}
}

// name is the file, or how many there are whose rows cannot be told apart.
func (g *fileGroup) name() string {
	if n := len(g.files); n > 1 {
		return fmt.Sprintf("%s and %s more", g.files[0].FilePath, amount.Text(n-1))
	}
	return g.files[0].FilePath
}

func (r *run) judgeHoles(k *keyTally, c *comparison, s *Series) {
	missing, unpublished := k.missingDays(r.asked(), r.report.Sample, catalog.DayOf(r.now), c)
	s.DaysMissing, s.DaysMissingPublished = len(missing)+len(unpublished), len(unpublished)
	if len(missing) > 0 {
		r.defect(k.key, daysFinding(DaysMissing, missing, "without a row"))
	}
	if len(unpublished) > 0 {
		r.warning(k.key, daysFinding(DaysUnpublished, unpublished, "without a row in the files that were loaded"))
	}
	lacks, known := Finding{Kind: IDsMissing}, Finding{Kind: IDsUnpublished}
	for _, h := range r.holes[k.key] {
		f := &lacks
		if h.published {
			f = &known
			s.IDsMissingPublished = addIDs(s.IDsMissingPublished, h.missing)
		}
		s.IDsMissing = addIDs(s.IDsMissing, h.missing)
		f.Count = addIDs(f.Count, h.missing)
		f.Places = append(f.Places, Place{FirstDay: h.firstDay, LastDay: h.lastDay, AfterID: &h.after, BeforeID: &h.before, Count: h.missing})
	}
	if lacks.Count > 0 {
		lacks.Text = amount.Of(lacks.Count, "id") + " missing: " + places(lacks.Places)
		r.defect(k.key, lacks)
	}
	if known.Count > 0 {
		known.Text = amount.Of(known.Count, "id") + " missing in the files that were loaded: " + places(known.Places)
		r.warning(k.key, known)
	}
}

// addIDs adds counts of ids, which can be as large as ids are.
func addIDs(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

func daysFinding(kind Kind, days []catalog.Day, what string) Finding {
	f := Finding{Kind: kind, Count: int64(len(days))}
	var texts []string
	for i, p := range periods(days) {
		f.Places = append(f.Places, Place{FirstDay: p.First, LastDay: p.Last(), Count: int64(p.Days())})
		if i < shownPlaces {
			texts = append(texts, p.String())
		}
	}
	if more := len(f.Places) - shownPlaces; more > 0 {
		texts = append(texts, "and "+amount.Of(more, "more span"))
	}
	f.Text = fmt.Sprintf("%s %s: %s", amount.Of(f.Count, "day"), what, strings.Join(texts, ", "))
	return f
}

// shownPlaces is how many places a sentence names; JSON has all of them.
const shownPlaces = 5

// places names the largest of places.
func places(all []Place) string {
	largest := slices.Clone(all)
	slices.SortStableFunc(largest, func(a, b Place) int { return cmp.Compare(b.Count, a.Count) })
	var texts []string
	for _, p := range largest[:min(shownPlaces, len(largest))] {
		when := "on rows without a time"
		switch p.FirstDay {
		case store.NoDay:
		case p.LastDay:
			when = "on " + p.FirstDay.String()
		default:
			when = fmt.Sprintf("between %s and %s", p.FirstDay, p.LastDay)
		}
		texts = append(texts, fmt.Sprintf("%s %s", amount.Text(p.Count), when))
	}
	if more := len(all) - shownPlaces; more > 0 {
		texts = append(texts, "and in "+amount.Of(more, "more place"))
	}
	return strings.Join(texts, ", ")
}

func (r *run) judgeNeighbours(k *keyTally, c *comparison) {
	for _, u := range k.unusualDays(c) {
		f := Finding{Kind: UnusualPrice, Count: 1, Places: []Place{{FirstDay: u.day, LastDay: u.day, Count: 1}}}
		switch {
		case u.rows:
			f.Kind = UnusualRows
			f.Text = fmt.Sprintf("%s on %s, where the days beside it have about %s", amount.Of(int64(u.value), "row"), u.day, amount.Text(int64(u.typical)))
		case u.above:
			f.Text = fmt.Sprintf("a price of %s on %s, where the days beside it have no more than %s", price(u.value), u.day, price(u.typical))
		default:
			f.Text = fmt.Sprintf("a price of %s on %s, where the days beside it have no less than %s", price(u.value), u.day, price(u.typical))
		}
		r.warning(k.key, f)
	}
}

// judgeAbsent names the symbols that were asked for and have no row. A sample cannot tell.
func (r *run) judgeAbsent(keys []*keyTally) {
	if r.report.Sample != nil {
		return
	}
	for _, s := range r.Symbols {
		if !slices.ContainsFunc(keys, func(k *keyTally) bool { return k.key.Symbol == s && k.rows > 0 }) {
			r.defect(store.Key{Series: catalog.Series{Market: r.Market, Symbol: s}}, Finding{Kind: NoRows, Text: "no row of what was asked for"})
		}
	}
}

// remedy is what to do about a kind of finding.
func (k Kind) remedy() string {
	switch k {
	case DaysMissing, NoRows:
		return "fetch the files of these days and load them"
	case IDsMissing:
		return "fetch the files of these days again and load them with --replace; what Binance itself left out stays missing"
	case RowsLost:
		return "delete the files' rows of ingestion_log and load them again"
	case DaysUnpublished, IDsUnpublished:
		return "nothing, unless Binance has published better files since; a day that a monthly file lacks often exists as a daily file"
	case UnusualRows, UnusualPrice:
		return "look at the day; a crash, a listing or an outage may well look like that"
	case RowsLeftOut:
		return "nothing: the first trade of an id stays"
	default:
		return "find out what else writes to the database; delete these rows' days and their files' rows of ingestion_log, and load the files again"
	}
}

// verb is one of two forms, by number.
func verb(n int64, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// first names an id, where there is one.
func first(id int64) string {
	if id < 0 {
		return ""
	}
	return fmt.Sprintf(", the first of id %d", id)
}

// price is without trailing zeros.
func price(p float64) string { return strconv.FormatFloat(p, 'f', -1, 64) }
