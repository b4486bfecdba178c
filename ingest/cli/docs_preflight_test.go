package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/check-ingest/check-ingest/ingest/preflight"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// shop is a place for loads: downloads of four days that end yesterday, of three symbols.
type shop struct {
	dir   string
	today catalog.Day
}

func newShop(t *testing.T) shop {
	t.Helper()
	s := shop{dir: t.TempDir(), today: catalog.DayOf(time.Now())}
	for _, series := range []catalog.Series{{Market: catalog.Spot, Symbol: "BTCUSDT"}, {Market: catalog.UM, Symbol: "BTCUSDT"}, {Market: catalog.UM, Symbol: "ETHUSDT"}} {
		spec := synth.Spec{Series: series, Period: catalog.DayPeriod(s.today - 4), Rows: 800, FirstID: 1}
		for range 4 {
			if _, err := synth.WriteFile(filepath.Join(s.dir, "downloads"), synth.Mirror, spec, synth.Zip); err != nil {
				t.Fatal(err)
			}
			spec = spec.Next()
		}
	}
	return s
}

func (s shop) flags() []string {
	return []string{"--db=" + s.dir + "/trades.duckdb", "--data-dir=" + s.dir + "/downloads", "--lock-file=" + s.dir + "/ingest.lock"}
}

// file is the download of um and a day.
func (s shop) file(symbol string, day catalog.Day) string {
	return filepath.Join(s.dir, "downloads/data/futures/um/daily/aggTrades", symbol, symbol+"-aggTrades-"+day.String()+".zip")
}

// hold makes another process hold the lock.
func (s shop) hold(t *testing.T) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "flock", s.dir+"/ingest.lock", "sh", "-c", "echo held; read wait")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); errors.Is(err, exec.ErrNotFound) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Wait() // read finds no line, which is no success
	})
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "held\n" {
		t.Fatal(line, err)
	}
}

// asks gives what preflight finds and what the program makes of it: exit code and last line have to be the report's.
func (s shop) asks(t *testing.T, minFree int64, code int) preflight.Report {
	t.Helper()
	r, err := preflight.Run(t.Context(), preflight.Request{
		Database: s.dir + "/trades.duckdb", DataDir: s.dir + "/downloads", LockFile: s.dir + "/ingest.lock", Market: catalog.UM,
		MinFree: minFree, Timeout: time.Minute, Now: time.Now(),
	})
	if err != nil {
		t.Fatal(err)
	}
	got, stdout, stderr := run(t, append([]string{"preflight", "-t", "60", "--min-free=" + strconv.FormatInt(minFree, 10)}, s.flags()...)...)
	if got != code || r.Ready() != (code == 0) || !strings.HasSuffix(stdout, "\n"+r.Summary()+"\n") || stderr != "" {
		t.Errorf("exit code %d, expected %d\n%s%s", got, code, stdout, stderr)
	}
	return r
}

// steady puts into a report, before it is laid out, what the page shows in place of all that differs from machine to machine and from run to run.
func (s shop) steady(r preflight.Report) preflight.Report {
	same := func(text string) string {
		text = strings.ReplaceAll(text, s.dir, "/srv")
		for n := range 5 {
			text = strings.ReplaceAll(text, (s.today - 4 + catalog.Day(n)).String(), "2026-11-2"+string(rune('1'+n)))
		}
		for _, m := range [][2]string{
			{`PID \d+ \([^()]*\)`, "PID 20347 (python3 ingest.py, user root)"},
			{`ps -fp \d+`, "ps -fp 20347"},
			{` for [\d.]+(ms|[smhd])( \d+[smhd])?\b`, " for 7s"},
			{`(ended|trade) (\d+[dhms] ?)+ ago`, "$1 16h 35m ago"},
			{`[\d.]+ [kMGTPE]?B (free|left) on \S+ \([^)]*\)`, "68.6 GB $1 on /srv (ext4)"},
			{`need about [\d.]+ [kMG]?B`, "need about 103 MB"},
			{`limit 1 EB`, "limit 100 GB"},
			{`ago, [\d.]+ [kM]B$`, "ago, 2.37 MB"},
		} {
			text = regexp.MustCompile(m[0]).ReplaceAllString(text, m[1])
		}
		return text
	}
	for i := range r.Checks {
		rep := &r.Checks[i].Report
		rep.Summary = same(rep.Summary)
		for j := range rep.Problems {
			rep.Problems[j].Text, rep.Problems[j].Remedy = same(rep.Problems[j].Text), same(rep.Problems[j].Remedy)
		}
	}
	return r
}

// TestPreflightDocs keeps the examples of the page about preflight what the program finds and shows, and its table of JSON fields complete.
func TestPreflightDocs(t *testing.T) {
	t.Parallel()
	const path = "../../docs/preflight.md"
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	shown := func(command string, r preflight.Report) string {
		return "```console\n$ ingest-aggtrades preflight --db=trades.duckdb --data-dir=downloads" + command + "\n" + string(preflightText(r, false, false)) + "```\n"
	}
	s := newShop(t)
	want := fillIn(t, string(old), "<!-- ready -->", shown("", s.steady(s.asks(t, 0, 0))))

	if code, stdout, stderr := run(t, append([]string{"run"}, s.flags()...)...); code != 0 {
		t.Fatalf("the load: exit code %d\n%s%s", code, stdout, stderr)
	}
	s.hold(t)
	if err := errors.Join(os.Truncate(s.file("ETHUSDT", s.today-3), 5000), os.Remove(s.file("BTCUSDT", s.today-3))); err != nil {
		t.Fatal(err)
	}
	r := s.asks(t, 1e18, exitNotReady)
	want = fillIn(t, want, "<!-- not ready -->", shown(" --min-free=100GB", s.steady(r)))
	checkPage(t, path, string(old), want)

	var doc map[string]any
	data, err := json.Marshal(r)
	if err == nil {
		err = json.Unmarshal(data, &doc)
	}
	if err != nil {
		t.Fatal(err)
	}
	for key := range doc {
		if !strings.Contains(want, "`"+key+"`") {
			t.Errorf("the page does not explain %q of the JSON report", key)
		}
	}
}
