package verify_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/ingest/verify"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/e2e/olddb"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// The columns that are stored in a database of ours.
const ours = "agg_trade_id, timestamp, symbol, price, quantity, side, market"

// again inserts rows of um BTCUSDT that are there once more, some columns replaced.
func again(where string, replaced ...string) string {
	values := strings.Split(ours, ", ")
	for _, r := range replaced {
		name, value, _ := strings.Cut(r, " = ")
		values[slices.Index(values, name)] = value
	}
	return "INSERT INTO aggtrades_history (" + ours + ") SELECT " + strings.Join(values, ", ") +
		" FROM aggtrades_history WHERE market = 'um' AND symbol = 'BTCUSDT' AND " + where
}

func set(assignment, where string) string {
	return "UPDATE aggtrades_history SET " + assignment + " WHERE market = 'um' AND symbol = 'BTCUSDT' AND " + where
}

func remove(where string) string {
	return "DELETE FROM aggtrades_history WHERE market = 'um' AND symbol = 'BTCUSDT' AND " + where
}

// TestEachPlantedDefectIsFound plants defects into a sound database, each into a copy, and expects what it leads to and nothing else.
//
// Days have 2,000 rows: ids 1,000,000 to 1,001,999 are those of 2024-03-01, and so on to 2024-03-10.
func TestEachPlantedDefectIsFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.days(t, catalog.UM, "BTCUSDT", "2024-03-01", 10, 2000, synth.UMHeader)
	w.days(t, catalog.Spot, "BTCUSDT", "2024-03-01", 10, 2000, synth.SpotMillis) // the same ids and symbol in another market
	w.days(t, catalog.UM, "ETHUSDT", "2024-03-01", 10, 2000, synth.UMHeader)
	w.load(t)
	nullable := []string{"ALTER TABLE aggtrades_history ALTER price DROP NOT NULL", "ALTER TABLE aggtrades_history ALTER agg_trade_id DROP NOT NULL"}
	for name, tc := range map[string]struct {
		plant []string
		want  map[string]int64
	}{
		"nothing": {},
		"rows that come twice": {
			[]string{again("agg_trade_id IN (1000005, 1003999)")},
			map[string]int64{"repeated_row": 2},
		},
		"a row three times": {
			[]string{again("agg_trade_id = 1000005"), again("agg_trade_id = 1000006"), again("agg_trade_id = 1000005 LIMIT 1")},
			map[string]int64{"repeated_row": 3},
		},
		"an id with another price": {
			[]string{again("agg_trade_id = 1000005", "price = price + 1")},
			map[string]int64{"conflicting_id": 1},
		},
		"an id with another time of the day": {
			[]string{again("agg_trade_id = 1000005", "timestamp = timestamp + INTERVAL 1 SECOND")},
			map[string]int64{"conflicting_id": 1},
		},
		"an id again on the next day": {
			[]string{again("agg_trade_id = 1001999", "timestamp = TIMESTAMP '2024-03-02 00:00:00'")},
			map[string]int64{"conflicting_id": 1, "outside_period": 1},
		},
		"an id again far away": {
			[]string{again("agg_trade_id = 1000005", "timestamp = TIMESTAMP '2024-03-09 00:00:00'")},
			map[string]int64{"conflicting_id": 1, "outside_period": 1},
		},
		"a day twice": {
			[]string{again("agg_trade_id BETWEEN 1004000 AND 1005999")},
			map[string]int64{"repeated_row": 2000},
		},
		"a price of 0":        {[]string{set("price = 0", "agg_trade_id = 1000005")}, map[string]int64{"bad_price": 1}},
		"a negative price":    {[]string{set("price = -1", "agg_trade_id IN (1000005, 1010005)")}, map[string]int64{"bad_price": 2}},
		"a negative quantity": {[]string{set("quantity = -0.00000001", "agg_trade_id = 1000005")}, map[string]int64{"bad_quantity": 1}},
		"quantities of 0":     {[]string{set("quantity = 0", "agg_trade_id % 3 = 0")}, nil},
		"no price":            {append(slices.Clone(nullable), set("price = NULL", "agg_trade_id = 1000005")), map[string]int64{"missing_value": 1}},
		"no id": {
			append(slices.Clone(nullable), set("agg_trade_id = NULL", "agg_trade_id = 1000005")),
			map[string]int64{"missing_value": 1, "ids_missing": 1, "rows_lost": 1},
		},
		"a time of 1970": {[]string{set("timestamp = TIMESTAMP '1970-01-01 00:00:01'", "agg_trade_id = 1000005")}, map[string]int64{"bad_time": 1, "outside_period": 1}},
		"a time of the year 56971, and one that never comes": {
			[]string{set("timestamp = TIMESTAMP '56971-01-01'", "agg_trade_id = 1000005"), set("timestamp = 'infinity'", "agg_trade_id = 1000006")},
			map[string]int64{"bad_time": 2, "outside_period": 2},
		},
		"rows of another day": {[]string{set("timestamp = timestamp + INTERVAL 1 DAY", "agg_trade_id IN (1000005, 1000006)")}, map[string]int64{"outside_period": 2}},
		"a row of years ago":  {[]string{set("timestamp = TIMESTAMP '2019-01-01'", "agg_trade_id = 1000000")}, map[string]int64{"outside_period": 1}},
		"ids lost":            {[]string{remove("agg_trade_id IN (1000005, 1000006, 1002999)")}, map[string]int64{"ids_missing": 3, "rows_lost": 3}},
		"the end of a day lost": {
			[]string{remove("agg_trade_id BETWEEN 1005990 AND 1005999")},
			map[string]int64{"ids_missing": 10, "rows_lost": 10},
		},
		"a day lost": {
			[]string{remove("agg_trade_id BETWEEN 1004000 AND 1005999")},
			map[string]int64{"days_missing": 1, "ids_missing": 2000, "rows_lost": 2000},
		},
		"the last day lost": {
			[]string{remove("agg_trade_id BETWEEN 1018000 AND 1019999")},
			map[string]int64{"days_missing": 1, "rows_lost": 2000},
		},
		"a day lost and not recorded": {
			[]string{remove("agg_trade_id BETWEEN 1004000 AND 1005999"), "DELETE FROM ingestion_log WHERE market = 'um' AND symbol = 'BTCUSDT' AND period_start = DATE '2024-03-03'"},
			map[string]int64{"days_missing": 1, "ids_missing": 2000},
		},
		"a row that no file brought": {
			[]string{again("agg_trade_id = 1019999", "agg_trade_id = 1020000")},
			map[string]int64{"rows_unrecorded": 1},
		},
		"a row within what a file brought": {
			[]string{"UPDATE ingestion_log SET rows_inserted = rows_inserted - 1 WHERE market = 'um' AND symbol = 'BTCUSDT' AND period_start = DATE '2024-03-03'"},
			map[string]int64{"rows_unrecorded": 1},
		},
		"an id beyond all others": {
			[]string{again("agg_trade_id = 1019999", "agg_trade_id = 9000000000000000000")},
			map[string]int64{"rows_unrecorded": 1, "ids_missing": 9000000000000000000 - 1020000},
		},
		"a price ten times as high": {[]string{set("price = price * 10", "agg_trade_id = 1008005")}, map[string]int64{"unusual_price": 1}},
		"a price of a tenth":        {[]string{set("price = price / 10", "agg_trade_id = 1008005")}, map[string]int64{"unusual_price": 1}},
		"the most of a day lost": {
			[]string{remove("agg_trade_id BETWEEN 1004100 AND 1005999")},
			map[string]int64{"ids_missing": 1900, "rows_lost": 1900, "unusual_rows_a_day": 1},
		},
		"rows left out by the loader": {
			[]string{"UPDATE ingestion_log SET rows_conflict = 3, status = 'partial' WHERE market = 'um' AND symbol = 'BTCUSDT' AND period_start = DATE '2024-03-03'"},
			map[string]int64{"rows_left_out": 3},
		},
		"everything at once": {
			[]string{
				again("agg_trade_id = 1000005"), again("agg_trade_id = 1002005", "price = price + 1"), set("price = 0", "agg_trade_id = 1004005"),
				set("quantity = -1", "agg_trade_id = 1006005"), set("timestamp = timestamp + INTERVAL 1 DAY", "agg_trade_id = 1008005"),
				remove("agg_trade_id = 1010005"), again("agg_trade_id = 1019999", "agg_trade_id = 1020000"),
			},
			map[string]int64{
				"repeated_row": 1, "conflicting_id": 1, "bad_price": 1, "bad_quantity": 1, "outside_period": 1, "ids_missing": 1, "rows_lost": 1, "rows_unrecorded": 1,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := w.copied(t)
			change(t, path, tc.plant...)
			want := map[string]int64{}
			for kind, n := range tc.want {
				want["BTCUSDT "+kind] = n
			}
			r := run(t, path)
			if diff := cmp.Diff(want, found(r.Defects, r.Warnings)); diff != "" {
				t.Errorf("(-want +got):\n%s\n%s", diff, r.Text())
			}
			for _, f := range r.Defects {
				if f.Market != catalog.UM {
					t.Errorf("found in market %q: %s", f.Market, f.Text)
				}
			}
			if name == "everything at once" {
				kept(t, "defects.golden", strings.ReplaceAll(string(r.Text()), w.data, "/data"))
			}
		})
	}
}

// TestTheScriptsTablesAreVerified plants defects into each shape that the Python scripts left.
func TestTheScriptsTablesAreVerified(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes minutes with the race detector, and runs what other tests run")
	}
	for _, shape := range olddb.Shapes() {
		t.Run(shape.Name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			names := "agg_trade_id, timestamp, symbol, price, quantity, side, gross_value"
			id, idValue := "", ""
			if strings.Contains(shape.Trades, "(id BIGINT") && !strings.Contains(shape.Trades, "nextval") {
				id, idValue = "id, ", "i, "
			}
			insert := func(from, to, offset int) string {
				return fmt.Sprintf(`INSERT INTO aggtrades_history (%s%s) SELECT %s%d + i, TIMESTAMP '2024-01-01' + i * INTERVAL 43 SECOND, 'BTCUSDT',
					100 + i %% 10, 2, CASE WHEN i %% 2 = 0 THEN 'buy' ELSE 'sell' END, (100 + i %% 10) * 2 FROM range(%d, %d) r(i)`, id, names, idValue, offset, from, to)
			}
			change(t, w.db, append(shape.Statements(), insert(0, 6000, 10))...)
			if r := run(t, w.db); len(r.Defects)+len(r.Warnings) > 0 || r.Rows != 6000 || len(r.Notes) != 1 {
				t.Fatalf("%+v", r)
			}
			change(t, w.db, "UPDATE aggtrades_history SET gross_value = gross_value + 1 WHERE agg_trade_id = 20", "UPDATE aggtrades_history SET side = 'Buy' WHERE agg_trade_id = 21")
			change(t, w.db, "UPDATE aggtrades_history SET price = 0, gross_value = 0 WHERE agg_trade_id = 22", "DELETE FROM aggtrades_history WHERE agg_trade_id = 23")
			want := map[string]int64{"BTCUSDT bad_gross_value": 1, "BTCUSDT bad_side": 1, "BTCUSDT bad_price": 1, "BTCUSDT ids_missing": 1}
			if !shape.Keyed && id == "" {
				change(t, w.db, strings.Replace(insert(90, 92, 10), "range(90", "range(90", 1))
				want["BTCUSDT repeated_row"] = 2
			}
			r := run(t, w.db, func(c *verify.Config) { c.Market = catalog.UM })
			if diff := cmp.Diff(want, found(r.Defects, r.Warnings)); diff != "" {
				t.Errorf("(-want +got):\n%s\n%s", diff, r.Text())
			}
			if len(r.Notes) != 2 {
				t.Errorf("notes %q", r.Notes)
			}
		})
	}
}

// TestScopes looks at some of the series and days only.
func TestScopes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.days(t, catalog.UM, "BTCUSDT", "2024-03-01", 10, 500, synth.UMHeader)
	w.days(t, catalog.Spot, "BTCUSDT", "2024-03-01", 10, 500, synth.SpotMillis)
	w.days(t, catalog.UM, "ETHUSDT", "2024-03-01", 10, 500, synth.UMHeader)
	w.load(t)
	change(t, w.db, set("price = 0", "agg_trade_id = 1000100"), again("agg_trade_id = 1002600"), remove("agg_trade_id = 1004000"),
		set("timestamp = timestamp + INTERVAL 6 DAY", "agg_trade_id = 1001000"))
	d := func(s string) *catalog.Day { x := day(t, s); return &x }
	for name, tc := range map[string]struct {
		change func(*verify.Config)
		rows   int64
		want   map[string]int64
	}{
		"another market":    {func(c *verify.Config) { c.Market = catalog.Spot }, 5000, nil},
		"another symbol":    {func(c *verify.Config) { c.Symbols = []string{"ETHUSDT"} }, 5000, nil},
		"two symbols":       {func(c *verify.Config) { c.Symbols, c.Last = []string{"ETHUSDT", "BTCUSDT"}, d("2024-03-01") }, 1500, map[string]int64{"BTCUSDT bad_price": 1}},
		"a symbol of none":  {func(c *verify.Config) { c.Symbols = []string{"XRPUSDT"} }, 0, map[string]int64{"XRPUSDT no_rows": 0}},
		"a day":             {func(c *verify.Config) { c.First, c.Last = d("2024-03-02"), d("2024-03-02") }, 1500, nil},
		"its row elsewhere": {func(c *verify.Config) { c.First, c.Last = d("2024-03-03"), d("2024-03-03") }, 1499, map[string]int64{"BTCUSDT outside_period": 1}},
		"from a day on": {
			func(c *verify.Config) { c.First = d("2024-03-06"); c.Symbols = []string{"BTCUSDT"} }, 5001,
			map[string]int64{"BTCUSDT repeated_row": 1, "BTCUSDT ids_missing": 1, "BTCUSDT rows_lost": 1, "BTCUSDT outside_period": 1},
		},
		"days that nobody loaded": {
			func(c *verify.Config) { c.First, c.Last, c.Market = d("2024-02-28"), d("2024-03-12"), catalog.Spot }, 5000,
			map[string]int64{"BTCUSDT days_missing": 4},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := w.copied(t)
			r := run(t, path, tc.change)
			if tc.want == nil {
				tc.want = map[string]int64{}
			}
			if diff := cmp.Diff(tc.want, found(r.Defects, r.Warnings)); diff != "" || r.Rows != tc.rows {
				t.Errorf("%d rows (-want +got):\n%s\n%s", r.Rows, diff, r.Text())
			}
		})
	}
}

// TestSamplesSayWhatTheyAre looks at some days and claims nothing of the others.
func TestSamplesSayWhatTheyAre(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.days(t, catalog.UM, "BTCUSDT", "2024-03-01", 9, 500, synth.UMHeader)
	w.load(t)
	change(t, w.db, set("price = 0", "agg_trade_id = 1000600"), set("price = 0", "agg_trade_id = 1002100"))
	r := run(t, w.db, func(c *verify.Config) { c.Sample = 3 })
	want := []catalog.Day{day(t, "2024-03-01"), day(t, "2024-03-05"), day(t, "2024-03-09")}
	if r.Rows != 1500 || r.Sample == nil || r.Sample.OfDays != 9 || cmp.Diff(want, r.Sample.Days) != "" || r.Checked.Neighbours != verify.Nothing {
		t.Errorf("%d rows, sample %+v, checked %+v", r.Rows, r.Sample, r.Checked)
	}
	if diff := cmp.Diff(map[string]int64{"BTCUSDT bad_price": 1}, found(r.Defects, r.Warnings)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	text := string(r.Text())
	for _, part := range []string{"A sample of 3 of 9 days, and nothing is known of the others", "2024-03-05", "1,500 of 4,500 rows"} {
		if !strings.Contains(strings.ReplaceAll(text, "\n", " "), part) {
			t.Errorf("no %q in\n%s", part, text)
		}
	}
	r = run(t, w.db, func(c *verify.Config) { c.Sample = 1 })
	if text := string(r.Text()); strings.Contains(text, "Sound") || len(r.Defects) > 0 || !strings.Contains(text, "No defect in the sample") {
		t.Errorf("a sample claims more than it saw:\n%s", text)
	}
	r = run(t, w.db, func(c *verify.Config) {
		c.Sample = 1000
		c.Now = func() time.Time { return day(t, "2024-04-01").Time() }
	})
	if r.Rows != 4500 {
		t.Errorf("%d rows of more days than there are", r.Rows)
	}
}
