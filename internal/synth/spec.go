// Package synth makes aggTrades files that look like Binance's: for tests, for the demo and for benchmarks.
//
// A [Spec] always gives the same CSV bytes, on every machine. The rows are plausible rather than real: contiguous ids, a
// price that walks in ticks, small quantities with a long tail, bursts of rows in one instant, both sides.
package synth

import (
	"fmt"
	"math"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
)

// unitsPerOne is how many units, in which prices and quantities are counted, make a whole one.
const unitsPerOne = int64(1e8)

// Shape is one of the forms in which Binance has published aggTrades.
type Shape uint8

// The shapes. Auto is what Binance published for the market at the beginning of the period.
const (
	Auto       Shape = iota
	SpotMillis       // 8 columns, no header, milliseconds, always 8 decimals, True and False: spot before 2025
	SpotMicros       // the same with microseconds: spot since 2025-01-01
	UMPlain          // 7 columns, no header, trailing zeros kept: USD-M before 2022-08-11
	UMHeader         // 7 columns, header, printed as floats: USD-M since 2022-08-11
	CMPlain          // 7 columns, no header, whole contracts printed as integers: COIN-M before 2022-08-11
	CMHeader         // 7 columns, header, whole contracts printed as floats ("542.0"): COIN-M since 2022-08-11
)

// Header is the heading of files that have one, without its line end.
const Header = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker"

// Spec says which file to make. Series and Period are needed, everything else has a default.
type Spec struct {
	Series catalog.Series
	Period catalog.Period

	Rows    int    // data rows, spread over the whole period
	FirstID int64  // agg_trade_id of the first row; the others count up from it
	Seed    uint64 // varies prices, quantities, times and sides
	Shape   Shape  // Auto: by market and period

	// Prices and quantities are in units of 1e-8, so 60_000e8 is sixty thousand. Tick and Lot are the smallest steps and
	// powers of ten, at most 1e8. Zero means 60_000 and BTC's steps in the shape's market.
	StartPrice int64
	Tick       int64
	Lot        int64
}

// Next is the spec of the file that follows s: the next day or month, with ids that continue those of s, and another seed.
func (s Spec) Next() Spec {
	if s.Period.Monthly() {
		t := s.Period.End.Time()
		s.Period = catalog.MonthPeriod(t.Year(), t.Month())
	} else {
		s.Period = catalog.Period{First: s.Period.End, End: s.Period.End + catalog.Day(s.Period.Days())}
	}
	s.FirstID += int64(s.Rows)
	s.Seed++
	return s
}

// numbers is how a shape prints a price or a quantity.
type numbers uint8

const (
	eightDecimals numbers = iota // 0.00100000
	keptZeros                    // 0.030 where the step is 0.001, 4 where it is 1
	asFloat                      // 0.03, 4.0
)

// style is everything in which shapes differ.
type style struct {
	header    bool
	perSecond int64 // instants a second: 1_000 or 1_000_000
	numbers   numbers
	makerIs   [2]string // the end of a row: taker bought, taker sold
	tick, lot int64     // the defaults, in units
}

// style of the shape; false for Auto and for what is no shape.
func (s Shape) style() (style, bool) {
	spot := style{perSecond: 1e3, numbers: eightDecimals, makerIs: [2]string{",False,True\n", ",True,True\n"}, tick: 1e6, lot: 1e3}
	futures := style{perSecond: 1e3, numbers: keptZeros, makerIs: [2]string{",false\n", ",true\n"}, tick: 1e7, lot: 1e5}
	switch s {
	case SpotMillis:
		return spot, true
	case SpotMicros:
		spot.perSecond = 1e6
		return spot, true
	case UMPlain:
		return futures, true
	case UMHeader:
		futures.header, futures.numbers = true, asFloat
		return futures, true
	case CMPlain:
		futures.lot = unitsPerOne
		return futures, true
	case CMHeader:
		futures.header, futures.numbers, futures.lot = true, asFloat, unitsPerOne
		return futures, true
	case Auto:
	}
	return style{}, false
}

// shapeOf is the shape Binance published for a market at a time.
func shapeOf(m catalog.Market, first catalog.Day) Shape {
	micros := catalog.DayOf(time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC))
	header := catalog.DayOf(time.Date(2022, 8, 11, 0, 0, 0, 0, time.UTC))
	switch {
	case m == catalog.Spot && first >= micros:
		return SpotMicros
	case m == catalog.Spot:
		return SpotMillis
	case m == catalog.CM && first >= header:
		return CMHeader
	case m == catalog.CM:
		return CMPlain
	case first >= header:
		return UMHeader
	default:
		return UMPlain
	}
}

// complete fills in the defaults and returns the style, or an error for a spec that cannot be made.
func (s Spec) complete() (Spec, style, error) {
	if s.Shape == Auto {
		s.Shape = shapeOf(s.Series.Market, s.Period.First)
	}
	st, ok := s.Shape.style()
	if !ok {
		return s, st, fmt.Errorf("shape %d: unknown", s.Shape)
	}
	if s.StartPrice == 0 {
		s.StartPrice = 60_000 * unitsPerOne
	}
	if s.Tick == 0 {
		s.Tick = st.tick
	}
	if s.Lot == 0 {
		s.Lot = st.lot
	}
	switch {
	case s.Period.Days() < 1:
		return s, st, fmt.Errorf("period %s: has no day", s.Period)
	case s.Rows < 0:
		return s, st, fmt.Errorf("rows %d: negative", s.Rows)
	case s.FirstID < 0 || s.FirstID > math.MaxInt64/4-int64(s.Rows):
		return s, st, fmt.Errorf("first id %d: expected 0 or more, and room for the ids that follow", s.FirstID)
	case s.StartPrice < 0 || s.StartPrice > math.MaxInt64/4:
		return s, st, fmt.Errorf("start price %d units: expected 1 to %d", s.StartPrice, int64(math.MaxInt64/4))
	case decimals(s.Tick) < 0:
		return s, st, fmt.Errorf("tick %d units: expected a power of ten from 1 to 1e8", s.Tick)
	case decimals(s.Lot) < 0:
		return s, st, fmt.Errorf("lot %d units: expected a power of ten from 1 to 1e8", s.Lot)
	}
	return s, st, nil
}

// decimals is the number of decimals a step in units needs, or -1 for what is no power of ten up to 1e8.
func decimals(step int64) int {
	d := 0
	for p := unitsPerOne; p > 0; p /= 10 {
		if p == step {
			return d
		}
		d++
	}
	return -1
}
