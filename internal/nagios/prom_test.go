package nagios

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPrometheus(t *testing.T) {
	t.Parallel()
	full := Problem{State: Critical, Text: "a \"bad\" \\ thing\nin two \x1b[31mlines\u202e\t \xff", Remedy: "Mend it."}
	tests := map[string]struct {
		report Report
		want   string
	}{
		"every unit, and names with their base units": {
			report: Report{Name: "INGEST DISK", State: OK, Seconds: 0.5, Metrics: []Judged{
				{Spec: Spec{Label: "free", Unit: Bytes, Help: "Space."}, Metric: Metric{Label: "free", Value: 1.5e12}},
				{Spec: Spec{Label: "bytes", Unit: Bytes, Help: "All."}, Metric: Metric{Label: "bytes", Value: 1}},
				{Spec: Spec{Label: "age", Unit: Seconds, Help: "Since."}, Metric: Metric{Label: "age", Value: 2.25}},
				{Spec: Spec{Label: "free_pct", Unit: Percent, Help: "The same."}, Metric: Metric{Label: "free_pct", Value: 50}},
				{Spec: Spec{Label: "percent", Unit: Percent, Help: "Done."}, Metric: Metric{Label: "percent", Value: 25}},
				{Spec: Spec{Label: "files_total", Help: "To do."}, Metric: Metric{Label: "files_total", Value: 7}},
			}},
			want: `# HELP check_ingest_state State of the check: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
# TYPE check_ingest_state gauge
check_ingest_state{check="disk"} 0
# HELP check_ingest_duration_seconds What the check took.
# TYPE check_ingest_duration_seconds gauge
check_ingest_duration_seconds{check="disk"} 0.5
# HELP check_ingest_disk_free_bytes Space.
# TYPE check_ingest_disk_free_bytes gauge
check_ingest_disk_free_bytes 1.5e+12
# HELP check_ingest_disk_bytes All.
# TYPE check_ingest_disk_bytes gauge
check_ingest_disk_bytes 1
# HELP check_ingest_disk_age_seconds Since.
# TYPE check_ingest_disk_age_seconds gauge
check_ingest_disk_age_seconds 2.25
# HELP check_ingest_disk_free_ratio The same.
# TYPE check_ingest_disk_free_ratio gauge
check_ingest_disk_free_ratio 0.5
# HELP check_ingest_disk_done_ratio Done.
# TYPE check_ingest_disk_done_ratio gauge
check_ingest_disk_done_ratio 0.25
# HELP check_ingest_disk_files To do.
# TYPE check_ingest_disk_files gauge
check_ingest_disk_files 7
`,
		},
		"problems, escaped, each once, the three worst": {
			report: Report{Name: "INGEST DB", State: Critical, Problems: []Problem{full, full, {State: Warning, Text: "b"}, {State: Warning, Text: "c"}}},
			want: `# HELP check_ingest_state State of the check: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
# TYPE check_ingest_state gauge
check_ingest_state{check="db"} 2
# HELP check_ingest_duration_seconds What the check took.
# TYPE check_ingest_duration_seconds gauge
check_ingest_duration_seconds{check="db"} 0
# HELP check_ingest_problem A problem that the check has found, and what to do about it.
# TYPE check_ingest_problem gauge
check_ingest_problem{check="db",state="CRITICAL",text="a \"bad\" \\ thing\nin two ?[31mlines?? ?",remedy="Mend it."} 1
check_ingest_problem{check="db",state="WARNING",text="b"} 1
`,
		},
		"nothing found out": {
			report: UnknownReport("INGEST LOG", "usage: no"),
			want: `# HELP check_ingest_state State of the check: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
# TYPE check_ingest_state gauge
check_ingest_state{check="log"} 3
# HELP check_ingest_duration_seconds What the check took.
# TYPE check_ingest_duration_seconds gauge
check_ingest_duration_seconds{check="log"} 0
# HELP check_ingest_problem A problem that the check has found, and what to do about it.
# TYPE check_ingest_problem gauge
check_ingest_problem{check="log",state="UNKNOWN",text="usage: no"} 1
`,
		},
		"one of several things, details, and no value that is none": {
			report: Report{
				Name: "INGEST DISK", State: OK,
				Metrics: []Judged{{Spec: Spec{Label: "free_data", Of: "free", Unit: Bytes, Help: "Space."}, Metric: Metric{Value: 1}}},
				Details: []Detail{
					{Kind: "series", Names: []DetailName{{"market", ""}, {"symbol", "A"}}, Values: []DetailValue{{"age", Seconds, "Age.", 1}, {"rows", None, "Rows.", math.NaN()}}},
					{Kind: "series", Names: []DetailName{{"market", "um"}, {"symbol", "B"}}, Values: []DetailValue{{"age", Seconds, "Age.", 2}}},
				},
			},
			want: `# HELP check_ingest_state State of the check: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
# TYPE check_ingest_state gauge
check_ingest_state{check="disk"} 0
# HELP check_ingest_duration_seconds What the check took.
# TYPE check_ingest_duration_seconds gauge
check_ingest_duration_seconds{check="disk"} 0
# HELP check_ingest_disk_free_bytes Space.
# TYPE check_ingest_disk_free_bytes gauge
check_ingest_disk_free_bytes{name="data"} 1
# HELP check_ingest_disk_series_age_seconds Age.
# TYPE check_ingest_disk_series_age_seconds gauge
check_ingest_disk_series_age_seconds{symbol="A"} 1
check_ingest_disk_series_age_seconds{market="um",symbol="B"} 2
`,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, string(tc.report.Prometheus())); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestDetailsInJSON(t *testing.T) {
	t.Parallel()
	rep := Report{Name: "N", State: OK, Details: []Detail{
		{Kind: "series", Names: []DetailName{{"market", "um"}}, Values: []DetailValue{{Label: "rows", Value: 3}, {Label: "age", Value: math.Inf(1)}}},
	}}
	const want = `{"schema":1,"name":"N","state":"OK","exit_code":0,"summary":"","metrics":[],"problems":[],"details":{"series":[{"market":"um","rows":3}]},"seconds":0,"version":""}` + "\n"
	if got := string(rep.JSON()); got != want {
		t.Errorf("%s", got)
	}
}
