package load

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/internal/store"
)

// TestWindowedRowsAreAllRows cuts increasing ids into batches and a window anywhere: what lies inside and what lies outside are all rows, each once.
func TestWindowedRowsAreAllRows(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		d := &decoded{}
		var all []int64
		id := int64(0)
		for range 1 + random.IntN(6) {
			var b store.Batch
			for range 1 + random.IntN(20) {
				id += 1 + random.Int64N(3)
				b.ID = append(b.ID, id)
			}
			all = append(all, b.ID...)
			b.Time, b.Price, b.Quantity, b.FirstTrade, b.LastTrade, b.Order = b.ID, b.ID, b.ID, b.ID, b.ID, b.ID
			b.BuyerMaker = make([]bool, len(b.ID))
			d.batches = append(d.batches, b)
		}
		first := random.Int64N(id + 2)
		w := idSpan{first: first, last: first + random.Int64N(id+2)}
		var got [2][]int64
		for i, inside := range []bool{true, false} {
			rows, few := &decodedSource{decoded: d}, &aside{}
			r := windowed{Source: rows, window: w, inside: inside, aside: few}.Reader()
			for {
				b, err := r.Next(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if len(b.ID) == 0 {
					break
				}
				if len(b.Time) != len(b.ID) || len(b.BuyerMaker) != len(b.ID) || len(b.Order) != len(b.ID) {
					t.Fatalf("columns of different lengths: %+v", b)
				}
				got[i] = append(got[i], b.ID...)
			}
			if !inside {
				var kept []int64
				for _, b := range few.batches {
					kept = append(kept, b.ID...)
				}
				if diff := cmp.Diff(got[0], kept); diff != "" {
					t.Fatalf("window %+v (-inside +kept aside):\n%s", w, diff)
				}
			}
			above := slices.IndexFunc(d.batches, func(b store.Batch) bool { return b.ID[0] > w.last })
			if asked := rows.next.Load(); inside && above >= 0 && asked > int64(above)+1 {
				t.Fatalf("window %+v: %d batches were read, the first above it is the %dth", w, asked, above+1)
			}
			for _, id := range got[i] {
				if (w.first <= id && id <= w.last) != inside {
					t.Fatalf("window %+v, inside %t: id %d", w, inside, id)
				}
			}
		}
		both := slices.Sorted(slices.Values(append(got[0], got[1]...)))
		if diff := cmp.Diff(all, both); diff != "" {
			t.Fatalf("window %+v (-all +both):\n%s", w, diff)
		}
	}
}
