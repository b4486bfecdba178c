package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// TestDamagedDatabase has a load refuse what is no sound database, and leave it as it is to the byte.
func TestDamagedDatabase(t *testing.T) {
	t.Parallel()
	flip := func(at int) func(db []byte) []byte {
		return func(db []byte) []byte {
			db[at] ^= 1
			return db
		}
	}
	cut := func(size int) func(db []byte) []byte {
		return func(db []byte) []byte { return db[:min(size, len(db))] }
	}
	become := func(text string) func([]byte) []byte { return func([]byte) []byte { return []byte(text) } }
	const damaged, foreign = "is damaged", "is not a DuckDB database; correct --db"
	tests := map[string]struct {
		change func(db []byte) []byte
		says   string // by a load; a dry run reads little of a database and may not notice where its last block ends too early
	}{
		"a flipped byte in the main header":   {flip(100), damaged},
		"a flipped byte in the first header":  {flip(4096 + 20), damaged},
		"a flipped byte in the second header": {flip(8192 + 20), damaged},
		"cut after 100 bytes":                 {cut(100), damaged},
		"cut after the headers":               {cut(12288), damaged},
		"cut in half":                         {func(db []byte) []byte { return db[:len(db)/2] }, damaged},
		"a byte too short":                    {func(db []byte) []byte { return db[:len(db)-1] }, damaged},
		"empty":                               {cut(0), foreign},
		"zeros":                               {func(db []byte) []byte { return make([]byte, len(db)) }, foreign},
		"text":                                {become("no database\n"), foreign},
		"SQLite's":                            {become("SQLite format 3\x00" + strings.Repeat("\x00", 4096)), "is an SQLite database, not one of DuckDB"},
		"Parquet":                             {become("PAR1" + strings.Repeat("x", 4096) + "PAR1"), foreign},
		"a newer storage version":             {newer, "was written by a newer version of DuckDB; upgrade check-ingest"},
	}
	sound := newWorld(t)
	next := sound.make(t, spec(catalog.UM, "BTCUSDT", january, 20_000, 1), synth.Plain)
	sound.run(t, 0)
	sound.make(t, next, synth.Plain)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.data = sound.data
			db, err := os.ReadFile(sound.db)
			if err != nil {
				t.Fatal(err)
			}
			write(t, w.db, string(tt.change(db)))
			before := sum(t, w.db)
			for _, flag := range []string{"--replace", "--dry-run"} {
				if flag == "--dry-run" && name == "a byte too short" {
					continue
				}
				if out := w.run(t, 3, flag); !strings.Contains(out, w.db+" "+tt.says) {
					t.Errorf("%s: it said: %s", flag, out)
				}
			}
			if sum(t, w.db) != before {
				t.Error("the file was changed")
			}
			if left, _ := filepath.Glob(w.db + ".[^l]*"); len(left) > 0 { // a snapshot of its ledger is allowed
				t.Errorf("it made %v", left)
			}
		})
	}
}

// TestDamagedBlock has a bit flipped in each block of a database in turn, which is not noticed when it is opened. A load into it either says so and
// changes nothing, or does not read that block, and then adds its rows and harms no other.
func TestDamagedBlock(t *testing.T) {
	t.Parallel()
	const header, block = 12288, 262144
	sound := newWorld(t)
	next := sound.make(t, spec(catalog.UM, "BTCUSDT", january, 20_000, 1), synth.Plain)
	sound.run(t, 0)
	sound.make(t, next, synth.Plain)
	db, err := os.ReadFile(sound.db)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for at := header + 4096; at < len(db); at += block {
		w := newWorld(t)
		w.data = sound.data
		damaged := bytes.Clone(db)
		damaged[at] ^= 1
		write(t, w.db, string(damaged))
		before := sum(t, w.db)
		var out bytes.Buffer
		switch code := exitCode(t, w.command(t.Context(), &out).Run()); code {
		case 0:
		case 3:
			refused++
			if !strings.Contains(out.String(), "is damaged: a block's checksum does not match; restore it from a backup") {
				t.Errorf("block at %d: it said: %s", at, &out)
			}
			if sum(t, w.db) != before {
				t.Errorf("block at %d: the file was changed", at)
			}
		default:
			t.Errorf("block at %d: exit code %d: %s", at, code, &out)
		}
	}
	t.Logf("%d of %d blocks: refused", refused, (len(db)-header)/block)
}

// newer is a database of a later storage version than this DuckDB knows, with a checksum that fits.
func newer(db []byte) []byte {
	binary.LittleEndian.PutUint64(db[12:], 200)
	sum := uint64(5381)
	for i := 8; i < 4096; i += 8 {
		sum ^= binary.LittleEndian.Uint64(db[i:]) * 0xbf58476d1ce4e5b9
	}
	binary.LittleEndian.PutUint64(db, sum)
	return db
}

func sum(tb testing.TB, path string) string {
	tb.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	s := sha256.Sum256(data)
	return fmt.Sprint(len(data), hex.EncodeToString(s[:]))
}
