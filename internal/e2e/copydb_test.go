package e2e

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCopyFromDatabase: a copy that DuckDB makes, as docs/operations.md has it, is a database that the loader goes on with.
func TestCopyFromDatabase(t *testing.T) {
	t.Parallel()
	for _, scene := range []string{"loaded", "database of the scripts"} {
		t.Run(scene, func(t *testing.T) {
			t.Parallel()
			s := newSandbox(t, scene)
			s.run(t, 0)
			fresh := filepath.Join(s.dir, "new", "trades.duckdb")
			pool, err := sql.Open("duckdb", fresh)
			if err != nil {
				t.Fatal(err)
			}
			for _, q := range []string{"ATTACH '" + s.db + "' AS old (READ_ONLY)", "COPY FROM DATABASE old TO trades"} {
				if _, err := pool.ExecContext(t.Context(), q); err != nil {
					t.Errorf("%s: %v", q, err)
				}
			}
			if err := pool.Close(); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(fresh, s.db); err != nil {
				t.Fatal(err)
			}
			if out := s.run(t, 0); !strings.Contains(out, "Nothing to do: all 8 files are loaded.") {
				t.Errorf("the loader says %s", out)
			}
			if code, out := s.shell(t, "ingest-aggtrades verify"); code != 0 || !strings.Contains(out, "Sound: no defect, no warning.") {
				t.Errorf("exit code %d: %s", code, out)
			}
		})
	}
}
