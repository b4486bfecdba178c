package verify

import (
	"math"
	"slices"

	"github.com/check-ingest/check-ingest/internal/catalog"
)

// What is unusual, compared with the days beside it. The limits are wide: the day of a crash has some times the rows of the days beside it, and
// what is found is only a warning.
const (
	rowsFactor  = 10    // times more or fewer rows than the median of up to three days before and three after
	leastRows   = 1_000 // of the median, below which rows a day mean nothing
	priceFactor = 5     // times the highest, or a fifth of the lowest, price of the day before and the day after
	beside      = 3     // days on each side
)

// unusual is a day that is far outside the range of the days beside it.
type unusual struct {
	day         catalog.Day
	value       float64 // its rows, or the price in question
	typical     float64 // the median of rows, or the nearest price beside it
	rows, above bool
}

// unusualDays compares each day of a key with the days beside it, which need not be the next ones of the calendar.
func (k *keyTally) unusualDays(c *comparison) []unusual {
	displaced := k.displaced(c)
	days := slices.DeleteFunc(k.sortedDays(), func(d catalog.Day) bool { return displaced[d] })
	var found []unusual
	for i, d := range days {
		around := slices.Concat(days[max(0, i-beside):i], days[i+1:min(len(days), i+1+beside)])
		if u, ok := k.unusualRows(d, i == 0, around); ok {
			found = append(found, u)
		}
		next := slices.Concat(days[max(0, i-1):i], days[min(len(days), i+1):min(len(days), i+2)])
		found = append(found, k.unusualPrices(d, next)...)
	}
	return found
}

// unusualRows compares the number of rows. The first day of a symbol may be short.
func (k *keyTally) unusualRows(d catalog.Day, first bool, around []catalog.Day) (unusual, bool) {
	if len(around) < 2 {
		return unusual{}, false
	}
	rows := make([]float64, len(around))
	for i, a := range around {
		rows[i] = float64(k.days[a].rows)
	}
	slices.Sort(rows)
	median := rows[len(rows)/2]
	n := float64(k.days[d].rows)
	if median < leastRows || n < median*rowsFactor && (first || n > median/rowsFactor) {
		return unusual{}, false
	}
	return unusual{day: d, value: n, typical: median, rows: true, above: n > median}, true
}

// unusualPrices compares the highest and the lowest price. What is no price at all is found as such.
func (k *keyTally) unusualPrices(d catalog.Day, next []catalog.Day) []unusual {
	low, high := math.Inf(1), math.Inf(-1)
	for _, n := range next {
		low, high = math.Min(low, k.days[n].low), math.Max(high, k.days[n].high)
	}
	day := k.days[d]
	sound := func(p float64) bool { return p > 0 && !math.IsInf(p, 0) }
	var found []unusual
	if sound(high) && sound(day.high) && day.high > high*priceFactor {
		found = append(found, unusual{day: d, value: day.high, typical: high, above: true})
	}
	if sound(low) && sound(day.low) && day.low < low/priceFactor {
		found = append(found, unusual{day: d, value: day.low, typical: low})
	}
	return found
}
