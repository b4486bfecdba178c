package nagios

import (
	"testing"
	"time"
)

func TestAgo(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for name, tt := range map[string]struct {
		at           time.Time
		ago, silence string
		seconds      float64
		problem      string // "" for none
	}{
		"past":                        {now.Add(-5 * time.Minute), "5m ago", "for 5m", 300, ""},
		"now":                         {now, "0s ago", "for 0s", 0, ""},
		"a little ahead":              {now.Add(9 * time.Minute), "0s ago", "for 0s", 0, ""},
		"an hour ahead":               {now.Add(time.Hour), "2026-03-04 06:06 UTC (in the future)", "since the clock was set back", 0, "it is of 2026-03-04 06:06 UTC, which is in the future"},
		"farther than can be counted": {time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), "9999-01-01 00:00 UTC (in the future)", "since the clock was set back", 0, "it is of 9999-01-01 00:00 UTC, which is in the future"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r Result
			r.AddAge(Metric{Label: "age"}, "it", tt.at, now)
			if ago, silence := Ago(tt.at, now), Silence(tt.at, now); ago != tt.ago || silence != tt.silence || r.Metrics[0].Value != tt.seconds {
				t.Errorf("%q, %q, %v", ago, silence, r.Metrics[0].Value)
			}
			if len(r.Problems) != len(tt.problem)/max(1, len(tt.problem)) || tt.problem != "" && r.Problems[0].Text != tt.problem {
				t.Errorf("problems %+v", r.Problems)
			}
		})
	}
}
