package e2e

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/ingest/load"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/nagiostest"
	"github.com/check-ingest/check-ingest/internal/proctest"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// sandbox is a place where a page's commands are run. Its data folder is the pages' /data.
type sandbox struct {
	*world
	skip string // why it cannot be had on this machine
}

// scenes make of a sandbox what a page speaks of.
func scenes() map[string]func(*testing.T, *sandbox) {
	return map[string]func(*testing.T, *sandbox){
		"nothing loaded":          func(*testing.T, *sandbox) {},
		"loaded":                  loadedScene,
		"a new day":               newDayScene,
		"a log left":              logLeftScene,
		"bad files":               badFilesScene,
		"bad files loaded":        func(t *testing.T, s *sandbox) { t.Helper(); badFilesScene(t, s); s.run(t, load.ExitSomeFailed) },
		"killed":                  killedScene,
		"downloads":               downloadsScene,
		"bad downloads":           badDownloadsScene,
		"a changed file":          changedScene,
		"a hole":                  holeScene,
		"wrong rows":              wrongRowsScene,
		"damaged":                 damagedScene,
		"cut off":                 cutScene,
		"another file":            anotherFileScene,
		"empty file":              func(t *testing.T, s *sandbox) { t.Helper(); put(t, s.db, "") },
		"newer":                   newerScene,
		"small disk":              smallDiskScene,
		"lock held by a script":   lockedScene,
		"database held":           heldScene,
		"database of the scripts": scriptsScene,
	}
}

func newSandbox(t *testing.T, scene string) *sandbox {
	t.Helper()
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	s := &sandbox{world: &world{dir: dir, data: filepath.Join(data, "downloads"), db: filepath.Join(data, "trades.duckdb"), lock: filepath.Join(data, "ingest.lock")}}
	for _, d := range []string{data, filepath.Join(dir, "backup"), filepath.Join(dir, "archive"), filepath.Join(dir, "new")} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if scene == "small disk" { // before anything lies there
		if err := unix.Mount("tmpfs", data, "tmpfs", 0, "size=24m"); err != nil {
			s.skip = fmt.Sprintf("mount a small file system: %v", err)
			return s
		}
		t.Cleanup(func() { _ = unix.Unmount(data, unix.MNT_DETACH) })
	}
	s.write(t, 4)
	page, err := os.ReadFile(filepath.Join(nagiostest.Root(t), "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	config := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(page)
	if config == nil {
		t.Fatal("operations.md shows no settings")
	}
	put(t, filepath.Join(data, "config.yaml"), strings.ReplaceAll(string(config[1]), " /data/", " "+data+"/"))
	prepare, ok := scenes()[scene]
	if !ok {
		t.Fatalf("no scene %q", scene)
	}
	prepare(t, s)
	return s
}

// write writes that many days of two symbols.
func (s *sandbox) write(t *testing.T, days int) {
	t.Helper()
	for _, symbol := range []string{"BTCUSDT", "ETHUSDT"} {
		day := catalog.DayOf(time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC))
		spec := synth.Spec{Series: catalog.Series{Market: catalog.UM, Symbol: symbol}, Period: catalog.DayPeriod(day), Rows: 1000, FirstID: 1}
		for range days {
			if _, err := synth.WriteFile(s.data, synth.Mirror, spec, synth.Plain); err != nil {
				t.Fatal(err)
			}
			spec = spec.Next()
		}
	}
}

// file is the path of a day's file of BTCUSDT.
func (s *sandbox) file(day int) string {
	return filepath.Join(s.data, "data/futures/um/daily/aggTrades/BTCUSDT", fmt.Sprintf("BTCUSDT-aggTrades-2025-01-%02d.csv", day))
}

// edit changes a file's lines.
func (s *sandbox) edit(t *testing.T, day int, change func([]string) []string) {
	t.Helper()
	text, err := os.ReadFile(s.file(day))
	if err != nil {
		t.Fatal(err)
	}
	put(t, s.file(day), strings.Join(change(strings.SplitAfter(string(text), "\n")), ""))
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func loadedScene(t *testing.T, s *sandbox) { t.Helper(); s.run(t, 0) }

// logLeftScene is a database beside which a program that wrote into a table of its own left a write-ahead log, as one that is killed does.
func logLeftScene(t *testing.T, s *sandbox) {
	t.Helper()
	s.run(t, 0)
	pool, err := sql.Open("duckdb", s.db)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{"PRAGMA disable_checkpoint_on_shutdown", "CREATE TABLE notes (text VARCHAR)", "INSERT INTO notes VALUES ('committed')"} {
		if _, err := pool.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
}

// wrongRowsScene is a database in which somebody changed a price and inserted three rows again.
func wrongRowsScene(t *testing.T, s *sandbox) {
	t.Helper()
	s.run(t, 0)
	pool, err := sql.Open("duckdb", s.db)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{
		"UPDATE aggtrades_history SET price = 0 WHERE symbol = 'BTCUSDT' AND agg_trade_id = 5",
		"INSERT INTO aggtrades_history (agg_trade_id, timestamp, symbol, price, quantity, side, market) SELECT agg_trade_id, timestamp, symbol, price, quantity, side, market FROM aggtrades_history WHERE symbol = 'ETHUSDT' AND agg_trade_id BETWEEN 100 AND 102",
	} {
		if _, err := pool.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
}

// newDayScene has a backup of before the newest day was loaded.
func newDayScene(t *testing.T, s *sandbox) {
	t.Helper()
	s.run(t, 0, "--end-date", "2025-01-03")
	copyFile(t, s.db, filepath.Join(s.dir, "backup", "trades.duckdb"))
	s.run(t, 0)
}

func damagedScene(t *testing.T, s *sandbox) {
	t.Helper()
	newDayScene(t, s)
	f, err := os.OpenFile(s.db, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	// The second block of the file, after three headers of 4 KiB: rows, in a database that has no more than these.
	for at := int64(3*4096 + 262144 + 8192); at < 3*4096+3*262144; at += 262144 {
		if _, err := f.WriteAt([]byte("DAMAGED"), at); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func cutScene(t *testing.T, s *sandbox) {
	t.Helper()
	s.run(t, 0)
	if err := os.Truncate(s.db, 100_000); err != nil {
		t.Fatal(err)
	}
}

func anotherFileScene(t *testing.T, s *sandbox) { t.Helper(); put(t, s.db, "symbol,price\n") }

// newerScene has a database whose header tells of a storage version that does not exist yet.
func newerScene(t *testing.T, s *sandbox) {
	t.Helper()
	s.run(t, 0)
	f, err := os.OpenFile(s.db, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt([]byte{200}, 12)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func smallDiskScene(*testing.T, *sandbox) {} // newSandbox has made it

func badFilesScene(t *testing.T, s *sandbox) {
	t.Helper()
	s.edit(t, 2, func(lines []string) []string {
		cells := strings.Split(lines[499], ",")
		cells[1] += "x"
		lines[499] = strings.Join(cells, ",")
		return lines
	})
	put(t, s.file(3), "<html><body>503 Service Unavailable</body></html>\n")
}

// killedScene is a load that was killed after some files had been loaded by another.
func killedScene(t *testing.T, s *sandbox) {
	t.Helper()
	s.run(t, 0, "--end-date", "2025-01-02")
	var out bytes.Buffer
	cmd := s.command(t.Context(), &out, "--throttle", "1h", "--batch-rows", "1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.awaitStatus(t, func(r runstate.Status) bool { return r.Phase == runstate.PhaseLoad && r.PID == cmd.Process.Pid })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
}

// downloadsScene has eight days of three series, archives and plain files, instead of what is in every sandbox.
func downloadsScene(t *testing.T, s *sandbox) {
	t.Helper()
	if err := os.RemoveAll(s.data); err != nil {
		t.Fatal(err)
	}
	for _, series := range []struct {
		market  catalog.Market
		symbol  string
		packing synth.Packing
	}{{catalog.UM, "BTCUSDT", synth.Zip}, {catalog.UM, "ETHUSDT", synth.Zip}, {catalog.Spot, "BTCUSDT", synth.Plain}} {
		spec := spec(series.market, series.symbol, catalog.DayOf(time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)), 2000, 1)
		for range 8 {
			spec = s.make(t, spec, series.packing)
		}
	}
}

// badDownloadsScene has the same with an archive that was cut off, an error answer saved as another, two days deleted, and a row in the middle of a plain file damaged.
func badDownloadsScene(t *testing.T, s *sandbox) {
	t.Helper()
	downloadsScene(t, s)
	um, spot := filepath.Join(s.data, "data/futures/um/daily/aggTrades"), filepath.Join(s.data, "data/spot/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2025-01-04.csv")
	if err := os.Truncate(filepath.Join(um, "BTCUSDT/BTCUSDT-aggTrades-2025-01-03.zip"), 10_000); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(um, "ETHUSDT/ETHUSDT-aggTrades-2025-01-07.zip"), "<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code></Error>\n")
	for _, day := range []string{"05", "06"} {
		if err := os.Remove(filepath.Join(um, "BTCUSDT/BTCUSDT-aggTrades-2025-01-"+day+".zip")); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(spot)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	lines[999] = strings.Replace(lines[999], "e\n", "\n", 1)
	put(t, spot, strings.Join(lines, ""))
}

func changedScene(t *testing.T, s *sandbox) {
	t.Helper()
	s.edit(t, 2, func(lines []string) []string { return append(lines[:500:500], lines[501:]...) })
	s.run(t, 0)
	s.write(t, 4) // what was published later: all rows
}

func holeScene(t *testing.T, s *sandbox) {
	t.Helper()
	aside := filepath.Join(s.dir, "archive", filepath.Base(s.file(2)))
	if err := os.Rename(s.file(2), aside); err != nil {
		t.Fatal(err)
	}
	s.run(t, 0)
}

// lockedScene is a Python script that holds the lock as the old loader did.
func lockedScene(t *testing.T, s *sandbox) {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		s.skip = "no python3"
		return
	}
	script := filepath.Join(s.dir, "ingest_aggtrades.py")
	put(t, script, "import fcntl, os, sys\nf = open(sys.argv[1], 'w')\nos.chmod(sys.argv[1], 0o600)\nfcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)\nprint('held', flush=True)\nsys.stdin.read()\n")
	cmd := exec.CommandContext(t.Context(), python, script, s.lock)
	proctest.Start(t, cmd, "held")
}

// heldScene is another program that has the database open for writing.
func heldScene(t *testing.T, s *sandbox) {
	t.Helper()
	s.run(t, 0)
	mark := filepath.Join(s.dir, "held")
	cmd := exec.CommandContext(t.Context(), "hold", s.db, mark)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // the test's end may have killed it
		_ = cmd.Wait()
	})
	if !poll(func() bool { _, err := os.Stat(mark); return err == nil }) {
		t.Fatal("nobody holds the database")
	}
}

// scriptsScene is a database as the scripts left it, with two days of BTCUSDT.
func scriptsScene(t *testing.T, s *sandbox) {
	t.Helper()
	makeOld(t, s.db, "primary key agg_trade_id, symbol, exchange")
	pool, err := sql.Open("duckdb", s.db)
	if err != nil {
		t.Fatal(err)
	}
	for day := 1; day <= 2; day++ {
		if _, err := pool.ExecContext(t.Context(), `INSERT INTO aggtrades_history (agg_trade_id, timestamp, symbol, price, quantity, side, gross_value, exchange)
			SELECT c0, make_timestamp(c5 * 1000), 'BTCUSDT', CAST(c1 AS DOUBLE), CAST(c2 AS DOUBLE), CASE WHEN c6 THEN 'sell' ELSE 'buy' END, CAST(c1 AS DOUBLE) * CAST(c2 AS DOUBLE), 'binance'
			FROM read_csv('`+s.file(day)+`', header = false, skip = 1, columns = {c0: 'BIGINT', c1: 'VARCHAR', c2: 'VARCHAR', c3: 'BIGINT', c4: 'BIGINT', c5: 'BIGINT', c6: 'BOOLEAN'})`); err != nil {
			t.Fatal(err)
		}
	}
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
}
