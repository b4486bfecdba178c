package conformance

import (
	"archive/zip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// TestNeededIsWhatTheLoaderSays: check_ingest_disk and the loader's --dry-run agree on what is pending, what it takes and whether it fits.
func TestNeededIsWhatTheLoaderSays(t *testing.T) {
	t.Parallel()
	btc := catalog.Series{Market: catalog.UM, Symbol: "BTCUSDT"}
	day := synth.Spec{Series: btc, Period: catalog.DayPeriod(catalog.DayOf(time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC))), Rows: 2000, FirstID: 1}
	month := synth.Spec{Series: btc, Period: catalog.MonthPeriod(2024, time.March), Rows: 20_000, FirstID: 1}
	tests := map[string]func(*testing.T, world) []string{
		"no database": func(t *testing.T, w world) []string {
			w.write(t, day, synth.Zip, 3)
			return nil
		},
		"no file": func(*testing.T, world) []string { return nil },
		"everything is loaded": func(t *testing.T, w world) []string {
			w.write(t, day, synth.Zip, 3)
			w.mustLoad(t, 0)
			return nil
		},
		"some is loaded": func(t *testing.T, w world) []string {
			next := w.write(t, day, synth.Zip, 2)
			w.mustLoad(t, 0)
			next = w.write(t, next, synth.Plain, 1)
			w.write(t, next, synth.Gzip, 2)
			return nil
		},
		"loaded and then removed": func(t *testing.T, w world) []string {
			next := w.write(t, day, synth.Zip, 2)
			w.mustLoad(t, 0)
			if err := os.RemoveAll(filepath.Join(w.data, "data")); err != nil {
				t.Fatal(err)
			}
			w.write(t, next, synth.Zip, 1)
			return nil
		},
		"loaded and then packed": func(t *testing.T, w world) []string {
			next := w.write(t, day, synth.Plain, 2)
			w.mustLoad(t, 0)
			if err := os.RemoveAll(filepath.Join(w.data, "data")); err != nil {
				t.Fatal(err)
			}
			w.write(t, day, synth.Zip, 2)
			w.write(t, next, synth.Zip, 1)
			return nil
		},
		"enough is loaded to know the ratio": func(t *testing.T, w world) []string {
			next := w.writeStored(t, day, 1_300_000)
			w.mustLoad(t, 0)
			snapshot, err := ledger.ReadSnapshot(ledger.PathFor(w.db))
			if err != nil {
				t.Fatal(err)
			}
			if ledger.Ratio(snapshot.BytesCSV, snapshot.BytesDatabase) == ledger.Ratio(0, 0) {
				t.Fatalf("the ratio is the default one, %d bytes of CSV are too few", snapshot.BytesCSV)
			}
			w.write(t, next, synth.Zip, 3)
			return nil
		},
		"a file failed": func(t *testing.T, w world) []string {
			next := w.write(t, day, synth.Plain, 2)
			w.spoil(t, next)
			w.mustLoad(t, 1)
			return nil
		},
		"a month and its days": func(t *testing.T, w world) []string {
			w.write(t, month, synth.Zip, 1)
			w.write(t, day, synth.Zip, 31)
			return nil
		},
		"a month and some of its days": func(t *testing.T, w world) []string {
			w.write(t, month, synth.Zip, 1)
			w.write(t, day, synth.Zip, 5)
			return nil
		},
		"a month, and its days are loaded": func(t *testing.T, w world) []string {
			w.write(t, day, synth.Zip, 31)
			w.mustLoad(t, 0)
			w.write(t, month, synth.Zip, 1)
			return nil
		},
		"a month, and some of its days are loaded": func(t *testing.T, w world) []string {
			w.write(t, day, synth.Zip, 30)
			w.mustLoad(t, 0)
			w.write(t, month, synth.Zip, 1)
			return nil
		},
		"days, and their month is loaded": func(t *testing.T, w world) []string {
			w.write(t, month, synth.Zip, 1)
			w.mustLoad(t, 0)
			w.write(t, day, synth.Zip, 2)
			return nil
		},
		"two symbols, one asked for": func(t *testing.T, w world) []string {
			w.write(t, day, synth.Zip, 2)
			eth := day
			eth.Series.Symbol = "ETHUSDT"
			w.write(t, eth, synth.Zip, 1)
			return []string{"--symbol=ETHUSDT"}
		},
		"another market than usual": func(t *testing.T, w world) []string {
			w.writeFlat(t, day, 2)
			w.mustLoad(t, 0, "--market=spot")
			return []string{"--market=spot"}
		},
		"the usual market, and another was loaded": func(t *testing.T, w world) []string {
			w.writeFlat(t, day, 2)
			w.mustLoad(t, 0, "--market=spot")
			return nil
		},
		"copies of a file": func(t *testing.T, w world) []string {
			w.write(t, day, synth.Zip, 2)
			w.write(t, day, synth.Plain, 2)
			return nil
		},
	}
	for name, prepare := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := emptyWorld(t)
			args := prepare(t, w)
			needed, files := w.needed(t, args)
			report := w.dryRun(t, args)
			if needed != report.SpaceNeeded {
				t.Errorf("the check needs %d bytes for %s, the loader %d for %d", needed, files, report.SpaceNeeded, report.toLoad())
			}
			if pending := report.toLoad(); (pending == 0) != (needed == 0) {
				t.Errorf("%d bytes for %d files", needed, pending)
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
	big.write(t, synth.Spec{
		Series: catalog.Series{Market: catalog.UM, Symbol: "BTCUSDT"}, Period: catalog.DayPeriod(catalog.DayOf(time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC))), Rows: 20_000, FirstID: 1,
	}, synth.Plain, 1)
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

// write makes n files from s on, in the layout of Binance, and gives the spec of the next.
func (w world) write(tb testing.TB, s synth.Spec, p synth.Packing, n int) synth.Spec {
	tb.Helper()
	for range n {
		if _, err := synth.WriteFile(w.data, synth.Mirror, s, p); err != nil {
			tb.Fatal(err)
		}
		s = s.Next()
	}
	return s
}

// writeFlat makes n files in a layout that does not tell the market.
func (w world) writeFlat(tb testing.TB, s synth.Spec, n int) {
	tb.Helper()
	for range n {
		if _, err := synth.WriteFile(w.data, synth.Flat, s, synth.Zip); err != nil {
			tb.Fatal(err)
		}
		s = s.Next()
	}
}

// writeStored makes a file of many rows in an archive that does not compress, so that few rows count as much CSV.
func (w world) writeStored(tb testing.TB, s synth.Spec, rows int) synth.Spec {
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
	if err := os.Remove(path); err != nil {
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
	if _, err := member.Write(data); err != nil {
		tb.Fatal(err)
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return s.Next()
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
