package load_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/ingest/load"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/synth"
	"github.com/check-ingest/check-ingest/internal/testfs"
)

// lines is plain CSV text of the ids from first on, spread over a day.
func lines(tb testing.TB, date string, first, n int64) []string {
	tb.Helper()
	out := make([]string, n)
	for i := range out {
		id := first + int64(i)
		out[i] = fmt.Sprintf("%d,61000.%d,0.5,%d,%d,%d,%t\n", id, id%10, 2*id, 2*id+1, day(tb, date).Micros()/1000+int64(i)*500, id%2 == 0)
	}
	return out
}

// TestFilesThatShareIDs has files of a series that overlap in every order and size. Each trade is there once, and all of each file is accounted for.
func TestFilesThatShareIDs(t *testing.T) {
	t.Parallel()
	reverse := func(l []string) []string { l = slices.Clone(l); slices.Reverse(l); return l }
	const d1, d2, d3, d4 = "2024-03-01", "2024-03-02", "2024-03-03", "2024-03-04"
	tests := map[string][]struct {
		market catalog.Market
		period string
		lines  []string
	}{
		"ids out of order that reach beyond all before, and a day that shares them": {
			{"", d1, lines(t, d1, 1, 10)}, {"", d2, reverse(lines(t, d2, 11, 50))}, {"", d3, lines(t, d3, 61, 20)}, {"", d4, lines(t, d4, 81, 1)},
		},
		"days in reverse order of ids": {
			{"", d1, lines(t, d1, 300, 10)}, {"", d2, lines(t, d2, 200, 10)}, {"", d3, lines(t, d3, 100, 10)}, {"", d4, lines(t, d4, 305, 10)},
		},
	}
	for name, files := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, batch := range []int64{0, 1} { // all in one transaction, and each in its own
				w := newWorld(t)
				seen := map[string]bool{}
				var want []string
				for _, f := range files {
					w.put(t, "futures/um/BTCUSDT-aggTrades-"+f.period+".csv", strings.Join(f.lines, ""))
				}
				r := w.load(t, func(c *load.Config) { c.BatchRows = batch })
				ids := w.ask(t, "SELECT agg_trade_id, count(*) FROM aggtrades_history GROUP BY ALL HAVING count(*) > 1 ORDER BY 1 LIMIT 5")
				if len(ids) > 0 {
					t.Errorf("batches of %d: trades that are there more than once: %v", batch, ids)
				}
				for _, f := range files {
					for _, l := range f.lines {
						id, _, _ := strings.Cut(l, ",")
						if !seen[id] {
							want = append(want, rowsOf(t, um("BTCUSDT"), l)...)
						}
						seen[id] = true
					}
				}
				if r.Totals.Conflicts == 0 {
					same(t, want, w.rows(t))
				}
				if len(seen) != len(w.rows(t)) {
					t.Errorf("batches of %d: %d rows, %d trades", batch, len(w.rows(t)), len(seen))
				}
			}
		})
	}
}

// TestFileThatFollowsOneOutOfOrder has a day whose ids were brought by a file before it whose own ids go back.
func TestFileThatFollowsOneOutOfOrder(t *testing.T) {
	t.Parallel()
	for _, batch := range []int64{0, 1} {
		w := newWorld(t)
		w.put(t, "BTCUSDT-aggTrades-2024-03-01.csv", strings.Join(lines(t, "2024-03-01", 1, 10), ""))
		back := lines(t, "2024-03-02", 11, 50)
		slices.Reverse(back)
		w.put(t, "BTCUSDT-aggTrades-2024-03-02.csv", strings.Join(back, ""))
		w.put(t, "BTCUSDT-aggTrades-2024-03-03.csv", strings.Join(lines(t, "2024-03-03", 41, 40), ""))
		r := w.load(t, func(c *load.Config) { c.BatchRows = batch })
		if n := w.ask(t, "SELECT count(*), count(DISTINCT agg_trade_id) FROM aggtrades_history"); n[0] != "80|80" {
			t.Errorf("batches of %d: rows and distinct ids are %s, expected 80 of each", batch, n)
		}
		if r.Totals.Conflicts != 20 {
			t.Errorf("batches of %d: %d conflicts, expected the ids that both days have", batch, r.Totals.Conflicts)
		}
	}
}

// TestFileThatReachesBeyond has a file that begins below the largest id of the table and ends above it, without sharing one.
func TestFileThatReachesBeyond(t *testing.T) {
	t.Parallel()
	for _, batch := range []int64{0, 1} {
		w := newWorld(t)
		w.put(t, "BTCUSDT-aggTrades-2024-03-01.csv", strings.Join(lines(t, "2024-03-01", 100, 10), ""))
		gap := lines(t, "2024-03-02", 50, 100)
		w.put(t, "BTCUSDT-aggTrades-2024-03-02.csv", strings.Join(append(gap[:50:50], gap[60:]...), "")) // 50 to 99 and 110 to 149
		w.put(t, "BTCUSDT-aggTrades-2024-03-03.csv", strings.Join(lines(t, "2024-03-03", 140, 20), ""))
		r := w.load(t, func(c *load.Config) { c.BatchRows = batch })
		if n := w.ask(t, "SELECT count(*), count(DISTINCT agg_trade_id) FROM aggtrades_history"); n[0] != "110|110" || r.Totals.Conflicts != 10 {
			t.Errorf("batches of %d: rows and distinct ids are %s, expected 110 of each; %d conflicts, expected 10", batch, n, r.Totals.Conflicts)
		}
	}
}

// TestFileAfterOneThatCouldNotReplace has a day that comes again with less than it brought, so that its old rows stay, and a day after it that shares ids with
// these.
func TestFileAfterOneThatCouldNotReplace(t *testing.T) {
	t.Parallel()
	for _, batch := range []int64{0, 1} {
		w := newWorld(t)
		w.put(t, "BTCUSDT-aggTrades-2024-03-01.csv", strings.Join(lines(t, "2024-03-01", 1, 100), ""))
		w.load(t)
		w.put(t, "BTCUSDT-aggTrades-2024-03-01.csv", strings.Join(lines(t, "2024-03-01", 1, 50), ""))
		w.put(t, "BTCUSDT-aggTrades-2024-03-02.csv", strings.Join(lines(t, "2024-03-02", 81, 70), ""))
		r, err := w.run(t, func(c *load.Config) { c.BatchRows, c.Replace = batch, true })
		if err == nil || r.Totals.Failed != 1 {
			t.Errorf("batches of %d: %v, %d files failed, expected that the first day is not replaced", batch, err, r.Totals.Failed)
		}
		if n := w.ask(t, "SELECT count(*), count(DISTINCT agg_trade_id) FROM aggtrades_history"); n[0] != "150|150" || r.Totals.Conflicts != 20 {
			t.Errorf("batches of %d: rows and distinct ids are %s, expected 150 of each; %d conflicts, expected 20", batch, n, r.Totals.Conflicts)
		}
	}
}

// TestLargeFiles are those that stream into the database: they find out afterwards whether they should have been staged.
func TestLargeFiles(t *testing.T) {
	t.Parallel()
	const many = 320_000 // rows of more than 16 MB
	first := daily(t, um("BTCUSDT"), "2024-03-01", many, 1000)
	second := first.Next()
	text, next := string(synth.CSV(first)), string(synth.CSV(second))
	rows := strings.SplitAfter(text, "\n")
	rows = rows[:len(rows)-1]
	shuffled := slices.Clone(rows)
	shuffled[200_000], shuffled[200_001] = shuffled[200_001], shuffled[200_000]
	twice := slices.Insert(slices.Clone(rows), 300_000, rows[5])
	bad := slices.Clone(rows)
	bad[310_000], bad[250_000] = "1,x\n", strings.Replace(bad[250_000], "true", "maybe", 1)
	bad[250_000] = strings.Replace(bad[250_000], "false", "maybe", 1)

	_, last, _ := strings.Cut(rows[many], ",") // rows[0] is the header
	far := slices.Clone(rows)
	far[many] = "900000000000," + last // farther than the size of the file lets expect

	tests := map[string]struct {
		before string // of the day, in an earlier run
		text   string
		status string
		counts [3]int64 // inserted, duplicate, conflict
		says   string
	}{
		"as it should be":                          {"", text, "success", [3]int64{many}, ""},
		"two rows out of order":                    {"", strings.Join(shuffled, ""), "success", [3]int64{many}, ""},
		"a row that comes again":                   {"", strings.Join(twice, ""), "success", [3]int64{many, 1}, ""},
		"rows the table has":                       {strings.Join(rows[1000:3001], ""), text, "success", [3]int64{many - 2001, 2001}, ""},
		"its first row":                            {rows[1], text, "success", [3]int64{many - 1, 1}, ""},
		"its last row":                             {rows[many], text, "success", [3]int64{many - 1, 1}, ""},
		"its first and its last rows":              {strings.Join(rows[1:11], "") + strings.Join(rows[many-9:], ""), text, "success", [3]int64{many - 20, 20}, ""},
		"all of its rows":                          {text, text, "success", [3]int64{0, many}, ""},
		"a row far away from the others":           {far[many], strings.Join(far, ""), "success", [3]int64{many - 1, 1}, ""},
		"two bad rows, of which the first is told": {"", strings.Join(bad, ""), "failed", [3]int64{}, "line 250001: is_buyer_maker \"maybe\": invalid boolean"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var want []string
			wantRows := many + many
			if tt.before != "" {
				// What another tool wrote into the table, of which the ledger knows nothing.
				w.put(t, "futures/um/BTCUSDT-aggTrades-2024-03-01.csv", tt.before)
				w.load(t)
				w.exec(t, "DELETE FROM ingestion_log")
			}
			w.put(t, "futures/um/BTCUSDT-aggTrades-2024-03-01.csv", tt.text)
			w.put(t, "futures/um/BTCUSDT-aggTrades-2024-03-02.csv", next)
			r, err := w.run(t)
			if (err != nil) != (tt.status == "failed") {
				t.Fatalf("%v\n%s", err, w.log)
			}
			f := r.Files[0]
			if f.Status != tt.status || f.Rows != tt.counts[0] || f.Duplicates != tt.counts[1] || f.Conflicts != tt.counts[2] || !strings.Contains(f.Error, tt.says) {
				t.Errorf("%+v\nexpected %s with %v, %s", f, tt.status, tt.counts, tt.says)
			}
			if tt.status == "failed" {
				wantRows = many
			}
			_ = want
			if n := w.ask(t, "SELECT count(*), count(DISTINCT agg_trade_id) FROM aggtrades_history"); n[0] != fmt.Sprintf("%d|%d", wantRows, wantRows) {
				t.Errorf("rows and distinct ids are %s, expected %d", n, wantRows)
			}
		})
	}
}

// TestLargeFileThatChangesBetweenReadings has a file of which the table has more rows than are kept aside, so that it is read twice, and somebody writes to it when the second
// reading begins.
func TestLargeFileThatChangesBetweenReadings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	day := daily(t, um("BTCUSDT"), "2024-03-01", 320_000, 1)
	text := synth.CSV(day)
	const known = 270_000
	rows := strings.SplitAfterN(string(text), "\n", known+2)
	w.put(t, "futures/um/"+day.Name(synth.Plain), strings.Join(rows[:known+1], ""))
	w.load(t)
	w.exec(t, "DELETE FROM ingestion_log")
	var readings int
	file := &testfs.File{Content: text}
	file.Reading = func(_ context.Context, offset int64) syscall.Errno {
		if offset == 0 {
			if readings++; readings == 2 {
				file.Later.Add(60)
			}
		}
		return 0
	}
	testfs.Served(t, filepath.Join(w.data, "futures/um"), map[string]*testfs.File{day.Name(synth.Plain): file})
	r, err := w.run(t, func(c *load.Config) { c.Retries = 0 })
	if err == nil || r.Totals.Failed != 1 || !strings.Contains(r.Files[0].Error, "something wrote to it while it was read") {
		t.Errorf("%v, %+v", err, r.Files)
	}
	if n := w.ask(t, "SELECT count(*) FROM aggtrades_history"); n[0] != strconv.Itoa(known) {
		t.Errorf("%s rows, expected those that were there", n)
	}
	r = w.load(t)
	if f := r.Files[0]; f.Rows != 320_000-known || f.Duplicates != known {
		t.Errorf("the next run: %+v", f)
	}
}

// TestIDOfTwoTradesInAdjacentDays has the real rows of issue 353: the last id of one day is the first of the next, with another trade. The one that was
// there first stays, whichever day comes first.
func TestIDOfTwoTradesInAdjacentDays(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(samples(t), "defects")
	tail, first := read(t, filepath.Join(folder, "spot-ZILBTC-2021-02-28-tail.csv")), read(t, filepath.Join(folder, "spot-ZILBTC-2021-03-01-head.csv"))
	const day1, day2 = "spot/ZILBTC-aggTrades-2021-02-28.csv", "spot/ZILBTC-aggTrades-2021-03-01.csv"
	without := func(text string) string {
		var b strings.Builder
		for l := range strings.Lines(text) {
			if !strings.HasPrefix(l, "12027555,") {
				b.WriteString(l)
			}
		}
		return b.String()
	}
	tests := map[string]struct {
		runs [][]string // the files that arrive before each run
		want string
		late bool // it is the earlier day whose trade is left out
	}{
		"both at once":        {[][]string{{day1, day2}}, tail + without(first), false},
		"one after the other": {[][]string{{day1}, {day2}}, tail + without(first), false},
		"the later day first": {[][]string{{day2}, {day1}}, without(tail) + first, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for _, files := range tt.runs {
				for _, f := range files {
					w.put(t, f, map[string]string{day1: tail, day2: first}[f])
				}
				w.load(t)
			}
			w.load(t)
			same(t, rowsOf(t, spot("ZILBTC"), tt.want), w.rows(t))
			const entry = "SELECT rows_inserted, rows_conflict, status, coalesce(error_message, '') FROM ingestion_log ORDER BY period_start"
			says := "partial|1 row left out: the database holds other trades with their ids, the first is agg_trade_id 12027555"
			want := []string{"9|0|success|", "4|1|" + says}
			if tt.late {
				want = []string{"8|1|" + says, "5|0|success|"}
			}
			if diff := cmp.Diff(want, w.ask(t, entry)); diff != "" {
				t.Errorf("ledger (-want +got):\n%s", diff)
			}
		})
	}
}
