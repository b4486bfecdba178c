package e2e

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2" // to look at what was loaded
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/check-ingest/check-ingest/ingest/cli"
	"github.com/check-ingest/check-ingest/internal/buildinfo"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/checkcli"
	"github.com/check-ingest/check-ingest/internal/synth"
	"github.com/check-ingest/check-ingest/plugins/csvcheck"
	"github.com/check-ingest/check-ingest/plugins/dbcheck"
	"github.com/check-ingest/check-ingest/plugins/diskcheck"
	"github.com/check-ingest/check-ingest/plugins/lockcheck"
	"github.com/check-ingest/check-ingest/plugins/logcheck"
)

// program is the binary under test; it is this test's, which turns into it where it is run under that name, as it does into the checks.
const program = "ingest-aggtrades"

// tests are the tests, which hear a hangup even where they were started with nohup: what they start would ignore it as well.
type tests struct{ *testing.M }

func (t tests) Run() int {
	if signal.Ignored(syscall.SIGHUP) {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	return t.M.Run()
}

func TestMain(m *testing.M) {
	testscript.Main(tests{m}, map[string]func(){
		program: func() {
			ctx, stop := cli.WithSignals(context.Background())
			code := cli.Main(ctx, cli.Program{
				Args: os.Args[1:], Stdout: os.Stdout, Stderr: os.Stderr, LookupEnv: os.LookupEnv, Now: time.Now, Build: buildinfo.Read(),
				RunID: cli.NewRunID(time.Now()), Terminal: cli.IsTerminal,
			})
			stop()
			os.Exit(code)
		},
		"check_ingest_lock": func() { os.Exit(checkcli.Main[lockcheck.Cmd]("INGEST LOCK", os.Args[1:], os.Stdout)) },
		"check_ingest_disk": func() { os.Exit(checkcli.Main[diskcheck.Cmd]("INGEST DISK", os.Args[1:], os.Stdout)) },
		"check_ingest_db":   func() { os.Exit(checkcli.Main[dbcheck.Cmd]("INGEST DB", os.Args[1:], os.Stdout)) },
		"check_ingest_csv":  func() { os.Exit(checkcli.Main[csvcheck.Cmd]("INGEST CSV", os.Args[1:], os.Stdout)) },
		"check_ingest_log":  func() { os.Exit(checkcli.Main[logcheck.Cmd]("INGEST LOG", os.Args[1:], os.Stdout)) },
		"synth":             func() { fail(makeFile(os.Args[1:])) },
		"hold":              func() { fail(hold(os.Args[1], os.Args[2])) },
		"ask":               func() { fail(printRows(os.Args[1], strings.Join(os.Args[2:], " "))) },
	})
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// makeFile is the script's command "synth DIR MARKET SYMBOL PERIOD ROWS FIRSTID [csv|zip|gz|zst]".
func makeFile(args []string) error {
	if len(args) < 6 {
		return errors.New("synth DIR MARKET SYMBOL PERIOD ROWS FIRSTID [csv|zip|gz|zst]")
	}
	rows, err := strconv.Atoi(args[4])
	if err != nil {
		return err
	}
	first, err := strconv.ParseInt(args[5], 10, 64)
	if err != nil {
		return err
	}
	s := synth.Spec{Series: catalog.Series{Market: catalog.Market(args[1]), Symbol: args[2]}, Rows: rows, FirstID: first, Seed: uint64(first)}
	if d, err := catalog.ParseDay(args[3]); err == nil {
		s.Period = catalog.DayPeriod(d)
	} else {
		d, err := catalog.ParseDay(args[3] + "-01")
		if err != nil {
			return err
		}
		s.Period = catalog.MonthPeriod(d.Time().Year(), d.Time().Month())
	}
	packing := synth.Plain
	if len(args) > 6 {
		packing = map[string]synth.Packing{"zip": synth.Zip, "gz": synth.Gzip, "zst": synth.Zstd}[args[6]]
	}
	_, err = synth.WriteFile(args[0], synth.Mirror, s, packing)
	return err
}

// printRows is the script's command "ask DATABASE QUERY".
func printRows(path, query string) error {
	rows, err := ask(context.Background(), path, query)
	for _, r := range rows {
		fmt.Println(r)
	}
	return err
}

// hold is the command "hold DATABASE MARK": it opens the database, writes the file MARK, and stays until it is killed.
func hold(database, mark string) error {
	pool, err := sql.Open("duckdb", database)
	if err != nil {
		return err
	}
	if err := os.WriteFile(mark, nil, 0o600); err != nil {
		return errors.Join(err, pool.Close())
	}
	for {
		time.Sleep(time.Hour)
	}
}

// ask gives each row of a query's result as text, columns separated by '|'.
func ask(ctx context.Context, path, query string) (out []string, err error) {
	pool, err := sql.Open("duckdb", path+"?access_mode=READ_ONLY")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	rows, err := pool.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		values, targets := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		texts := make([]string, len(values))
		for i, v := range values {
			texts[i] = fmt.Sprint(v)
		}
		out = append(out, strings.Join(texts, "|"))
	}
	return out, rows.Err()
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: false,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			// A machine's own settings are none of the scripts' business.
			e.Setenv("XDG_CONFIG_HOME", filepath.Join(e.WorkDir, "no-config"))
			e.Setenv("CHECK_INGEST_LOCK_FILE", filepath.Join(e.WorkDir, "lock"))
			e.Setenv("CHECK_INGEST_DB", filepath.Join(e.WorkDir, "trades.duckdb"))
			e.Setenv("CHECK_INGEST_DATA_DIR", filepath.Join(e.WorkDir, "data"))
			return os.MkdirAll(filepath.Join(e.WorkDir, "data"), 0o755)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": scriptStatus, "await": scriptAwait, "signal": scriptSignal,
		},
	})
}

// scriptStatus is "status N PROGRAM ARGS...": the program must end with exactly that code.
func scriptStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N PROGRAM ARGS...")
	}
	got := 0
	var exit *exec.ExitError
	switch err := ts.Exec(args[1], args[2:]...); {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, expected %s", got, args[0])
	}
}

// patience is how long a test waits for what another process will do.
const patience = 60 * time.Second

// scriptAwait is "await FILE REGEXP": it waits until the file has a match.
func scriptAwait(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await FILE REGEXP")
	}
	pattern, err := regexp.Compile(args[1])
	ts.Check(err)
	if text, ok := await(ts.MkAbs(args[0]), pattern.MatchString); !ok {
		ts.Fatalf("%s never had %s: %s", args[0], args[1], text)
	}
}

// await polls a file until what it holds is good.
func await(path string, good func(string) bool) (text string, ok bool) {
	ok = poll(func() bool {
		b, err := os.ReadFile(path)
		if err == nil {
			text = string(b)
		}
		return err == nil && good(text)
	})
	return text, ok
}

// poll waits until what another process does is there.
func poll(good func() bool) bool {
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	expired := time.After(patience)
	for !good() {
		select {
		case <-again.C:
		case <-expired:
			return false
		}
	}
	return true
}

// scriptSignal is "signal SIGNAL FILE": it sends a signal to the process whose run status that file holds.
func scriptSignal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: signal SIGNAL FILE")
	}
	pid := regexp.MustCompile(`"pid":(\d+)`).FindStringSubmatch(ts.ReadFile(args[1]))
	if pid == nil {
		ts.Fatalf("%s names no process", args[1])
	}
	ts.Check(ts.Exec("kill", "-"+args[0], pid[1]))
}
