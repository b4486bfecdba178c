package store

import (
	"os"
	"path/filepath"
	"strings"
)

// TempDirectory is the folder in which DuckDB puts what does not fit into memory while the database at path is written.
func TempDirectory(path string) string { return path + ".tmp" }

// spilled is how the names of DuckDB's temporary files begin.
const spilled = "duckdb_temp_"

// RemoveSpilled removes DuckDB's temporary files of processes that were killed while they wrote to this database, and tells what it removed. DuckDB
// itself never does. They are nobody's: the database is open for writing, and while it is no other process has it open. Files of other names stay.
func (db *DB) RemoveSpilled() (files int, bytes int64) {
	dir := TempDirectory(db.path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, 0 // mostly there is no such folder; where it cannot be read, DuckDB will say so once it needs it
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), spilled) {
			continue
		}
		info, err := e.Info()
		if err == nil && info.Mode().IsRegular() && os.Remove(filepath.Join(dir, e.Name())) == nil {
			files, bytes = files+1, bytes+info.Size()
		}
	}
	_ = os.Remove(dir) // it stays where something else is in it
	return files, bytes
}
