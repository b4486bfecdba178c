package aggtrades

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// The columns of a file, by their place. Futures files lack the last one.
const (
	colID = iota
	colPrice
	colQuantity
	colFirstTrade
	colLastTrade
	colTime
	colMaker
	colBestMatch

	minColumns = colMaker + 1
	maxColumns = colBestMatch + 1
)

// column is one column of a header: its official name, and how others spell it, in lower case and without '_'.
type column struct {
	name      string
	spellings []string
}

// columns lists the columns of a file in their order. Besides Binance's own header, people's exports have the names of
// the REST interface (a,p,q,f,l,T,m), camelCase, and a few others.
func columns() [maxColumns]column {
	return [...]column{
		colID:         {"agg_trade_id", []string{"aggtradeid", "aggregatetradeid", "a"}},
		colPrice:      {"price", []string{"price", "p"}},
		colQuantity:   {"quantity", []string{"quantity", "q"}},
		colFirstTrade: {"first_trade_id", []string{"firsttradeid", "f"}},
		colLastTrade:  {"last_trade_id", []string{"lasttradeid", "l"}},
		colTime:       {"transact_time", []string{"transacttime", "timestamp", "t"}},
		colMaker:      {"is_buyer_maker", []string{"isbuyermaker", "m"}},
		colBestMatch:  {"is_best_match", []string{"isbestmatch", "wasbestmatch", "m"}},
	}
}

// columnName is the official name of a column, which errors use for files of every spelling.
func columnName(col int) string { return columns()[col].name }

// parseHeader checks that line names the columns in their order, and returns how many there are.
func parseHeader(line []byte) (int, error) {
	known := columns()
	names := bytes.Split(line, []byte{','})
	if len(names) != minColumns && len(names) != maxColumns {
		return 0, &RowError{Line: 1, Text: quotable(line), Want: "7 or 8 column names separated by commas", Err: ErrHeader}
	}
	for i, name := range names {
		spelling := strings.ReplaceAll(strings.ToLower(string(name)), "_", "")
		if !slices.Contains(known[i].spellings, spelling) {
			return 0, &RowError{
				Line: 1, Field: fmt.Sprintf("column %d", i+1), Text: quotable(name), Want: known[i].name, Err: ErrHeader,
			}
		}
	}
	return len(names), nil
}
