package store

import (
	"context"
	"fmt"

	"github.com/check-ingest/check-ingest/internal/catalog"
)

// Staged tells what became of the rows of a file that went through the staging table. Each row is one of inserted, duplicate and conflict.
type Staged struct {
	Inserted  int64
	Duplicate int64 // rows that repeat, to the letter, an earlier row of the file or one that the table held
	Conflict  int64 // rows that have the id of another row, but other content
	Example   int64 // the smallest id in conflict, -1 where there is none
}

// InsertStaged writes the rows of a file whose ids do not strictly increase, or which the table may hold already: it lays them in a
// temporary table first. Of rows with one id the first in the file stays, and a row that the table holds stays before any of the file.
//
// It takes memory and temporary space in proportion to the file; of the table it reads only the range of the file's ids.
func (tx *Tx) InsertStaged(ctx context.Context, series catalog.Series, source Source) (Staged, error) {
	if err := tx.dropStaging(ctx); err != nil {
		return Staged{}, err
	}
	if _, err := tx.feed(ctx, sqlStagedAll, source, true); err != nil {
		return Staged{}, err
	}
	within, err := tx.firstOfEach(ctx, source)
	if err != nil {
		return Staged{}, err
	}
	known, all, err := tx.findKnown(ctx, series)
	if err != nil {
		return Staged{}, err
	}
	var inserted int64
	if !all { // else the statement would take as long to find that there is nothing to insert
		firstRow, err := tx.nextRowID(ctx)
		if err != nil {
			return Staged{}, err
		}
		if inserted, err = tx.exec(ctx, tx.db.table.insertStaged(), series.Symbol, string(series.Market), firstRow); err != nil {
			return Staged{}, err
		}
	}
	example := within.example
	if example < 0 || known.example >= 0 && known.example < example {
		example = known.example
	}
	return Staged{Inserted: inserted, Duplicate: within.same + known.same, Conflict: within.different + known.different, Example: example}, tx.dropStaging(ctx)
}

// Known counts the rows of source, all of different ids, that the table holds among its ids from first to last: as they are, or with other content. Where that
// is all of them there is nothing to stage, which takes three times as long.
func (tx *Tx) Known(ctx context.Context, series catalog.Series, first, last int64, source Source) (Staged, error) {
	var m matches
	_, err := tx.reading(ctx, source, false, func(ctx context.Context, call string) (_ int64, err error) {
		statement := fmt.Sprintf(sqlStagedKnownCount, "(\n"+tx.db.table.known(call)+"\n)")
		m, err = tx.matches(ctx, statement, series.Symbol, string(series.Market), first, last)
		return 0, err
	})
	return Staged{Duplicate: m.same, Conflict: m.different, Example: m.example}, err
}

// firstOfEach leaves of each id the first row in the table staged, and counts the others.
func (tx *Tx) firstOfEach(ctx context.Context, source Source) (matches, error) {
	if o, ok := source.(Ordered); ok && o.Increasing() {
		_, err := tx.exec(ctx, "ALTER TABLE staged_all RENAME TO staged")
		return matches{example: -1}, err
	}
	if _, err := tx.exec(ctx, sqlStaged); err != nil {
		return matches{}, err
	}
	return tx.matches(ctx, sqlStagedRepeats)
}

// matches counts rows that meet another with their id.
type matches struct{ same, different, example int64 }

func (tx *Tx) matches(ctx context.Context, statement string, args ...any) (matches, error) {
	m, err := queryOne(ctx, tx.tx, statement, func(r scanner) (matches, error) {
		var m matches
		return m, r.Scan(&m.same, &m.different, &m.example)
	}, args...)
	if err != nil {
		return m, tx.fail(err)
	}
	return m, nil
}

// findKnown notes in the table staged_known which of the staged ids the table holds, and counts them. all is whether it holds every one.
func (tx *Tx) findKnown(ctx context.Context, series catalog.Series) (known matches, all bool, err error) {
	type span struct{ first, last, rows int64 }
	ids, err := queryOne(ctx, tx.tx, sqlStagedSpan, func(r scanner) (span, error) {
		var s span
		return s, r.Scan(&s.first, &s.last, &s.rows)
	})
	if err != nil {
		return matches{}, false, tx.fail(err)
	}
	if _, err := tx.exec(ctx, "CREATE TEMP TABLE staged_known AS\n"+tx.db.table.known("staged"), series.Symbol, string(series.Market), ids.first, ids.last); err != nil {
		return matches{}, false, err
	}
	known, err = tx.matches(ctx, fmt.Sprintf(sqlStagedKnownCount, "staged_known"))
	return known, known.same+known.different == ids.rows, err
}

func (tx *Tx) dropStaging(ctx context.Context) error {
	for _, table := range []string{"staged_all", "staged", "staged_known"} {
		if _, err := tx.exec(ctx, "DROP TABLE IF EXISTS "+table); err != nil {
			return err
		}
	}
	return nil
}

// known is the query for the ids from somewhere that the table holds, and whether with the same content.
func (t Table) known(from string) string {
	return "SELECT r.agg_trade_id, bool_or(" + t.sameContent() + ") AS same\nFROM " + from + " AS r\nJOIN " + tradesTable +
		" AS e ON e.agg_trade_id = r.agg_trade_id\nWHERE " + t.inSeries() + " AND e.agg_trade_id BETWEEN $3 AND $4\nGROUP BY r.agg_trade_id"
}

// insertStaged is the statement that writes the staged rows whose ids the table does not hold, in the order of their ids.
func (t Table) insertStaged() string {
	return t.insert("staged AS r", "\n    AND NOT EXISTS (SELECT 1 FROM staged_known AS k WHERE k.agg_trade_id = r.agg_trade_id)\nORDER BY r.agg_trade_id")
}
