package cli

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2" // to make databases
	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/ingest/load"
	"github.com/check-ingest/check-ingest/ingest/verify"
)

// rowsOf is a database of the scripts with 1,000 rows of each of some days of January 2024.
func rowsOf(t *testing.T, price string, days ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trades.duckdb")
	pool, err := sql.Open("duckdb", path)
	if err != nil {
		t.Fatal(err)
	}
	statements := []string{"CREATE TABLE aggtrades_history (agg_trade_id BIGINT, timestamp TIMESTAMP, symbol VARCHAR, price DECIMAL(18, 8), quantity DECIMAL(18, 8), side VARCHAR)"}
	for _, day := range days {
		statements = append(statements, "INSERT INTO aggtrades_history SELECT "+day+" * 1000 + i, TIMESTAMP '2024-01-"+day+"' + i * INTERVAL 80 SECOND, 'BTCUSDT', "+price+", 1, 'buy' FROM range(1000) r(i)")
	}
	for _, s := range statements {
		if _, err := pool.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestVerifyExitCodes(t *testing.T) {
	t.Parallel()
	sound, bad := rowsOf(t, "5", "01", "02"), rowsOf(t, "0", "01", "03")
	for name, tc := range map[string]struct {
		args   []string
		code   int
		stdout string // a part
		stderr string
	}{
		"sound":            {[]string{"--db", sound}, 0, "Sound: no defect", ""},
		"defects":          {[]string{"--db", bad}, 1, "1 day without a row: 2024-01-02", ""},
		"a sound part":     {[]string{"--db", sound, "--start-date", "2024-01-02", "--sample", "1"}, 0, "A sample of 1 of 1 day,", ""},
		"missing":          {[]string{"--db", sound + ".no"}, 3, "", "does not exist"},
		"no database":      {nil, 2, "", "--db"},
		"days reversed":    {[]string{"--db", sound, "--start-date", "2024-01-02", "--end-date", "2024-01-01"}, 2, "", "--end-date 2024-01-01 is before"},
		"an odd symbol":    {[]string{"--db", sound, "--symbol", "A B"}, 2, "", "--symbol"},
		"an odd market":    {[]string{"--db", sound, "--market", "swap"}, 2, "", "expected spot, um or cm"},
		"a negative day":   {[]string{"--db", sound, "--sample", "-1"}, 2, "", "--sample -1"},
		"too little space": {[]string{"--db", sound, "--memory-limit", "1MB"}, 2, "", "256MiB"},
	} {
		code, stdout, stderr := run(t, append([]string{"verify"}, tc.args...)...)
		if code != tc.code || !strings.Contains(stdout, tc.stdout) || !strings.Contains(stderr, tc.stderr) || tc.stderr == "" && stderr != "" || tc.stdout == "" && stdout != "" {
			t.Errorf("%s: %d, expected %d\n%s\n%s", name, code, tc.code, stdout, stderr)
		}
		for line := range strings.Lines(stdout) {
			if n := len([]rune(strings.TrimRight(line, "\n"))); n > 80 {
				t.Errorf("%s: %d columns: %s", name, n, line)
			}
		}
	}
}

func TestVerifyJSON(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]int{rowsOf(t, "5", "01"): 0, rowsOf(t, "0", "01"): 1, filepath.Join(t.TempDir(), "none"): 3} {
		code, stdout, _ := run(t, "verify", "--db", path, "-o", "json")
		var r verify.Report
		if err := json.Unmarshal([]byte(stdout), &r); err != nil || code != want || r.ExitCode != want || (r.Error != "") != (want == 3) {
			t.Errorf("%d, expected %d: %v\n%s", code, want, err, stdout)
		}
	}
}

// TestVerifyInterrupted stops a verification by a signal that came before it began to read.
func TestVerifyInterrupted(t *testing.T) {
	t.Parallel()
	path := rowsOf(t, "5", "01")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(&load.SignalError{Signal: syscall.SIGINT})
	var out, errs bytes.Buffer
	code := Main(ctx, Program{
		Args: []string{"verify", "--db", path}, Stdout: &out, Stderr: &errs, LookupEnv: func(string) (string, bool) { return "", false }, Now: time.Now,
		Terminal: func(io.Writer) bool { return false },
	})
	if code != 130 || strings.Contains(out.String(), "ound:") || !strings.Contains(out.String()+errs.String(), "stopped by SIGINT") {
		t.Errorf("%d\n%s\n%s", code, &out, &errs)
	}
}

// TestVerifyOnATerminal draws a bar, and the report stays apart from it.
func TestVerifyOnATerminal(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	code := Main(t.Context(), Program{
		Args: []string{"verify", "--db", rowsOf(t, "5", "01")}, Stdout: &out, Stderr: &errs, LookupEnv: func(string) (string, bool) { return "", false }, Now: time.Now,
		Terminal: func(io.Writer) bool { return true },
	})
	if code != 0 || !strings.HasPrefix(out.String(), " Symbol ") || !strings.Contains(errs.String(), "done") {
		t.Errorf("%d\n%s\n%q", code, &out, errs.String())
	}
}

// TestVerifyDocs keeps the page about verify what the program says.
func TestVerifyDocs(t *testing.T) {
	t.Parallel()
	const page = "../../docs/verify.md"
	old, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	want := string(old)
	for _, name := range []string{"sound", "defects"} {
		text, err := os.ReadFile("../verify/testdata/" + name + ".golden")
		if err != nil {
			t.Fatal(err)
		}
		want = fillIn(t, want, "<!-- "+name+" -->", fence(string(text)))
	}
	checkPage(t, page, string(old), want)
	source, err := os.ReadFile("../verify/report.go")
	if err != nil {
		t.Fatal(err)
	}
	tables, _, _ := strings.Cut(string(old), "\n## JSON\n")
	first := func(pattern, text string) (found []string) {
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			found = append(found, m[1])
		}
		return found
	}
	if diff := cmp.Diff(first(`Kind = "([a-z_]+)"`, string(source)), first("(?m)^\\| `([a-z_]+)` \\|", tables)); diff != "" {
		t.Errorf("kinds of findings (-program +page):\n%s", diff)
	}
	var m map[string]any
	_, stdout, _ := run(t, "verify", "--db", rowsOf(t, "0", "01", "03"), "-o", "json")
	if err := json.Unmarshal([]byte(stdout), &m); err != nil {
		t.Fatal(err)
	}
	var look func(v any)
	look = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, value := range v {
				if !strings.Contains(string(old), "`"+key+"`") {
					t.Errorf("the page does not explain %q of the JSON report", key)
				}
				look(value)
			}
		case []any:
			for _, item := range v {
				look(item)
			}
		}
	}
	look(m)
}
