package dbcheck

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/checkcli"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/store"
)

// at is the moment at which the tests look.
func at() time.Time { return time.Date(2024, 1, 5, 0, 0, 0, 0, time.UTC) }

// jan is a day of January 2024.
func jan(day int) catalog.Day {
	return catalog.DayOf(time.Date(2024, 1, day, 0, 0, 0, 0, time.UTC))
}

// The test binary runs itself where a second process is needed: its role and the database stand in these variables.
const (
	roleVariable = "DBCHECK_TEST_ROLE"
	pathVariable = "DBCHECK_TEST_PATH"
)

// template is a database of ours that tests copy: see makeTemplate.
var template []byte

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		if err := play(context.Background(), role, os.Getenv(pathVariable)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	var err error
	if template, err = makeTemplate(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// play does in a second process what a test needs, says "ready" and stays until its standard input ends.
func play(ctx context.Context, role, path string) error {
	name, argument, _ := strings.Cut(role, " ")
	switch name {
	case "check":
		code, out := run(strings.Fields(argument)...) //nolint:contextcheck // the binary's main has no context either
		fmt.Printf("%d\n%s", code, out)
		return nil
	case "write", "read":
		pool, err := sql.Open("duckdb", path+"?access_mode="+map[string]string{"write": "READ_WRITE", "read": "READ_ONLY"}[name])
		if err != nil {
			return err
		}
		for _, s := range strings.Split(argument, ";") {
			if _, err := pool.ExecContext(ctx, s); s != "" && err != nil {
				return err
			}
		}
	case "load", "lock":
		if err := holdLock(ctx, path, argument); err != nil {
			return err
		}
		if name == "load" {
			if _, err := store.Open(ctx, path, store.Options{}); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("role %q: unknown", role)
	}
	fmt.Println("ready")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// holdLock takes the lock beside the database and publishes a run into it whose last sign of life was so long before the tests' moment.
func holdLock(ctx context.Context, path, silence string) error {
	lock, err := runstate.Acquire(ctx, path+".lock", 0)
	if err != nil || silence == "unpublished" {
		return err
	}
	age, err := time.ParseDuration(silence)
	if err != nil {
		return err
	}
	p := runstate.NewPublisher(lock, runstate.Status{
		RunID: "r1", Version: "v1", Database: path, Phase: runstate.PhaseLoad, StartedAt: at().Add(-age - time.Hour),
		FilesTotal: 4, FilesDone: 1, BytesTotal: 400, BytesDone: 100, Rows: 5_000_000,
	}, time.Hour, func() time.Time { return at().Add(-age) })
	return p.Flush()
}

// makeTemplate makes a database of three days of um BTCUSDT and two of um ETHUSDT, of a hundred rows each, with its ledger.
func makeTemplate(ctx context.Context) ([]byte, error) {
	dir, err := os.MkdirTemp("", "dbcheck")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "t.duckdb")
	if err := store.Create(ctx, path); err != nil {
		return nil, err
	}
	var statements []string
	for _, f := range files() {
		statements = append(statements, insert(f, "market", "'um'"))
	}
	if err := execute(ctx, path, statements...); err != nil {
		return nil, err
	}
	if err := record(ctx, path, files()...); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// files are the ledger's entries of the template.
func files() []ledger.Entry {
	return []ledger.Entry{file("BTCUSDT", 1), file("BTCUSDT", 2), file("BTCUSDT", 3), file("ETHUSDT", 1), file("ETHUSDT", 2)}
}

// file is the entry of a day's file of a hundred rows, the last of which is of 23:45.
func file(symbol string, day int) ledger.Entry {
	first := int64(day * 100)
	return ledger.Entry{
		FilePath: "/data/" + symbol + "-aggTrades-" + jan(day).String() + ".csv", Market: catalog.UM, Symbol: symbol, Status: ledger.Success,
		ProcessedAt: jan(day + 1).Time(), RowCount: 100, RowsInserted: 100, FileSize: 5000, Period: catalog.DayPeriod(jan(day)),
		FirstID: first, LastID: first + 99, FirstTradeAt: jan(day).Time(), LastTradeAt: jan(day).Time().Add(99 * 864 * time.Second), Attempts: 1, RunID: "r0",
	}
}

// insert is the statement that writes a file's rows, with a further column where one is named.
func insert(f ledger.Entry, column, value string) string {
	if column != "" {
		column, value = ", "+column, ", "+value
	}
	return fmt.Sprintf(`INSERT INTO aggtrades_history (agg_trade_id, timestamp, symbol, price, quantity, side%s)
		SELECT i, make_timestamp(%d + (i - %d) * 864000000), '%s', 42000.5, 0.25, CASE WHEN i %% 2 = 0 THEN 'buy' ELSE 'sell' END%s FROM range(%[3]d, %[6]d) r(i)`,
		column, f.FirstTradeAt.UnixMicro(), f.FirstID, f.Symbol, value, f.LastID+1)
}

// execute runs statements in the database at path, which is created where it does not exist, and closes it.
func execute(ctx context.Context, path string, statements ...string) error {
	pool, err := sql.Open("duckdb", path)
	if err != nil {
		return err
	}
	for _, s := range statements {
		if _, err := pool.ExecContext(ctx, s); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", s, err), pool.Close())
		}
	}
	return pool.Close()
}

// record writes entries into the ledger.
func record(ctx context.Context, path string, entries ...ledger.Entry) error {
	db, err := store.Open(ctx, path, store.Options{})
	if err != nil {
		return err
	}
	tx, err := db.Begin(ctx)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	return errors.Join(tx.Record(ctx, entries...), tx.Commit(), db.Close())
}

// world is a folder with a database in it, or what else a test puts there.
type world struct {
	t    *testing.T
	dir  string
	path string // of the database, which need not exist
	lock string // of the loader's lock, "" = beside the database
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	return &world{t: t, dir: dir, path: filepath.Join(dir, "t.duckdb")}
}

// must ends the test because of an error.
func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// sound puts the template there.
func (w *world) sound() { w.t.Helper(); w.write(string(template)) }

func (w *world) write(content string) {
	w.t.Helper()
	w.must(os.WriteFile(w.path, []byte(content), 0o644))
}

func (w *world) execute(statements ...string) {
	w.t.Helper()
	w.must(execute(w.t.Context(), w.path, statements...))
}

func (w *world) record(entries ...ledger.Entry) {
	w.t.Helper()
	w.must(record(w.t.Context(), w.path, entries...))
}

// damage changes the database's bytes.
func (w *world) damage(change func([]byte) []byte) {
	w.t.Helper()
	data, err := os.ReadFile(w.path)
	w.must(err)
	w.write(string(change(data)))
}

// snapshot leaves a ledger snapshot, written so long before the tests' moment.
func (w *world) snapshot(age time.Duration, entries ...ledger.Entry) {
	w.t.Helper()
	s := ledger.Build(entries, nil, ledger.Meta{RunID: "r1", WrittenAt: at().Add(-age), Database: w.path, DatabaseSize: 1, DatabaseMTime: at()})
	w.must(s.Write(ledger.PathFor(w.path)))
}

// play starts a second process in a role, which ends with the test, and returns when it is ready.
func (w *world) play(role string) *exec.Cmd {
	w.t.Helper()
	cmd := w.command(role)
	stdin, err := cmd.StdinPipe()
	w.must(err)
	stdout, err := cmd.StdoutPipe()
	w.must(err)
	w.must(cmd.Start())
	w.t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Wait() // the test may have killed it
	})
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "ready\n" {
		w.t.Fatalf("second process as %q: %q, %v", role, line, err)
	}
	return cmd
}

func (w *world) command(role string) *exec.Cmd {
	w.t.Helper()
	self, err := os.Executable()
	w.must(err)
	cmd := exec.CommandContext(context.Background(), self)
	cmd.Env = append(os.Environ(), roleVariable+"="+role, pathVariable+"="+w.path)
	cmd.Stderr = os.Stderr
	return cmd
}

// killed starts a second process and kills it when it is ready.
func (w *world) killed(role string) {
	w.t.Helper()
	cmd := w.play(role)
	w.must(cmd.Process.Signal(syscall.SIGKILL))
	_ = cmd.Wait()
}

// run runs the check as its binary does, at the tests' moment and without settings from outside.
func run(args ...string) (int, string) {
	var out bytes.Buffer
	code := checkcli.Run[Cmd](checkcli.Program{
		Name: "INGEST DB", Args: args, Stdout: &out, Now: at, System: os.DevNull + "/none",
		Env: func(string) (string, bool) { return "", false },
	})
	return code, out.String()
}

// masks are what differs from run to run, and what is printed for it.
var masks = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`PID \d+ \(\S+, user \S+\)`), "PROCESS"},
	{regexp.MustCompile(`(kill |ps -fp |/proc/)\d+`), "${1}N"},
	{regexp.MustCompile(`open_time=[\d.]+s`), "open_time=0s"},
	{regexp.MustCompile(`\bsize=[1-9]\d*B`), "size=1B"},
	{regexp.MustCompile(`wal_size=[1-9]\d*B`), "wal_size=1B"},
	{regexp.MustCompile(`\b[\d.]+ [kMG]B\b`), "1 MB"},
	{regexp.MustCompile(` in [\d.]+s`), " in 0s"},
	{regexp.MustCompile(`by user \S+: it belongs to \S+,`), "by user USER: it belongs to OWNER,"},
	{regexp.MustCompile(`-m u:\S+:r`), "-m u:USER:r"},
}

// masked is output without what differs from run to run.
func (w *world) masked(out string) string {
	out = strings.ReplaceAll(out, w.dir, "DIR")
	for _, m := range masks {
		out = m.what.ReplaceAllString(out, m.with)
	}
	return out
}
