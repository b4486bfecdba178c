package scan_test

import (
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/check-ingest/check-ingest/ingest/aggtrades"
	"github.com/check-ingest/check-ingest/ingest/scan"
	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// TestHostileText: content that means to take all memory or time is refused at the first line that is no row, in a plain file as in one that unpacks to
// ten thousand times its size.
func TestHostileText(t *testing.T) {
	t.Parallel()
	const row = "1,42000.5,0.001,1,1,1704067200000,true,true\n"
	tests := map[string]struct {
		text  string
		times int
		kind  error
		says  string
	}{
		"one line without an end":   {"x", 20 << 20, source.ErrLineTooLong, ": line 1: "},
		"digits without an end":     {"1", 20 << 20, source.ErrLineTooLong, ": line 1: "},
		"commas without an end":     {",", 20 << 20, source.ErrLineTooLong, ": line 1: "},
		"ten million empty lines":   {"\n", 10_000_000, aggtrades.ErrEmptyLine, ": line 1: "},
		"ten million bare CRs":      {"\r", 10_000_000, source.ErrLineTooLong, ": line 1: "},
		"NULs":                      {"\x00", 10_000_000, source.ErrLineTooLong, ": line 1: "},
		"NULs in lines":             {"\x00\x00\x00\n", 1_000_000, aggtrades.ErrHeader, ": line 1: "},
		"a NUL in a row":            {strings.Replace(row, "0.001", "0.0\x001", 1), 2, aggtrades.ErrNumber, ": line 1: "},
		"a row that NULs follow":    {row + strings.Repeat("\x00", 4096), 1, aggtrades.ErrTruncated, ": line 2: "},
		"a row of a hundred fields": {strings.Repeat("1,", 100) + "\n", 1000, aggtrades.ErrColumns, ": line 1: "},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			plain := january().Name(synth.Plain)
			for _, ending := range []string{"", ".gz"} {
				path := filepath.Join(dir, plain+ending)
				f, err := os.Create(path)
				if err != nil {
					t.Fatal(err)
				}
				if ending == "" {
					err = pour(f.Write, tc.text, tc.times)
				} else {
					z := gzip.NewWriter(f)
					err = errors.Join(pour(z.Write, tc.text, tc.times), z.Close())
				}
				if err := errors.Join(err, f.Close()); err != nil {
					t.Fatal(err)
				}
				_, err = scan.Verify(t.Context(), found(t, path), scan.Options{MaxUnpacked: 1 << 30}, 1)
				if !errors.Is(err, tc.kind) || !strings.Contains(err.Error(), plain+ending+tc.says) || len(err.Error()) > 1000 {
					t.Errorf("%s: %v, want %v at %q", ending, err, tc.kind, tc.says)
				}
			}
		})
	}
}

// pour writes text so many times, in large pieces.
func pour(write func([]byte) (int, error), text string, times int) error {
	for times > 0 {
		n := min(times, max(1, (1<<16)/len(text)))
		if _, err := write([]byte(strings.Repeat(text, n))); err != nil {
			return err
		}
		times -= n
	}
	return nil
}
