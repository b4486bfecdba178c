package verify

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/store"
)

// tally is what the rows add up to, by key.
type tally struct {
	last catalog.Day // the last day on which a trade can have been
	keys map[store.Key]*keyTally
	rows int64
}

// keyTally is what the rows of one key add up to.
type keyTally struct {
	key     store.Key
	days    map[catalog.Day]*dayTally
	cells   map[cellID]*cell
	repeats []store.Repeats
	rows    int64
}

// dayTally is what is known of one day.
type dayTally struct {
	rows, withID    int64
	minID, maxID    int64
	firstAt, lastAt int64
	low, high       float64
	quantity, value float64
	sells, zeros    int64
}

// cellID is a day and a bucket of ids.
type cellID struct {
	day    catalog.Day
	bucket int64
}

// cell is the rows with ids of one day and one bucket.
type cell struct {
	day          catalog.Day
	rows         int64
	minID, maxID int64
}

// oldest is the first day that can have a trade: Binance began in July 2017.
var oldest = catalog.DayOf(time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC)) //nolint:gochecknoglobals // a constant

func newTally(now time.Time) *tally {
	return &tally{last: catalog.DayOf(now), keys: map[store.Key]*keyTally{}}
}

// add adds what a part of the table holds. Rows of impossible days, which are found as such, are added to those without a time.
func (t *tally) add(d store.DayRows) {
	if d.Day < oldest || d.Day > t.last {
		d.Day = store.NoDay
	}
	t.rows += d.Rows
	k := t.keys[d.Key]
	if k == nil {
		k = &keyTally{key: d.Key, days: map[catalog.Day]*dayTally{}, cells: map[cellID]*cell{}}
		t.keys[d.Key] = k
	}
	k.rows += d.Rows
	day := k.days[d.Day]
	if day == nil {
		day = &dayTally{minID: -1, maxID: -1, firstAt: d.FirstAt, lastAt: d.LastAt, low: math.Inf(1), high: math.Inf(-1)}
		k.days[d.Day] = day
	}
	day.add(d)
	if d.WithID == 0 {
		return
	}
	id := cellID{d.Day, d.Bucket}
	c := k.cells[id]
	if c == nil {
		c = &cell{day: d.Day, minID: d.MinID, maxID: d.MaxID}
		k.cells[id] = c
	}
	c.rows += d.WithID
	c.minID, c.maxID = min(c.minID, d.MinID), max(c.maxID, d.MaxID)
}

func (day *dayTally) add(d store.DayRows) {
	day.rows += d.Rows
	day.withID += d.WithID
	if d.WithID > 0 {
		if day.minID < 0 || d.MinID < day.minID {
			day.minID = d.MinID
		}
		day.maxID = max(day.maxID, d.MaxID)
	}
	day.firstAt, day.lastAt = min(day.firstAt, d.FirstAt), max(day.lastAt, d.LastAt)
	day.low, day.high = math.Min(day.low, d.Low), math.Max(day.high, d.High)
	day.quantity += d.Quantity
	day.value += d.Value
	day.sells += d.Sells
	day.zeros += d.Zeros
}

// sortedKeys are the keys by market, then symbol.
func (t *tally) sortedKeys() []*keyTally {
	return slices.SortedFunc(maps.Values(t.keys), func(a, b *keyTally) int {
		return cmp.Or(a.key.Compare(b.key.Series), cmp.Compare(a.key.Exchange, b.key.Exchange))
	})
}

// key is the tally of k, empty where it has no rows.
func (t *tally) key(k store.Key) *keyTally {
	if found := t.keys[k]; found != nil {
		return found
	}
	return &keyTally{key: k}
}

// sortedDays are the days that have rows with a time that can be, in order.
func (k *keyTally) sortedDays() []catalog.Day {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(k.days)), func(d catalog.Day) bool { return d == store.NoDay })
}

// sortedCells are the cells in order of their ids.
func (k *keyTally) sortedCells() []*cell {
	return slices.SortedFunc(maps.Values(k.cells), func(a, b *cell) int {
		return cmp.Or(cmp.Compare(a.minID, b.minID), cmp.Compare(a.day, b.day))
	})
}

// bucket is the ids of one bucket that rows have.
type bucket struct{ rows, minID, maxID int64 }

// sortedBuckets are the buckets in order of their ids.
func (k *keyTally) sortedBuckets() []bucket {
	all := map[int64]*bucket{}
	for id, c := range k.cells {
		b := all[id.bucket]
		if b == nil {
			b = &bucket{minID: c.minID, maxID: c.maxID}
			all[id.bucket] = b
		}
		b.rows += c.rows
		b.minID, b.maxID = min(b.minID, c.minID), max(b.maxID, c.maxID)
	}
	var buckets []bucket
	for _, n := range slices.Sorted(maps.Keys(all)) {
		buckets = append(buckets, *all[n])
	}
	return buckets
}

// surplus is how many of the rows with ids from first to last repeat an id.
func (k *keyTally) surplus(first, last int64) int64 {
	var n int64
	for _, r := range k.repeats {
		if id := max(r.SameID, r.OtherID); id >= first && id <= last {
			n += r.Surplus
		}
	}
	return n
}
