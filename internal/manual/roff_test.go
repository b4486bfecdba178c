package manual

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/check-ingest/check-ingest/internal/doctest"
)

// odd is a page with everything in it that roff could take for its own.
func odd() (Page, []Page) {
	p := Page{
		Name: "check_odd", Usage: "[flags]", Settings: ".set by 'variables'",
		Text: Text{
			Summary: "Is it odd?", Detail: ".a line that begins with a dot \\\\ and\n'quotes' and `others`\n\n~ ^ - -- \"double\"",
			Examples:  []Example{{".begin", "'quoted' | check_odd -w '~:10' --path=\"a b\\c\""}},
			ExitCodes: []ExitCode{{0, "fine"}, {130, ".stopped"}},
		},
		Commands: []Item{{Term: "sub", Text: "does.\\"}},
		Flags:    []Group{{Title: "What 'to' \"do\"", Items: []Item{{Term: "-w, --warning", Arg: "=[METRIC=]RANGE", Text: "'outside' it."}}}},
		Notes:    []Group{{Title: "Metrics", Intro: "the first one first", Items: []Item{{Term: "free", Arg: "    B", Text: "Space."}}, Outro: ".after"}},
		Files:    []Item{{Term: "/etc/x", Text: "Settings."}}, Env: []Item{{Term: "X_*", Text: "Flags."}},
	}
	return p, []Page{{Name: "check_odd sub", Usage: "[flags]", Text: Text{Summary: "A part.", Detail: "More.", Examples: p.Examples, ExitCodes: p.ExitCodes}, Flags: p.Flags}}
}

func TestRoffIsText(t *testing.T) {
	t.Parallel()
	p, commands := odd()
	text := Roff(p, commands, Title{"1", "2026-01-31", "1.2.3"})
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, ".") && !strings.Contains(" .TH .SH .SS .TP .PP .br .RS .RE .EX .EE ", " "+strings.Fields(line)[0]+" ") {
			t.Errorf("text became a request: %q", line)
		}
	}
	doctest.Man(t, text)
	t.Run("shown", func(t *testing.T) {
		t.Parallel()
		if _, err := exec.LookPath("groff"); err != nil {
			t.Skipf("not looked at: %v", err)
		}
		c := exec.CommandContext(t.Context(), "groff", "-man", "-T", "ascii", "-P", "-cbou")
		c.Stdin = strings.NewReader(text)
		out, err := c.Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			"check_odd - is it odd", `.a line that begins with a dot \\ and 'quotes'`, "~ ^ - -- \"double\"", `'quoted' | check_odd -w '~:10' --path="a b\c"`,
			"-w, --warning=[METRIC=]RANGE", "free B", ".set by 'variables'", "does.\\",
		} {
			if !strings.Contains(string(out), want) {
				t.Errorf("no %q in\n%s", want, out)
			}
		}
	})
}
