package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
)

func TestInsertIntoEachShape(t *testing.T) {
	t.Parallel()
	for _, s := range shapes() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			db := shaped(t, s)
			first, second := trades(1, 5000), trades(5001, 3)
			inserted(t, db, um("BTCUSDT"), first)
			inserted(t, db, um("BTCUSDT"), second)
			if diff := cmp.Diff(lines(append(slices.Clone(first), second...)), content(t, db, "BTCUSDT")); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			if c, ok := db.Table().Column("id"); ok {
				if distinct := count(t, db, "SELECT count(DISTINCT id) FROM aggtrades_history WHERE id IS NOT NULL"); distinct != 5003 {
					t.Errorf("%d distinct values in %+v, expected 5003", distinct, c)
				}
			}
			if _, ok := db.Table().Column("exchange"); ok {
				if n := count(t, db, "SELECT count(*) FROM aggtrades_history WHERE exchange = 'binance'"); n != 5003 {
					t.Errorf("%d rows have an exchange", n)
				}
			}
		})
	}
}

func TestInsertTellsThatAKeyIsRepeated(t *testing.T) {
	t.Parallel()
	for _, s := range shapes() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			db := shaped(t, s)
			inserted(t, db, um("BTCUSDT"), trades(100, 50))
			n, err := begun(t, db).Insert(t.Context(), um("BTCUSDT"), from(trades(90, 50)))
			if s.Keyed && !errors.Is(err, ErrKey) {
				t.Errorf("inserted %d, %v, expected %v", n, err, ErrKey)
			}
			if !s.Keyed && (err != nil || n != 50) { // nothing keeps them out but the loader
				t.Errorf("inserted %d, %v, expected 50", n, err)
			}
		})
	}
}

// TestExtremes writes the largest and smallest values that rows may have, as far as each shape holds them.
func TestExtremes(t *testing.T) {
	t.Parallel()
	rows := []trade{
		{id: 0, us: 1_230_768_000_000_000, price: 1, quantity: 0},
		{id: 1, us: 4_102_444_799_999_999, price: 999_999_999_999_999_999, quantity: 999_999_999_999_999_999, maker: true},
		{id: 1<<63 - 1, us: 1_735_689_600_010_866, price: 6_123_450_000_001, quantity: 100_000_001},
	}
	for _, s := range shapes() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			db := shaped(t, s)
			want := rows
			if c, _ := db.Table().Column("price"); c.Type == "DOUBLE" { // which has fifteen digits
				want = rows[:1]
			}
			inserted(t, db, um("BTCUSDT"), want)
			got := content(t, db, "BTCUSDT")
			for i, line := range got { // a product of the largest values has an error above one in a million
				got[i] = strings.Replace(line, "false", "true", 1)
			}
			if diff := cmp.Diff(lines(want), got); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("quantities that only a wide column holds", func(t *testing.T) {
		t.Parallel()
		db := created(t)
		if err := db.WidenQuantity(t.Context()); err != nil {
			t.Fatal(err)
		}
		wide := []trade{{id: 7, us: 1_704_067_200_000_000, price: 1, quantity: 1<<63 - 1}}
		inserted(t, db, um("BTCUSDT"), wide)
		if diff := cmp.Diff(lines(wide), content(t, db, "BTCUSDT")); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
	})
}

func TestStaging(t *testing.T) {
	t.Parallel()
	held := trades(100, 10) // 100 to 109
	other := func(id int64, change func(*trade)) trade {
		row := trades(id, 1)[0]
		change(&row)
		return row
	}
	dearer := func(r *trade) { r.price++ }
	tests := map[string]struct {
		file []trade
		want Staged
		rows []trade // of those in the table afterwards that were not before
	}{
		"no row at all":                             {nil, Staged{Example: -1}, nil},
		"rows in reverse":                           {reversed(trades(1001, 5000)), Staged{Inserted: 5000, Example: -1}, trades(1001, 5000)},
		"each row twice in a row":                   {[]trade{trades(1, 1)[0], trades(1, 1)[0], trades(2, 1)[0], trades(2, 1)[0]}, Staged{Inserted: 2, Duplicate: 2, Example: -1}, trades(1, 2)},
		"a row three times, far apart":              {append(append(trades(200, 3000), trades(200, 1)...), append(trades(5000, 3000), trades(200, 1)...)...), Staged{Inserted: 6000, Duplicate: 2, Example: -1}, append(trades(200, 3000), trades(5000, 3000)...)},
		"an id with two trades: the first stays":    {[]trade{trades(5, 1)[0], other(5, dearer), trades(6, 1)[0]}, Staged{Inserted: 2, Conflict: 1, Example: 5}, trades(5, 2)},
		"an id with two trades, the other first":    {[]trade{other(5, dearer), trades(5, 1)[0]}, Staged{Inserted: 1, Conflict: 1, Example: 5}, []trade{other(5, dearer)}},
		"rows the table has":                        {trades(95, 10), Staged{Inserted: 5, Duplicate: 5, Example: -1}, trades(95, 5)},
		"only rows the table has":                   {trades(102, 3), Staged{Duplicate: 3, Example: -1}, nil},
		"an id the table has with another price":    {[]trade{other(104, dearer)}, Staged{Conflict: 1, Example: 104}, nil},
		"an id the table has with another quantity": {[]trade{other(104, func(r *trade) { r.quantity++ })}, Staged{Conflict: 1, Example: 104}, nil},
		"an id the table has with another time":     {[]trade{other(104, func(r *trade) { r.us++ })}, Staged{Conflict: 1, Example: 104}, nil},
		"an id the table has with the other side":   {[]trade{other(104, func(r *trade) { r.maker = !r.maker })}, Staged{Conflict: 1, Example: 104}, nil},
		"other trade ids within a file":             {[]trade{trades(5, 1)[0], other(5, func(r *trade) { r.first-- })}, Staged{Inserted: 1, Conflict: 1, Example: 5}, trades(5, 1)},
		"conflicts in the file and with the table, of which the smallest id is told": {
			[]trade{trades(300, 1)[0], other(300, dearer), other(108, dearer), other(103, dearer)}, Staged{Inserted: 1, Conflict: 3, Example: 103}, trades(300, 1),
		},
		"an id the table has, twice in the file, once with other content": {[]trade{trades(104, 1)[0], other(104, dearer)}, Staged{Duplicate: 1, Conflict: 1, Example: 104}, nil},
	}
	for _, s := range shapes() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			db := shaped(t, s)
			inserted(t, db, um("BTCUSDT"), held)
			if !s.OneSymbol { // what another symbol has is none of its business
				inserted(t, db, um("ETHUSDT"), trades(1, 200))
			}
			for name, tt := range tests {
				tx, err := db.Begin(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				got, err := tx.InsertStaged(t.Context(), um("BTCUSDT"), from(tt.file))
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("%s: outcome (-want +got):\n%s", name, diff)
				}
				if diff := cmp.Diff(lines(append(slices.Clone(held), tt.rows...)), contentOf(t, tx.tx, "BTCUSDT")); diff != "" {
					t.Errorf("%s: rows (-want +got):\n%s", name, diff)
				}
				if left, err := tx.number(t.Context(), "SELECT count(*) FROM duckdb_tables() WHERE temporary"); left > 0 || err != nil {
					t.Errorf("%s: %d temporary tables are left, %v", name, left, err)
				}
				if err := tx.Rollback(); err != nil {
					t.Fatal(err)
				}
			}
			tx := begun(t, db)
			if got, err := tx.InsertStaged(t.Context(), um("BTCUSDT"), from(trades(105, 10))); err != nil || got.Inserted != 5 || tx.Commit() != nil {
				t.Fatalf("%+v, %v", got, err)
			}
			if diff := cmp.Diff(lines(trades(100, 15)), content(t, db, "BTCUSDT")); diff != "" {
				t.Errorf("committed rows (-want +got):\n%s", diff)
			}
		})
	}
}

func reversed(rows []trade) []trade {
	slices.Reverse(rows)
	return rows
}

// TestStagingKnowsWhatTheScriptsWrote has rows that got into a table of DOUBLEs as text, as the scripts' SQL does it.
func TestStagingKnowsWhatTheScriptsWrote(t *testing.T) {
	t.Parallel()
	const ddl = "CREATE TABLE aggtrades_history (agg_trade_id BIGINT, timestamp TIMESTAMP, symbol VARCHAR, price DOUBLE, quantity DOUBLE, side VARCHAR, gross_value DOUBLE)"
	var values []string
	rows := trades(1, 500)
	for i := range rows {
		// Odd decimals, up to the largest a spot engine has.
		rows[i].price = 7_919_000_000_007*int64(i) + 1
		rows[i].quantity = 18_446_744_073_709_551*int64(i) + 3
		values = append(values, fmt.Sprintf("(%d, make_timestamp(%d), 'BTCUSDT', CAST('%s' AS DOUBLE), CAST('%s' AS DOUBLE), '%s', 0)",
			rows[i].id, rows[i].us, decimalText(rows[i].price), decimalText(rows[i].quantity), map[bool]string{true: "sell", false: "buy"}[rows[i].maker]))
	}
	db := opened(t, written(t, ddl, "INSERT INTO aggtrades_history VALUES "+strings.Join(values, ", ")))
	got, err := begun(t, db).InsertStaged(t.Context(), um("BTCUSDT"), from(rows))
	if want := (Staged{Duplicate: 500, Example: -1}); err != nil || got != want {
		t.Errorf("%+v, %v; expected %+v", got, err, want)
	}
}

func decimalText(units int64) string { return fmt.Sprintf("%d.%08d", units/1e8, units%1e8) }

func TestCountAndDelete(t *testing.T) {
	t.Parallel()
	day := func(n int64) catalog.Period {
		return catalog.DayPeriod(catalog.DayOfMicros(1_704_067_200_000_000) + catalog.Day(n))
	}
	rows := trades(1, 100)
	for i := range rows {
		if i >= 50 {
			rows[i].us += catalog.MicrosPerDay
		}
	}
	for _, s := range shapes() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			db := shaped(t, s)
			inserted(t, db, um("BTCUSDT"), rows)
			if !s.OneSymbol {
				inserted(t, db, um("ETHUSDT"), rows)
			}
			tx := begun(t, db)
			counts := map[[2]int64]int64{{1, 100}: 100, {10, 10}: 1, {0, 9}: 9, {101, 200}: 0, {50, 40}: 0}
			for span, want := range counts {
				if n, err := tx.Count(t.Context(), um("BTCUSDT"), span[0], span[1]); err != nil || n != want {
					t.Errorf("ids %v: %d, %v, expected %d", span, n, err, want)
				}
			}
			if n, err := tx.Count(t.Context(), um("BTCBUSD"), 1, 100); err != nil || n != 0 {
				t.Errorf("another symbol has %d rows, %v", n, err)
			}
			if db.Table().HasMarket() {
				if n, err := tx.Count(t.Context(), catalog.Series{Market: catalog.Spot, Symbol: "BTCUSDT"}, 1, 100); err != nil || n != 0 {
					t.Errorf("another market has %d rows, %v", n, err)
				}
			}
			if n, err := tx.Delete(t.Context(), um("BTCUSDT"), 41, 60, day(0)); err != nil || n != 10 {
				t.Errorf("deleted %d, %v, expected the ten of the first day", n, err)
			}
			if n, err := tx.Delete(t.Context(), um("BTCUSDT"), 1, 100, day(1)); err != nil || n != 50 {
				t.Errorf("deleted %d, %v, expected the second day", n, err)
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(lines(rows[:40]), content(t, db, "BTCUSDT")); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			if !s.OneSymbol {
				if n := count(t, db, "SELECT count(*) FROM aggtrades_history WHERE symbol = 'ETHUSDT'"); n != 100 {
					t.Errorf("another symbol has %d rows left", n)
				}
			}
		})
	}
}

// TestDeleteAndInsertInOneTransaction is what replacing a file does.
func TestDeleteAndInsertInOneTransaction(t *testing.T) {
	t.Parallel()
	for _, s := range shapes() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			db := shaped(t, s)
			rows := trades(1, 3000)
			inserted(t, db, um("BTCUSDT"), rows)
			for i := range rows {
				rows[i].price++
			}
			tx := begun(t, db)
			if n, err := tx.Delete(t.Context(), um("BTCUSDT"), 1, 3000, catalog.DayPeriod(catalog.DayOfMicros(rows[0].us))); err != nil || n != 3000 {
				t.Fatalf("deleted %d, %v", n, err)
			}
			if n, err := tx.Insert(t.Context(), um("BTCUSDT"), from(rows)); err != nil || n != 3000 {
				t.Fatalf("inserted %d, %v", n, err)
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(lines(rows), content(t, db, "BTCUSDT")); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMarketsAreKeptApart(t *testing.T) {
	t.Parallel()
	db := created(t)
	spot := catalog.Series{Market: catalog.Spot, Symbol: "BTCUSDT"}
	inserted(t, db, um("BTCUSDT"), trades(1, 10))
	inserted(t, db, spot, trades(1, 10))
	tx := begun(t, db)
	if n, err := tx.Count(t.Context(), spot, 1, 10); err != nil || n != 10 {
		t.Errorf("%d rows, %v", n, err)
	}
	dearer := trades(5, 1)
	dearer[0].price++
	got, err := tx.InsertStaged(t.Context(), catalog.Series{Market: catalog.CM, Symbol: "BTCUSDT"}, from(dearer))
	if want := (Staged{Inserted: 1, Example: -1}); err != nil || got != want {
		t.Errorf("%+v, %v, expected %+v", got, err, want)
	}
}

func TestSymbolsNeverBecomeSQL(t *testing.T) {
	t.Parallel()
	db := created(t)
	for _, symbol := range []string{"币安人生USDT", "BTCUSD_PERP", "1000SHIBUSDT", "X'); DROP TABLE aggtrades_history; --", `"`, "%s"} {
		inserted(t, db, um(symbol), trades(1, 3))
		tx := begun(t, db)
		if got, err := tx.InsertStaged(t.Context(), um(symbol), from(trades(2, 3))); err != nil || got != (Staged{Inserted: 1, Duplicate: 2, Example: -1}) {
			t.Errorf("%q: %+v, %v", symbol, got, err)
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(lines(trades(1, 4)), content(t, db, symbol)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", symbol, diff)
		}
	}
	symbols, err := db.Symbols(t.Context())
	if err != nil || len(symbols) != 6 {
		t.Errorf("symbols %q, %v", symbols, err)
	}
}

func TestLedgerKeepsEveryFieldOfAnEntry(t *testing.T) {
	t.Parallel()
	full := ledger.Entry{
		FilePath: "/data/it's/币安人生USDT-aggTrades-2024-02.zip", Symbol: "币安人生USDT", ProcessedAt: time.UnixMicro(1_735_689_600_010_866).UTC(), RowCount: 100,
		Status: ledger.Partial, ErrorMessage: "7 rows left out: 100% \"odd\"\ttext", FileSize: 1 << 40, ProcessingTime: 4321 * time.Millisecond,
		Market: catalog.CM, Period: catalog.MonthPeriod(2024, time.February), FileMTime: time.UnixMicro(1_700_000_000_000_001).UTC(),
		SHA256: strings.Repeat("0f", 32), FirstID: 0, LastID: 1 << 62, FirstTradeAt: time.UnixMicro(1_706_745_600_000_000).UTC(), LastTradeAt: time.UnixMicro(1_709_251_199_999_999).UTC(),
		RowsInserted: 80, RowsDuplicate: 10, RowsConflict: 7, RowsVoided: 3, IDsMissing: 12, Attempts: 4, RunID: "20260102T030405Z-9f86d081",
	}
	for d := full.Period.First + 3; d < full.Period.First+6; d++ {
		full.DaysMissing = append(full.DaysMissing, d)
	}
	failed := ledger.Entry{
		FilePath: "/data/BTCUSDT-aggTrades-2024-02-01.csv", Symbol: "BTCUSDT", ProcessedAt: time.Unix(1_735_689_600, 0).UTC(), Status: ledger.Failed,
		ErrorMessage: "line 3: empty line", Market: catalog.UM, Period: catalog.DayPeriod(19754), FirstID: -1, LastID: -1, Attempts: 1,
	}
	for _, s := range shapes() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			db := shaped(t, s)
			tx := begun(t, db)
			earlier := full
			earlier.Status, earlier.RowsInserted = ledger.Failed, 0
			if err := tx.Record(t.Context(), earlier, failed); err != nil {
				t.Fatal(err)
			}
			if err := tx.Record(t.Context(), full); err != nil { // in place of the earlier one, in the same transaction
				t.Fatal(err)
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			got, err := db.Ledger(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]ledger.Entry{failed, full}, got); diff != "" {
				t.Errorf("entries (-want +got):\n%s", diff)
			}
			tx = begun(t, db)
			if err := errors.Join(tx.Forget(t.Context(), full.FilePath), tx.Forget(t.Context(), "/no/such"), tx.Commit()); err != nil {
				t.Fatal(err)
			}
			if n := count(t, db, "SELECT count(*) FROM ingestion_log"); n != 1 {
				t.Errorf("%d entries after one of two was forgotten", n)
			}
		})
	}
}

func TestCommitAfterAnErrorIsRefused(t *testing.T) {
	t.Parallel()
	failures := map[string]func(context.Context, *Tx) error{
		"a source that fails": func(ctx context.Context, tx *Tx) error {
			_, err := tx.Insert(ctx, um("ETHUSDT"), &given{rows: trades(1, 9), before: func(int64) error { return errors.New("line 7: bad") }})
			return err
		},
		"a staged source that fails": func(ctx context.Context, tx *Tx) error {
			_, err := tx.InsertStaged(ctx, um("ETHUSDT"), &given{rows: trades(1, 9), before: func(int64) error { return errors.New("line 7: bad") }})
			return err
		},
		"a ledger entry that cannot be stored": func(ctx context.Context, tx *Tx) error {
			e := ledger.Entry{FilePath: "/a", FirstID: -1, LastID: -1, Period: catalog.DayPeriod(1)}
			return tx.Record(ctx, e, e)
		},
		"a path that is not UTF-8": func(ctx context.Context, tx *Tx) error {
			return tx.Record(ctx, ledger.Entry{FilePath: "/caf\xe9", FirstID: -1, LastID: -1, Period: catalog.DayPeriod(1)})
		},
		"a statement that was cancelled": func(ctx context.Context, tx *Tx) error {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			_, err := tx.Count(ctx, um("ETHUSDT"), 0, 1)
			return err
		},
	}
	for name, fail := range failures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := created(t)
			tx := begun(t, db)
			if _, err := tx.Insert(t.Context(), um("BTCUSDT"), from(trades(1, 5))); err != nil {
				t.Fatal(err)
			}
			if err := fail(t.Context(), tx); err == nil {
				t.Fatal("it did not fail")
			}
			if err := tx.Commit(); !errors.Is(err, errFailed) {
				t.Errorf("Commit: %v, expected %v", err, errFailed)
			}
			if err := errors.Join(tx.Rollback(), tx.Rollback()); err != nil {
				t.Errorf("Rollback: %v", err)
			}
			if n := count(t, db, "SELECT count(*) FROM aggtrades_history"); n != 0 {
				t.Errorf("%d rows are there", n)
			}
			inserted(t, db, um("BTCUSDT"), trades(1, 5)) // the database is fit for use
		})
	}
}

// errLine stands for a decoder's typed error.
type errLine struct{ line int }

func (e errLine) Error() string { return fmt.Sprintf("line %d: 100%% \"wrong\"", e.line) }

func TestErrorOfASourceComesBackAsItWas(t *testing.T) {
	t.Parallel()
	db := created(t)
	tx := begun(t, db)
	_, err := tx.Insert(t.Context(), um("BTCUSDT"), &given{rows: trades(1, 50_000), before: func(n int64) error {
		if n == 3 {
			return errLine{4711}
		}
		return nil
	}})
	var line errLine
	if !errors.As(err, &line) || line.line != 4711 {
		t.Errorf("error %v, expected the source's own", err)
	}
}

func TestPanicInASourceIsAnError(t *testing.T) {
	t.Parallel()
	db := created(t)
	panics := map[string]Source{
		"while it opens rows": panicky{},
		"in its first batch":  &given{rows: trades(1, 9), before: func(int64) error { panic("boom") }},
		"in the middle of the file": &given{rows: trades(1, 100_000), before: func(n int64) error {
			return map[bool]func() error{true: func() error { panic("boom") }, false: func() error { return nil }}[n == 20]()
		}},
		"as a reader that is missing": missing{},
	}
	for name, source := range panics {
		tx, err := db.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Insert(t.Context(), um("BTCUSDT"), source); err == nil || !strings.Contains(err.Error(), "panic") {
			t.Errorf("%s: error %v, expected one that tells of a panic", name, err)
		}
		if err := tx.Rollback(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	inserted(t, db, um("BTCUSDT"), trades(1, 5))
	if diff := cmp.Diff(lines(trades(1, 5)), content(t, db, "BTCUSDT")); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

type panicky struct{}

func (panicky) Parallelism() int { return 2 }
func (panicky) Reader() Reader   { panic("boom") }

type missing struct{}

func (missing) Parallelism() int { return 1 }
func (missing) Reader() Reader   { return nil }

func TestCancelInMidInsertRollsBack(t *testing.T) {
	t.Parallel()
	db := created(t)
	inserted(t, db, um("BTCUSDT"), trades(1, 10))
	ctx, cancel := context.WithCancelCause(t.Context())
	tx := begun(t, db)
	_, err := tx.Insert(ctx, um("BTCUSDT"), &given{rows: trades(100, 1_000_000), before: func(n int64) error {
		if n == 100 {
			cancel(errors.New("stop"))
		}
		return nil
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, expected that of the context", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(lines(trades(1, 10)), content(t, db, "BTCUSDT")); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	inserted(t, db, um("BTCUSDT"), trades(100, 10)) // the table functions are still there
}

func TestTimesAreUTCWhateverTheProcessHas(t *testing.T) {
	t.Parallel()
	for _, s := range shapes() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			db := shaped(t, s)
			if zone, err := queryOne(t.Context(), db.conn, "SELECT current_setting('TimeZone')", func(r scanner) (string, error) {
				var s string
				return s, r.Scan(&s)
			}); err != nil || zone != "UTC" {
				t.Errorf("time zone %q, %v", zone, err)
			}
			inserted(t, db, um("BTCUSDT"), []trade{{id: 1, us: 1_711_846_800_000_001, price: 1, quantity: 1}}) // when clocks change in Lisbon
			if n := count(t, db, "SELECT count(*) FROM aggtrades_history WHERE CAST(timestamp AS VARCHAR) = '2024-03-31 01:00:00.000001'"); n != 1 {
				t.Error("the time is another one")
			}
		})
	}
}
