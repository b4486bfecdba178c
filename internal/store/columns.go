package store

import (
	"fmt"
	"strings"
)

// What the columns of aggtrades_history are filled with. In these expressions r is the row that is written, e one that the table holds,
// $1 the symbol, $2 the market, $3 the number after which the scripts' own row ids go on. Every statement built from them mentions all
// three parameters, since DuckDB wants each number from $1 on.

// ourSide and ourMarket are the types of a new database's columns, for which the constant is cast once and not row by row.
const (
	ourSide   = "ENUM('buy', 'sell')"
	ourMarket = "ENUM('spot', 'um', 'cm')"
)

// value is what a column is filled with; false for columns that are left to their default.
func (t Table) value(c Column) (string, bool) {
	switch c.Name {
	case "agg_trade_id":
		return "r.agg_trade_id", true
	case "timestamp":
		return "make_timestamp(r.time_us)", true
	case "symbol":
		return "$1", true
	case "price", "quantity":
		return t.number(c), true
	case "side":
		if c.Type == ourSide {
			return "CASE WHEN r.buyer_maker THEN CAST('sell' AS " + ourSide + ") ELSE CAST('buy' AS " + ourSide + ") END", true
		}
		return "CASE WHEN r.buyer_maker THEN 'sell' ELSE 'buy' END", true
	case "market":
		if c.Type == ourMarket {
			return "CAST($2 AS " + ourMarket + ")", true
		}
		return "$2", true
	case "gross_value":
		if c.Computed {
			return "", false
		}
		price, _ := t.Column("price")
		quantity, _ := t.Column("quantity")
		return fmt.Sprintf("CAST(%s AS DOUBLE) * CAST(%s AS DOUBLE)", t.number(price), t.number(quantity)), true
	case "exchange":
		return "'binance'", true
	case "id":
		return "$3 + row_number() OVER ()", t.fillsID()
	default:
		return "", false
	}
}

// number is a price or quantity as its column has it. Units that travel as BIGINT are scaled as decimals, which is exact.
func (t Table) number(c Column) string {
	value := "r." + c.Name
	if t.wide() {
		value = "(CAST(" + value + " AS DECIMAL(19, 0)) * CAST('0.00000001' AS DECIMAL(8, 8)))"
	}
	if c.Type == "DECIMAL(18,8)" && !t.wide() {
		return value
	}
	return "CAST(" + value + " AS " + c.Type + ")"
}

// fillsID reports whether the table has the scripts' own row number, with nothing that would fill it.
func (t Table) fillsID() bool {
	c, ok := t.Column("id")
	return ok && !c.Default
}

// insert is the statement that writes the rows of from which also satisfy the rest of its WHERE clause.
func (t Table) insert(from, rest string) string {
	var names, values []string
	for _, c := range t.Columns {
		if v, ok := t.value(c); ok {
			names = append(names, `"`+c.Name+`"`)
			values = append(values, v)
		}
	}
	return "INSERT INTO " + tradesTable + " (" + strings.Join(names, ", ") + ")\nSELECT " + strings.Join(values, ", ") + "\nFROM " + from +
		"\nWHERE " + allParameters + rest
}

// allParameters is always true and mentions each parameter.
const allParameters = "($1 IS NOT NULL AND $2 IS NOT NULL AND $3 IS NOT NULL)"

// inSeries is true for the rows e of one series. A table without a market column holds one market only, which is seen to before.
func (t Table) inSeries() string {
	s := "e.symbol = $1 AND $2 IS NOT NULL"
	if t.HasMarket() {
		s = "e.symbol = $1 AND e.market = $2"
	}
	if _, ok := t.Column("exchange"); ok {
		s += " AND e.exchange = 'binance'"
	}
	return s
}

// sameContent is true where e holds what r would be written as.
func (t Table) sameContent() string {
	price, _ := t.Column("price")
	quantity, _ := t.Column("quantity")
	return "e.timestamp = make_timestamp(r.time_us) AND e.price = " + t.number(price) + " AND e.quantity = " + t.number(quantity) +
		" AND CAST(e.side AS VARCHAR) = CASE WHEN r.buyer_maker THEN 'sell' ELSE 'buy' END"
}
