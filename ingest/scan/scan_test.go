package scan_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/ingest/aggtrades"
	"github.com/check-ingest/check-ingest/ingest/scan"
	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// file is a file of January 2024 with this content.
func file(tb testing.TB, name, text string) source.File {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	return found(tb, path)
}

func found(tb testing.TB, path string) source.File {
	tb.Helper()
	symbol, period, format, err := source.ParseName(filepath.Base(path))
	if err != nil {
		tb.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		tb.Fatal(err)
	}
	return source.File{Path: path, Series: catalog.Series{Market: catalog.UM, Symbol: symbol}, Period: period, Format: format, Size: info.Size(), ModTime: info.ModTime()}
}

func january() synth.Spec {
	return synth.Spec{Series: catalog.Series{Market: catalog.UM, Symbol: "BTCUSDT"}, Period: catalog.MonthPeriod(2024, 1), Rows: 3000, FirstID: 100}
}

// summary is what can be compared of facts.
func summary(f scan.Facts) string {
	one := func(s aggtrades.Summary) string {
		return fmt.Sprintf("rows %d voided %d ids %d..%d times %d..%d increasing %t missing %d days %v", s.Rows, s.Voided, s.MinID, s.MaxID, s.FirstTime, s.LastTime, s.Increasing, s.IDsMissing(), s.DaysMissing())
	}
	return fmt.Sprintf("lines %d outside %d bytes %d\nkept: %s\nall: %s", f.Lines, f.Outside, f.BytesOut, one(f.Kept), one(f.All))
}

// TestFactsDoNotDependOnHowAFileIsCut verifies a file in every packing, with blocks of many sizes, on one and many goroutines.
func TestFactsDoNotDependOnHowAFileIsCut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keeps := map[string]func(catalog.Day) bool{
		"all days": nil,
		"some":     func(d catalog.Day) bool { return d%3 == 0 },
		"none":     func(catalog.Day) bool { return false },
	}
	for keepName, keep := range keeps {
		want := ""
		for _, packing := range []synth.Packing{synth.Plain, synth.Zip, synth.Gzip, synth.Zstd} {
			path, err := synth.WriteFile(filepath.Join(dir, keepName), synth.One, january(), packing)
			if err != nil {
				t.Fatal(err)
			}
			for _, size := range []int{512, 1000, 4096, scan.BlockSize} {
				for _, workers := range []int{1, 2, 7} {
					facts, err := scan.Verify(t.Context(), found(t, path), scan.Options{Keep: keep, Pool: source.NewPool(size)}, workers)
					if err != nil {
						t.Fatal(err)
					}
					if got := summary(facts); want == "" {
						want = got
					} else if got != want {
						t.Errorf("%s, %s, blocks of %d, %d workers:\n%s\nexpected\n%s", keepName, filepath.Base(path), size, workers, got, want)
					}
					if facts.Kept.Rows+facts.Outside+facts.All.Voided != facts.Lines || facts.Lines != 3000 {
						t.Errorf("%s: %d kept, %d outside, %d voided of %d lines", keepName, facts.Kept.Rows, facts.Outside, facts.All.Voided, facts.Lines)
					}
				}
			}
		}
	}
}

// TestOrderFollowsTheFile has each reader's rows say where in the file they stand, however the blocks are shared out.
func TestOrderFollowsTheFile(t *testing.T) {
	t.Parallel()
	f := file(t, "BTCUSDT-aggTrades-2024-01.csv", string(synth.CSV(january())))
	s := scan.Open(t.Context(), f, scan.Options{Pool: source.NewPool(600)})
	defer s.Close()
	readers := []*scan.Reader{s.Reader(7), s.Reader(100), s.Reader(1)}
	places := map[int64]int64{} // by id
	for open := len(readers); open > 0; {
		open = 0
		for _, r := range readers {
			rows, first, err := r.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if rows.N > 0 {
				open++
			}
			for i, id := range rows.ID[:rows.N] {
				places[id] = first + int64(i)
			}
		}
	}
	if len(places) != 3000 {
		t.Fatalf("%d rows", len(places))
	}
	for id := int64(101); id < 3100; id++ {
		if places[id] <= places[id-1] {
			t.Fatalf("row %d stands at %d, the one before it at %d", id, places[id], places[id-1])
		}
	}
	if s.Rows() != 3000 || s.BytesIn() != f.Size {
		t.Errorf("%d rows and %d bytes, expected 3000 and %d", s.Rows(), s.BytesIn(), f.Size)
	}
}

// TestIDsThatGoBack are found in a block and between two, where that is asked for.
func TestIDsThatGoBack(t *testing.T) {
	t.Parallel()
	rows := strings.SplitAfter(string(synth.CSV(january())), "\n")
	for _, at := range []int{1, 2, 50, 1500, 2998} {
		swapped := append([]string{}, rows...)
		swapped[at], swapped[at+1] = swapped[at+1], swapped[at]
		f := file(t, "BTCUSDT-aggTrades-2024-01.csv", strings.Join(swapped, ""))
		for _, size := range []int{512, 513, 600, 2048, scan.BlockSize} {
			for _, workers := range []int{1, 3} {
				_, err := scan.Verify(t.Context(), f, scan.Options{Increasing: true, Pool: source.NewPool(size)}, workers)
				if !errors.Is(err, scan.ErrOrder) || !strings.HasPrefix(err.Error(), "BTCUSDT-aggTrades-2024-01.csv: ") {
					t.Errorf("rows %d and %d, blocks of %d: %v", at, at+1, size, err)
				}
			}
			facts, err := scan.Verify(t.Context(), f, scan.Options{Pool: source.NewPool(size)}, 2)
			if err != nil || facts.All.Increasing || facts.Kept.Rows != 3000 {
				t.Errorf("where it is not asked for: %+v, %v", facts, err)
			}
		}
	}
	good := file(t, "BTCUSDT-aggTrades-2024-01.csv", strings.Join(rows, ""))
	if _, err := scan.Verify(t.Context(), good, scan.Options{Increasing: true, Pool: source.NewPool(512)}, 3); err != nil {
		t.Error(err)
	}
}

// badRows is CSV text with these lines, counted from 1, made bad.
func badRows(at ...int) string {
	rows := strings.SplitAfter(string(synth.CSV(january())), "\n")
	for _, n := range at {
		rows[n-1] = "x" + rows[n-1]
	}
	return strings.Join(rows, "")
}

// wrongCRC is a zip of text with another CRC than that of the text.
func wrongCRC(tb testing.TB, name, text string) string {
	tb.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.CreateRaw(&zip.FileHeader{
		Name: name, Method: zip.Store, CRC32: crc32.ChecksumIEEE([]byte(text)) + 1, CompressedSize64: uint64(len(text)), UncompressedSize64: uint64(len(text)),
	})
	if err == nil {
		_, err = w.Write([]byte(text))
	}
	if err = errors.Join(err, z.Close()); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

// TestFirstError is the same each time, and that of the first bad row, wherever else the file is bad.
func TestFirstError(t *testing.T) {
	t.Parallel()
	const csv, archive = "BTCUSDT-aggTrades-2024-01.csv", "BTCUSDT-aggTrades-2024-01.zip"
	tests := map[string]struct {
		file source.File
		says string
		or   string // what large blocks may say: the last one is not given out where its end is bad
	}{
		"several bad rows":                 {file(t, csv, badRows(2900, 1700, 1701, 3000)), csv + ": line 1700: agg_trade_id ", ""},
		"a bad row at the end":             {file(t, csv, badRows(3001)), csv + ": line 3001: agg_trade_id ", ""},
		"cut off, and a bad row":           {file(t, csv, strings.TrimSuffix(badRows(2000), "\n")), csv + ": line 2000: ", ""},
		"a wrong CRC":                      {file(t, archive, wrongCRC(t, csv, badRows())), archive + ": its content has CRC-32 ", ""},
		"a wrong CRC and a bad row":        {file(t, archive, wrongCRC(t, csv, badRows(2800))), archive + ": line 2800: ", archive + ": its content has CRC-32 "},
		"a wrong CRC and an early bad row": {file(t, archive, wrongCRC(t, csv, badRows(3))), archive + ": line 3: ", archive + ": its content has CRC-32 "},
		"an empty line":                    {file(t, csv, badRows()+"\n"), csv + ": line 3002: empty line", ""},
		"a header and no row":              {file(t, csv, synth.Header+"\n"), csv + ": the file has no rows", ""},
		"nothing":                          {file(t, csv, ""), csv + ": the file is empty", ""},
		"a page":                           {file(t, csv, "<html>"), csv + ": an HTML or XML page", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, size := range []int{512, 5000, scan.BlockSize} {
				first := ""
				for i := range 20 {
					o := scan.Options{Pool: source.NewPool(size), Ahead: 1 + i}
					err := scan.FirstError(t.Context(), tt.file, o)
					says := tt.says
					if tt.or != "" && size == scan.BlockSize {
						says = tt.or
					}
					if err == nil || !strings.HasPrefix(err.Error(), says) {
						t.Fatalf("blocks of %d: %v, expected %q", size, err, says)
					}
					if first == "" {
						first = err.Error()
					}
					if err.Error() != first {
						t.Fatalf("blocks of %d: now %v, before %s", size, err, first)
					}
					if _, err := scan.Verify(t.Context(), tt.file, o, 4); err == nil {
						t.Fatalf("blocks of %d: on several goroutines the file is good", size)
					}
				}
			}
		})
	}
	if err := scan.FirstError(t.Context(), file(t, csv, badRows()), scan.Options{}); err != nil {
		t.Errorf("a good file: %v", err)
	}
}

func TestErrorsCanBeToldApart(t *testing.T) {
	t.Parallel()
	const csv = "BTCUSDT-aggTrades-2024-01.csv"
	var row *aggtrades.RowError
	err := scan.FirstError(t.Context(), file(t, csv, badRows(7)), scan.Options{})
	if !errors.As(err, &row) || row.Line != 7 || row.Field != "agg_trade_id" || !errors.Is(err, aggtrades.ErrNumber) {
		t.Errorf("a bad row: %+v", err)
	}
	var named *scan.Error
	if !errors.As(err, &named) || filepath.Base(named.Path) != csv {
		t.Errorf("a bad row: %+v", err)
	}
	wide := file(t, csv, strings.Replace(badRows(), ",true\n", ",true\n3100,1,12345678901,1,1,1706659199999,true\n", 1))
	if err := scan.FirstError(t.Context(), wide, scan.Options{Limits: aggtrades.Limits{Quantity: 1e18 - 1}}); !errors.Is(err, aggtrades.ErrTooWide) {
		t.Errorf("a wide number: %v", err)
	}
	gone := file(t, csv, badRows())
	gone.Path += ".gone"
	if err := scan.FirstError(t.Context(), gone, scan.Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is gone: %v", err)
	}
	var z bytes.Buffer
	w := zip.NewWriter(&z)
	m, err := w.Create(csv)
	if err == nil {
		_, err = m.Write([]byte(badRows()))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	bomb := file(t, "BTCUSDT-aggTrades-2024-01.zip", z.String())
	if err := scan.FirstError(t.Context(), bomb, scan.Options{MaxUnpacked: 1000}); !errors.Is(err, source.ErrTooLarge) {
		t.Errorf("more than is allowed: %v", err)
	}
}

func TestPanicIsAnError(t *testing.T) {
	t.Parallel()
	f := file(t, "BTCUSDT-aggTrades-2024-01.csv", badRows())
	_, err := scan.Verify(t.Context(), f, scan.Options{Keep: func(catalog.Day) bool { panic("boom") }}, 3)
	if err == nil || !strings.Contains(err.Error(), "panic: boom") {
		t.Errorf("%v", err)
	}
}

// TestClosedInTheMiddle leaves no goroutine behind: the bubble would wait for it and say so.
func TestClosedInTheMiddle(t *testing.T) {
	t.Parallel()
	f := file(t, "BTCUSDT-aggTrades-2024-01.csv", badRows())
	bad := file(t, "BTCUSDT-aggTrades-2024-01.csv", badRows(20))
	stop := map[string]func(*testing.T, *scan.Stream, context.CancelFunc){
		"at once": func(*testing.T, *scan.Stream, context.CancelFunc) {},
		"after some rows": func(t *testing.T, s *scan.Stream, _ context.CancelFunc) {
			t.Helper()
			_, _, _ = s.Reader(5).Next(t.Context())
		},
		"when it is waiting": func(*testing.T, *scan.Stream, context.CancelFunc) { synctest.Wait() },
		"by its context": func(t *testing.T, s *scan.Stream, cancel context.CancelFunc) {
			t.Helper()
			cancel()
			if _, err := s.Facts(); !errors.Is(err, context.Canceled) {
				t.Errorf("facts of a cancelled stream: %v", err)
			}
		},
	}
	for name, how := range stop {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, f := range []source.File{f, bad} {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					s := scan.Open(ctx, f, scan.Options{Pool: source.NewPool(512), Ahead: 1})
					how(t, s, cancel)
					s.Close()
					s.Close() // again does no harm
				})
			}
		})
	}
}

func TestReaderWatchesItsContext(t *testing.T) {
	t.Parallel()
	s := scan.Open(t.Context(), file(t, "BTCUSDT-aggTrades-2024-01.csv", badRows()), scan.Options{Pool: source.NewPool(512), Ahead: 1})
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := s.Reader(2)
	for range 10_000 { // a row of what is at hand may still come
		rows, _, err := r.Next(ctx)
		if errors.Is(err, context.Canceled) {
			return
		}
		if err != nil || rows.N == 0 {
			t.Fatalf("%d rows, %v", rows.N, err)
		}
	}
	t.Error("it read on")
}

// FuzzCuts has any text give the same verdict and facts whichever way it is cut into blocks.
func FuzzCuts(f *testing.F) {
	f.Add(string(synth.CSV(january()))[:2000], uint16(0))
	f.Add(badRows(3)[:1500], uint16(10))
	f.Add("1,2,3\n", uint16(3))
	f.Add("12,0,0,-1,-1,1706659199999,true\n", uint16(3))
	f.Fuzz(func(t *testing.T, text string, more uint16) {
		in := file(t, "BTCUSDT-aggTrades-2024-01.csv", text)
		whole, wholeErr := scan.Verify(t.Context(), in, scan.Options{}, 1)
		cut, cutErr := scan.Verify(t.Context(), in, scan.Options{Pool: source.NewPool(512 + int(more))}, 1)
		if fmt.Sprint(wholeErr) != fmt.Sprint(cutErr) {
			if strings.Contains(fmt.Sprint(cutErr), "too long") { // a line or header that does not fit into one small block
				return
			}
			t.Fatalf("whole: %v\ncut: %v", wholeErr, cutErr)
		}
		if wholeErr == nil {
			if diff := cmp.Diff(summary(whole), summary(cut)); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}
