package load_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/ingest/load"
	"github.com/check-ingest/check-ingest/internal/e2e/olddb"
	"github.com/check-ingest/check-ingest/internal/store"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// scriptsInsert is how the scripts wrote rows: from CSV text, into the columns that exist, with an id of their own where nothing fills it.
func (w *world) scriptsInsert(tb testing.TB, s olddb.Shape, symbol, text string) {
	tb.Helper()
	path := filepath.Join(w.dir, "scripts.csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	columns, values := "agg_trade_id, timestamp, symbol, price, quantity, side, gross_value", fmt.Sprintf(
		"c0, make_timestamp(c5 * 1000), '%s', CAST(c1 AS DOUBLE), CAST(c2 AS DOUBLE), CASE WHEN c6 THEN 'sell' ELSE 'buy' END, CAST(c1 AS DOUBLE) * CAST(c2 AS DOUBLE)", symbol)
	if strings.Contains(s.Trades, "id BIGINT NOT NULL, agg") || strings.Contains(s.Trades, "id BIGINT PRIMARY KEY, agg") {
		columns, values = "id, "+columns, "row_number() OVER (), "+values
	}
	if strings.Contains(s.Trades, "exchange VARCHAR") {
		columns, values = columns+", exchange", values+", 'binance'"
	}
	w.exec(tb, fmt.Sprintf(`INSERT INTO aggtrades_history (%s) SELECT %s FROM read_csv('%s', header = false, skip = 1,
		columns = {c0: 'BIGINT', c1: 'VARCHAR', c2: 'VARCHAR', c3: 'BIGINT', c4: 'BIGINT', c5: 'BIGINT', c6: 'BOOLEAN'})`, columns, values, path))
}

// TestDatabasesOfTheScripts loads into each: a day that is there already, one half of which is, and new ones, small and large.
func TestDatabasesOfTheScripts(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes minutes with the race detector, and runs what other tests run")
	}
	for _, s := range olddb.Shapes() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.exec(t, s.Statements()...)
			there := daily(t, um("BTCUSDT"), "2024-03-01", 3000, 1)
			half, fresh := there.Next(), there.Next().Next()
			large := fresh.Next()
			if s.Name == "primary key agg_trade_id, symbol, exchange" || s.Name == "price and quantity as DOUBLE" {
				large.Rows = 300_000 // more than is decoded in memory
			}
			w.scriptsInsert(t, s, "BTCUSDT", string(synth.CSV(there)))
			var want []string
			for _, spec := range []synth.Spec{there, half, fresh, large} {
				w.make(t, spec, synth.Plain)
				want = append(want, rowsOf(t, um("BTCUSDT"), string(synth.CSV(spec)))...)
			}
			if !s.OneSymbol {
				other := daily(t, um("ETHUSDT"), "2024-03-01", 100, 1)
				w.make(t, other, synth.Zip)
				want = append(want, rowsOf(t, um("ETHUSDT"), string(synth.CSV(other)))...)
			}
			r := w.load(t)
			if r.Totals.Duplicates != 3000 || r.Totals.Conflicts != 0 {
				t.Errorf("totals %+v, expected the day that was there as duplicates", r.Totals)
			}
			same(t, want, w.rows(t))
			if bad := w.ask(t, "SELECT count(*) FROM aggtrades_history WHERE gross_value IS DISTINCT FROM CAST(price AS DOUBLE) * CAST(quantity AS DOUBLE)"); bad[0] != "0" {
				t.Errorf("%s rows with another gross_value", bad)
			}
			if strings.Contains(s.Trades, "(id BIGINT") {
				if n := w.ask(t, "SELECT count(*) - count(DISTINCT id) FROM aggtrades_history"); n[0] != "0" {
					t.Errorf("%s ids of the scripts' own are not unique", n)
				}
			}
			ledger := w.ledger(t)
			r = w.load(t)
			if r.Totals.Loaded != 0 || r.Totals.Failed != 0 {
				t.Errorf("a second run: %+v", r.Totals)
			}
			same(t, want, w.rows(t))
			if diff := cmp.Diff(ledger, w.ledger(t)); diff != "" {
				t.Errorf("the ledger after a second run (-before +after):\n%s", diff)
			}
		})
	}
}

// TestRefusals has databases in which the rows of a load could not be kept correct. Not a byte of them is changed.
func TestRefusals(t *testing.T) {
	t.Parallel()
	const columns = "timestamp TIMESTAMP, symbol VARCHAR, price DECIMAL(18, 8), quantity DECIMAL(18, 8), side VARCHAR"
	oneSymbol := "CREATE TABLE aggtrades_history (agg_trade_id BIGINT PRIMARY KEY, " + columns + ")"
	noMarket := "CREATE TABLE aggtrades_history (agg_trade_id BIGINT, " + columns + ")"
	btc, eth := func(t *testing.T) synth.Spec { t.Helper(); return daily(t, um("BTCUSDT"), "2024-03-01", 50, 1) },
		func(t *testing.T) synth.Spec { t.Helper(); return daily(t, um("ETHUSDT"), "2024-03-01", 50, 1) }
	inSpot := func(t *testing.T) synth.Spec { t.Helper(); return daily(t, spot("BTCUSDT"), "2024-03-01", 50, 1) }
	tests := map[string]struct {
		before []string
		first  []func(*testing.T) synth.Spec // files of an earlier load
		files  []func(*testing.T) synth.Spec
		says   string
	}{
		"no table of trades":                   {[]string{"CREATE TABLE notes (x INTEGER)"}, nil, []func(*testing.T) synth.Spec{btc}, "has no table aggtrades_history; load into a new database (--db)"},
		"ids that overflow":                    {[]string{"CREATE TABLE aggtrades_history (agg_trade_id INTEGER, " + columns + ")"}, nil, []func(*testing.T) synth.Spec{btc}, "agg_trade_id of type INTEGER"},
		"a key that trades share":              {[]string{"CREATE TABLE aggtrades_history (agg_trade_id BIGINT, " + columns + ", UNIQUE (timestamp, symbol, price, quantity))"}, nil, []func(*testing.T) synth.Spec{btc}, "has a key on timestamp, symbol, price, quantity, which trades that differ share"},
		"two symbols, a key on the id alone":   {[]string{oneSymbol}, nil, []func(*testing.T) synth.Spec{btc, eth}, "a key on agg_trade_id alone, which would drop rows of a second symbol with the same ids ([BTCUSDT ETHUSDT]); load each symbol into a database of its own"},
		"a second symbol beside rows":          {[]string{oneSymbol, "INSERT INTO aggtrades_history VALUES (1, TIMESTAMP '2024-01-01', 'SOLUSDT', 1, 1, 'buy')"}, nil, []func(*testing.T) synth.Spec{btc}, "([BTCUSDT SOLUSDT])"},
		"two markets, no column market":        {[]string{noMarket}, nil, []func(*testing.T) synth.Spec{btc, inSpot}, "has no column market and cannot keep"},
		"a second market after an earlier one": {[]string{noMarket}, []func(*testing.T) synth.Spec{btc}, []func(*testing.T) synth.Spec{inSpot}, "has no column market and cannot keep"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.exec(t, tt.before...)
			for _, spec := range tt.first {
				w.make(t, spec(t), synth.Plain)
				w.load(t)
			}
			for _, spec := range tt.files {
				w.make(t, spec(t), synth.Plain)
			}
			before := sha256.Sum256([]byte(read(t, w.db)))
			for _, dry := range []bool{true, false} {
				r, err := w.run(t, func(c *load.Config) { c.DryRun = dry })
				if store.KindOf(err) != store.KindSchema || load.ExitCodeOf(err) != load.ExitDatabase || !strings.Contains(fmt.Sprint(err), tt.says) || !strings.HasPrefix(err.Error(), w.db) {
					t.Errorf("dry run %t: %v, expected %q", dry, err, tt.says)
				}
				if r.Totals.Loaded > 0 || r.Error == "" {
					t.Errorf("dry run %t: report %+v", dry, r)
				}
				if sha256.Sum256([]byte(read(t, w.db))) != before {
					t.Errorf("dry run %t: the database was changed", dry)
				}
			}
			// What was refused is closed, and can be used for something else.
			w.exec(t, "CREATE TABLE other (x INTEGER)")
		})
	}
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	for _, s := range append([]olddb.Shape{{Name: "ours"}}, olddb.Shapes()...) {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			spec := daily(t, um("BTCUSDT"), "2024-03-01", 500, 1)
			text := string(synth.CSV(spec))
			if s.Trades == "" {
				w.make(t, spec, synth.Plain)
				w.load(t)
			} else {
				w.exec(t, s.Statements()...)
				w.scriptsInsert(t, s, "BTCUSDT", text)
			}
			want := rowsOf(t, um("BTCUSDT"), text)
			before := sha256.Sum256([]byte(read(t, w.db)))
			migrate := func(dry, widen bool) *load.Migration {
				t.Helper()
				m, err := load.Migrate(t.Context(), w.config(func(c *load.Config) { c.DryRun = dry }), widen)
				if err != nil {
					t.Fatal(err)
				}
				return m
			}
			planned := migrate(true, true)
			if sha256.Sum256([]byte(read(t, w.db))) != before {
				t.Error("a dry run changed the database")
			}
			done := migrate(false, true)
			if diff := cmp.Diff(planned.Steps, done.Steps); diff != "" {
				t.Errorf("steps (-planned +done):\n%s", diff)
			}
			wantSteps := 2
			if s.Trades == "" || s.Name == "wide quantity" {
				wantSteps = 1
			}
			if len(done.Steps) != wantSteps {
				t.Errorf("steps %q, expected %d", done.Steps, wantSteps)
			}
			if again := migrate(false, true); len(again.Steps) != 0 {
				t.Errorf("a second time: %q", again.Steps)
			}
			same(t, want, w.rows(t))

			// The wide column takes what the narrow one refused, and what was there is known.
			w.put(t, "futures/um/BTCUSDT-aggTrades-2024-03-02.csv", "501,0.00001234,12345678901.5,1,1,1709337600000,true\n")
			if _, err := os.Stat(filepath.Join(w.data, "data")); err != nil {
				w.make(t, spec, synth.Plain)
			}
			r := w.load(t)
			if r.Totals.Failed > 0 || r.Totals.Rows != 1 {
				t.Errorf("totals %+v", r.Totals)
			}
			if n := w.ask(t, "SELECT count(*) FROM aggtrades_history WHERE CAST(quantity AS DECIMAL(38, 8)) = 12345678901.5"); n[0] != "1" {
				t.Errorf("%s rows have the large quantity", n)
			}
		})
	}
}

func TestMigrateWithoutADatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := load.Migrate(t.Context(), w.config(), false); store.KindOf(err) != store.KindMissing || load.ExitCodeOf(err) != load.ExitDatabase {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(w.db); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it made one: %v", err)
	}
}

// TestScriptsLedgerIsKept has entries that the scripts wrote. They count as rows of no known period, and stay.
func TestScriptsLedgerIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := olddb.Shapes()[1]
	w.exec(t, s.Statements()...)
	spec := daily(t, um("BTCUSDT"), "2024-03-01", 500, 1)
	w.scriptsInsert(t, s, "BTCUSDT", string(synth.CSV(spec)))
	path := w.make(t, spec, synth.Plain)
	w.exec(t, fmt.Sprintf("INSERT INTO ingestion_log VALUES ('/other/place/%s', 'BTCUSDT', TIMESTAMP '2024-03-02 01:02:03', 500, 'success', NULL, 1, 1), ('%s', 'BTCUSDT', TIMESTAMP '2024-03-02 01:02:03', 500, 'success', NULL, 1, 1)", filepath.Base(path), path))
	r := w.load(t)
	if r.Totals.Loaded != 1 || r.Totals.Duplicates != 500 || r.Totals.Rows != 0 {
		t.Errorf("totals %+v", r.Totals)
	}
	got := w.ask(t, "SELECT file_path, status, row_count, market FROM ingestion_log ORDER BY file_path")
	want := []string{"/other/place/BTCUSDT-aggTrades-2024-03-01.csv|success|500|", path + "|success|500|um"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ledger (-want +got):\n%s", diff)
	}
	same(t, rowsOf(t, um("BTCUSDT"), string(synth.CSV(spec))), w.rows(t))
}
