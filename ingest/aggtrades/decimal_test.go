package aggtrades

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
)

func TestParseDecimal(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		units int64
		zero  bool
		err   error
	}{
		"0":                                   {units: 0, zero: true},
		"000.000":                             {units: 0, zero: true},
		"0e999999999999999999999999":          {units: 0, zero: true},
		"61234.5":                             {units: 6123450000000},
		"0.00000001":                          {units: 1},
		"0.000000005":                         {units: 1},
		"0.0000000049999999999999999":         {units: 0},
		"0.123456785":                         {units: 12345679},
		"0.999999995":                         {units: 100000000},
		"4.4e-16":                             {units: 0},
		"9e-16":                               {units: 0},
		"5e-9":                                {units: 1},
		"4.9e-9":                              {units: 0},
		"1e-05":                               {units: 1000},
		"1.5E+3":                              {units: 150000000000},
		"0.00000000000000000015e19":           {units: 150000000},
		"1e-99999999999999999999999999":       {units: 0},
		"92233720368.54775807":                {units: math.MaxInt64},
		"92233720368.547758074999":            {units: math.MaxInt64},
		"000000000000092233720368.54775807":   {units: math.MaxInt64},
		"92233720368.547758075":               {err: ErrTooWide},
		"92233720368.54775808":                {err: ErrTooWide},
		"100000000000":                        {err: ErrTooWide},
		"1e11":                                {err: ErrTooWide},
		"1e99999999999999999999999999":        {err: ErrTooWide},
		"18446744073.709551616":               {units: 1844674407370955162},
		strings.Repeat("9", 500):              {err: ErrTooWide},
		"0." + strings.Repeat("0", 500) + "1": {units: 0},
		"":                                    {err: ErrNumber},
		".":                                   {err: ErrNumber},
		".5":                                  {err: ErrNumber},
		"5.":                                  {err: ErrNumber},
		"5.e1":                                {err: ErrNumber},
		"1e":                                  {err: ErrNumber},
		"1e+":                                 {err: ErrNumber},
		"1e+-1":                               {err: ErrNumber},
		"1e1.5":                               {err: ErrNumber},
		"1.2.3":                               {err: ErrNumber},
		"-1":                                  {err: ErrNumber},
		"+1":                                  {err: ErrNumber},
		" 1":                                  {err: ErrNumber},
		"1 ":                                  {err: ErrNumber},
		"1,5":                                 {err: ErrNumber},
		"1_000":                               {err: ErrNumber},
		"0x1p3":                               {err: ErrNumber},
		"inf":                                 {err: ErrNumber},
		"NaN":                                 {err: ErrNumber},
		"\u0661":                              {err: ErrNumber},
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			units, zero, err := parseDecimal([]byte(text))
			if units != want.units || zero != want.zero || !errors.Is(err, want.err) {
				t.Errorf("parseDecimal(%q) = %d, %v, %v; want %d, %v, %v", text, units, zero, err, want.units, want.zero, want.err)
			}
		})
	}
}

// checkDecimal compares what parseDecimal and scanDecimal make of a text with the reference.
func checkDecimal(tb testing.TB, ref *reference, common *regexp.Regexp, text []byte) {
	tb.Helper()
	units, zero, err := parseDecimal(text)
	want, exact, wantErr := ref.decimal(string(text), 0)
	if units != want || !errors.Is(err, wantErr) || err == nil && zero != (exact.Sign() == 0) {
		tb.Fatalf("parseDecimal(%q) = %d, %v, %v; reference %d, %v, %v", text, units, zero, err, want, exact, wantErr)
	}
	line := append(append([]byte("#"), text...), ","+strings.Repeat("7", longestCommon)...)
	scanned, next := scanDecimal(line, 1)
	switch {
	case common.Match(text) != (next >= 0) && !strings.Contains(string(text), ","):
		tb.Fatalf("scanDecimal(%q) = %d, %d; common form: %v", text, scanned, next, common.Match(text))
	case next >= 0 && (scanned != want || next != 1+len(text)+1) && common.Match(text):
		tb.Fatalf("scanDecimal(%q) = %d, %d; reference %d", text, scanned, next, want)
	}
}

func newCommonForm() *regexp.Regexp { return regexp.MustCompile(`^[0-9]{1,10}(\.[0-9]{1,8})?$`) }

func TestDecimalsAgreeWithReferenceOnShortTexts(t *testing.T) {
	t.Parallel()
	ref, common := newReference(), newCommonForm()
	forEachString("0159.-+eEx,\xff", 5, func(text []byte) { checkDecimal(t, ref, common, text) })
}

func TestDecimalsAgreeWithReferenceOnAllLengths(t *testing.T) {
	t.Parallel()
	ref, common := newReference(), newCommonForm()
	for _, digit := range []string{"0", "1", "4", "5", "9"} {
		for whole := range 22 {
			for places := range 22 {
				text := strings.Repeat(digit, whole) + "." + strings.Repeat(digit, places)
				checkDecimal(t, ref, common, []byte(text))
				checkDecimal(t, ref, common, []byte(strings.TrimSuffix(text, ".")))
				for exponent := -30; exponent <= 30; exponent++ {
					checkDecimal(t, ref, common, fmt.Appendf(nil, "%se%+03d", text, exponent))
				}
			}
		}
	}
}

func TestScanDigitsAgreesWithParseInt(t *testing.T) {
	t.Parallel()
	const digits = "9876543210123456789"
	for from := range digits {
		for n := range len(digits) - from + 1 {
			text := digits[from : from+n]
			read := min(n, 16) // what follows the sixteenth digit is no comma, and that is found out later
			want, ok := parseInt([]byte(text[:read]))
			for c := range 256 {
				if isDigit(byte(c)) {
					continue
				}
				line := []byte(text + strings.Repeat(string([]byte{byte(c)}), longestCommon))
				if got, end := scanDigits(line, 0); ok != (end == read) || ok && got != want {
					t.Fatalf("scanDigits(%q) = %d, %d; want %d, %v", line[:20], got, end, want, ok)
				}
			}
		}
	}
}

func TestScannersPassFailureOn(t *testing.T) {
	t.Parallel()
	b := []byte(strings.Repeat("1,", longestCommon))
	_, a := scanInt(b, -1)
	_, c := scanDecimal(b, -1)
	_, d := scanBool(b, -1)
	if a >= 0 || c >= 0 || d >= 0 || scanMatch(b, -1) >= 0 || scanEnd(b, -1) >= 0 {
		t.Error("a scanner went on after a failure")
	}
}

func TestFormatUnits(t *testing.T) {
	t.Parallel()
	for units, want := range map[int64]string{
		0:                       "0.00000000",
		1:                       "0.00000001",
		999_999_999_999_999_999: "9999999999.99999999",
		math.MaxInt64:           "92233720368.54775807",
	} {
		if got := formatUnits(units); got != want {
			t.Errorf("formatUnits(%d) = %q, want %q", units, got, want)
		}
	}
}

func FuzzParseDecimal(f *testing.F) {
	for _, seed := range []string{"92233720368.54775807", "4.4e-16", "1e-05", "5e-9", "0.000000005", "1e99999999999999999999"} {
		f.Add([]byte(seed))
	}
	ref, common := newReference(), newCommonForm()
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) <= 400 {
			checkDecimal(t, ref, common, text)
		}
	})
}
