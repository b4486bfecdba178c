// Package amount writes how many there are of something, for people: 2,400,000 rows.
//
// What machines read, or a person may paste into a command, is written plainly: performance data, JSON numbers, CSV, trade ids, PIDs,
// numbers of lines.
package amount

import (
	"math"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
)

// Text is a number of things, such as "2,400,000".
func Text[N int | int32 | int64](n N) string { return humanize.Comma(int64(n)) }

// Of is a number of things with their name, such as "1 row" or "2,400,000 rows".
func Of[N int | int32 | int64](n N, thing string) string { return Text(n) + " " + Noun(n, thing) }

// Noun is the word for n things: thing itself where it is one, or where it has an s already, as "series" has.
func Noun[N int | int32 | int64](n N, thing string) string {
	if n == 1 || strings.HasSuffix(thing, "s") {
		return thing
	}
	return thing + "s"
}

// Decimal is a number that need not be whole, in as many digits as it takes.
func Decimal(v float64) string { return humanize.Commaf(v) }

// Rounded is v in so many significant digits.
func Rounded(v float64, digits int) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', digits, 64), 64)
	if err != nil { // out of range by rounding up
		return v
	}
	return r
}

// Bytes is a size in powers of 1000, such as "61.2 GB".
func Bytes(n int64) string {
	text, _ := Size(float64(n), 3)
	return text
}

// Size is a number of bytes in powers of 1000, in so many significant digits, and what its text amounts to.
func Size(v float64, digits int) (text string, shown float64) {
	prefixes := []string{"B", "kB", "MB", "GB", "TB", "PB", "EB"}
	scale := 1.0
	for len(prefixes) > 1 && math.Abs(Rounded(v/scale, digits)) >= 1000 {
		scale *= 1000
		prefixes = prefixes[1:]
	}
	r := Rounded(v/scale, digits)
	return strconv.FormatFloat(r+0, 'f', -1, 64) + " " + prefixes[0], r * scale // + 0 since -0 is 0
}

// Short is a number in few characters, such as "3.2M".
func Short[N int | int64 | float64](n N) string {
	return strings.ReplaceAll(humanize.SIWithDigits(math.Round(float64(n)), 1, ""), " ", "")
}
