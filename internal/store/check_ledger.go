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

// Loaded is what the ledger has as loaded of one series. The scripts' entries have no market and do not tell their days.
type Loaded struct {
	catalog.Series
	Files   int
	Rows    int64          // that the files brought; of the scripts' entries, that they have
	HasRows bool           // also where all of them were in the database before
	Span    catalog.Period // from the first day to the last, holes among them; without days where they are not told
	Newest  time.Time      // the newest trade; zero where it is not told
}

// scriptsColumns is how many of ledgerColumns the Python scripts' ledger has.
const scriptsColumns = 8

// checkLedger says why the ledger cannot be read.
func (t Table) checkLedger() error {
	for _, c := range ledgerColumns[:scriptsColumns] {
		if !slices.ContainsFunc(t.Ledger, func(l Column) bool { return l.Name == c.Name }) {
			return fmt.Errorf("its table %s has no column %s", ledgerTable, c.Name)
		}
	}
	return nil
}

// LoadedSeries sums up the ledger by series, in order, however many files it has. There are none where there is no ledger.
func (db *DB) LoadedSeries(ctx context.Context) ([]Loaded, error) {
	if len(db.table.Ledger) == 0 {
		return nil, nil
	}
	if err := db.table.checkLedger(); err != nil {
		return nil, &Error{Kind: KindSchema, Path: db.path, Text: err.Error()}
	}
	statement := sqlCheckSeries
	if len(db.table.LedgerMissing()) > 0 {
		statement = sqlCheckSeriesOld
	}
	loaded, err := query(ctx, db.conn, statement, func(r scanner) (Loaded, error) {
		var l Loaded
		var first, last catalog.Day
		var newest int64
		err := r.Scan(&l.Market, &l.Symbol, &l.Files, &l.Rows, &l.HasRows, &first, &last, &newest)
		l.Span, l.Newest = catalog.Period{First: first, End: last + 1}, timeOf(newest)
		return l, err
	})
	return loaded, explain(db.path, err)
}

// Accounted reports whether the table is one of [Table.Ours] and has so many rows, of which none is newer.
func (db *DB) Accounted(ctx context.Context, rows int64, newest time.Time) (bool, error) {
	if !db.table.Ours() {
		return false, nil
	}
	if n, err := db.CountAll(ctx); err != nil || n != rows {
		return false, err
	}
	if rows == 0 {
		return true, nil
	}
	_, newer, err := db.NewestSince(ctx, Scope{}, newest.Add(time.Microsecond))
	return err == nil && !newer, err
}

// Outcomes are how the files of the ledger came out.
type Outcomes struct {
	Success     int
	Failed      int
	Partial     int
	LastSuccess time.Time          // when a file was loaded wholly last, see [catalog.Later]; zero where none was
	Files       []ledger.FileState // failed and partial ones, the latest first, as many as were asked for
}

// Outcomes counts the files of the ledger by their latest outcome, and lists the latest most of those that are not a success. The zero Outcomes
// is that of a database without a ledger. The scripts' entries do not tell their market and count for every one.
func (db *DB) Outcomes(ctx context.Context, scope Scope, most int, now time.Time) (Outcomes, error) {
	var o Outcomes
	t := db.table
	if len(t.Ledger) == 0 {
		return o, nil
	}
	if err := t.checkLedger(); err != nil {
		return o, &Error{Kind: KindSchema, Path: db.path, Text: err.Error()}
	}
	condition, args := t.whereLedger(scope)
	_, err := query(ctx, db.conn, fmt.Sprintf(sqlCheckOutcomes, condition), func(r scanner) (struct{}, error) {
		var status ledger.Status
		var files int
		var latest int64
		err := r.Scan(&status, &files, &latest)
		switch status {
		case ledger.Success:
			o.Success, o.LastSuccess = files, timeOf(latest)
		case ledger.Failed:
			o.Failed = files
		case ledger.Partial:
			o.Partial = files
		}
		return struct{}{}, err
	}, append([]any{catalog.Believable(now).UTC()}, args...)...)
	if err != nil {
		return o, explain(db.path, err)
	}
	columns := "'' AS market, CAST(0 AS BIGINT) AS attempts, CAST(0 AS BIGINT) AS rows_conflict"
	if len(t.LedgerMissing()) == 0 {
		columns = "coalesce(e.market, '') AS market, coalesce(e.attempts, 0) AS attempts, coalesce(e.rows_conflict, 0) AS rows_conflict"
	}
	o.Files, err = query(ctx, db.conn, fmt.Sprintf(sqlCheckFailures, columns, condition), func(r scanner) (ledger.FileState, error) {
		var f ledger.FileState
		var at int64
		err := r.Scan(&f.Path, &f.Symbol, &at, &f.Status, &f.Error, &f.Market, &f.Attempts, &f.Conflict)
		f.At = timeOf(at)
		return f, err
	}, append(args, most)...)
	return o, explain(db.path, err)
}

// whereLedger is the scope as a condition on an entry e.
func (t Table) whereLedger(s Scope) (string, []any) {
	var conditions []string
	var args []any
	if len(s.Symbols) > 0 {
		conditions = append(conditions, "e.symbol IN ("+strings.TrimSuffix(strings.Repeat("?, ", len(s.Symbols)), ", ")+")")
		for _, symbol := range s.Symbols {
			args = append(args, symbol)
		}
	}
	if s.Market != "" && len(t.LedgerMissing()) == 0 {
		conditions = append(conditions, "coalesce(e.market, ?) = ?")
		args = append(args, string(s.Market), string(s.Market))
	}
	if len(conditions) == 0 {
		return "true", nil
	}
	return strings.Join(conditions, " AND "), args
}

// LastRun is the run that recorded a file last, as far as the ledger tells.
type LastRun struct {
	ID    string
	Files int       // whose latest outcome is of this run
	Rows  int64     // that these brought
	At    time.Time // when it recorded the last of them
}

// LastRun is the run that recorded a file last; false where the ledger does not tell.
func (db *DB) LastRun(ctx context.Context, now time.Time) (LastRun, bool, error) {
	if len(db.table.LedgerMissing()) > 0 {
		return LastRun{}, false, nil
	}
	runs, err := query(ctx, db.conn, sqlCheckLastRun, func(r scanner) (LastRun, error) {
		var l LastRun
		var at int64
		err := r.Scan(&l.ID, &l.Files, &l.Rows, &at)
		l.At = timeOf(at)
		return l, err
	}, catalog.Believable(now).UTC())
	if err != nil || len(runs) == 0 {
		return LastRun{}, false, explain(db.path, err)
	}
	return runs[0], true, nil
}
