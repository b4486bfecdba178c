package source_test

import (
	"strings"
	"testing"
	"time"

	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/catalog"
)

func day(tb testing.TB, s string) catalog.Day {
	tb.Helper()
	d, err := catalog.ParseDay(s)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

func TestParseName(t *testing.T) {
	t.Parallel()
	leap := catalog.DayPeriod(day(t, "2024-02-29"))
	tests := map[string]struct {
		name   string
		symbol string
		period catalog.Period
		format source.Format
	}{
		"a day as zip":                       {"BTCUSDT-aggTrades-2024-02-29.zip", "BTCUSDT", leap, source.ZIP},
		"a day as csv":                       {"BTCUSDT-aggTrades-2024-02-29.csv", "BTCUSDT", leap, source.CSV},
		"a day as gzip":                      {"BTCUSDT-aggTrades-2024-02-29.csv.gz", "BTCUSDT", leap, source.GZIP},
		"a day as zstd":                      {"BTCUSDT-aggTrades-2024-02-29.csv.zst", "BTCUSDT", leap, source.ZSTD},
		"a month":                            {"BTCUSDT-aggTrades-2024-02.zip", "BTCUSDT", catalog.MonthPeriod(2024, time.February), source.ZIP},
		"the first day of all":               {"BTCUSDT-aggTrades-2017-08-17.zip", "BTCUSDT", catalog.DayPeriod(day(t, "2017-08-17")), source.ZIP},
		"a symbol that begins with a digit":  {"1000SHIBUSDT-aggTrades-2024-02-29.zip", "1000SHIBUSDT", leap, source.ZIP},
		"a delivery contract":                {"BTCUSD_250926-aggTrades-2024-02-29.zip", "BTCUSD_250926", leap, source.ZIP},
		"a perpetual contract":               {"BTCUSD_PERP-aggTrades-2024-02-29.zip", "BTCUSD_PERP", leap, source.ZIP},
		"a Chinese symbol":                   {"币安人生USDT-aggTrades-2024-02-29.zip", "币安人生USDT", leap, source.ZIP},
		"the shortest symbol there could be": {"X-aggTrades-2024-02-29.zip", "X", leap, source.ZIP},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			symbol, period, format, err := source.ParseName(tc.name)
			if err != nil || symbol != tc.symbol || period != tc.period || format != tc.format {
				t.Errorf("ParseName(%q) = %q, %s, %s, %v; want %q, %s, %s", tc.name, symbol, period, format, err, tc.symbol, tc.period, tc.format)
			}
		})
	}
}

func TestParseNameRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ name, want string }{
		"nothing":                            {"", "expected it to end in"},
		"only a suffix":                      {".zip", "expected SYMBOL-aggTrades-DATE"},
		"klines":                             {"BTCUSDT-1m-2024-02-29.zip", "expected SYMBOL-aggTrades-DATE"},
		"trades":                             {"BTCUSDT-trades-2024-02-29.zip", "expected SYMBOL-aggTrades-DATE"},
		"a checksum":                         {"BTCUSDT-aggTrades-2024-02-29.zip.CHECKSUM", "expected it to end in"},
		"a partial download":                 {"BTCUSDT-aggTrades-2024-02-29.zip.part", "expected it to end in"},
		"a bare .gz":                         {"BTCUSDT-aggTrades-2024-02-29.gz", "expected it to end in"},
		"a zip of a zip":                     {"BTCUSDT-aggTrades-2024-02-29.zip.zip", "date"},
		"upper-case suffix":                  {"BTCUSDT-aggTrades-2024-02-29.ZIP", "expected it to end in"},
		"a day that does not exist":          {"BTCUSDT-aggTrades-2023-02-29.zip", "one that exists"},
		"a month that does not exist":        {"BTCUSDT-aggTrades-2024-13.zip", "one that exists"},
		"month zero":                         {"BTCUSDT-aggTrades-2024-00.zip", "one that exists"},
		"day zero":                           {"BTCUSDT-aggTrades-2024-01-00.zip", "one that exists"},
		"no zero in front":                   {"ADABKRW-aggTrades-2020-8.zip", "one that exists"},
		"a day without zero in front":        {"ADABKRW-aggTrades-2020-08-1.zip", "one that exists"},
		"a year alone":                       {"BTCUSDT-aggTrades-2024.zip", "one that exists"},
		"a date with time":                   {"BTCUSDT-aggTrades-2024-02-29T00.zip", "one that exists"},
		"a browser's second copy":            {"BTCUSDT-aggTrades-2024-02-29 (1).zip", "one that exists"},
		"a date range":                       {"BTCUSDT-aggTrades-2024-02-01_2024-02-29.zip", "one that exists"},
		"digits that are no ASCII":           {"BTCUSDT-aggTrades-２０24-02.zip", "one that exists"},
		"no symbol":                          {"-aggTrades-2024-02-29.zip", "is empty"},
		"a symbol with a dash":               {"BTC-USDT-aggTrades-2024-02-29.zip", "character '-'"},
		"a symbol with a dot":                {"..-aggTrades-2024-02-29.zip", "character '.'"},
		"a symbol with a slash":              {"a/b-aggTrades-2024-02-29.zip", "character '/'"},
		"a symbol with a newline":            {"BTC\nUSDT-aggTrades-2024-02-29.zip", `character '\n'`},
		"a symbol with a quote":              {"BTC'USDT-aggTrades-2024-02-29.zip", `character '\''`},
		"a symbol with invalid UTF-8":        {"BTC\xffUSDT-aggTrades-2024-02-29.zip", "not valid UTF-8"},
		"a symbol that fills the name":       {strings.Repeat("A", 230) + "-aggTrades-2024-02.zip", "longer than 64 bytes"},
		"the marker in another case":         {"BTCUSDT-aggtrades-2024-02-29.zip", "expected SYMBOL-aggTrades-DATE"},
		"two markers split at the last one":  {"A-aggTrades-2024-02-29-aggTrades-2024-02-29.zip", "character '-'"},
		"a Spark left-over in the bucket":    {"part-00000-0fae7358-a956-4804-a6d4-1682c07a5127-c000.zip", "expected SYMBOL-aggTrades-DATE"},
		"a zero byte":                        {"BTCUSDT\x00-aggTrades-2024-02-29.zip", "character '\\x00'"},
		"a sign in front of the year":        {"BTCUSDT-aggTrades-+024-02.zip", "one that exists"},
		"a symbol of a right-to-left switch": {"BTC\u202eUSDT-aggTrades-2024-02.zip", "character"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			symbol, period, format, err := source.ParseName(tc.name)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("ParseName(%q): error %v, want one with %q", tc.name, err, tc.want)
			}
			if symbol != "" || period != (catalog.Period{}) || format != 0 {
				t.Errorf("ParseName(%q) = %q, %s, %s beside the error", tc.name, symbol, period, format)
			}
		})
	}
}

// Whatever is accepted can be printed and comes out the same, so no two names mean one file of one format.
func FuzzParseName(f *testing.F) {
	f.Add("BTCUSDT-aggTrades-2024-02-29.zip")
	f.Add("币安人生USDT-aggTrades-2024-02.csv.gz")
	f.Add("A-aggTrades-2024-02-29-aggTrades-2024-02.csv.zst")
	f.Add("-aggTrades-0000-01-01.csv")
	f.Fuzz(func(t *testing.T, name string) {
		symbol, period, format, err := source.ParseName(name)
		if err != nil {
			return
		}
		if err := catalog.CheckSymbol(symbol); err != nil {
			t.Errorf("ParseName(%q): %v", name, err)
		}
		if period.Days() != 1 && !period.Monthly() {
			t.Errorf("ParseName(%q): period %s", name, period)
		}
		if got := symbol + "-aggTrades-" + period.String() + "." + format.String(); got != name {
			t.Errorf("ParseName(%q) means %q", name, got)
		}
	})
}
