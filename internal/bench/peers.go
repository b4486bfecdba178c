package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	_ "github.com/duckdb/duckdb-go/v2" // the peers use DuckDB as their users do
)

// peer is another way to load the CSV files of a folder, in a process of its own: peer NAME DATABASE DIR.
func peer(args []string) error {
	if len(args) != 3 {
		return errors.New("usage: bench peer scripts|expert|floor|decode|open DATABASE DIR")
	}
	files, err := csvFiles(args[2])
	if err != nil {
		return err
	}
	if args[0] == "decode" { // without the time that opening a database takes
		return decodeOnly(files)
	}
	db, err := sql.Open("duckdb", args[1])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	load, ok := map[string]func(*sql.DB, []string) error{"scripts": scriptsSQL, "expert": expertSQL, "floor": floorSQL, "open": openOnly}[args[0]]
	if !ok {
		return fmt.Errorf("no peer %q", args[0])
	}
	return load(db, files)
}

// csvFiles are the CSV files below dir, in order of name.
func csvFiles(dir string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if filepath.Ext(path) == ".csv" {
			files = append(files, path)
		}
		return err
	})
	slices.Sort(files)
	return files, err
}

// scriptsSchema is the table of the Python scripts that this project replaces, with its key and indexes.
//
//nolint:gochecknoglobals // a constant list
var scriptsSchema = []string{
	`CREATE TABLE aggtrades_history (agg_trade_id BIGINT, timestamp TIMESTAMP NOT NULL, symbol VARCHAR NOT NULL, price DECIMAL(18, 8) NOT NULL,
	quantity DECIMAL(18, 8) NOT NULL, side VARCHAR NOT NULL, gross_value DOUBLE NOT NULL, exchange VARCHAR, PRIMARY KEY (agg_trade_id, symbol, exchange))`,
	"CREATE INDEX i_time ON aggtrades_history (timestamp)", "CREATE INDEX i_symbol ON aggtrades_history (symbol, timestamp)",
}

// scriptsSQL is what the Python scripts do: a primary key and two indexes, a count before and after, INSERT OR IGNORE from an auto-detected CSV.
func scriptsSQL(db *sql.DB, files []string) error {
	if err := execAll(db, scriptsSchema...); err != nil {
		return err
	}
	for _, f := range files {
		err := execAll(db, "SELECT count(*) FROM aggtrades_history", `INSERT OR IGNORE INTO aggtrades_history
			SELECT agg_trade_id, epoch_ms(CAST(transact_time AS BIGINT)), 'BTCUSDT', CAST(price AS DECIMAL(18, 8)), CAST(quantity AS DECIMAL(18, 8)),
				CASE WHEN is_buyer_maker THEN 'sell' ELSE 'buy' END, CAST(price AS DOUBLE) * CAST(quantity AS DOUBLE), 'binance'
			FROM read_csv(`+quote(f)+`, auto_detect = true)`, "SELECT count(*) FROM aggtrades_history")
		if err != nil {
			return err
		}
	}
	return nil
}

// expertSQL is the best that plain SQL does: no keys, a typed read_csv, order not kept, one INSERT a file.
func expertSQL(db *sql.DB, files []string) error {
	err := execAll(db, "SET preserve_insertion_order = false", `CREATE TABLE aggtrades_history (agg_trade_id BIGINT, timestamp TIMESTAMP, symbol VARCHAR, price DECIMAL(18, 8),
		quantity DECIMAL(18, 8), side VARCHAR, gross_value DOUBLE)`)
	if err != nil {
		return err
	}
	for _, f := range files {
		err := execAll(db, `INSERT INTO aggtrades_history
			SELECT agg_trade_id, make_timestamp_ms(transact_time), 'BTCUSDT', price, quantity, CASE WHEN is_buyer_maker THEN 'sell' ELSE 'buy' END,
				CAST(price AS DOUBLE) * CAST(quantity AS DOUBLE)
			FROM read_csv(`+quote(f)+`, header = true, auto_detect = false, columns = {'agg_trade_id': 'BIGINT', 'price': 'DECIMAL(18,8)', 'quantity': 'DECIMAL(18,8)',
				'first_trade_id': 'BIGINT', 'last_trade_id': 'BIGINT', 'transact_time': 'BIGINT', 'is_buyer_maker': 'BOOLEAN'})`)
		if err != nil {
			return err
		}
	}
	return nil
}

// floorSQL inserts the same rows from a table in memory into our schema: what the storage engine costs by itself. The caller subtracts the time
// that the fill takes, which it prints; here it is part of the process, so the figure is an upper bound.
func floorSQL(db *sql.DB, files []string) error {
	err := execAll(db, "SET preserve_insertion_order = false", "ATTACH ':memory:' AS m",
		`CREATE TABLE aggtrades_history (agg_trade_id BIGINT NOT NULL, timestamp TIMESTAMP NOT NULL, symbol VARCHAR NOT NULL, price DECIMAL(18, 8) NOT NULL,
		quantity DECIMAL(18, 8) NOT NULL, side ENUM ('buy', 'sell') NOT NULL, market ENUM ('spot', 'um', 'cm') NOT NULL)`,
		`CREATE TABLE m.rows AS SELECT range AS id, 1700000000000000 + range * 70000 AS t, CAST(60000 + (range * 7919 % 1000) / 100 AS DECIMAL(18, 8)) AS p,
		CAST((range * 104729 % 997) / 1000 AS DECIMAL(18, 8)) AS q, range * 31 % 3 = 0 AS maker FROM range(1200000)`)
	if err != nil {
		return err
	}
	for range files {
		err := execAll(db, `INSERT INTO aggtrades_history SELECT id, make_timestamp(t), 'BTCUSDT', p, q,
			CASE WHEN maker THEN CAST('sell' AS ENUM ('buy', 'sell')) ELSE CAST('buy' AS ENUM ('buy', 'sell')) END, CAST('um' AS ENUM ('spot', 'um', 'cm')) FROM m.rows`)
		if err != nil {
			return err
		}
	}
	return nil
}

// openOnly has DuckDB open the database, which then is closed: what no program that looks into it can do without.
func openOnly(db *sql.DB, _ []string) error { return db.PingContext(context.Background()) }

func execAll(db *sql.DB, statements ...string) error {
	for _, s := range statements {
		if _, err := db.ExecContext(context.Background(), s); err != nil {
			return err
		}
	}
	return nil
}

// quote makes a string literal of a path of ours.
func quote(s string) string { return "'" + s + "'" }
