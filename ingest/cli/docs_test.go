package cli

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/ingest/load"
)

var updateDocs = flag.Bool("update-docs", false, "write help and exit codes into docs/ingest-aggtrades.md")

// TestDocsAreMadeFromTheCode keeps help texts and exit codes in the documentation what the program says, between
// "<!-- help of NAME -->" and "<!-- end -->". verify has a page and a test of its own.
func TestDocsAreMadeFromTheCode(t *testing.T) {
	t.Parallel()
	codes := "| code | meaning |\n| --- | --- |\n"
	for _, e := range load.ExitCodes() {
		codes += fmt.Sprintf("| %d | %s |\n", e.Code, e.Meaning)
	}
	marks := map[string]string{"<!-- exit codes -->": codes}
	parser, err := newParser(new(grammar))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range parser.Model.Children {
		if !n.Hidden {
			marks["<!-- help of "+n.Name+" -->"] = fence(helpOf(t, n.Name))
		}
	}
	for _, page := range []string{"../../docs/ingest-aggtrades.md", "../../docs/preflight.md", "../../docs/status.md"} {
		old, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		want := string(old)
		for mark, text := range marks {
			if strings.Contains(want, mark+"\n") {
				want = fillIn(t, want, mark, text)
				delete(marks, mark)
			}
		}
		if diff := cmp.Diff(want, string(old)); diff != "" && !*updateDocs {
			t.Errorf("%s is not what the program says; go test ./ingest/cli -update-docs rewrites it (-want +got):\n%s", page, diff)
		} else if diff != "" {
			if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// helpOf is the help of a sub-command up to what all of them share.
func helpOf(t *testing.T, command string) string {
	t.Helper()
	var out bytes.Buffer
	code := Main(t.Context(), Program{
		Args: []string{command, "--help"}, Stdout: &out, Stderr: &out, LookupEnv: func(string) (string, bool) { return "", false }, Now: time.Now,
	})
	if code != 0 {
		t.Fatalf("%s --help: exit code %d: %s", command, code, out.String())
	}
	for line := range strings.Lines(out.String()) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > 80 {
			t.Errorf("%s --help: %d columns: %s", command, n, line)
		}
	}
	help, _, _ := strings.Cut(out.String(), "\nEvery flag can")
	return help
}

func fence(s string) string { return "```\n" + s + "```\n" }

// fillIn puts text between a mark and the heading that follows it.
func fillIn(t *testing.T, page, mark, text string) string {
	t.Helper()
	before, rest, ok := strings.Cut(page, mark+"\n")
	if !ok {
		t.Fatalf("no line %q", mark)
	}
	end := "\n<!-- end -->\n"
	if _, after, ok := strings.Cut(rest, end); ok && !strings.Contains(rest[:strings.Index(rest, end)], "<!--") {
		return before + mark + "\n" + text + end + after
	}
	return before + mark + "\n" + text + end + rest
}
