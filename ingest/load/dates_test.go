package load_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/ingest/load"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// asked asks for some days.
func asked(tb testing.TB, first, last string) func(*load.Config) {
	tb.Helper()
	return func(c *load.Config) {
		if first != "" {
			d := day(tb, first)
			c.First = &d
		}
		if last != "" {
			d := day(tb, last)
			c.Last = &d
		}
	}
}

// loadedDays are the days of January 2024 that have rows, as numbers.
func (w *world) loadedDays(tb testing.TB) string {
	tb.Helper()
	return strings.Join(w.ask(tb, "SELECT DISTINCT day(timestamp) FROM aggtrades_history ORDER BY 1"), " ")
}

func span(first, last int) string {
	var days []string
	for d := first; d <= last; d++ {
		days = append(days, fmt.Sprint(d))
	}
	return strings.Join(days, " ")
}

// TestDaysOfAMonth loads a month piece by piece. What lies between two pieces is loaded with the second, since an entry of the ledger stands for days
// that follow one another; nothing is ever taken to be loaded that is not.
func TestDaysOfAMonth(t *testing.T) {
	t.Parallel()
	for name, rows := range map[string]int{"small": 3100, "large": 320_000} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			spec := monthly(t, um("BTCUSDT"), "2024-01", rows, 1)
			w.make(t, spec, synth.Plain)
			text := string(synth.CSV(spec))
			steps := []struct {
				first, last string
				days        string
				entry       string
			}{
				{"2024-01-05", "2024-01-10", span(5, 10), "2024-01-05|2024-01-10"},
				{"2024-01-06", "2024-01-08", span(5, 10), "2024-01-05|2024-01-10"},
				{"2024-01-08", "2024-01-12", span(5, 12), "2024-01-05|2024-01-12"},
				{"2024-01-20", "2024-01-25", span(5, 25), "2024-01-05|2024-01-25"},
				{"2023-12-01", "2024-01-02", span(1, 25), "2024-01-01|2024-01-25"},
				{"", "2024-01-25", span(1, 25), "2024-01-01|2024-01-25"},
				{"2024-01-31", "", span(1, 31), "2024-01-01|2024-01-31"},
				{"", "", span(1, 31), "2024-01-01|2024-01-31"},
			}
			for i, step := range steps {
				r := w.load(t, asked(t, step.first, step.last))
				if got := w.loadedDays(t); got != step.days {
					t.Errorf("step %d: days %s, expected %s", i, got, step.days)
				}
				if r.Totals.Duplicates+r.Totals.Conflicts > 0 {
					t.Errorf("step %d: rows were read twice: %+v", i, r.Totals)
				}
				if got := w.ask(t, "SELECT CAST(period_start AS VARCHAR), CAST(period_end AS VARCHAR) FROM ingestion_log"); len(got) != 1 || got[0] != step.entry {
					t.Errorf("step %d: entry %v, expected %s", i, got, step.entry)
				}
				if n := w.ask(t, "SELECT (SELECT count(*) FROM aggtrades_history) - (SELECT sum(rows_inserted) FROM ingestion_log)"); n[0] != "0" {
					t.Errorf("step %d: the table has %s rows more than the ledger says", i, n)
				}
				if i == 1 && r.Totals.Skipped != 1 {
					t.Errorf("step %d: %+v", i, r.Totals)
				}
				if done := r.Totals; done.Loaded == 1 && done.Rows+done.Outside != int64(rows) {
					t.Errorf("step %d: rows %d inserted and %d outside, of %d", i, done.Rows, done.Outside, rows)
				}
			}
			if name == "small" {
				same(t, rowsOf(t, um("BTCUSDT"), text), w.rows(t))
			}
			if n := w.ask(t, "SELECT count(*), count(DISTINCT agg_trade_id) FROM aggtrades_history"); n[0] != fmt.Sprintf("%d|%d", rows, rows) {
				t.Errorf("rows and distinct ids are %v, expected %d", n, rows)
			}
			if got := w.ask(t, "SELECT status, row_count, rows_inserted, first_agg_trade_id, last_agg_trade_id, ids_missing, coalesce(days_missing, '') FROM ingestion_log"); got[0] != fmt.Sprintf("success|%d|%d|1|%d|0|", rows, rows, rows) {
				t.Errorf("entry %v", got)
			}
		})
	}
}

// TestHoleOutsideOfTheDaysAskedFor has a month without its 20th, of which the days around it are asked for later.
func TestHoleOutsideOfTheDaysAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	text := string(synth.CSV(monthly(t, um("BTCUSDT"), "2024-01", 3100, 1)))
	hole := ofDay(t, text, "2024-01-20")
	w.put(t, "futures/um/BTCUSDT-aggTrades-2024-01.csv", strings.Replace(text, hole, "", 1))
	w.load(t, asked(t, "2024-01-18", "2024-01-22"))
	w.load(t, asked(t, "2024-01-23", "2024-01-24"))
	if got := w.ask(t, "SELECT days_missing FROM ingestion_log"); got[0] != "2024-01-20" {
		t.Errorf("days missing: %v", got)
	}
	opens := watchOpens(t, w.data)
	w.load(t, asked(t, "2024-01-18", "2024-01-24"))
	if names := opens.opened(); len(names) > 0 {
		t.Errorf("opened %v, although the file does not have the day", names)
	}
	// A daily file may bring it.
	w.put(t, "futures/um/BTCUSDT-aggTrades-2024-01-20.csv", synth.Header+"\n"+hole)
	w.load(t)
	same(t, rowsOf(t, um("BTCUSDT"), text), w.rows(t))
}

// TestMonthsAndDays has monthly and daily files of the same days in every order of arrival.
func TestMonthsAndDays(t *testing.T) {
	t.Parallel()
	month := string(synth.CSV(monthly(t, um("BTCUSDT"), "2024-01", 3100, 1)))
	all := rowsOf(t, um("BTCUSDT"), month)
	putDay := func(t *testing.T, w *world, date string) {
		t.Helper()
		w.put(t, "futures/um/BTCUSDT-aggTrades-"+date+".csv", synth.Header+"\n"+ofDay(t, month, date))
	}
	putMonth := func(t *testing.T, w *world) {
		t.Helper()
		w.put(t, "futures/um/BTCUSDT-aggTrades-2024-01.csv", month)
	}
	someDays := []string{"2024-01-01", "2024-01-15", "2024-01-31"}
	tests := map[string]struct {
		first, second func(*testing.T, *world)
		loaded        [2]int // files that each run loads
	}{
		"some days, then the month": {
			func(t *testing.T, w *world) {
				t.Helper()
				for _, d := range someDays {
					putDay(t, w, d)
				}
			}, putMonth, [2]int{3, 1},
		},
		"the month, then some days": {
			putMonth, func(t *testing.T, w *world) {
				t.Helper()
				for _, d := range someDays {
					putDay(t, w, d)
				}
			}, [2]int{1, 0},
		},
		"both at once": {
			func(t *testing.T, w *world) {
				t.Helper()
				putMonth(t, w)
				for _, d := range someDays {
					putDay(t, w, d)
				}
			}, func(*testing.T, *world) {}, [2]int{4, 0},
		},
		"all days and the month at once": {
			func(t *testing.T, w *world) {
				t.Helper()
				putMonth(t, w)
				for d := range 31 {
					putDay(t, w, fmt.Sprintf("2024-01-%02d", d+1))
				}
			}, func(*testing.T, *world) {}, [2]int{31, 0},
		},
		"all days, then the month": {
			func(t *testing.T, w *world) {
				t.Helper()
				for d := range 31 {
					putDay(t, w, fmt.Sprintf("2024-01-%02d", d+1))
				}
			}, putMonth, [2]int{31, 0},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			tt.first(t, w)
			first := w.load(t)
			tt.second(t, w)
			second := w.load(t)
			if got := [2]int{first.Totals.Loaded, second.Totals.Loaded}; got != tt.loaded {
				t.Errorf("files loaded by each run: %v, expected %v", got, tt.loaded)
			}
			if first.Totals.Duplicates+second.Totals.Duplicates > 0 {
				t.Error("rows were read that need not be")
			}
			same(t, all, w.rows(t))
			rows, ledger := w.rows(t), w.ledger(t)
			if r := w.load(t); r.Totals.Loaded > 0 {
				t.Errorf("a third run: %+v", r.Totals)
			}
			same(t, rows, w.rows(t))
			if diff := cmp.Diff(ledger, w.ledger(t)); diff != "" {
				t.Errorf("ledger after a third run (-before +after):\n%s", diff)
			}
		})
	}
}

// TestMonthStandsInForADayThatFails has all days and the month, and one of the days is broken.
func TestMonthStandsInForADayThatFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	month := string(synth.CSV(monthly(t, um("BTCUSDT"), "2024-01", 3100, 1)))
	w.put(t, "futures/um/BTCUSDT-aggTrades-2024-01.csv", month)
	for d := range 31 {
		date := fmt.Sprintf("2024-01-%02d", d+1)
		text := synth.Header + "\n" + ofDay(t, month, date)
		if d == 9 {
			text = text[:len(text)-5]
		}
		w.put(t, "futures/um/BTCUSDT-aggTrades-"+date+".csv", text)
	}
	r, err := w.run(t)
	if load.ExitCodeOf(err) != load.ExitSomeFailed || r.Totals.Failed != 1 || r.Totals.Loaded != 31 {
		t.Errorf("%v, %+v", err, r.Totals)
	}
	same(t, rowsOf(t, um("BTCUSDT"), month), w.rows(t))
	if r, err = w.run(t); load.ExitCodeOf(err) != load.ExitSomeFailed && err != nil || r.Totals.Loaded > 0 {
		t.Errorf("a second run: %v, %+v", err, r.Totals)
	}
	same(t, rowsOf(t, um("BTCUSDT"), month), w.rows(t))
}

// TestMissingDays names the days nobody has, from the first asked for to the last.
func TestMissingDays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, date := range []string{"2024-02-27", "2024-03-01", "2024-03-02", "2024-03-05"} {
		w.make(t, daily(t, um("BTCUSDT"), date, 10, int64(day(t, date))*100), synth.Plain)
	}
	w.make(t, daily(t, um("ETHUSDT"), "2024-03-01", 10, 1), synth.Plain)
	missing := func(changes ...func(*load.Config)) []string {
		t.Helper()
		var out []string
		for _, m := range w.load(t, changes...).Missing {
			for _, p := range m.Ranges {
				out = append(out, fmt.Sprintf("%s %s %d", m.Symbol, p, m.Days))
			}
		}
		return out
	}
	tests := []struct {
		what  string
		first string
		last  string
		want  []string
	}{
		{"between the first and the last found", "", "", []string{"BTCUSDT 2024-02-28..2024-02-29 4", "BTCUSDT 2024-03-03..2024-03-04 4"}},
		{"before the first and after the last", "2024-02-26", "2024-03-06", []string{
			"BTCUSDT 2024-02-26 6", "BTCUSDT 2024-02-28..2024-02-29 6", "BTCUSDT 2024-03-03..2024-03-04 6", "BTCUSDT 2024-03-06 6",
			"ETHUSDT 2024-02-26..2024-02-29 9", "ETHUSDT 2024-03-02..2024-03-06 9",
		}},
		{"none", "2024-03-01", "2024-03-01", nil},
	}
	for _, tt := range tests {
		for _, again := range []bool{false, true} {
			if diff := cmp.Diff(tt.want, missing(asked(t, tt.first, tt.last))); diff != "" {
				t.Errorf("%s, again %t (-want +got):\n%s", tt.what, again, diff)
			}
		}
	}
	if n := len(w.rows(t)); n != 50 {
		t.Errorf("%d rows", n)
	}
}

// TestDayOfAPartOfAMonth has a daily file bring a day that is asked for of a month of which only a part is loaded; the rest of the month is none of anybody's
// business until the daily file fails.
func TestDayOfAPartOfAMonth(t *testing.T) {
	t.Parallel()
	for _, broken := range []bool{false, true} {
		w := newWorld(t)
		month := string(synth.CSV(monthly(t, um("BTCUSDT"), "2024-01", 3100, 1)))
		w.put(t, "futures/um/BTCUSDT-aggTrades-2024-01.csv", month)
		w.load(t, asked(t, "2024-01-05", "2024-01-10"))
		text, want := synth.Header+"\n"+ofDay(t, month, "2024-01-20"), span(5, 10)+" 20"
		if broken {
			text, want = "x\n", span(5, 20)
		}
		w.put(t, "futures/um/BTCUSDT-aggTrades-2024-01-20.csv", text)
		if _, err := w.run(t, asked(t, "2024-01-20", "2024-01-20")); (err != nil) != broken {
			t.Fatal(err)
		}
		if got := w.loadedDays(t); got != want {
			t.Errorf("broken %t: days %s, expected %s", broken, got, want)
		}
		w.load(t) // the broken file is not needed any more
		same(t, rowsOf(t, um("BTCUSDT"), month), w.rows(t))
	}
}

// TestEndsOfADay has rows in the first and last instant of days, in milliseconds and microseconds, and asks for one day.
func TestEndsOfADay(t *testing.T) {
	t.Parallel()
	micros := func(d string) int64 { return day(t, d).Micros() }
	tests := map[string]struct {
		scale int64 // microseconds in an instant
		text  string
	}{
		"milliseconds": {1000, "%d,61000.5,0.5,%d,%d,%d,true\n"},
		"microseconds": {1, "%d,61000.5,0.5,%d,%d,%d,True,True\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var text strings.Builder
			for i, us := range []int64{
				micros("2024-03-30"), micros("2024-03-31") - tt.scale, micros("2024-03-31"), micros("2024-04-01") - tt.scale, // a day on which clocks change in Europe
			} {
				fmt.Fprintf(&text, tt.text, i+1, i+1, i+1, us/tt.scale)
			}
			w.put(t, "futures/um/BTCUSDT-aggTrades-2024-03.csv", text.String())
			r := w.load(t, asked(t, "2024-03-31", "2024-03-31"))
			if r.Totals.Rows != 2 || r.Totals.Outside != 2 {
				t.Errorf("%+v", r.Totals)
			}
			want := []string{"3|2024-03-31 00:00:00", "4|2024-03-31 23:59:59.999"}
			if tt.scale == 1 {
				want[1] += "999"
			}
			if diff := cmp.Diff(want, w.ask(t, "SELECT agg_trade_id, CAST(timestamp AS VARCHAR) FROM aggtrades_history ORDER BY 1")); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}
