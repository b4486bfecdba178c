package store

import (
	"bytes"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// wideDatabase makes a database with more metadata than fits into a block, of which a part was dropped again, and gives the blocks that DuckDB says the
// metadata is in.
func wideDatabase(tb testing.TB) (path string, blocks []uint64) {
	tb.Helper()
	path = filepath.Join(tb.TempDir(), "t.duckdb")
	must := func(err error) {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
	}
	db, err := sql.Open("duckdb", "?threads=1")
	must(err)
	var columns string
	for i := range 100 {
		columns += fmt.Sprintf(", %d AS c%[1]d", i)
	}
	db.SetMaxOpenConns(1)
	for _, statement := range []string{
		"ATTACH '" + path + "' AS t (ROW_GROUP_SIZE 2048)", "USE t", // so that few rows make many row groups
		"CREATE TABLE dropped AS SELECT range AS i, hash(range) AS h FROM range(500000)",
		"CREATE TABLE kept AS SELECT range AS i" + columns + " FROM range(100000)",
		"CREATE TABLE small AS FROM range(9)", "CHECKPOINT", "DROP TABLE dropped", "CHECKPOINT",
	} {
		_, err := db.ExecContext(tb.Context(), statement)
		must(err)
	}
	conn, err := db.Conn(tb.Context())
	must(err)
	blocks, err = query(tb.Context(), conn, "SELECT block_id FROM pragma_metadata_info()", func(r scanner) (uint64, error) {
		var block uint64
		return block, r.Scan(&block)
	})
	must(errors.Join(err, conn.Close(), db.Close()))
	slices.Sort(blocks)
	return path, blocks
}

// TestVerifyMetadata: the blocks that are verified are those that DuckDB says its metadata is in, and any bit of them that is not what it was is noticed.
func TestVerifyMetadata(t *testing.T) {
	t.Parallel()
	path, want := wideDatabase(t)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := VerifyMetadata(path); err != nil {
		t.Fatal(err)
	}
	got, err := verifyMetadata(bytes.NewReader(data), int64(len(data)))
	slices.Sort(got)
	if diff := cmp.Diff(want, got); err != nil || diff != "" || len(want) < 2 {
		t.Fatalf("%v, blocks (-DuckDB's +ours):\n%s", err, diff)
	}
	const block = 256 << 10
	verified := func(data []byte) error {
		_, err := verifyMetadata(bytes.NewReader(data), int64(len(data)))
		return err
	}
	flipped := func(at int) error {
		data[at] ^= 0x10
		defer func() { data[at] ^= 0x10 }()
		return verified(data)
	}
	for number := range uint64((len(data) - leastDatabase) / block) {
		start := leastDatabase + int(number)*block
		if !slices.Contains(want, number) {
			if err := flipped(start + 100); err != nil {
				t.Errorf("a bit of block %d, which holds no metadata: %v", number, err)
			}
			continue
		}
		for _, at := range []int{0, 100, block / 2, block - 1} {
			if err := flipped(start + at); !errors.Is(err, errMetadata) {
				t.Errorf("a bit of block %d at %d: %v", number, at, err)
			}
		}
	}
	for _, at := range []int{headerSize, headerSize + 8, 2*headerSize + 16, 3*headerSize - 1} {
		if err := flipped(at); !errors.Is(err, errMetadata) {
			t.Errorf("a bit of a header at %d: %v", at, err)
		}
	}
	for _, size := range []int{0, headerSize, leastDatabase - 1, leastDatabase, leastDatabase + block, leastDatabase + (int(slices.Max(want))+1)*block - 1} {
		if err := verified(data[:size]); !errors.Is(err, errMetadata) && !errors.Is(err, io.EOF) {
			t.Errorf("cut to %d bytes: %v", size, err)
		}
	}
}

// TestVerifyMetadataOfFreedBlocks: a database whose last blocks were freed and cut off, so that its header tells of more than there are, is as sound as before.
func TestVerifyMetadataOfFreedBlocks(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "t.duckdb")
	if err := Create(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"SELECT 1", "INSERT INTO ingestion_log (file_path, symbol) VALUES ('x', 'y')", "DELETE FROM ingestion_log"} {
		db, err := Open(t.Context(), path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = db.conn.ExecContext(t.Context(), statement)
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		if err := VerifyMetadata(path); err != nil {
			t.Errorf("after %s: %v", statement, err)
		}
	}
}

// FuzzVerifyMetadata: whatever lies in a file, its metadata is read in bounded time and memory.
func FuzzVerifyMetadata(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0}, uint64(0), uint64(2), uint64(16<<10))
	f.Add(bytes.Repeat([]byte{0, 0xff}, 99), uint64(1)<<pieceShift, uint64(1), uint64(256<<10))
	f.Fuzz(func(t *testing.T, content []byte, freeList, blocks, blockSize uint64) {
		m := metadata{freeList: freeList, blocks: blocks%8 + 1, blockSize: max(16<<10, min(blockSize, 256<<10)) &^ 7}
		m.buffer = make([]byte, m.blockSize)
		file := make([]byte, leastDatabase+m.blocks*m.blockSize)
		copy(file[leastDatabase+checksumSize:], content)
		for number := range m.blocks { // with the right checksum, lest the fuzzer never comes any further
			block := file[leastDatabase+number*m.blockSize:][:m.blockSize]
			binary.LittleEndian.PutUint64(block, checksum(block))
		}
		m.file = bytes.NewReader(file)
		if list, err := m.list(); err == nil && 16*uint64(len(list)) > piecesInABlock*m.blocks*m.blockSize {
			t.Errorf("%d entries in %d blocks", len(list), m.blocks)
		}
	})
}
