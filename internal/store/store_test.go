package store

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/e2e/olddb"
	"github.com/check-ingest/check-ingest/internal/proctest"
)

// The test binary runs itself where a second process is needed: a role and its arguments stand in these variables.
const (
	roleVariable = "STORE_TEST_ROLE"
	pathVariable = "STORE_TEST_PATH"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		if err := playRole(role, os.Getenv(pathVariable)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// playRole does in the second process what a test needs, says "ready" and stays until its standard input ends.
func playRole(role, path string) error {
	ctx := context.Background()
	switch role {
	case "write", "read":
		mode := map[string]string{"write": "READ_WRITE", "read": "READ_ONLY"}[role]
		pool, err := sql.Open("duckdb", path+"?access_mode="+mode)
		if err != nil {
			return err
		}
		defer pool.Close()
		if err := pool.Ping(); err != nil {
			return err
		}
	case "commit", "commit-default":
		if err := commitOneFile(ctx, path, Options{DefaultCommit: role == "commit-default"}); err != nil {
			return err
		}
	case "create":
		return createWithin(ctx, path)
	default:
		if err := playCheckRole(ctx, role, path); err != nil {
			return err
		}
	}
	fmt.Println("ready")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// child is a second process.
type child struct {
	cmd *exec.Cmd
	end func() error
}

func command(ctx context.Context, tb testing.TB, role, path string, env ...string) *exec.Cmd {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(append(os.Environ(), roleVariable+"="+role, pathVariable+"="+path), env...)
	cmd.Stderr = os.Stderr
	return cmd
}

// start runs a role in a second process, and returns when that is ready. It ends with the test.
func start(tb testing.TB, role, path string) *child {
	tb.Helper()
	return ready(tb, command(context.Background(), tb, role, path))
}

// ready starts a second process, and returns when that says so.
func ready(tb testing.TB, cmd *exec.Cmd) *child {
	tb.Helper()
	return &child{cmd, proctest.Start(tb, cmd, "ready")}
}

// stop lets the process end by itself.
func (c *child) stop() { _ = c.end() }

// kill ends the process as kill -9 does.
func (c *child) kill(tb testing.TB) {
	tb.Helper()
	if err := c.cmd.Process.Kill(); err != nil {
		tb.Fatal(err)
	}
	c.stop()
}

// trade is one row of a file.
type trade struct {
	id, us, price, quantity int64
	maker                   bool
	first, last             int64
}

// trades makes n plain rows whose ids begin with first.
func trades(first, n int64) []trade {
	rows := make([]trade, n)
	for i := range rows {
		id := first + int64(i)
		rows[i] = trade{
			id: id, us: 1_704_067_200_000_000 + id*1_000, price: 4_200_000_000_000 + id%1000*1_000_000, quantity: id % 997 * 100_000,
			maker: id%3 == 0, first: 2 * id, last: 2*id + 1,
		}
	}
	return rows
}

// given is a Source of rows, in batches of at most BatchRows.
type given struct {
	rows []trade
	next atomic.Int64
	// before is called before each batch, if set, with the number of the batch.
	before func(batch int64) error
}

func from(rows []trade) *given { return &given{rows: rows} }

func (g *given) Parallelism() int { return 4 }
func (g *given) Reader() Reader   { return g }

func (g *given) Next(context.Context) (Batch, error) {
	n := g.next.Add(1) - 1
	if g.before != nil {
		if err := g.before(n); err != nil {
			return Batch{}, err
		}
	}
	at := min(int(n)*BatchRows, len(g.rows))
	var b Batch
	for i, r := range g.rows[at:min(at+BatchRows, len(g.rows))] {
		b.ID, b.Time, b.Price, b.Quantity = append(b.ID, r.id), append(b.Time, r.us), append(b.Price, r.price), append(b.Quantity, r.quantity)
		b.BuyerMaker = append(b.BuyerMaker, r.maker)
		b.FirstTrade, b.LastTrade, b.Order = append(b.FirstTrade, r.first), append(b.LastTrade, r.last), append(b.Order, int64(at+i))
	}
	return b, nil
}

func um(symbol string) catalog.Series { return catalog.Series{Market: catalog.UM, Symbol: symbol} }

// created is a new database of ours, open.
func created(tb testing.TB) *DB {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "trades.duckdb")
	if err := Create(tb.Context(), path); err != nil {
		tb.Fatal(err)
	}
	return opened(tb, path)
}

// opened is an existing database, closed when the test ends.
func opened(tb testing.TB, path string) *DB {
	tb.Helper()
	db, err := Open(tb.Context(), path, Options{Threads: 2})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	return db
}

// written makes a database with statements of any kind, and returns its path.
func written(tb testing.TB, statements ...string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "old.duckdb")
	pool, err := sql.Open("duckdb", path)
	if err != nil {
		tb.Fatal(err)
	}
	for _, s := range statements {
		if _, err := pool.ExecContext(tb.Context(), s); err != nil {
			tb.Fatalf("%s: %v", s, err)
		}
	}
	if err := pool.Close(); err != nil {
		tb.Fatal(err)
	}
	return path
}

// shapes are the tables there are: ours and those of the scripts.
func shapes() []olddb.Shape { return append([]olddb.Shape{{Name: "ours"}}, olddb.Shapes()...) }

// shaped is an open, empty database of a shape, with a complete ledger.
func shaped(tb testing.TB, s olddb.Shape) *DB {
	tb.Helper()
	if s.Trades == "" {
		return created(tb)
	}
	db := opened(tb, written(tb, s.Statements()...))
	if err := db.Table().Check(); err != nil {
		tb.Fatal(err)
	}
	if err := db.CompleteLedger(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return db
}

// begun is a transaction, rolled back when the test ends.
func begun(tb testing.TB, db *DB) *Tx {
	tb.Helper()
	tx, err := db.Begin(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = tx.Rollback() })
	return tx
}

// inserted commits rows of one series.
func inserted(tb testing.TB, db *DB, s catalog.Series, rows []trade) {
	tb.Helper()
	tx := begun(tb, db)
	n, err := tx.Insert(tb.Context(), s, from(rows))
	if err != nil || n != int64(len(rows)) {
		tb.Fatalf("insert: %d, %v", n, err)
	}
	if err := tx.Commit(); err != nil {
		tb.Fatal(err)
	}
}

// content is all rows of a series as text, in the order of their ids, whatever the types of the columns.
func content(tb testing.TB, db *DB, symbol string) []string {
	tb.Helper()
	return contentOf(tb, db.conn, symbol)
}

// contentOf is content as a transaction sees it.
func contentOf(tb testing.TB, q querier, symbol string) []string {
	tb.Helper()
	rows, err := query(tb.Context(), q, `SELECT concat_ws(' ', agg_trade_id, epoch_us(timestamp), CAST(CAST(price AS DECIMAL(38, 8)) * 100000000 AS HUGEINT),
		CAST(CAST(quantity AS DECIMAL(38, 8)) * 100000000 AS HUGEINT), side, abs(gross_value - CAST(price AS DOUBLE) * CAST(quantity AS DOUBLE)) < 1e-6)
		FROM aggtrades_history WHERE symbol = ? ORDER BY agg_trade_id`, func(r scanner) (string, error) {
		var s string
		return s, r.Scan(&s)
	}, symbol)
	if err != nil {
		tb.Fatal(err)
	}
	return rows
}

// lines is what content gives for rows.
func lines(rows []trade) []string {
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b trade) int { return int(a.id - b.id) })
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = fmt.Sprintf("%d %d %d %d %s true", r.id, r.us, r.price, r.quantity, map[bool]string{true: "sell", false: "buy"}[r.maker])
	}
	return out
}

// count is how many rows a query finds.
func count(tb testing.TB, db *DB, statement string, args ...any) int64 {
	tb.Helper()
	n, err := queryOne(tb.Context(), db.conn, statement, scanInt, args...)
	if err != nil {
		tb.Fatal(err)
	}
	return n
}
