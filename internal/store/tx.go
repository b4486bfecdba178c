package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
)

// Tx is a transaction: what one batch of files changes. After an error from any of its methods it can only be rolled back.
type Tx struct {
	db     *DB
	tx     *sql.Tx
	failed bool
}

// Begin begins a transaction. Cancelling ctx does not end it, which would close the connection, and with it the table functions that feed
// rows; it ends the statements.
func (db *DB) Begin(ctx context.Context) (*Tx, error) {
	tx, err := db.conn.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return nil, explain(db.path, err)
	}
	db.open = &Tx{db: db, tx: tx}
	return db.open, nil
}

// errFailed keeps a transaction from being committed after an error, which would report success and keep nothing.
var errFailed = errors.New("commit: the transaction failed before and can only be rolled back")

// Commit makes the transaction's changes durable. When it returns nil they are in the database file, checkpointed.
func (tx *Tx) Commit() error {
	if tx.failed {
		return errFailed
	}
	return explain(tx.db.path, tx.tx.Commit())
}

// Rollback undoes the transaction. Rolling back what was committed or rolled back already is no error.
func (tx *Tx) Rollback() error {
	if err := tx.tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
		return explain(tx.db.path, err)
	}
	return nil
}

// exec runs a statement and tells how many rows it changed.
func (tx *Tx) exec(ctx context.Context, statement string, args ...any) (int64, error) {
	result, err := tx.tx.ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, tx.fail(err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return 0, tx.fail(err)
	}
	return n, nil
}

func (tx *Tx) fail(err error) error {
	tx.failed = true
	if errors.Is(err, ErrKey) {
		return err
	}
	return explain(tx.db.path, err)
}

// feed runs a statement that reads source through a table function, and tells how many rows it changed. format has one %s, for the call.
func (tx *Tx) feed(ctx context.Context, format string, source Source, staged bool, args ...any) (n int64, err error) {
	return tx.reading(ctx, source, staged, func(ctx context.Context, call string) (int64, error) {
		result, err := tx.tx.ExecContext(ctx, fmt.Sprintf(format, call), args...)
		if err != nil {
			return 0, err
		}
		return result.RowsAffected()
	})
}

// reading runs a statement in which source can be read by a call.
func (tx *Tx) reading(ctx context.Context, source Source, staged bool, run func(ctx context.Context, call string) (int64, error)) (int64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wide := tx.db.table.wide()
	handle, opened := tx.db.feeds.open(ctx, source, staged, wide)
	defer tx.db.feeds.close(handle)
	n, err := run(ctx, feedNames[[2]bool{staged, wide}]+"("+strconv.FormatInt(handle, 10)+")")
	if own := opened.cause(); own != nil {
		// Not explained: a file may hold the words that DuckDB has for a full disk, and its error repeats them.
		tx.failed = true
		return 0, own
	}
	if err != nil {
		return 0, tx.fail(keyError(err))
	}
	return n, nil
}

// ErrKey is that a row repeats a key of the table. Only tables that the Python scripts made have one.
var ErrKey = errors.New("the table has a row with this key")

// Insert writes the rows of source, all of one series, and tells how many were inserted. It fails with [ErrKey] where the table has a key that one of
// them repeats; finding that out is half as expensive as ON CONFLICT DO NOTHING. Where it has none, whether it held rows with their
// ids before is for the caller to ask; see [Tx.Count]. The error of the source comes back as it was.
func (tx *Tx) Insert(ctx context.Context, series catalog.Series, source Source) (int64, error) {
	statement := tx.db.table.insert("%s AS r", "")
	first, err := tx.nextRowID(ctx)
	if err != nil {
		return 0, err
	}
	return tx.feed(ctx, statement, source, false, series.Symbol, string(series.Market), first)
}

// keyError tells a repeated key from other errors.
func keyError(err error) error {
	var d *duckdb.Error
	if errors.As(err, &d) && d.Type == duckdb.ErrorTypeConstraint && strings.Contains(d.Msg, "Duplicate key") {
		return fmt.Errorf("%w: %s", ErrKey, firstLine(d.Msg))
	}
	return err
}

// nextRowID is where the scripts' own row numbers go on; 0 where the table has none that must be filled.
func (tx *Tx) nextRowID(ctx context.Context) (int64, error) {
	if !tx.db.table.fillsID() {
		return 0, nil
	}
	return tx.number(ctx, "SELECT coalesce(max(id), 0) FROM "+tradesTable)
}

// Count is how many rows of the series have an id from first to last, this transaction's own among them. Zone maps keep it from reading more
// than the row groups in question.
func (tx *Tx) Count(ctx context.Context, series catalog.Series, first, last int64) (int64, error) {
	return tx.number(ctx, "SELECT count(*) FROM "+tradesTable+" AS e WHERE "+tx.db.table.inSeries()+" AND e.agg_trade_id BETWEEN $3 AND $4",
		series.Symbol, string(series.Market), first, last)
}

// Span is the smallest and the largest id that rows of the series have from first to last. It is false where there is no such row. It reads what
// [Tx.Count] reads.
func (tx *Tx) Span(ctx context.Context, series catalog.Series, first, last int64) (smallest, largest int64, ok bool, err error) {
	type span struct{ first, last sql.NullInt64 }
	s, err := queryOne(ctx, tx.tx, "SELECT CAST(min(e.agg_trade_id) AS BIGINT), CAST(max(e.agg_trade_id) AS BIGINT) FROM "+tradesTable+" AS e WHERE "+tx.db.table.inSeries()+
		" AND e.agg_trade_id BETWEEN $3 AND $4", func(r scanner) (span, error) {
		var s span
		return s, r.Scan(&s.first, &s.last)
	}, series.Symbol, string(series.Market), first, last)
	if err != nil {
		return 0, 0, false, tx.fail(err)
	}
	return s.first.Int64, s.last.Int64, s.first.Valid, nil
}

// Delete removes the series' rows with an id from first to last and a time in the period, and tells how many there were.
func (tx *Tx) Delete(ctx context.Context, series catalog.Series, first, last int64, p catalog.Period) (int64, error) {
	return tx.exec(ctx, "DELETE FROM "+tradesTable+" AS e WHERE "+tx.db.table.inSeries()+
		" AND e.agg_trade_id BETWEEN $3 AND $4 AND e.timestamp >= make_timestamp(CAST($5 AS BIGINT)) AND e.timestamp < make_timestamp(CAST($6 AS BIGINT))",
		series.Symbol, string(series.Market), first, last, p.First.Micros(), p.End.Micros())
}

// Record writes ledger entries, each in place of an earlier one of its path.
func (tx *Tx) Record(ctx context.Context, entries ...ledger.Entry) error {
	paths := make([]string, len(entries))
	for i, e := range entries {
		paths[i] = e.FilePath
	}
	if err := tx.Forget(ctx, paths...); err != nil {
		return err
	}
	if err := tx.db.conn.Raw(func(conn any) error { return appendEntries(conn, entries) }); err != nil {
		return tx.fail(err)
	}
	return nil
}

// Forget removes the ledger entries of paths, where there are any.
func (tx *Tx) Forget(ctx context.Context, paths ...string) error {
	if len(paths) == 0 {
		return nil
	}
	for _, p := range paths {
		if !utf8.ValidString(p) { // the driver makes no list of it and hands DuckDB a null pointer, which ends the process
			return tx.fail(fmt.Errorf("path %q is not valid UTF-8", p))
		}
	}
	_, err := tx.exec(ctx, sqlLedgerDelete, paths)
	return err
}

// appendEntries adds entries to ingestion_log within the connection's transaction.
func appendEntries(conn any, entries []ledger.Entry) (err error) {
	c, ok := conn.(driver.Conn)
	if !ok {
		return fmt.Errorf("append to %s: the connection is a %T", ledgerTable, conn)
	}
	names := make([]string, len(ledgerColumns))
	for i, column := range ledgerColumns {
		names[i] = column.Name
	}
	a, err := duckdb.NewAppenderWithColumns(c, "", "", ledgerTable, names)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	for _, e := range entries {
		if err := a.AppendRow(entryValues(e)...); err != nil {
			return err
		}
	}
	return nil
}

// entryValues are the values of ledgerColumns. What is not known is NULL.
func entryValues(e ledger.Entry) []driver.Value {
	days := make([]string, len(e.DaysMissing))
	for i, d := range e.DaysMissing {
		days[i] = d.String()
	}
	return []driver.Value{
		e.FilePath, e.Symbol, e.ProcessedAt.UTC(), e.RowCount, string(e.Status), text(e.ErrorMessage), e.FileSize, e.ProcessingTime.Milliseconds(),
		text(string(e.Market)), e.Period.First.Time(), e.Period.Last().Time(), instant(e.FileMTime), text(e.SHA256), id(e.FirstID), id(e.LastID),
		instant(e.FirstTradeAt), instant(e.LastTradeAt),
		e.RowsInserted, e.RowsDuplicate, e.RowsConflict, e.RowsVoided, e.IDsMissing, text(strings.Join(days, ",")), e.Attempts, text(e.RunID),
	}
}

func text(s string) driver.Value {
	if s == "" {
		return nil
	}
	return strings.ToValidUTF8(s, "?") // of anything else the appender makes NULL, silently
}

func id(n int64) driver.Value {
	if n < 0 {
		return nil
	}
	return n
}

func instant(t time.Time) driver.Value {
	if t.IsZero() {
		return nil
	}
	return t.UTC()
}

// joinRollback rolls back after err.
func joinRollback(err error, tx *Tx) error { return errors.Join(err, tx.Rollback()) }
