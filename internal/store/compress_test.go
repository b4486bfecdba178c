package store

import (
	"path/filepath"
	"testing"
)

// TestSymbolsAreCompressed shows that FSST is not needed: a column of one symbol is a dictionary, in databases of ours and in those
// of a newer storage version, which know only another kind of it.
func TestSymbolsAreCompressed(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func() *DB{
		"a database of ours": func() *DB { return created(t) },
		"a database of the newest storage version": func() *DB {
			path := filepath.Join(t.TempDir(), "newest.duckdb")
			written(t, "ATTACH '"+path+"' AS newest (STORAGE_VERSION 'latest')", "USE newest", sqlSchemaAggtrades, sqlSchemaLedger)
			return opened(t, path)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open()
			inserted(t, db, um("BTCUSDT"), trades(1, 300_000))
			segments := "SELECT count(*) FROM pragma_storage_info('aggtrades_history') WHERE column_name = 'symbol' AND segment_type = 'VARCHAR'"
			if n := count(t, db, segments); n == 0 {
				t.Fatal("no segment of symbols")
			}
			if n := count(t, db, segments+" AND lower(compression) NOT IN ('dictionary', 'dict_fsst')"); n != 0 {
				t.Errorf("%d segments of symbols are no dictionary", n)
			}
		})
	}
}

func TestFSSTIsNotTried(t *testing.T) {
	t.Parallel()
	db := created(t)
	if n := count(t, db, "SELECT count(*) WHERE lower(current_setting('disabled_compression_methods')) = 'fsst'"); n != 1 {
		t.Error("the setting is not in force")
	}
}
