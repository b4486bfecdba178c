package nagiostest

import (
	"strings"
	"testing"
)

// TestCheckOutput proves that the rules can fail: an output that passes is broken in one way at a time.
func TestCheckOutput(t *testing.T) {
	t.Parallel()
	const good = "N OK: fine\n[OK] a line, x=1; y\n| a=1s;2;@3:4;0;10 b=-0.5%\n"
	tests := map[string]struct{ out, want string }{
		"a good one":                {good, ""},
		"in one line":               {"N OK: fine | a=1\n", ""},
		"without metrics":           {"N OK: fine\n", ""},
		"empty":                     {"", "does not begin"},
		"another state":             {"N CRITICAL: fine\n", "does not begin"},
		"too long":                  {"N OK: " + strings.Repeat("x", 4096) + "\n", "4103 bytes"},
		"an escape":                 {"N OK: \x1b[0m\n", "not safe"},
		"a carriage return":         {"N OK: a\rb\n", "not safe"},
		"a NUL":                     {"N OK: a\x00b\n", "not safe"},
		"a tag":                     {"N OK: <b>\n", "not safe"},
		"text that runs backwards":  {"N OK: \u202eabc\n", "not safe"},
		"invalid UTF-8":             {"N OK: \xff\n", "UTF-8"},
		"a ; in the first line":     {"N OK: a; b\n", "a ;"},
		"no line end":               {"N OK: fine", "line ends"},
		"an empty line":             {"N OK: fine\n\nmore\n", "line ends"},
		"two pipes":                 {"N OK: fine | a=1 | b=2\n", "more than one"},
		"a pipe before the end":     {"N OK: fine | a=1\nmore\n", "not in the last line"},
		"a pipe without metrics":    {"N OK: fine |\n", "metric \"\""},
		"two spaces":                {"N OK: fine | a=1  b=2\n", "metric \"\""},
		"an exponent":               {"N OK: fine | a=1e3\n", "metric \"a=1e3\""},
		"a comma":                   {"N OK: fine | a=1,5\n", "metric \"a=1,5\""},
		"a label with a capital":    {"N OK: fine | A=1\n", "metric \"A=1\""},
		"a unit that nobody reads":  {"N OK: fine | a=1ms\n", "metric \"a=1ms\""},
		"a metric that comes twice": {"N OK: fine | a=1 a=2\n", "comes twice"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := CheckOutput(tc.out, "N", "OK", SoftLimit)
			switch {
			case tc.want == "" && err != nil:
				t.Fatal(err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Fatalf("error %v, want %q", err, tc.want)
			}
		})
	}
}
