package aggtrades

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/check-ingest/check-ingest/internal/catalog"
)

func TestRowErrorTexts(t *testing.T) {
	t.Parallel()
	day, err := catalog.ParseDay("2026-09-17")
	if err != nil {
		t.Fatal(err)
	}
	o := Options{
		Format: Format{Columns: 7},
		Limits: Limits{Price: 999_999_999_999_999_999, Quantity: 999_999_999_999_999_999},
		Period: catalog.DayPeriod(day),
	}
	for name, test := range map[string]struct {
		line string
		want string
		err  error
	}{
		"a number with a letter": {
			"1,1e5x,1,1,1,1789655280294,true\n",
			`line 48211: price "1e5x": invalid number, expected an unsigned decimal such as 61234.5 or 1e-05`, ErrNumber,
		},
		"a quoted id": {
			"\"1\",1,1,1,1,1789655280294,true\n",
			`line 48211: agg_trade_id "\"1\"": invalid number, expected digits only, at most 9223372036854775807`, ErrNumber,
		},
		"an id that is too large": {
			"9223372036854775808,1,1,1,1,1789655280294,true\n",
			`line 48211: agg_trade_id "9223372036854775808": invalid number, expected digits only, at most 9223372036854775807`,
			ErrNumber,
		},
		"a quantity that the table cannot hold": {
			"1,1,10000000000,1,1,1789655280294,true\n",
			`line 48211: quantity "10000000000": number too large, expected at most 9999999999.99999999`, ErrTooWide,
		},
		"a price that rounds up beyond what the table can hold": {
			"1,9999999999.999999995,1,1,1,1789655280294,true\n",
			`line 48211: price "9999999999.999999995": number too large, expected at most 9999999999.99999999`, ErrTooWide,
		},
		"a price of zero": {
			"1,0.0,1,1,1,1789655280294,true\n",
			`line 48211: price "0.0": not a trade, expected a price above zero`, ErrNotTrade,
		},
		"trade ids in the wrong order": {
			"1,1,1,12,11,1789655280294,true\n",
			`line 48211: last_trade_id "11": not a trade, expected at least the first trade id, 12`, ErrNotTrade,
		},
		"trade ids of a voided row on a real one": {
			"1,1,1,-1,-1,1789655280294,true\n",
			`line 48211: first_trade_id "-1": not a trade, expected an id of zero or more`, ErrNotTrade,
		},
		"a time of the day before": {
			"1,1,1,1,1,1789603199999,true\n",
			`line 48211: transact_time "1789603199999": outside the file's period, ` +
				`expected a time in 2026-09-17 UTC, got 2026-09-16T23:59:59.999Z`, ErrOutsidePeriod,
		},
		"a time of the day after, in microseconds": {
			"1,1,1,1,1,1789689600000001,true\n",
			`line 48211: transact_time "1789689600000001": outside the file's period, ` +
				`expected a time in 2026-09-17 UTC, got 2026-09-18T00:00:00.000001Z`, ErrOutsidePeriod,
		},
		"a time that lost a digit": {
			"1,1,1,1,1,178965528029,true\n",
			`line 48211: transact_time "178965528029": not a time at which trades were made, ` +
				`expected milliseconds or microseconds since 1970, of a time from 2009 to 2099`, ErrTime,
		},
		"a truth value that is none": {
			"1,1,1,1,1,1789655280294,yes\n",
			`line 48211: is_buyer_maker "yes": invalid boolean, expected true or false`, ErrBoolean,
		},
		"a space after the truth value": {
			"1,1,1,1,1,1789655280294,true \n",
			`line 48211: is_buyer_maker "true ": invalid boolean, expected true or false`, ErrBoolean,
		},
		"two errors, of which the first counts": {
			"1,1,,1,x,1789655280294,true\n",
			`line 48211: quantity "": invalid number, expected an unsigned decimal such as 61234.5 or 1e-05`, ErrNumber,
		},
		"one column too many": {
			"1,1,1,1,1,1789655280294,true,True\n",
			`line 48211: "1,1,1,1,1,1789655280294,true,True": wrong number of columns, expected 7, got 8`, ErrColumns,
		},
		"an empty line":        {"\r\n", `line 48211: empty line`, ErrEmptyLine},
		"a line cut short":     {"1,1,1,1,1,17896", `line 48211: "1,1,1,1,1,17896": the file ends in the middle of a line`, ErrTruncated},
		"a tail of zero bytes": {"\x00\x00\x00", `line 48211: "\x00\x00\x00": the file ends in the middle of a line`, ErrTruncated},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, rows := NewDecoder(o), NewRows(1)
			d.Reset([]byte(test.line), 48211)
			more, err := d.Next(rows)
			var rowErr *RowError
			if more || !errors.As(err, &rowErr) || !errors.Is(err, test.err) {
				t.Fatalf("more %v, error %v, want a RowError of kind %v", more, err, test.err)
			}
			if got := err.Error(); got != test.want {
				t.Errorf("error:\n%s\nwant:\n%s", got, test.want)
			}
		})
	}
}

func TestRowErrorKeepsLittleOfALongLine(t *testing.T) {
	t.Parallel()
	d, rows := NewDecoder(Options{Format: Format{Columns: 7}}), NewRows(1)
	block := []byte("1," + strings.Repeat("9", 1<<20) + ",1,1,1,1789655280294,true\n")
	d.Reset(block, 1)
	_, err := d.Next(rows)
	var rowErr *RowError
	if !errors.As(err, &rowErr) || len(rowErr.Text) != 80 || rowErr.Field != "price" {
		t.Fatalf("error %v, want one about a price that quotes 80 bytes", err)
	}
	block[2] = '1'
	if rowErr.Text[0] != '9' {
		t.Error("the error's text changes with the block")
	}
}

func TestRowErrorIsPrintable(t *testing.T) {
	t.Parallel()
	d, rows := NewDecoder(Options{Format: Format{Columns: 7}}), NewRows(1)
	d.Reset([]byte("1,\xff\x1b[31m|\u2028,1,1,1,1789655280294,true\n"), 1)
	_, err := d.Next(rows)
	if err == nil || !utf8.ValidString(err.Error()) || strings.ContainsAny(err.Error(), "\x1b\n\u2028") {
		t.Errorf("error %q is not fit for a terminal", err)
	}
}
