package aggtrades

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/internal/catalog"
)

// taken is the valid rows of a batch.
func taken(r *Rows) []row {
	var rows []row
	for i := range r.N {
		rows = append(rows, row{
			id: r.ID[i], price: r.Price[i], quantity: r.Quantity[i], firstTrade: r.FirstTrade[i],
			lastTrade: r.LastTrade[i], time: r.Time[i], buyerMaker: r.BuyerMaker[i],
		})
	}
	return rows
}

func TestKeepAgreesWithAFilter(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		n, days := rng.IntN(20), 1+rng.Int64N(30)
		ids, times := make([]int64, n), make([]int64, n)
		for i := range n {
			ids[i] = rng.Int64N(1000)
			times[i] = 15_000*catalog.MicrosPerDay + rng.Int64N(days*catalog.MicrosPerDay)
		}
		wantedDays := map[catalog.Day]bool{}
		for d := catalog.Day(15_000); d < 15_030; d++ {
			wantedDays[d] = rng.IntN(3) > 0
		}
		rows := rowsOf(ids, times)
		var want []row
		for _, r := range taken(rows) {
			if wantedDays[catalog.DayOfMicros(r.time)] {
				want = append(want, r)
			}
		}
		dropped := rows.Keep(func(d catalog.Day) bool { return wantedDays[d] })
		if diff := cmp.Diff(want, taken(rows), cmp.AllowUnexported(row{})); diff != "" || dropped != int64(n-len(want)) {
			t.Fatalf("dropped %d of %d, want %d; rows (-want +got):\n%s", dropped, n, n-len(want), diff)
		}
	}
}

func TestKeepAsksOncePerDayOfABatch(t *testing.T) {
	t.Parallel()
	const day = catalog.MicrosPerDay
	for name, test := range map[string]struct {
		times []int64
		asked int
	}{
		"no rows":             {nil, 0},
		"one day":             {[]int64{20 * day, 20*day + 1, 21*day - 1}, 1},
		"over midnight":       {[]int64{21*day - 1, 21 * day, 21*day + 1}, 2},
		"far apart, few rows": {[]int64{0, 30_000 * day}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			dropped := rowsOf(make([]int64, len(test.times)), test.times).Keep(func(catalog.Day) bool {
				asked++
				return true
			})
			if asked != test.asked || dropped != 0 {
				t.Errorf("asked %d times, dropped %d; want %d, 0", asked, dropped, test.asked)
			}
		})
	}
}
