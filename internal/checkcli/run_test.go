package checkcli

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/internal/buildinfo"
	"github.com/check-ingest/check-ingest/internal/golden"
	"github.com/check-ingest/check-ingest/internal/manual"
)

func TestRun(t *testing.T) {
	t.Parallel()
	const perf = " | value=5;100;;0\n"
	const usage = "Usage: check_ingest_fake [flags]. Try check_ingest_fake --help\n"
	tests := map[string]struct {
		env  map[string]string
		args []string
		code int
		out  string
	}{
		"no arguments":                          {nil, nil, 0, "INGEST FAKE OK: done" + perf},
		"a default threshold":                   {nil, []string{"--value=101"}, 1, "INGEST FAKE WARNING: value 101, limit 100 | value=101;100;;0\n"},
		"thresholds reach the check":            {nil, []string{"-w", "7"}, 0, "INGEST FAKE OK: done with thresholds | value=5;7;;0\n"},
		"a violated one":                        {nil, []string{"-c", "4"}, 2, "INGEST FAKE CRITICAL: value 5, limit 4 | value=5;;4;0\n"},
		"a range that begins with -":            {nil, []string{"-w", "-5:5"}, 0, "INGEST FAKE OK: done with thresholds | value=5;5;;0\n"},
		"one that begins with - and is open":    {nil, []string{"-w", "-10:"}, 0, "INGEST FAKE OK: done with thresholds | value=5;-10:;;0\n"},
		"attached to the letter":                {nil, []string{"-w~:10"}, 0, "INGEST FAKE OK: done with thresholds | value=5;10;;0\n"},
		"after the long name":                   {nil, []string{"--warning=-5:4"}, 1, "INGEST FAKE WARNING: value 5, limit 4 | value=5;4;;0\n"},
		"the metric named":                      {nil, []string{"--critical", "value=@5:6"}, 2, "INGEST FAKE CRITICAL: value 5, must not be within 5 to 6 | value=5;;@5:6;0\n"},
		"from the environment":                  {map[string]string{"CHECK_INGEST_CRITICAL": "4"}, nil, 2, "INGEST FAKE CRITICAL: value 5, limit 4 | value=5;;4;0\n"},
		"nothing gathered is unknown":           {nil, []string{"--do=nothing"}, 3, "INGEST FAKE UNKNOWN: nothing was measured\n"},
		"an error is unknown":                   {nil, []string{"--do=error"}, 3, "INGEST FAKE UNKNOWN: cannot look: it is dark\n"},
		"a panic is unknown":                    {nil, []string{"--do=panic"}, 3, "INGEST FAKE UNKNOWN: internal error: the sky fell\n"},
		"a panic in another goroutine too":      {nil, []string{"--do=panic-in-goroutine"}, 3, "INGEST FAKE UNKNOWN: internal error: elsewhere\n"},
		"out of time":                           {nil, []string{"--do=hang", "-t", "2s"}, 3, "INGEST FAKE UNKNOWN: timed out after 2s while waiting at the door\n"},
		"out of time, with what was found":      {nil, []string{"--do=hang", "-t", "2s", "-v"}, 3, "INGEST FAKE UNKNOWN: timed out after 2s while waiting at the door\n[UNKNOWN] timed out after 2s while waiting at the door. Look at the disk (dmesg) or at the server of the network mount; if there is only much to do, raise --timeout.\n[CRITICAL] the bell is broken\n"},
		"the state of a timeout can be chosen":  {nil, []string{"--do=hang", "-t", "2s", "--timeout-state=CRITICAL"}, 2, "INGEST FAKE CRITICAL: timed out after 2s while waiting at the door\n"},
		"a gate is open for OK":                 {nil, []string{"--gate"}, 0, "INGEST FAKE OK: done" + perf},
		"and for WARNING":                       {nil, []string{"--gate", "-w", "4"}, 0, "INGEST FAKE WARNING: value 5, limit 4 | value=5;4;;0\n"},
		"closed for CRITICAL":                   {nil, []string{"--gate", "-c4"}, 1, "INGEST FAKE CRITICAL: value 5, limit 4 | value=5;;4;0\n"},
		"closed for UNKNOWN":                    {nil, []string{"--gate", "--do=error"}, 1, "INGEST FAKE UNKNOWN: cannot look: it is dark\n"},
		"an unknown flag":                       {nil, []string{"--valeu=3"}, 3, "INGEST FAKE UNKNOWN: usage: unknown flag --valeu, did you mean \"--value\"?\n" + usage},
		"a positional argument":                 {nil, []string{"a.zip"}, 3, "INGEST FAKE UNKNOWN: usage: unexpected argument \"a.zip\": there are only flags, was a value with spaces or * not quoted?\n" + usage},
		"a bad range":                           {nil, []string{"-c", "20:10"}, 3, "INGEST FAKE UNKNOWN: usage: --critical: metric value: range \"20:10\": start 20 is above end 10\n" + usage},
		"what the shell makes of ~:10":          {nil, []string{"-w", "/root:10"}, 3, "INGEST FAKE UNKNOWN: usage: --warning: metric value: range \"/root:10\": starts with '/': the shell turned an unquoted ~ into a folder, so quote the range, as in '~:10'\n" + usage},
		"a bad range in the environment":        {map[string]string{"CHECK_INGEST_WARNING": "foo=3"}, nil, 3, "INGEST FAKE UNKNOWN: usage: --warning: no metric \"foo\", this check has value, size (CHECK_INGEST_WARNING)\n" + usage},
		"a metric that is not measured":         {nil, []string{"-c", "size=1GB:"}, 3, "INGEST FAKE UNKNOWN: usage: --critical: metric size is measured only with --do=size\n" + usage},
		"a threshold without a value":           {nil, []string{"-c"}, 3, "INGEST FAKE UNKNOWN: usage: --critical: expected [METRIC=]RANGE\n" + usage},
		"with a flag for a value":               {nil, []string{"-c", "--gate"}, 3, "INGEST FAKE UNKNOWN: usage: --critical: expected [METRIC=]RANGE, not \"--gate\"\n" + usage},
		"no time at all":                        {nil, []string{"-t", "0"}, 3, "INGEST FAKE UNKNOWN: usage: --timeout: must be above 0\n" + usage},
		"more verbose than there is":            {nil, []string{"-vvvv"}, 3, "INGEST FAKE UNKNOWN: usage: --verbose: 4 is outside 0 to 3\n" + usage},
		"a bad state":                           {nil, []string{"--timeout-state=bad"}, 3, "INGEST FAKE UNKNOWN: usage: --timeout-state: state \"bad\": expected ok, warning, critical or unknown\n" + usage},
		"a file of settings in no folder":       {nil, []string{"--config=/nonexistent/x"}, 3, "INGEST FAKE UNKNOWN: usage: read settings /nonexistent/x: lstat /nonexistent: no such file or directory\n" + usage},
		"an absent file of settings":            {nil, []string{"--config=/nonexistent"}, 3, "INGEST FAKE UNKNOWN: usage: read settings: lstat /nonexistent: no such file or directory\n" + usage},
		"usage errors do not open a gate":       {nil, []string{"--gate", "--unheard-of"}, 3, "INGEST FAKE UNKNOWN: usage: unknown flag --unheard-of\n" + usage},
		"the version":                           {nil, []string{"-V"}, 3, "check_ingest_fake " + buildinfo.Read().String() + "\n"},
		"whatever else is wrong":                {nil, []string{"--bad", "x", "--version"}, 3, "check_ingest_fake " + buildinfo.Read().String() + "\n"},
		"among letters, with more that's wrong": {nil, []string{"--bad", "-vV"}, 3, "check_ingest_fake " + buildinfo.Read().String() + "\n"},
		"among other letters":                   {nil, []string{"-vV"}, 3, "check_ingest_fake " + buildinfo.Read().String() + "\n"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, out := run(tc.env, tc.args...)
			if diff := cmp.Diff(tc.out, out); code != tc.code || diff != "" {
				t.Fatalf("exit code %d, want %d; output (-want +got)\n%s", code, tc.code, diff)
			}
		})
	}
}

// TestCheckThatWatchesItsContext has until half a second before the limit, in a bubble where time costs nothing.
func TestCheckThatWatchesItsContext(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		code int
		out  string
	}{
		"may give up":           {[]string{"--do=polite"}, 3, "INGEST FAKE UNKNOWN: timed out after 10s while waiting politely\n"},
		"or be cancelled":       {[]string{"--do=cancelled"}, 3, "INGEST FAKE UNKNOWN: timed out after 10s while asking\n"},
		"with the state chosen": {[]string{"--do=polite", "-t1", "--timeout-state=warning"}, 1, "INGEST FAKE WARNING: timed out after 1s while waiting politely\n"},
		"may tell what it has":  {[]string{"--do=partial"}, 1, "INGEST FAKE WARNING: half of it did not answer | value=5;100;;0\n"},
		"even with little time": {[]string{"--do=partial", "-t", "10ms"}, 1, "INGEST FAKE WARNING: half of it did not answer | value=5;100;;0\n"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				code, out := run(nil, tc.args...)
				if diff := cmp.Diff(tc.out, out); code != tc.code || diff != "" {
					t.Fatalf("exit code %d, want %d; output (-want +got)\n%s", code, tc.code, diff)
				}
			})
		})
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	_, text := run(nil, "--help")
	golden.Compare(t, "testdata/help.golden", text)
	for name, args := range map[string][]string{
		"alone": {"-h"}, "long": {"--help"}, "after what is wrong": {"--bad", "-w", "nonsense", "file", "-h"},
		"among other letters": {"-vh"}, "among letters, with more that is wrong": {"--bad", "-vVh"}, "with a bad file of settings": {"--config=/nonexistent", "--help"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, out := run(map[string]string{"COLUMNS": "20"}, args...)
			if diff := cmp.Diff(text, out); code != 3 || diff != "" {
				t.Fatalf("exit code %d; (-want +got)\n%s", code, diff)
			}
		})
	}
	for line := range strings.Lines(text) {
		if len(strings.TrimRight(line, "\n")) > manual.Width {
			t.Errorf("wider than %d columns: %q", manual.Width, line)
		}
	}
}

// TestDocuments: what packages install is printed whatever else is on the command line or in settings, with exit code 0.
func TestDocuments(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"manual page":                      {[]string{"--man"}, ".TH CHECK_INGEST_FAKE 1 "},
		"manual page with bad settings":    {[]string{"--config=/nonexistent", "--man"}, ".TH CHECK_INGEST_FAKE 1 "},
		"bash":                             {[]string{"--completion=bash"}, "# bash completion for check_ingest_fake\n"},
		"zsh, in two words":                {[]string{"--completion", "zsh"}, "#compdef check_ingest_fake\n"},
		"fish, after what is wrong":        {[]string{"--bad", "--completion=fish"}, "# fish completion for check_ingest_fake\n"},
		"the metrics complete a threshold": {[]string{"--completion=fish"}, "'value= size='"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, out := run(map[string]string{"CHECK_INGEST_OUTPUT": "json"}, tc.args...)
			if code != 0 || !strings.Contains(out, tc.want) {
				t.Errorf("exit code %d, no %q in %s", code, tc.want, out)
			}
		})
	}
	code, out := run(nil, "--completion=tcsh")
	if want := `INGEST FAKE UNKNOWN: usage: --completion: shell "tcsh": expected bash, zsh or fish`; code != 3 || !strings.HasPrefix(out, want) {
		t.Errorf("exit code %d, %q, want %q", code, out, want)
	}
	if code, out := run(nil, "--completion=bash", "--help"); code != 3 || !strings.Contains(out, "Usage:") {
		t.Errorf("help is more urgent: exit code %d, %q", code, out)
	}
}

func TestUsageErrorIsShort(t *testing.T) {
	t.Parallel()
	_, out := run(nil, "--bad")
	if n := strings.Count(out, "\n"); n > 23 {
		t.Fatalf("%d lines", n)
	}
}

func TestJSONIsValidOnEveryWayOut(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(config, []byte("output: json\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		env  map[string]string
		args []string
		want float64 // exit_code in the object
	}{
		"ok":                           {nil, []string{"-o", "json"}, 0},
		"attached":                     {nil, []string{"-ojson"}, 0},
		"from the environment":         {map[string]string{"CHECK_INGEST_OUTPUT": "json"}, nil, 0},
		"from a file":                  {nil, []string{"--config", config}, 0},
		"critical":                     {nil, []string{"-o", "json", "-c", "4"}, 2},
		"critical at a gate":           {nil, []string{"-o", "json", "-c", "4", "--gate"}, 2},
		"an error":                     {nil, []string{"--output=json", "--do=error"}, 3},
		"a panic":                      {nil, []string{"--output", "json", "--do=panic"}, 3},
		"out of time":                  {nil, []string{"-o=json", "--do=hang", "-t", "0.02"}, 3},
		"a usage error":                {nil, []string{"--bad", "-o", "json"}, 3},
		"a bad range":                  {nil, []string{"-ojson", "-w", "x"}, 3},
		"an absent file of settings":   {nil, []string{"-ojson", "--config=/nonexistent"}, 3},
		"a usage error, file":          {nil, []string{"--config=" + config, "--bad"}, 3},
		"a usage error, environment":   {map[string]string{"CHECK_INGEST_OUTPUT": "json"}, []string{"extra"}, 3},
		"the version":                  {nil, []string{"-o", "json", "-V"}, 3},
		"the help":                     {nil, []string{"-h", "-o", "json"}, 3},
		"bad flags and help at a gate": {nil, []string{"--gate", "--bad", "-h", "-o", "json"}, 3},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, out := run(tc.env, tc.args...)
			var doc map[string]any
			if err := json.Unmarshal([]byte(out), &doc); err != nil || strings.Count(out, "\n") != 1 {
				t.Fatalf("%v in %q", err, out)
			}
			if doc["exit_code"] != tc.want || doc["name"] != "INGEST FAKE" || doc["summary"] == "" {
				t.Fatalf("%v", doc)
			}
		})
	}
}

func TestTableOutput(t *testing.T) {
	t.Parallel()
	code, out := run(nil, "-o", "table")
	if code != 0 || !strings.HasPrefix(out, "INGEST FAKE OK: done\n┌") || !strings.Contains(out, "│ value  │ 5     │ 100     │") {
		t.Fatalf("exit code %d, %s", code, out)
	}
}

// brokenPipe is a stdout that nobody reads.
type brokenPipe struct{ writes int }

func (b *brokenPipe) Write([]byte) (int, error) {
	b.writes++
	return 0, errors.New("broken pipe")
}

func TestFailureToWrite(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		code int
	}{
		"of OK is unknown":           {nil, 3},
		"of WARNING is unknown":      {[]string{"-w4"}, 3},
		"of CRITICAL stays critical": {[]string{"-c4"}, 2},
		"closes a gate":              {[]string{"--gate"}, 1},
		"of help":                    {[]string{"-h"}, 3},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := &brokenPipe{}
			p := program(nil, new(bytes.Buffer), tc.args...)
			p.Stdout = out
			if code := p.run(func() Check { return new(fake) }); code != tc.code || out.writes != 1 {
				t.Fatalf("exit code %d after %d writes, want %d after 1", code, out.writes, tc.code)
			}
		})
	}
}

// fullPipe is a stdout that takes nothing.
type fullPipe struct{ closed chan struct{} }

func (f fullPipe) Write([]byte) (int, error) {
	<-f.closed
	return 0, errors.New("closed")
}

func TestFullPipe(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args  []string
		sig   os.Signal
		code  int
		after time.Duration
	}{
		"is waited for until the limit": {nil, nil, 3, 10 * time.Second},
		"that the user set":             {[]string{"-t3"}, nil, 3, 3 * time.Second},
		"and a second at least":         {[]string{"-t1ms"}, nil, 3, time.Second},
		"critical stays critical":       {[]string{"-c1"}, nil, 2, 10 * time.Second},
		"help too":                      {[]string{"-h"}, nil, 3, 10 * time.Second},
		"and a usage error":             {[]string{"--bad", "--timeout", "5s"}, nil, 3, 5 * time.Second},
		"a signal ends the wait":        {nil, syscall.SIGTERM, 3, time.Millisecond},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				out := fullPipe{make(chan struct{})}
				defer close(out.closed)
				p := program(nil, new(bytes.Buffer), tc.args...)
				signals := make(chan os.Signal, 1)
				p.Stdout, p.Signals = out, signals
				if tc.sig != nil {
					time.AfterFunc(time.Millisecond, func() { signals <- tc.sig })
				}
				begin := time.Now()
				code := p.run(func() Check { return new(fake) })
				if took := time.Since(begin); code != tc.code || took != tc.after {
					t.Fatalf("exit code %d after %s, want %d after %s", code, took, tc.code, tc.after)
				}
			})
		})
	}
}

// TestSettingsThatHang: a file of settings on a file system that does not answer takes no longer than the limit.
func TestSettingsThatHang(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		env  map[string]string
		args []string
		code int
		out  string
	}{
		"end with the default limit": {nil, nil, 3, "INGEST FAKE UNKNOWN: timed out after 10s while reading settings\n"},
		"or with that of the user":   {nil, []string{"--timeout=2", "--timeout-state", "critical"}, 2, "INGEST FAKE CRITICAL: timed out after 2s while reading settings\n"},
		"or of the environment":      {map[string]string{"CHECK_INGEST_TIMEOUT": "3s"}, nil, 3, "INGEST FAKE UNKNOWN: timed out after 3s while reading settings\n"},
		"in JSON where asked for":    {nil, []string{"-ojson"}, 3, `{"schema":1,"name":"INGEST FAKE","state":"UNKNOWN","exit_code":3,"summary":"timed out after 10s while reading settings"`},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				end := make(chan struct{})
				defer close(end)
				var out bytes.Buffer
				p := program(tc.env, &out, tc.args...)
				p.Env = func(key string) (string, bool) {
					if key == "HOME" {
						<-end
					}
					v, ok := tc.env[key]
					return v, ok
				}
				if code := p.run(func() Check { return new(fake) }); code != tc.code || !strings.HasPrefix(out.String(), tc.out) {
					t.Fatalf("exit code %d, %q; want %d, %q", code, out.String(), tc.code, tc.out)
				}
			})
		})
	}
}

func TestSignalEndsTheRun(t *testing.T) {
	t.Parallel()
	signals := make(chan os.Signal, 1)
	signals <- syscall.SIGTERM
	var out bytes.Buffer
	p := program(nil, &out, "--do=hang")
	p.Signals = signals
	if code := p.run(func() Check { return new(fake) }); code != 3 {
		t.Errorf("exit code %d", code)
	}
	if want := "INGEST FAKE UNKNOWN: stopped by signal (terminated)\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

func TestDebugOutputHasTheStack(t *testing.T) {
	t.Parallel()
	_, out := run(nil, "--do=panic-in-goroutine", "-vvv")
	if !strings.Contains(out, "debug: goroutine") || !strings.Contains(out, "fake_test.go") || strings.Count(out, "|") != 0 {
		t.Fatal(out)
	}
	if _, quiet := run(nil, "--do=panic-in-goroutine", "-vv"); strings.Contains(quiet, "goroutine ") {
		t.Fatal(quiet)
	}
}

func TestSecondPanicDoesNotEscape(t *testing.T) {
	t.Parallel()
	code, out := run(nil, "--do=two-panics")
	if code != 3 || !strings.HasPrefix(out, "INGEST FAKE UNKNOWN: internal error: ") {
		t.Fatalf("exit code %d, %q", code, out)
	}
}

// TestCheckWithoutCommandLine: Stage, Found and Go do no harm where nobody watches, as in another program that uses a check.
func TestCheckWithoutCommandLine(t *testing.T) {
	t.Parallel()
	result, err := (&fake{Do: "what it always does", Value: 7}).Check(t.Context(), time.Time{})
	if err != nil || result.Metrics[0].Value != 7 {
		t.Fatal(result, err)
	}
	done := make(chan struct{})
	Go(t.Context(), func() { close(done) })
	<-done
	Stage(t.Context(), "nothing")
}
