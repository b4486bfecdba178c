package store

import (
	"encoding/binary"
	"strings"
	"testing"
)

// FuzzRecognize: whatever a file begins with, it is told in one line what it is, or left to DuckDB if it looks like a database.
func FuzzRecognize(f *testing.F) {
	head := make([]byte, headerSize)
	copy(head[magicAt:], "DUCK")
	binary.LittleEndian.PutUint64(head[versionAt:], newestStorage)
	f.Add(head, int64(leastDatabase))
	f.Add([]byte("SQLite format 3\x00"), int64(16))
	f.Add([]byte("PK\x03\x04\n\x1b|"), int64(7))
	f.Add([]byte(nil), int64(0))
	f.Fuzz(func(t *testing.T, head []byte, size int64) {
		head = head[:min(len(head), headerSize)]
		err := recognize("/db", head, max(size, int64(len(head))))
		switch {
		case err == nil:
			if len(head) < versionAt || string(head[magicAt:versionAt]) != "DUCK" {
				t.Errorf("%q is taken for a database", head)
			}
		case KindOf(err) == KindOther, !strings.HasPrefix(err.Error(), "/db "), strings.ContainsAny(err.Error(), "\n\x1b|"):
			t.Errorf("%q", err)
		}
	})
}
