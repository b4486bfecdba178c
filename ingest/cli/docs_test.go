package cli

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/internal/manual"
)

var updateDocs = flag.Bool("update-docs", false, "write help and exit codes into docs/ingest-aggtrades.md")

// TestDocsAreMadeFromTheCode keeps help texts and exit codes in the documentation what the program says, between
// "<!-- help of NAME -->" and "<!-- end -->".
func TestDocsAreMadeFromTheCode(t *testing.T) {
	t.Parallel()
	marks := map[string]string{"<!-- exit codes -->": codeTable(exitCodes())}
	parser, err := newParser(new(grammar))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range parser.Model.Children {
		if !n.Hidden {
			marks["<!-- help of "+n.Name+" -->"] = fence(helpOf(t, n.Name))
			marks["<!-- exit codes of "+n.Name+" -->"] = codeTable(commandPage(parser.Model, n).ExitCodes)
		}
	}
	for _, page := range []string{"../../docs/ingest-aggtrades.md", "../../docs/preflight.md", "../../docs/status.md", "../../docs/verify.md"} {
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
		checkPage(t, page, string(old), want)
	}
	for _, mark := range []string{"<!-- exit codes of preflight -->", "<!-- exit codes of status -->", "<!-- exit codes of verify -->"} {
		if marks[mark] != "" {
			t.Errorf("no page has %s", mark)
		}
	}
}

// codeTable is a table of exit codes as a page has it.
func codeTable(codes []manual.ExitCode) string {
	text := "| code | meaning |\n| --- | --- |\n"
	for _, e := range codes {
		text += fmt.Sprintf("| %d | %s |\n", e.Code, e.Meaning)
	}
	return text
}

// pages keeps tests from writing one page at the same time.
var pages sync.Mutex

// checkPage fails the test where a page is not what is wanted, or writes it. Of what another test wrote into it meanwhile nothing is lost: it is the
// blocks between marks that are replaced.
func checkPage(t *testing.T, path, old, want string) {
	t.Helper()
	diff := cmp.Diff(want, old)
	switch {
	case diff == "":
	case !*updateDocs:
		t.Errorf("%s is not what the program says; go test ./ingest/cli -update-docs rewrites it (-want +got):\n%s", path, diff)
	default:
		pages.Lock()
		defer pages.Unlock()
		now, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		merged := string(now)
		for _, m := range regexp.MustCompile("(?m)^<!-- ([^\n]+) -->$").FindAllString(want, -1) {
			if ours, was := between(want, m), between(old, m); m != "<!-- end -->" && ours != was {
				merged = fillIn(t, merged, m, ours)
			}
		}
		if err := os.WriteFile(path, []byte(merged), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// between is what stands between a mark and the end that follows it.
func between(page, mark string) string {
	_, rest, _ := strings.Cut(page, mark+"\n")
	text, _, _ := strings.Cut(rest, "\n<!-- end -->\n")
	return text
}

// TestDocsCommands: the command lines of the pages are such as the program takes.
func TestDocsCommands(t *testing.T) {
	t.Parallel()
	for _, page := range []string{"ingest-aggtrades", "preflight", "status", "verify"} {
		text, err := os.ReadFile("../../docs/" + page + ".md")
		if err != nil {
			t.Fatal(err)
		}
		lines := regexp.MustCompile(`(?m)^(?:    |\$ )(ingest-aggtrades .*)$`).FindAllStringSubmatch(string(text), -1)
		if len(lines) == 0 {
			t.Errorf("%s shows no command", page)
		}
		for _, line := range lines {
			for _, command := range regexp.MustCompile(`&&|\|`).Split(line[1], -1) {
				command, _, _ = strings.Cut(command, " >") // into a file
				command, _, _ = strings.Cut(command, "  ") // what it does stands beside it
				args := strings.Fields(command)
				if len(args) == 0 || args[0] != name || strings.ContainsAny(command, "[\\") {
					continue
				}
				parser, err := newParser(new(grammar))
				if err != nil {
					t.Fatal(err)
				}
				_, err = parser.Parse(args[1:])
				if err != nil && !strings.Contains(err.Error(), ": give ") { // settings may have it
					t.Errorf("%s: %s: %v", page, command, err)
				}
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
