package e2e

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/check-ingest/check-ingest/internal/nagiostest"
)

var updateDocs = flag.Bool("update-docs", false, "write what commands print into the pages of docs that show it")

// The pages whose commands are run. In them every block of "console" follows a line that says where it is run:
//
//	<!-- run: SCENE -->          in a new sandbox, which the scene makes
//	<!-- run -->                 in that of the block before
//	<!-- run: SCENE, exit 3 -->  where the last command ends with this code; all others have to end with 0
//	<!-- not run: REASON -->
//
// What a command prints has to be what the page shows: all but numbers, times and white space. A line "..." stands for any lines. A command
// of which the page shows nothing only has to end well. Below /data lie database, downloads and settings.
func docsPages() []string { return []string{"operations.md", "migration.md", "troubleshooting.md"} }

// docsBlock is a block of commands with the line before it.
var docsBlock = regexp.MustCompile("(?sm)^(?:<!-- (run|not run)(?:: ([^\n]*?))?(?:, exit ([0-9]+))? -->\n)?```console\n(.*?)^```\n")

// TestDocs runs the commands of the documentation.
func TestDocs(t *testing.T) {
	t.Parallel()
	for _, name := range docsPages() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(nagiostest.Root(t), "docs", name)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			page := runPage(t, string(data))
			if *updateDocs && page != string(data) {
				if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// runPage runs a page's blocks and gives the page with what they print where that differs from what it shows.
func runPage(t *testing.T, page string) string {
	t.Helper()
	var s *sandbox
	blocks := 0
	page = docsBlock.ReplaceAllStringFunc(page, func(b string) string {
		m := docsBlock.FindStringSubmatch(b)
		blocks++
		switch {
		case m[1] == "not run" && m[2] != "":
			return b
		case m[1] != "run" || s == nil && m[2] == "":
			t.Errorf("nothing says where this is run:\n%s", b)
			return b
		case m[2] != "":
			s = newSandbox(t, m[2])
		}
		if s.skip != "" {
			t.Logf("scene %s was not tried: %s", m[2], s.skip)
			return b
		}
		code := 0
		if m[3] != "" {
			code, _ = strconv.Atoi(m[3]) // digits, as the pattern has it
		}
		return strings.TrimSuffix(b, m[4]+"```\n") + s.runBlock(t, m[4], code) + "```\n"
	})
	if blocks == 0 {
		t.Error("the page has no commands")
	}
	return page
}

// runBlock runs the commands of a block, and gives the block with what they print.
func (s *sandbox) runBlock(t *testing.T, block string, code int) string {
	t.Helper()
	parts := strings.SplitAfter("\n"+strings.TrimSuffix(block, "\n"), "\n$ ")[1:]
	if len(parts) == 0 {
		t.Errorf("no command in:\n%s", block)
	}
	var b strings.Builder
	for i, part := range parts {
		command, shown, _ := strings.Cut(strings.TrimSuffix(part, "\n$ ")+"\n", "\n")
		want := 0
		if i == len(parts)-1 {
			want = code
		}
		got, output := s.shell(t, command)
		if got != want {
			t.Errorf("exit code %d, expected %d: %s\n%s", got, want, command, output)
		}
		if shown != "" && !pattern(shown).MatchString(bare(output)) {
			if !*updateDocs {
				t.Errorf("%s\nprints\n%sthe page shows\n%s(go test ./internal/e2e -run Docs -update-docs rewrites it)", command, output, shown)
			}
			shown = output
		}
		b.WriteString("$ " + command + "\n" + shown)
	}
	return b.String()
}

// ours are the folders of a page, which lie in the sandbox.
var ours = regexp.MustCompile(`(^|[\s"'=:(])/(data|backup|archive|new)\b`)

// shell runs a command as a person would type it. What goes to stderr is the log, and is left out.
func (s *sandbox) shell(t *testing.T, command string) (code int, output string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-c", ours.ReplaceAllString(command, "${1}"+s.dir+"/${2}"))
	cmd.Dir = filepath.Join(s.dir, "data")
	cmd.Env = append(os.Environ(), "CHECK_INGEST_CONFIG="+filepath.Join(s.dir, "data", "config.yaml"), "XDG_CONFIG_HOME=/nonexistent", "HOME=/root", "LC_ALL=C.UTF-8",
		"CHECK_INGEST_TIMEOUT=5m") // however busy the machine is
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", command, err)
	}
	return cmd.ProcessState.ExitCode(), strings.ReplaceAll(string(out), s.dir, "")
}

// bare is output without what changes from run to run, and without white space.
func bare(s string) string {
	for _, m := range []struct{ pattern, with string }{
		{`\|( ?[a-z0-9_]+=[^ \n]*)+`, ""}, // perfdata
		{`PID \d+ \([^)]*\)`, "PID"},
		{`(on|left on) /[^ ,|]* \([a-z0-9]+\)`, "on FS"},
		{`\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?`, "TIME"},
		{`-?\d[\d,]*(\.\d+)?(e-\d+)?( ?([kMGTPE]?B|µs|ms|[smhd])\b( \d+[smhd]\b)?)?`, "N"},
		{`\bN([kMG]?) rows/s`, "RATE"},
		{`[\s│─┌┐└┘├┤┬┴┼]+`, ""},
	} {
		s = regexp.MustCompile(m.pattern).ReplaceAllString(s, m.with)
	}
	return s
}

// pattern matches bare output that is what a page shows.
func pattern(shown string) *regexp.Regexp {
	var parts []string
	for _, p := range regexp.MustCompile(`(?m)^\.\.\.$`).Split(shown, -1) {
		parts = append(parts, regexp.QuoteMeta(bare(p)))
	}
	return regexp.MustCompile("(?s)^" + strings.Join(parts, ".*") + "$")
}

// TestDocsComparison: a difference that a reader would trip over is one, and one in numbers is none.
func TestDocsComparison(t *testing.T) {
	t.Parallel()
	const shown = "3 of 12 files loaded: 6,000 rows in 920ms (6.4k rows/s).\n...\nheld by PID 12 (python3 a.py)\n"
	tests := map[string]struct {
		output string
		same   bool
	}{
		"other numbers":  {"1 of 2 files loaded: 60 rows in 1.92s (500 rows/s).\nheld by PID 9 (x)\n", true},
		"more lines":     {"1 of 2 files loaded: 60 rows in 1.92s (500 rows/s).\nand\nso\nheld by PID 9 (x)\n", true},
		"another word":   {"1 of 2 files failed: 60 rows in 1.92s (500 rows/s).\nheld by PID 9 (x)\n", false},
		"a missing line": {"1 of 2 files loaded: 60 rows in 1.92s (500 rows/s).\n", false},
		"a line more":    {"1 of 2 files loaded: 60 rows in 1.92s (500 rows/s).\nheld by PID 9 (x)\nexit\n", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := pattern(shown).MatchString(bare(tt.output)); got != tt.same {
				t.Errorf("%t: %s", got, fmt.Sprintf("%q", bare(tt.output)))
			}
		})
	}
}
