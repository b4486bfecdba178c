package store

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWidenQuantity(t *testing.T) {
	t.Parallel()
	for _, s := range shapes() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			db := shaped(t, s)
			rows := trades(1, 5000)
			inserted(t, db, um("BTCUSDT"), rows)
			before := db.Table()
			if err := db.WidenQuantity(t.Context()); err != nil {
				t.Fatal(err)
			}
			want := before
			want.Columns = slices.Clone(before.Columns)
			for i, c := range want.Columns {
				if c.Name == "quantity" {
					want.Columns[i].Type = "DECIMAL(38,8)"
				}
			}
			if diff := cmp.Diff(want, db.Table()); diff != "" {
				t.Errorf("table (-want +got):\n%s", diff)
			}
			if err := db.WidenQuantity(t.Context()); err != nil {
				t.Errorf("a second time: %v", err)
			}
			if diff := cmp.Diff(lines(rows), content(t, db, "BTCUSDT")); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			if err := db.Table().Check(); err != nil {
				t.Errorf("refused afterwards: %v", err)
			}
			// It goes on as before: keys keep rows out, ids go on, and larger quantities fit.
			more := append(trades(5001, 10), trade{id: 6000, us: 1_704_067_200_000_000, price: 100_000_000, quantity: 1<<63 - 1, first: 1, last: 2})
			tx := begun(t, db)
			got, err := tx.InsertStaged(t.Context(), um("BTCUSDT"), from(append(trades(4990, 11), more...)))
			if want := (Staged{Inserted: 11, Duplicate: 11, Example: -1}); err != nil || got != want {
				t.Errorf("%+v, %v, expected %+v", got, err, want)
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			if n := count(t, db, "SELECT count(*) FROM aggtrades_history WHERE CAST(quantity AS DECIMAL(38, 8)) = 92233720368.54775807"); n != 1 {
				t.Errorf("%d rows have the large quantity", n)
			}
			if db.Table().Keyed() {
				if n, err := begun(t, db).Insert(t.Context(), um("BTCUSDT"), from(trades(1, 10))); !errors.Is(err, ErrKey) {
					t.Errorf("the key let %d rows in, %v", n, err)
				}
			}
		})
	}
}

func TestWidenQuantityThatIsCancelledChangesNothing(t *testing.T) {
	t.Parallel()
	for _, s := range shapes() {
		if s.Name == "wide quantity" {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			db := shaped(t, s)
			inserted(t, db, um("BTCUSDT"), trades(1, 100))
			before := db.Table()
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := db.WidenQuantity(ctx); err == nil {
				t.Fatal("it was not cancelled")
			}
			if err := db.inspect(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, db.Table()); diff != "" {
				t.Errorf("table (-before +after):\n%s", diff)
			}
			if diff := cmp.Diff(lines(trades(1, 100)), content(t, db, "BTCUSDT")); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}
