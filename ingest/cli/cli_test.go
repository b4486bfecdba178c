package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/ingest/load"
	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/buildinfo"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/doctest"
	"github.com/check-ingest/check-ingest/internal/settings"
)

// TestEveryFlagCanBeASetting compares the flags with the list that the shared settings file is checked against.
func TestEveryFlagCanBeASetting(t *testing.T) {
	t.Parallel()
	var g grammar
	parser, err := newParser(&g)
	if err != nil {
		t.Fatal(err)
	}
	missing, extra := settings.Drift(name, parser.Model)
	if len(missing) > 0 || len(extra) > 0 {
		t.Errorf("flags that cannot be set in the file: %v; keys that are no flag: %v", missing, extra)
	}
}

// main runs the command line in a world without settings.
func run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Main(t.Context(), Program{
		Args: args, Stdout: &out, Stderr: &errs, LookupEnv: func(string) (string, bool) { return "", false }, Now: time.Now, Build: buildinfo.Info{Version: "1.2.3"}, RunID: "run",
		Terminal: func(io.Writer) bool { return false },
	})
	return code, out.String(), errs.String()
}

func TestVersionAndHelp(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-V"}, {"--version"}, {"run", "--version"}} {
		if code, stdout, stderr := run(t, args...); code != 0 || stdout != "ingest-aggtrades 1.2.3\n" || stderr != "" {
			t.Errorf("%v: %d, %q, %q", args, code, stdout, stderr)
		}
	}
	_, help, _ := run(t, "--help")
	for _, e := range load.ExitCodes() {
		if !strings.Contains(help, e.Meaning) {
			t.Errorf("the help does not say %q", e.Meaning)
		}
	}
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	code, page, stderr := run(t, "man")
	if code != 0 || stderr != "" || !strings.Contains(page, `.SH "INGEST\-AGGTRADES MIGRATE"`) || !strings.Contains(page, "the lock or the database is held") {
		t.Errorf("man: exit code %d, %q, %s", code, stderr, page)
	}
	doctest.Man(t, page)
	for _, shell := range []string{"bash", "zsh", "fish"} {
		code, script, stderr := run(t, "completion", shell)
		if code != 0 || stderr != "" || !strings.Contains(script, "widen-quantity") {
			t.Errorf("completion %s: exit code %d, %q, %s", shell, code, stderr, script)
		}
		doctest.Script(t, shell, script)
	}
}

func TestMisspelt(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"migarte":                                `ingest-aggtrades: no command "migarte", did you mean "migrate"?` + "\n",
		"something":                              `ingest-aggtrades: no command "something"; the commands are run, `,
		"--dbb=x --data-dir=d":                   `ingest-aggtrades: unknown flag --dbb, did you mean "--db"?` + "\n",
		"completion ksh":                         `ingest-aggtrades: shell "ksh": expected bash, zsh or fish` + "\n",
		"completion":                             "ingest-aggtrades: give <shell>\n",
		"--db=x":                                 "ingest-aggtrades: give --data-dir=DIR\n",
		"run":                                    "ingest-aggtrades: give --db=FILE and --data-dir=DIR\n",
		"status --db":                            "ingest-aggtrades: --db: expected a value\n",
		"status --db=":                           "ingest-aggtrades: give --db=FILE\n",
		"verify --db=":                           "ingest-aggtrades: give --db=FILE\n",
		"migrate --db=":                          "ingest-aggtrades: give --db=FILE\n",
		"--db= --data-dir=d":                     "ingest-aggtrades: give --db=FILE\n",
		"preflight --db=x --data-dir=":           "ingest-aggtrades: give --data-dir=DIR\n",
		"status --db=x --lock-file=":             "ingest-aggtrades: give --lock-file=FILE\n",
		"status --db=x -o xml":                   `ingest-aggtrades: --output "xml": expected text, json or csv` + "\n",
		"run --db=x --data-dir=d --threads=many": `ingest-aggtrades: --threads "many": expected a whole number` + "\n",
		"run --db=x --data-dir=d --threads=-1":   "ingest-aggtrades: --threads -1: must not be negative\n",
	} {
		code, stdout, stderr := run(t, strings.Fields(args)...)
		if code != 2 || stdout != "" || !strings.HasPrefix(stderr, want) || !regexp.MustCompile(`\nTry: ingest-aggtrades ([a-z]+ )?--help\n$`).MatchString(stderr) {
			t.Errorf("%s: %d, %q, %q, want %q", args, code, stdout, stderr, want)
		}
	}
}

// TestOutputThatCannotBeWritten: whatever is asked for, a report that gets lost on a full disk has an exit code of its own, and one that nobody
// wants to read to its end, as with head, is no error.
func TestOutputThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { full.Close() })
	unread, pipe, err := os.Pipe()
	if err := errors.Join(err, unread.Close()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pipe.Close() })
	here := func(args ...string) func(*testing.T) []string { // each with a database of its own, since DuckDB opens none twice in one process
		return func(t *testing.T) []string {
			t.Helper()
			db := rowsOf(t, "5", "01", "02")
			return append(args, "--db="+db, "--lock-file="+db+".lock")
		}
	}
	plain := func(args ...string) func(*testing.T) []string {
		return func(*testing.T) []string { return args }
	}
	for name, tc := range map[string]struct {
		args func(*testing.T) []string
		code int // where it is not the output that ends it
	}{
		"help":        {plain("--help"), 0},
		"version":     {plain("--version"), 0},
		"a page":      {plain("man"), 0},
		"a script":    {plain("completion", "bash"), 0},
		"a status":    {here("status"), 0},
		"in JSON":     {here("status", "--output=json"), 0},
		"in HTML":     {here("status", "--html=-"), 0},
		"verify":      {here("verify"), 0},
		"verify JSON": {here("verify", "--output=json"), 0},
		"migrate":     {here("migrate", "--dry-run"), 0},
		"preflight":   {here("preflight", "--data-dir="+t.TempDir()), 1},
		"dry run":     {here("run", "--dry-run", "--data-dir="+t.TempDir()), load.ExitNothing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := tc.args(t)
			for out, want := range map[*os.File]int{full: load.ExitOutput, pipe: tc.code} {
				if out == full && tc.code != 0 {
					want = tc.code // what went wrong before counts for more
				}
				var errs bytes.Buffer
				code := Main(t.Context(), Program{
					Args: args, Stdout: out, Stderr: &errs, LookupEnv: func(string) (string, bool) { return "", false }, Now: time.Now,
					Terminal: func(io.Writer) bool { return false },
				})
				if code != want {
					t.Errorf("into %v: exit code %d, expected %d\n%s", out.Name(), code, want, &errs)
				}
				if code == load.ExitOutput && !strings.HasSuffix(errs.String(), "ingest-aggtrades: write to stdout: no space left on device\n") {
					t.Errorf("it said %q", &errs)
				}
			}
		})
	}
}

// TestStopped: what a signal ends says by which.
func TestStopped(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"status", "verify", "preflight"} {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(&load.SignalError{Signal: syscall.SIGTERM})
		db := rowsOf(t, "5", "01")
		var out, errs bytes.Buffer
		args := []string{command, "--db=" + db, "--lock-file=" + db + ".lock"}
		if command == "preflight" {
			args = append(args, "--data-dir="+t.TempDir())
		}
		code := Main(ctx, Program{
			Args: args, Stdout: &out, Stderr: &errs, LookupEnv: func(string) (string, bool) { return "", false }, Now: time.Now, Terminal: func(io.Writer) bool { return false },
		})
		if code != load.ExitTerminated || errs.String() != "ingest-aggtrades: stopped by SIGTERM\n" {
			t.Errorf("%s: exit code %d, %q", command, code, &errs)
		}
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	good := map[string]int64{"0": 0, "1": 1, "2GB": 2e9, "512MiB": 512 << 20, "1.5TiB": 3 << 39, "100 kB": 100_000}
	for text, want := range good {
		var b bytesFlag
		if err := b.UnmarshalText([]byte(text)); err != nil || int64(b) != want {
			t.Errorf("%q: %d, %v, expected %d", text, b, err, want)
		}
	}
	for _, text := range []string{"", "lots", "-1", "1XB", "99999999TB", "1e3"} {
		var b bytesFlag
		if err := b.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), "expected a number of bytes") {
			t.Errorf("%q: %d, %v", text, b, err)
		}
	}
}

func report() *load.Report {
	return &load.Report{
		DataDir: "/d d",
		Files: []load.FileReport{
			{Path: "/d/BTCUSDT-aggTrades-2024-01-01.zip", Market: catalog.UM, Symbol: "BTCUSDT", Period: "2024-01-01", Status: "success", Rows: 1_234_567, Duplicates: 3, Bytes: 9_360_000},
			{Path: "/d/BTCUSDT-aggTrades-2024-01-02.zip", Market: catalog.UM, Symbol: "BTCUSDT", Period: "2024-01-02", Status: "skipped"},
			{Path: "/d/BTCUSDT-aggTrades-2024-01-03.zip", Market: catalog.UM, Symbol: "BTCUSDT", Period: "2024-01-03", Status: "changed", Reason: "changed since it was loaded"},
			{Path: "/d/spot/BTCUSDT-aggTrades-2024-01-01.zip", Market: catalog.Spot, Symbol: "BTCUSDT", Period: "2024-01-01", Status: "failed", Error: "BTCUSDT-aggTrades-2024-01-01.zip: line 3: odd \x1b[31m text"},
			{Path: "/d/spot/BTCUSDT-aggTrades-2024-01-02.zip", Market: catalog.Spot, Symbol: "BTCUSDT", Period: "2024-01-02", Status: "partial", Rows: 10, Conflicts: 2, Bytes: 100},
			{Path: "/d/spot/BTCUSDT-aggTrades-2024-01-03.zip", Market: catalog.Spot, Symbol: "BTCUSDT", Period: "2024-01-03", Status: "not reached"},
		},
		Missing: []load.MissingReport{{
			Market: catalog.UM, Symbol: "BTCUSDT", Days: 3, Ranges: []catalog.Period{{First: 19726, End: 19728}, {First: 19730, End: 19731}},
		}},
		Ignored: []source.Skipped{{Path: "/d/x", Reason: "an unfinished download"}, {Path: "/d/y", Reason: "z"}}, Unmatched: 7,
		Warnings: []string{"something is odd"},
		Totals:   load.Totals{Files: 6, Loaded: 2, Partial: 1, Skipped: 1, Changed: 1, Failed: 1, Rows: 1_234_577, LoadSeconds: 1.5, RowsPerSecond: 823_051.3},
		ExitCode: 1, Error: "some files failed: 1 of 6",
	}
}

func TestReportText(t *testing.T) {
	t.Parallel()
	text := string(reportText(report()))
	for _, want := range []string{
		"um      BTCUSDT  2024-01-01  2024-01-03       1     2     0  1,234,567  9.36 MB\n",
		"spot    BTCUSDT  2024-01-01  2024-01-03       1     0     1         10    100 B\n", "Failed:\n  /d/spot/BTCUSDT-aggTrades-2024-01-01.zip\n    line 3: odd ?[31m text\n",
		"For the commands that fetch bad files again:\n  check_ingest_csv --data-dir='/d d' --symbol=BTCUSDT --full -v\n",
		"Loaded with conflicts:\n  /d/spot/BTCUSDT-aggTrades-2024-01-02.zip\n    2 rows left out, the database holds other trades with their ids\n",
		"Changed and left alone:\n  /d/BTCUSDT-aggTrades-2024-01-03.zip\n    changed since it was loaded\n",
		"Not reached:\n  /d/spot/BTCUSDT-aggTrades-2024-01-03.zip\n",
		"Missing days, for which there is no file:\n  um BTCUSDT, 3: 2024-01-04..2024-01-05, 2024-01-08\n",
		"Left aside in the data dir: /d/x\n    an unfinished download\n  and 1 more; -o json lists all\n",
		"whose names are not those of trades: 7\n", "Warning: something is odd.\n",
		"2 of 6 files loaded, 2 skipped, 1 failed, 1 not reached: 1,234,577 rows in 1.5s (", "\nExit code 1: some files failed: 1 of 6.\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.ContainsRune(text, '\x1b') {
		t.Error("an escape sequence came through")
	}
}

func TestShortReports(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		report *load.Report
		want   string
	}{
		"only changed files":   {&load.Report{Totals: load.Totals{Files: 2, Skipped: 1, Changed: 1}}, "Nothing loaded: 1 of 2 files changed since loaded, and left as it was.\n"},
		"nothing to do":        {&load.Report{Totals: load.Totals{Files: 2, Skipped: 2}}, "Nothing to do: all 2 files are loaded.\n"},
		"nothing was found":    {&load.Report{Error: "nothing to load: no file of trades in /d", ExitCode: 4}, "nothing to load: no file of trades in /d\n"},
		"the lock is held":     {&load.Report{Error: "lock held by PID 1 (x, user y)", ExitCode: 75}, "lock held by PID 1 (x, user y)\n"},
		"a dry run of nothing": {&load.Report{DryRun: true}, "Dry run: nothing is changed.\n\n0 files to load, 0 skipped; about 0 B of space needed, 0 B free.\n"},
	}
	for name, tt := range tests {
		if diff := cmp.Diff(tt.want, string(reportText(tt.report))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestListsAreCut(t *testing.T) {
	t.Parallel()
	r := &load.Report{}
	for range 40 {
		r.Files = append(r.Files, load.FileReport{Path: "/d/f", Market: catalog.UM, Symbol: "BTCUSDT", Period: "2024-01-01", Status: "failed", Error: "x"})
		r.Missing = append(r.Missing, load.MissingReport{Market: catalog.UM, Symbol: "BTCUSDT", Days: 1, Ranges: make([]catalog.Period, 40)})
	}
	text := string(reportText(r))
	for want, n := range map[string]int{"  /d/f\n": shownFiles, "  and 15 more; -o json lists all\n": 1, "and 30 more spans": shownMissing, "  and of 30 more symbols; -o json lists all\n": 1} {
		if got := strings.Count(text, want); got != n {
			t.Errorf("%q is there %d times, expected %d", want, got, n)
		}
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"plain 币安 text":       "plain 币安 text",
		"a\nb\tc\rd\x00e":     "a?b?c?d?e",
		"\x1b[2J\x7f\u0085":   "?[2J??",
		"\u202eright to left": "?right to left",
		"bad \xff utf-8":      "bad ? utf-8",
		"\u2028\u2066\u2069":  "???",
	}
	for text, want := range tests {
		if got := clean(text); got != want {
			t.Errorf("%q: %q, expected %q", text, got, want)
		}
	}
}

func TestRunIDsDiffer(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 4, 4, 5, 0, time.FixedZone("x", 3600))
	a, b := NewRunID(now), NewRunID(now)
	if a == b || !strings.HasPrefix(a, "20260102T030405Z-") || len(a) != len("20260102T030405Z-9f86d081") {
		t.Errorf("%s, %s", a, b)
	}
}
