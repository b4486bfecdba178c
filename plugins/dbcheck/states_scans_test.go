package dbcheck

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/e2e/olddb"
)

func statesOfGaps() map[string]state {
	const none = " days_missing=0;0;;0 ids_missing=0;0;;0"
	within := func(perf, gaps string) string { return strings.Replace(perf, " open_time", gaps+" open_time", 1) }
	late := func(w *world) { w.sound(); w.Record(file("BTCUSDT", 7)) }
	month := file("SOLUSDT", 1)
	month.Period, month.DaysMissing, month.IDsMissing = catalog.MonthPeriod(2024, 1), []catalog.Day{jan(9), jan(10), jan(20)}, 7
	return map[string]state{
		"no gap": {sound, []string{"--gaps"}, 0, "OK: " + fine + ", no days and no ids missing" + within(perfSound, none)},
		"three days missing": {
			late,
			[]string{"--gaps"},
			1,
			"WARNING: 3 days missing: um BTCUSDT 3 (2024-01-04..2024-01-06), limit 0. 300 trade ids missing: um BTCUSDT 300, limit 0 | " +
				"age=87264s;;;0 rows=500;;;0 symbols=2;;;0" + sizes + " days_missing=3;0;;0 ids_missing=300;0;;0 open_time=0s;;;0",
		},
		"three days missing, and that is allowed": {
			late,
			[]string{"--gaps", "-w", "days_missing=3", "-c", "ids_missing=300"},
			0,
			"OK: " + fine + ", 3 days and 300 ids missing | age=87264s;;;0 rows=500;;;0 symbols=2;;;0" + sizes + " days_missing=3;3;;0 ids_missing=300;;300;0 open_time=0s;;;0",
		},
		"days missing of another symbol": {late, []string{"--gaps", "--symbol=ETHUSDT"}, 0, "OK: 1 symbol, newest trade of ETHUSDT 2d ago, 1 MB, no days and no ids missing | age=173664s;;;0 symbols=1;;;0" + within(opened, none)},
		"days and ids missing inside a file": {
			func(w *world) { w.sound(); w.Record(month) },
			[]string{"--gaps"},
			1,
			"WARNING: 3 days missing: um SOLUSDT 3 (2024-01-09..2024-01-10, 2024-01-20), limit 0. 7 trade ids missing: um SOLUSDT 7, limit 0 | " +
				"age=87264s;;;0 rows=500;;;0 symbols=3;;;0" + sizes + " days_missing=3;0;;0 ids_missing=7;0;;0 open_time=0s;;;0",
		},
		"gaps of many symbols": {
			func(w *world) {
				w.sound()
				for i := range 12 {
					symbol := fmt.Sprintf("S%02dUSDT", i)
					w.Record(file(symbol, 1), file(symbol, 3+i%3))
				}
			},
			[]string{"--gaps"},
			1,
			"WARNING: 24 days missing: um S02USDT 3 (2024-01-02..2024-01-04), um S05USDT 3 (2024-01-02..2024-01-04), um S08USDT 3 (2024-01-02..2024-01-04), 9 more, limit 0. " +
				"2,400 trade ids missing: um S02USDT 300, um S05USDT 300, um S08USDT 300, 9 more, limit 0 | age=87264s;;;0 rows=500;;;0 symbols=14;;;0" + sizes +
				" days_missing=24;0;;0 ids_missing=2400;0;;0 open_time=0s;;;0",
		},
		"gaps of nothing": {
			func(w *world) { w.sound(); w.Execute("DELETE FROM aggtrades_history", "DELETE FROM ingestion_log") },
			[]string{"--gaps"},
			0,
			"OK: 0 rows, 0 symbols, no trade yet, no days and no ids missing | rows=0;;;0 symbols=0;;;0" + within(opened, none),
		},
		"gaps of a symbol without rows": {
			sound,
			[]string{"--gaps", "--symbol=BTCUSD"},
			3,
			"UNKNOWN: --gaps cannot tell: no file of BTCUSD is in the loader's ledger. no trade of BTCUSD in the 32 days before the newest of all, 2024-01-03 23:45 UTC | rows=0;;;0 symbols=0;;;0" + opened,
		},
	}
}

func statesOfScans() map[string]state {
	const clean = " duplicates=0;;0;0 invalid=0;;0;0 nulls=0;;;0 bad_price=0;;;0 bad_quantity=0;;;0 bad_side=0;;;0 bad_gross_value=0;;;0 bad_time=0;;;0 outside_period=0;;;0"
	within := func(perf, scans string) string { return strings.Replace(perf, " open_time", scans+" open_time", 1) }
	// flip damages a block that holds nothing but rows, so that the database opens and all that is asked by default is there.
	flip := func(w *world) {
		w.sound()
		w.Execute("INSERT INTO aggtrades_history (agg_trade_id, timestamp, symbol, price, quantity, side, market) SELECT i + 1000, make_timestamp(1704067200000000 + i), 'BTCUSDT', hash(i) % 100000 + 1, hash(i + 1) % 1000, 'buy', 'um' FROM range(300000) r(i)")
		whole, err := os.ReadFile(w.Path)
		w.Must(err)
		for at := 12288 + 5000; at < len(whole); at += 262144 {
			damaged := slices.Clone(whole)
			damaged[at] ^= 1
			w.Write(string(damaged))
			_, byDefault := run("--db", w.Path)
			_, byBlocks := run("--db", w.Path, "--blocks")
			if strings.Contains(byDefault, " OK: ") && strings.Contains(byBlocks, " CRITICAL: ") {
				return
			}
		}
		w.T.Fatal("no block whose damage only reading it shows")
	}
	perfFlip := strings.Replace(perfSound, "rows=500", "rows=300500", 1)
	planted := func(statements ...string) func(*world) {
		return func(w *world) { w.sound(); w.Execute(statements...) }
	}
	return map[string]state{
		"every block is sound":              {sound, []string{"--blocks"}, 0, "OK: " + fine + ", every block of 2 tables read in 0s" + perfSound},
		"a damaged block":                   {flip, []string{"--blocks"}, 2, "CRITICAL: reading every block: DIR/t.duckdb is damaged: a block's checksum does not match" + perfFlip},
		"a damaged block that nobody reads": {flip, nil, 0, "OK: 300,500 rows, 2 symbols, newest trade 1d ago, 1 MB" + perfFlip},
		"a damaged block among the rows":    {flip, []string{"--deep"}, 2, "CRITICAL: examining the rows: DIR/t.duckdb is damaged: a block's checksum does not match" + perfFlip},
		"every row is sound":                {sound, []string{"--deep"}, 0, "OK: " + fine + ", 500 rows examined in 0s without a defect" + within(perfSound, clean)},
		"all that can be asked":             {sound, []string{"--deep", "--blocks", "--gaps"}, 0, "OK: " + fine + ", no days and no ids missing, every block of 2 tables read in 0s, 500 rows examined in 0s without a defect" + within(perfSound, " days_missing=0;0;;0 ids_missing=0;0;;0"+clean)},
		"duplicates": {
			planted(insert(file("ETHUSDT", 2), "market", "'um'")),
			[]string{"--deep"},
			2,
			"CRITICAL: 100 duplicate rows, such as id 200 of um ETHUSDT, limit 0 | age=87264s;;;0 rows=600;;;0 symbols=2;;;0" + within(opened, strings.Replace(clean, "duplicates=0", "duplicates=100", 1)),
		},
		"duplicates of another symbol": {
			planted(insert(file("ETHUSDT", 2), "market", "'um'")),
			[]string{"--deep", "--symbol=BTCUSDT"},
			0,
			"OK: 1 symbol, newest trade of BTCUSDT 1d ago, 1 MB, 300 rows examined in 0s without a defect | age=87264s;;;0 symbols=1;;;0" + within(opened, clean),
		},
		"the same ids in another market": {
			planted(insert(file("ETHUSDT", 2), "market", "'spot'")),
			[]string{"--deep"},
			0,
			"OK: 600 rows, 2 symbols, newest trade 1d ago, 1 MB, 600 rows examined in 0s without a defect | age=87264s;;;0 rows=600;;;0 symbols=2;;;0" + within(opened, clean),
		},
		"invalid rows of three kinds": {
			planted("UPDATE aggtrades_history SET price = 0 WHERE agg_trade_id = 301", "UPDATE aggtrades_history SET quantity = -1 WHERE agg_trade_id IN (302, 303)",
				"UPDATE aggtrades_history SET timestamp = TIMESTAMP '2024-01-01 05:00' WHERE agg_trade_id = 304"),
			[]string{"--deep"},
			2,
			"CRITICAL: 4 invalid rows: um BTCUSDT: 1 row with price not above 0, the first of id 301, um BTCUSDT: 2 rows with quantity below 0, the first of id 302, um BTCUSDT: 1 row with time outside its file's period, the first of id 304, of /data/BTCUSDT-aggTrades-2024-01-03.csv, limit 0" +
				within(perfSound, " duplicates=0;;0;0 invalid=4;;0;0 nulls=0;;;0 bad_price=1;;;0 bad_quantity=2;;;0 bad_side=0;;;0 bad_gross_value=0;;;0 bad_time=0;;;0 outside_period=1;;;0"),
		},
		"invalid rows that are allowed": {
			planted("UPDATE aggtrades_history SET price = 0 WHERE agg_trade_id = 301"),
			[]string{"--deep", "-c", "invalid=1", "-w", "bad_price=2"},
			0,
			"OK: " + fine + ", 500 rows examined in 0s" + within(perfSound, " duplicates=0;;0;0 invalid=1;;1;0 nulls=0;;;0 bad_price=1;2;;0 bad_quantity=0;;;0 bad_side=0;;;0 bad_gross_value=0;;;0 bad_time=0;;;0 outside_period=0;;;0"),
		},
	}
}

// statesOfScripts are databases as the Python scripts made them.
func statesOfScripts() map[string]state {
	shape := func(name string, statements ...string) func(*world) {
		return func(w *world) {
			for _, s := range olddb.Shapes() {
				if s.Name != name {
					continue
				}
				w.Execute(append(append(s.Statements(), strings.NewReplacer("side,", "side, gross_value,", " side)", " side, gross_value)", "END,", "END, 42000.5 * 0.25,", "END FROM", "END, 42000.5 * 0.25 FROM").
					Replace(insert(file("BTCUSDT", 3), "", ""))), statements...)...)
				return
			}
			w.T.Fatalf("no shape %q", name)
		}
	}
	const double, keyed = "price and quantity as DOUBLE", "primary key agg_trade_id"
	const perf = " | age=87264s;;;0 rows=100;;;0" + opened
	const clean = " duplicates=0;;0;0 invalid=0;;0;0 nulls=0;;;0 bad_price=0;;;0 bad_quantity=0;;;0 bad_side=0;;;0 bad_gross_value=0;;;0 bad_time=0;;;0 outside_period=0;;;0"
	const text = "100 rows, newest trade 1d ago, 1 MB"
	within := func(perf, scans string) string { return strings.Replace(perf, " open_time", scans+" open_time", 1) }
	return map[string]state{
		"the scripts' table, without ledger":      {shape(double), nil, 0, "OK: " + text + perf},
		"the scripts' table, by symbol":           {shape(double), []string{"--symbol=BTCUSDT", "--market=um"}, 0, "OK: newest trade of um BTCUSDT 1d ago, 1 MB | age=87264s;;;0" + opened},
		"the scripts' table, by another symbol":   {shape(double), []string{"--symbol=ETHUSDT"}, 1, "WARNING: no trade of ETHUSDT in the 32 days before the newest of all, 2024-01-03 23:45 UTC |" + opened},
		"the scripts' table, gaps":                {shape(double), []string{"--gaps"}, 3, "UNKNOWN: --gaps cannot tell: no file is in the loader's ledger" + perf},
		"the scripts' table, every row":           {shape(double), []string{"--deep"}, 0, "OK: " + text + ", 100 rows examined in 0s without a defect" + within(perf, clean)},
		"the scripts' key":                        {shape(keyed), nil, 0, "OK: " + text + perf},
		"the scripts' key, every row and block":   {shape(keyed), []string{"--deep", "--blocks"}, 0, "OK: " + text + ", every block of 2 tables read in 0s, 100 rows examined in 0s without a defect" + within(perf, clean)},
		"the scripts' key and indexes":            {shape("primary key and secondary indexes"), nil, 0, "OK: " + text + perf},
		"the scripts' exchange column, every row": {shape("primary key agg_trade_id, symbol, exchange"), []string{"--deep", "--symbol=BTCUSDT"}, 0, "OK: newest trade of BTCUSDT 1d ago, 1 MB, 100 rows examined in 0s without a defect | age=87264s;;;0" + within(opened, clean)},
		"the scripts' ledger": {
			shape(keyed, "INSERT INTO ingestion_log VALUES ('/a.csv', 'BTCUSDT', TIMESTAMP '2024-01-04', 100, 'success', NULL, 5000, 10)"), nil, 0,
			"OK: 100 rows, 1 symbol, newest trade 1d ago, 1 MB | age=87264s;;;0 rows=100;;;0 symbols=1;;;0" + opened,
		},
		"the scripts' rows, wrong in every way they can be": {
			shape(double, "INSERT INTO aggtrades_history SELECT * FROM aggtrades_history WHERE agg_trade_id = 300",
				"UPDATE aggtrades_history SET side = 'SELL' WHERE agg_trade_id = 310", "UPDATE aggtrades_history SET gross_value = 7 WHERE agg_trade_id IN (311, 312)",
				"UPDATE aggtrades_history SET price = NULL WHERE agg_trade_id = 313", "UPDATE aggtrades_history SET timestamp = TIMESTAMP '2016-01-01' WHERE agg_trade_id = 314"),
			[]string{"--deep"},
			2,
			"CRITICAL: 1 duplicate row, such as id 300 of BTCUSDT, limit 0. 5 invalid rows: BTCUSDT: 1 row with missing value, the first of id 313, BTCUSDT: 1 row with side neither buy nor sell, the first of id 310, BTCUSDT: 2 rows with gross_value that is not price x quantity, the first of id 311, 1 more, limit 0" +
				" | age=87264s;;;0 rows=101;;;0" + within(opened, " duplicates=1;;0;0 invalid=5;;0;0 nulls=1;;;0 bad_price=0;;;0 bad_quantity=0;;;0 bad_side=1;;;0 bad_gross_value=2;;;0 bad_time=1;;;0 outside_period=0;;;0"),
		},
	}
}
