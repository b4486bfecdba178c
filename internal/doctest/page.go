package doctest

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Pages are pages of documentation whose commands are run. In them every block of "console" follows a line that says where it is run:
//
//	<!-- run: SCENE -->          in a new sandbox, which the scene makes
//	<!-- run -->                 in that of the block before
//	<!-- run: SCENE, exit 3 -->  where the last command ends with this code; all others have to end with 0
//	<!-- not run: REASON -->
//
// What a command prints has to be what the page shows: all but numbers, times and white space. A line "..." stands for any lines. A command
// of which the page shows nothing only has to end well.
//
//	<!-- see: WHAT -->           looks at what the commands before it have done, in a way that the sandbox knows
type Pages struct {
	Open   func(t *testing.T, scene string) *Sandbox
	Update bool // write what commands print instead of comparing it
}

// Sandbox is a place where commands are run.
type Sandbox struct {
	// Shell runs a command as a person would type it, and gives its exit code and what it prints. What goes to stderr is the log, and is left out.
	Shell func(t *testing.T, command string) (code int, output string)
	// See looks at what has become of the sandbox.
	See func(t *testing.T, what string)
	// Skip is why the sandbox cannot be had on this machine.
	Skip string
}

// pagePart is a block of commands with the line before it, or a line that tells to look.
var pagePart = regexp.MustCompile("(?sm)^(?:<!-- see: ([^\n]*?) -->\n|(?:<!-- (run|not run)(?:: ([^\n]*?))?(?:, exit ([0-9]+))? -->\n)?```console\n(.*?)^```\n)")

// Run runs a page's blocks and gives the page with what they print where that differs from what it shows.
func (p Pages) Run(t *testing.T, page string) string {
	t.Helper()
	var s *Sandbox
	blocks := 0
	page = pagePart.ReplaceAllStringFunc(page, func(b string) string {
		m := pagePart.FindStringSubmatch(b)
		see, run, scene, exit, commands := m[1], m[2], m[3], m[4], m[5]
		switch {
		case run == "not run" && scene != "":
			blocks++
			return b
		case see == "" && run != "run" || s == nil && scene == "":
			t.Errorf("nothing says where this is run:\n%s", b)
			return b
		case scene != "":
			s = p.Open(t, scene)
		}
		blocks++
		if s.Skip != "" {
			t.Logf("scene %s was not tried: %s", scene, s.Skip)
			return b
		}
		if see != "" {
			s.See(t, see)
			return b
		}
		code := 0
		if exit != "" {
			code, _ = strconv.Atoi(exit) // digits, as the pattern has it
		}
		return strings.TrimSuffix(b, commands+"```\n") + p.block(t, s, commands, code) + "```\n"
	})
	if blocks == 0 {
		t.Error("the page has no commands")
	}
	return page
}

// block runs the commands of a block, and gives the block with what they print.
func (p Pages) block(t *testing.T, s *Sandbox, block string, code int) string {
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
		got, output := s.Shell(t, command)
		if got != want {
			t.Errorf("exit code %d, expected %d: %s\n%s", got, want, command, output)
		}
		if shown != "" && !pattern(shown).MatchString(bare(output)) {
			if !p.Update {
				t.Errorf("%s\nprints\n%sthe page shows\n%s(the same with -update-docs rewrites it)", command, output, shown)
			}
			shown = output
		}
		b.WriteString("$ " + command + "\n" + shown)
	}
	return b.String()
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
