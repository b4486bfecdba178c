// Package doctest has other programs read what ours make for them: manual pages and scripts. Where such a program is not
// installed its part of a test is skipped, saying so.
package doctest

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// noDate begins the page of a program that was built outside a repository and so has no date, at which mandoc warns.
var noDate = regexp.MustCompile(`(?m)^(\.TH \S+ \d )"" `)

// Man fails the test unless mandoc, groff and man find nothing to say about a manual page, but for a missing date.
func Man(t *testing.T, page string) {
	t.Helper()
	page = noDate.ReplaceAllString(page, `${1}"2026-01-01" `)
	for _, program := range [][]string{
		{"mandoc", "-T", "lint", "-W", "warning"}, {"groff", "-man", "-ww", "-z", "-K", "utf8"}, {"man", "--warnings", "-l", "-"},
	} {
		t.Run(program[0], func(t *testing.T) {
			t.Parallel()
			silent(t, page, program...)
		})
	}
}

// Script fails the test if a shell cannot parse a script.
func Script(t *testing.T, shell, script string) {
	t.Helper()
	t.Run(shell, func(t *testing.T) {
		t.Parallel()
		flag := "-n"
		if shell == "fish" {
			flag = "--no-execute"
		}
		silent(t, script, shell, flag, "/dev/stdin")
	})
}

// silent runs a program that should end well without a word.
func silent(t *testing.T, stdin string, program ...string) {
	t.Helper()
	if _, err := exec.LookPath(program[0]); err != nil {
		t.Skipf("was not tried: %v", err)
	}
	c := exec.CommandContext(t.Context(), program[0], program[1:]...)
	c.Env = append(c.Environ(), "MANROFFOPT=", "LC_ALL=C.UTF-8")
	c.Stdin = strings.NewReader(stdin)
	if program[0] == "man" { // it shows the page
		c.Args = append([]string{"sh", "-c", `"$@" >/dev/null`, "sh"}, program...)
		c.Path = "/bin/sh"
	}
	if out, err := c.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %v: %s", program, err, out)
	}
}
