package load_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/check-ingest/check-ingest/ingest/load"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// largeRows is so many that a file of them is not decoded in memory.
const largeRows = 320_000

// largeDays makes n large files of one series and gives what they are.
func (w *world) largeDays(t *testing.T, n int) []synth.Spec {
	t.Helper()
	days := []synth.Spec{daily(t, um("BTCUSDT"), "2024-03-01", largeRows, 1)}
	for range n - 1 {
		days = append(days, days[len(days)-1].Next())
	}
	for _, d := range days {
		w.make(t, d, synth.Plain)
		if size := len(synth.CSV(d)); size <= 16<<20 {
			t.Fatalf("%s has %d bytes, and would be loaded as a small file", d.Name(synth.Plain), size)
		}
	}
	return days
}

// TestLargeFilesShareATransaction: new ones are committed together, whole and in order, with small ones before and after them.
func TestLargeFilesShareATransaction(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes minutes with the race detector, and runs what other tests run")
	}
	for name, tt := range map[string]struct {
		batch int64
		alone bool
	}{"by default": {0, false}, "one by one": {1, true}, "two and two": {500_000, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			days := w.largeDays(t, 4)
			small := days[3].Next()
			small.Rows = 100
			w.make(t, small, synth.Plain)
			steps := map[int64]bool{}
			var bytes int64
			r := w.load(t, func(c *load.Config) {
				c.BatchRows = tt.batch
				c.Progress = func(p load.Progress) {
					steps[p.FilesDone] = true
					if p.BytesDone < bytes-1 {
						t.Errorf("bytes done go back from %d to %d", bytes, p.BytesDone)
					}
					bytes = p.BytesDone
				}
			})
			if steps[1] != tt.alone || r.Totals.Loaded != 5 || r.Totals.Rows != 4*largeRows+100 {
				t.Errorf("files done %v, totals %+v", steps, r.Totals)
			}
			var want []string
			for _, d := range append(days, small) {
				want = append(want, rowsOf(t, um("BTCUSDT"), string(synth.CSV(d)))...)
			}
			same(t, want, w.rows(t))
			if again := w.load(t); again.Totals.Loaded != 0 || again.Totals.Skipped != 5 {
				t.Errorf("the next run: %+v", again.Totals)
			}
		})
	}
}

// TestBadFileInASharedTransaction: of large files that share a transaction, the others are loaded, whatever is wrong with one.
func TestBadFileInASharedTransaction(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes minutes with the race detector, and runs what other tests run")
	}
	tests := map[string]struct {
		spoil  func(rows []string) []string
		status string
		rows   int
	}{
		"a bad row at its end": {func(rows []string) []string { return append(rows, "1,x\n") }, "failed", 0},
		"a bad row":            {func(rows []string) []string { rows[310_000] = "x\n"; return rows }, "failed", 0},
		"its end is missing":   {func(rows []string) []string { return append(rows[:310_000], "1234") }, "failed", 0},
		"an id again":          {func(rows []string) []string { return append(rows, rows[100]) }, "success", largeRows},
		"ids of the file before": {func(rows []string) []string {
			rows[100] = "5" + rows[100][strings.IndexByte(rows[100], ','):]
			return rows
		}, "partial", largeRows - 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			days := w.largeDays(t, 4)
			rows := strings.SplitAfter(string(synth.CSV(days[2])), "\n")
			w.put(t, days[2].Folder(synth.Mirror)+"/"+days[2].Name(synth.Plain), strings.Join(tt.spoil(rows[:len(rows)-1]), ""))
			r, err := w.run(t)
			if err != nil && !errors.Is(err, load.ErrSomeFailed) {
				t.Fatal(err)
			}
			if got := w.ask(t, "SELECT count(*), count(DISTINCT agg_trade_id) FROM aggtrades_history"); got[0] != w.ask(t, "SELECT ?, ?", 3*largeRows+tt.rows, 3*largeRows+tt.rows)[0] {
				t.Errorf("rows and ids %s, totals %+v", got, r.Totals)
			}
			for i, d := range days {
				want := "success"
				if i == 2 {
					want = tt.status
				}
				want += "|"
				if want != "failed|" {
					want += fmt.Sprintf("%x", sha256.Sum256([]byte(read(t, filepath.Join(w.data, d.Folder(synth.Mirror), d.Name(synth.Plain))))))
				}
				if got := w.ask(t, "SELECT status, coalesce(sha256, '') FROM ingestion_log WHERE contains(file_path, ?)", d.Name(synth.Plain)); len(got) != 1 || got[0] != want {
					t.Errorf("%s is %v, want %s", d.Name(synth.Plain), got, want)
				}
			}
		})
	}
}

// TestTooLittleMemoryToStream: DuckDB gets more where what rows should take to stream is too little, also where there is no place for what does not fit
// into it, and nothing is lost or doubled.
func TestTooLittleMemoryToStream(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		thread int64
		spills bool
	}{"none at all": {1 << 20, true}, "no place for the rest": {9 << 20, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			days := w.largeDays(t, 2)
			small := days[1].Next()
			small.Rows = 100
			again := small.Next()
			again.FirstID -= 50 // and half of it is in the file before
			for _, d := range []synth.Spec{small, again} {
				w.make(t, d, synth.Plain)
			}
			if !tt.spills {
				if err := os.WriteFile(w.db+".tmp", nil, 0o600); err != nil { // where a folder would have to be
					t.Fatal(err)
				}
			}
			r := w.load(t, func(c *load.Config) { c.StreamMemory, c.MemoryLimit = tt.thread, 512<<20 })
			if want := int64(2*largeRows + small.Rows + again.Rows - 50); r.Totals.Loaded != 4 || r.Totals.Rows != want {
				t.Errorf("totals %+v, expected %d rows", r.Totals, want)
			}
			if n := strings.Count(w.log.String(), "DuckDB gets more memory"); n != 1 {
				t.Errorf("more memory was given %d times, expected once:\n%s", n, w.log)
			}
			if got := w.ask(t, "SELECT count(DISTINCT agg_trade_id) FROM aggtrades_history")[0]; got != fmt.Sprint(r.Totals.Rows) {
				t.Errorf("%s ids of %d rows", got, r.Totals.Rows)
			}
		})
	}
}

// TestStoppedInASharedTransaction: what it holds is undone, and loaded by the next run.
func TestStoppedInASharedTransaction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	days := w.largeDays(t, 3)
	ctx, cancel := context.WithCancelCause(t.Context())
	_, err := load.Run(ctx, w.config(func(c *load.Config) {
		c.Progress = func(p load.Progress) {
			if strings.Contains(p.Current, days[2].Period.String()) {
				cancel(&load.SignalError{Signal: syscall.SIGTERM})
			}
		}
	}))
	if load.ExitCodeOf(err) != load.ExitTerminated {
		t.Fatal(err)
	}
	if got := w.ask(t, "SELECT count(*) FROM aggtrades_history")[0]; got != "0" {
		t.Errorf("%s rows, of files that nothing records", got)
	}
	if r := w.load(t); r.Totals.Loaded != 3 || r.Totals.Rows != 3*largeRows {
		t.Errorf("the next run: %+v", r.Totals)
	}
}
