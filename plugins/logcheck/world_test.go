package logcheck

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

func ago(d time.Duration) time.Time { return at().Add(-d) }

// The test binary runs itself where a second process is needed: its role and the database stand in these variables.
const (
	roleVariable = "LOGCHECK_TEST_ROLE"
	pathVariable = "LOGCHECK_TEST_PATH"
)

// template is an empty database of ours, which tests copy.
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

func makeTemplate(ctx context.Context) ([]byte, error) {
	dir, err := os.MkdirTemp("", "logcheck")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "t.duckdb")
	if err := store.Create(ctx, path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
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
		if err := pool.PingContext(ctx); err != nil {
			return err
		}
	case "load", "lock":
		age, err := time.ParseDuration(argument)
		if err != nil {
			return err
		}
		if err := holdLock(ctx, path, age); err != nil {
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
func holdLock(ctx context.Context, path string, age time.Duration) error {
	lock, err := runstate.Acquire(ctx, path+".lock", 0)
	if err != nil {
		return err
	}
	p := runstate.NewPublisher(lock, status(path, age), time.Hour, func() time.Time { return ago(age) })
	return p.Flush()
}

// status is that of a run which is a quarter through.
func status(path string, age time.Duration) runstate.Status {
	return runstate.Status{
		RunID: "r9", Version: "v1", Database: path, Phase: runstate.PhaseLoad, StartedAt: ago(age + time.Hour), CurrentFile: "/data/BTCUSDT-aggTrades-2024-01-04.zip",
		FilesTotal: 4, FilesDone: 1, BytesTotal: 400, BytesDone: 100, Rows: 5_000_000, RowsPerSecond: 250_000,
	}
}

// file is the entry of a day's file of January 2024, loaded the day after by run r8, with a change.
func file(symbol string, day int, change func(*ledger.Entry)) ledger.Entry {
	d := catalog.DayOf(time.Date(2024, 1, day, 0, 0, 0, 0, time.UTC))
	e := ledger.Entry{
		FilePath: "/data/" + symbol + "-aggTrades-" + d.String() + ".csv", Market: catalog.UM, Symbol: symbol, Status: ledger.Success,
		ProcessedAt: (d + 1).Time(), RowCount: 100, RowsInserted: 100, FileSize: 5000, Period: catalog.DayPeriod(d),
		FirstID: int64(day) * 100, LastID: int64(day)*100 + 99, FirstTradeAt: d.Time(), LastTradeAt: d.Time().Add(time.Hour), Attempts: 1, RunID: "r8",
	}
	if change != nil {
		change(&e)
	}
	return e
}

// failed makes an entry one of a file that failed.
func failed(e *ledger.Entry) {
	e.Status, e.ErrorMessage = ledger.Failed, e.FilePath+": line 7: price \"1e5\": invalid number"
	e.RowCount, e.RowsInserted, e.FirstID, e.LastID, e.FirstTradeAt, e.LastTradeAt, e.Attempts = 0, 0, -1, -1, time.Time{}, time.Time{}, 3
}

// partial makes an entry one of a file of which rows were left out.
func partial(e *ledger.Entry) {
	e.Status, e.ErrorMessage, e.RowsInserted, e.RowsConflict = ledger.Partial, "2 rows left out: the database holds other trades with their ids", 98, 2
}

// two are the entries of two files that were loaded.
func two() []ledger.Entry {
	return []ledger.Entry{file("BTCUSDT", 2, nil), file("ETHUSDT", 3, nil)}
}

// world is a folder with a database in it, or what else a test puts there.
type world struct {
	t    *testing.T
	dir  string
	path string // of the database, which need not exist
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

func (w *world) write(content string) {
	w.t.Helper()
	w.must(os.WriteFile(w.path, []byte(content), 0o644))
}

// loaded puts a database with these entries there.
func (w *world) loaded(entries ...ledger.Entry) {
	w.t.Helper()
	w.write(string(template))
	if len(entries) > 0 {
		w.must(record(w.t.Context(), w.path, entries...))
	}
}

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

// execute runs statements in the database, which is created where it does not exist.
func (w *world) execute(statements ...string) {
	w.t.Helper()
	pool, err := sql.Open("duckdb", w.path)
	w.must(err)
	for _, s := range statements {
		_, err := pool.ExecContext(w.t.Context(), s)
		w.must(err)
	}
	w.must(pool.Close())
}

// snapshot leaves a ledger snapshot of a run, written so long before the tests' moment.
func (w *world) snapshot(runID string, age time.Duration, runs []ledger.Run, entries ...ledger.Entry) {
	w.t.Helper()
	s := ledger.Build(entries, runs, ledger.Meta{RunID: runID, WrittenAt: ago(age), Database: w.path, DatabaseSize: 1, DatabaseMTime: at()})
	w.must(s.Write(ledger.PathFor(w.path)))
}

// endedRun is a run that ended three hours before the tests' moment and notes so in snapshots.
func endedRun(id string, exit int) ledger.Run {
	return ledger.Run{ID: id, StartedAt: ago(4 * time.Hour), EndedAt: ago(3 * time.Hour), ExitCode: exit, FilesLoaded: 2, Rows: 7_200_000, Seconds: 3600}
}

// ran leaves the status of a run that ended three hours before the tests' moment.
func (w *world) ran(exit int, outcome string) {
	w.t.Helper()
	lock, err := runstate.Acquire(w.t.Context(), w.path+".lock", 0)
	w.must(err)
	p := runstate.NewPublisher(lock, status(w.path, 3*time.Hour), time.Hour, func() time.Time { return ago(3 * time.Hour) })
	end := ago(3 * time.Hour)
	w.must(p.Close(func(s *runstate.Status) {
		s.Phase, s.EndedAt, s.ExitCode, s.Outcome, s.FilesDone, s.Rows = runstate.PhaseEnded, &end, &exit, outcome, 4, 20_000_000
	}))
	w.must(lock.Release())
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
		Name: "INGEST LOG", Args: args, Stdout: &out, Now: at, System: os.DevNull + "/none",
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
	{regexp.MustCompile(`run r9 of \S+ v1`), "run r9 of PROGRAM v1"},
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
