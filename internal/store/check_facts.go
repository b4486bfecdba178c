package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
)

// Scope narrows a question to some series; the zero Scope is all of them.
type Scope struct {
	Symbols []string
	Market  catalog.Market // does not narrow a table that has no market column
}

// All reports whether the scope is all series.
func (s Scope) All() bool { return len(s.Symbols) == 0 && s.Market == "" }

// Holds reports whether a series is in the scope.
func (s Scope) Holds(c catalog.Series) bool {
	return (s.Market == "" || s.Market == c.Market) && (len(s.Symbols) == 0 || slices.Contains(s.Symbols, c.Symbol))
}

// where is the scope as a condition on e, with its parameters numbered from first on.
func (t Table) where(s Scope, first int) (string, []any) {
	var conditions []string
	var args []any
	if len(s.Symbols) > 0 {
		var marks []string
		for _, symbol := range s.Symbols {
			marks = append(marks, fmt.Sprintf("$%d", first+len(args)))
			args = append(args, symbol)
		}
		conditions = append(conditions, t.text("symbol")+" IN ("+strings.Join(marks, ", ")+")")
	}
	if s.Market != "" && t.HasMarket() {
		conditions = append(conditions, fmt.Sprintf("%s = $%d", t.text("market"), first+len(args)))
		args = append(args, string(s.Market))
	}
	if len(conditions) == 0 {
		return "true", nil
	}
	return strings.Join(conditions, " AND "), args
}

// text is a column of e that can be compared with any text. Only what needs a cast has one, since zone maps do not see through it.
func (t Table) text(name string) string {
	if c, _ := t.Column(name); c.Type == "VARCHAR" {
		return "e." + name
	}
	return "CAST(e." + name + " AS VARCHAR)"
}

// Newest is the time of the newest trade; false where there is no row. DuckDB takes it from the statistics of each row group, or from the rows
// where some were deleted.
func (db *DB) Newest(ctx context.Context) (time.Time, bool, error) {
	return db.newest(ctx, sqlCheckNewest)
}

// NewestSince is the time of the scope's newest trade at or after since; false where there is none. It reads no more than the row groups
// that hold such times, and nothing where the statistics of the table know of none.
func (db *DB) NewestSince(ctx context.Context, scope Scope, since time.Time) (time.Time, bool, error) {
	condition, args := db.table.where(scope, 2)
	return db.newest(ctx, fmt.Sprintf(sqlCheckNewestSince, condition), append([]any{since.UnixMicro()}, args...)...)
}

func (db *DB) newest(ctx context.Context, statement string, args ...any) (time.Time, bool, error) {
	us, err := queryOne(ctx, db.conn, statement, func(r scanner) (sql.NullInt64, error) {
		var n sql.NullInt64
		return n, r.Scan(&n)
	}, args...)
	if err != nil {
		return time.Time{}, false, explain(db.path, err)
	}
	if !us.Valid {
		return time.Time{}, false, nil
	}
	return time.UnixMicro(us.Int64).UTC(), true, nil
}

// ReadBlocks reads every row of every table, and with it every block that holds some, whose checksum DuckDB then compares; it gives the number
// of tables. A damaged block is an [Error] of KindCorrupt. said is told the name of each table before it is read.
func (db *DB) ReadBlocks(ctx context.Context, said func(table string)) (int, error) {
	tables, err := query(ctx, db.conn, sqlCheckTables, func(r scanner) (string, error) {
		var schema, table string
		err := r.Scan(&schema, &table)
		return quoted(schema) + "." + quoted(table), err
	})
	if err != nil {
		return 0, explain(db.path, err)
	}
	for _, table := range tables {
		said(table)
		if err := db.drain(ctx, fmt.Sprintf(sqlCheckBlock, table)); err != nil {
			return 0, explain(db.path, fmt.Errorf("read table %s: %w", table, err))
		}
	}
	return len(tables), nil
}

// drain runs a statement whose result nobody wants.
func (db *DB) drain(ctx context.Context, statement string) (err error) {
	rows, err := db.conn.QueryContext(ctx, statement)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := rows.Close(); err == nil {
			err = cerr
		}
	}()
	for rows.Next() { // the values do not matter, only that they can be read
		continue
	}
	return rows.Err()
}

// quoted is a name that the catalog holds, as SQL has it.
func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
