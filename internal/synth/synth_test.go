package synth_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/synth"
)

func day(tb testing.TB, s string) catalog.Day {
	tb.Helper()
	d, err := catalog.ParseDay(s)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

func spec(tb testing.TB, m catalog.Market, date string, rows int) synth.Spec {
	tb.Helper()
	return synth.Spec{
		Series:  catalog.Series{Market: m, Symbol: "BTCUSDT"},
		Period:  catalog.DayPeriod(day(tb, date)),
		Rows:    rows,
		FirstID: 3_454_067_270,
	}
}

// The texts are those of genuine files: digits, decimals, booleans, header and time unit are what a loader meets.
func TestShapesLookLikeTheRealThing(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		market         catalog.Market
		date           string
		header         bool
		columns        int
		timeDigits     int
		minDec, maxDec [2]int // price, quantity
		bools          [2]string
	}{
		"spot, milliseconds":         {market: catalog.Spot, date: "2024-12-31", columns: 8, timeDigits: 13, minDec: [2]int{8, 8}, maxDec: [2]int{8, 8}, bools: [2]string{"False", "True"}},
		"spot, microseconds":         {market: catalog.Spot, date: "2025-01-01", columns: 8, timeDigits: 16, minDec: [2]int{8, 8}, maxDec: [2]int{8, 8}, bools: [2]string{"False", "True"}},
		"um, zeros kept, no header":  {market: catalog.UM, date: "2022-08-10", columns: 7, timeDigits: 13, minDec: [2]int{1, 3}, maxDec: [2]int{1, 3}, bools: [2]string{"false", "true"}},
		"um, zeros trimmed, header":  {market: catalog.UM, date: "2022-08-11", header: true, columns: 7, timeDigits: 13, minDec: [2]int{1, 1}, maxDec: [2]int{1, 3}, bools: [2]string{"false", "true"}},
		"cm, whole contracts":        {market: catalog.CM, date: "2022-08-10", columns: 7, timeDigits: 13, minDec: [2]int{1, 0}, maxDec: [2]int{1, 0}, bools: [2]string{"false", "true"}},
		"cm, contracts like 542.0":   {market: catalog.CM, date: "2026-05-08", header: true, columns: 7, timeDigits: 13, minDec: [2]int{1, 1}, maxDec: [2]int{1, 1}, bools: [2]string{"false", "true"}},
		"um on the first day of all": {market: catalog.UM, date: "2019-12-31", columns: 7, timeDigits: 13, minDec: [2]int{1, 3}, maxDec: [2]int{1, 3}, bools: [2]string{"false", "true"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows := parse(t, synth.CSV(spec(t, tc.market, tc.date, 2000)), tc.header)
			if len(rows) != 2000 {
				t.Fatalf("%d rows, want 2000", len(rows))
			}
			seen := map[string]int{}
			for i, r := range rows {
				if len(r) != tc.columns || len(r[5]) != tc.timeDigits {
					t.Fatalf("row %d: %q: want %d columns and a time of %d digits", i, r, tc.columns, tc.timeDigits)
				}
				for k, text := range r[1:3] {
					_, decimals, _ := strings.Cut(text, ".")
					if len(decimals) < tc.minDec[k] || len(decimals) > tc.maxDec[k] {
						t.Fatalf("row %d: %q has %d decimals, want %d to %d", i, text, len(decimals), tc.minDec[k], tc.maxDec[k])
					}
				}
				seen[r[6]]++
				if tc.columns == 8 && r[7] != "True" {
					t.Fatalf("row %d: %q: want True in the last column", i, r)
				}
			}
			if seen[tc.bools[0]] < 200 || seen[tc.bools[1]] < 200 || seen[tc.bools[0]]+seen[tc.bools[1]] != 2000 {
				t.Errorf("sides %v, want both of %q", seen, tc.bools)
			}
		})
	}
}

func parse(t *testing.T, text []byte, header bool) [][]string {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasSuffix(text, []byte("\n")) {
		t.Fatal("the last line does not end")
	}
	if header {
		if got := strings.Join(rows[0], ","); got != synth.Header {
			t.Fatalf("header %q, want %q", got, synth.Header)
		}
		rows = rows[1:]
	}
	return rows
}

func number(t *testing.T, s string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRowsKeepTheRulesOfTheArchive(t *testing.T) {
	t.Parallel()
	month := synth.Spec{
		Series: catalog.Series{Market: catalog.UM, Symbol: "BTCUSDT"},
		Period: catalog.MonthPeriod(2024, time.February), Rows: 29 * 40, FirstID: 77,
	}
	tests := map[string]synth.Spec{
		"a day":                            spec(t, catalog.UM, "2024-02-29", 50_000),
		"a month with few rows":            month,
		"more rows than instants":          {Series: month.Series, Period: catalog.DayPeriod(0), Shape: synth.SpotMillis, Rows: 300_000},
		"one row":                          spec(t, catalog.Spot, "2025-06-01", 1),
		"before 1970":                      {Series: month.Series, Period: catalog.DayPeriod(-1), Rows: 100},
		"a coin worth 238 units":           {Series: month.Series, Period: month.Period, Shape: synth.SpotMillis, Rows: 9000, StartPrice: 238, Tick: 1, Lot: 1e8},
		"a price of one tick":              {Series: month.Series, Period: month.Period, Shape: synth.UMHeader, Rows: 9000, StartPrice: 1, Tick: 1e8, Lot: 1},
		"another seed":                     {Series: month.Series, Period: month.Period, Rows: 9000, Seed: 1 << 63},
		"ids as large as they can be made": {Series: month.Series, Period: month.Period, Rows: 9, FirstID: 1<<61 - 10},
	}
	for name, s := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := synth.CSV(s)
			rows := parse(t, text, text[0] == 'a')
			if len(rows) != s.Rows {
				t.Fatalf("%d rows, want %d", len(rows), s.Rows)
			}
			days := map[catalog.Day]bool{}
			lastTrade, lastTime := int64(-1), int64(-1<<62)
			for i, r := range rows {
				id, first, last, at := number(t, r[0]), number(t, r[3]), number(t, r[4]), number(t, r[5])
				if id != s.FirstID+int64(i) {
					t.Fatalf("row %d: id %d, want %d", i, id, s.FirstID+int64(i))
				}
				if first > last || i > 0 && first != lastTrade+1 {
					t.Fatalf("row %d: trades %d to %d after %d", i, first, last, lastTrade)
				}
				if at < lastTime {
					t.Fatalf("row %d: time %d after %d", i, at, lastTime)
				}
				lastTrade, lastTime = last, at
				for _, text := range r[1:3] {
					if v, err := strconv.ParseFloat(text, 64); err != nil || v <= 0 {
						t.Fatalf("row %d: %q, %v: want a positive number", i, text, err)
					}
				}
				us := at
				if len(r[5]) < 16 {
					us *= 1000
				}
				if !s.Period.ContainsMicros(us) {
					t.Fatalf("row %d: time %d is outside %s", i, at, s.Period)
				}
				days[catalog.DayOfMicros(us)] = true
			}
			if s.Rows > s.Period.Days() && len(days) != s.Period.Days() {
				t.Errorf("rows on %d days, want %d", len(days), s.Period.Days())
			}
		})
	}
}

// A change of these sums changes every file made for tests and benchmarks.
func TestSameSpecSameBytesForEver(t *testing.T) {
	t.Parallel()
	want := map[catalog.Market]string{
		catalog.Spot: "3801991038bb663612401a92161b6cb46c0dbe6a274d37582b5887a3eca27001",
		catalog.UM:   "c72876e727a99d7d13041e816a91be0960779ff977b7d11be0c18df7c14fd326",
		catalog.CM:   "7ed0d3a6202a33bdb701edf5989479b1f9f8590f86f5d623d5f78d315c5e78dd",
	}
	for market, sum := range want {
		t.Run(string(market), func(t *testing.T) {
			t.Parallel()
			s := spec(t, market, "2026-05-08", 10_000)
			if got := sha256.Sum256(synth.CSV(s)); hex.EncodeToString(got[:]) != sum {
				t.Errorf("sha256 %x, want %s", got, sum)
			}
			other := s
			other.Seed++
			if bytes.Equal(synth.CSV(s), synth.CSV(other)) {
				t.Error("another seed gives the same bytes")
			}
		})
	}
}

func TestNextContinuesIdsAndTrades(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		first, next catalog.Period
	}{
		"a day over the end of a year":     {catalog.DayPeriod(day(t, "2023-12-31")), catalog.DayPeriod(day(t, "2024-01-01"))},
		"a month over the end of February": {catalog.MonthPeriod(2024, time.February), catalog.MonthPeriod(2024, time.March)},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := synth.Spec{Series: catalog.Series{Market: catalog.Spot, Symbol: "X"}, Period: tc.first, Rows: 1001, FirstID: 5}
			n := s.Next()
			if diff := cmp.Diff(tc.next, n.Period); diff != "" {
				t.Error(diff)
			}
			before, after := parse(t, synth.CSV(s), false), parse(t, synth.CSV(n), false)
			for column, step := range map[int]int{0: 0, 4: 3} {
				if got, want := number(t, after[0][step]), number(t, before[1000][column])+1; got != want {
					t.Errorf("column %d begins with %d, want %d", step, got, want)
				}
			}
		})
	}
}

func TestWriteFileLayoutsAndPackings(t *testing.T) {
	t.Parallel()
	daily := spec(t, catalog.UM, "2024-02-29", 300)
	monthly := daily
	monthly.Series, monthly.Period = catalog.Series{Market: catalog.Spot, Symbol: "币安人生USDT"}, catalog.MonthPeriod(2024, time.February)
	tests := map[string]struct {
		spec    synth.Spec
		layout  synth.Layout
		packing synth.Packing
		want    string
		open    func(t *testing.T, b []byte) io.Reader
	}{
		"mirror, zip":         {daily, synth.Mirror, synth.Zip, "data/futures/um/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-02-29.zip", openZip},
		"mirror, spot, month": {monthly, synth.Mirror, synth.Plain, "data/spot/monthly/aggTrades/币安人生USDT/币安人生USDT-aggTrades-2024-02.csv", openPlain},
		"flat, gzip":          {daily, synth.Flat, synth.Gzip, "BTCUSDT/aggTrades/BTCUSDT-aggTrades-2024-02-29.csv.gz", openGzip},
		"one folder, zstd":    {daily, synth.One, synth.Zstd, "BTCUSDT-aggTrades-2024-02-29.csv.zst", openZstd},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			var first []byte
			for range 2 { // a second time replaces the file with the same bytes
				path, err := synth.WriteFile(dir, tc.layout, tc.spec, tc.packing)
				if err != nil {
					t.Fatal(err)
				}
				if want := filepath.Join(dir, filepath.FromSlash(tc.want)); path != want {
					t.Fatalf("path %q, want %q", path, want)
				}
				got, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if first != nil && !bytes.Equal(got, first) {
					t.Fatal("the second file differs")
				}
				first = got
				text, err := io.ReadAll(tc.open(t, got))
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(text, synth.CSV(tc.spec)) {
					t.Error("the content is not the spec's CSV")
				}
			}
			sum := sha256.Sum256(first)
			line, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(tc.want)) + ".CHECKSUM")
			switch want := hex.EncodeToString(sum[:]) + "  " + filepath.Base(tc.want); {
			case tc.packing != synth.Zip && !errors.Is(err, os.ErrNotExist):
				t.Errorf("checksum of what is no zip: %q, %v", line, err)
			case tc.packing == synth.Zip && string(line) != want:
				t.Errorf("checksum %q, want %q", line, want)
			}
		})
	}
}

func openPlain(_ *testing.T, b []byte) io.Reader { return bytes.NewReader(b) }

func openZip(t *testing.T, b []byte) io.Reader {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if len(z.File) != 1 || z.File[0].Name != "BTCUSDT-aggTrades-2024-02-29.csv" {
		t.Fatalf("members %v", z.File)
	}
	r, err := z.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func openGzip(t *testing.T, b []byte) io.Reader {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func openZstd(t *testing.T, b []byte) io.Reader {
	t.Helper()
	r, err := zstd.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func TestSpecsThatCannotBeMade(t *testing.T) {
	t.Parallel()
	good := spec(t, catalog.UM, "2024-02-29", 3)
	tests := map[string]struct {
		change func(*synth.Spec)
		want   string
	}{
		"no day":             {func(s *synth.Spec) { s.Period.End = s.Period.First }, "has no day"},
		"negative rows":      {func(s *synth.Spec) { s.Rows = -1 }, "rows -1"},
		"negative id":        {func(s *synth.Spec) { s.FirstID = -1 }, "first id -1"},
		"ids that overflow":  {func(s *synth.Spec) { s.FirstID = 1 << 61 }, "first id"},
		"unknown shape":      {func(s *synth.Spec) { s.Shape = 99 }, "shape 99"},
		"negative price":     {func(s *synth.Spec) { s.StartPrice = -1 }, "start price -1"},
		"tick of 2 units":    {func(s *synth.Spec) { s.Tick = 2 }, "tick 2"},
		"tick of ten":        {func(s *synth.Spec) { s.Tick = 1e9 }, "tick 1000000000"},
		"lot that is 1.5e-8": {func(s *synth.Spec) { s.Lot = 15 }, "lot 15"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := good
			tc.change(&s)
			if err := synth.WriteCSV(io.Discard, s); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
	t.Run("a week has no file name", func(t *testing.T) {
		t.Parallel()
		s := good
		s.Period.End += 6
		if _, err := synth.WriteFile(t.TempDir(), synth.One, s, synth.Plain); err == nil {
			t.Error("no error")
		}
	})
	t.Run("a symbol that is a path", func(t *testing.T) {
		t.Parallel()
		s := good
		s.Series.Symbol = "../x"
		if _, err := synth.WriteFile(t.TempDir(), synth.One, s, synth.Plain); err == nil {
			t.Error("no error")
		}
	})
}

func BenchmarkWriteCSV(b *testing.B) {
	for _, m := range []catalog.Market{catalog.Spot, catalog.UM} {
		b.Run(string(m), func(b *testing.B) {
			s := spec(b, m, "2026-05-08", 200_000)
			b.SetBytes(int64(len(synth.CSV(s))))
			for b.Loop() {
				if err := synth.WriteCSV(io.Discard, s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
