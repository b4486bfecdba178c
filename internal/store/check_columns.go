package store

import (
	"fmt"
	"strings"
	"time"
)

// What the checks ask of the columns of aggtrades_history, whichever of them a table has. In these expressions e is a row of it.

// oldest is before Binance's first trade, of July 2017.
//
//nolint:gochecknoglobals // a constant
var oldest = time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC)

// clockTolerance is how far in the future a trade may be before its time is impossible: clocks differ.
const clockTolerance = 10 * time.Minute

// part is a column that tells series apart, as text, ” where it is NULL or the table has none.
func (t Table) part(name string) string {
	if _, ok := t.Column(name); !ok {
		return "''"
	}
	return "coalesce(CAST(e." + name + " AS VARCHAR), '')"
}

// whole reports whether rows of the series have all that tells series apart. Some of the scripts' tables leave exchange empty in every row.
func (s series) whole(t Table) bool { return s.symbol != "" && (s.market != "" || !t.HasMarket()) }

// inSeriesOf is true for the rows of one series, with its parameters numbered from first on.
func (t Table) inSeriesOf(s series, first int) (string, []any) {
	var conditions []string
	var args []any
	for _, p := range []struct{ name, value string }{{"symbol", s.symbol}, {"market", s.market}, {"exchange", s.exchange}} {
		if _, ok := t.Column(p.name); ok {
			column := t.text(p.name)
			if p.value == "" {
				column = t.part(p.name) // NULL counts as well
			}
			conditions = append(conditions, fmt.Sprintf("%s = $%d", column, first+len(args)))
			args = append(args, p.value)
		}
	}
	return strings.Join(conditions, " AND "), args
}

// anyNull is true for rows that lack a value which the table does not itself insist on.
func (t Table) anyNull() string {
	var conditions []string
	for _, name := range []string{"agg_trade_id", "timestamp", "symbol", "price", "quantity", "side", "market", "gross_value"} {
		if c, ok := t.Column(name); ok && !c.NotNull && !c.Computed {
			conditions = append(conditions, "e."+name+" IS NULL")
		}
	}
	if len(conditions) == 0 {
		return "false"
	}
	return "(" + strings.Join(conditions, " OR ") + ")"
}

// notPositive is true for rows whose number compares so with 0, or is none.
func (t Table) notPositive(name, compares string) string {
	condition := "e." + name + " " + compares + " 0"
	if c, _ := t.Column(name); c.Type == "DOUBLE" {
		return "(" + condition + " OR NOT isfinite(e." + name + "))"
	}
	return condition
}

// badSide is true for rows whose side is neither buy nor sell, which our own type rules out.
func (t Table) badSide() string {
	if c, _ := t.Column("side"); c.Type == ourSide {
		return "false"
	}
	return "CAST(e.side AS VARCHAR) NOT IN ('buy', 'sell')"
}

// badGrossValue is true for rows whose stored gross_value is not price x quantity, give or take what rounding does to either.
func (t Table) badGrossValue() string {
	if c, ok := t.Column("gross_value"); !ok || c.Computed {
		return "false"
	}
	product := "CAST(e.price AS DOUBLE) * CAST(e.quantity AS DOUBLE)"
	return "NOT abs(CAST(e.gross_value AS DOUBLE) - " + product + ") <= 1e-8 + 1e-9 * abs(" + product + ")"
}
