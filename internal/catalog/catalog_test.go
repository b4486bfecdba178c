package catalog

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func day(tb testing.TB, s string) Day {
	tb.Helper()
	d, err := ParseDay(s)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

func TestDaysThatDoNotExistAreRefused(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "2023-02-29", "2024-04-31", "2024-13-01", "2024-1-2", "24-01-02", "2024-01-02 ", "2024-01-02T00:00:00Z", "-2024-01-02"} {
		if d, err := ParseDay(s); err == nil {
			t.Errorf("ParseDay(%q) = %s", s, d)
		} else if !strings.Contains(err.Error(), "YYYY-MM-DD") {
			t.Errorf("ParseDay(%q): %v does not say what was expected", s, err)
		}
	}
	for _, s := range []string{"1970-01-01", "2024-02-29", "2017-08-17", "1969-12-31", "2999-12-31"} {
		if got := day(t, s).String(); got != s {
			t.Errorf("ParseDay(%q) is %s", s, got)
		}
	}
}

// TestDayOfMicros compares with package time at the edges of days, before the epoch too.
func TestDayOfMicros(t *testing.T) {
	t.Parallel()
	for _, us := range []int64{0, -1, 1, MicrosPerDay - 1, MicrosPerDay, -MicrosPerDay, -MicrosPerDay - 1, 1_735_689_599_999_999, 1_735_689_600_000_000} {
		want := time.UnixMicro(us).UTC().Format(time.DateOnly)
		if got := DayOfMicros(us); got.String() != want {
			t.Errorf("%d is on %s, expected %s", us, got, want)
		}
		if d := DayOfMicros(us); us < d.Micros() || us >= (d+1).Micros() {
			t.Errorf("%d is not in its day %s", us, d)
		}
	}
	lisbon, err := time.LoadLocation("Europe/Lisbon")
	if err != nil {
		t.Skip("no time zone data: ", err)
	}
	if got := DayOf(time.Date(2024, 7, 2, 0, 30, 0, 0, lisbon)); got.String() != "2024-07-01" {
		t.Errorf("half past midnight in Lisbon's summer is on %s, expected the day before, UTC", got)
	}
}

func TestPeriods(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		period  Period
		text    string
		days    int
		monthly bool
	}{
		"a day":                        {DayPeriod(day(t, "2024-02-29")), "2024-02-29", 1, false},
		"a leap month":                 {MonthPeriod(2024, time.February), "2024-02", 29, true},
		"a December":                   {MonthPeriod(2023, time.December), "2023-12", 31, true},
		"a month less its first day":   {Period{day(t, "2024-02-02"), day(t, "2024-03-01")}, "2024-02-02..2024-02-29", 28, false},
		"two months":                   {Period{day(t, "2024-01-01"), day(t, "2024-03-01")}, "2024-01-01..2024-02-29", 60, false},
		"one that goes into the next":  {Period{day(t, "2024-01-31"), day(t, "2024-02-02")}, "2024-01-31..2024-02-01", 2, false},
		"thirty days from a first on":  {Period{day(t, "2024-01-01"), day(t, "2024-01-31")}, "2024-01-01..2024-01-30", 30, false},
		"the first of a month, by day": {DayPeriod(day(t, "2024-01-01")), "2024-01-01", 1, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := tt.period
			if p.String() != tt.text || p.Days() != tt.days || p.Monthly() != tt.monthly {
				t.Errorf("%s, %d days, monthly %t; expected %s, %d, %t", p, p.Days(), p.Monthly(), tt.text, tt.days, tt.monthly)
			}
			if p.Contains(p.First-1) || !p.Contains(p.First) || !p.Contains(p.Last()) || p.Contains(p.End) {
				t.Error("it is not half-open")
			}
			if p.ContainsMicros(p.First.Micros()-1) || !p.ContainsMicros(p.First.Micros()) || !p.ContainsMicros(p.End.Micros()-1) || p.ContainsMicros(p.End.Micros()) {
				t.Error("it is not half-open in microseconds")
			}
			if next := DayPeriod(p.End); p.Overlaps(next) || next.Overlaps(p) || !p.Overlaps(DayPeriod(p.Last())) {
				t.Error("it overlaps the day after it, or not its own last day")
			}
		})
	}
}

// TestDaysOfAMonthComeBeforeTheMonth is what a load relies on: when the month's turn comes, its days are done.
func TestDaysOfAMonthComeBeforeTheMonth(t *testing.T) {
	t.Parallel()
	month := MonthPeriod(2024, time.March)
	periods := []Period{month, DayPeriod(month.End), DayPeriod(month.Last()), MonthPeriod(2024, time.April), DayPeriod(month.First), MonthPeriod(2024, time.February)}
	slices.SortFunc(periods, Period.Compare)
	got := make([]string, len(periods))
	for i, p := range periods {
		got[i] = p.String()
	}
	if diff := cmp.Diff([]string{"2024-02", "2024-03-01", "2024-03-31", "2024-03", "2024-04-01", "2024-04"}, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

func TestSymbols(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"BTCUSDT", "1000SHIBUSDT", "BTCUSDT_230630", "BTCUSD_PERP", "币安人生USDT", "4USDT", "W", strings.Repeat("A", 64)} {
		if err := CheckSymbol(s); err != nil {
			t.Error(err)
		}
	}
	for _, s := range []string{"", ".", "..", "a/b", "A-B", "A B", "A;B", "A'B", "A\x00B", "A\nB", "\xff", strings.Repeat("A", 65), "A\u202eB", "🚀USDT", "%41"} {
		if err := CheckSymbol(s); err == nil {
			t.Errorf("CheckSymbol(%q) finds nothing wrong", s)
		}
	}
}

func TestMarketsAndDaysInJSON(t *testing.T) {
	t.Parallel()
	type all struct {
		Market Market `json:"market"`
		Day    Day    `json:"day"`
		Period Period `json:"period"`
	}
	want := all{CM, day(t, "2024-02-29"), MonthPeriod(2024, time.February)}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(text); got != `{"market":"cm","day":"2024-02-29","period":{"first":"2024-02-01","end":"2024-03-01"}}` {
		t.Error(got)
	}
	var got all
	if err := json.Unmarshal(text, &got); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{`{"market":"UM"}`, `{"market":"swap"}`, `{"day":"2024-02-30"}`, `{"day":5}`} {
		if err := json.Unmarshal([]byte(bad), &got); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}

func FuzzParseDay(f *testing.F) {
	f.Add("2024-02-29")
	f.Add("9999-12-31")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDay(s)
		if err == nil && (d.String() != s || DayOfMicros(d.Micros()) != d || d.Micros() > math.MaxInt64-MicrosPerDay) {
			t.Fatalf("ParseDay(%q) is %s", s, d)
		}
	})
}
