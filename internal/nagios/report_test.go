package nagios

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// testSpecs is a check with one metric of each unit.
func testSpecs() []Spec {
	return []Spec{
		{Label: "free", Unit: Bytes, Warning: "150GB:", Critical: "100GB:"},
		{Label: "age", Unit: Seconds},
		{Label: "used_pct", Unit: Percent},
		{Label: "bad"},
		{Label: "rows", Unit: Counter},
		{Label: "headroom", Unit: Bytes, Signed: true},
	}
}

func mustThresholds(tb testing.TB, specs []Spec, warning, critical []string) Thresholds {
	tb.Helper()
	th, err := ParseThresholds(specs, warning, critical)
	if err != nil {
		tb.Fatal(err)
	}
	return th
}

func TestPlugin(t *testing.T) {
	t.Parallel()
	free := Metric{Label: "free", Value: 61203283968, Max: 252000000000, Phrase: "{} free on / (ext4)", Remedy: "Delete something."}
	tests := map[string]struct {
		result            Result
		warning, critical []string
		verbosity         int
		want              string
	}{
		"the line of the design": {
			result: Result{Metrics: []Metric{free}},
			want:   "INGEST DISK CRITICAL: 61.2 GB free on / (ext4), limit 100 GB | free=61203283968B;150000000000:;100000000000:;0;252000000000\n",
		},
		"an OK result says its summary": {
			result:   Result{Summary: "all is well", Metrics: []Metric{free}},
			critical: []string{"10GB:"},
			want:     "INGEST DISK OK: all is well | free=61203283968B;;10000000000:;0;252000000000\n",
		},
		"without a summary the main metric speaks": {
			result:   Result{Metrics: []Metric{free}},
			critical: []string{"10GB:"},
			want:     "INGEST DISK OK: 61.2 GB free on / (ext4) | free=61203283968B;;10000000000:;0;252000000000\n",
		},
		"nothing gathered is unknown": {
			result: Result{Summary: "all is well"},
			want:   "INGEST DISK UNKNOWN: nothing was measured\n",
		},
		"a problem without a state is unknown": {
			result: Result{Problems: []Problem{{Text: "who knows"}}},
			want:   "INGEST DISK UNKNOWN: who knows\n",
		},
		"the worst problem comes first": {
			result: Result{
				Metrics:  []Metric{{Label: "bad", Value: 3, Phrase: "{} bad files"}},
				Problems: []Problem{{State: Warning, Text: "a warning"}, {State: Unknown, Text: "a doubt"}},
			},
			critical: []string{"bad=0"},
			want:     "INGEST DISK CRITICAL: 3 bad files, limit 0. a doubt. a warning | bad=3;;0;0\n",
		},
		"more than three problems are counted": {
			result: Result{Problems: []Problem{{Text: "a"}, {Text: "b"}, {Text: "c"}, {Text: "d"}, {Text: "e"}, {Text: "a"}}},
			want:   "INGEST DISK UNKNOWN: a. b. c. 2 more with -v\n",
		},
		"metrics keep the order of their declaration": {
			result: Result{Metrics: []Metric{{Label: "rows", Value: 7}, {Label: "age", Value: 1.5}}},
			want:   "INGEST DISK OK: age 1.5s | age=1.5s;;;0 rows=7c;;;0\n",
		},
		"percent has its bounds": {
			result:  Result{Metrics: []Metric{{Label: "used_pct", Value: 61.25}}},
			warning: []string{"used_pct=~:80%"},
			want:    "INGEST DISK OK: used_pct 61.2% | used_pct=61.25%;80;;0;100\n",
		},
		"a signed metric has no minimum and keeps its range": {
			result:  Result{Metrics: []Metric{{Label: "headroom", Value: -5e9}}},
			warning: []string{"headroom=~:1TB"},
			want:    "INGEST DISK OK: headroom -5 GB | headroom=-5000000000B;~:1000000000000\n",
		},
		"NaN is unknown and left out": {
			result: Result{Metrics: []Metric{{Label: "bad", Value: math.NaN()}, {Label: "rows", Value: 1}}},
			want:   "INGEST DISK UNKNOWN: bad has no finite value | rows=1c;;;0\n",
		},
		"infinity too": {
			result: Result{Metrics: []Metric{{Label: "bad", Value: math.Inf(1)}}},
			want:   "INGEST DISK UNKNOWN: bad has no finite value\n",
		},
		"an undeclared metric is a bug, not OK": {
			result: Result{Metrics: []Metric{{Label: "stray", Value: 1}, {Label: "bad", Value: 0}}},
			want:   "INGEST DISK UNKNOWN: internal error: metric \"stray\" is not declared or comes twice | bad=0;;;0\n",
		},
		"long output follows with -v, performance data in its last line": {
			result:    Result{Metrics: []Metric{free}, Lines: []string{"fetch again: a.zip"}},
			verbosity: 1,
			want: "INGEST DISK CRITICAL: 61.2 GB free on / (ext4), limit 100 GB\n" +
				"[CRITICAL] 61.2 GB free on / (ext4), limit 100 GB. Delete something.\n" +
				"fetch again: a.zip\n" +
				"| free=61203283968B;150000000000:;100000000000:;0;252000000000\n",
		},
		"-vv adds a line for each metric": {
			result:    Result{Summary: "fine", Metrics: []Metric{{Label: "age", Value: 5400}}},
			warning:   []string{"age=2h"},
			critical:  []string{"age=@1d:"},
			verbosity: 2,
			want:      "INGEST DISK OK: fine\n[OK] age: 1h 30m, warning 2h, critical @1d:\n| age=5400s;7200;@86400:;0\n",
		},
		"text from outside cannot break the format": {
			result: Result{Problems: []Problem{{State: Critical, Text: "a|b=1\nc\x00d\x1b[31m;e\xff<b>\\n"}}},
			want:   "INGEST DISK CRITICAL: a!b=1 cd?[31m,e?(b)/n\n",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			specs := testSpecs()
			rep := Judge("INGEST DISK", tc.result, specs, mustThresholds(t, specs, tc.warning, tc.critical))
			if diff := cmp.Diff(tc.want, string(rep.Plugin(tc.verbosity))); diff != "" {
				t.Fatalf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestLongOutputIsCutAndCounted(t *testing.T) {
	t.Parallel()
	res := Result{Summary: "fine", Metrics: []Metric{{Label: "bad", Value: 0}}}
	for i := range 120 {
		res.Lines = append(res.Lines, fmt.Sprintf("line %d", i))
	}
	specs := testSpecs()
	out := string(Judge("N", res, specs, mustThresholds(t, specs, nil, nil)).Plugin(1))
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 53 || lines[50] != "line 49" || lines[51] != "... 70 more" || lines[52] != "| bad=0;;;0" {
		t.Fatalf("%d lines: %q", len(lines), out)
	}
}

// TestSeparatorsAreForPeople: counts have thousands separators where people read them, and none where machines do.
func TestSeparatorsAreForPeople(t *testing.T) {
	t.Parallel()
	specs := testSpecs()
	res := Result{Metrics: []Metric{{Label: "bad", Value: 2400000, Max: 5000000, Phrase: "{} bad files"}}, Lines: slices.Repeat([]string{"x"}, 2000)}
	rep := Judge("N", res, specs, mustThresholds(t, specs, []string{"bad=1000000"}, []string{"bad=3000000:4000000"}))
	const perfdata, sentence = "bad=2400000;1000000;3000000:4000000;0;5000000", "2,400,000 bad files, limit 3,000,000"
	plugin, verbose, prom := string(rep.Plugin(0)), string(rep.Plugin(2)), string(rep.Prometheus())
	if want := "N CRITICAL: " + sentence + " | " + perfdata + "\n"; plugin != want {
		t.Errorf("plugin output is %q, want %q", plugin, want)
	}
	for _, want := range []string{"[CRITICAL] " + sentence + "\n", "\n... 1,952 more\n", "\n| " + perfdata + "\n"} {
		if !strings.Contains(verbose, want) {
			t.Errorf("-vv lacks %q: %q", want, verbose)
		}
	}
	if want := "│ bad    │ 2,400,000 │ 1,000,000 │ 3,000,000:4,000,000 │ CRITICAL │"; !strings.Contains(string(rep.Table()), want) {
		t.Errorf("the table lacks %q:\n%s", want, rep.Table())
	}
	if want := `"value":2400000,"unit":"","warning":"1000000","critical":"3000000:4000000","min":0,"max":5000000`; !strings.Contains(string(rep.JSON()), want) {
		t.Errorf("JSON lacks %q: %s", want, rep.JSON())
	}
	if !strings.Contains(prom, "\ncheck_n_bad 2.4e+06\n") {
		t.Errorf("Prometheus gets %s", prom)
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	specs := testSpecs()
	rep := Judge("INGEST DISK", Result{
		Metrics: []Metric{{Label: "free", Value: 5e9, Max: 1e12, Phrase: "{} free", Remedy: "Delete something.", Path: "/data|x"}, {Label: "headroom", Value: -1}},
		Lines:   []string{"more"},
	}, specs, mustThresholds(t, specs, nil, nil))
	rep.Seconds, rep.Version = 0.25, "v1.2.3"
	want := `{"schema":1,"name":"INGEST DISK","state":"CRITICAL","exit_code":2,"summary":"5 GB free, limit 100 GB",` +
		`"metrics":[{"label":"free","value":5000000000,"unit":"B","warning":"150000000000:","critical":"100000000000:","min":0,"max":1000000000000,"state":"CRITICAL"},` +
		`{"label":"headroom","value":-1,"unit":"B","state":"OK"}],` +
		`"problems":[{"state":"CRITICAL","text":"5 GB free, limit 100 GB","remedy":"Delete something.","path":"/data|x"}],` +
		`"lines":["more"],"seconds":0.25,"version":"v1.2.3"}` + "\n"
	if diff := cmp.Diff(want, string(rep.JSON())); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
	empty := `{"schema":1,"name":"N","state":"UNKNOWN","exit_code":3,"summary":"why","metrics":[],"problems":[],"seconds":0,"version":""}` + "\n"
	if diff := cmp.Diff(empty, string(UnknownReport("N", "why").JSON())); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	specs := testSpecs()
	rep := Judge("INGEST DISK", Result{
		Metrics: []Metric{{Label: "free", Value: 5e9, Phrase: "{} free on /a\x1bb", Remedy: "Delete something."}}, Lines: []string{"more"},
	}, specs, mustThresholds(t, specs, nil, nil))
	want := `INGEST DISK CRITICAL: 5 GB free on /a?b, limit 100 GB
┌────────┬───────┬─────────┬──────────┬──────────┐
│ METRIC │ VALUE │ WARNING │ CRITICAL │ STATE    │
├────────┼───────┼─────────┼──────────┼──────────┤
│ free   │ 5 GB  │ 150 GB: │ 100 GB:  │ CRITICAL │
└────────┴───────┴─────────┴──────────┴──────────┘
[CRITICAL] 5 GB free on /a?b, limit 100 GB
    Delete something.
more
`
	if diff := cmp.Diff(want, string(rep.Table())); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
}
