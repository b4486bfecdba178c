package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/internal/catalog"
)

// TestDayCounts counts rows of two series on two days in a table of each shape.
func TestDayCounts(t *testing.T) {
	t.Parallel()
	for _, shape := range shapes() {
		t.Run(shape.Name, func(t *testing.T) {
			t.Parallel()
			db := shaped(t, shape)
			btc, eth := um("BTCUSDT"), um("ETHUSDT")
			first := trades(1, 10)
			second := trades(20, 5)
			for i := range second {
				second[i].us += catalog.MicrosPerDay
			}
			other := trades(500, 3)
			inserted(t, db, btc, append(first, second...))
			inserted(t, db, eth, other)
			if !db.Table().HasMarket() {
				btc.Market, eth.Market = "", ""
			}
			day := func(s catalog.Series, d catalog.Day, rows []trade) DayCount {
				at := func(i int) time.Time { return time.UnixMicro(rows[i].us).UTC() }
				return DayCount{Series: s, Day: d, Rows: int64(len(rows)), FirstID: rows[0].id, LastID: rows[len(rows)-1].id, FirstAt: at(0), LastAt: at(len(rows) - 1)}
			}
			d, next := firstDay(), firstDay()+1
			for name, tc := range map[string]struct {
				scope       Scope
				first, last *catalog.Day
				want        []DayCount
			}{
				"everything":      {want: []DayCount{day(btc, d, first), day(btc, next, second), day(eth, d, other)}},
				"a symbol":        {scope: Scope{Symbols: []string{"ETHUSDT"}}, want: []DayCount{day(eth, d, other)}},
				"a market":        {scope: Scope{Symbols: []string{"ETHUSDT"}, Market: catalog.UM}, want: []DayCount{day(eth, d, other)}},
				"from a day on":   {first: &next, want: []DayCount{day(btc, next, second)}},
				"up to a day":     {last: &d, want: []DayCount{day(btc, d, first), day(eth, d, other)}},
				"no symbol's":     {scope: Scope{Symbols: []string{"' OR 1=1 --"}}},
				"before them all": {last: func() *catalog.Day { d := d - 1; return &d }()},
			} {
				got, err := db.DayCounts(t.Context(), tc.scope, tc.first, tc.last, soon())
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
		})
	}
}
