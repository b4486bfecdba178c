package conformance

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// lot is some files of one kind that follow one another.
type lot struct {
	spec    synth.Spec
	from    int // how many of the spec's successors to pass over
	files   int
	packing synth.Packing
	flat    bool          // in a layout that does not tell the market
	spoiled bool          // the loader refuses it
	voided  int           // further files, of which every row is voided
	without []catalog.Day // a plain file has no row of these
	stored  int           // rows of one archive that does not compress, so that few rows count as much CSV
}

// put makes the files of lots.
func (w world) put(tb testing.TB, lots ...lot) {
	tb.Helper()
	for _, l := range lots {
		s := l.spec
		for range l.from {
			s = s.Next()
		}
		layout := synth.Mirror
		if l.flat {
			layout = synth.Flat
		}
		for range l.files {
			path, err := synth.WriteFile(w.data, layout, s, l.packing)
			if err != nil {
				tb.Fatal(err)
			}
			for _, d := range l.without {
				dropDay(tb, path, d)
			}
			s = s.Next()
		}
		for range l.voided {
			w.void(tb, s)
			s = s.Next()
		}
		switch {
		case l.spoiled:
			w.spoil(tb, s)
		case l.stored > 0:
			w.store(tb, s, l.stored)
		}
	}
}

// TestNeededIsWhatTheLoaderSays: check_ingest_disk and the loader's --dry-run agree on what is pending and what it takes.
func TestNeededIsWhatTheLoaderSays(t *testing.T) {
	t.Parallel()
	btc := catalog.Series{Market: catalog.UM, Symbol: "BTCUSDT"}
	day := synth.Spec{Series: btc, Period: catalog.DayPeriod(catalog.DayOf(time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC))), Rows: 2000, FirstID: 1}
	month := synth.Spec{Series: btc, Period: catalog.MonthPeriod(2024, time.March), Rows: 20_000, FirstID: 1}
	eth := day
	eth.Series.Symbol = "ETHUSDT"
	fifth := day.Period.First + 4
	holed := lot{spec: month, files: 1, without: []catalog.Day{fifth, fifth + 1}}
	tests := map[string]struct {
		before   []lot
		load     bool
		exit     int      // of the load
		args     []string // of the load and what follows
		removed  bool     // all files, after the load
		after    []lot
		askedFor []string // after the load
		files    int      // that are pending then
		measured bool     // enough is loaded for a ratio that is not the default
	}{
		"no database":                              {before: []lot{{spec: day, files: 3, packing: synth.Zip}}, files: 3},
		"no file":                                  {},
		"everything is loaded":                     {before: []lot{{spec: day, files: 3, packing: synth.Zip}}, load: true},
		"some is loaded":                           {before: []lot{{spec: day, files: 2, packing: synth.Zip}}, load: true, after: []lot{{spec: day, from: 2, files: 1}, {spec: day, from: 3, files: 2, packing: synth.Gzip}}, files: 3},
		"loaded and then removed":                  {before: []lot{{spec: day, files: 2, packing: synth.Zip}}, load: true, removed: true, after: []lot{{spec: day, from: 2, files: 1, packing: synth.Zip}}, files: 1},
		"loaded and then packed":                   {before: []lot{{spec: day, files: 2}}, load: true, removed: true, after: []lot{{spec: day, files: 3, packing: synth.Zip}}, files: 1},
		"enough is loaded to know the ratio":       {before: []lot{{spec: day, stored: 1_300_000}}, load: true, after: []lot{{spec: day, from: 1, files: 3, packing: synth.Zip}}, files: 3, measured: true},
		"a file failed":                            {before: []lot{{spec: day, files: 2, spoiled: true}}, load: true, exit: 1, files: 1},
		"a month and its days":                     {before: []lot{{spec: month, files: 1, packing: synth.Zip}, {spec: day, files: 31, packing: synth.Zip}}, files: 31},
		"a month and some of its days":             {before: []lot{{spec: month, files: 1, packing: synth.Zip}, {spec: day, files: 5, packing: synth.Zip}}, files: 6},
		"a month, and its days are loaded":         {before: []lot{{spec: day, files: 31, packing: synth.Zip}}, load: true, after: []lot{{spec: month, files: 1, packing: synth.Zip}}},
		"a month, and some of its days are loaded": {before: []lot{{spec: day, files: 30, packing: synth.Zip}}, load: true, after: []lot{{spec: month, files: 1, packing: synth.Zip}}, files: 1},
		"days, and their month is loaded":          {before: []lot{{spec: month, files: 1, packing: synth.Zip}}, load: true, after: []lot{{spec: day, files: 2, packing: synth.Zip}}},
		"two symbols, one asked for":               {before: []lot{{spec: day, files: 2, packing: synth.Zip}, {spec: eth, files: 1, packing: synth.Zip}}, askedFor: []string{"--symbol=ETHUSDT"}, files: 1},
		"another market than usual":                {before: []lot{{spec: day, files: 2, packing: synth.Zip, flat: true}}, load: true, args: []string{"--market=spot"}, askedFor: []string{"--market=spot"}},
		"the usual market, another was loaded":     {before: []lot{{spec: day, files: 2, packing: synth.Zip, flat: true}}, load: true, args: []string{"--market=spot"}, files: 2},
		"a day whose rows are all voided":          {before: []lot{{spec: day, files: 2, voided: 1}}, load: true},
		"that, and more days":                      {before: []lot{{spec: day, files: 2, voided: 1}}, load: true, after: []lot{{spec: day, from: 3, files: 1}}, files: 1},
		"a month without rows of two days":         {before: []lot{holed}, load: true},
		"that, and a file of one of these days":    {before: []lot{holed}, load: true, after: []lot{{spec: day, from: 4, files: 1}}, files: 1},
		"that, and a voided one":                   {before: []lot{holed, {spec: day, from: 4, voided: 1}}, load: true},
		"that, and one of a day of the month":      {before: []lot{holed}, load: true, args: []string{"--start-date=2024-03-05", "--end-date=2024-03-05"}, after: []lot{{spec: day, from: 4, files: 1}}, files: 2},
		"copies of a file":                         {before: []lot{{spec: day, files: 2, packing: synth.Zip}, {spec: day, files: 2}}, files: 2},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := emptyWorld(t)
			w.put(t, tc.before...)
			if tc.load {
				w.mustLoad(t, tc.exit, tc.args...)
			}
			if tc.removed {
				if err := os.RemoveAll(filepath.Join(w.data, "data")); err != nil {
					t.Fatal(err)
				}
			}
			w.put(t, tc.after...)
			if tc.measured {
				snapshot, err := ledger.ReadSnapshot(ledger.PathFor(w.db))
				if err != nil || ledger.Ratio(snapshot.BytesCSV, snapshot.BytesDatabase) == ledger.Ratio(0, 0) {
					t.Fatalf("the ratio is the default one, %d bytes of CSV are too few; %v", snapshot.BytesCSV, err)
				}
			}
			needed, sentence := w.needed(t, tc.askedFor)
			report := w.dryRun(t, tc.askedFor)
			if needed != report.SpaceNeeded {
				t.Errorf("the check needs %d bytes, %s; the loader %d for %d files", needed, sentence, report.SpaceNeeded, report.toLoad())
			}
			if report.toLoad() != tc.files || (needed == 0) != (tc.files == 0) {
				t.Errorf("%d bytes for %d files, want %d files", needed, report.toLoad(), tc.files)
			}
		})
	}
}

// report is what these tests want of the loader's.
type report struct {
	ExitCode    int   `json:"exit_code"`
	SpaceNeeded int64 `json:"space_needed_bytes"`
	SpaceFree   int64 `json:"space_free_bytes"`
	Files       []struct{ Status string }
}

func (r report) toLoad() int {
	n := 0
	for _, f := range r.Files {
		if f.Status == "load" || f.Status == "replace" {
			n++
		}
	}
	return n
}

func (w world) dryRun(t *testing.T, args []string) report {
	t.Helper()
	o := w.load(t, append([]string{"--dry-run"}, args...)...)
	var r report
	if err := json.Unmarshal([]byte(o.stdout), &r); err != nil {
		t.Fatalf("dry run: exit code %d, %q, %q: %v", o.code, o.stdout, o.stderr, err)
	}
	return r
}

// needed asks check_ingest_disk, and gives the sentence that says for what.
func (w world) needed(t *testing.T, args []string) (int64, string) {
	t.Helper()
	c := check{binary: "check_ingest_disk", service: "INGEST DISK"}
	s := observe(t, c, call{args: append([]string{"--db", w.db, "--data-dir", w.data, "-c", "free=1B:"}, args...)})
	for _, m := range s.doc.Metrics {
		if m.Label == "needed" {
			return int64(*m.Value), s.first
		}
	}
	t.Fatalf("needed was not measured: %+v", s.doc)
	return 0, ""
}

// TestFitsIsWhatTheLoaderSays on a file system that is small enough to know: just too small, and just large enough.
func TestFitsIsWhatTheLoaderSays(t *testing.T) {
	t.Parallel()
	big := emptyWorld(t)
	day := catalog.DayPeriod(catalog.DayOf(time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)))
	big.put(t, lot{spec: synth.Spec{Series: catalog.Series{Market: catalog.UM, Symbol: "BTCUSDT"}, Period: day, Rows: 20_000, FirstID: 1}, files: 1})
	needed, _ := big.needed(t, nil)
	page := int64(os.Getpagesize())
	for name, tc := range map[string]struct {
		size  int64
		check int // exit codes
		load  int
	}{
		"too small":    {needed - needed%page, 2, 5},
		"large enough": {needed - needed%page + page, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := big
			w.dir = folder(t)
			if err := unix.Mount("tmpfs", w.dir, "tmpfs", 0, "mode=755,size="+itoa(tc.size)); err != nil {
				t.Skipf("may not mount: %v", err)
			}
			t.Cleanup(func() {
				if err := unix.Unmount(w.dir, unix.MNT_DETACH); err != nil {
					t.Error(err)
				}
			})
			w.db = filepath.Join(w.dir, "trades.duckdb")
			o := call{args: []string{"--db", w.db, "--data-dir", w.data, "-c", "free=1B:"}}.run(t, "check_ingest_disk")
			r := w.dryRun(t, nil)
			if o.code != tc.check || r.ExitCode != tc.load || r.SpaceFree != tc.size {
				t.Errorf("the check: %d, %s; the loader: %d, free %d of %d", o.code, o.stdout, r.ExitCode, r.SpaceFree, tc.size)
			}
		})
	}
}

// store makes a file of many rows in an archive that does not compress.
func (w world) store(tb testing.TB, s synth.Spec, rows int) {
	tb.Helper()
	s.Rows = rows
	path, err := synth.WriteFile(w.data, synth.Mirror, s, synth.Plain)
	if err != nil {
		tb.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	f, err := os.Create(strings.TrimSuffix(path, ".csv") + ".zip")
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	member, err := z.CreateHeader(&zip.FileHeader{Name: filepath.Base(path), Method: zip.Store})
	if err != nil {
		tb.Fatal(err)
	}
	_, err = member.Write(data)
	if err := errors.Join(err, z.Close(), os.Remove(path)); err != nil {
		tb.Fatal(err)
	}
}

// void makes a file whose rows are all voided, as Binance does with trades that it takes back.
func (w world) void(tb testing.TB, s synth.Spec) {
	tb.Helper()
	path, err := synth.WriteFile(w.data, synth.Mirror, s, synth.Plain)
	if err != nil {
		tb.Fatal(err)
	}
	at := s.Period.First.Time().UnixMilli()
	text := synth.Header + "\n"
	for i := range int64(3) {
		text += fmt.Sprintf("%d,0,0,-1,-1,%d,True\n", s.FirstID+i, at+i)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
}

// dropDay takes the rows of a day out of a plain file.
func dropDay(tb testing.TB, path string, day catalog.Day) {
	tb.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	const timeColumn = 5
	text := slices.DeleteFunc(strings.SplitAfter(string(data), "\n"), func(line string) bool {
		columns := strings.Split(line, ",")
		ms, err := strconv.ParseInt(columns[min(timeColumn, len(columns)-1)], 10, 64)
		return err == nil && catalog.DayOf(time.UnixMilli(ms)) == day
	})
	if err := os.WriteFile(path, []byte(strings.Join(text, "")), 0o644); err != nil {
		tb.Fatal(err)
	}
}

// spoil makes a file whose second row is no trade.
func (w world) spoil(tb testing.TB, s synth.Spec) string {
	tb.Helper()
	s.Rows = 3
	path, err := synth.WriteFile(w.data, synth.Mirror, s, synth.Plain)
	if err != nil {
		tb.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	lines := strings.SplitAfter(string(data), "\n")
	lines[len(lines)-3] = "one|two\x1b[31m,<b>,three\\n\n"
	if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o644); err != nil {
		tb.Fatal(err)
	}
	return path
}

func (w world) mustLoad(tb testing.TB, code int, args ...string) {
	tb.Helper()
	if o := w.load(tb, args...); o.code != code {
		tb.Fatalf("load: exit code %d, want %d: %s", o.code, code, o.stderr)
	}
}
