package synth

import (
	"bytes"
	"fmt"
	"io"
	"math/bits"
	"math/rand/v2"
	"strconv"

	"github.com/check-ingest/check-ingest/internal/catalog"
)

const (
	writeSize = 256 << 10 // bytes handed to the writer at a time
	maxRow    = 256       // more bytes than any row has: five numbers of at most 20 digits, and the sides
)

// WriteCSV writes the file's CSV text. The error is the writer's, or says what is wrong with the spec.
func WriteCSV(w io.Writer, s Spec) error {
	g, err := newGenerator(s)
	if err != nil {
		return fmt.Errorf("make %s %s: %w", s.Series, s.Period, err)
	}
	for !g.done() {
		g.buf = g.fill(g.buf[:0])
		if _, err := w.Write(g.buf); err != nil {
			return fmt.Errorf("write %s %s: %w", s.Series, s.Period, err)
		}
	}
	return nil
}

// CSV is the file's CSV text. A spec that cannot be made is a mistake in the caller's code, so it panics.
func CSV(s Spec) []byte {
	var b bytes.Buffer
	if err := WriteCSV(&b, s); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// generator makes rows one after the other.
type generator struct {
	spec  Spec
	style style
	rng   *rand.PCG
	buf   []byte

	row    int64 // rows made
	header bool  // the heading is still to be written
	clock  clock
	now    int64 // time of the row before
	dayEnd int64 // the first instant of the day after now
	price  int64 // in ticks
	lowest int64 // bounds of the price, in ticks
	most   int64
	sold   uint64 // the taker's side in the row before: 1 sold

	priceFormat, quantityFormat format
}

func newGenerator(s Spec) (*generator, error) {
	s, st, err := s.complete()
	if err != nil {
		return nil, err
	}
	start := max(s.StartPrice/s.Tick, 1)
	times := newClock(s.Period, int64(s.Rows), st.perSecond)
	return &generator{
		spec: s, style: st,
		rng:    rand.NewPCG(s.Seed, 0x61676754726164), // the second word only has to stay what it is
		buf:    make([]byte, 0, writeSize+maxRow),
		header: st.header,
		clock:  times,
		now:    times.begin,
		dayEnd: times.begin,
		price:  start, lowest: max(start/2, 1), most: start + start/2 + 1,
		priceFormat:    newFormat(s.Tick, st.numbers),
		quantityFormat: newFormat(s.Lot, st.numbers),
	}, nil
}

func (g *generator) done() bool { return !g.header && g.row == int64(g.spec.Rows) }

// fill appends lines until there are enough to write, or no more.
func (g *generator) fill(b []byte) []byte {
	if g.header {
		b = append(append(b, Header...), '\n')
		g.header = false
	}
	for g.row < int64(g.spec.Rows) && len(b) < writeSize {
		b = g.appendRow(b)
		g.row++
	}
	return b
}

// appendRow appends the next row. Two random words make one: the first is cut up into small choices.
func (g *generator) appendRow(b []byte) []byte {
	choice, chance := g.rng.Uint64(), g.rng.Uint64()
	// Three rows in four share the instant of the one before, as in a sweep of the book, but every day has rows if there are
	// enough of them.
	if slot := g.clock.slot(g.row); choice&3 == 0 || slot >= g.dayEnd {
		g.now = slot + g.clock.within(chance)
		for g.dayEnd <= g.now {
			g.dayEnd += g.clock.day
		}
	}
	if choice>>2&7 < 3 {
		g.sold = choice >> 5 & 1
		g.step(int64(choice >> 6 & 0xff))
	}
	id := g.spec.FirstID + g.row
	b = strconv.AppendInt(b, id, 10)
	b = append(b, ',')
	b = g.priceFormat.append(b, g.price)
	b = append(b, ',')
	b = g.quantityFormat.append(b, quantity(choice>>14))
	b = append(b, ',')
	b = strconv.AppendInt(b, firstTrade(id), 10)
	b = append(b, ',')
	b = strconv.AppendInt(b, firstTrade(id+1)-1, 10)
	b = append(b, ',')
	b = strconv.AppendInt(b, g.now, 10)
	return append(b, g.style.makerIs[g.sold]...)
}

// step moves the price: mostly by one tick the way the taker pushes it, sometimes by a few more, and back from its bounds.
func (g *generator) step(r int64) {
	by := 1 + (r&15)*(r>>4)/64
	if g.sold == 1 {
		by = -by
	}
	switch next := g.price + by; {
	case next < g.lowest:
		g.price = min(g.lowest+1, g.most)
	case next > g.most:
		g.price = g.most
	default:
		g.price = next
	}
}

// quantity is a number of lots from random bits: half of all rows below 16, a few in the thousands.
func quantity(r uint64) int64 {
	width := (r & 7) + (r >> 3 & 7)
	return int64(1 + r>>6&(1<<width-1)) // at most 1<<14
}

// tradeOffsets holds four ways to deal sixteen trades to eight rows: for each row the trades before it.
const tradeOffsets = "\x00\x01\x02\x05\x06\x07\x0d\x0e" +
	"\x00\x01\x02\x03\x04\x09\x0b\x0f" +
	"\x00\x03\x04\x05\x06\x07\x08\x09" +
	"\x00\x02\x03\x07\x08\x09\x0a\x0f"

// firstTrade is the first trade id of a row. It depends on the row's id alone, so trade ids go on from file to file without a
// gap, as spot's do.
func firstTrade(id int64) int64 {
	group := id / 8
	deal := uint64(group) * 0x9e3779b97f4a7c15 >> 62
	return group*16 + int64(tradeOffsets[deal*8+uint64(id%8)])
}

// clock spreads rows over a period: each has a slot of its own. It counts in the shape's instants.
type clock struct {
	begin      int64 // the period's first instant
	day        int64 // instants in a day
	width      int64 // instants in a slot
	rest, rows int64 // instants left over, and the slots that share them
}

func newClock(p catalog.Period, rows, perSecond int64) clock {
	day := catalog.MicrosPerDay / 1e6 * perSecond
	span := int64(p.Days()) * day
	rows = max(rows, 1)
	return clock{begin: int64(p.First) * day, day: day, width: span / rows, rest: span % rows, rows: rows}
}

// slot is the first instant of a row's slot.
func (c clock) slot(row int64) int64 {
	high, low := bits.Mul64(uint64(row), uint64(c.rest))
	share, _ := bits.Div64(high, low, uint64(c.rows)) // row < rows, so the quotient is below rest
	return c.begin + row*c.width + int64(share)
}

// within is a random distance from a slot's beginning.
func (c clock) within(chance uint64) int64 {
	d, _ := bits.Mul64(chance, uint64(c.width))
	return int64(d)
}

// format prints multiples of a step.
type format struct {
	decimals int
	scale    int64 // what a multiple is worth in the last decimal
	one      int64 // 10^decimals
	trim     bool  // as a float: no zeros at the end, but one decimal at least
}

func newFormat(step int64, n numbers) format {
	d := decimals(step)
	f := format{decimals: d, scale: 1, one: unitsPerOne / step, trim: n == asFloat}
	if n == eightDecimals {
		f.decimals, f.scale, f.one = 8, step, unitsPerOne
	}
	if f.trim && d == 0 {
		f.decimals, f.scale, f.one = 1, 10, 10
	}
	return f
}

// append appends n steps.
func (f format) append(b []byte, n int64) []byte {
	n *= f.scale
	whole, rest := n/f.one, n%f.one
	b = strconv.AppendInt(b, whole, 10)
	if f.decimals == 0 {
		return b
	}
	d := f.decimals
	for f.trim && d > 1 && rest%10 == 0 {
		rest /= 10
		d--
	}
	b = append(b, ".00000000"[:d+1]...)
	for i := len(b) - 1; rest > 0; i-- {
		b[i] = byte('0' + rest%10)
		rest /= 10
	}
	return b
}
