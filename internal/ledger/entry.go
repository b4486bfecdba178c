// Package ledger is what is known of files that were loaded: an entry for each file, as the table
// ingestion_log holds it, and the snapshot of all entries that the loader leaves beside the database for those
// who cannot open it. It does not link DuckDB.
package ledger

import (
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
)

// Status is the latest outcome of a file.
type Status string

// The outcomes. Partial means that rows were left out because the database already held others with their ids.
const (
	Success Status = "success"
	Failed  Status = "failed"
	Partial Status = "partial"
)

// Entry is one row of ingestion_log: the latest outcome of one file.
//
// Times are UTC with microseconds. Where Status is Failed, nothing of the file is in the database and the counts are zero.
// Entries that the Python scripts wrote have no more than the first eight fields; their Period has no days.
type Entry struct {
	FilePath       string
	Symbol         string
	ProcessedAt    time.Time
	RowCount       int64 // data rows in the file: inserted + duplicate + conflict + voided + outside what was asked for
	Status         Status
	ErrorMessage   string
	FileSize       int64 // bytes of the file as it lies on disk
	ProcessingTime time.Duration

	Market        catalog.Market
	Period        catalog.Period // the days this entry stands for
	FileMTime     time.Time
	SHA256        string // of the file as it lies on disk, lower-case hex
	FirstID       int64  // smallest and largest agg_trade_id, -1 where there is no row
	LastID        int64
	FirstTradeAt  time.Time
	LastTradeAt   time.Time
	RowsInserted  int64
	RowsDuplicate int64
	RowsConflict  int64
	RowsVoided    int64
	IDsMissing    int64         // ids between FirstID and LastID that no row of the file has
	DaysMissing   []catalog.Day // days of Period for which the file has no row
	Attempts      int64
	RunID         string
}

// Series is the entry's market and symbol.
func (e Entry) Series() catalog.Series { return catalog.Series{Market: e.Market, Symbol: e.Symbol} }

// Loaded reports whether the file's rows are in the database.
func (e Entry) Loaded() bool { return e.Status == Success || e.Status == Partial }
