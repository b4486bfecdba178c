package store

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/internal/e2e/olddb"
)

func TestNewDatabaseHasTheDesignsTables(t *testing.T) {
	t.Parallel()
	db := created(t)
	table := db.Table()
	want := []Column{
		{Name: "agg_trade_id", Type: "BIGINT", NotNull: true},
		{Name: "timestamp", Type: "TIMESTAMP", NotNull: true},
		{Name: "symbol", Type: "VARCHAR", NotNull: true},
		{Name: "price", Type: "DECIMAL(18,8)", NotNull: true},
		{Name: "quantity", Type: "DECIMAL(18,8)", NotNull: true},
		{Name: "side", Type: "ENUM('buy', 'sell')", NotNull: true},
		{Name: "gross_value", Type: "DOUBLE", Default: true, Computed: true},
		{Name: "market", Type: "ENUM('spot', 'um', 'cm')", NotNull: true},
	}
	if diff := cmp.Diff(want, table.Columns); diff != "" {
		t.Errorf("aggtrades_history (-want +got):\n%s", diff)
	}
	if len(table.Keys) > 0 || len(table.Indexes) > 0 {
		t.Errorf("keys %v, indexes %v: they cost more than the data", table.Keys, table.Indexes)
	}
	if table.Comment != "check-ingest schema 1" {
		t.Errorf("comment %q", table.Comment)
	}
	var ledger []string
	for _, c := range table.Ledger {
		ledger = append(ledger, c.Name+" "+c.Type)
	}
	wantLedger := []string{
		"file_path VARCHAR", "symbol VARCHAR", "processed_at TIMESTAMP", "row_count BIGINT", "status VARCHAR", "error_message VARCHAR",
		"file_size_bytes BIGINT", "processing_time_ms BIGINT",
		"market VARCHAR", "period_start DATE", "period_end DATE", "file_mtime TIMESTAMP", "sha256 VARCHAR", "first_agg_trade_id BIGINT",
		"last_agg_trade_id BIGINT", "first_trade_at TIMESTAMP", "last_trade_at TIMESTAMP", "rows_inserted BIGINT", "rows_duplicate BIGINT",
		"rows_conflict BIGINT", "rows_voided BIGINT", "ids_missing BIGINT", "days_missing VARCHAR", "attempts BIGINT", "run_id VARCHAR",
	}
	if diff := cmp.Diff(wantLedger, ledger); diff != "" {
		t.Errorf("ingestion_log (-want +got):\n%s", diff)
	}
	if keys := count(t, db, "SELECT count(*) FROM duckdb_constraints() WHERE table_name = 'ingestion_log' AND constraint_type = 'PRIMARY KEY' AND constraint_column_names = ['file_path']"); keys != 1 {
		t.Errorf("ingestion_log has %d primary keys on file_path", keys)
	}
	if missing := table.LedgerMissing(); len(missing) > 0 {
		t.Errorf("a new ledger lacks %v", missing)
	}
	if err := table.Check(); err != nil {
		t.Errorf("a new database is refused: %v", err)
	}
}

func TestEveryStatementPrepares(t *testing.T) {
	t.Parallel()
	db := created(t)
	handle, _ := db.feeds.open(t.Context(), from(nil), true, false)
	// What the code puts into statements, and true wherever a condition or an expression goes.
	fill := map[string]string{
		"staged_all.sql":         feedNames[[2]bool{true, false}] + "(" + strconv.FormatInt(handle, 10) + ")",
		"check_block.sql":        tradesTable,
		"staged_known_count.sql": "staged_known",
	}
	for _, s := range []string{
		strings.Replace(sqlStagedAll, "%s", fill["staged_all.sql"], 1), sqlStaged, "CREATE TEMP TABLE staged_known AS SELECT agg_trade_id, true AS same FROM staged",
	} {
		if _, err := db.conn.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	verb := regexp.MustCompile(`%(\[\d+\])?s`)
	files, err := os.ReadDir("sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join("sql", f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		text = []byte(strings.Replace(string(text), "GROUP BY %[5]s", "GROUP BY "+db.table.groups(), 1))
		with, ok := fill[f.Name()]
		if !ok {
			with = "true"
		}
		if err := prepares(t.Context(), db, verb.ReplaceAllLiteralString(string(text), with)); err != nil {
			t.Errorf("sql/%s: %v", f.Name(), err)
		}
	}
}

func prepares(ctx context.Context, db *DB, statement string) error {
	prepared, err := db.conn.PrepareContext(ctx, statement)
	if err != nil {
		return err
	}
	defer prepared.Close()
	return nil
}

func TestTableOfEachShape(t *testing.T) {
	t.Parallel()
	for _, s := range olddb.Shapes() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			db := opened(t, written(t, s.Statements()...))
			table := db.Table()
			if err := table.Check(); err != nil {
				t.Errorf("refused: %v", err)
			}
			if table.Keyed() != s.Keyed || table.OneSymbolOnly() != s.OneSymbol || table.HasMarket() {
				t.Errorf("keyed %t, for one symbol only %t, has market %t; keys %v", table.Keyed(), table.OneSymbolOnly(), table.HasMarket(), table.Keys)
			}
			if len(table.Indexes) != len(s.After) {
				t.Errorf("indexes %v, expected %d", table.Indexes, len(s.After))
			}
			wantMissing := len(ledgerColumns)
			if s.Ledger {
				wantMissing -= 8
			}
			if got := len(table.LedgerMissing()); got != wantMissing {
				t.Errorf("%d columns of the ledger missing, expected %d", got, wantMissing)
			}
			for _, name := range []string{"price", "quantity", "gross_value"} {
				if c, ok := table.Column(name); !ok || c.Computed {
					t.Errorf("column %s: %+v, %t", name, c, ok)
				}
			}
		})
	}
}

func TestTablesThatCannotBeKeptCorrectAreRefused(t *testing.T) {
	t.Parallel()
	const good = "agg_trade_id BIGINT, timestamp TIMESTAMP, symbol VARCHAR, price DOUBLE, quantity DOUBLE, side VARCHAR"
	tests := map[string]struct{ ddl, says string }{
		"there is no table":                      {"CREATE TABLE trades (id BIGINT)", "has no table aggtrades_history"},
		"ids that overflow":                      {strings.Replace(good, "agg_trade_id BIGINT", "agg_trade_id INTEGER", 1), "agg_trade_id of type INTEGER"},
		"no ids":                                 {strings.Replace(good, "agg_trade_id BIGINT, ", "", 1), "no column agg_trade_id"},
		"no side":                                {strings.Replace(good, ", side VARCHAR", "", 1), "no column side"},
		"times to the second":                    {strings.Replace(good, "TIMESTAMP", "TIMESTAMP_S", 1), "timestamp of type TIMESTAMP_S"},
		"times to the millisecond":               {strings.Replace(good, "TIMESTAMP", "TIMESTAMP_MS", 1), "timestamp of type TIMESTAMP_MS"},
		"prices of four decimals":                {strings.Replace(good, "price DOUBLE", "price DECIMAL(18, 4)", 1), "price of type DECIMAL(18,4)"},
		"single-precision prices":                {strings.Replace(good, "price DOUBLE", "price FLOAT", 1), "price of type FLOAT"},
		"quantities as text":                     {strings.Replace(good, "quantity DOUBLE", "quantity VARCHAR", 1), "quantity of type VARCHAR"},
		"side as a boolean":                      {strings.Replace(good, "side VARCHAR", "side BOOLEAN", 1), "side of type BOOLEAN"},
		"symbol as a number":                     {strings.Replace(good, "symbol VARCHAR", "symbol INTEGER", 1), "symbol of type INTEGER"},
		"an unknown column that must be filled":  {good + ", source VARCHAR NOT NULL", "column source that must be filled"},
		"a key that real trades repeat":          {good + ", UNIQUE (timestamp, symbol, price, quantity)", "key on timestamp, symbol, price, quantity"},
		"a unique index that real trades repeat": {good + "); CREATE UNIQUE INDEX u ON aggtrades_history (timestamp, symbol", "key on timestamp, symbol"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ddl := tt.ddl
			if !strings.HasPrefix(ddl, "CREATE") {
				ddl = "CREATE TABLE aggtrades_history (" + ddl + ")"
			}
			err := opened(t, written(t, ddl)).Table().Check()
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Check says %v, expected that it says %q", err, tt.says)
			}
		})
	}
}

func TestTablesThatAreFine(t *testing.T) {
	t.Parallel()
	const columns = "agg_trade_id %, timestamp TIMESTAMP, symbol VARCHAR, price DOUBLE, quantity DECIMAL(20, 10), side VARCHAR"
	tests := map[string]string{
		"ids without a sign":                    "CREATE TABLE aggtrades_history (" + strings.Replace(columns, "%", "UBIGINT", 1) + ")",
		"ids of 128 bits":                       "CREATE TABLE aggtrades_history (" + strings.Replace(columns, "%", "HUGEINT", 1) + ")",
		"an unknown column that may be NULL":    "CREATE TABLE aggtrades_history (" + columns + ", source VARCHAR)",
		"an unknown column with a default":      "CREATE TABLE aggtrades_history (" + columns + ", loaded TIMESTAMP NOT NULL DEFAULT TIMESTAMP '2024-01-01')",
		"columns in another order":              "CREATE TABLE aggtrades_history (side VARCHAR, quantity DOUBLE, price DOUBLE, symbol VARCHAR, timestamp TIMESTAMP, agg_trade_id %)",
		"a market as text":                      "CREATE TABLE aggtrades_history (" + columns + ", market VARCHAR)",
		"a time zone":                           "CREATE TABLE aggtrades_history (" + strings.Replace(columns, "TIMESTAMP", "TIMESTAMPTZ", 1) + ")",
		"more decimals than are needed":         "CREATE TABLE aggtrades_history (" + columns + ")",
		"a side and a symbol of an enumeration": "CREATE TABLE aggtrades_history (" + strings.Replace(strings.Replace(columns, "side VARCHAR", "side ENUM('sell', 'buy')", 1), "symbol VARCHAR", "symbol ENUM('BTCUSDT')", 1) + ")",
	}
	for name, ddl := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := opened(t, written(t, strings.Replace(ddl, "%", "BIGINT", 1)))
			if err := db.Table().Check(); err != nil {
				t.Fatal(err)
			}
			rows := trades(5_000_000_000, 3000)
			inserted(t, db, um("BTCUSDT"), rows)
			if diff := cmp.Diff(lines(rows), contentWithoutGross(t, db)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

// contentWithoutGross is content of a table that has no gross_value.
func contentWithoutGross(tb testing.TB, db *DB) []string {
	tb.Helper()
	if _, err := db.conn.ExecContext(tb.Context(), "ALTER TABLE aggtrades_history ADD COLUMN gross_value DOUBLE"); err != nil {
		tb.Fatal(err)
	}
	if _, err := db.conn.ExecContext(tb.Context(), "UPDATE aggtrades_history SET gross_value = CAST(price AS DOUBLE) * CAST(quantity AS DOUBLE)"); err != nil {
		tb.Fatal(err)
	}
	return content(tb, db, "BTCUSDT")
}

func TestColumnLimit(t *testing.T) {
	t.Parallel()
	tests := map[string]int64{
		"DECIMAL(18,8)":  999_999_999_999_999_999,
		"DECIMAL(12,8)":  999_999_999_999,
		"DECIMAL(18,10)": 9_999_999_999_999_999,
		"DECIMAL(38,8)":  1<<63 - 1,
		"DECIMAL(19,8)":  1<<63 - 1, // eleven digits hold all that 64 bits of 1e-8 do
		"DOUBLE":         1<<63 - 1,
	}
	for kind, want := range tests {
		if got := (Column{Type: kind}).Limit(); got != want {
			t.Errorf("%s holds %d units, expected %d", kind, got, want)
		}
	}
}

func TestCompleteLedgerKeepsWhatTheScriptsWrote(t *testing.T) {
	t.Parallel()
	for _, s := range olddb.Shapes() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			statements := s.Statements()
			if s.Ledger {
				statements = append(statements, `INSERT INTO ingestion_log VALUES
					('/data/BTCUSDT/aggTrades/BTCUSDT-aggTrades-2024-01-01.csv', 'BTCUSDT', TIMESTAMP '2024-02-01 10:00:00.123456', 1200, 'success', NULL, 77, 4321),
					('/data/broken.csv', NULL, NULL, NULL, 'failed', 'pandas: something', NULL, NULL)`)
			}
			db := opened(t, written(t, statements...))
			before, err := db.Ledger(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := db.CompleteLedger(t.Context()); err != nil {
				t.Fatal(err)
			}
			if missing := db.Table().LedgerMissing(); len(missing) > 0 {
				t.Errorf("the ledger still lacks %v", missing)
			}
			after, err := db.Ledger(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("entries changed (-before +after):\n%s", diff)
			}
			if s.Ledger && (len(after) != 2 || after[0].RowCount != 1200 || after[0].ProcessedAt.UnixMicro() != 1_706_781_600_123_456 || after[0].Period.Days() != 0 || after[0].FirstID != -1) {
				t.Errorf("entries %+v", after)
			}
			if err := db.CompleteLedger(t.Context()); err != nil {
				t.Errorf("a second time: %v", err)
			}
			names := make([]string, 0, len(ledgerColumns))
			for _, c := range db.Table().Ledger {
				names = append(names, c.Name)
			}
			for _, c := range ledgerColumns {
				if !slices.Contains(names, c.Name) {
					t.Errorf("no column %s", c.Name)
				}
			}
		})
	}
}
