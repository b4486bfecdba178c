package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/nagiostest"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// check is one of the checks and what it needs to find everything well.
type check struct {
	binary  string
	service string
	metric  string // the main one
	path    string // the flag that names what is looked at
	fine    []string
}

// checks are all checks that cmd has, so that a new one cannot be forgotten.
func checks(tb testing.TB) []check {
	tb.Helper()
	w := healthy(tb)
	known := []check{
		{"check_ingest_csv", "INGEST CSV", "bad", "--data-dir", []string{"--data-dir", w.data}},
		{"check_ingest_db", "INGEST DB", "age", "--db", []string{"--db", w.db, "--lock-file", w.lock}},
		{"check_ingest_disk", "INGEST DISK", "free", "--path", []string{"--path", w.dir, "-c", "free=1B:"}},
		{"check_ingest_lock", "INGEST LOCK", "held_for", "--lock-file", []string{"--lock-file", w.lock}},
		{"check_ingest_log", "INGEST LOG", "failed", "--db", []string{"--db", w.db, "--lock-file", w.lock}},
	}
	folders, err := filepath.Glob(filepath.Join(nagiostest.Root(tb), "cmd", "check_ingest_*"))
	if err != nil || len(folders) == 0 {
		tb.Fatalf("no checks in cmd: %v", err)
	}
	var found []check
	for _, f := range folders {
		i := slices.IndexFunc(known, func(c check) bool { return c.binary == filepath.Base(f) })
		if i < 0 {
			tb.Fatalf("%s is not among the checks that are tested", filepath.Base(f))
		}
		found = append(found, known[i])
	}
	return found
}

// world is an installation: downloads, and a database that they were loaded into.
type world struct {
	dir, data, db, lock string
}

// healthy is a world in which nothing is wrong. Tests must leave it as it is.
func healthy(tb testing.TB) world {
	tb.Helper()
	w, err := theHealthy(tb)
	if err != nil {
		tb.Fatal(err)
	}
	return w
}

var (
	healthyOnce  sync.Once
	healthyWorld world
	healthyErr   error
)

func theHealthy(tb testing.TB) (world, error) {
	tb.Helper()
	healthyOnce.Do(func() {
		healthyWorld = emptyWorld(tb)
		day := catalog.DayOf(time.Now()) - 4
		for _, symbol := range []string{"BTCUSDT", "ETHUSDT"} {
			spec := synth.Spec{Series: catalog.Series{Market: catalog.UM, Symbol: symbol}, Period: catalog.DayPeriod(day), Rows: 1000, FirstID: 1}
			for range 3 {
				if _, healthyErr = synth.WriteFile(healthyWorld.data, synth.Mirror, spec, synth.Zip); healthyErr != nil {
					return
				}
				spec = spec.Next()
			}
		}
		if o := healthyWorld.load(tb); o.code != 0 {
			healthyErr = fmt.Errorf("load: exit code %d: %s", o.code, o.stderr)
		}
	})
	return healthyWorld, healthyErr
}

func emptyWorld(tb testing.TB) world {
	tb.Helper()
	dir := folder(tb)
	w := world{dir, filepath.Join(dir, "in"), filepath.Join(dir, "trades.duckdb"), filepath.Join(dir, "ingest.lock")}
	if err := os.Mkdir(w.data, 0o755); err != nil {
		tb.Fatal(err)
	}
	return w
}

// load runs the loader.
func (w world) load(tb testing.TB, args ...string) outcome {
	tb.Helper()
	return call{args: append([]string{"--db", w.db, "--data-dir", w.data, "--lock-file", w.lock, "-o", "json", "--threads=2"}, args...)}.run(tb, "ingest-aggtrades")
}

// call is one run of a program.
type call struct {
	args   []string
	env    []string // beside what keeps settings of this machine out
	bare   bool     // nothing but env
	stdin  *os.File // nil for /dev/null
	stdout *os.File // nil to have it in the outcome
	shell  string   // run by this script, as "$@"
	nobody bool     // as the user nobody
}

// outcome is what came of it.
type outcome struct {
	code   int // -1 if it was killed
	stdout string
	stderr string
	took   time.Duration
}

func (c call) run(tb testing.TB, program string) outcome {
	tb.Helper()
	path := binary(tb, program)
	cmd := exec.Command(path, c.args...)
	if c.shell != "" {
		cmd = exec.Command("/bin/sh", append([]string{"-c", c.shell, "sh", path}, c.args...)...)
	}
	cmd.Env = c.env
	if !c.bare {
		cmd.Env = append([]string{"HOME=" + root, "CHECK_INGEST_CONFIG=" + noSettings(tb)}, c.env...)
	}
	if c.env == nil && c.bare {
		cmd.Env = []string{}
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.stdin, &stdout, &stderr
	if c.stdin == nil {
		cmd.Stdin = nil
	}
	if c.stdout != nil {
		cmd.Stdout = c.stdout
	}
	if c.nobody {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	begin := time.Now()
	err := cmd.Run()
	o := outcome{stdout: stdout.String(), stderr: stderr.String(), took: time.Since(begin)}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		o.code = exit.ExitCode()
	case err != nil:
		tb.Fatalf("%s %q: %v", program, c.args, err)
	}
	return o
}

const nobody = 65534

// noSettings is an empty file of settings.
func noSettings(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(root, "none.yaml")
	if _, err := os.Stat(path); err != nil {
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	return path
}

// states are the words that exit codes mean.
var states = [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}

// verify fails the test where plugin output breaks a rule. It gives the metrics' labels.
func (o outcome) verify(tb testing.TB, c check, limit int) []string {
	tb.Helper()
	if o.stderr != "" {
		tb.Errorf("stderr %q", o.stderr)
	}
	if o.code < 0 || o.code >= len(states) {
		tb.Fatalf("exit code %d, output %q", o.code, o.stdout)
	}
	if err := nagiostest.CheckOutput(o.stdout, c.service, states[o.code], limit); err != nil {
		tb.Errorf("%v in %q", err, o.stdout)
	}
	_, perfdata, _ := strings.Cut(o.stdout, "|")
	var labels []string
	for _, item := range strings.Fields(perfdata) {
		label, _, _ := strings.Cut(item, "=")
		labels = append(labels, label)
	}
	_, metrics, err := nagiostest.NewIcinga2(tb).Read(o.stdout)
	if err != nil {
		tb.Errorf("Icinga 2 drops a metric: %v", err)
	}
	var read []string
	for _, m := range metrics {
		read = append(read, m.Label)
	}
	if !slices.Equal(read, labels) {
		tb.Errorf("Icinga 2 reads %q of %q", read, labels)
	}
	return labels
}

// document is the JSON output.
type document struct {
	Schema   int
	Name     string
	State    string
	ExitCode int `json:"exit_code"`
	Summary  string
	Metrics  []struct {
		Label             string
		Value             *float64
		Unit              string
		Warning, Critical string
		Min, Max          *float64
		State             string
	}
	Problems []struct{ State, Text, Remedy, Path string }
	Lines    []string
	Details  map[string][]map[string]any // TestDetailsInJSON has what is in them
	Seconds  *float64
	Version  string
}

// parse reads JSON output and fails the test where it is not one object that agrees with itself and the exit code.
func (o outcome) parse(tb testing.TB, c check, code int) document {
	tb.Helper()
	var d document
	dec := json.NewDecoder(strings.NewReader(o.stdout))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil || dec.More() || strings.Count(o.stdout, "\n") != 1 {
		tb.Fatalf("JSON: %v in %q", err, o.stdout)
	}
	if o.stderr != "" {
		tb.Errorf("stderr %q", o.stderr)
	}
	if d.Schema != 1 || d.Name != c.service || d.ExitCode != code || d.State != states[code] || d.Summary == "" || d.Seconds == nil || d.Version == "" || d.Metrics == nil || d.Problems == nil {
		tb.Errorf("exit code %d, JSON %s", code, o.stdout)
	}
	worst := 0
	for _, p := range d.Problems {
		if p.Text == "" || !slices.Contains(states[:], p.State) {
			tb.Errorf("problem %+v", p)
		}
		if len(worse(worst, p.State)) > 0 {
			worst = slices.Index(states[:], p.State)
		}
	}
	if len(d.Problems) > 0 && worst != code {
		tb.Errorf("state %s, worst problem %s", d.State, states[worst])
	}
	return d
}

// worse is state if it is more severe than that with the given code, else "".
func worse(code int, state string) string {
	severity := []string{"OK", "WARNING", "UNKNOWN", "CRITICAL"}
	if slices.Index(severity, state) > slices.Index(severity, states[code]) {
		return state
	}
	return ""
}

// seen is a state of a check, told in all forms.
type seen struct {
	code   int
	first  string // the first line without metrics
	labels []string
	perf   string
	doc    document
}

// observe runs a check in every form of output and fails the test where one breaks a rule or they do not agree.
func observe(tb testing.TB, c check, base call) seen {
	tb.Helper()
	with := func(args ...string) outcome {
		next := base
		next.args = append(slices.Clone(base.args), args...)
		return next.run(tb, c.binary)
	}
	plain := with()
	s := seen{code: plain.code, labels: plain.verify(tb, c, nagiostest.SoftLimit)}
	line, _, _ := strings.Cut(plain.stdout, "\n")
	s.first, s.perf, _ = strings.Cut(line, " | ")
	if strings.Count(plain.stdout, "\n") != 1 {
		tb.Errorf("more than one line: %q", plain.stdout)
	}
	long := map[string]string{}
	for flag, limit := range map[string]int{"-v": nagiostest.SoftLimit, "-vv": nagiostest.SoftLimit, "-vvv": nagiostest.HardLimit} {
		o := with(flag)
		long[flag] = o.stdout
		if labels := o.verify(tb, c, limit); o.code != s.code || !slices.Equal(labels, s.labels) {
			tb.Errorf("with %s: exit code %d, metrics %q; want %d, %q", flag, o.code, labels, s.code, s.labels)
		}
	}
	j := with("--output=json")
	s.doc = j.parse(tb, c, s.code)
	for _, p := range s.doc.Problems {
		if wrong := voice(p.Text, p.Remedy); wrong != "" {
			tb.Errorf("%s: %+v", wrong, p)
		}
	}
	var labels []string
	for _, m := range s.doc.Metrics {
		labels = append(labels, m.Label)
		if m.Value == nil || !slices.Contains([]string{"", "s", "B", "%", "c"}, m.Unit) || !slices.Contains(states[:], m.State) {
			tb.Errorf("metric %+v", m)
		}
	}
	if j.code != s.code || !slices.Equal(labels, s.labels) {
		tb.Errorf("JSON: exit code %d, metrics %q; want %d, %q", j.code, labels, s.code, s.labels)
	}
	if got, want := items(long["-v"]), len(s.doc.Problems)+len(s.doc.Lines); got != want {
		tb.Errorf("%d lines of %d problems and further lines in %q", got, want, long["-v"])
	}
	if len(j.stdout) > maxJSON {
		tb.Errorf("%d bytes of JSON", len(j.stdout))
	}
	table := with("-o", "table")
	if table.code != s.code || table.stderr != "" || !strings.HasPrefix(table.stdout, c.service+" "+states[s.code]+": ") {
		tb.Errorf("table: exit code %d, %q, stderr %q", table.code, table.stdout, table.stderr)
	}
	if strings.ContainsAny(table.stdout, "|\x00\x1b\r\t\u202e<>\\") {
		tb.Errorf("table: a character that is not safe in %q", table.stdout)
	}
	verifyProm(tb, c, s.code, with("-o", "prom"))
	if o := with("--gate"); o.code != map[bool]int{true: 0, false: 1}[s.code < 2] || o.stderr != "" {
		tb.Errorf("gate: exit code %d for %s", o.code, states[s.code])
	}
	return s
}

// promLine is a line of Prometheus' text format as the checks write it: about a family, or a sample. The values of labels escape quotes, backslashes and line
// breaks.
var promLine = regexp.MustCompile(`^(# HELP [a-z_]+ .+|# TYPE [a-z_]+ gauge|([a-z_]+(?:\{[a-z_]+="(?:[^"\\]|\\["\\n])*"(?:,[a-z_]+="(?:[^"\\]|\\["\\n])*")*\})?) [-+.e0-9]+)$`)

// verifyProm fails the test where output for Prometheus could not be read, or could do something to a terminal.
func verifyProm(tb testing.TB, c check, code int, o outcome) {
	tb.Helper()
	name := strings.ToLower(strings.TrimPrefix(c.service, "INGEST "))
	if state := fmt.Sprintf("check_ingest_state{check=%q} %d\n", name, code); o.code != code || o.stderr != "" || !strings.Contains(o.stdout, state) {
		tb.Errorf("prom: exit code %d, stderr %q, no %q in %q", o.code, o.stderr, state, o.stdout)
	}
	if !utf8.ValidString(o.stdout) || strings.ContainsFunc(o.stdout, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) {
		tb.Errorf("prom: a character that is not safe in %.2000q", o.stdout)
	}
	series := map[string]bool{}
	for line := range strings.SplitSeq(strings.TrimSuffix(o.stdout, "\n"), "\n") {
		m := promLine.FindStringSubmatch(line)
		if m == nil {
			tb.Errorf("prom: %.2000q is no line of the format", line)
			continue
		}
		if m[2] != "" && series[m[2]] {
			tb.Errorf("prom: %.2000q is there twice", m[2])
		}
		series[m[2]] = true
	}
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// maxJSON is what older versions of Zabbix take.
const maxJSON = 512 << 10

// items counts the items in the lines below the first, those that were left out included.
func items(output string) int {
	n := -1
	for line := range strings.Lines(output) {
		var more int
		switch _, err := fmt.Sscanf(line, "... %d more\n", &more); {
		case err == nil:
			n += more
		case !strings.HasPrefix(line, "| "):
			n++
		}
	}
	return n
}
