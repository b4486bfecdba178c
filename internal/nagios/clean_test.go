package nagios

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/check-ingest/check-ingest/internal/nagiostest"
)

// hostile makes a result whose every text is bad in some way and far too long.
func hostile(seed uint64, size int) Result {
	r := rand.New(rand.NewPCG(seed, 1))
	text := func() string {
		pieces := []string{"|", "\n", "\r\n", "\x00", "\x1b[2J", "\xff\xfe", "<b>", "=1", "a", "é", "\u202e", "\u2028", "; ", "'", "\\n", "日本", "\t"}
		var b strings.Builder
		for b.Len() < r.IntN(size+1) {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
		return b.String()
	}
	res := Result{Summary: text(), Metrics: []Metric{{Label: "bad", Value: 3, Phrase: text() + "{}" + text()}}}
	for range r.IntN(80) {
		res.Problems = append(res.Problems, Problem{State: Status(r.IntN(5)), Text: text(), Remedy: text(), Path: text()})
		res.Lines = append(res.Lines, text())
		res.Debug = append(res.Debug, text())
	}
	return res
}

func TestHostileTextIsHarmless(t *testing.T) {
	t.Parallel()
	specs := testSpecs()
	for seed := range uint64(300) {
		size := 1 << (seed % 14)
		res := hostile(seed, size)
		rep := Judge("INGEST DISK", res, specs, mustThresholds(t, specs, nil, []string{"bad=0"}))
		for verbosity := range 4 {
			out := string(rep.Plugin(verbosity))
			if err := nagiostest.CheckOutput(out, "INGEST DISK", rep.State.String(), softOrHard(verbosity)); err != nil {
				t.Fatalf("seed %d, verbosity %d: %v\n%q", seed, verbosity, err, out)
			}
			if _, metrics, err := (nagiostest.Icinga2{}).Read(out); err != nil || len(metrics) != 1 {
				t.Fatalf("seed %d: Icinga 2 reads %v, %v", seed, metrics, err)
			}
		}
		var doc map[string]any
		if err := json.Unmarshal(rep.JSON(), &doc); err != nil {
			t.Fatalf("seed %d: JSON: %v", seed, err)
		}
		if table := rep.Table(); !utf8.Valid(table) || strings.ContainsAny(string(table), "\x00\x1b\r") {
			t.Fatalf("seed %d: table %q", seed, table)
		}
	}
}

// TestTextsOfAnyLengthAreCut: one of a megabyte makes no output of megabytes.
func TestTextsOfAnyLengthAreCut(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("|成<b>\n", 1<<17)
	res := Result{Summary: long, Problems: []Problem{{Warning, long, long, long}}, Lines: []string{long, long}}
	rep := Judge("INGEST DISK", res, testSpecs(), Thresholds{})
	if n := len(rep.JSON()); n > 40<<10 {
		t.Errorf("%d bytes of JSON", n)
	}
	if n := len(rep.Table()); n > 8<<10 {
		t.Errorf("%d bytes of table", n)
	}
	var doc document
	if err := json.Unmarshal(UnknownReport("INGEST DISK", long).JSON(), &doc); err != nil || len(doc.Summary) > maxSummary || len(doc.Summary) < maxSummary-len("成") || !strings.HasSuffix(doc.Summary, "...") {
		t.Errorf("%d bytes of summary, %v", len(doc.Summary), err)
	}
}

func softOrHard(verbosity int) int {
	if verbosity >= 3 {
		return hardLimit
	}
	return softLimit
}

// FuzzClean proves that nothing which comes out of Clean can break the format, and that doing it twice changes nothing.
func FuzzClean(f *testing.F) {
	f.Add("a|b\nc\x00\x1b[0m\xff<x>\\")
	f.Add("\u202eabc\u2028\u200b\ufeff")
	f.Fuzz(func(t *testing.T, s string) {
		got := Clean(s)
		if !utf8.ValidString(got) || strings.ContainsAny(got, "|<>\\\n\r\t\x00\x1b\x7f\u0085\u2028\u2029\u202e") {
			t.Fatalf("Clean(%q) = %q", s, got)
		}
		if again := Clean(got); again != got {
			t.Fatalf("Clean(%q) = %q, and again %q", s, got, again)
		}
		for n := range 12 {
			if c := cut(got, n+3); len(c) > n+3 || !utf8.ValidString(c) {
				t.Fatalf("cut(%q, %d) = %q", got, n+3, c)
			}
		}
	})
}
