package load

import (
	"errors"
	"fmt"
	"time"

	"github.com/check-ingest/check-ingest/ingest/aggtrades"
	"github.com/check-ingest/check-ingest/ingest/plan"
	"github.com/check-ingest/check-ingest/ingest/scan"
	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/store"
)

// job is one file on its way into the database.
type job struct {
	item plan.Item
	days catalog.Period         // the days of the file that its entry will stand for
	keep func(catalog.Day) bool // of those, the ones to load; nil for all of the file
	took time.Duration          // decoding it and writing it, without waiting in between

	small  *decoded     // a small file, decoded
	stream *scan.Stream // a large one, being read
	err    error        // why it cannot be loaded

	attempts  int64
	facts     scan.Facts
	staged    bool // it went, or has to go, through the staging table
	alone     bool // it must not be written together with others
	inserted  int64
	duplicate int64
	conflict  int64
	example   int64 // an id in conflict
}

// became notes what became of rows that the table may have held.
func (j *job) became(s store.Staged) {
	j.inserted, j.duplicate, j.conflict, j.example = s.Inserted, s.Duplicate, s.Conflict, s.Example
}

// errTouched is that rows of a file's ids are in the table already, or that its ids do not increase: it has to be staged.
var errTouched = errors.New("the table may hold some of these rows")

// check compares what the file has with what became of it: nothing is dropped uncounted.
func (j *job) check() error {
	got := j.inserted + j.duplicate + j.conflict + j.facts.All.Voided + j.facts.Outside
	if got != j.facts.Lines {
		return fmt.Errorf("%s: %s of %s are accounted for; nothing of the file was kept, please report this", j.item.File.Path, amount.Text(got), amount.Of(j.facts.Lines, "row"))
	}
	return nil
}

// entry is the ledger's entry of a job that succeeded.
func (j *job) entry(now time.Time, runID string) ledger.Entry {
	f, all := j.item.File, j.facts.All
	e := ledger.Entry{
		FilePath: f.Path, Symbol: f.Series.Symbol, Market: f.Series.Market, ProcessedAt: now, Status: ledger.Success,
		RowCount: j.facts.Lines, FileSize: f.Size, ProcessingTime: j.took, Period: j.days, FileMTime: f.ModTime, SHA256: j.facts.SHA256,
		FirstID: j.facts.Kept.MinID, LastID: j.facts.Kept.MaxID,
		RowsInserted: j.inserted, RowsDuplicate: j.duplicate, RowsConflict: j.conflict, RowsVoided: all.Voided,
		IDsMissing: j.idsMissing(), Attempts: j.attempts, RunID: runID,
	}
	if j.facts.Kept.Rows > 0 {
		e.FirstTradeAt, e.LastTradeAt = time.UnixMicro(j.facts.Kept.FirstTime).UTC(), time.UnixMicro(j.facts.Kept.LastTime).UTC()
	}
	if own := j.item.Own; own != nil {
		e.Attempts += own.Attempts
		if own.Loaded() && j.item.Action == plan.Load {
			j.addTo(&e, *own)
		}
	}
	for _, d := range all.DaysMissing() {
		if e.Period.Contains(d) {
			e.DaysMissing = append(e.DaysMissing, d)
		}
	}
	if j.conflict > 0 {
		e.Status = ledger.Partial
		e.ErrorMessage = fmt.Sprintf("%s left out: the database holds other trades with their ids, the first is agg_trade_id %d", amount.Of(j.conflict, "row"), j.example)
	}
	return e
}

// idsMissing counts the ids inside the file that no row has. Where ids repeat or jump back the duplicates among the rows do not count.
func (j *job) idsMissing() int64 {
	all := j.facts.All
	if all.Increasing {
		return all.IDsMissing()
	}
	if all.Rows == 0 {
		return 0
	}
	return max(0, all.MaxID-all.MinID+1-all.Voided-(all.Rows-j.repeats()))
}

// repeats is how many rows share their id with another row of the file, as far as it is known: all that were not inserted.
func (j *job) repeats() int64 { return j.duplicate + j.conflict }

// addTo adds what an earlier load of other days of the same file brought.
func (j *job) addTo(e *ledger.Entry, own ledger.Entry) {
	e.Period = catalog.Period{First: min(e.Period.First, own.Period.First), End: max(e.Period.End, own.Period.End)}
	e.RowsInserted += own.RowsInserted
	if own.FirstID >= 0 && (e.FirstID < 0 || own.FirstID < e.FirstID) {
		e.FirstID, e.FirstTradeAt = own.FirstID, own.FirstTradeAt
	}
	if own.LastID > e.LastID {
		e.LastID, e.LastTradeAt = own.LastID, own.LastTradeAt
	}
	if own.RowsConflict > 0 {
		e.RowsConflict += own.RowsConflict
		e.Status, e.ErrorMessage = ledger.Partial, own.ErrorMessage
	}
}

// failedEntry is the ledger's entry of a job that failed.
func (j *job) failedEntry(now time.Time, runID string) ledger.Entry {
	f := j.item.File
	e := ledger.Entry{
		FilePath: f.Path, Symbol: f.Series.Symbol, Market: f.Series.Market, ProcessedAt: now, Status: ledger.Failed, ErrorMessage: explainRow(j.err),
		FileSize: f.Size, ProcessingTime: j.took, Period: j.days, FileMTime: f.ModTime, FirstID: -1, LastID: -1, Attempts: j.attempts, RunID: runID,
	}
	if j.item.Own != nil {
		e.Attempts += j.item.Own.Attempts
	}
	return e
}

// explainRow is an error's text, with the remedy that only the loader knows.
func explainRow(err error) string {
	var row *aggtrades.RowError
	if errors.As(err, &row) && row.Field == "quantity" && errors.Is(err, aggtrades.ErrTooWide) {
		return err.Error() + "; widen the column with: ingest-aggtrades migrate --widen-quantity"
	}
	return err.Error()
}

// fileFault reports whether err lies with one file and not with the database: what DuckDB refused to store, such as a value that a
// column of an old table cannot hold.
func fileFault(err error) bool {
	return store.KindOf(err) == store.KindOther && !store.Broken(err)
}
