//go:build integration

package integration

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// service is one of the five, as a monitoring system shows it.
type service struct {
	state    string // OK, WARNING, CRITICAL or UNKNOWN; "" before the first result
	text     string // all lines, without performance data
	perfdata string // as the plugin wrote it, or as much of it as the system shows
}

// want is what a service has to show: a state, and patterns of which each has to match its text.
type want struct {
	state string
	text  []string
}

func (w want) check(name string, s service) error {
	if s.state != w.state {
		return fmt.Errorf("%s is %s, want %s: %q", name, s.state, w.state, s.text)
	}
	for _, pattern := range w.text {
		if s.state == "OK" && s.text == promQuiet {
			break // Prometheus keeps no text of what is well
		}
		if !regexp.MustCompile(pattern).MatchString(s.text) {
			return fmt.Errorf("%s is %s, but its text is not like %q: %q", name, s.state, pattern, s.text)
		}
	}
	return nil
}

// stage is a condition of the installation and what the five services make of it. What is not mentioned may be anything.
type stage struct {
	name  string
	bring func(t *testing.T, w *world) // brings it about, from the stage before
	wants map[string]want
}

// well are the five services where nothing is wrong.
func well() map[string]want {
	return map[string]want{
		"lock": {"OK", []string{"free"}},
		"disk": {"OK", []string{"free on .*nothing is pending"}},
		"db":   {"OK", []string{`12,000 rows, 2 symbols, newest trade .*no days and no ids missing`}},
		"csv":  {"OK", []string{"6 files"}},
		"log":  {"OK", []string{"6 files loaded|6 files"}},
	}
}

// stages are a load's good and bad days. Every fault names what is wrong and says what to do about it.
func stages() []stage {
	var p *os.Process
	var release func()
	return []stage{
		{"good", func(*testing.T, *world) {}, well()},
		{"loading", func(t *testing.T, w *world) {
			t.Helper()
			w.download(t, 1)
			p = w.loader(t)
		}, map[string]want{
			"lock": {"OK", []string{`held by PID \d+ \(ingest-aggtrades.*1 of 2 files`}},
			"db":   {"OK", []string{`being loaded by PID \d+ .*By the ledger snapshot`}},
			"log":  {"OK", []string{"run"}},
		}},
		{"hung", func(t *testing.T, w *world) {
			t.Helper()
			w.hang(t, p)
		}, map[string]want{
			"lock": {"CRITICAL", []string{"no sign of life for 5m", `kill \d+`}},
			"db":   {"CRITICAL", []string{"hangs", `kill \d+`}},
			"log":  {"CRITICAL", []string{"hang", `kill \d+`}},
		}},
		{"stopped", func(t *testing.T, w *world) {
			t.Helper()
			w.stop(t, p)
		}, map[string]want{
			"lock": {"OK", []string{"free"}},
			"log":  {"WARNING", []string{"stopped"}},
		}},
		{"held", func(t *testing.T, w *world) {
			t.Helper()
			w.load(t, 0)
			release = w.holdDB(t)
		}, map[string]want{
			"db":  {"CRITICAL", []string{`held open for writing by PID \d+`, `ps -fp \d+`}},
			"csv": {"OK", []string{"8 files"}},
		}},
		{"full", func(t *testing.T, w *world) {
			t.Helper()
			release()
			if w.mounted {
				w.fill(t)
			}
		}, map[string]want{
			"disk": {"CRITICAL", []string{"free on .*, limit", "Free space there"}},
			"db":   {"OK", nil},
		}},
		{"broken", func(t *testing.T, w *world) {
			t.Helper()
			if w.mounted {
				w.resize(t, 512<<20)
			}
			truncate(t, w.download(t, 1))
			w.load(t, 1)
		}, map[string]want{
			"disk": {"OK", nil},
			"csv":  {"CRITICAL", []string{`ETHUSDT-aggTrades-2026-01-05.zip`, "(?i)fetch"}},
			"log":  {"CRITICAL", []string{`1 .*failed`, "(?i)fetch"}},
		}},
		{"damaged", func(t *testing.T, w *world) {
			t.Helper()
			truncate(t, w.db)
		}, map[string]want{
			"db": {"CRITICAL", []string{"trades.duckdb", "(?i)restore|backup"}},
		}},
	}
}

// play brings one stage after the other about in the world, and waits each time until the system under test shows what it should.
// observe gives what the system shows of a service by now.
func play(t *testing.T, w *world, d *daemon, observe func(t *testing.T, name string) service) {
	t.Helper()
	for _, s := range stages() {
		s.bring(t, w)
		if s.name == "full" && !w.mounted {
			t.Log("may not mount: a full file system is left out")
			continue
		}
		for _, name := range []string{"lock", "disk", "db", "csv", "log"} {
			want, ok := s.wants[name]
			if !ok {
				continue
			}
			var seen service
			d.await(t, s.name, func() error {
				seen = observe(t, name)
				return want.check(name, seen)
			})
			first, _, _ := strings.Cut(seen.text, "\n")
			t.Logf("%s: %s %s: %s", s.name, name, seen.state, first)
		}
	}
}
