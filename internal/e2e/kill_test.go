package e2e

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// kills is how often TestKilledAtAnyMoment kills a loader: 50, or what CHECK_INGEST_KILLS says.
func kills(tb testing.TB) int {
	tb.Helper()
	text := os.Getenv("CHECK_INGEST_KILLS")
	if text == "" {
		return 50
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		tb.Fatalf("CHECK_INGEST_KILLS=%q: expected a number of kills", text)
	}
	return n
}

// victim is a data dir in two states, and the arguments of the load that is killed: many small files, large ones that stream, one whose ids go back and
// one that overlaps the table, which both are staged, a broken one, and one to be replaced.
type victim struct {
	*world
	before string // the database before the load
	want   string // and after an undisturbed one
}

func newVictim(t *testing.T) victim {
	t.Helper()
	w := newWorld(t)
	v := victim{world: w, before: filepath.Join(w.dir, "before.duckdb"), want: filepath.Join(w.dir, "want.duckdb")}

	// What is there before: a file that will change, and rows of another that the ledger does not know.
	changed := spec(catalog.Spot, "ETHUSDT", january, 60_000, 1)
	w.make(t, changed, synth.Plain)
	overlapped := spec(catalog.UM, "SOLUSDT", january, 40_000, 1)
	half := overlapped
	half.Rows = 20_000
	text := strings.SplitAfter(string(synth.CSV(overlapped)), "\n")
	overlap := filepath.Join(w.data, overlapped.Folder(synth.Mirror), overlapped.Name(synth.Plain))
	write(t, overlap, strings.Join(text[:20_001], ""))
	w.run(t, 0)
	forget(t, w.db, "SOLUSDT")
	write(t, overlap, strings.Join(text, ""))
	rename(t, w.db, v.before)

	lines := strings.SplitAfter(string(synth.CSV(changed)), "\n")
	lines[30_000] = strings.Replace(lines[30_000], ",True\n", ",False\n", 1)
	fields := strings.Split(lines[30_001], ",")
	fields[2] = "123.00000000"
	lines[30_001] = strings.Join(fields, ",")
	write(t, filepath.Join(w.data, changed.Folder(synth.Mirror), changed.Name(synth.Plain)), strings.Join(lines, ""))

	small := spec(catalog.UM, "BTCUSDT", january, 2_000, 1)
	for i := range 40 {
		small = w.make(t, small, synth.Packing(i%4))
	}
	large := spec(catalog.Spot, "BTCUSDT", january, 300_000, 1)
	large = w.make(t, large, synth.Plain)
	w.make(t, large, synth.Zip)
	back := spec(catalog.UM, "XRPUSDT", january, 60_000, 1)
	rows := strings.SplitAfter(strings.TrimPrefix(string(synth.CSV(back)), synth.Header+"\n"), "\n")
	rows[100], rows[40_000] = rows[40_000], rows[100]
	write(t, filepath.Join(w.data, back.Folder(synth.Mirror), back.Name(synth.Plain)), strings.Join(append(rows[:60_000:60_000], rows[5]), ""))
	write(t, filepath.Join(w.data, "futures/um/XRPUSDT-aggTrades-2024-01-02.csv"), "x\n")

	v.begin(t, false)
	v.load(t)
	rename(t, w.db, v.want)
	return v
}

// arguments make commits small and many.
func (victim) arguments() []string { return []string{"--replace", "--batch-rows", "5000"} }

// load is a load that nobody disturbs; one file is broken.
func (v victim) load(t *testing.T) {
	t.Helper()
	v.run(t, 1, v.arguments()...)
}

// TestKilledAtAnyMoment kills the loader at random moments, lets the next one go on where that left off, and so on until a load comes to its end; then it begins
// again. After each kill all files are there and recorded or neither, and at the end all rows are those of a load that nobody disturbed.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("kills a loader dozens of times")
	}
	v := newVictim(t)
	chance := random(t)
	started := time.Now()
	v.begin(t, false)
	v.load(t)
	whole := time.Since(started)
	v.killAgainAndAgain(t, func() (killed bool, when string) {
		after := time.Duration(chance.Int64N(int64(whole) / 2))
		if chance.IntN(2) == 0 { // early, when what was left behind is looked at and the first commits are made
			after /= 4
		}
		return v.killAfter(t, after), after.String()
	})
}

// TestKilledAtAnyWrite is the same with kills at the system calls that write the database or have it written, of which there are few: random
// moments seldom fall between two of one commit.
func TestKilledAtAnyWrite(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("kills a loader dozens of times")
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("needs strace, which kills a process at the system call that it is told")
	}
	v := newVictim(t)
	chance := random(t)
	v.begin(t, false)
	calls := v.countCalls(t, strace)
	t.Logf("system calls of an undisturbed load: %v", calls)
	v.killAgainAndAgain(t, func() (killed bool, when string) {
		call := []string{"pwrite64", "fsync"}[chance.IntN(2)]
		n := 1 + chance.IntN(max(1, calls[call]/6))
		return v.killAt(t, strace, call, n), fmt.Sprintf("%s %d", call, n)
	})
}

// begin makes the database what it was before the load, or removes it.
func (v victim) begin(t *testing.T, fromNothing bool) {
	t.Helper()
	remove(t, v.db)
	if !fromNothing {
		copyFile(t, v.before, v.db)
	}
}

// killAgainAndAgain calls kill, which starts a load and kills it or reports false where the load was faster, as often as is asked for.
func (v victim) killAgainAndAgain(t *testing.T, kill func() (killed bool, when string)) {
	t.Helper()
	done, ended, midway := 0, 0, 0
	for n := kills(t); done < n; ended++ {
		fromNothing := ended%3 == 2 // the creation of the database is a moment, too
		v.begin(t, fromNothing)
		for {
			killed, when := kill()
			if !killed {
				break
			}
			done++
			if v.checkWhole(t, fromNothing) > 0 {
				midway++
			}
			if t.Failed() {
				t.Fatalf("after kill %d, at %s", done, when)
			}
		}
		v.load(t)
		v.compare(t, fromNothing)
		if t.Failed() {
			t.Fatalf("after %d kills and a clean run", done)
		}
	}
	t.Logf("%d kills, %d of them with rows in the database, %d loads that came to their end", done, midway, ended)
}

// straced is the load under strace with these options.
func (v victim) straced(t *testing.T, out *bytes.Buffer, strace string, options ...string) *exec.Cmd {
	t.Helper()
	binary, err := exec.LookPath(program)
	if err != nil {
		t.Fatal(err)
	}
	cmd := v.command(t.Context(), out, v.arguments()...)
	cmd.Path, cmd.Args = strace, slices.Concat([]string{"strace", "-f", "-qq"}, options, []string{binary}, cmd.Args[1:])
	return cmd
}

// countCalls counts an undisturbed load's system calls of the kinds that a kill is aimed at.
func (v victim) countCalls(t *testing.T, strace string) map[string]int {
	t.Helper()
	var out bytes.Buffer
	trace := filepath.Join(v.dir, "trace")
	if code := exitCode(t, v.straced(t, &out, strace, "-o", trace, "-e", "trace=pwrite64,fsync").Run()); code != 1 {
		t.Skipf("strace does not work here: %s", &out)
	}
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]int{"pwrite64": strings.Count(string(text), " pwrite64("), "fsync": strings.Count(string(text), " fsync(")}
}

// killAt starts a load and kills it at its n-th call of that name.
func (v victim) killAt(t *testing.T, strace, call string, n int) bool {
	t.Helper()
	var out bytes.Buffer
	switch code := exitCode(t, v.straced(t, &out, strace, "-o", os.DevNull, "-e", "trace="+call, "-e", fmt.Sprintf("inject=%s:signal=SIGKILL:when=%d", call, n)).Run()); code {
	case -1, 137:
		return true
	case 1:
		return false
	default:
		t.Fatalf("a load that was not killed: exit code %d\n%s", code, &out)
		return false
	}
}

// killAfter starts a load and kills it. It reports false where the load was faster.
func (v victim) killAfter(t *testing.T, after time.Duration) bool {
	t.Helper()
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), after) // at whose end CommandContext kills
	defer cancel()
	err := v.command(ctx, &out, v.arguments()...).Run()
	if ctx.Err() != nil && err != nil && exitCode(t, err) == -1 {
		return true
	}
	if err == nil || exitCode(t, err) != 1 {
		t.Fatalf("a load that was not killed: %v\n%s", err, &out)
	}
	return false
}

// checkWhole finds files that are there and not recorded, or recorded and not there. A kill in mid-creation leaves no database at all.
func (v victim) checkWhole(t *testing.T, fromNothing bool) (rows int) {
	t.Helper()
	if _, err := os.Stat(v.db); errors.Is(err, os.ErrNotExist) && fromNothing {
		return 0
	}
	if _, err := os.Stat(v.db + ".wal"); err == nil {
		t.Error("there is a write-ahead log")
	}
	// The 20,000 rows of SOLUSDT were there before, and belong to no entry until its file is loaded.
	unknown := "20000"
	if fromNothing {
		unknown = "0"
	}
	wrong, err := ask(t.Context(), v.db, `
		WITH there AS (SELECT market, symbol, CAST(timestamp AS DATE) AS day, count(*) AS n, count(DISTINCT agg_trade_id) AS ids FROM aggtrades_history GROUP BY ALL),
		recorded AS (SELECT market, symbol, period_start AS day, sum(rows_inserted) AS n FROM ingestion_log WHERE status <> 'failed' GROUP BY ALL)
		SELECT symbol, CAST(day AS VARCHAR), coalesce(there.n, 0), coalesce(recorded.n, 0), coalesce(there.ids, 0) FROM there FULL JOIN recorded USING (market, symbol, day)
		WHERE coalesce(there.n, 0) - CASE WHEN symbol = 'SOLUSDT' THEN `+unknown+` ELSE 0 END <> coalesce(recorded.n, 0) OR there.ids <> there.n`)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range wrong {
		t.Errorf("symbol, day, rows there, rows recorded, ids: %s", line)
	}
	got, err := ask(t.Context(), v.db, "SELECT count(*) FROM aggtrades_history")
	if err != nil {
		t.Fatal(err)
	}
	rows, err = strconv.Atoi(got[0])
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// compare has the database equal the one of an undisturbed load, row by row and file by file.
func (v victim) compare(t *testing.T, fromNothing bool) {
	t.Helper()
	pool, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	pool.SetMaxOpenConns(1)
	for name, path := range map[string]string{"got": v.db, "want": v.want} {
		if _, err := pool.ExecContext(t.Context(), "ATTACH '"+path+"' AS "+name+" (READ_ONLY)"); err != nil {
			t.Fatal(err)
		}
	}
	entries := "SELECT file_path, status, row_count, error_message, sha256, first_agg_trade_id, last_agg_trade_id, rows_voided, rows_conflict, ids_missing, days_missing FROM %s.ingestion_log"
	if fromNothing { // SOLUSDT has no row that was there before
		entries += " WHERE symbol <> 'SOLUSDT'"
	} else {
		entries = strings.Replace(entries, "rows_voided", "rows_inserted, rows_duplicate, rows_voided", 1)
	}
	for what, statement := range map[string]string{"rows": "SELECT * FROM %s.aggtrades_history", "entries of the ledger": entries} {
		for _, pair := range [][2]string{{"got", "want"}, {"want", "got"}} {
			query := fmt.Sprintf("SELECT count(*) FROM (%s EXCEPT ALL %s)", fmt.Sprintf(statement, pair[0]), fmt.Sprintf(statement, pair[1]))
			var n int
			if err := pool.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
				t.Fatalf("%s: %v", query, err)
			}
			if n > 0 {
				t.Errorf("%d %s are in %s and not in %s", n, what, pair[0], pair[1])
			}
		}
	}
}

func write(tb testing.TB, path, text string) {
	tb.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		tb.Fatal(err)
	}
}

func rename(tb testing.TB, from, to string) {
	tb.Helper()
	if err := os.Rename(from, to); err != nil {
		tb.Fatal(err)
	}
}

func copyFile(tb testing.TB, from, to string) {
	tb.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		tb.Fatal(err)
	}
	write(tb, to, string(text))
}

// remove removes a database and all that lies beside it.
func remove(tb testing.TB, path string) {
	tb.Helper()
	left, err := filepath.Glob(path + "*")
	if err != nil {
		tb.Fatal(err)
	}
	for _, l := range left {
		if err := os.RemoveAll(l); err != nil {
			tb.Fatal(err)
		}
	}
}

// forget removes a symbol's entries from the ledger, as if something else had written its rows.
func forget(tb testing.TB, path, symbol string) {
	tb.Helper()
	pool, err := sql.Open("duckdb", path)
	if err == nil {
		_, err = pool.ExecContext(tb.Context(), "DELETE FROM ingestion_log WHERE symbol = ?", symbol)
		err = errors.Join(err, pool.Close())
	}
	if err != nil {
		tb.Fatal(err)
	}
}
