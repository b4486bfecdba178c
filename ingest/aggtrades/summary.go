package aggtrades

import (
	"slices"

	"github.com/check-ingest/check-ingest/internal/catalog"
)

// Summary is what the rows of a stretch of a file add up to. Summaries of stretches that follow one another can be
// joined with Append, and the result is the same wherever the file was cut. Make one with [NewSummary]; a copy shares
// memory with its original, so only one of them may be added to.
type Summary struct {
	Rows   int64 // rows added, voided ones not among them
	Voided int64 // voided rows; Add cannot see them, so whoever decodes adds Decoder.Voided of each block

	// MinID and MaxID are the smallest and largest trade id, -1 where there is no row.
	MinID, MaxID int64

	// FirstTime and LastTime are the earliest and latest time, in microseconds since the epoch, 0 where there is no row.
	FirstTime, LastTime int64

	// Increasing reports whether each id is larger than the one before it. It is true where there is no row.
	Increasing bool

	headID, tailID int64 // the ids of the first and last row
	period         catalog.Period
	days           []catalog.Day // days that have a row, in order
}

// NewSummary is the summary of no rows of a file that stands for period p; a period without days stands for none.
func NewSummary(p catalog.Period) Summary {
	return Summary{MinID: -1, MaxID: -1, Increasing: true, period: p}
}

// Add takes in the rows that follow in the file.
func (s *Summary) Add(rows *Rows) {
	if rows.N == 0 {
		return
	}
	ids, times := rows.ID[:rows.N], rows.Time[:rows.N]
	increasing := true
	for i := 1; i < len(ids); i++ {
		if ids[i] <= ids[i-1] {
			increasing = false
			break
		}
	}
	next := Summary{Rows: int64(rows.N), Increasing: increasing, headID: ids[0], tailID: ids[len(ids)-1]}
	next.MinID, next.MaxID = bounds(ids)
	next.FirstTime, next.LastTime = bounds(times)
	s.join(&next)
	s.addDays(times, next.FirstTime, next.LastTime)
}

// Append joins the summary of the stretch of the file that follows. It keeps nothing of next.
func (s *Summary) Append(next Summary) {
	s.Voided += next.Voided
	if next.Rows == 0 {
		return
	}
	s.join(&next)
	for _, d := range next.days {
		s.addDay(d)
	}
}

// join takes in all of next, which has rows, but its days and its voided rows.
func (s *Summary) join(next *Summary) {
	if s.Rows == 0 {
		s.MinID, s.MaxID = next.MinID, next.MaxID
		s.FirstTime, s.LastTime = next.FirstTime, next.LastTime
		s.Increasing = next.Increasing
		s.headID = next.headID
	} else {
		s.MinID, s.MaxID = min(s.MinID, next.MinID), max(s.MaxID, next.MaxID)
		s.FirstTime, s.LastTime = min(s.FirstTime, next.FirstTime), max(s.LastTime, next.LastTime)
		s.Increasing = s.Increasing && next.Increasing && s.tailID < next.headID
	}
	s.tailID = next.tailID
	s.Rows += next.Rows
}

// addDays adds the days of times, of which first is the earliest and last the latest.
func (s *Summary) addDays(times []int64, first, last int64) {
	day := catalog.DayOfMicros(first)
	s.addDay(day)
	if catalog.DayOfMicros(last) == day {
		return
	}
	for _, t := range times {
		if t < day.Micros() || t >= (day+1).Micros() {
			day = catalog.DayOfMicros(t)
			s.addDay(day)
		}
	}
}

func (s *Summary) addDay(d catalog.Day) {
	if i, seen := slices.BinarySearch(s.days, d); !seen {
		s.days = slices.Insert(s.days, i, d)
	}
}

// IDsMissing is the number of ids between MinID and MaxID that no row has. It counts on each row having an id of its
// own, so it means something only where Increasing is true. Voided rows are taken to lie between the others, so one
// before the first or after the last of them makes the result too small by one; it is never below zero.
func (s Summary) IDsMissing() int64 {
	if s.Rows == 0 {
		return 0
	}
	return max(0, s.MaxID-s.MinID-(s.Rows-1)-s.Voided)
}

// Days are the UTC days that have a row, in order.
func (s Summary) Days() []catalog.Day { return slices.Clone(s.days) }

// DaysMissing are the days of the period that have no row, in order.
func (s Summary) DaysMissing() []catalog.Day {
	var missing []catalog.Day
	for d := s.period.First; d < s.period.End; d++ {
		if _, seen := slices.BinarySearch(s.days, d); !seen {
			missing = append(missing, d)
		}
	}
	return missing
}
