package store

import (
	"context"
	"database/sql"
	"fmt"
)

// querier is a connection or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// scanner is one row of a result.
type scanner interface {
	Scan(dest ...any) error
}

// query runs a statement and turns each row of its result into a value.
func query[T any](ctx context.Context, q querier, statement string, row func(scanner) (T, error), args ...any) (_ []T, err error) {
	rows, err := q.QueryContext(ctx, statement, args...)
	if err != nil {
		return nil, err
	}
	defer func() {
		if cerr := rows.Close(); err == nil {
			err = cerr
		}
	}()
	var out []T
	for rows.Next() {
		v, err := row(rows)
		if err != nil {
			return nil, fmt.Errorf("read result: %w", err)
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// queryOne is query for statements that give exactly one row.
func queryOne[T any](ctx context.Context, q querier, statement string, row func(scanner) (T, error), args ...any) (T, error) {
	var zero T
	rows, err := query(ctx, q, statement, row, args...)
	if err != nil {
		return zero, err
	}
	if len(rows) != 1 {
		return zero, fmt.Errorf("read result: %d rows, expected one", len(rows))
	}
	return rows[0], nil
}

func scanInt(r scanner) (int64, error) {
	var n int64
	return n, r.Scan(&n)
}

// CountAll is how many rows aggtrades_history has, which DuckDB knows without reading them.
func (db *DB) CountAll(ctx context.Context) (int64, error) {
	n, err := queryOne(ctx, db.conn, "SELECT count(*) FROM "+tradesTable, scanInt)
	return n, explain(db.path, err)
}

// Symbols are the symbols that have rows. It reads the whole column.
func (db *DB) Symbols(ctx context.Context) ([]string, error) {
	symbols, err := query(ctx, db.conn, "SELECT DISTINCT CAST(symbol AS VARCHAR) FROM "+tradesTable+" ORDER BY 1", func(r scanner) (string, error) {
		var s string
		return s, r.Scan(&s)
	})
	return symbols, explain(db.path, err)
}
