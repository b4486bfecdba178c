// Package amount writes how many there are of something, for people: 2,400,000 rows.
//
// What machines read, or a person may paste into a command, is written plainly: performance data, JSON numbers, CSV, trade ids, PIDs,
// numbers of lines.
package amount

import (
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
