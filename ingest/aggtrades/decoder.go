package aggtrades

import (
	"bytes"
	"math"

	"github.com/check-ingest/check-ingest/internal/catalog"
)

// Limits are the largest values that a table's columns hold, in units of 1e-8. Zero stands for what an int64 holds.
type Limits struct {
	Price    int64
	Quantity int64
}

// Options say what a decoder has to expect of a file.
type Options struct {
	Format Format // as Sniff found it; only Columns matters to a decoder
	Limits Limits
	Period catalog.Period // rows of other days are errors; a period without days stands for any time
}

// Decoder turns blocks of a file into rows. It is for one goroutine at a time, and for any number of blocks in any order.
// It does not allocate, except for errors.
type Decoder struct {
	opts Options

	maxPrice, maxQuantity int64 // Limits, with zero resolved
	firstTime, endTime    int64 // the times a row may have, in microseconds, half-open

	block  []byte
	pos    int   // where the next line begins
	line   int64 // its number
	voided int64
}

// The times that a row may have at all, in microseconds, half-open: the years 2009 to 2099. Binance opened in 2017, and
// a number that lost a digit lies far outside.
const (
	earliest  = 1_230_768_000_000_000
	endOfTime = 4_102_444_800_000_000
)

// NewDecoder makes a decoder for files of one format.
func NewDecoder(o Options) *Decoder {
	d := &Decoder{
		opts:        o,
		maxPrice:    limitOr(o.Limits.Price, math.MaxInt64),
		maxQuantity: limitOr(o.Limits.Quantity, math.MaxInt64),
		firstTime:   earliest,
		endTime:     endOfTime,
	}
	if o.Period.Days() > 0 {
		d.firstTime = max(d.firstTime, o.Period.First.Micros())
		d.endTime = min(d.endTime, o.Period.End.Micros())
	}
	return d
}

func limitOr(limit, otherwise int64) int64 {
	if limit > 0 {
		return limit
	}
	return otherwise
}

// Reset gives the decoder a block to work on and forgets the one before. A block is a sequence of lines, each ended by
// '\n'; the last one of a file may lack that, which is an error once the decoder comes to it. firstLine is the number
// in the file, counted from 1, of the block's first line. The block must not change until it is used up; it is only read.
func (d *Decoder) Reset(block []byte, firstLine int64) {
	d.block, d.pos, d.line, d.voided = block, 0, firstLine, 0
}

// Next replaces what is in rows by the rows that follow in the block, as many as rows can hold. It returns false once
// the block is used up, and rows is empty then.
//
// Rows that Binance has voided (price and quantity zero, first and last trade id -1) are left out and counted, see
// [Decoder.Voided]. Any other row that is not a trade of the period is a *[RowError]; rows then holds what precedes it,
// and another call returns the same error.
func (d *Decoder) Next(rows *Rows) (bool, error) {
	rows.N = 0
	for {
		d.decodeCommon(rows)
		if rows.N == len(rows.ID) || d.pos == len(d.block) {
			return rows.N > 0, nil
		}
		if err := d.decodeLine(rows); err != nil {
			return false, err
		}
	}
}

// Voided is the number of voided rows left out since Reset.
func (d *Decoder) Voided() int64 { return d.voided }

// decodeLine decodes the next line into the next row, or counts it as voided, and steps over it.
func (d *Decoder) decodeLine(rows *Rows) error {
	rest := d.block[d.pos:]
	end := bytes.IndexByte(rest, '\n')
	if end < 0 {
		return &RowError{Line: d.line, Text: quotable(rest), Err: ErrTruncated}
	}
	r, err := d.parseRow(trimCR(rest[:end]))
	if err != nil {
		return err
	}
	d.pos += end + 1
	d.line++
	if r.voided() {
		d.voided++
		return nil
	}
	n := rows.N
	rows.ID[n] = r.id
	rows.Price[n] = r.price
	rows.Quantity[n] = r.quantity
	rows.FirstTrade[n] = r.firstTrade
	rows.LastTrade[n] = r.lastTrade
	rows.Time[n] = r.time
	rows.BuyerMaker[n] = r.buyerMaker
	rows.N++
	return nil
}
