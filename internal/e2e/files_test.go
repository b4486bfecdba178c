package e2e

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func write(tb testing.TB, path, text string) {
	tb.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		tb.Fatal(err)
	}
}

func rename(tb testing.TB, from, to string) {
	tb.Helper()
	if err := os.Rename(from, to); err != nil {
		tb.Fatal(err)
	}
}

func copyFile(tb testing.TB, from, to string) {
	tb.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		tb.Fatal(err)
	}
	write(tb, to, string(text))
}

// remove removes a database and all that lies beside it.
func remove(tb testing.TB, path string) {
	tb.Helper()
	left, err := filepath.Glob(path + "*")
	if err != nil {
		tb.Fatal(err)
	}
	for _, l := range left {
		if err := os.RemoveAll(l); err != nil {
			tb.Fatal(err)
		}
	}
}

// forget removes a symbol's entries from the ledger, as if something else had written its rows.
func forget(tb testing.TB, path, symbol string) {
	tb.Helper()
	if err := change(tb.Context(), path, "DELETE FROM ingestion_log WHERE symbol = ?", symbol); err != nil {
		tb.Fatal(err)
	}
}

// change executes a statement.
func change(ctx context.Context, path, statement string, args ...any) error {
	pool, err := sql.Open("duckdb", path)
	if err != nil {
		return err
	}
	_, err = pool.ExecContext(ctx, statement, args...)
	return errors.Join(err, pool.Close())
}
