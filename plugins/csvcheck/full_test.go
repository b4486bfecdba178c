package csvcheck

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/check-ingest/check-ingest/ingest/scan"
	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// TestFirstOfManyBadRows: of bad rows in several blocks, which several goroutines decode, the first is told.
func TestFirstOfManyBadRows(t *testing.T) {
	t.Parallel()
	d := newData(t)
	s := d.spec("2024-03-08")
	s.Rows = 60_000
	path := d.write(s, synth.Plain)
	d.edit(path, func(text string) string {
		lines := strings.SplitAfter(text, "\n")
		for n := 10_000; n < len(lines)-100; n += 1000 {
			lines[n] = strings.Replace(lines[n], ",", ",x", 1)
		}
		return strings.Join(lines, "")
	})
	for range 10 {
		found := inspect(t, Cmd{DataDir: d.dir, Full: true})
		if !found.bad() || !strings.Contains(found.err.Error(), "csv: line 10001: price \"x") {
			t.Fatal(found.err)
		}
	}
	if found := inspect(t, Cmd{DataDir: d.dir}); found.err != nil {
		t.Error("the quick look sees the middle:", found.err)
	}
}

// FuzzQuickAgreesWithFull: whatever the quick look calls bad the loader's scan does, too; and the other way round where it sees all of the file.
func FuzzQuickAgreesWithFull(f *testing.F) {
	day, err := period("2024-03-08")
	if err != nil {
		f.Fatal(err)
	}
	s := synth.Spec{Series: catalog.Series{Market: catalog.UM, Symbol: "BTCUSDT"}, Period: day, Rows: 40, FirstID: 1}
	for _, shape := range []synth.Shape{synth.UMHeader, synth.UMPlain, synth.SpotMillis, synth.SpotMicros} {
		s.Shape = shape
		text := synth.CSV(s)
		f.Add(text, uint8(0))
		f.Add(text[:300], uint8(0))
		f.Add(text[:len(text)-3], uint8(0))
		f.Add(text, uint8(1))
	}
	for _, text := range []string{"", "\n", "1,", "\xef\xbb\xbf", "PK\x03\x04", "<a>", "1,0,0,-1,-1,1709900000000,false\n", "\n1,2,3,4,5,1709900000000,true\n", strings.Repeat("0", 3000)} {
		f.Add([]byte(text), uint8(0))
		f.Add([]byte(text), uint8(1))
		f.Add([]byte(text), uint8(2))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte, form uint8) {
		file := source.File{Series: s.Series, Period: day, Path: filepath.Join(dir, fmt.Sprintf("BTCUSDT-aggTrades-2024-03-08-%d.csv", os.Getpid()))}
		seesAll := len(content) < edge
		switch form % 3 {
		case 1:
			file.Path, file.Format = strings.TrimSuffix(file.Path, ".csv")+".zip", source.ZIP
			name := strings.TrimSuffix(filepath.Base(file.Path), ".zip") + ".csv"
			content = []byte(data{tb: t}.archive(member{name, string(content)}))
		case 2:
			file.Path, file.Format = strings.TrimSuffix(file.Path, ".csv")+".zip", source.ZIP
			seesAll = false
		}
		if err := os.WriteFile(file.Path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		defer os.Remove(file.Path)
		got := quick(context.Background(), file, limits())
		want := scan.FirstError(context.Background(), file, scan.Options{Limits: limits()})
		switch {
		case got != nil && want == nil:
			t.Fatalf("the quick look says %v, the loader nothing", got)
		case seesAll && (got == nil) != (want == nil):
			t.Fatalf("the quick look says %v, the loader %v", got, want)
		case seesAll && got != nil && got.Error() != want.Error():
			t.Fatalf("the quick look says %v, the loader %v", got, want)
		}
	})
}
