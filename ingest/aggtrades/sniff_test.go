package aggtrades

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestSniff(t *testing.T) {
	t.Parallel()
	const header = officialHeader + "\n"
	for name, test := range map[string]struct {
		head   string
		format Format
		rest   string // what follows the offset
	}{
		"futures with header":             {header + row7 + row7, Format{true, 7}, row7 + row7},
		"futures without header":          {row7 + row7, Format{false, 7}, row7 + row7},
		"spot":                            {row8, Format{false, 8}, row8},
		"header only":                     {header, Format{true, 7}, ""},
		"header with CRLF":                {officialHeader + "\r\n" + row7, Format{true, 7}, row7},
		"row with CRLF":                   {"1,1,1,1,1,1789655280294,true\r\n", Format{false, 7}, "1,1,1,1,1,1789655280294,true\r\n"},
		"byte order mark, then a header":  {"\xef\xbb\xbf" + header + row7, Format{true, 7}, row7},
		"byte order mark, then a row":     {"\xef\xbb\xbf" + row7, Format{false, 7}, row7},
		"names of the REST interface":     {"a,p,q,f,l,T,m\n" + row7, Format{true, 7}, row7},
		"the same with eight columns":     {"a,p,q,f,l,T,m,M\n" + row8, Format{true, 8}, row8},
		"camelCase":                       {"aggTradeId,price,quantity,firstTradeId,lastTradeId,transactTime,isBuyerMaker\n" + row7, Format{true, 7}, row7},
		"camelCase with timestamp":        {"aggTradeId,price,quantity,firstTradeId,lastTradeId,timestamp,isBuyerMaker,isBestMatch\n" + row8, Format{true, 8}, row8},
		"aggregate_trade_id, best match":  {strings.Replace(officialHeader, "agg_", "aggregate_", 1) + ",was_best_match\n" + row8, Format{true, 8}, row8},
		"capitals":                        {strings.ToUpper(header) + row7, Format{true, 7}, row7},
		"a row that begins with a minus":  {"-1,1,1,1,1,1789655280294,true\n", Format{false, 7}, "-1,1,1,1,1,1789655280294,true\n"},
		"a row that the decoder refuses":  {"1,x,,,,,\n", Format{false, 7}, "1,x,,,,,\n"},
		"a broken second row is not seen": {row7 + "x", Format{false, 7}, row7 + "x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, whole := range []bool{true, false} {
				if test.rest == "" && !whole {
					continue // not the two lines that Sniff asks for
				}
				format, offset, err := Sniff([]byte(test.head), whole)
				if err != nil || format != test.format || test.head[offset:] != test.rest {
					t.Errorf("Sniff(whole %v) = %+v, rest %q, %v; want %+v, rest %q",
						whole, format, test.head[min(offset, len(test.head)):], err, test.format, test.rest)
				}
			}
		})
	}
}

func TestSniffErrors(t *testing.T) {
	t.Parallel()
	const header = officialHeader + "\n"
	for name, test := range map[string]struct {
		head string
		part bool // head is not the whole file
		err  error
		want string
	}{
		"nothing":                   {"", false, ErrEmpty, "the file is empty"},
		"only a byte order mark":    {"\xef\xbb\xbf", false, ErrEmpty, "the file is empty"},
		"an answer of S3":           {"<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code><Message>x</Message>", false, ErrMarkup, `an HTML or XML page, not CSV: the server's answer was "NoSuchKey"`},
		"a web page":                {"\n <!DOCTYPE html>", false, ErrMarkup, `an HTML or XML page, not CSV: it begins "<!DOCTYPE html>"`},
		"a zip":                     {"PK\x03\x04\x14", false, ErrArchive, "compressed data under the name of a CSV file: it begins like a zip file"},
		"gzip":                      {"\x1f\x8b\x08", false, ErrArchive, "compressed data under the name of a CSV file: it begins like a gzip file"},
		"an empty first line":       {"\n" + row7, false, ErrEmptyLine, "line 1: empty line"},
		"an empty line after it":    {header + "\r\n" + row7, false, ErrEmptyLine, "line 2: empty line"},
		"a first line cut short":    {"1,2,3", false, ErrTruncated, `line 1: "1,2,3": the file ends in the middle of a line`},
		"a header cut short":        {"agg_trade_id,pri", false, ErrTruncated, `line 1: "agg_trade_id,pri": the file ends in the middle of a line`},
		"a second line cut short":   {header + "1,2", false, ErrTruncated, `line 2: "1,2": the file ends in the middle of a line`},
		"no line end in the head":   {"1,2,3", true, ErrLineTooLong, `line 1: "1,2,3": the line is too long to be a row`},
		"no second line end either": {header + "1,2", true, ErrLineTooLong, `line 2: "1,2": the line is too long to be a row`},
		"tabs":                      {"1\t2\t3\n", false, ErrColumns, `line 1: "1\t2\t3": wrong number of columns, expected 7 or 8 separated by commas, got 1`},
		"klines":                    {"1,2,3,4,5,6,7,8,9,10,11,12\n", false, ErrColumns, `line 1: "1,2,3,4,5,6,7,8,9,10,11,12": wrong number of columns, expected 7 or 8 separated by commas, got 12`},
		"a header of fewer columns": {header + row8, false, ErrColumns, `line 2: ` + quote(row8) + `: wrong number of columns, expected 7 as in the header, got 8`},
		"a header of klines":        {"open_time,open,high,low,close,volume,close_time\n", false, ErrHeader, `line 1: column 1 "open_time": not the header of an aggTrades file, expected agg_trade_id`},
		"columns in another order":  {"agg_trade_id,quantity,price,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n" + row7, false, ErrHeader, `line 1: column 2 "quantity": not the header of an aggTrades file, expected price`},
		"a quoted header":           {"\"agg_trade_id\",price,quantity,f,l,T,m\n", false, ErrHeader, `line 1: column 1 "\"agg_trade_id\"": not the header of an aggTrades file, expected agg_trade_id`},
		"a space before a row":      {" " + row7, false, ErrHeader, `line 1: column 1 " 3454067270": not the header of an aggTrades file, expected agg_trade_id`},
		"JSON":                      {"{\"code\":-1121}\n", false, ErrHeader, `line 1: "{\"code\":-1121}": not the header of an aggTrades file, expected 7 or 8 column names separated by commas`},
		"zero bytes":                {strings.Repeat("\x00", 200), false, ErrTruncated, `line 1: "` + strings.Repeat(`\x00`, 80) + `": the file ends in the middle of a line`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			format, offset, err := Sniff([]byte(test.head), !test.part)
			if !errors.Is(err, test.err) || format != (Format{}) || offset != 0 {
				t.Fatalf("Sniff = %+v, %d, %v; want an error of kind %v", format, offset, err, test.err)
			}
			if err.Error() != test.want {
				t.Errorf("error:\n%s\nwant:\n%s", err, test.want)
			}
		})
	}
}

// quote is line without its end as an error quotes it.
func quote(line string) string { return `"` + line[:min(80, len(line)-1)] + `"` }

// FuzzSniff checks what Sniff promises about any bytes.
func FuzzSniff(f *testing.F) {
	for _, s := range shapes() {
		f.Add(s.generate(f, 2, 1), true)
	}
	f.Add([]byte("\xef\xbb\xbf"+officialHeader+"\n"), true)
	f.Add([]byte("<Error><Code>NoSuchKey</Code>"), true)
	f.Add([]byte("PK\x03\x04"), false)
	f.Fuzz(func(t *testing.T, head []byte, whole bool) {
		format, offset, err := Sniff(head, whole)
		if err != nil {
			if format != (Format{}) || offset != 0 || err.Error() == "" {
				t.Fatalf("Sniff(%q, %v) = %+v, %d beside error %v", head, whole, format, offset, err)
			}
			return
		}
		if offset > len(head) || format.Columns != 7 && format.Columns != 8 {
			t.Fatalf("Sniff(%q, %v) = %+v, %d", head, whole, format, offset)
		}
		before, row := string(head[:offset]), head[offset:]
		if format.Header != strings.HasSuffix(before, "\n") {
			t.Fatalf("Sniff(%q, %v) = %+v, skips %q", head, whole, format, before)
		}
		if len(row) == 0 {
			if !whole || !format.Header {
				t.Fatalf("Sniff(%q, %v) = %+v without a row", head, whole, format)
			}
			return
		}
		// The first row has as many columns as the format says: a decoder does not refuse it for that.
		line, _, _ := bytes.Cut(row, []byte("\n"))
		d := NewDecoder(Options{Format: format})
		if _, err := d.parseRow(trimCR(line)); errors.Is(err, ErrColumns) || errors.Is(err, ErrEmptyLine) {
			t.Fatalf("Sniff(%q, %v) = %+v, but the decoder says %v", head, whole, format, err)
		}
	})
}
