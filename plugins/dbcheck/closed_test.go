package dbcheck

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/store"
)

// closedNote is what the check says with -v where it left the database closed.
const closedNote = "not opened: nobody wrote to it since the ledger snapshot of 3h ago, and its metadata is sound"

// current leaves the snapshot of a run that closed the database in good order and found in it the rows of entries.
func (w *world) current(entries ...ledger.Entry) {
	w.T.Helper()
	header, info, err := store.Fingerprint(w.Path)
	w.Must(err)
	s := ledger.Build(entries, nil, ledger.Meta{
		RunID: "r9", WrittenAt: at().Add(-3 * time.Hour), Database: w.Path, DatabaseSize: info.Size(), DatabaseMTime: info.ModTime(), DatabaseHeader: header, Accounted: true,
	})
	w.Must(s.Write(ledger.PathFor(w.Path)))
}

// silently changes the database's bytes and leaves its time as it was.
func (w *world) silently(change func([]byte) []byte) {
	w.T.Helper()
	info, err := os.Stat(w.Path)
	w.Must(err)
	w.damage(change)
	w.Must(os.Chtimes(w.Path, info.ModTime(), info.ModTime()))
}

// TestClosed: the check says the same, whether it opens the database or leaves it closed, since nobody wrote to it since the snapshot.
func TestClosed(t *testing.T) {
	t.Parallel()
	took := regexp.MustCompile(`("open_time","value":)[\d.]+`) // in JSON
	late := append(files(), file("BTCUSDT", 7))
	late[5].RowCount, late[5].RowsInserted, late[5].FirstID, late[5].LastID = 0, 0, -1, -1
	late[5].FirstTradeAt, late[5].LastTradeAt = time.Time{}, time.Time{}
	again := append(files(), file("BTCUSDT", 2)) // which the table had already
	again[5].FilePath, again[5].RowsInserted, again[5].RowsDuplicate = "/data/monthly/again.csv", 0, 100
	again[5].Period = catalog.MonthPeriod(2024, time.January)
	failed := append(files(), file("SOLUSDT", 2))
	failed[5].Status, failed[5].RowsInserted = ledger.Failed, 0
	tests := map[string]struct {
		entries []ledger.Entry
		args    []string
	}{
		"nothing":                           {nil, []string{"--gaps", "-v"}},
		"nothing of a symbol":               {nil, []string{"--symbol=ETHUSDT", "-c", "1d", "-v"}},
		"all of it":                         {files(), []string{"-v"}},
		"the newest trade is old":           {files(), []string{"-c", "1d", "-v"}},
		"too few rows":                      {files(), []string{"-c", "rows=501:", "-v"}},
		"no gap":                            {files(), []string{"--gaps", "-v"}},
		"one symbol":                        {files(), []string{"--symbol=ETHUSDT", "-v"}},
		"two symbols, the older counts":     {files(), []string{"--symbol=ETHUSDT", "--symbol=BTCUSDT", "--gaps", "-v"}},
		"a symbol that is not there":        {files(), []string{"--symbol=XRPUSDT", "-v"}},
		"a market":                          {files(), []string{"--market=um", "-v"}},
		"a market that is not there":        {files(), []string{"--market=spot", "--gaps", "-v"}},
		"a file without rows":               {late, []string{"--gaps", "-v"}},
		"a file whose rows were there":      {again, []string{"--gaps", "-v"}},
		"a failed file":                     {failed, []string{"--gaps", "-v"}},
		"as JSON":                           {files(), []string{"--gaps", "-o", "json"}},
		"a limit for the time that it took": {files(), []string{"-w", "open_time=1h", "-v"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.sound()
			w.Execute("DELETE FROM ingestion_log")
			if tc.entries == nil {
				w.Execute("DELETE FROM aggtrades_history")
			}
			w.Record(tc.entries...)
			code, opened := run(w.Args(tc.args...)...)
			w.current(tc.entries...)
			again, closed := run(w.Args(tc.args...)...)
			if slices.Contains(tc.args, "-v") && strings.Count(closed, closedNote+"\n") != 1 {
				t.Errorf("it was opened: %s", closed)
			}
			masked := func(out string) string {
				out = strings.Replace(out, closedNote+"\n", "", 1)
				out = strings.Replace(out, "\n|", " |", 1) // where that was the only line
				out = strings.Replace(out, `"`+closedNote+`",`, "", 1)
				return took.ReplaceAllString(w.Masked(out), "$1")
			}
			opened, closed = masked(opened), masked(closed)
			if diff := cmp.Diff(opened, closed); again != code || diff != "" {
				t.Errorf("exit code %d, closed %d (-opened +closed):\n%s", code, again, diff)
			}
		})
	}
}

// TestOpened: whatever happened to the database since, the snapshot is not taken for it; nor where it does not tell what was asked for.
func TestOpened(t *testing.T) {
	t.Parallel()
	lie := file("BTCUSDT", 3)
	lie.RowsInserted = 1100
	const truth = "OK: 500 rows, 2 symbols"
	tests := map[string]struct {
		change func(w *world)
		want   string
		args   []string
	}{
		"somebody wrote to it": {func(w *world) { w.Execute("DELETE FROM aggtrades_history WHERE symbol = 'ETHUSDT'") }, "OK: 300 rows", nil},
		"somebody wrote to it and set its time back": {func(w *world) {
			info, err := os.Stat(w.Path)
			w.Must(err)
			w.Execute("DELETE FROM aggtrades_history WHERE symbol = 'ETHUSDT'")
			w.Must(os.Chtimes(w.Path, info.ModTime(), info.ModTime()))
		}, "OK: 300 rows", nil},
		"somebody wrote to it and was killed": {func(w *world) { w.Killed("write DELETE FROM aggtrades_history WHERE symbol = 'ETHUSDT'") }, "OK: 300 rows", nil},
		"somebody writes to it":               {func(w *world) { w.Play("write") }, "CRITICAL: DIR/t.duckdb is held open for writing by PROCESS", nil},
		"its metadata is damaged": {func(w *world) {
			w.silently(func(b []byte) []byte {
				for at := 3*4096 + 100; at < len(b); at += 256 << 10 { // a bit of every block
					b[at] ^= 1
				}
				return b
			})
		}, "CRITICAL: DIR/t.duckdb is damaged: a block's checksum does not match", nil},
		"its headers are damaged": {func(w *world) {
			w.silently(func(b []byte) []byte { b[5000] ^= 1; b[9000] ^= 1; return b })
		}, "CRITICAL: DIR/t.duckdb is damaged: a block's checksum does not match", nil},
		"it was cut": {func(w *world) { w.silently(func(b []byte) []byte { return b[:len(b)/2] }) }, "CRITICAL: DIR/t.duckdb is damaged: it ends before its content does", nil},
		"another user's snapshot": {func(w *world) {
			if os.Geteuid() != 0 {
				w.T.Skip("needs root, to act as two users")
			}
			w.Must(os.Chown(ledger.PathFor(w.Path), 65534, 65534))
		}, truth, nil},
		"a run that did not know":        {func(w *world) { w.snapshot(3*time.Hour, lie) }, truth, nil},
		"a snapshot that cannot be read": {func(w *world) { w.Must(os.WriteFile(ledger.PathFor(w.Path), []byte("{"), 0o600)) }, truth, nil},
		"rows that the ledger does not account for": {func(w *world) {
			s, err := ledger.ReadSnapshot(ledger.PathFor(w.Path))
			w.Must(err)
			s.Accounted = false
			w.Must(s.Write(ledger.PathFor(w.Path)))
		}, truth, nil},
		"every block is to be read": {func(*world) {}, truth, []string{"--blocks"}},
		"every row is to be read":   {func(*world) {}, truth, []string{"--deep"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.sound()
			w.current(lie)
			if _, out := run(w.Args()...); !strings.HasPrefix(out, "INGEST DB OK: 1,100 rows, 1 symbol") {
				t.Fatalf("the snapshot is not used: %s", out)
			}
			tc.change(w)
			if _, out := run(w.Args(tc.args...)...); !strings.HasPrefix(w.Masked(out), "INGEST DB "+tc.want) {
				t.Errorf("%s\nwant %s", w.Masked(out), tc.want)
			}
		})
	}
}
