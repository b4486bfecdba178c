package aggtrades

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/check-ingest/check-ingest/internal/catalog"
)

// shape is a kind of file, as published or as people make them of published ones.
type shape struct {
	header      string // empty for none
	columns     int
	micros      bool // times in microseconds
	places      int  // decimals of prices and quantities; -1 trims zeros but for one, as floats are printed
	yes, no     string
	lineEnd     string
	firstID     int64
	day         string // of the first row
	stepMillis  int64  // mean distance of two rows
	odd         bool   // with voided rows, zero and tiny quantities, exponents, many decimals
	outOfOrder  bool   // with ids that repeat or step back
	priceDigits int    // digits of a price before the '.'
}

const officialHeader = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker"

// shapes are all kinds of files that the decoder is tested on.
func shapes() map[string]shape {
	um := shape{
		header: officialHeader, columns: 7, places: -1, yes: "true", no: "false", lineEnd: "\n",
		firstID: 3454067270, day: "2026-09-17", stepMillis: 70, priceDigits: 5,
	}
	spot := shape{
		columns: 8, micros: true, places: 8, yes: "True", no: "False", lineEnd: "\n",
		firstID: 4064947752, day: "2026-09-16", stepMillis: 90, priceDigits: 5,
	}
	with := func(s shape, change func(*shape)) shape {
		change(&s)
		return s
	}
	return map[string]shape{
		"USD-M with header":               um,
		"USD-M before headers":            with(um, func(s *shape) { s.header, s.places, s.firstID = "", 3, 18374167 }),
		"spot in microseconds":            spot,
		"spot in milliseconds":            with(spot, func(s *shape) { s.micros, s.firstID, s.day = false, 0, "2017-08-17" }),
		"COIN-M, whole numbers":           with(um, func(s *shape) { s.places, s.header, s.priceDigits = 0, "", 4 }),
		"CRLF and capitals":               with(um, func(s *shape) { s.lineEnd, s.yes, s.no = "\r\n", "TRUE", "FALSE" }),
		"short header with eight columns": with(spot, func(s *shape) { s.header = "a,p,q,f,l,T,m,M" }),
		"odd numbers":                     with(um, func(s *shape) { s.odd = true }),
		"odd numbers in spot":             with(spot, func(s *shape) { s.odd = true }),
		"ids out of order":                with(um, func(s *shape) { s.outOfOrder, s.odd = true, true }),
		"three days":                      with(um, func(s *shape) { s.stepMillis = 200_000 }),
		"prices of one digit":             with(spot, func(s *shape) { s.priceDigits = 1 }),
		"prices of ten digits":            with(spot, func(s *shape) { s.priceDigits = 10 }),
	}
}

// generate makes a file of n rows; the same seed makes the same file.
func (s shape) generate(tb testing.TB, n int, seed uint64) []byte {
	tb.Helper()
	day, err := catalog.ParseDay(s.day)
	if err != nil {
		tb.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	var b strings.Builder
	if s.header != "" {
		b.WriteString(s.header + s.lineEnd)
	}
	id, trade, micros := s.firstID, s.firstID*2, day.Micros()
	price := rng.Float64() * float64(pow10(s.priceDigits))
	for range n {
		price = max(price*(1+(rng.Float64()-0.5)/1e4), 0.001)
		first, last := strconv.FormatInt(trade, 10), strconv.FormatInt(trade+rng.Int64N(4), 10)
		priceText, quantity := s.number(price), s.number(rng.ExpFloat64())
		if s.odd {
			priceText, quantity, first, last = oddRow(rng, priceText, quantity, first, last)
		}
		at := micros
		if !s.micros {
			at /= 1000
		}
		fmt.Fprintf(&b, "%d,%s,%s,%s,%s,%d,%s", id, priceText, quantity, first, last, at, s.truth(rng))
		if s.columns == maxColumns {
			b.WriteString("," + s.yes)
		}
		b.WriteString(s.lineEnd)
		micros += rng.Int64N(2 * s.stepMillis * 1000)
		trade += 4
		id++
		if s.outOfOrder && rng.IntN(10) == 0 {
			id = max(0, id-rng.Int64N(3))
		}
	}
	return []byte(b.String())
}

// number writes v the way the shape's exchange does, and never as zero.
func (s shape) number(v float64) string {
	if s.places == 0 {
		return strconv.FormatInt(int64(v)+1, 10)
	}
	text := strconv.FormatFloat(v+0.001, 'f', max(s.places, 3), 64)
	if s.places < 0 {
		text = strings.TrimRight(text, "0")
		if strings.HasSuffix(text, ".") {
			text += "0"
		}
	}
	return text
}

func (s shape) truth(rng *rand.Rand) string {
	if rng.IntN(2) == 0 {
		return s.yes
	}
	return s.no
}

// oddRow makes one row in three one that published files have now and then.
func oddRow(rng *rand.Rand, price, quantity, first, last string) (p, q, f, l string) {
	switch rng.IntN(24) {
	case 0:
		return "0", "0", "-1", "-1"
	case 1:
		return "0.00000000", "0.00000000", "-1", "-1"
	case 2:
		quantity = "0.0"
	case 3:
		quantity = "4.440892098500626e-16"
	case 4:
		quantity = "1e-05"
	case 5:
		price += "4999999999999999"
	case 6:
		quantity = "12345678901.5"
	case 7:
		quantity = "92233720368.54775807"
	}
	return price, quantity, first, last
}

func pow10(n int) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}
