package load_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/check-ingest/check-ingest/ingest/load"
)

// The test binary runs itself where a process of its own is needed, in another time zone for instance.
const (
	roleVariable = "LOAD_TEST_ROLE"
	dirVariable  = "LOAD_TEST_DIR"
)

func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	if role == "" {
		os.Exit(m.Run())
	}
	var err error
	switch role {
	case "real day":
		err = compareRealDay(os.Getenv(dirVariable))
	case "read", "write":
		err = holdDatabase(os.Getenv(dirVariable), role)
	default:
		err = fmt.Errorf("role %q: unknown", role)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func command(tb testing.TB, role, dir string, env ...string) *exec.Cmd {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.CommandContext(tb.Context(), self)
	cmd.Env = append(append(os.Environ(), roleVariable+"="+role, dirVariable+"="+dir), env...)
	return cmd
}

// holdDatabase keeps a database open until standard input ends.
func holdDatabase(path, role string) error {
	mode := map[string]string{"write": "READ_WRITE", "read": "READ_ONLY"}[role]
	pool, err := sql.Open("duckdb", path+"?access_mode="+mode)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := pool.Ping(); err != nil {
		return err
	}
	fmt.Println("ready")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// realDay is a genuine COIN-M day, and how many rows it has.
const (
	realDay     = "BTCUSD_PERP-aggTrades-2026-05-08"
	realDayRows = 105_280
)

// compareRealDay loads the zip in dir/data and compares every column of every row with what DuckDB's own reader makes of the CSV in dir.
func compareRealDay(dir string) error {
	db := filepath.Join(dir, "trades.duckdb")
	ctx := context.Background()
	r, err := load.Run(ctx, load.Config{
		Database: db, DataDir: filepath.Join(dir, "data"), LockFile: filepath.Join(dir, "lock"), Market: "cm", RunID: "run", Version: "test",
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), Now: time.Now,
	})
	if err != nil || r.Totals.Rows != realDayRows {
		return fmt.Errorf("%d rows, %w", r.Totals.Rows, err)
	}
	pool, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	defer pool.Close()
	pool.SetMaxOpenConns(1)
	for _, s := range []string{
		"ATTACH '" + db + "' AS loaded (READ_ONLY)",
		`CREATE VIEW ours AS SELECT agg_trade_id, timestamp, symbol, price, quantity, CAST(side AS VARCHAR) AS side, gross_value, CAST(market AS VARCHAR) AS market
			FROM loaded.aggtrades_history`,
		`CREATE VIEW theirs AS SELECT agg_trade_id, make_timestamp(transact_time * 1000) AS timestamp, 'BTCUSD_PERP' AS symbol, CAST(price AS DECIMAL(18, 8)) AS price,
			CAST(quantity AS DECIMAL(18, 8)) AS quantity, CASE WHEN is_buyer_maker THEN 'sell' ELSE 'buy' END AS side,
			CAST(price AS DOUBLE) * CAST(quantity AS DOUBLE) AS gross_value, 'cm' AS market
			FROM read_csv('` + filepath.Join(dir, realDay+".csv") + `', header = true, columns = {agg_trade_id: 'BIGINT', price: 'VARCHAR', quantity: 'VARCHAR',
			first_trade_id: 'BIGINT', last_trade_id: 'BIGINT', transact_time: 'BIGINT', is_buyer_maker: 'BOOLEAN'})`,
	} {
		if _, err := pool.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	for query, want := range map[string]string{
		"SELECT CAST(count(*) AS VARCHAR) FROM theirs":                                                                              fmt.Sprint(realDayRows),
		"SELECT CAST(count(*) AS VARCHAR) FROM ours":                                                                                fmt.Sprint(realDayRows),
		"SELECT CAST(count(*) AS VARCHAR) FROM (FROM ours EXCEPT ALL FROM theirs)":                                                  "0",
		"SELECT CAST(count(*) AS VARCHAR) FROM (FROM theirs EXCEPT ALL FROM ours)":                                                  "0",
		"SELECT CAST(min(timestamp) AS VARCHAR) FROM ours":                                                                          "2026-05-08 00:00:00.02",
		"SELECT CAST(max(timestamp) AS VARCHAR) FROM ours":                                                                          "2026-05-08 23:59:59.655",
		"SELECT CAST(epoch_us(first_trade_at) AS VARCHAR) FROM loaded.ingestion_log":                                                "1778198400020000",
		"SELECT CAST(period_start AS VARCHAR) FROM loaded.ingestion_log":                                                            "2026-05-08",
		"SELECT CAST(period_end AS VARCHAR) FROM loaded.ingestion_log":                                                              "2026-05-08",
		"SELECT CAST(abs(epoch(processed_at) - " + fmt.Sprint(time.Now().Unix()) + ") < 3600 AS VARCHAR) FROM loaded.ingestion_log": "true",
	} {
		var got string
		if err := pool.QueryRowContext(ctx, query).Scan(&got); err != nil {
			return fmt.Errorf("%s: %w", query, err)
		}
		if got != want {
			return errors.New(query + ": " + got + ", expected " + want)
		}
	}
	return nil
}

// TestRealDayInEveryTimeZone loads a genuine archive in processes of three time zones.
func TestRealDayInEveryTimeZone(t *testing.T) {
	t.Parallel()
	archive := filepath.Join(samples(t), "cm-BTCUSD_PERP", realDay+".zip")
	for _, zone := range []string{"UTC", "Europe/Lisbon", "Asia/Tokyo"} {
		t.Run(zone, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if err := os.WriteFile(filepath.Join(w.dir, realDay+".csv"), []byte(unpacked(t, archive)), 0o600); err != nil {
				t.Fatal(err)
			}
			w.put(t, realDay+".zip", read(t, archive))
			w.put(t, realDay+".zip.CHECKSUM", read(t, archive+".CHECKSUM"))
			if out, err := command(t, "real day", w.dir, "TZ="+zone).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// TestRealSlices loads the beginnings of genuine days.
func TestRealSlices(t *testing.T) {
	t.Parallel()
	for name, rows := range map[string]int64{"spot-BTCUSDT-aggTrades-2026-09-16": 50, "um-BTCUSDT-aggTrades-2026-09-17": 40} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := read(t, filepath.Join(samples(t), "slices", name+".slice.csv"))
			w := newWorld(t)
			market, file, _ := strings.Cut(name, "-")
			w.put(t, market+"/"+file+".csv", text)
			r := w.load(t)
			series := um("BTCUSDT")
			if market == "spot" {
				series = spot("BTCUSDT")
			}
			if r.Totals.Rows != rows {
				t.Errorf("%d rows, expected %d", r.Totals.Rows, rows)
			}
			same(t, rowsOf(t, series, text), w.rows(t))
		})
	}
}
