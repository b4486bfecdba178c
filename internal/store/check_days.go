package store

import (
	"context"
	"fmt"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
)

// DayCount is what the table holds of one day of one series.
type DayCount struct {
	catalog.Series // without market where the table has none
	Day            catalog.Day
	Rows           int64
	FirstID        int64 // smallest and largest agg_trade_id, -1 where there is none
	LastID         int64
	FirstAt        time.Time
	LastAt         time.Time
}

// DayCounts counts the scope's rows by series and day, in order, from first to last (nil for no bound). Rows with times before Binance began or
// in the future are left out. It reads four columns, takes two to three times as long as counting rows by day alone, and keeps writers out meanwhile.
func (db *DB) DayCounts(ctx context.Context, scope Scope, first, last *catalog.Day, now time.Time) ([]DayCount, error) {
	from, to := oldest.UnixMicro(), now.Add(clockTolerance).UnixMicro()
	if first != nil {
		from = max(from, first.Micros())
	}
	if last != nil {
		to = min(to, (*last + 1).Micros())
	}
	market := "''"
	if db.table.HasMarket() {
		market = "e.market"
	}
	condition, args := db.table.where(scope, 3)
	counts, err := query(ctx, db.conn, fmt.Sprintf(sqlCheckDays, market, condition), func(r scanner) (DayCount, error) {
		var c DayCount
		var firstAt, lastAt int64
		err := r.Scan(&c.Market, &c.Symbol, &c.Day, &c.Rows, &c.FirstID, &c.LastID, &firstAt, &lastAt)
		c.FirstAt, c.LastAt = timeOf(firstAt), timeOf(lastAt)
		return c, err
	}, append([]any{from, to}, args...)...)
	if err != nil {
		return nil, explain(db.path, fmt.Errorf("count rows by day: %w", err))
	}
	return counts, nil
}
