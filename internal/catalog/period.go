package catalog

import (
	"cmp"
	"fmt"
	"time"
)

// MicrosPerDay is the length of a UTC day in microseconds.
const MicrosPerDay = int64(24 * time.Hour / time.Microsecond)

// Day is a UTC calendar day, counted from 1970-01-01.
type Day int32

// ParseDay reads a date such as "2024-02-29". Dates that do not exist are errors.
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, fmt.Errorf("date %q: expected YYYY-MM-DD, a day that exists", s)
	}
	return DayOf(t), nil
}

// DayOf is the UTC day that t falls in.
func DayOf(t time.Time) Day { return DayOfMicros(t.UnixMicro()) }

// DayOfMicros is the day of a time in microseconds since the epoch, UTC.
func DayOfMicros(us int64) Day {
	d := us / MicrosPerDay
	if us%MicrosPerDay < 0 {
		d--
	}
	return Day(d) //nolint:gosec // a microsecond count spans 2^63/8.64e10 days, which fits
}

// Micros is the day's first microsecond since the epoch, UTC.
func (d Day) Micros() int64 { return int64(d) * MicrosPerDay }

// Time is the day's beginning.
func (d Day) Time() time.Time { return time.UnixMicro(d.Micros()).UTC() }

// String is "2024-02-29".
func (d Day) String() string { return d.Time().Format(time.DateOnly) }

// MarshalText writes the day as String does.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText writes; see [ParseDay].
func (d *Day) UnmarshalText(text []byte) error {
	parsed, err := ParseDay(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

// Period is a span of whole UTC days, half-open: it holds First and does not hold End.
type Period struct {
	First Day `json:"first"`
	End   Day `json:"end"`
}

// DayPeriod is the period of one day.
func DayPeriod(d Day) Period { return Period{First: d, End: d + 1} }

// MonthPeriod is the period of one calendar month.
func MonthPeriod(year int, month time.Month) Period {
	return Period{
		First: DayOf(time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)),
		End:   DayOf(time.Date(year, month+1, 1, 0, 0, 0, 0, time.UTC)),
	}
}

// Last is the period's last day.
func (p Period) Last() Day { return p.End - 1 }

// Days is the number of days.
func (p Period) Days() int { return int(p.End - p.First) }

// Contains reports whether d is one of the period's days.
func (p Period) Contains(d Day) bool { return p.First <= d && d < p.End }

// ContainsMicros reports whether a time in microseconds since the epoch lies in the period.
func (p Period) ContainsMicros(us int64) bool { return p.First.Micros() <= us && us < p.End.Micros() }

// Overlaps reports whether the periods share a day.
func (p Period) Overlaps(o Period) bool { return p.First < o.End && o.First < p.End }

// Monthly reports whether the period is one whole calendar month.
func (p Period) Monthly() bool {
	t := p.First.Time()
	return t.Day() == 1 && p == MonthPeriod(t.Year(), t.Month())
}

// String is "2024-02-29" for a day, "2024-02" for a month, "2024-02-03..2024-02-09" for anything else.
func (p Period) String() string {
	switch {
	case p.Days() == 1:
		return p.First.String()
	case p.Monthly():
		return p.First.Time().Format("2006-01")
	default:
		return p.First.String() + ".." + p.Last().String()
	}
}

// Compare orders periods by their end, and of those that end together the shorter first, so that the days of
// a month come before the month.
func (p Period) Compare(o Period) int {
	return cmp.Or(cmp.Compare(p.End, o.End), cmp.Compare(o.First, p.First))
}
