package load_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/check-ingest/check-ingest/ingest/load"
)

// TestDatabasePathThatIsNotUTF8: none is made.
func TestDatabasePathThatIsNotUTF8(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(t, "BTCUSDT-aggTrades-2024-03-01.csv", lines(t, "2024-03-01", 1, 1)[0])
	database := filepath.Join(t.TempDir(), "caf\xe9.duckdb")
	_, err := w.run(t, func(c *load.Config) { c.Database = database })
	if err == nil || !strings.Contains(err.Error(), "its path is not valid UTF-8, as DuckDB needs it; rename") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(database); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it made a database: %v", err)
	}
}

// TestPathThatIsNotUTF8 has a folder whose name is Latin-1. It is named and left aside; it used to end the process.
func TestPathThatIsNotUTF8(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(t, "caf\xe9/BTCUSDT-aggTrades-2024-03-01.csv", lines(t, "2024-03-01", 1, 1)[0])
	r, err := w.run(t)
	if !errors.Is(err, load.ErrNothing) {
		t.Errorf("%v, expected %v", err, load.ErrNothing)
	}
	if len(r.Ignored) != 1 || r.Totals.Loaded != 0 {
		t.Errorf("ignored %+v, loaded %d", r.Ignored, r.Totals.Loaded)
	}
}
