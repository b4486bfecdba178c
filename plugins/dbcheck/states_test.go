package dbcheck

import (
	"encoding/binary"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/internal/checktest"
	"github.com/check-ingest/check-ingest/internal/checktest/dbworld"
	"github.com/check-ingest/check-ingest/internal/ledger"
)

// state is a condition in which a database can be found, and what the check says about it.
type state struct {
	make  func(w *world)
	args  []string
	code  int
	first string // the first line after the name, performance data included
}

// TestStates has a row for every state, made of real files and processes. What the check says with -v, remedies among it, is in a golden file.
func TestStates(t *testing.T) {
	t.Parallel()
	tests := states()
	checktest.States(t, "testdata/states.golden", slices.Collect(maps.Keys(tests)), func(t *testing.T, name string) string {
		t.Helper()
		return observe(t, tests[name])
	})
}

// observe makes the state, compares what the check says in each form, and gives what it says with -v.
func observe(t *testing.T, s state) string {
	t.Helper()
	w := newWorld(t)
	s.make(w)
	return w.Observe(s.code, s.first, w.Args(s.args...)...)
}

// states are all states. Performance data ends in what was measured everywhere.
func states() map[string]state {
	all := map[string]state{}
	for _, group := range []map[string]state{statesOfFiles(), statesHeld(), statesOfContent(), statesOfGaps(), statesOfScans(), statesOfScripts()} {
		for name, s := range group {
			all[name] = s
		}
	}
	return all
}

// The numbers of the template, and of files whose inside is not looked at.
const (
	sizes     = " size=1B;;;0 wal_size=0B;;;0"
	opened    = sizes + " open_time=0s;;;0"
	perfSound = " | age=87264s;;;0 rows=500;;;0 symbols=2;;;0" + opened
	fine      = "500 rows, 2 symbols, newest trade 1d ago, 1 MB"
)

func content(text string) func(*world) { return func(w *world) { w.Write(text) } }

func sound(w *world) { w.sound() }

func statesOfFiles() map[string]state {
	const foreign = "CRITICAL: DIR/t.duckdb is not a DuckDB database but "
	return map[string]state{
		"missing":                       {func(*world) {}, nil, 2, "CRITICAL: DIR/t.duckdb does not exist"},
		"missing, and that is fine":     {func(*world) {}, []string{"--missing=ok"}, 0, "OK: DIR/t.duckdb does not exist | rows=0;;;0"},
		"missing with its folder, fine": {func(w *world) { w.Path = filepath.Join(w.Dir, "no", "t.duckdb") }, []string{"--missing=ok"}, 2, "CRITICAL: DIR/no/t.duckdb: its folder does not exist"},
		"missing with its folder":       {func(w *world) { w.Path = filepath.Join(w.Dir, "no", "t.duckdb") }, nil, 2, "CRITICAL: DIR/no/t.duckdb: its folder does not exist"},
		"a symlink that leads nowhere":  {func(w *world) { w.Must(os.Symlink("gone", w.Path)) }, nil, 2, "CRITICAL: DIR/t.duckdb is a symlink to a file that does not exist"},
		"missing, but its log is there": {func(w *world) { w.Must(os.WriteFile(w.Path+".wal", []byte("x"), 0o600)) }, nil, 2, "CRITICAL: DIR/t.duckdb does not exist, but its write-ahead log t.duckdb.wal does"},
		"a folder":                      {func(w *world) { w.Must(os.Mkdir(w.Path, 0o755)) }, nil, 2, "CRITICAL: DIR/t.duckdb is not a regular file"},
		"a FIFO":                        {func(w *world) { w.Must(unix.Mkfifo(w.Path, 0o600)) }, nil, 2, "CRITICAL: DIR/t.duckdb is not a regular file"},
		"below a file":                  {func(w *world) { w.sound(); w.Path += "/t.duckdb" }, nil, 2, "CRITICAL: DIR/t.duckdb/t.duckdb: not a directory"},
		"a name DuckDB cannot open":     {func(w *world) { w.Path = filepath.Join(w.Dir, "what?.duckdb"); w.sound() }, nil, 2, "CRITICAL: DIR/what?.duckdb: DuckDB's driver cannot open a path with '?' or a stray '%'"},
		"a name with a line break":      {func(w *world) { w.Path = filepath.Join(w.Dir, "a\nb.duckdb"); w.sound() }, nil, 2, "CRITICAL: DIR/a b.duckdb: DuckDB's driver cannot open a path with a control character"},
		"a name that is not UTF-8":      {func(w *world) { w.Path = filepath.Join(w.Dir, "caf\xe9.duckdb") }, nil, 2, "CRITICAL: DIR/caf?.duckdb: its path is not valid UTF-8, as DuckDB needs it"},
		"empty":                         {content(""), nil, 2, "CRITICAL: DIR/t.duckdb is empty and no database | size=0B;;;0 wal_size=0B;;;0"},
		"text":                          {content("1,2,3\n"), nil, 2, foreign + "text |" + sizes},
		"an error page":                 {content("<html>404</html>"), nil, 2, foreign + "an HTML or XML page |" + sizes},
		"a SQLite database":             {content("SQLite format 3\x00" + strings.Repeat("\x00", 4096)), nil, 2, foreign + "an SQLite database |" + sizes},
		"a Parquet file":                {content("PAR1\x00\x00PAR1"), nil, 2, foreign + "a Parquet file |" + sizes},
		"a zip archive":                 {content("PK\x03\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), nil, 2, foreign + "a zip archive |" + sizes},
		"random bytes":                  {content(strings.Repeat("\xa5\x00\x13", 9999)), nil, 2, foreign + "something else |" + sizes},
		"its creation was interrupted": {
			func(w *world) { w.Write(string(template[:8192])) }, nil, 2,
			"CRITICAL: DIR/t.duckdb is damaged: it has 8,192 bytes, and no database has less than 12,288 |" + sizes,
		},
		"cut in half": {
			func(w *world) { w.Write(string(template[:len(template)/2])) }, nil, 2,
			"CRITICAL: DIR/t.duckdb is damaged: it ends before its content does |" + sizes,
		},
		"a flipped bit in its header": {
			func(w *world) { w.sound(); w.damage(func(b []byte) []byte { b[5000] ^= 1; return b }) }, nil, 2,
			"CRITICAL: DIR/t.duckdb is damaged: a block's checksum does not match |" + sizes,
		},
		"by a newer DuckDB": {
			func(w *world) {
				w.sound()
				w.damage(func(b []byte) []byte { binary.LittleEndian.PutUint64(b[12:], 99); return b })
			}, nil, 2,
			"CRITICAL: DIR/t.duckdb was written by a newer version of DuckDB (storage version 99, this program reads up to 68) |" + sizes,
		},
		"encrypted": {
			func(w *world) {
				w.Must(dbworld.Execute(w.T.Context(), "", "SET GLOBAL force_mbedtls_unsafe = 'true'", "ATTACH '"+w.Path+"' AS s (ENCRYPTION_KEY 'k')", "CREATE TABLE s.t AS SELECT 1", "DETACH s"))
			}, nil, 2, "CRITICAL: DIR/t.duckdb is encrypted, and no key can be given |" + sizes,
		},
		"a log that is damaged": {
			func(w *world) {
				w.sound()
				w.Killed("write INSERT INTO aggtrades_history (agg_trade_id, timestamp, symbol, price, quantity, side, market) SELECT i + 1000, TIMESTAMP '2024-01-04', 'BTCUSDT', 1, 1, 'buy', 'um' FROM range(1000) r(i)")
				log, err := os.ReadFile(w.Path + ".wal")
				w.Must(err)
				log[len(log)/2] ^= 1
				w.Must(os.WriteFile(w.Path+".wal", log, 0o600))
			}, nil, 2, "CRITICAL: DIR/t.duckdb has a damaged write-ahead log | size=1B;;;0 wal_size=1B;;;0",
		},
		"a log that only a writer can replay": {
			func(w *world) { w.sound(); w.Killed("write CREATE INDEX i ON ingestion_log(symbol)") }, nil, 1,
			"WARNING: DIR/t.duckdb has a write-ahead log that only a writer can replay | size=1B;;;0 wal_size=1B;;;0",
		},
	}
}

func statesHeld() map[string]state {
	const progress = "PROCESS, 1 of 4 files (25%), 5,000,000 rows, ETA 3h"
	const seen = " snapshot_age=90s;;;0 heartbeat_age=1s;;;0"
	loading := func(w *world) { w.sound(); w.snapshot(90*time.Second, files()...); w.Play("load 1s") }
	gap := func(w *world) {
		w.sound()
		w.snapshot(90*time.Second, file("BTCUSDT", 1), file("BTCUSDT", 3))
		w.Play("load 1s")
	}
	writing := func(w *world) { w.sound(); w.Play("write") }
	const held = "DIR/t.duckdb is held open for writing by PROCESS, so nobody else can read or load it"
	const loaded = "being loaded by " + progress + ". By the ledger snapshot of 1m 30s ago: 500 rows, 2 symbols, newest trade 1d ago"
	const perf = " | age=87264s;;;0 rows=500;;;0 symbols=2;;;0" + sizes + seen
	return map[string]state{
		"somebody writes":                               {writing, nil, 2, "CRITICAL: " + held + " |" + sizes},
		"somebody writes, and that is a warning":        {writing, []string{"--busy=warning"}, 1, "WARNING: " + held + " |" + sizes},
		"somebody writes, and that is fine":             {writing, []string{"--busy=ok"}, 0, "OK: " + held + " |" + sizes},
		"somebody writes, another holds the lock":       {func(w *world) { w.sound(); w.Play("lock 1s"); w.Play("write") }, nil, 2, "CRITICAL: " + held + " |" + sizes},
		"somebody writes, the lock cannot be looked at": {func(w *world) { w.sound(); w.Lock = w.Path + "/lock"; w.Play("write") }, nil, 2, "CRITICAL: " + held + " |" + sizes},
		"somebody holds both, but is not the loader":    {func(w *world) { w.sound(); w.Play("load unpublished") }, nil, 2, "CRITICAL: " + held + " |" + sizes},
		"somebody reads":                                {func(w *world) { w.sound(); w.Play("read") }, nil, 0, "OK: " + fine + perfSound},
		"a load has not opened it yet":                  {func(w *world) { w.sound(); w.snapshot(90*time.Second, files()...); w.Play("lock 1s") }, nil, 0, "OK: " + loaded + perf},
		"a load waits for somebody who reads":           {func(w *world) { w.sound(); w.snapshot(90*time.Second, files()...); w.Play("read"); w.Play("lock 1s") }, nil, 0, "OK: " + loaded + perf},
		"a load hangs before it has opened it":          {func(w *world) { w.sound(); w.Play("lock 12h") }, nil, 0, "OK: " + fine + perfSound},
		"a loader holds the lock and says nothing":      {func(w *world) { w.sound(); w.Play("lock unpublished") }, nil, 0, "OK: " + fine + perfSound},
		"a load into another database": {
			func(w *world) {
				w.sound()
				other := w.Beside("other.duckdb")
				other.Play("lock 1s")
				w.Lock = other.LockFile()
			}, nil, 0, "OK: " + fine + perfSound,
		},
		"the loader writes":                        {loading, nil, 0, "OK: " + loaded + perf},
		"the loader writes, and that is a warning": {loading, []string{"--ingest-busy=warning"}, 1, "WARNING: " + loaded + perf},
		"the loader writes, no day is missing":     {loading, []string{"--gaps"}, 0, "OK: " + loaded + ", no days and no ids missing" + strings.Replace(perf, " snapshot", " days_missing=0;0;;0 ids_missing=0;0;;0 snapshot", 1)},
		"the loader writes, a day is missing": {
			gap,
			[]string{"--gaps"},
			1,
			"WARNING: 1 day missing: um BTCUSDT 1 (2024-01-02), limit 0. 100 trade ids missing: um BTCUSDT 100, limit 0" +
				" | age=87264s;;;0 rows=200;;;0 symbols=1;;;0" + sizes + " days_missing=1;0;;0 ids_missing=100;0;;0" + seen,
		},
		"the loader writes, the newest trade is old": {loading, []string{"-c", "1d"}, 2, "CRITICAL: the newest trade is 1d 14m old, of 2024-01-03 23:45 UTC, limit 1d" + strings.Replace(perf, "87264s;;;0", "87264s;;86400;0", 1)},
		"the loader writes, a symbol is asked for":   {loading, []string{"--symbol=ETHUSDT"}, 0, "OK: being loaded by " + progress + ". By the ledger snapshot of 1m 30s ago: 200 rows, 1 symbol, newest trade of ETHUSDT 2d ago | age=173664s;;;0 rows=200;;;0 symbols=1;;;0" + sizes + seen},
		"the loader writes, and rows cannot be read": {loading, []string{"--deep", "--blocks"}, 0, "OK: " + loaded + ". Rows and blocks cannot be read meanwhile" + perf},
		"the loader writes for the first time": {
			func(w *world) { w.sound(); w.Play("load 1s") }, nil, 0,
			"OK: being loaded by " + progress + ". What it holds is not known, since there is no ledger snapshot yet |" + sizes + " heartbeat_age=1s;;;0",
		},
		"the loader writes, its snapshot is broken": {
			func(w *world) {
				w.sound()
				w.Must(os.WriteFile(ledger.PathFor(w.Path), []byte("{"), 0o600))
				w.Play("load 1s")
			}, nil, 0,
			"OK: being loaded by " + progress + ". What it holds is not known, since there is no ledger snapshot yet |" + sizes + " heartbeat_age=1s;;;0",
		},
		"the loader hangs": {
			func(w *world) { w.sound(); w.snapshot(90*time.Second, files()...); w.Play("load 12h") }, nil, 2,
			"CRITICAL: DIR/t.duckdb is held by a loader that hangs: PROCESS gave no sign of life for 12h | age=87264s;;;0 rows=500;;;0 symbols=2;;;0" + sizes + " snapshot_age=90s;;;0 heartbeat_age=43200s;;;0",
		},
		"the loader is about to create it": {
			func(w *world) { w.Play("lock 1s") }, nil, 0,
			"OK: being created by " + progress + ". What it holds is not known, since there is no ledger snapshot yet | heartbeat_age=1s;;;0",
		},
		"the loader creates another": {
			func(w *world) {
				other := w.Beside("other.duckdb")
				other.Play("lock 1s")
				w.Lock = other.LockFile()
			}, nil, 2, "CRITICAL: DIR/t.duckdb does not exist",
		},
	}
}

func statesOfContent() map[string]state {
	empty := func(w *world) { w.sound(); w.Execute("DELETE FROM aggtrades_history", "DELETE FROM ingestion_log") }
	const eth = " | age=173664s;;;0 rows=200;;;0 symbols=1;;;0" + opened
	return map[string]state{
		"fine": {sound, nil, 0, "OK: " + fine + perfSound},
		"fine, through a symlink": {func(w *world) {
			w.sound()
			link := filepath.Join(w.Dir, "link")
			w.Must(os.Symlink(w.Path, link))
			w.Path = link
		}, nil, 0, "OK: " + fine + perfSound},
		"fine, and named with spaces":               {func(w *world) { w.Path = filepath.Join(w.Dir, "my trades+#1.duckdb"); w.sound() }, nil, 0, "OK: " + fine + perfSound},
		"older than a warning":                      {sound, []string{"-w", "24h", "-c", "2d"}, 1, "WARNING: the newest trade is 1d 14m old, of 2024-01-03 23:45 UTC, limit 1d" + strings.Replace(perfSound, "87264s;;;0", "87264s;86400;172800;0", 1)},
		"older than allowed":                        {sound, []string{"-c", "24h"}, 2, "CRITICAL: the newest trade is 1d 14m old, of 2024-01-03 23:45 UTC, limit 1d" + strings.Replace(perfSound, "87264s;;;0", "87264s;;86400;0", 1)},
		"young enough":                              {sound, []string{"-w", "25h"}, 0, "OK: " + fine + strings.Replace(perfSound, "87264s;;;0", "87264s;90000;;0", 1)},
		"too few rows":                              {sound, []string{"-c", "rows=501:"}, 2, "CRITICAL: 500 rows, limit 501" + strings.Replace(perfSound, "rows=500;;;0", "rows=500;;501:;0", 1)},
		"too few symbols":                           {sound, []string{"-w", "symbols=3:"}, 1, "WARNING: 2 symbols, limit 3" + strings.Replace(perfSound, "symbols=2;;;0", "symbols=2;3:;;0", 1)},
		"no rows yet":                               {empty, nil, 0, "OK: 0 rows, 0 symbols, no trade yet | rows=0;;;0 symbols=0;;;0" + opened},
		"no rows, and age has limits":               {empty, []string{"-c", "1d"}, 2, "CRITICAL: DIR/t.duckdb has no row yet | rows=0;;;0 symbols=0;;;0" + opened},
		"no rows, and age has one":                  {empty, []string{"-w", "1d"}, 1, "WARNING: DIR/t.duckdb has no row yet | rows=0;;;0 symbols=0;;;0" + opened},
		"one symbol":                                {sound, []string{"--symbol=ETHUSDT"}, 0, "OK: 200 rows, 1 symbol, newest trade of ETHUSDT 2d ago, 1 MB" + eth},
		"two symbols, the older one":                {sound, []string{"--symbol=BTCUSDT", "--symbol=ETHUSDT"}, 0, "OK: 500 rows, 2 symbols, newest trade of ETHUSDT 2d ago, 1 MB" + strings.Replace(perfSound, "87264s", "173664s", 1)},
		"a market":                                  {sound, []string{"--market=um"}, 0, "OK: " + strings.Replace(fine, "trade", "trade of um", 1) + perfSound},
		"a symbol of a market":                      {sound, []string{"--market=um", "--symbol=ETHUSDT"}, 0, "OK: 200 rows, 1 symbol, newest trade of um ETHUSDT 2d ago, 1 MB" + eth},
		"a market without rows":                     {sound, []string{"--market=cm"}, 1, "WARNING: no trade of cm in the 32 days before the newest of all, 2024-01-03 23:45 UTC | rows=0;;;0 symbols=0;;;0" + opened},
		"a symbol without rows":                     {sound, []string{"--symbol=BTCUSD"}, 1, "WARNING: no trade of BTCUSD in the 32 days before the newest of all, 2024-01-03 23:45 UTC | rows=0;;;0 symbols=0;;;0" + opened},
		"a symbol without rows, and a limit on age": {sound, []string{"--symbol=BTCUSD", "--symbol=BTCUSDT", "-c", "2d"}, 2, "CRITICAL: no trade of BTCUSD in the 32 days before the newest of all, 2024-01-03 23:45 UTC | age=87264s;;172800;0 rows=300;;;0 symbols=1;;;0" + opened},
		"the newest trade is in the future": {
			func(w *world) {
				w.sound()
				w.Execute("UPDATE aggtrades_history SET timestamp = TIMESTAMP '2024-01-05 01:00' WHERE agg_trade_id = 399")
			}, nil, 1,
			"WARNING: the newest trade is of 2024-01-05 01:00 UTC, which is in the future" + strings.Replace(perfSound, "87264s", "0s", 1),
		},
		"the newest trade is hardly in the future": {
			func(w *world) {
				w.sound()
				w.Execute("UPDATE aggtrades_history SET timestamp = TIMESTAMP '2024-01-05 00:09' WHERE agg_trade_id = 399")
			}, nil, 0,
			"OK: 500 rows, 2 symbols, newest trade 0s ago, 1 MB" + strings.Replace(perfSound, "87264s", "0s", 1),
		},
		"the newest trade was deleted": {
			func(w *world) { w.sound(); w.Execute("DELETE FROM aggtrades_history WHERE agg_trade_id = 399") }, nil, 0,
			"OK: 499 rows, 2 symbols, newest trade 1d ago, 1 MB" + strings.NewReplacer("87264s", "88128s", "rows=500", "rows=499").Replace(perfSound),
		},
		"a log of a killed writer": {
			func(w *world) {
				w.sound()
				w.Killed("write INSERT INTO aggtrades_history (agg_trade_id, timestamp, symbol, price, quantity, side, market) SELECT i + 400, TIMESTAMP '2024-01-04', 'BTCUSDT', 1, 1, 'buy', 'um' FROM range(10) r(i)")
			}, nil, 0, "OK: 510 rows, 2 symbols, newest trade 1d ago, 1 MB | age=86400s;;;0 rows=510;;;0 symbols=2;;;0 size=1B;;;0 wal_size=1B;;;0 open_time=0s;;;0",
		},
		"a log, and a limit on its size": {
			func(w *world) {
				w.sound()
				w.Killed("write INSERT INTO aggtrades_history (agg_trade_id, timestamp, symbol, price, quantity, side, market) SELECT i + 400, TIMESTAMP '2024-01-04', 'BTCUSDT', 1, 1, 'buy', 'um' FROM range(1000) r(i)")
			},
			[]string{"-c", "wal_size=0"},
			2,
			"CRITICAL: the write-ahead log has 1 MB, limit 0 B | age=86400s;;;0 rows=1500;;;0 symbols=2;;;0 size=1B;;;0 wal_size=1B;;0;0 open_time=0s;;;0",
		},
		"no such table": {
			func(w *world) { w.Execute("CREATE TABLE other AS SELECT 1 AS i") }, nil, 2, "CRITICAL: DIR/t.duckdb has no table aggtrades_history |" + opened,
		},
		"no such column": {
			func(w *world) {
				w.Execute("CREATE TABLE aggtrades_history (agg_trade_id BIGINT, timestamp TIMESTAMP, symbol VARCHAR, price DOUBLE, side VARCHAR)")
			}, nil, 2,
			"CRITICAL: DIR/t.duckdb: its table aggtrades_history has no column quantity, without which rows cannot be told apart or read |" + opened,
		},
		"a column of another type": {
			func(w *world) {
				w.Execute("CREATE TABLE aggtrades_history (agg_trade_id INTEGER, timestamp TIMESTAMP, symbol VARCHAR, price DOUBLE, quantity DOUBLE, side VARCHAR)")
			}, nil, 2,
			"CRITICAL: DIR/t.duckdb: its table aggtrades_history has a column agg_trade_id of type INTEGER, expected BIGINT: ids passed 2^31 long ago |" + opened,
		},
		"a ledger of other types": {
			func(w *world) {
				w.sound()
				w.Execute("ALTER TABLE ingestion_log ALTER row_count TYPE VARCHAR", "UPDATE ingestion_log SET row_count = 'many'")
			}, nil, 1,
			"WARNING: the ledger cannot be read: DIR/t.duckdb: Binder Error: Cannot mix values of type BIGINT and VARCHAR in CASE expression - an explicit cast is required | age=87264s;;;0 rows=500;;;0" + opened,
		},
		"a ledger of other columns": {
			func(w *world) { w.sound(); w.Execute("ALTER TABLE ingestion_log DROP COLUMN row_count") }, nil, 1,
			"WARNING: the ledger cannot be read: DIR/t.duckdb: its table ingestion_log has no column row_count | age=87264s;;;0 rows=500;;;0" + opened,
		},
	}
}
