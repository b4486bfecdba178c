package ledger

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
)

// Meta is what a snapshot says about itself and the database, beside the ledger.
type Meta struct {
	Version        string
	RunID          string
	WrittenAt      time.Time
	Database       string // absolute path
	DatabaseSize   int64
	DatabaseMTime  time.Time
	DatabaseHeader string
	BytesDatabase  int64 // used by data; DatabaseSize where it is 0
	Settled        *Settled
	Accounted      bool // see [Snapshot]; both of no account without DatabaseHeader
}

// Build makes the snapshot of a ledger. The order of entries does not matter, that of runs is kept: the latest last. Neither is changed.
func Build(entries []Entry, runs []Run, meta Meta) Snapshot {
	s := Snapshot{
		Schema:         SnapshotSchema,
		Version:        meta.Version,
		RunID:          meta.RunID,
		WrittenAt:      meta.WrittenAt.UTC(),
		Database:       meta.Database,
		DatabaseSize:   meta.DatabaseSize,
		DatabaseMTime:  meta.DatabaseMTime.UTC(),
		DatabaseHeader: meta.DatabaseHeader,
		BytesDatabase:  cmp.Or(meta.BytesDatabase, meta.DatabaseSize),
		BytesCSV:       LoadedCSVBytes(entries),
		Runs:           lastRuns(runs),
	}
	if meta.DatabaseHeader != "" {
		s.Settled, s.Accounted = meta.Settled, meta.Accounted
	}
	loaded := map[catalog.Series][]*Entry{}
	for i := range entries {
		switch e := &entries[i]; {
		case !e.Loaded():
		case e.Period.Days() > 0:
			loaded[e.Series()] = append(loaded[e.Series()], e)
		default:
			s.Scripts.add(e, meta.WrittenAt)
		}
	}
	s.Series = make([]SeriesState, 0, len(loaded))
	s.Rows, s.BytesIn = s.Scripts.Rows, s.Scripts.SourceBytes
	for _, series := range slices.SortedFunc(maps.Keys(loaded), catalog.Series.Compare) {
		state := seriesState(series, loaded[series], meta.WrittenAt)
		s.Rows += state.Rows
		s.BytesIn += state.SourceBytes
		s.Series = append(s.Series, state)
	}
	s.Failed, s.FailedCount, s.PartialCount = failures(entries)
	return s
}

// add counts a loaded entry of the scripts, which have no other count of rows than that of the file.
func (s *ScriptsState) add(e *Entry, now time.Time) {
	s.Files++
	s.Rows += e.RowCount
	s.SourceBytes += e.FileSize
	if e.Status == Success {
		s.LastSuccess = catalog.Later(s.LastSuccess, e.ProcessedAt, now)
	}
}

// seriesState sums up the loaded files of one series, of which there is at least one.
func seriesState(series catalog.Series, files []*Entry, now time.Time) SeriesState {
	s := SeriesState{Series: series, Files: len(files), FirstID: -1, LastID: -1}
	for _, e := range files {
		s.Rows += e.RowsInserted
		s.SourceBytes += e.FileSize
		if e.Status == Success {
			s.LastSuccess = catalog.Later(s.LastSuccess, e.ProcessedAt, now)
		}
		if !hasIDs(e) {
			continue
		}
		if s.FirstID < 0 || e.FirstID < s.FirstID {
			s.FirstID = e.FirstID
		}
		s.LastID = max(s.LastID, e.LastID)
		if s.FirstAt.IsZero() || e.FirstTradeAt.Before(s.FirstAt) {
			s.FirstAt = e.FirstTradeAt.UTC()
		}
		s.LastAt = later(s.LastAt, e.LastTradeAt)
	}
	days := daysOf(files)
	s.Loaded, s.DaysMissing, s.DaysEmpty = days.loaded, append([]catalog.Period{}, days.missing...), days.empty // [] and not null in JSON
	s.IDsMissing = idsMissing(files)
	return s
}

// hasIDs reports whether the file has rows.
func hasIDs(e *Entry) bool { return e.FirstID >= 0 && e.LastID >= e.FirstID }

// idsMissing counts the trade ids that no loaded file has: those missing inside files, and those between one file and the next in order of
// ids. Files of overlapping id ranges (a month and one of its days) may fill each other's holes, which an entry cannot tell.
func idsMissing(files []*Entry) int64 {
	files = slices.DeleteFunc(slices.Clone(files), func(e *Entry) bool { return !hasIDs(e) })
	slices.SortFunc(files, func(a, b *Entry) int { return cmp.Compare(a.FirstID, b.FirstID) })
	var missing, last int64
	for i, e := range files {
		missing = addCount(missing, e.IDsMissing)
		if i > 0 && e.FirstID > last {
			missing = addCount(missing, e.FirstID-last-1)
		}
		last = max(last, e.LastID)
	}
	return missing
}

// addCount is a+b for counts, and the largest count where that would overflow.
func addCount(a, b int64) int64 {
	if b <= 0 {
		return a
	}
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// failures lists the failed files and then the partial ones, the latest first, and counts both.
func failures(entries []Entry) (files []FileState, failed, partial int) {
	var bad []Entry
	for _, e := range entries {
		switch e.Status {
		case Failed:
			failed++
		case Partial:
			partial++
		case Success:
			continue
		}
		bad = append(bad, e)
	}
	slices.SortFunc(bad, func(a, b Entry) int {
		return cmp.Or(strings.Compare(string(a.Status), string(b.Status)), b.ProcessedAt.Compare(a.ProcessedAt), strings.Compare(a.FilePath, b.FilePath))
	})
	bad = bad[:min(len(bad), MaxFailed)]
	files = make([]FileState, len(bad))
	for i, e := range bad {
		files[i] = FileState{
			Path: e.FilePath, Market: e.Market, Symbol: e.Symbol, Period: e.Period,
			Status: e.Status, Error: shorten(e.ErrorMessage), At: e.ProcessedAt.UTC(), Attempts: e.Attempts, Conflict: e.RowsConflict,
		}
	}
	return files, failed, partial
}

// shorten cuts an error message to maxErrorBytes of valid UTF-8.
func shorten(s string) string {
	const ellipsis = "…"
	if len(s) > maxErrorBytes {
		s = s[:maxErrorBytes-len(ellipsis)] + ellipsis
	}
	return strings.ToValidUTF8(s, "")
}

// Again is the snapshot after a run that changed nothing.
func (s Snapshot) Again(run Run, meta Meta) Snapshot {
	s.Version, s.RunID, s.WrittenAt = meta.Version, meta.RunID, meta.WrittenAt.UTC()
	s.Runs = lastRuns(append(slices.Clone(s.Runs), run))
	return s
}

// lastRuns is the last MaxRuns of runs.
func lastRuns(runs []Run) []Run {
	return append([]Run{}, runs[max(0, len(runs)-MaxRuns):]...) // [] and not null in JSON
}

// later is the later of two times, in UTC.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b.UTC()
	}
	return a
}
