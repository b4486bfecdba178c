package dbcheck

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/checkcli"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/nagios"
	"github.com/check-ingest/check-ingest/internal/store"
)

// ask asks the open database what takes milliseconds.
func (c *Cmd) ask(ctx context.Context, db *store.DB, in *inside) error {
	checkcli.Stage(ctx, "counting rows")
	var err error
	if in.rows, err = db.CountAll(ctx); err != nil {
		return err
	}
	checkcli.Stage(ctx, "reading the ledger")
	if in.loaded, err = db.LoadedSeries(ctx); err == nil && (c.Gaps || c.Deep) {
		if in.entries, err = db.Ledger(ctx); err == nil && c.Gaps {
			in.gaps = ledger.Build(c.entriesOf(in.entries), nil, ledger.Meta{})
		}
	}
	switch kind := store.KindOf(err); {
	case err == nil:
	case ended(ctx, err), kind != store.KindSchema && kind != store.KindOther:
		return err
	default: // a ledger of another make keeps nobody from asking the table
		in.ledgerErr = err
	}
	checkcli.Stage(ctx, "looking for the newest trade")
	if in.newest, err = newest(ctx, db, in); err != nil {
		return err
	}
	if c.scope().All() || in.newest.IsZero() {
		return nil
	}
	in.newestOf = map[string]time.Time{}
	for _, symbol := range c.symbols() {
		if in.newestOf[symbol], err = c.newestOf(ctx, db, in, symbol); err != nil {
			return err
		}
	}
	return nil
}

// newest is the newest trade of all. Where the table has as many rows as the ledger says, the ledger's newest trade is it unless the table has a
// newer one. That there is none DuckDB knows from the statistics of the table, while for the exact time it reads those of every row group,
// which takes as long as to open a database of 100 million rows.
func newest(ctx context.Context, db *store.DB, in *inside) (time.Time, error) {
	known := newestIn(in.loaded, store.Scope{})
	if !known.IsZero() && rowsIn(in.loaded) == in.rows {
		newer, found, err := db.NewestSince(ctx, store.Scope{}, known.Add(time.Microsecond))
		if err != nil || found {
			return newer, err
		}
		return known, nil
	}
	newest, _, err := db.Newest(ctx)
	return newest, err
}

// symbols are those that age is asked of; "" is all of the market.
func (c *Cmd) symbols() []string {
	if len(c.Symbol) == 0 {
		return []string{""}
	}
	return c.Symbol
}

// recentDays is how far back, from the newest trade of all, a symbol's newest one is looked for where no ledger tells it.
const recentDays = 32

// newestOf is the symbol's newest trade: as the ledger has it, else of the last month in the table, else zero.
func (c *Cmd) newestOf(ctx context.Context, db *store.DB, in *inside, symbol string) (time.Time, error) {
	scope := c.scopeOf(symbol)
	newest := newestIn(in.loaded, scope)
	for _, days := range []int{2, recentDays} { // a short way first, since what it costs grows with it
		if !newest.IsZero() {
			break
		}
		var err error
		if newest, _, err = db.NewestSince(ctx, scope, in.newest.AddDate(0, 0, -days)); err != nil {
			return time.Time{}, err
		}
	}
	return newest, nil
}

// newestIn is the newest trade of the series of a scope, by the ledger; zero where it has none.
func newestIn(loaded []store.Loaded, scope store.Scope) time.Time {
	var newest time.Time
	for _, l := range loaded {
		if l.Newest.After(newest) && scope.Holds(l.Series) {
			newest = l.Newest
		}
	}
	return newest
}

// newestBySymbol is the newest trade of each symbol that was asked for, by the ledger.
func (c *Cmd) newestBySymbol(loaded []store.Loaded) map[string]time.Time {
	newest := map[string]time.Time{}
	for _, symbol := range c.symbols() {
		newest[symbol] = newestIn(loaded, c.scopeOf(symbol))
	}
	return newest
}

// scopeOf is the series of a symbol that were asked for; "" is all symbols.
func (c *Cmd) scopeOf(symbol string) store.Scope {
	scope := store.Scope{Market: c.Market}
	if symbol != "" {
		scope.Symbols = []string{symbol}
	}
	return scope
}

// examine looks at every row. What it found before time ran out is told as well.
func (c *Cmd) examine(ctx context.Context, db *store.DB, in *inside, now time.Time, watch *stopwatch) error {
	s := &scan{}
	in.deep = s
	in.found, s.err = db.Examine(ctx, c.scope(), in.entries, now, func(step string) { checkcli.Stage(ctx, step) })
	s.took = watch.lap()
	if !ended(ctx, s.err) {
		return nil
	}
	for _, f := range in.found.Findings {
		checkcli.Found(ctx, nagios.Problem{State: nagios.Critical, Text: f.String(), Remedy: remedyDeep, Path: db.Path()})
	}
	return fmt.Errorf("examine rows: %w", s.err)
}

// scope is the series that were asked for.
func (c *Cmd) scope() store.Scope { return store.Scope{Symbols: c.Symbol, Market: c.Market} }

// covers reports whether a series is of those that were asked for. The scripts' entries do not tell their market.
func (c *Cmd) covers(s catalog.Series) bool {
	if s.Market == "" {
		s.Market = c.Market
	}
	return c.scope().Holds(s)
}

// entriesOf are the entries of the series that were asked for.
func (c *Cmd) entriesOf(entries []ledger.Entry) []ledger.Entry {
	return slices.DeleteFunc(slices.Clone(entries), func(e ledger.Entry) bool { return !c.covers(e.Series()) })
}

// loadedOf are the series that were asked for.
func (c *Cmd) loadedOf(loaded []store.Loaded) []store.Loaded {
	return slices.DeleteFunc(slices.Clone(loaded), func(l store.Loaded) bool { return !c.covers(l.Series) })
}

// seriesOf are the series of a snapshot that were asked for.
func (c *Cmd) seriesOf(all []ledger.SeriesState) []ledger.SeriesState {
	return slices.DeleteFunc(slices.Clone(all), func(s ledger.SeriesState) bool { return !c.covers(s.Series) })
}

// symbolsOf is how many symbols have rows: series, and the scripts' symbols that are in none.
func symbolsOf(loaded []store.Loaded) int {
	n := 0
	for _, l := range loaded {
		known := l.Market == "" && slices.ContainsFunc(loaded, func(o store.Loaded) bool { return o.Market != "" && o.Symbol == l.Symbol })
		if l.HasRows && !known {
			n++
		}
	}
	return n
}

// rowsIn is how many rows the series have, by the ledger.
func rowsIn(loaded []store.Loaded) int64 {
	var n int64
	for _, l := range loaded {
		n += l.Rows
	}
	return n
}
