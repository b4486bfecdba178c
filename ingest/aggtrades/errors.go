package aggtrades

import (
	"errors"
	"strconv"
	"strings"
)

// What can be wrong with a file as a whole. [Sniff] returns these, wrapped; ErrNoRows is for whoever saw no row.
var (
	ErrEmpty   = errors.New("the file is empty")
	ErrNoRows  = errors.New("the file has no rows")
	ErrMarkup  = errors.New("an HTML or XML page, not CSV") // what a download saves when the server has no such file
	ErrArchive = errors.New("compressed data under the name of a CSV file")
)

// What can be wrong with a line. [RowError] wraps one of these.
var (
	ErrHeader        = errors.New("not the header of an aggTrades file")
	ErrLineTooLong   = errors.New("the line is too long to be a row")
	ErrTruncated     = errors.New("the file ends in the middle of a line")
	ErrEmptyLine     = errors.New("empty line")
	ErrColumns       = errors.New("wrong number of columns")
	ErrNumber        = errors.New("invalid number")   // an id, a time, a price or a quantity
	ErrBoolean       = errors.New("invalid boolean")  // one of the last two columns
	ErrTooWide       = errors.New("number too large") // a price or a quantity above Limits; a wider column may hold it
	ErrTime          = errors.New("not a time at which trades were made")
	ErrOutsidePeriod = errors.New("outside the file's period")
	ErrNotTrade      = errors.New("not a trade") // price zero or trade ids that are no range, and yet not voided
)

// maxErrorText is how many bytes of a file an error quotes.
const maxErrorText = 80

// RowError says which line of a file is not what it should be, and why. It does not know the file's name; whoever
// opened the file adds it.
type RowError struct {
	Line  int64  // counted from 1, the header included
	Field string // the column's official name; empty where the line as a whole is wrong
	Text  string // what was found, cut at 80 bytes
	Want  string // what was expected; may be empty
	Err   error  // one of the package's errors
}

// Error is a sentence such as `line 48211: price "1e5x": invalid number, expected an unsigned decimal such as 61234.5`.
func (e *RowError) Error() string {
	var b strings.Builder
	b.WriteString("line ")
	b.WriteString(strconv.FormatInt(e.Line, 10))
	b.WriteString(": ")
	if e.Field != "" {
		b.WriteString(e.Field)
		b.WriteByte(' ')
	}
	if e.Field != "" || e.Text != "" {
		b.WriteString(strconv.Quote(e.Text))
		b.WriteString(": ")
	}
	b.WriteString(e.Err.Error())
	if e.Want != "" {
		b.WriteString(", expected ")
		b.WriteString(e.Want)
	}
	return b.String()
}

// Unwrap is the package's error that e is one of, for [errors.Is].
func (e *RowError) Unwrap() error { return e.Err }

// quotable is as much of b as an error keeps.
func quotable(b []byte) string {
	return string(b[:min(len(b), maxErrorText)])
}
