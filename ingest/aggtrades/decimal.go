package aggtrades

import (
	"fmt"
	"math"
)

// scale is the number of decimals kept of a price or a quantity; one unit is 1e-8.
const scale = 8

// unitsPerOne is the number of units in one.
const unitsPerOne = 100_000_000

// formatUnits writes a count of units as a decimal with all its places.
func formatUnits(units int64) string {
	return fmt.Sprintf("%d.%0*d", units/unitsPerOne, scale, units%unitsPerOne)
}

// maxExponent bounds the exponent of a decimal while it is read. No text that fits in memory has digits enough to
// bring a number with a larger one back into range.
const maxExponent = 1 << 50

// parseDecimal reads an unsigned decimal such as "61234.5", "7" or "1e-05" as a count of 1e-8 units.
//
// It accepts digits with at most one '.', a digit on both sides of it, and an exponent: 'e' or 'E', an optional sign,
// digits. Digits beyond the eighth decimal are rounded, half away from zero. Other texts are ErrNumber, values that
// round to more than math.MaxInt64 units ErrTooWide. zero reports whether the number itself, before rounding, is zero.
// The length of b is not limited. It does not allocate.
func parseDecimal(b []byte) (units int64, zero bool, err error) {
	whole := countDigits(b)
	if whole == 0 {
		return 0, false, ErrNumber
	}
	rest, fraction := b[whole:], 0
	if len(rest) > 0 && rest[0] == '.' {
		if fraction = countDigits(rest[1:]); fraction == 0 {
			return 0, false, ErrNumber
		}
		rest = rest[1+fraction:]
	}
	exponent, ok := parseExponent(rest)
	if !ok {
		return 0, false, ErrNumber
	}
	return scaleDigits(b[:len(b)-len(rest)], int64(whole)+exponent)
}

// countDigits is the number of digits that b begins with.
func countDigits(b []byte) int {
	for i, c := range b {
		if c < '0' || c > '9' {
			return i
		}
	}
	return len(b)
}

// parseExponent reads what follows the digits of a decimal, to the end: nothing, or an exponent.
func parseExponent(b []byte) (exponent int64, ok bool) {
	if len(b) == 0 {
		return 0, true
	}
	if b[0] != 'e' && b[0] != 'E' {
		return 0, false
	}
	b = b[1:]
	negative := len(b) > 0 && b[0] == '-'
	if negative || len(b) > 0 && b[0] == '+' {
		b = b[1:]
	}
	if len(b) == 0 || countDigits(b) != len(b) {
		return 0, false
	}
	for _, c := range b {
		exponent = min(exponent*10+int64(c-'0'), maxExponent)
	}
	if negative {
		exponent = -exponent
	}
	return exponent, true
}

// scaleDigits is the number 0.digits times ten to the power of point, in units. The '.' among digits is skipped.
func scaleDigits(digits []byte, point int64) (units int64, zero bool, err error) {
	var sum uint64
	left := point + scale // how many more digits are whole units
	zero = true
	for _, c := range digits {
		if c == '.' {
			continue
		}
		d := uint64(c - '0')
		zero = zero && d == 0
		if left > 0 {
			if sum > math.MaxInt64/10 { // at most nine too much is left to the end
				return 0, false, ErrTooWide
			}
			sum = sum*10 + d
		} else if left == 0 && d >= 5 {
			sum++ // the first digit that is not whole decides: 5 is half a unit, and half goes up
		}
		left--
	}
	for ; left > 0 && sum > 0; left-- {
		if sum > math.MaxInt64/10 {
			return 0, false, ErrTooWide
		}
		sum *= 10
	}
	if sum > math.MaxInt64 {
		return 0, false, ErrTooWide
	}
	return int64(sum), zero, nil
}
