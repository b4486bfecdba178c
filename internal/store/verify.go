package store

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
)

// Key is what trade ids count in: a series, and in the scripts' tables the exchange.
type Key struct {
	catalog.Series        // without market where the table has none
	Exchange       string // "" where the table has no such column
}

func (k Key) series() series {
	return series{market: string(k.Market), exchange: k.Exchange, symbol: k.Symbol}
}

// String is "um BTCUSDT", or as much of it as there is; an exchange is named unless it is Binance.
func (k Key) String() string {
	name := strings.TrimSpace(k.Series.String())
	if k.Symbol == "" {
		name = strings.TrimSpace(name + " rows without symbol")
	}
	if k.Exchange != "" && k.Exchange != binance {
		name += " (" + k.Exchange + ")"
	}
	return name
}

// binance is what the column exchange holds in rows that the loader writes.
const binance = "binance"

// Whole reports whether rows of k have all that tells series apart, without which ids mean nothing.
func (db *DB) Whole(k Key) bool { return k.series().whole(db.table) }

// KeyOf is the key of the rows that a file of the ledger brought.
func (db *DB) KeyOf(e ledger.Entry) Key {
	k := Key{Series: e.Series()}
	if !db.table.HasMarket() {
		k.Market = ""
	}
	if _, ok := db.table.Column("exchange"); ok {
		k.Exchange = binance
	}
	return k
}

// Part is rows by where they lie in the table and by their days, both half-open; the zero Part is all rows.
type Part struct {
	FirstRow, EndRow int64          // EndRow 0: to the last
	Days             catalog.Period // without days: all, and rows without a time
}

// in is the scope and the part as a condition on e, with its parameters numbered from first on.
func (t Table) in(s Scope, p Part, first int) (string, []any) {
	condition, args := t.where(s, first)
	add := func(text string, value any) {
		condition += fmt.Sprintf(" AND "+text, first+len(args))
		args = append(args, value)
	}
	if p.EndRow > 0 {
		add("e.rowid >= CAST($%d AS BIGINT)", p.FirstRow)
		add("e.rowid < CAST($%d AS BIGINT)", p.EndRow)
	}
	if p.Days.Days() > 0 {
		add("e.timestamp >= make_timestamp(CAST($%d AS BIGINT))", p.Days.First.Micros())
		add("e.timestamp < make_timestamp(CAST($%d AS BIGINT))", p.Days.End.Micros())
	}
	return condition, args
}

// NoDay is the day of rows that have no time.
const NoDay = catalog.Day(math.MinInt32)

// DayRows is what a [Part] holds of one key, day and bucket of ids.
type DayRows struct {
	Key    Key
	Day    catalog.Day // NoDay where the rows have no time
	Bucket int64       // the ids' higher bits; -1 where the rows have no id

	Rows, WithID    int64
	MinID, MaxID    int64   // -1 where no row has an id
	FirstAt, LastAt int64   // microseconds since the epoch, UTC; 0 where Day is NoDay
	Low, High       float64 // prices
	Quantity, Value float64 // sums of quantity, and of price x quantity
	Sells, Zeros    int64   // rows whose side is sell; rows whose quantity is 0
}

// RowEnd is the number after that of the last row, for [Part].
func (db *DB) RowEnd(ctx context.Context) (int64, error) {
	n, err := queryOne(ctx, db.conn, sqlVerifySpan, scanInt)
	return n, explain(db.path, err)
}

// DayRows sums up the rows of a part in one pass over it.
func (db *DB) DayRows(ctx context.Context, scope Scope, p Part) ([]DayRows, error) {
	t := db.table
	condition, args := t.in(scope, p, 1)
	days, err := query(ctx, db.conn, fmt.Sprintf(sqlVerifyDays, t.columnOr("market"), t.columnOr("exchange"), condition, t.side(), t.groups()), func(r scanner) (DayRows, error) {
		var d DayRows
		return d, r.Scan(&d.Key.Market, &d.Key.Exchange, &d.Key.Symbol, &d.Day, &d.Bucket, &d.Rows, &d.WithID, &d.MinID, &d.MaxID,
			&d.FirstAt, &d.LastAt, &d.Low, &d.High, &d.Quantity, &d.Value, &d.Sells, &d.Zeros)
	}, args...)
	return days, explain(db.path, err)
}

// columnOr is a column of e as it is, or the empty text where the table has none.
func (t Table) columnOr(name string) string {
	if _, ok := t.Column(name); !ok {
		return "''"
	}
	return "e." + name
}

// groups are what rows are summed up by.
func (t Table) groups() string {
	groups := []string{"e.symbol", "CAST(e.timestamp AS DATE)", "CAST(e.agg_trade_id AS BIGINT) >> 22"}
	for _, name := range []string{"market", "exchange"} {
		if _, ok := t.Column(name); ok {
			groups = append(groups, "e."+name)
		}
	}
	return strings.Join(groups, ", ")
}

// side is the column in a form that can be compared with any text.
func (t Table) side() string {
	if c, _ := t.Column("side"); c.Type == ourSide {
		return "e.side"
	}
	return t.text("side")
}

// DayBounds is the first day that has rows of the scope, to the last; without days where there are none. Only times within the period count.
func (db *DB) DayBounds(ctx context.Context, scope Scope, within catalog.Period) (catalog.Period, error) {
	condition, args := db.table.in(scope, Part{Days: within}, 1)
	p, err := queryOne(ctx, db.conn, fmt.Sprintf(sqlVerifyBounds, condition), func(r scanner) (catalog.Period, error) {
		var first, last catalog.Day
		err := r.Scan(&first, &last)
		return catalog.Period{First: first, End: last + 1}, err
	}, args...)
	return p, explain(db.path, err)
}

// Defects finds the rows of a part that are wrong by themselves: all defects but Duplicate and OutsidePeriod. A time after now is one.
func (db *DB) Defects(ctx context.Context, scope Scope, p Part, now time.Time) ([]Finding, error) {
	found := map[Finding]*Finding{}
	err := db.defects(ctx, scope, p, now, found)
	return sorted(found), explain(db.path, err)
}

// Repeats is the rows beyond the first of each id that comes more than once.
type Repeats struct {
	Day     catalog.Day // on which the ids come first
	Same    int64       // rows that repeat another to the letter
	Other   int64       // rows with other content than the first
	Surplus int64       // rows of either kind, counting only rows of the days that were asked for
	SameID  int64       // the smallest id of each kind; -1 where there is none
	OtherID int64
}

// Repeats finds the ids from first to last, of one bucket, that come more than once, wherever their rows lie. The days are those that were
// asked for, none meaning all.
func (db *DB) Repeats(ctx context.Context, k Key, first, last int64, days []catalog.Period) ([]Repeats, error) {
	condition, args := db.table.inSeriesOf(k.series(), 3)
	within := func(first, last int64) []any { return append([]any{first, last}, args...) }
	n, err := queryOne(ctx, db.conn, fmt.Sprintf(sqlCheckDuplicates, condition), scanInt, within(first, last)...)
	if err != nil || n == 0 {
		return nil, explain(db.path, err)
	}
	parts, err := query(ctx, db.conn, fmt.Sprintf(sqlVerifyNarrow, condition), scanInt, within(first, last)...)
	if err != nil {
		return nil, explain(db.path, err)
	}
	wanted, rest := wantedDays(days, 2+len(args))
	args = append(args, rest...)
	var repeats []Repeats
	for _, part := range parts {
		from := part << partBits
		some, err := query(ctx, db.conn, fmt.Sprintf(sqlVerifyRepeats, condition, wanted), func(r scanner) (Repeats, error) {
			var x Repeats
			return x, r.Scan(&x.Day, &x.Same, &x.Other, &x.Surplus, &x.SameID, &x.OtherID)
		}, within(max(first, from), min(last, from+1<<partBits-1))...)
		if err != nil {
			return nil, explain(db.path, err)
		}
		repeats = append(repeats, some...)
	}
	return repeats, nil
}

// wantedDays is true for rows e of some days, of all where there are none. Its parameters follow the first n.
func wantedDays(days []catalog.Period, n int) (string, []any) {
	if len(days) == 0 {
		return "true", nil
	}
	var conditions []string
	var args []any
	for _, p := range days {
		conditions = append(conditions, fmt.Sprintf("e.timestamp >= make_timestamp(CAST($%d AS BIGINT)) AND e.timestamp < make_timestamp(CAST($%d AS BIGINT))", n+1, n+2))
		args = append(args, p.First.Micros(), p.End.Micros())
		n += 2
	}
	return "(" + strings.Join(conditions, " OR ") + ")", args
}

// partBits is the width of a part of a bucket, as the statements have it: 65,536 ids.
const partBits = 16

// FileRows counts the rows of the ids that some files brought, first to last, and those among them that no file brought on its days.
func (db *DB) FileRows(ctx context.Context, k Key, files []ledger.Entry, first, last int64) (rows, outside, example int64, err error) {
	condition, args := db.table.inSeriesOf(k.series(), 3)
	args = append([]any{first, last}, args...)
	brought, args := broughtBy(files, true, args)
	n, err := queryOne(ctx, db.conn, fmt.Sprintf(sqlVerifyFiles, brought, condition), func(r scanner) ([3]int64, error) {
		var c [3]int64
		return c, r.Scan(&c[0], &c[1], &c[2])
	}, args...)
	return n[0], n[1], n[2], explain(db.path, err)
}

// OtherRows counts the rows of one day and of ids from first to last that none of the files brought.
func (db *DB) OtherRows(ctx context.Context, k Key, day catalog.Day, files []ledger.Entry, first, last int64) (rows, example int64, err error) {
	condition, args := db.table.inSeriesOf(k.series(), 5)
	args = append([]any{first, last, day.Micros(), (day + 1).Micros()}, args...)
	brought, args := broughtBy(files, false, args)
	n, err := queryOne(ctx, db.conn, fmt.Sprintf(sqlVerifyOther, brought, condition), func(r scanner) ([2]int64, error) {
		var c [2]int64
		return c, r.Scan(&c[0], &c[1])
	}, args...)
	return n[0], n[1], explain(db.path, err)
}

// broughtBy is true for rows e with an id of one of the files, and if so asked a time of the same file's period. Its parameters follow args.
func broughtBy(files []ledger.Entry, onItsDays bool, args []any) (string, []any) {
	conditions := []string{"false"}
	for _, f := range files {
		n := len(args)
		c := fmt.Sprintf("e.agg_trade_id BETWEEN $%d AND $%d", n+1, n+2)
		args = append(args, f.FirstID, f.LastID)
		if onItsDays {
			c += fmt.Sprintf(" AND e.timestamp >= make_timestamp(CAST($%d AS BIGINT)) AND e.timestamp < make_timestamp(CAST($%d AS BIGINT))", n+3, n+4)
			args = append(args, f.Period.First.Micros(), f.Period.End.Micros())
		}
		conditions = append(conditions, "("+c+")")
	}
	return strings.Join(conditions, " OR "), args
}
