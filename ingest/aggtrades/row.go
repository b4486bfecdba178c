package aggtrades

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"time"
)

// row is one line, decoded.
type row struct {
	id, price, quantity, firstTrade, lastTrade, time int64
	buyerMaker                                       bool

	priceZero, quantityZero bool // of the numbers in the file, before rounding
}

// noTrade is the first and last trade id of voided rows.
const noTrade = -1

// voided reports whether Binance has declared the row invalid.
func (r *row) voided() bool {
	return r.priceZero && r.quantityZero && r.firstTrade == noTrade && r.lastTrade == noTrade
}

// parseRow decodes a line, given without its end, and checks that it is a trade of the period or a voided row. It takes
// every form of a row there is, and is the only place where errors about rows are made. It does not allocate otherwise.
func (d *Decoder) parseRow(line []byte) (row, error) {
	if len(line) == 0 {
		return row{}, &RowError{Line: d.line, Err: ErrEmptyLine}
	}
	f := fields{line: d.line}
	if !f.split(line, d.opts.Format.Columns) {
		return row{}, columnsError(line, d.line, strconv.Itoa(d.opts.Format.Columns))
	}
	r := row{
		id:         f.id(colID),
		firstTrade: f.tradeID(colFirstTrade),
		lastTrade:  f.tradeID(colLastTrade),
		time:       f.time(),
		buyerMaker: f.boolean(colMaker),
	}
	r.price, r.priceZero = f.decimal(colPrice, d.maxPrice)
	r.quantity, r.quantityZero = f.decimal(colQuantity, d.maxQuantity)
	if d.opts.Format.Columns == maxColumns {
		f.boolean(colBestMatch)
	}
	if f.err == nil && !r.voided() {
		d.checkTrade(&f, &r)
	}
	if f.err != nil {
		return row{}, f.err
	}
	return r, nil
}

// checkTrade puts into f what is wrong with r as a trade.
func (d *Decoder) checkTrade(f *fields, r *row) {
	switch {
	case r.priceZero:
		f.fail(colPrice, ErrNotTrade, "a price above zero")
	case r.firstTrade < 0:
		f.fail(colFirstTrade, ErrNotTrade, "an id of zero or more")
	case r.lastTrade < r.firstTrade:
		f.fail(colLastTrade, ErrNotTrade, "at least the first trade id, "+strconv.FormatInt(r.firstTrade, 10))
	case r.time < earliest || r.time >= endOfTime:
		f.fail(colTime, ErrTime, "milliseconds or microseconds since 1970, of a time from 2009 to 2099")
	case r.time < d.firstTime || r.time >= d.endTime:
		at := time.UnixMicro(r.time).UTC().Format(time.RFC3339Nano)
		f.fail(colTime, ErrOutsidePeriod, "a time in "+d.opts.Period.String()+" UTC, got "+at)
	}
}

// fields are the texts of one line, and the first error among them in the order of the columns.
type fields struct {
	line  int64
	text  [maxColumns][]byte
	err   *RowError
	errAt int // the column err is about
}

// split cuts a line into n fields, and reports whether there are n.
func (f *fields) split(line []byte, n int) bool {
	if n > maxColumns || bytes.Count(line, []byte{','})+1 != n {
		return false
	}
	for i := range n {
		f.text[i], line, _ = bytes.Cut(line, []byte{','})
	}
	return true
}

// fail records an error about a column, unless there is one about a column before it.
func (f *fields) fail(col int, err error, want string) {
	if f.err != nil && f.errAt <= col {
		return
	}
	f.errAt = col
	f.err = &RowError{Line: f.line, Field: columnName(col), Text: quotable(f.text[col]), Want: want, Err: err}
}

// id reads an id: digits only.
func (f *fields) id(col int) int64 {
	v, ok := parseInt(f.text[col])
	if !ok {
		f.fail(col, ErrNumber, "digits only, at most "+strconv.FormatInt(math.MaxInt64, 10))
	}
	return v
}

// tradeID reads the id of a first or last trade, which is noTrade in voided rows.
func (f *fields) tradeID(col int) int64 {
	if string(f.text[col]) == "-1" {
		return noTrade
	}
	return f.id(col)
}

// microsecondsFrom is the smallest time in a file that counts microseconds. As milliseconds it would be in the year
// 5138, as microseconds it is in 1973: nothing real lies near it in either unit.
const microsecondsFrom = 100_000_000_000_000

// time reads the time of a row, in microseconds.
func (f *fields) time() int64 {
	v := f.id(colTime)
	if v < microsecondsFrom {
		v *= 1000
	}
	return v
}

// decimal reads a price or a quantity of at most limit units. zero is as parseDecimal has it.
func (f *fields) decimal(col int, limit int64) (units int64, zero bool) {
	units, zero, err := parseDecimal(f.text[col])
	if err == nil && units > limit {
		err = ErrTooWide
	}
	switch {
	case errors.Is(err, ErrTooWide):
		f.fail(col, ErrTooWide, "at most "+formatUnits(limit))
	case err != nil:
		f.fail(col, err, "an unsigned decimal such as 61234.5 or 1e-05")
	}
	return units, zero
}

// boolean reads a truth value, in the three ways to write it that are found in files.
func (f *fields) boolean(col int) bool {
	switch string(f.text[col]) {
	case "true", "True", "TRUE":
		return true
	case "false", "False", "FALSE":
	default:
		f.fail(col, ErrBoolean, "true or false")
	}
	return false
}

// maxIDDigits is how many digits an int64 has at most.
const maxIDDigits = 19

// parseInt reads 1 to 19 digits that are at most math.MaxInt64.
func parseInt(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > maxIDDigits {
		return 0, false
	}
	var v uint64 // 19 digits always fit
	for _, c := range b {
		if !isDigit(c) {
			return 0, false
		}
		v = v*10 + uint64(c-'0')
	}
	return int64(v), v <= math.MaxInt64
}
