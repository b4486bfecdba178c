package conformance

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/check-ingest/check-ingest/internal/doctest"
	"github.com/check-ingest/check-ingest/internal/nagiostest"
)

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, c := range checks(t) {
		t.Run(c.binary, func(t *testing.T) {
			t.Parallel()
			binary(t, c.binary) // where it does not build, one test says so
			for name, args := range map[string][]string{
				"-h": {"-h"}, "--help": {"--help"}, "after what is wrong": {"--no-such-flag", "-w", "nonsense", "file", "-h"}, "at a gate": {"--gate", "-h"},
				"with settings that are not there": {"--config=/nonexistent", "--help"},
			} {
				o := call{args: args, env: []string{"COLUMNS=20"}}.run(t, c.binary)
				if o.code != 3 || o.stderr != "" || o.stdout == "" {
					t.Fatalf("%s: exit code %d, stderr %q, output %q", name, o.code, o.stderr, o.stdout)
				}
			}
			help := call{args: []string{"-h"}}.run(t, c.binary).stdout
			for line := range strings.Lines(help) {
				if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 80 {
					t.Errorf("%d columns: %q", n, line)
				}
			}
			parts := []string{
				"Usage: " + c.binary + " [flags]\n", "\nFlags:\n", "\nThresholds:\n", "\nRunning and output:\n", "\nMetrics, the first being",
				"\n  " + c.metric + " ", "\nRanges, which are [@][START:]END ", "\nExit codes:\n", "\nExamples:\n", "/etc/check-ingest/config.yaml", "CHECK_INGEST_",
			}
			at := 0
			for _, part := range parts[:6] {
				i := strings.Index(help[at:], part)
				if i < 0 {
					t.Errorf("no %q, or not in order, in\n%s", part, help)
					break
				}
				at += i
			}
			for _, part := range parts {
				if !strings.Contains(help, part) {
					t.Errorf("no %q in\n%s", part, help)
				}
			}
		})
	}
}

// TestExamplesInHelp runs them, in folders where there is nothing to find: each is at least a valid command line.
func TestExamplesInHelp(t *testing.T) {
	t.Parallel()
	for _, c := range checks(t) {
		t.Run(c.binary, func(t *testing.T) {
			t.Parallel()
			binary(t, c.binary) // where it does not build, one test says so
			help := call{args: []string{"-h"}}.run(t, c.binary).stdout
			_, examples, _ := strings.Cut(strings.ReplaceAll(help, " \\\n     ", ""), "\nExamples:\n")
			commands := regexp.MustCompile(`(?m)^  (`+c.binary+` .*)$`).FindAllStringSubmatch(examples, -1)
			if len(commands) != 3 {
				t.Fatalf("%d examples in %q", len(commands), examples)
			}
			for _, m := range commands {
				cmd := exec.Command("/bin/sh", "-c", m[1])
				cmd.Env = []string{"PATH=" + filepath.Dir(binary(t, c.binary)), "CHECK_INGEST_CONFIG=" + noSettings(t)}
				out, _ := cmd.CombinedOutput() // the exit code says that there is nothing
				if len(out) == 0 || strings.Contains(string(out), " usage: ") {
					t.Errorf("%s: %s", m[1], out)
				}
			}
		})
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	for _, c := range checks(t) {
		t.Run(c.binary, func(t *testing.T) {
			t.Parallel()
			binary(t, c.binary) // where it does not build, one test says so
			for _, args := range [][]string{{"-V"}, {"--version"}, {"--no-such-flag", "-V"}, {"-vV"}} {
				o := call{args: args}.run(t, c.binary)
				if o.code != 3 || o.stderr != "" || !regexp.MustCompile(`^`+c.binary+` [^ \n]+( \([^\n]*\))?\n$`).MatchString(o.stdout) {
					t.Errorf("%q: exit code %d, stderr %q, output %q", args, o.code, o.stderr, o.stdout)
				}
			}
			o := call{args: []string{"-V", "-o", "json"}}.run(t, c.binary)
			o.parse(t, c, 3)
		})
	}
}

// TestDocuments: manual page and completion are printed with exit code 0 and readable by the programs they are for.
func TestDocuments(t *testing.T) {
	t.Parallel()
	for _, c := range checks(t) {
		t.Run(c.binary, func(t *testing.T) {
			t.Parallel()
			o := call{args: []string{"--man"}}.run(t, c.binary)
			if o.code != 0 || o.stderr != "" || !strings.HasPrefix(o.stdout, ".TH ") {
				t.Fatalf("--man: exit code %d, stderr %q, output %q", o.code, o.stderr, o.stdout)
			}
			doctest.Man(t, o.stdout)
			for _, shell := range []string{"bash", "zsh", "fish"} {
				o := call{args: []string{"--completion=" + shell}}.run(t, c.binary)
				if o.code != 0 || o.stderr != "" || !strings.Contains(o.stdout, c.binary) {
					t.Fatalf("--completion=%s: exit code %d, stderr %q, output %q", shell, o.code, o.stderr, o.stdout)
				}
				doctest.Script(t, shell, o.stdout)
			}
		})
	}
}

// TestNoArguments: without any the check either says what is missing or does what it can.
func TestNoArguments(t *testing.T) {
	t.Parallel()
	for _, c := range checks(t) {
		t.Run(c.binary, func(t *testing.T) {
			t.Parallel()
			binary(t, c.binary) // where it does not build, one test says so
			o := call{}.run(t, c.binary)
			if strings.Contains(o.stdout, " usage: ") {
				verifyUsage(t, c, o, c.path)
				return
			}
			o.verify(t, c, nagiostest.SoftLimit)
		})
	}
}

// verifyUsage fails the test where o is not a usage error as the conventions have it, which mentions what.
func verifyUsage(tb testing.TB, c check, o outcome, what string) {
	tb.Helper()
	o.verify(tb, c, nagiostest.SoftLimit)
	first, rest, _ := strings.Cut(o.stdout, "\n")
	if o.code != 3 || !strings.HasPrefix(first, c.service+" UNKNOWN: usage: ") || !strings.Contains(first, what) {
		tb.Errorf("exit code %d, %q does not name %q", o.code, first, what)
	}
	if rest != "Usage: "+c.binary+" [flags]. Try "+c.binary+" --help\n" {
		tb.Errorf("after the first line: %q", rest)
	}
	if strings.Contains(o.stdout, "|") {
		tb.Errorf("metrics in a usage error: %q", o.stdout)
	}
}

func TestUsageErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		want string // in the first line
	}{
		"an unknown option":              {[]string{"--no-such-flag"}, "--no-such-flag"},
		"an unknown letter":              {[]string{"-X"}, "-X"},
		"a misspelt option":              {[]string{"--verbos"}, `did you mean "--verbose"`},
		"a positional argument":          {[]string{"a.zip"}, `"a.zip"`},
		"one after --":                   {[]string{"--", "-w"}, `"-w"`},
		"an empty argument":              {[]string{""}, `""`},
		"a range that is a word":         {[]string{"-w", "foo"}, `"foo"`},
		"a range that is empty":          {[]string{"-w", ""}, "--warning"},
		"a range upside down":            {[]string{"-c", "20:10"}, "start 20 is above end 10"},
		"a negative end alone":           {[]string{"-c", "-10"}, "-10"},
		"a comma":                        {[]string{"-c", "1,5"}, `"1,5"`},
		"an exponent":                    {[]string{"-c", "1e3"}, `"1e3"`},
		"a bare prefix":                  {[]string{"-c", "10G"}, `"10G"`},
		"only an @":                      {[]string{"-c", "@"}, `"@"`},
		"only a ~":                       {[]string{"-c", "~"}, `"~"`},
		"two colons":                     {[]string{"-c", "1:2:3"}, `"1:2:3"`},
		"digits of another script":       {[]string{"-c", "१०"}, "range"},
		"an unknown metric":              {[]string{"-w", "nonsense=5"}, `no metric "nonsense"`},
		"a metric twice":                 {[]string{"-w", "5", "-w", "6"}, "has one already"},
		"a threshold without a value":    {[]string{"-w"}, "--warning"},
		"no time":                        {[]string{"-t", "0"}, "--timeout"},
		"negative time":                  {[]string{"-t", "-5"}, "--timeout"},
		"time that is none":              {[]string{"-t", "soon"}, `"soon"`},
		"a timeout state that is none":   {[]string{"--timeout-state=bad"}, `"bad"`},
		"a form that is none":            {[]string{"-o", "xml"}, `"xml"`},
		"too verbose":                    {[]string{"-vvvv"}, "--verbose"},
		"a file of settings, absent":     {[]string{"--config=/nonexistent/x"}, "/nonexistent/x"},
		"a file of settings, a folder":   {[]string{"--config=/"}, "regular"},
		"a file of settings, a device":   {[]string{"--config=/dev/null"}, "regular"},
		"a value for a flag without any": {[]string{"--gate=perhaps"}, "--gate"},
	}
	for _, c := range checks(t) {
		t.Run(c.binary, func(t *testing.T) {
			t.Parallel()
			binary(t, c.binary) // where it does not build, one test says so
			for name, tc := range tests {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					args := append(slices.Clone(c.fine), tc.args...)
					verifyUsage(t, c, call{args: args}.run(t, c.binary), tc.want)
					if tc.args[0] != "-o" && tc.args[0] != "--" {
						o := call{args: append(args, "--output=json")}.run(t, c.binary)
						o.parse(t, c, 3)
					}
					if o := (call{args: append([]string{"--gate"}, args...)}).run(t, c.binary); o.code == 0 {
						t.Error("a usage error opens a gate")
					}
				})
			}
		})
	}
}

// TestRangesThatBeginOddly are no usage errors: they work as separate words, however they begin.
func TestRangesThatBeginOddly(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		words []string
		same  string // the range as metrics have it; "" where it depends on the metric
	}{
		"~:10":            {[]string{"-w", "~:10"}, ""},
		"-10:":            {[]string{"-w", "-10:"}, "-10:"},
		"-5:5":            {[]string{"-w", "-5:5"}, ""},
		"-5:-1":           {[]string{"-c", "-5:-1"}, ""},
		"@-5:5":           {[]string{"-c", "@-5:5"}, "@-5:5"},
		"+5":              {[]string{"-w", "+5"}, "5"},
		".5":              {[]string{"-w", ".5"}, "0.5"},
		"attached":        {[]string{"-w-5:5"}, ""},
		"after =":         {[]string{"--warning=-10:"}, "-10:"},
		"long, separate":  {[]string{"--warning", "-10:"}, "-10:"},
		"a metric":        {[]string{"-w", "METRIC=-10:"}, "-10:"},
		"@10:20 outside":  {[]string{"-w", "@10000000000000000:20000000000000000"}, "@10000000000000000:20000000000000000"},
		"never":           {[]string{"-w", "~:"}, "~:"},
		"plain, repeated": {[]string{"-w", "5", "-c", "6"}, ""},
	}
	for _, c := range checks(t) {
		t.Run(c.binary, func(t *testing.T) {
			t.Parallel()
			binary(t, c.binary) // where it does not build, one test says so
			for name, tc := range tests {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					args := slices.DeleteFunc(slices.Clone(c.fine), func(a string) bool { return a == "-c" || a == "free=1B:" })
					for _, w := range tc.words {
						args = append(args, strings.ReplaceAll(w, "METRIC", c.metric))
					}
					o := call{args: args}.run(t, c.binary)
					o.verify(t, c, nagiostest.SoftLimit)
					if strings.Contains(o.stdout, "usage: ") {
						t.Fatalf("%q", o.stdout)
					}
					if tc.same != "" && !regexp.MustCompile(`[ |]`+c.metric+`=[^; ]*;;?`+regexp.QuoteMeta(tc.same)+`(;| |\n)`).MatchString(o.stdout) {
						t.Errorf("%q has no threshold %q", o.stdout, tc.same)
					}
				})
			}
		})
	}
}

// TestTildeThatTheShellExpanded: bash turns an unquoted ~:10 into a path, and the message says so.
func TestTildeThatTheShellExpanded(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash")
	}
	for _, c := range checks(t) {
		t.Run(c.binary, func(t *testing.T) {
			t.Parallel()
			binary(t, c.binary) // where it does not build, one test says so
			cmd := exec.Command(bash, append([]string{"-c", `"$@" -w ~:10`, "bash", binary(t, c.binary)}, c.fine...)...)
			cmd.Env = []string{"HOME=/home/somebody", "CHECK_INGEST_CONFIG=" + noSettings(t)}
			out, _ := cmd.Output() // it exits with 3
			verifyUsage(t, c, outcome{code: cmd.ProcessState.ExitCode(), stdout: string(out)}, `the shell turned an unquoted ~ into a folder`)
		})
	}
}
