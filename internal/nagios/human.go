package nagios

import (
	"fmt"
	"math"
	"strings"

	"github.com/check-ingest/check-ingest/internal/amount"
)

// shown is a number as people read it, and the number that this text says: what rounding left of it.
type shown struct {
	text  string
	value float64
}

// Human writes a value for people: 61.2 GB, 3h 5m, 96.1%, 2,400,000. Bytes are in powers of 1000.
func Human(v float64, u Unit) string { return human(v, u, 0).text }

// human writes v with more digits than Human by more.
func human(v float64, u Unit, more int) shown {
	switch u {
	case Bytes:
		text, value := amount.Size(v, 3+more)
		return shown{text, value}
	case Seconds:
		return humanSeconds(v, more)
	case Percent:
		s := significant(v, 3+more)
		return shown{s.text + "%", s.value}
	default:
		// Whole numbers are not rounded, so neither are the whole digits of others: order must survive.
		digits := 4
		for limit := 1e4; limit <= math.Abs(v) && limit < 1e16; limit *= 10 {
			digits++
		}
		s := significant(v, digits+more)
		return shown{amount.Decimal(s.value), s.value}
	}
}

// significant rounds v to n significant digits.
func significant(v float64, n int) shown {
	r := amount.Rounded(v, n)
	return shown{formatExact(r), r}
}

// humanSeconds writes the two largest parts of a duration that are not zero, and more of them with more.
func humanSeconds(v float64, more int) shown {
	if s := significant(v, 3+more); math.Abs(s.value) < 60 {
		return shown{s.text + "s", s.value}
	}
	sign := ""
	if v < 0 {
		sign = "-"
	}
	abs := math.Abs(v)
	units := []struct {
		name    string
		seconds float64
	}{{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}}
	first := 0
	for units[first].seconds > abs && first < 2 {
		first++
	}
	last := first + 1 + more
	step := math.Pow(10, float64(len(units)-1-last)) // of decimals, below seconds
	if last < len(units) {
		step = units[last].seconds
	} else {
		last = len(units) - 1
	}
	rounded := math.Round(abs/step) * step
	rest := rounded
	var parts []string
	for i, u := range units[:last+1] {
		n := math.Floor(rest / u.seconds)
		if i == len(units)-1 { // seconds may have decimals
			n = math.Round(rest*1e9) / 1e9
		}
		rest -= n * u.seconds
		if n > 0 {
			parts = append(parts, formatExact(n)+u.name)
		}
	}
	value := math.Copysign(rounded, v)
	return shown{sign + strings.Join(parts, " "), value}
}

// Text is the metric's value for people.
func (j Judged) Text() string { return Human(j.Metric.Value, j.Spec.Unit) }

// phrase is the metric in a sentence, with its value given as text.
func (j Judged) phrase(text string) string {
	if j.Metric.Phrase == "" {
		return j.Spec.Label + " " + text
	}
	return strings.Replace(j.Metric.Phrase, "{}", text, 1)
}

// maxMoreDigits is where adding digits stops: a float64 has no more to tell.
const maxMoreDigits = 14

// sentence says that the metric violates r, with value and limit. Both get more digits where rounding would show the
// value on the wrong side: never "95% used, limit 95%".
func (j Judged) sentence(r Range) string {
	var value, start, end shown
	for more := range maxMoreDigits {
		value = human(j.Metric.Value, j.Spec.Unit, more)
		start, end = humanBound(r.Start, j.Spec.Unit, more), humanBound(r.End, j.Spec.Unit, more)
		shownRange := Range{Start: start.value, End: end.value, Inside: r.Inside}
		if shownRange.Alerts(value.value) && (start.value < end.value || r.Start == r.End) {
			break
		}
	}
	return j.phrase(value.text) + ", " + limitText(r, j.Metric.Value, start.text, end.text)
}

// humanBound is human for an end of a range, which may be infinite.
func humanBound(v float64, u Unit, more int) shown {
	if math.IsInf(v, 0) {
		return shown{"", v}
	}
	return human(v, u, more)
}

// limitText names the limit that v violates.
func limitText(r Range, v float64, start, end string) string {
	switch {
	case !r.Inside && v < r.Start:
		return "limit " + start
	case !r.Inside:
		return "limit " + end
	case start == "" && end == "":
		return "limit @~:"
	case start == "":
		return "must be above " + end
	case end == "":
		return "must be below " + start
	case r.Start == r.End:
		return "must not be " + start
	default:
		return fmt.Sprintf("must not be within %s to %s", start, end)
	}
}
