package status

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/runstate"
)

// Build makes a report of what was found out.
func Build(f Facts) Report {
	o := f.Options
	r := Report{
		Schema: ReportSchema, Version: o.Version, At: f.At,
		Database: Database{Path: f.Path, SizeBytes: f.Size, ModifiedAt: f.Modified, Rows: f.Rows},
		Asked:    Asked{Symbols: append([]string{}, o.Scope.Symbols...), Market: o.Scope.Market, DataDir: o.DataDir},
		Source:   f.source(), Load: f.load(), Holder: f.holder(),
		Series: []Series{}, Gaps: []Gap{}, Files: []File{}, Runs: f.runs(), Rates: f.rates(), Notes: []string{},
		narrowed: !f.wholeScope(),
	}
	if o.First != nil {
		r.Asked.First = o.First.String()
	}
	if o.Last != nil {
		r.Asked.Last = o.Last.String()
	}
	all := collect(f)
	for _, s := range all {
		r.addSeries(s, f)
	}
	r.addFiles(all)
	if !f.Read && f.Snapshot != nil && f.wholeScope() { // its list may have been cut
		r.Totals.FilesFailed, r.Totals.FilesPartial = f.Snapshot.FailedCount, f.Snapshot.PartialCount
		r.files = f.Snapshot.FailedCount + f.Snapshot.PartialCount
	}
	r.Notes = append(r.Notes, f.notes(r.Totals)...)
	return r
}

func (f Facts) wholeScope() bool {
	return f.Options.Scope.All() && f.Options.First == nil && f.Options.Last == nil
}

// addSeries adds one series and its gaps.
func (r *Report) addSeries(s *seriesFacts, f Facts) {
	c := newCalendar(s, s.span(f))
	c.findGaps()
	out := Series{
		Series: s.Series, Rows: s.state.Rows + s.scripts.Rows, IDsMissing: c.idsMissing(), Files: s.state.Files + s.scripts.Files,
		LastSuccess: s.state.LastSuccess, SourceBytes: s.state.SourceBytes + s.scripts.SourceBytes, span: c.span, days: c.days, Calendar: c.spans(),
	}
	if !s.known && !s.scanned {
		out.IDsMissing = s.state.IDsMissing
	}
	out.LastSuccess = catalog.Later(out.LastSuccess, s.scripts.LastSuccess, f.At)
	if s.scanned {
		out.Rows = 0
	}
	for i := range c.days {
		if c.days[i].state.hasRows() {
			out.Days++
		} else {
			out.DaysMissing++
		}
		if s.scanned {
			out.Rows += c.days[i].rows
		}
	}
	for _, file := range s.failed {
		if file.Status == ledger.Failed {
			out.FilesFailed++
		} else {
			out.FilesPartial++
		}
	}
	if c.span.Days() > 0 {
		out.First, out.Last = c.span.First.String(), c.span.Last().String()
	}
	for i, g := range c.gaps {
		c.each(g.period, func(d int) {
			if c.days[d].gap < 0 && (g.Days > 0 || g.period.Days() == 1) {
				c.days[d].gap = len(r.Gaps) + i
			}
		})
	}
	r.Gaps = append(r.Gaps, c.gaps...)
	r.Series = append(r.Series, out)
	t := &r.Totals
	t.Series++
	t.Days += out.Days
	t.DaysMissing += out.DaysMissing
	t.Rows += out.Rows
	t.IDsMissing += out.IDsMissing
	t.Files += out.Files
	t.FilesFailed += out.FilesFailed
	t.FilesPartial += out.FilesPartial
	t.SourceBytes += out.SourceBytes
}

// addFiles lists the files that failed, and then the partial ones, the latest first.
func (r *Report) addFiles(all []*seriesFacts) {
	for _, s := range all {
		for _, f := range s.failed {
			file := File{
				Path: f.Path, Market: f.Market, Symbol: f.Symbol, Status: f.Status, Error: f.Error, At: f.At, Attempts: f.Attempts, Conflict: f.Conflict,
			}
			if f.Period.Days() > 0 {
				file.First, file.Last = f.Period.First.String(), f.Period.Last().String()
			}
			r.Files = append(r.Files, file)
		}
	}
	r.files = len(r.Files)
	slices.SortFunc(r.Files, func(a, b File) int {
		return cmp.Or(strings.Compare(string(a.Status), string(b.Status)), b.At.Compare(a.At), strings.Compare(a.Path, b.Path))
	})
	r.Files = r.Files[:min(len(r.Files), ledger.MaxFailed)]
}

// source says where the figures come from.
func (f Facts) source() Source {
	switch {
	case f.Read && f.Options.Scan:
		return Source{Origin: FromTable, Why: "--scan"}
	case f.Read:
		return Source{Origin: FromLedger}
	}
	why := "another process holds the database"
	switch {
	case f.Creating:
		why = "a load is creating the database"
	case f.Use.Loading:
		why = "a load holds the database"
	}
	if f.Snapshot == nil {
		return Source{Origin: FromNothing, Why: why}
	}
	s := Source{Origin: FromSnapshot, Why: why, WrittenAt: f.Snapshot.WrittenAt.UTC(), Changed: f.Snapshot.StaleAgainst(f.Size, f.Modified)}
	s.AgeSeconds = max(f.At.Sub(f.Snapshot.WrittenAt).Seconds(), 0)
	return s
}

// holder is the process that keeps the database from being read and is no load.
func (f Facts) holder() string {
	if f.Use.Mode != runstate.DBWriter || f.Use.Loading {
		return ""
	}
	return f.Use.Holder.String()
}

// notes say what to know about the figures.
func (f Facts) notes(t Totals) []string {
	var notes []string
	say := func(when bool, format string, args ...any) {
		if when {
			notes = append(notes, fmt.Sprintf(format, args...))
		}
	}
	snapshot := !f.Read && f.Snapshot != nil
	say(f.SnapshotErr != nil, "the ledger snapshot cannot be used: %v", f.SnapshotErr)
	say(f.LockErr != nil, "whether a load runs is not known: %v", f.LockErr)
	say(f.DiskErr != nil, "which files are not loaded yet is not known: %v", f.DiskErr)
	say(f.Read && f.NoLedger && !f.Options.Scan, "the database has no ledger (table ingestion_log), so what was loaded is not recorded; --scan finds days and ids in the rows themselves")
	say(f.Read && f.NoLedger && f.Options.Scan, "the database has no ledger (table ingestion_log), so why something is missing is not known")
	if n := f.scriptsFiles(); n > 0 {
		say(!f.Options.Scan, "%s by the Python scripts, whose ledger does not tell their days; --scan finds these in the rows themselves", were(n))
	}
	say(f.Options.Scan && !f.Read, "rows could not be read (--scan) while the database is held")
	say(snapshot && (f.Options.First != nil || f.Options.Last != nil), "rows, files and ids are of all days, since the snapshot does not tell them by day")
	say(snapshot && t.IDsMissing > 0, "where ids are missing is told by the ledger and not by its snapshot")
	if recorded, ok := f.recorded(); ok && f.Rows != nil {
		say(*f.Rows > recorded, "the table holds %s that no file of the ledger accounts for", amount.Of(*f.Rows-recorded, "row"))
		say(*f.Rows < recorded, "the table holds %s less than the ledger accounts for: another program deleted them, or the ledger is of another database", amount.Of(recorded-*f.Rows, "row"))
	}
	return notes
}

// scriptsFiles is how many loaded files do not tell their days.
func (f Facts) scriptsFiles() int {
	if !f.Read && f.Snapshot != nil {
		return f.Snapshot.Scripts.Files
	}
	n := 0
	for _, e := range f.Entries {
		if e.Loaded() && e.Period.Days() <= 0 {
			n++
		}
	}
	return n
}

// recorded is how many rows the ledger accounts for; false where it does not tell.
func (f Facts) recorded() (int64, bool) {
	var n int64
	for _, e := range f.Entries {
		if !e.Loaded() {
			continue
		}
		if e.Period.Days() <= 0 {
			return 0, false
		}
		n += e.RowsInserted
	}
	return n, f.Read && !f.NoLedger
}

// were is how many files were loaded, as the beginning of a sentence.
func were(files int) string {
	if files == 1 {
		return "1 file was loaded"
	}
	return amount.Of(files, "file") + " were loaded"
}
