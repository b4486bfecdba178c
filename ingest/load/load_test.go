package load_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/csv"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2" // to look at what was loaded
	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/ingest/load"
	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// world is a place to load in: a data dir, a database, a lock.
type world struct {
	dir, data, db string
	log           *bytes.Buffer // of the last run
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	dir, err := filepath.EvalSymlinks(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	w := &world{dir: dir, data: filepath.Join(dir, "data"), db: filepath.Join(dir, "trades.duckdb")}
	if err := os.Mkdir(w.data, 0o755); err != nil {
		tb.Fatal(err)
	}
	return w
}

// put writes a file below the data dir.
func (w *world) put(tb testing.TB, name, text string) string {
	tb.Helper()
	path := filepath.Join(w.data, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
	return path
}

// make writes a made-up file in the mirror's layout.
func (w *world) make(tb testing.TB, s synth.Spec, p synth.Packing) string {
	tb.Helper()
	path, err := synth.WriteFile(w.data, synth.Mirror, s, p)
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

func (w *world) config(changes ...func(*load.Config)) load.Config {
	w.log = &bytes.Buffer{}
	c := load.Config{
		Database: w.db, DataDir: w.data, LockFile: filepath.Join(w.dir, "lock"), Market: catalog.UM,
		Retries: 1, RetryDelay: time.Millisecond, Threads: 2, MemoryLimit: 512 << 20,
		RunID: "run", Version: "test", Log: slog.New(slog.NewTextHandler(w.log, nil)), Now: time.Now,
	}
	for _, change := range changes {
		change(&c)
	}
	return c
}

func (w *world) run(tb testing.TB, changes ...func(*load.Config)) (*load.Report, error) {
	tb.Helper()
	return load.Run(tb.Context(), w.config(changes...))
}

// load is a run that must not fail.
func (w *world) load(tb testing.TB, changes ...func(*load.Config)) *load.Report {
	tb.Helper()
	r, err := w.run(tb, changes...)
	if err != nil {
		tb.Fatalf("load: %v\n%s", err, w.log)
	}
	return r
}

// ask runs a query on the closed database and gives each row as text, columns separated by '|'.
func (w *world) ask(tb testing.TB, query string, args ...any) []string {
	tb.Helper()
	pool, err := sql.Open("duckdb", w.db+"?access_mode=READ_ONLY")
	if err != nil {
		tb.Fatal(err)
	}
	defer pool.Close()
	return ask(tb, pool, query, args...)
}

func ask(tb testing.TB, pool *sql.DB, query string, args ...any) []string {
	tb.Helper()
	rows, err := pool.QueryContext(tb.Context(), query, args...)
	if err != nil {
		tb.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		tb.Fatal(err)
	}
	var out []string
	for rows.Next() {
		values := make([]any, len(columns))
		targets := make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			tb.Fatal(err)
		}
		texts := make([]string, len(values))
		for i, v := range values {
			if v != nil {
				texts[i] = fmt.Sprint(v)
			}
		}
		out = append(out, strings.Join(texts, "|"))
	}
	if err := rows.Err(); err != nil {
		tb.Fatal(err)
	}
	return out
}

// exec prepares a database with statements of any kind.
func (w *world) exec(tb testing.TB, statements ...string) {
	tb.Helper()
	pool, err := sql.Open("duckdb", w.db)
	if err != nil {
		tb.Fatal(err)
	}
	defer pool.Close()
	for _, s := range statements {
		if _, err := pool.ExecContext(tb.Context(), s); err != nil {
			tb.Fatalf("%s: %v", s, err)
		}
	}
}

// rows is all rows of the table, of whatever shape it is, in an order of their own.
func (w *world) rows(tb testing.TB) []string {
	tb.Helper()
	market := "'um'"
	if len(w.ask(tb, "SELECT 1 FROM duckdb_columns() WHERE table_name = 'aggtrades_history' AND column_name = 'market'")) > 0 {
		market = "market"
	}
	return w.ask(tb, `SELECT `+market+`, symbol, CAST(agg_trade_id AS VARCHAR), CAST(epoch_us(timestamp) AS VARCHAR), CAST(CAST(CAST(price AS DECIMAL(38, 8)) * 100000000 AS HUGEINT) AS VARCHAR),
		CAST(CAST(CAST(quantity AS DECIMAL(38, 8)) * 100000000 AS HUGEINT) AS VARCHAR), side FROM aggtrades_history ORDER BY ALL`)
}

// rowsOf is what rows gives for the trades in CSV text of one series, decoded as slowly and plainly as can be.
func rowsOf(tb testing.TB, s catalog.Series, text string) []string {
	tb.Helper()
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\xef\xbb\xbf")))
	records, err := r.ReadAll()
	if err != nil {
		tb.Fatal(err)
	}
	var out []string
	for _, f := range records {
		if strings.Trim(f[0], "0123456789") != "" || f[3] == "-1" {
			continue
		}
		us, err := strconv.ParseInt(f[5], 10, 64)
		if err != nil {
			tb.Fatal(err)
		}
		if us < 1e14 {
			us *= 1000
		}
		side := "buy"
		if strings.EqualFold(f[6], "true") {
			side = "sell"
		}
		out = append(out, strings.Join([]string{string(s.Market), s.Symbol, f[0], strconv.FormatInt(us, 10), units(tb, f[1]), units(tb, f[2]), side}, "|"))
	}
	return out
}

func units(tb testing.TB, text string) string {
	tb.Helper()
	v, ok := new(big.Rat).SetString(text)
	if !ok {
		tb.Fatalf("number %q", text)
	}
	return v.Mul(v, big.NewRat(1e8, 1)).FloatString(0)
}

// same compares rows whatever their order.
func same(tb testing.TB, want, got []string) {
	tb.Helper()
	want, got = slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got))
	if !slices.Equal(want, got) {
		tb.Errorf("%d rows, expected %d (-want +got):\n%s", len(got), len(want), head(cmp.Diff(want, got)))
	}
}

func head(s string) string { return s[:min(len(s), 4000)] }

// ledgerOf is the ledger without what differs from run to run: a line a file.
func (w *world) ledger(tb testing.TB) []string {
	tb.Helper()
	lines := w.ask(tb, `SELECT file_path, market, symbol, CAST(period_start AS VARCHAR), CAST(period_end AS VARCHAR), status,
		concat('rows ', row_count, ' = ', rows_inserted, ' inserted + ', rows_duplicate, ' duplicate + ', rows_conflict, ' conflict + ', rows_voided, ' voided'),
		concat('ids ', first_agg_trade_id, '..', last_agg_trade_id, ' missing ', ids_missing), concat('days ', days_missing), coalesce(error_message, '')
		FROM ingestion_log ORDER BY file_path`)
	for i, l := range lines {
		path, rest, _ := strings.Cut(l, "|")
		lines[i] = filepath.Base(path) + "|" + rest
	}
	return lines
}

func um(symbol string) catalog.Series { return catalog.Series{Market: catalog.UM, Symbol: symbol} }

func spot(symbol string) catalog.Series { return catalog.Series{Market: catalog.Spot, Symbol: symbol} }

func day(tb testing.TB, s string) catalog.Day {
	tb.Helper()
	d, err := catalog.ParseDay(s)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// daily is the spec of a day's file.
func daily(tb testing.TB, s catalog.Series, date string, rows int, firstID int64) synth.Spec {
	tb.Helper()
	return synth.Spec{Series: s, Period: catalog.DayPeriod(day(tb, date)), Rows: rows, FirstID: firstID, Seed: uint64(firstID)}
}

// monthly is the spec of a month's file.
func monthly(tb testing.TB, s catalog.Series, month string, rows int, firstID int64) synth.Spec {
	tb.Helper()
	t := day(tb, month+"-01").Time()
	return synth.Spec{Series: s, Period: catalog.MonthPeriod(t.Year(), t.Month()), Rows: rows, FirstID: firstID, Seed: uint64(firstID)}
}

// statuses tells what became of each file, by name.
func statuses(r *load.Report) map[string]string {
	out := map[string]string{}
	for _, f := range r.Files {
		out[filepath.Base(f.Path)] = f.Status
	}
	return out
}

// samples is the folder of real files; a test is skipped where it is absent.
func samples(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	for err == nil {
		if _, serr := os.Stat(filepath.Join(dir, "go.mod")); serr == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	dir = filepath.Join(dir, "..", "shared", "samples")
	if _, err := os.Stat(dir); err != nil {
		tb.Skipf("no sample files: %v", err)
	}
	return dir
}

func read(tb testing.TB, path string) string {
	tb.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

// unpacked is a file's CSV text.
func unpacked(tb testing.TB, path string) string {
	tb.Helper()
	_, _, format, err := source.ParseName(filepath.Base(path))
	if err != nil {
		tb.Fatal(err)
	}
	r, err := source.Open(context.Background(), source.File{Path: path, Format: format}, source.OpenOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	defer r.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(r); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}
