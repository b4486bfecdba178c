package store

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// magic is the beginning of a DuckDB file of a storage version, with flags, cut or padded to size bytes.
func magic(version, flags uint64, size int) string {
	head := make([]byte, max(size, headerSize))
	copy(head[magicAt:], "DUCK")
	binary.LittleEndian.PutUint64(head[versionAt:], version)
	binary.LittleEndian.PutUint64(head[flagsAt:], flags)
	return string(head[:size])
}

func TestRecognize(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		content string
		kind    Kind
		says    string
	}{
		"nothing":                 {"", KindNotDuckDB, "is empty and no database"},
		"one byte":                {"D", KindNotDuckDB, "is not a DuckDB database but text"},
		"the magic cut short":     {magic(64, 0, 11), KindNotDuckDB, "is not a DuckDB database but something else"},
		"the magic and no more":   {magic(64, 0, 12), KindCorrupt, "is damaged: it has 12 bytes, and no database has less than 12,288"},
		"one byte too few":        {magic(64, 0, leastDatabase-1), KindCorrupt, "is damaged: it has 12,287 bytes"},
		"as small as can be":      {magic(64, 0, leastDatabase), KindOther, ""},
		"the newest version":      {magic(newestStorage, 0, leastDatabase), KindOther, ""},
		"a newer version":         {magic(newestStorage+1, 0, leastDatabase), KindNewer, "storage version 69, this program reads up to 68"},
		"an encrypted database":   {magic(68, 1, leastDatabase), KindEncrypted, "is encrypted"},
		"a SQLite database":       {"SQLite format 3\x00" + strings.Repeat("\x00", 5000), KindNotDuckDB, "is not a DuckDB database but an SQLite database"},
		"a Parquet file":          {"PAR1\x15\x00", KindNotDuckDB, "but a Parquet file"},
		"a zip archive":           {"PK\x03\x04\x14", KindNotDuckDB, "but a zip archive"},
		"gzip":                    {"\x1f\x8b\x08", KindNotDuckDB, "but gzip data"},
		"zstd":                    {"\x28\xb5\x2f\xfd", KindNotDuckDB, "but zstd data"},
		"an error page":           {"<html><body>404", KindNotDuckDB, "but an HTML or XML page"},
		"trades":                  {"1,2.0,3.0,4,5,6,true\n", KindNotDuckDB, "but text"},
		"bytes of no known kind":  {"\x00\x01\x02\x03", KindNotDuckDB, "but something else"},
		"text with a byte of DEL": {"abc\x7f", KindNotDuckDB, "but something else"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "t.duckdb")
			if err := os.WriteFile(path, []byte(tc.content), 0o600); err != nil {
				t.Fatal(err)
			}
			err := Recognize(path)
			if tc.says == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || KindOf(err) != tc.kind || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%v of kind %d, want %q of kind %d", err, KindOf(err), tc.says, tc.kind)
			}
		})
	}
}

func TestRecognizeWhatIsNoFile(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{fifo, t.TempDir()} {
		if err := Recognize(path); KindOf(err) != KindNotRegular {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestNewestStorage keeps the constant what the linked DuckDB says: it writes no newer version, and refuses the next.
func TestNewestStorage(t *testing.T) {
	t.Parallel()
	path := sound(t)
	db, err := OpenToCheck(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	damage(t, path, func(b []byte) []byte { return restamped(b, newestStorage+1) })
	_, err = OpenReadOnly(t.Context(), path, Options{})
	if err == nil || !strings.Contains(strings.ToLower(errText(err)), "between 64 and 68") {
		t.Errorf("DuckDB says %v of version %d", errText(err), newestStorage+1)
	}
	if err := Recognize(path); KindOf(err) != KindNewer {
		t.Errorf("Recognize says %v", err)
	}
}

// errText is what DuckDB said, and not what we made of it.
func errText(err error) string {
	for {
		inner, ok := err.(interface{ Unwrap() error })
		if !ok || inner.Unwrap() == nil {
			return err.Error()
		}
		err = inner.Unwrap()
	}
}

// restamped gives the main header another storage version and the checksum that goes with it.
func restamped(b []byte, version uint64) []byte {
	binary.LittleEndian.PutUint64(b[versionAt:], version)
	sum := uint64(5381)
	for at := 8; at < headerSize; at += 8 {
		sum ^= binary.LittleEndian.Uint64(b[at:]) * 0xbf58476d1ce4e5b9
	}
	binary.LittleEndian.PutUint64(b, sum)
	return b
}

// TestEncrypted meets a database that DuckDB itself encrypted.
func TestEncrypted(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret.duckdb")
	written(t, "SET GLOBAL force_mbedtls_unsafe = 'true'", "ATTACH '"+path+"' AS secret (ENCRYPTION_KEY 'asdf')", "CREATE TABLE secret.t AS SELECT 1 AS i", "DETACH secret")
	if err := Recognize(path); KindOf(err) != KindEncrypted {
		t.Errorf("%v", err)
	}
}

// TestLogThatOnlyAWriterReplays: a killed writer left a CREATE INDEX in its log.
func TestLogThatOnlyAWriterReplays(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "t.duckdb")
	c := start(t, "index", path)
	c.kill(t)
	before := tree(t, filepath.Dir(path))
	_, err := OpenToCheck(t.Context(), path, Options{})
	if KindOf(err) != KindNeedsWriter || !strings.Contains(err.Error(), "only a writer can replay") {
		t.Fatalf("%v", err)
	}
	if diff := cmp.Diff(before, tree(t, filepath.Dir(path))); diff != "" {
		t.Errorf("the folder changed (-before +after):\n%s", diff)
	}
	opened(t, path)
}

// TestDamagedLogIsNamed: what is damaged is the log, and not the database.
func TestDamagedLogIsNamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "trades.duckdb")
	if err := Create(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	start(t, "commit-default", path).kill(t)
	damage(t, path+".wal", func(b []byte) []byte { return flip(len(b) / 2)(b) })
	_, err := OpenToCheck(t.Context(), path, Options{})
	if KindOf(err) != KindCorrupt || !strings.Contains(err.Error(), "has a damaged write-ahead log") {
		t.Errorf("%v", err)
	}
}
