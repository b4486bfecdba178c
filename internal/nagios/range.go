package nagios

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Range is a threshold: the values that are fine or, with Inside, those that are not. Both ends belong to it;
// an end that is not there is an infinity.
type Range struct {
	Start, End float64 // Start <= End; Start may be -Inf, End +Inf
	Inside     bool    // alert inside the range, not outside
}

// maxNumberLen bounds the text of a number in a range, so that its canonical form fits into the output too.
const maxNumberLen = 64

// ParseRange reads a range of plain numbers, as the guidelines write it:
//
//	range  = ["@"] ( number | [start] ":" end | start ":" )
//	start  = "~" | number        "~" is minus infinity; a start left out is 0
//	end    = number              an end left out is plus infinity
//	number = ["+"|"-"] ( digits ["." [digits]] | "." digits )
//
// White space around it is ignored. A start above its end is an error, and so are a range without any bound,
// exponents, and everything else the grammar does not name.
func ParseRange(s string) (Range, error) { return ParseRangeIn(s, None) }

// ParseRangeIn is ParseRange for a metric in unit u: each number may carry a suffix that fits u, such as 1.5TiB, 26h
// or 5%, and is converted to the base unit exactly. A suffix of another quantity, or a bare k, M or G, is an error.
func ParseRangeIn(s string, u Unit) (Range, error) {
	r, err := parseRange(strings.TrimSpace(s), u)
	if err != nil {
		return Range{}, fmt.Errorf("range %q: %w", s, err)
	}
	return r, nil
}

func parseRange(s string, u Unit) (Range, error) {
	if strings.HasPrefix(s, "/") {
		return Range{}, errors.New("starts with '/': the shell turned an unquoted ~ into a folder, so quote the range, as in '~:10'")
	}
	body, inside := strings.CutPrefix(s, "@")
	if body == "" {
		return Range{}, errors.New("is empty; leave the option out to set no limit")
	}
	r := Range{Start: 0, End: math.Inf(1), Inside: inside}
	startText, endText, colon := strings.Cut(body, ":")
	if !colon {
		startText, endText = "", body
	}
	if startText == "" && endText == "" {
		return Range{}, errors.New("has neither a start nor an end")
	}
	var err error
	if startText == "~" {
		r.Start = math.Inf(-1)
	} else if startText != "" {
		if r.Start, err = parseBound(startText, u); err != nil {
			return Range{}, err
		}
	}
	if endText != "" {
		if r.End, err = parseBound(endText, u); err != nil {
			return Range{}, err
		}
	}
	if r.Start > r.End {
		if !colon {
			return Range{}, fmt.Errorf("means 0 to %s; write ~:%[1]s or %[1]s: instead", body)
		}
		return Range{}, fmt.Errorf("start %s is above end %s", startText, endText)
	}
	return r, nil
}

// parseBound reads one number with the suffix it may have. The decimal text is multiplied as it stands and rounded
// once, so 0.3GB is 300000000 exactly.
func parseBound(s string, u Unit) (float64, error) {
	number := s[:len(s)-len(strings.TrimLeft(s, "+-.0123456789"))]
	suffix := s[len(number):]
	if !isNumber(number) {
		return 0, fmt.Errorf("%q is not a number; expected digits with an optional sign, decimal point and unit (%s)", s, u.suffixHelp())
	}
	if len(number) > maxNumberLen {
		return 0, fmt.Errorf("%q has more than %d characters", number[:maxNumberLen], maxNumberLen)
	}
	value, ok := new(big.Rat).SetString(number)
	if !ok {
		return 0, fmt.Errorf("%q is not a number", number)
	}
	if suffix != "" {
		factor, err := findScale(suffix, u)
		if err != nil {
			return 0, err
		}
		value.Mul(value, factor)
	}
	f, _ := value.Float64() // at most 64 digits times 2^50: finite
	return f + 0, nil       // + 0 turns -0 into 0
}

func findScale(suffix string, u Unit) (*big.Rat, error) {
	for _, s := range u.scales() {
		if s.suffix == suffix {
			return s.factor(), nil
		}
	}
	if u == Bytes && len(suffix) == 1 && strings.ContainsAny(suffix, "kKmMgGtTpP") {
		upper := strings.ToUpper(suffix)
		return nil, fmt.Errorf("unit %q could be 1000 or 1024: write %sB or %siB", suffix, upper, upper)
	}
	return nil, fmt.Errorf("unit %q does not fit a metric in %s; expected %s", suffix, u.Name(), u.suffixHelp())
}

// isNumber reports whether s is a number of the grammar. The exponents, underscores, hexadecimal digits and names
// that strconv would take are refused here.
func isNumber(s string) bool {
	if s != "" && (s[0] == '+' || s[0] == '-') {
		s = s[1:]
	}
	digits, points := 0, 0
	for i := range len(s) {
		switch c := s[i]; {
		case '0' <= c && c <= '9':
			digits++
		case c == '.':
			points++
		default:
			return false
		}
	}
	return digits > 0 && points <= 1
}

// Alerts reports whether v violates the range. NaN always does. Nothing is rounded before comparing.
func (r Range) Alerts(v float64) bool {
	if math.IsNaN(v) {
		return true
	}
	within := r.Start <= v && v <= r.End
	return within == r.Inside
}

// String is the canonical form: a start of 0 is left out unless the end is missing, numbers are exact and in the
// base unit. ParseRange gives the same range back.
func (r Range) String() string { return r.format(formatExact) }

// format writes the range with its numbers as number writes them.
func (r Range) format(number func(float64) string) string {
	var b strings.Builder
	if r.Inside {
		b.WriteByte('@')
	}
	unbounded := math.IsInf(r.End, 1)
	switch {
	case math.IsInf(r.Start, -1):
		b.WriteString("~:")
	case r.Start != 0 || unbounded:
		b.WriteString(number(r.Start) + ":")
	}
	if !unbounded {
		b.WriteString(number(r.End))
	}
	return b.String()
}

// MarshalText writes the canonical form.
func (r Range) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// perfdata is the range as performance data carries it for a metric that cannot go below lowest: as a plain number where
// it means the same, since Icinga 2 drops every other form, and canonical otherwise.
func (r Range) perfdata(lowest float64) string {
	if !r.Inside && r.Start <= 0 && (r.Start == 0 || lowest >= 0) && r.End >= 0 && !math.IsInf(r.End, 1) {
		return formatExact(r.End)
	}
	return r.String()
}

// formatExact writes v in the fewest digits that read back as v, without an exponent.
func formatExact(v float64) string {
	return strconv.FormatFloat(v+0, 'f', -1, 64)
}
