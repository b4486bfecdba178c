package store

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestVectorsAreFilledBothWays loads the same rows through the memory of DuckDB's vectors and through the driver's own functions, into every
// shape of table and through the staging table.
func TestVectorsAreFilledBothWays(t *testing.T) {
	t.Parallel()
	if !findChunkLayout().known {
		t.Fatal("the driver's chunks have other fields now; rows are loaded, but slower: look at findChunkLayout")
	}
	for _, s := range shapes() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			rows := trades(1_000_000_007, 5003)
			var got [2][]string
			for i, known := range []bool{true, false} {
				db := shaped(t, s)
				db.feeds.layout.known = known
				inserted(t, db, um("BTCUSDT"), rows[:4000])
				tx := begun(t, db)
				if _, err := tx.InsertStaged(t.Context(), um("BTCUSDT"), from(rows[3000:])); err != nil {
					t.Fatal(err)
				}
				if err := tx.Commit(); err != nil {
					t.Fatal(err)
				}
				got[i] = content(t, db, "BTCUSDT")
			}
			if diff := cmp.Diff(got[1], got[0]); diff != "" {
				t.Errorf("by the driver (-), by memory (+):\n%s", diff)
			}
			if len(got[0]) != len(rows) {
				t.Errorf("%d rows, expected %d", len(got[0]), len(rows))
			}
		})
	}
}
