package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/e2e/olddb"
	"github.com/check-ingest/check-ingest/internal/ledger"
)

// firstDay is the day that the rows of trades are of.
func firstDay() catalog.Day { return catalog.DayOfMicros(1_704_067_200_000_000) }

// soon is a moment after every one of these rows.
func soon() time.Time { return firstDay().Time().AddDate(0, 0, 2) }

func quiet(string) {}

// oneFile is the ledger's entry of rows first to last of a series.
func oneFile(s catalog.Series, p catalog.Period, first, last int64) ledger.Entry {
	return ledger.Entry{
		FilePath: "/data/" + string(s.Market) + "/" + s.Symbol + p.String() + ".csv", Market: s.Market, Symbol: s.Symbol, Status: ledger.Success, Period: p, FirstID: first, LastID: last,
		RowCount: last - first + 1, RowsInserted: last - first + 1, ProcessedAt: soon(), LastTradeAt: soon(), RunID: "r1", Attempts: 1,
	}
}

// TestExamineFindsEachPlantedDefect plants defects by SQL into a sound table of each shape.
func TestExamineFindsEachPlantedDefect(t *testing.T) {
	t.Parallel()
	set := func(column, value string) string {
		return fmt.Sprintf("UPDATE aggtrades_history SET %s = %s WHERE agg_trade_id IN (7, 8)", column, value)
	}
	tests := map[string]struct {
		plant   string
		defect  Defect
		rows    int64
		example int64
	}{
		"nothing":              {plant: "SELECT 1"},
		"rows that come twice": {"INSERT INTO aggtrades_history BY NAME SELECT COLUMNS(c -> c NOT IN ('gross_value', 'id') OR c = 'gross_value' AND $stored OR c = 'id' AND $id) FROM aggtrades_history WHERE agg_trade_id IN (5, 9)", Duplicate, 2, 5},
		"a price of 0":         {set("price", "0"), BadPrice, 2, 7},
		"a negative price":     {set("price", "-1"), BadPrice, 2, 7},
		"a negative quantity":  {set("quantity", "-0.00000001"), BadQuantity, 2, 7},
		"a quantity of 0":      {plant: "UPDATE aggtrades_history SET quantity = 0 WHERE agg_trade_id = 997"},
		"another side":         {set("side", "'Buy'"), BadSide, 2, 7},
		"a wrong gross_value":  {set("gross_value", "gross_value + 1"), BadGrossValue, 2, 7},
		"a time of 1970":       {set("timestamp", "TIMESTAMP '1970-01-01 00:00:01'"), BadTime, 2, 7},
		"a time far ahead":     {set("timestamp", "TIMESTAMP '56971-01-01'"), BadTime, 2, 7},
		"another day":          {set("timestamp", "timestamp + INTERVAL 1 DAY"), OutsidePeriod, 2, 7},
		"no price":             {set("price", "NULL"), Null, 2, 7},
		"no gross_value":       {set("gross_value", "NULL"), Null, 2, 7},
		"not a number":         {set("price", "'nan'"), BadPrice, 2, 7},
		"an infinite quantity": {set("quantity", "'inf'"), BadQuantity, 2, 7},
	}
	for _, shape := range shapes() {
		t.Run(shape.Name, func(t *testing.T) {
			t.Parallel()
			db := shaped(t, shape)
			inserted(t, db, um("BTCUSDT"), trades(1, 1000))
			entries := []ledger.Entry{oneFile(um("BTCUSDT"), catalog.DayPeriod(firstDay()), 1, 1000)}
			for name, tc := range tests {
				planted, possible := plantable(db.Table(), tc.plant, shape)
				if !possible {
					continue // no such row can be in this table
				}
				for _, statement := range []string{"BEGIN", planted} {
					if _, err := db.conn.ExecContext(t.Context(), statement); err != nil {
						t.Fatalf("%s: %v", name, err)
					}
				}
				x, err := db.Examine(t.Context(), Scope{}, entries, soon(), quiet)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if _, err := db.conn.ExecContext(t.Context(), "ROLLBACK"); err != nil {
					t.Fatal(err)
				}
				f := find(x, tc.defect)
				if tc.rows > 0 && (f.Rows != tc.rows || f.Example != tc.example || f.Series.Symbol != "BTCUSDT") {
					t.Errorf("%s: %v among %v, want %d rows from %d", name, f, x.Findings, tc.rows, tc.example)
				}
				// A changed price, quantity or time makes a stored gross_value wrong, or the row one of another day, as well.
				if tc.rows == 0 && len(x.Findings) > 0 {
					t.Errorf("%s: found %v", name, x.Findings)
				}
			}
		})
	}
}

// plantable is the statement that plants a defect into a table, false where its types or keys rule it out.
func plantable(table Table, statement string, shape olddb.Shape) (string, bool) {
	gross, _ := table.Column("gross_value")
	id, hasID := table.Column("id")
	statement = strings.NewReplacer("$stored", fmt.Sprint(!gross.Computed), "$id", fmt.Sprint(hasID && !id.Default && shape.Name != "id as primary key without default")).Replace(statement)
	set := func(c string) bool { return strings.Contains(statement, "SET "+c+" =") }
	for _, c := range table.Columns {
		switch {
		case !set(c.Name):
		case c.Computed, strings.Contains(statement, "NULL") && c.NotNull, strings.Contains(statement, "Buy") && c.Type == ourSide,
			(strings.Contains(statement, "nan") || strings.Contains(statement, "inf'")) && c.Type != "DOUBLE":
			return "", false
		}
	}
	doubles := strings.HasPrefix(statement, "INSERT")
	return statement, !doubles || !table.Keyed() && shape.Name != "id as primary key without default"
}

// find is the finding of a defect, without one the zero Finding.
func find(x Examination, d Defect) Finding {
	for _, f := range x.Findings {
		if f.Defect == d {
			return f
		}
	}
	return Finding{}
}

// TestExamineOverManyBuckets finds duplicates wherever they lie among ids far apart, in one series and not in the next.
func TestExamineOverManyBuckets(t *testing.T) {
	t.Parallel()
	db := created(t)
	const width = int64(1) << bucketBits
	ids := []int64{0, 1, width - 1, width, width, width + 1, 2*width - 1, 2*width - 1, 3 * width, 3 * width, 3 * width, 1 << 40, 1<<62 - 1, 1 << 62, 1 << 62}
	var rows []trade
	for _, id := range ids {
		r := trades(1, 1)[0]
		r.id = id
		rows = append(rows, r)
	}
	inserted(t, db, um("BTCUSDT"), rows)
	inserted(t, db, catalog.Series{Market: catalog.Spot, Symbol: "BTCUSDT"}, trades(width, 2))
	inserted(t, db, um("ETHUSDT"), trades(3*width, 3))
	x, err := db.Examine(t.Context(), Scope{}, nil, soon(), quiet)
	if err != nil {
		t.Fatal(err)
	}
	want := []Finding{{Defect: Duplicate, Series: um("BTCUSDT"), Rows: 5, Example: width}}
	if diff := cmp.Diff(want, keep(x, Duplicate)); diff != "" || x.Rows != int64(len(ids))+5 || x.Count(Duplicate) != 5 {
		t.Errorf("of %d rows (-want +got):\n%s", x.Rows, diff)
	}
	if got, want := want[0].String(), fmt.Sprintf("um BTCUSDT: 5 rows with repeated id, the first of id %d", width); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestExamineWithoutAnExchange: some of the scripts' tables have the column and leave it empty, and ids repeat in them as well.
func TestExamineWithoutAnExchange(t *testing.T) {
	t.Parallel()
	path := written(t, "CREATE TABLE aggtrades_history (agg_trade_id BIGINT, timestamp TIMESTAMP, symbol VARCHAR, price DOUBLE, quantity DOUBLE, side VARCHAR, exchange VARCHAR)",
		"INSERT INTO aggtrades_history SELECT i // 2, TIMESTAMP '2024-01-01', 'BTCUSDT', 1, 1, 'buy', CASE WHEN i < 6 THEN NULL ELSE 'binance' END FROM range(10) r(i)")
	x, err := opened(t, path).Examine(t.Context(), Scope{}, nil, soon(), quiet)
	if err != nil || x.Count(Duplicate) != 5 {
		t.Errorf("%+v, %v, expected 5 duplicates", x, err)
	}
}

func keep(x Examination, d Defect) []Finding {
	var found []Finding
	for _, f := range x.Findings {
		if f.Defect == d {
			found = append(found, f)
		}
	}
	return found
}

func TestExamineKeepsToItsScope(t *testing.T) {
	t.Parallel()
	db := created(t)
	spot := catalog.Series{Market: catalog.Spot, Symbol: "BTCUSDT"}
	for _, s := range []catalog.Series{um("BTCUSDT"), spot, um("ETHUSDT")} {
		inserted(t, db, s, append(trades(1, 10), trades(1, 1)...))
	}
	tests := map[string]struct {
		scope Scope
		rows  int64
		found []catalog.Series
	}{
		"everything":       {Scope{}, 33, []catalog.Series{spot, um("BTCUSDT"), um("ETHUSDT")}},
		"a symbol":         {Scope{Symbols: []string{"BTCUSDT"}}, 22, []catalog.Series{spot, um("BTCUSDT")}},
		"two symbols":      {Scope{Symbols: []string{"BTCUSDT", "ETHUSDT"}}, 33, []catalog.Series{spot, um("BTCUSDT"), um("ETHUSDT")}},
		"a market":         {Scope{Market: catalog.UM}, 22, []catalog.Series{um("BTCUSDT"), um("ETHUSDT")}},
		"a series":         {Scope{Symbols: []string{"BTCUSDT"}, Market: catalog.UM}, 11, []catalog.Series{um("BTCUSDT")}},
		"an absent symbol": {Scope{Symbols: []string{"' OR true --"}}, 0, nil},
	}
	for name, tc := range tests {
		x, err := db.Examine(t.Context(), tc.scope, nil, soon(), quiet)
		if err != nil {
			t.Fatal(err)
		}
		var found []catalog.Series
		for _, f := range x.Findings {
			found = append(found, f.Series)
		}
		if diff := cmp.Diff(tc.found, found); diff != "" || x.Rows != tc.rows {
			t.Errorf("%s: %d rows, want %d; series (-want +got):\n%s", name, x.Rows, tc.rows, diff)
		}
	}
}

// TestExamineThatIsCancelledTellsWhatItFound: time may run out while the rest is looked at.
func TestExamineThatIsCancelledTellsWhatItFound(t *testing.T) {
	t.Parallel()
	db := created(t)
	inserted(t, db, um("BTCUSDT"), append(trades(1, 10), trades(1, 1)...))
	if _, err := db.conn.ExecContext(t.Context(), "UPDATE aggtrades_history SET price = 0 WHERE agg_trade_id = 2"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	x, err := db.Examine(ctx, Scope{}, nil, soon(), func(step string) {
		if strings.HasPrefix(step, "looking for duplicates") {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || x.Count(BadPrice) != 1 {
		t.Errorf("%+v, %v", x, err)
	}
}

// TestReadBlocksFindsEveryDamagedBlock flips one bit in each block in turn. The one block of metadata is noticed when the database is opened.
func TestReadBlocksFindsEveryDamagedBlock(t *testing.T) {
	t.Parallel()
	const blockSize = 262144
	path := written(t, `CREATE TABLE aggtrades_history AS SELECT i AS agg_trade_id, make_timestamp(1704067200000000 + i * 7919) AS timestamp, 'BTCUSDT' AS symbol,
		CAST(hash(i) % 100000 / 100.0 AS DECIMAL(18, 8)) AS price, CAST(hash(i + 1) % 1000 / 10.0 AS DECIMAL(18, 8)) AS quantity FROM range(300000) r(i)`)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	check := func(path string) error {
		db, err := OpenToCheck(t.Context(), path, Options{})
		if err != nil {
			return err
		}
		_, err = db.ReadBlocks(t.Context(), quiet)
		return errors.Join(err, db.Close())
	}
	if err := check(path); err != nil {
		t.Fatalf("a sound database: %v", err)
	}
	blocks := 0
	for at := leastDatabase + 5000; at < len(whole); at += blockSize {
		damaged := filepath.Join(t.TempDir(), "t.duckdb")
		copied := append([]byte{}, whole...)
		copied[at] ^= 1
		if err := os.WriteFile(damaged, copied, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := check(damaged); KindOf(err) != KindCorrupt {
			t.Errorf("the block at %d: %v", at, err)
		}
		blocks++
	}
	if blocks < 5 {
		t.Errorf("only %d blocks", blocks)
	}
}

// TestReadBlocksReadsEveryTable: the scripts' databases hold other tables as well, some with names that need quotes.
func TestReadBlocksReadsEveryTable(t *testing.T) {
	t.Parallel()
	path := written(t, "CREATE TABLE \"a \"\"b\"\" c\" AS SELECT 1 AS i, [1, 2] AS l, {'x': 1} AS s, NULL AS n", "CREATE SCHEMA \"other one\"",
		"CREATE TABLE \"other one\".t AS SELECT DATE '2024-01-01' AS d", "CREATE VIEW v AS SELECT 1/0 AS i", "CREATE TABLE empty (i INTEGER)")
	db, err := OpenToCheck(t.Context(), path, Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	var tables []string
	n, err := db.ReadBlocks(t.Context(), func(table string) { tables = append(tables, table) })
	if err != nil || n != 3 {
		t.Errorf("%d tables, %v", n, err)
	}
	want := []string{`"main"."a ""b"" c"`, `"main"."empty"`, `"other one"."t"`}
	if diff := cmp.Diff(want, tables); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}
