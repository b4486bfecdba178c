package verify_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2" // to plant defects

	"github.com/check-ingest/check-ingest/ingest/load"
	"github.com/check-ingest/check-ingest/ingest/verify"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// The test binary runs itself where a process of its own is needed.
const (
	roleVariable = "VERIFY_TEST_ROLE"
	pathVariable = "VERIFY_TEST_DATABASE"
)

func TestMain(m *testing.M) {
	var err error
	switch role := os.Getenv(roleVariable); role {
	case "":
		os.Exit(m.Run())
	case "hold":
		err = hold(os.Getenv(pathVariable))
	case "verify":
		var r *verify.Report
		if r, err = verify.Run(context.Background(), verify.Config{Database: os.Getenv(pathVariable), Now: time.Now}); err == nil {
			_, err = os.Stdout.Write(r.Text())
		}
	default:
		err = fmt.Errorf("role %q: unknown", role)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// hold keeps a database open for writing until standard input ends.
func hold(path string) error {
	pool, err := sql.Open("duckdb", path)
	if err != nil {
		return err
	}
	defer pool.Close()
	fmt.Println("ready")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func command(tb testing.TB, role, path string) *exec.Cmd {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.CommandContext(tb.Context(), self)
	cmd.Env = append(os.Environ(), roleVariable+"="+role, pathVariable+"="+path)
	return cmd
}

// world is a place with files and a database that the loader makes of them.
type world struct{ dir, data, db string }

func newWorld(tb testing.TB) world {
	tb.Helper()
	dir, err := filepath.EvalSymlinks(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	w := world{dir: dir, data: filepath.Join(dir, "data"), db: filepath.Join(dir, "trades.duckdb")}
	if err := os.Mkdir(w.data, 0o755); err != nil {
		tb.Fatal(err)
	}
	return w
}

// make writes a made-up file.
func (w world) make(tb testing.TB, s synth.Spec) string {
	tb.Helper()
	path, err := synth.WriteFile(w.data, synth.Mirror, s, synth.Plain)
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

func (w world) load(tb testing.TB) {
	tb.Helper()
	var log bytes.Buffer
	_, err := load.Run(tb.Context(), load.Config{
		Database: w.db, DataDir: w.data, LockFile: filepath.Join(w.dir, "lock"), Market: catalog.UM, Retries: 1, RetryDelay: time.Millisecond,
		Threads: 2, MemoryLimit: 512 << 20, RunID: "run", Version: "test", Log: slog.New(slog.NewTextHandler(&log, nil)), Now: time.Now,
	})
	if err != nil && !errors.Is(err, load.ErrSomeFailed) {
		tb.Fatalf("load: %v\n%s", err, &log)
	}
}

// change runs statements on the closed database.
func change(tb testing.TB, path string, statements ...string) {
	tb.Helper()
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
}

// copied is the database under another name.
func (w world) copied(tb testing.TB) string {
	tb.Helper()
	data, err := os.ReadFile(w.db)
	if err != nil {
		tb.Fatal(err)
	}
	path := filepath.Join(tb.TempDir(), "copy.duckdb")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		tb.Fatal(err)
	}
	return path
}

// run verifies a database. Defects are no failure of the test.
func run(tb testing.TB, path string, changes ...func(*verify.Config)) *verify.Report {
	tb.Helper()
	r, err := verify.Run(tb.Context(), config(path, changes...))
	if err != nil && !errors.Is(err, verify.ErrDefects) {
		tb.Fatal(err)
	}
	if (err != nil) != (len(r.Defects) > 0) {
		tb.Fatalf("%v, and %d defects", err, len(r.Defects))
	}
	return r
}

func config(path string, changes ...func(*verify.Config)) verify.Config {
	c := verify.Config{Database: path, LockFile: path + ".lock", Threads: 2, Version: "test", Now: time.Now}
	for _, change := range changes {
		change(&c)
	}
	return c
}

// found is how much of each kind was found, by "symbol kind".
func found(all ...[]verify.Finding) map[string]int64 {
	counts := map[string]int64{}
	for _, fs := range all {
		for _, f := range fs {
			counts[f.Symbol+" "+string(f.Kind)] += f.Count
		}
	}
	return counts
}

func day(tb testing.TB, s string) catalog.Day {
	tb.Helper()
	d, err := catalog.ParseDay(s)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// series are consecutive days of a symbol.
func (w world) days(tb testing.TB, m catalog.Market, symbol, first string, n, rows int, shape synth.Shape) {
	tb.Helper()
	s := synth.Spec{
		Series: catalog.Series{Market: m, Symbol: symbol}, Period: catalog.DayPeriod(day(tb, first)), Rows: rows, FirstID: 1_000_000, Seed: 1, Shape: shape,
	}
	for range n {
		w.make(tb, s)
		s = s.Next()
	}
}
