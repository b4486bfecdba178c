package dbcheck

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/nagios"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/shell"
	"github.com/check-ingest/check-ingest/internal/store"
)

// content adds rows, symbols and age, and says them in a few words.
func (c *Cmd) content(r *nagios.Result, o observation, now time.Time) []string {
	in := o.inside
	var parts []string
	if in.ledgerErr != nil {
		r.Problems = append(r.Problems, nagios.Problem{
			State: nagios.Warning, Text: "the ledger cannot be read: " + in.ledgerErr.Error(), Path: o.path,
			Remedy: "Complete it if its columns are not those of the loader: ingest-aggtrades migrate --db=" + shell.Quote(o.path),
		})
	}
	if rows, known := c.rowsOf(in); known {
		r.Metrics = append(r.Metrics, c.metricRows(rows, o.path))
		parts = append(parts, amount.Of(rows, "row"))
	}
	if len(in.loaded) > 0 || in.rows == 0 {
		n := symbolsOf(c.loadedOf(in.loaded))
		r.Metrics = append(r.Metrics, metricSymbols(n, o.path))
		parts = append(parts, amount.Of(n, "symbol"))
	}
	if in.rows == 0 {
		r.Problems = append(r.Problems, c.thresholds.Unmeasured(labelAge, nagios.Problem{
			Text: o.path + " has no row yet", Path: o.path, Remedy: "Load the first files: ingest-aggtrades --db=" + shell.Quote(o.path) + " --data-dir=DIR",
		})...)
		return append(parts, "no trade yet")
	}
	return append(parts, c.age(r, o, now), nagios.Human(float64(o.size), nagios.Bytes))
}

// remedyFew is what to do about a number of rows or symbols that is not what was expected.
func remedyFew(path string) string {
	return "Look what was loaded: ingest-aggtrades status --db=" + shell.Quote(path)
}

func (c *Cmd) metricRows(rows int64, path string) nagios.Metric {
	return nagios.Metric{Label: labelRows, Value: float64(rows), Phrase: "{} rows" + c.names(), Path: path, Remedy: remedyFew(path)}
}

func metricSymbols(n int, path string) nagios.Metric {
	return nagios.Metric{Label: labelSymbols, Value: float64(n), Phrase: "{} symbols", Path: path, Remedy: remedyFew(path)}
}

// rowsOf is how many rows the series that were asked for have; false where that is not known without counting them.
func (c *Cmd) rowsOf(in *inside) (int64, bool) {
	if c.scope().All() {
		return in.rows, true
	}
	ours := !slices.ContainsFunc(in.loaded, func(l store.Loaded) bool { return l.Market == "" })
	return rowsIn(c.loadedOf(in.loaded)), ours && rowsIn(in.loaded) == in.rows
}

// age adds the age of the newest trade, of the symbol where it is the oldest if symbols were asked for.
func (c *Cmd) age(r *nagios.Result, o observation, now time.Time) string {
	newest, of := o.inside.newest, ""
	if o.inside.newestOf != nil {
		var without []string
		newest, of, without = c.worst(o.inside.newestOf)
		for _, symbol := range without {
			r.Problems = append(r.Problems, c.noTrade(o, symbol))
		}
	}
	if newest.IsZero() {
		return ""
	}
	return addAge(r, o.path, of, newest, now, "Look for what keeps new files from being loaded, with check_ingest_log and check_ingest_csv.")
}

// addAge adds the age of the newest trade and gives it in a few words. remedy is for one that is too old.
func addAge(r *nagios.Result, path, of string, newest, now time.Time, remedy string) string {
	problems := len(r.Problems)
	r.AddAge(nagios.Metric{
		Label: labelAge, Phrase: "the newest trade" + of + " is {} old, of " + stamp(newest), Path: path, Remedy: remedy,
	}, "the newest trade"+of, newest, now)
	if len(r.Problems) > problems {
		r.Problems[problems].Remedy = "Check the clock of this machine; if it is right, --deep tells how many rows have impossible times."
		return "newest trade" + of + " in the future"
	}
	return "newest trade" + of + " " + nagios.Ago(newest, now)
}

// worst is, of the newest trades of each symbol that was asked for, the oldest, and the symbols that have none.
func (c *Cmd) worst(newestOf map[string]time.Time) (newest time.Time, of string, without []string) {
	for _, symbol := range c.symbols() {
		switch at := newestOf[symbol]; {
		case at.IsZero():
			without = append(without, symbol)
		case newest.IsZero() || at.Before(newest):
			newest, of = at, c.of(symbol)
		}
	}
	return newest, of, without
}

// noTrade is a symbol that was asked for and has no trade, as far as was looked.
func (c *Cmd) noTrade(o observation, symbol string) nagios.Problem {
	p := nagios.Problem{
		State: nagios.Warning, Path: o.path,
		Text:   fmt.Sprintf("no trade%s in the %d days before the newest of all, %s", c.of(symbol), recentDays, stamp(o.inside.newest)),
		Remedy: "Check how the symbol is written; if it is right, load its files.",
	}
	for _, limited := range c.thresholds.Unmeasured(labelAge, p) {
		return limited
	}
	return p
}

// ofScope is " of um" where a market alone was asked for, and else nothing.
func (c *Cmd) ofScope() string {
	if len(c.Symbol) == 0 && c.Market != "" {
		return " of " + string(c.Market)
	}
	return ""
}

// of is " of um BTCUSDT", or as much of it as was asked for.
func (c *Cmd) of(symbol string) string {
	switch {
	case symbol == "":
		return c.ofScope()
	case c.Market == "":
		return " of " + symbol
	default:
		return " of " + string(c.Market) + " " + symbol
	}
}

// stamp is a time as it appears in sentences.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// notes are the lines for -v.
func (c *Cmd) notes(o observation, now time.Time) []string {
	in := o.inside
	var lines []string
	// Another check is gone in a moment.
	if o.use.Mode == runstate.DBReaders && !strings.HasPrefix(o.use.Holder.Program, "check_ingest_") {
		lines = append(lines, fmt.Sprintf("%s has it open for reading, which keeps a writer out meanwhile", o.use.Holder))
	}
	if o.walSize > 0 {
		lines = append(lines, fmt.Sprintf("a write-ahead log of %s lies beside it, of a writer that was killed; what it holds was counted",
			nagios.Human(float64(o.walSize), nagios.Bytes)))
	}
	if in.schema != nil {
		return lines
	}
	if in.snapshot != nil {
		lines = append(lines, "not opened: nobody wrote to it since the ledger snapshot of "+nagios.Ago(in.snapshot.WrittenAt, now)+", and its metadata is sound")
	} else {
		lines = append(lines, tableNotes(in)...)
	}
	for _, l := range c.loadedOf(in.loaded) {
		lines = append(lines, seriesLine(l))
	}
	return lines
}

// tableNotes say what is worth knowing about the tables.
func tableNotes(in *inside) []string {
	var lines []string
	t := in.table
	if !t.HasMarket() {
		lines = append(lines, "the table has no market column, so --market does not narrow what is asked of rows")
	}
	if t.OneSymbolOnly() {
		lines = append(lines, "a key on agg_trade_id alone makes the table unfit for a second symbol")
	}
	switch missing := len(t.LedgerMissing()); {
	case len(t.Ledger) == 0:
		lines = append(lines, "there is no ledger; ingest-aggtrades migrate adds it")
	case missing > 0:
		lines = append(lines, "the ledger lacks "+amount.Of(missing, "column")+"; ingest-aggtrades migrate adds what is missing")
	}
	if rows := rowsIn(in.loaded); len(t.Ledger) > 0 && rows != in.rows {
		lines = append(lines, fmt.Sprintf("the ledger accounts for %s and the table has %s", amount.Of(rows, "row"), amount.Text(in.rows)))
	}
	return lines
}

// seriesLine is one series in a line.
func seriesLine(l store.Loaded) string {
	name := l.String()
	if l.Market == "" {
		name = l.Symbol + " (by the scripts)"
	}
	text := fmt.Sprintf("%s: %s of %s", name, amount.Of(l.Rows, "row"), amount.Of(l.Files, "file"))
	if l.Span.Days() > 0 {
		text += fmt.Sprintf(", %s to %s", l.Span.First, l.Span.Last())
	}
	if !l.Newest.IsZero() {
		text += ", newest trade of " + stamp(l.Newest)
	}
	return text
}
