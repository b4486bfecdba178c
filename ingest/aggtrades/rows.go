package aggtrades

import "github.com/check-ingest/check-ingest/internal/catalog"

// Rows is a batch of decoded rows, one slice a column. The slices are as long as the batch can grow; the first N
// elements of each are valid.
type Rows struct {
	N          int
	ID         []int64
	Price      []int64 // in units of 1e-8
	Quantity   []int64 // in units of 1e-8; zero in some real trades
	FirstTrade []int64
	LastTrade  []int64
	Time       []int64 // microseconds since the epoch, UTC
	BuyerMaker []bool  // true where the taker sold
}

// NewRows makes an empty batch for up to capacity rows, which must be positive.
func NewRows(capacity int) *Rows {
	column := func() []int64 { return make([]int64, capacity) }
	return &Rows{
		ID: column(), Price: column(), Quantity: column(), FirstTrade: column(), LastTrade: column(), Time: column(),
		BuyerMaker: make([]bool, capacity),
	}
}

// Keep removes the rows of the UTC days that wanted refuses, keeps the order of the others, and tells how many went.
// Where all days between the batch's first and last are wanted, no row is moved or asked about.
func (r *Rows) Keep(wanted func(catalog.Day) bool) (dropped int64) {
	if r.N == 0 || r.allWanted(wanted) {
		return 0
	}
	kept := 0
	day := catalog.DayOfMicros(r.Time[0])
	keep := wanted(day)
	for i, t := range r.Time[:r.N] {
		if d := catalog.DayOfMicros(t); d != day {
			day, keep = d, wanted(d)
		}
		if keep {
			r.move(kept, i)
			kept++
		}
	}
	dropped = int64(r.N - kept)
	r.N = kept
	return dropped
}

// allWanted reports whether every day from the batch's first to its last is wanted. It asks about no more days than
// there are rows, and says no where there are more.
func (r *Rows) allWanted(wanted func(catalog.Day) bool) bool {
	first, last := bounds(r.Time[:r.N])
	firstDay, lastDay := catalog.DayOfMicros(first), catalog.DayOfMicros(last)
	if int(lastDay-firstDay) >= r.N {
		return false
	}
	for d := firstDay; d <= lastDay; d++ {
		if !wanted(d) {
			return false
		}
	}
	return true
}

// move copies the row at from to the place to.
func (r *Rows) move(to, from int) {
	r.ID[to] = r.ID[from]
	r.Price[to] = r.Price[from]
	r.Quantity[to] = r.Quantity[from]
	r.FirstTrade[to] = r.FirstTrade[from]
	r.LastTrade[to] = r.LastTrade[from]
	r.Time[to] = r.Time[from]
	r.BuyerMaker[to] = r.BuyerMaker[from]
}

// bounds is the smallest and the largest element of v, which must not be empty.
func bounds(v []int64) (lowest, highest int64) {
	lowest, highest = v[0], v[0]
	for _, x := range v {
		lowest, highest = min(lowest, x), max(highest, x)
	}
	return lowest, highest
}
