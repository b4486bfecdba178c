package source

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
)

// Format is how a file is packed.
type Format uint8

// The formats, as the end of the name tells them.
const (
	CSV  Format = iota // .csv
	ZIP                // .zip, as published
	GZIP               // .csv.gz
	ZSTD               // .csv.zst
)

// formats lists the formats for those who look for a suffix.
func formats() [4]Format { return [...]Format{CSV, ZIP, GZIP, ZSTD} }

// Suffix is what the names of files of this format end in, such as ".csv.gz".
func (f Format) Suffix() string {
	switch f {
	case ZIP:
		return ".zip"
	case GZIP:
		return ".csv.gz"
	case ZSTD:
		return ".csv.zst"
	default:
		return ".csv"
	}
}

// String is the suffix without its dot: "csv", "zip", "csv.gz", "csv.zst".
func (f Format) String() string { return f.Suffix()[1:] }

const (
	marker         = "-aggTrades-"
	checksumSuffix = ".CHECKSUM"
)

// cutFormat splits a base name into what precedes the format's suffix and the format. It reports false for names that end in no
// known suffix.
func cutFormat(base string) (stem string, format Format, ok bool) {
	for _, f := range formats() {
		if stem, ok = strings.CutSuffix(base, f.Suffix()); ok {
			return stem, f, true
		}
	}
	return "", CSV, false
}

// ParseName reads a file's name without its folder:
//
//	SYMBOL-aggTrades-YYYY-MM-DD.zip   a day, or .csv, .csv.gz, .csv.zst
//	SYMBOL-aggTrades-YYYY-MM.zip      a month, likewise
//
// The name is split at its last "-aggTrades-". Dates must exist and be zero-padded; SYMBOL is what [catalog.CheckSymbol] accepts. The
// error says which of that is not so.
func ParseName(base string) (symbol string, period catalog.Period, format Format, err error) {
	symbol, period, format, err = parseName(base)
	if err != nil {
		return "", catalog.Period{}, 0, fmt.Errorf("file name %q: %w", base, err)
	}
	return symbol, period, format, nil
}

// parseName is ParseName with errors that leave out the name.
func parseName(base string) (symbol string, period catalog.Period, format Format, err error) {
	stem, format, ok := cutFormat(base)
	if !ok {
		return "", period, 0, errors.New("expected it to end in .csv, .zip, .csv.gz or .csv.zst")
	}
	at := strings.LastIndex(stem, marker)
	if at < 0 {
		return "", period, 0, errors.New("expected SYMBOL-aggTrades-DATE")
	}
	symbol, date := stem[:at], stem[at+len(marker):]
	if err := catalog.CheckSymbol(symbol); err != nil {
		return "", period, 0, err
	}
	if period, ok = parsePeriod(date); !ok {
		return "", period, 0, fmt.Errorf("date %q: expected YYYY-MM-DD or YYYY-MM, one that exists", date)
	}
	return symbol, period, format, nil
}

// parsePeriod reads a day or a month. time.Parse alone would let pass a date with a fraction of a second.
func parsePeriod(date string) (catalog.Period, bool) {
	switch len(date) {
	case len("2006-01-02"):
		d, err := catalog.ParseDay(date)
		return catalog.DayPeriod(d), err == nil
	case len("2006-01"):
		t, err := time.Parse("2006-01", date)
		return catalog.MonthPeriod(t.Year(), t.Month()), err == nil
	default:
		return catalog.Period{}, false
	}
}
