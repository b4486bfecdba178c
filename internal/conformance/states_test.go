package conformance

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// state is a condition that a check can meet, made of real files and processes, and what it says about it in every form.
type state struct {
	scene  func(*testing.T) world
	args   []string // $D is the scene's folder
	shell  string   // see call
	nobody bool     // run as nobody
	root   bool     // needs root

	code   int
	first  string // the first line after name and state; numbers are 0, $D is the folder; "" where the check's own tests have it
	labels string // of the metrics
	remedy string // part of the first problem's remedy
}

// testStates runs a table of states of one check.
func testStates(t *testing.T, binary string, table map[string]state) {
	t.Helper()
	var c check
	for _, known := range checks(t) {
		if known.binary == binary {
			c = known
		}
	}
	for name, s := range table {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if (s.root || s.nobody) && os.Geteuid() != 0 {
				t.Skip("needs root")
			}
			w := s.scene(t)
			base := call{shell: strings.ReplaceAll(s.shell, "$D", w.dir), nobody: s.nobody}
			for _, a := range s.args {
				base.args = append(base.args, strings.ReplaceAll(a, "$D", w.dir))
			}
			got := observe(t, c, base)
			want := c.service + " " + states[s.code] + ": " + s.first
			if first := numberless(strings.ReplaceAll(got.first, w.dir, "$D")); got.code != s.code || s.first != "" && first != want {
				t.Errorf("exit code %d\n got %s\nwant %s", got.code, first, want)
			}
			if labels := strings.Join(got.labels, " "); labels != s.labels {
				t.Errorf("metrics %s\n   want %s", labels, s.labels)
			}
			switch {
			case s.remedy == "" && s.first != "" && len(got.doc.Problems) > 0 && got.code != 0:
				t.Errorf("the row has no remedy of %+v", got.doc.Problems[0])
			case s.remedy != "" && (len(got.doc.Problems) == 0 || !strings.Contains(strings.ReplaceAll(got.doc.Problems[0].Remedy, w.dir, "$D"), s.remedy)):
				t.Errorf("problems %+v, want the remedy %q", got.doc.Problems, s.remedy)
			}
		})
	}
}

// numberless puts 0 for every number and 0s for every duration, and FS for a file system that is not the scene's.
func numberless(s string) string {
	s = regexp.MustCompile(`on /[^ ]* \((ext[234]|xfs|btrfs|overlay|tmpfs|zfs|f2fs)\)`).ReplaceAllString(s, "on FS")
	s = regexp.MustCompile(`\((ext[234]|xfs|btrfs|overlay|zfs|f2fs)\)`).ReplaceAllString(s, "(FS)")
	s = regexp.MustCompile(`\b\d+(\.\d+)?(ms|[smhd])( \d+[smhd])?\b`).ReplaceAllString(s, "0s")
	return regexp.MustCompile(`\d+(,\d{3})*(\.\d+)?(e-\d+)?( [kMGTPE]?B\b)?`).ReplaceAllString(s, "0")
}
