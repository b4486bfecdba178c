// Package checktest is what the tests of the checks share: running a check as its binary does, and comparing what it says.
package checktest

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/check-ingest/check-ingest/internal/checkcli"
	"github.com/check-ingest/check-ingest/internal/golden"
	"github.com/check-ingest/check-ingest/internal/nagios"
	"github.com/check-ingest/check-ingest/internal/settings"
)

// Run runs a check as its binary does, at a moment and without settings from outside, and gives its exit code and output. check is [checkcli.Run] of
// the check's command line, service "INGEST DB" for instance.
func Run(check func(checkcli.Program) int, service string, now func() time.Time, args ...string) (int, string) {
	var out bytes.Buffer
	code := check(checkcli.Program{
		Name: service, Args: args, Stdout: &out, Now: now, System: os.DevNull + "/none",
		Env: func(string) (string, bool) { return "", false },
	})
	return code, out.String()
}

// Check is a check that is tested.
type Check struct {
	Service string // "INGEST DB" for instance
	Run     func(args ...string) (int, string)
	Masks   []Mask // of its own
}

// Mask is text that differs from run to run, and what is compared in its place.
type Mask struct {
	What *regexp.Regexp
	With string
}

// Help compares the check's help with testdata/help.golden.
func Help(t *testing.T, run func(args ...string) (int, string)) {
	t.Helper()
	code, text := run("--help")
	if code != nagios.Unknown.ExitCode() {
		t.Errorf("exit code %d", code)
	}
	golden.Compare(t, "testdata/help.golden", text)
}

// Settings fails the test unless the file of settings may set every flag of a command line, which [checkcli.Model] gives.
func Settings(t *testing.T, program string, model *kong.Application, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if missing, extra := settings.Drift(program, model); missing != nil || extra != nil {
		t.Errorf("settings.Keys lacks %v and has %v", missing, extra)
	}
}

// Usage fails the test unless the check answers each command line, by a name for it, with a usage error that begins as told.
func Usage(t *testing.T, c Check, tests map[string]struct {
	Args []string
	Want string
},
) {
	t.Helper()
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if code, out := c.Run(tc.Args...); code != nagios.Unknown.ExitCode() || !strings.HasPrefix(out, c.Service+" UNKNOWN: usage: "+tc.Want) {
				t.Errorf("exit code %d, %q, want %q", code, out, tc.Want)
			}
		})
	}
}

// States runs a test for each name, and compares what all of them gave, in the order of their names, with a golden file.
func States(t *testing.T, path string, names []string, observe func(t *testing.T, name string) string) {
	t.Helper()
	var mu sync.Mutex
	said := map[string]string{}
	t.Cleanup(func() {
		if len(said) < len(names) {
			return // only some ran
		}
		var all strings.Builder
		for _, name := range slices.Sorted(maps.Keys(said)) {
			fmt.Fprintf(&all, "== %s\n%s", name, said[name])
		}
		golden.Compare(t, path, all.String())
	})
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := observe(t, name)
			mu.Lock()
			defer mu.Unlock()
			said[name] = text
		})
	}
}
