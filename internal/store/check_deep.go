package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
)

// Defect is a way in which rows can be wrong.
type Defect uint8

// The defects.
const (
	Duplicate     Defect = iota // repeats the id of another row of its series
	Null                        // lacks a value
	BadPrice                    // price not above 0, or not a number
	BadQuantity                 // quantity below 0, or not a number
	BadSide                     // side neither buy nor sell
	BadGrossValue               // gross_value that is not price x quantity
	BadTime                     // a time before Binance began, or in the future
	OutsidePeriod               // a time outside the period of the file that the row came from
	defects                     // how many there are
)

// String is the defect in words.
func (d Defect) String() string {
	switch d {
	case Duplicate:
		return "repeated id"
	case Null:
		return "missing value"
	case BadPrice:
		return "price not above 0"
	case BadQuantity:
		return "quantity below 0"
	case BadSide:
		return "side neither buy nor sell"
	case BadGrossValue:
		return "gross_value that is not price x quantity"
	case BadTime:
		return "impossible time"
	case OutsidePeriod:
		return "time outside its file's period"
	default:
		return fmt.Sprintf("Defect(%d)", uint8(d))
	}
}

// Finding is rows of one series that are wrong in one way.
type Finding struct {
	Defect  Defect
	Series  catalog.Series // without market where the table has none
	Rows    int64
	Example int64  // the smallest agg_trade_id among them, -1 where it has none
	File    string // of which they came, where Defect is OutsidePeriod
}

// Of is the series' name, without market where the table has none.
func (f Finding) Of() string {
	if name := strings.TrimSpace(f.Series.String()); name != "" {
		return name
	}
	return "rows without symbol"
}

// String is such as "um BTCUSDT: 3 rows with repeated id, the first of id 1234".
func (f Finding) String() string {
	s := fmt.Sprintf("%s: %s with %s", f.Of(), amount.Of(f.Rows, "row"), f.Defect)
	if f.Example >= 0 {
		s += fmt.Sprintf(", the first of id %d", f.Example)
	}
	if f.File != "" {
		s += ", of " + f.File
	}
	return s
}

// Examination is what [DB.Examine] found. A row that is wrong in two ways counts in both.
type Examination struct {
	Rows     int64 // that were looked at
	Findings []Finding
}

// Count is how many rows have the defect.
func (x Examination) Count(d Defect) int64 {
	var n int64
	for _, f := range x.Findings {
		if f.Defect == d {
			n += f.Rows
		}
	}
	return n
}

// series is what rows are told apart by besides their ids; exchange is "" where the table has no such column.
type series struct{ market, exchange, symbol string }

func (s series) catalog() catalog.Series {
	return catalog.Series{Market: catalog.Market(s.market), Symbol: s.symbol}
}

// bucketBits is the width of a bucket of ids, as the statements have it: 4,194,304 ids.
const bucketBits = 22

// bucket is the rows of one series whose ids have the same higher bits.
type bucket struct {
	series series
	number int64 // the ids' higher bits, -1 where there is no id
	rows   int64
}

// Examine reads all rows of the scope and finds those that are wrong, in memory that does not depend on how many there are: one pass for what a row
// tells by itself, then one for each bucket of ids for duplicates, and one for each loaded file of entries for its period. said is told
// before each step. Where it errs it gives what it had found by then. It takes some seconds for 100 million rows.
func (db *DB) Examine(ctx context.Context, scope Scope, entries []ledger.Entry, now time.Time, said func(step string)) (x Examination, err error) {
	found := map[Finding]*Finding{} // by defect, series and file
	defer func() { x.Findings = sorted(found) }()
	said("looking for values that cannot be")
	if err := db.defects(ctx, scope, Part{}, now, found); err != nil {
		return x, explain(db.path, fmt.Errorf("look for values that cannot be: %w", err))
	}
	said("counting rows by their ids")
	buckets, err := db.buckets(ctx, scope)
	if err != nil {
		return x, explain(db.path, fmt.Errorf("count rows by their ids: %w", err))
	}
	for i, b := range buckets {
		x.Rows += b.rows
		said(fmt.Sprintf("looking for duplicates of %s (%s of %s)", b.series.symbol, amount.Text(i+1), amount.Text(len(buckets))))
		n, example, err := db.duplicates(ctx, b)
		if err != nil {
			return x, explain(db.path, fmt.Errorf("look for duplicates: %w", err))
		}
		note(found, Finding{Defect: Duplicate, Series: b.series.catalog()}, n, example)
	}
	for i, e := range entries {
		if !scope.Holds(e.Series()) || !e.Loaded() || e.FirstID < 0 || e.Period.Days() <= 0 {
			continue
		}
		said(fmt.Sprintf("comparing times with files' periods (%s of %s)", amount.Text(i+1), amount.Text(len(entries))))
		n, example, err := db.outsidePeriod(ctx, e)
		if err != nil {
			return x, explain(db.path, fmt.Errorf("compare times with the period of %q: %w", e.FilePath, err))
		}
		note(found, Finding{Defect: OutsidePeriod, Series: e.Series(), File: e.FilePath}, n, example)
	}
	return x, nil
}

// sorted are the findings by defect, those of the most rows first.
func sorted(found map[Finding]*Finding) []Finding {
	var findings []Finding
	for _, f := range found {
		findings = append(findings, *f)
	}
	slices.SortFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Defect, b.Defect), cmp.Compare(b.Rows, a.Rows), a.Series.Compare(b.Series), strings.Compare(a.File, b.File))
	})
	return findings
}

// note adds n rows to what was found under key.
func note(found map[Finding]*Finding, key Finding, n, example int64) {
	if n == 0 {
		return
	}
	f := found[key]
	if f == nil {
		f = &Finding{Defect: key.Defect, Series: key.Series, File: key.File, Example: example}
		found[key] = f
	}
	f.Rows += n
	if example >= 0 && (f.Example < 0 || example < f.Example) {
		f.Example = example
	}
}

// defects finds the rows of a part that are wrong by themselves.
func (db *DB) defects(ctx context.Context, scope Scope, p Part, now time.Time, found map[Finding]*Finding) error {
	t := db.table
	condition, args := t.in(scope, p, 3)
	statement := fmt.Sprintf(sqlCheckDefects, t.part("market"), t.anyNull(), t.notPositive("price", "<="), t.notPositive("quantity", "<"),
		t.badSide(), t.badGrossValue(), "(e.timestamp < make_timestamp(CAST($1 AS BIGINT)) OR e.timestamp > make_timestamp(CAST($2 AS BIGINT)))", condition)
	_, err := query(ctx, db.conn, statement, func(r scanner) (struct{}, error) {
		var s catalog.Series
		var n, example [defects]int64
		err := r.Scan(&s.Market, &s.Symbol,
			&n[Null], &n[BadPrice], &n[BadQuantity], &n[BadSide], &n[BadGrossValue], &n[BadTime],
			&example[Null], &example[BadPrice], &example[BadQuantity], &example[BadSide], &example[BadGrossValue], &example[BadTime])
		for d := Null; d <= BadTime; d++ {
			note(found, Finding{Defect: d, Series: s}, n[d], example[d])
		}
		return struct{}{}, err
	}, append([]any{oldest.UnixMicro(), now.Add(clockTolerance).UnixMicro()}, args...)...)
	return err
}

// buckets counts all rows of the scope.
func (db *DB) buckets(ctx context.Context, scope Scope) ([]bucket, error) {
	t := db.table
	condition, args := t.where(scope, 1)
	return query(ctx, db.conn, fmt.Sprintf(sqlCheckBuckets, t.part("market"), t.part("exchange"), condition), func(r scanner) (bucket, error) {
		var b bucket
		return b, r.Scan(&b.series.market, &b.series.exchange, &b.series.symbol, &b.number, &b.rows)
	}, args...)
}

// duplicates counts the rows of a bucket that repeat an id.
func (db *DB) duplicates(ctx context.Context, b bucket) (n, example int64, err error) {
	if b.number < 0 || b.rows < 2 || !b.series.whole(db.table) {
		return 0, -1, nil // rows without an id or a series are found as such
	}
	condition, args := db.table.inSeriesOf(b.series, 3)
	first := b.number << bucketBits
	args = append([]any{first, first + 1<<bucketBits - 1}, args...)
	n, err = queryOne(ctx, db.conn, fmt.Sprintf(sqlCheckDuplicates, condition), scanInt, args...)
	if err != nil || n == 0 {
		return 0, -1, err
	}
	example, err = queryOne(ctx, db.conn, fmt.Sprintf(sqlCheckDuplicateExample, condition), scanInt, args...)
	return n, example, err
}

// outsidePeriod counts the rows of one loaded file whose time is outside its period.
func (db *DB) outsidePeriod(ctx context.Context, e ledger.Entry) (n, example int64, err error) {
	condition, args := db.table.where(Scope{Symbols: []string{e.Symbol}, Market: e.Market}, 5)
	args = append([]any{e.FirstID, e.LastID, e.Period.First.Micros(), e.Period.End.Micros()}, args...)
	counts, err := queryOne(ctx, db.conn, fmt.Sprintf(sqlCheckOutsidePeriod, condition), func(r scanner) ([2]int64, error) {
		var c [2]int64
		return c, r.Scan(&c[0], &c[1])
	}, args...)
	return counts[0], counts[1], err
}
