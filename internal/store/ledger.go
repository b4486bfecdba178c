package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
)

// Ledger reads all entries, ordered by path. Where the ledger is the scripts', entries have only its eight fields; where there is none, there
// are no entries.
func (db *DB) Ledger(ctx context.Context) ([]ledger.Entry, error) {
	return readLedger(ctx, db.conn, db.path, db.table)
}

func readLedger(ctx context.Context, q querier, path string, t Table) ([]ledger.Entry, error) {
	if len(t.Ledger) == 0 {
		return nil, nil
	}
	statement, scan := sqlLedgerRead, scanEntry
	if len(t.LedgerMissing()) > 0 {
		statement, scan = sqlLedgerReadOld, scanOldEntry
	}
	entries, err := query(ctx, q, statement, scan)
	if err != nil {
		return nil, explain(path, fmt.Errorf("read %s: %w", ledgerTable, err))
	}
	// Not by DuckDB: to sort so wide rows costs it more than to read them, and most are in order.
	slices.SortStableFunc(entries, func(a, b ledger.Entry) int { return strings.Compare(a.FilePath, b.FilePath) })
	return entries, nil
}

func scanOldEntry(r scanner) (ledger.Entry, error) {
	e := ledger.Entry{FirstID: -1, LastID: -1}
	var processed, took int64
	err := r.Scan(&e.FilePath, &e.Symbol, &processed, &e.RowCount, &e.Status, &e.ErrorMessage, &e.FileSize, &took)
	e.ProcessedAt, e.ProcessingTime = timeOf(processed), time.Duration(took)*time.Millisecond
	return e, err
}

func scanEntry(r scanner) (ledger.Entry, error) {
	var e ledger.Entry
	var processed, took, mtime, firstAt, lastAt int64
	var first, last catalog.Day
	var days string
	err := r.Scan(&e.FilePath, &e.Symbol, &processed, &e.RowCount, &e.Status, &e.ErrorMessage, &e.FileSize, &took,
		&e.Market, &first, &last, &mtime, &e.SHA256, &e.FirstID, &e.LastID, &firstAt, &lastAt,
		&e.RowsInserted, &e.RowsDuplicate, &e.RowsConflict, &e.RowsVoided, &e.IDsMissing, &days, &e.Attempts, &e.RunID)
	if err != nil {
		return e, err
	}
	e.Period = catalog.Period{First: first, End: last + 1}
	e.ProcessedAt, e.FileMTime, e.ProcessingTime = timeOf(processed), timeOf(mtime), time.Duration(took)*time.Millisecond
	e.FirstTradeAt, e.LastTradeAt = timeOf(firstAt), timeOf(lastAt)
	for d := range strings.SplitSeq(days, ",") {
		if d == "" {
			continue
		}
		day, err := catalog.ParseDay(d)
		if err != nil {
			return e, fmt.Errorf("days_missing of %q: %w", e.FilePath, err)
		}
		e.DaysMissing = append(e.DaysMissing, day)
	}
	return e, nil
}

// timeOf is the time of a microsecond count, the zero time for 0.
func timeOf(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// CompleteLedger creates ingestion_log or adds the columns it lacks, in one transaction.
func (db *DB) CompleteLedger(ctx context.Context) error {
	missing := db.table.LedgerMissing()
	if len(missing) == 0 {
		return nil
	}
	tx, err := db.Begin(ctx)
	if err != nil {
		return err
	}
	statements := []string{sqlSchemaLedger}
	if len(db.table.Ledger) > 0 {
		statements = nil
		for _, c := range missing {
			statements = append(statements, "ALTER TABLE "+ledgerTable+" ADD COLUMN "+c.Name+" "+c.Type)
		}
	}
	for _, s := range statements {
		if _, err := tx.exec(ctx, s); err != nil {
			return joinRollback(err, tx)
		}
	}
	if err := tx.Commit(); err != nil {
		return joinRollback(err, tx)
	}
	return db.inspect(ctx)
}
