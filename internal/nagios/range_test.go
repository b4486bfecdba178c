package nagios

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/check-ingest/check-ingest/internal/nagiostest"
)

// number is a JSON number or one of the strings "inf", "-inf", "+inf", "nan".
type number float64

func (n *number) UnmarshalJSON(b []byte) error {
	f, err := strconv.ParseFloat(strings.Trim(string(b), `"`), 64)
	*n = number(f)
	return err
}

// truth is the truth table of ranges.
type truth struct {
	Count   int
	Vectors []struct {
		Range      string
		Valid      bool
		Value      *number
		Alert      *bool
		Start, End *number
		Inside     *bool
		String     *string
	}
}

func TestParseRangeTruthTable(t *testing.T) {
	t.Parallel()
	var table truth
	nagiostest.Vectors(t, "threshold_spec_truth_table.json", &table)
	if len(table.Vectors) != table.Count || table.Count < 205 {
		t.Fatalf("%d vectors, count says %d, expected at least 205", len(table.Vectors), table.Count)
	}
	for _, v := range table.Vectors {
		r, err := ParseRange(v.Range)
		if (err == nil) != v.Valid {
			t.Errorf("ParseRange(%q) error = %v, want valid = %v", v.Range, err, v.Valid)
			continue
		}
		if err != nil {
			continue
		}
		if v.Value != nil && r.Alerts(float64(*v.Value)) != *v.Alert {
			t.Errorf("ParseRange(%q).Alerts(%v) = %v", v.Range, *v.Value, !*v.Alert)
		}
		if v.Start != nil && (r.Start != float64(*v.Start) || r.End != float64(*v.End) || r.Inside != *v.Inside) {
			t.Errorf("ParseRange(%q) = %+v, want %v %v %v", v.Range, r, *v.Start, *v.End, *v.Inside)
		}
		if v.String != nil && r.String() != *v.String {
			t.Errorf("ParseRange(%q).String() = %q, want %q", v.Range, r, *v.String)
		}
	}
}

func TestParseRangeInUnits(t *testing.T) {
	t.Parallel()
	inf := math.Inf(1)
	tests := map[string]struct {
		text  string
		unit  Unit
		start float64
		end   float64
	}{
		"decimal bytes":                     {"100GB:", Bytes, 100e9, inf},
		"binary bytes with a fraction":      {"1.5TiB:", Bytes, 1.5 * (1 << 40), inf},
		"a fraction is exact, not 0.3*1e9":  {"0.3GB", Bytes, 0, 300000000},
		"kB is written both ways":           {"1kB:2KB", Bytes, 1000, 2000},
		"bytes named as such":               {"7B", Bytes, 0, 7},
		"no unit is the base unit":          {"500", Bytes, 0, 500},
		"hours":                             {"26h", Seconds, 0, 26 * 3600},
		"days":                              {"2d", Seconds, 0, 2 * 86400},
		"m is minutes":                      {"5m", Seconds, 0, 300},
		"milliseconds":                      {"250ms", Seconds, 0, 0.25},
		"different units in one range":      {"90m:2d", Seconds, 5400, 2 * 86400},
		"minus infinity to a size":          {"~:1MiB", Bytes, math.Inf(-1), 1 << 20},
		"percent with its sign":             {"5%:", Percent, 5, inf},
		"percent without it":                {"5:", Percent, 5, inf},
		"negative with a unit":              {"-1.5GB:", Bytes, -1.5e9, inf},
		"the sum of units above 8 EiB":      {"16384PiB:", Bytes, 1 << 64, inf},
		"sixty-four digits are still taken": {strings.Repeat("9", 64), None, 0, 1e64},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := ParseRangeIn(tc.text, tc.unit)
			if err != nil || r.Start != tc.start || r.End != tc.end {
				t.Fatalf("ParseRangeIn(%q, %q) = %+v, %v; want %v to %v", tc.text, tc.unit, r, err, tc.start, tc.end)
			}
		})
	}
}

func TestParseRangeInRejects(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		unit Unit
		want string // part of the message
	}{
		"bytes for a duration":              {"100GB:", Seconds, "expected ms, s, m (minutes), h or d"},
		"hours for bytes":                   {"26h", Bytes, "does not fit a metric in bytes"},
		"percent for bytes":                 {"10%:", Bytes, "does not fit a metric in bytes"},
		"bytes for percent":                 {"10GB:", Percent, "does not fit a metric in percent"},
		"percent before the number":         {"%80", Percent, `"%80" is not a number`},
		"a bare G":                          {"100G:", Bytes, "write GB or GiB"},
		"a bare k":                          {"100k:", Bytes, "write KB or KiB"},
		"a unit in the wrong case":          {"100gb:", Bytes, "does not fit"},
		"a space before the unit":           {"100 GB:", Bytes, "does not fit"},
		"a unit for a count":                {"10s", None, "expected a number without a unit"},
		"a unit alone":                      {"GB:", Bytes, "is not a number"},
		"a negative end without a start":    {"-10", None, "write ~:-10 or -10:"},
		"a start above its end after units": {"1TB:900GB", Bytes, "start 1TB is above end 900GB"},
		"what bash makes of ~:10":           {"/root:10", None, "quote the range"},
		"nothing":                           {"", None, "leave the option out"},
		"sixty-five digits":                 {strings.Repeat("9", 65), None, "more than 64 characters"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseRangeIn(tc.text, tc.unit)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("ParseRangeIn(%q, %q) error = %v, want one with %q", tc.text, tc.unit, err, tc.want)
			}
		})
	}
}

func TestRangeAlertsOnNaN(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"10", "@10", "~:", "@~:"} {
		r, err := ParseRange(text)
		if err != nil {
			t.Fatal(err)
		}
		if !r.Alerts(math.NaN()) {
			t.Errorf("%q does not alert on NaN", text)
		}
	}
}

func TestRangePerfdata(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text          string
		lowest        float64
		want          string
		sameMeaningAt []float64 // values for which the printed form must alert alike
	}{
		"a range from 0 is a plain number":                        {"0:10", math.Inf(-1), "10", []float64{-1, 0, 10, 11}},
		"no lower end is one where the metric cannot be negative": {"~:10", 0, "10", []float64{0, 10, 11}},
		"nor a negative one":                                      {"-5:10", 0, "10", []float64{0, 10, 11}},
		"but not where it can":                                    {"~:10", math.Inf(-1), "~:10", []float64{-1, 10, 11}},
		"an end below 0 stays a range":                            {"~:-10", 0, "~:-10", []float64{0, 1}},
		"a lower limit stays a range":                             {"10:", 0, "10:", []float64{0, 9, 10}},
		"an inside range stays one":                               {"@0:10", 0, "@10", []float64{0, 10, 11}},
		"never":                                                   {"~:", 0, "~:", []float64{0, 1e9}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := ParseRange(tc.text)
			if err != nil {
				t.Fatal(err)
			}
			got := r.perfdata(tc.lowest)
			if got != tc.want {
				t.Fatalf("perfdata of %q = %q, want %q", tc.text, got, tc.want)
			}
			printed, err := ParseRange(got)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range tc.sameMeaningAt {
				if printed.Alerts(v) != r.Alerts(v) {
					t.Errorf("%q and %q differ at %v", got, tc.text, v)
				}
			}
		})
	}
}

func TestRangeJSONIsItsCanonicalForm(t *testing.T) {
	t.Parallel()
	r, err := ParseRangeIn("@1h:2h", Seconds)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := json.Marshal(&r); err != nil || string(got) != `"@3600:7200"` {
		t.Fatalf("json = %s, %v", got, err)
	}
}

// FuzzRange proves that printing keeps the meaning: parse(print(r)) is r, in every unit, and that nothing panics.
func FuzzRange(f *testing.F) {
	for _, s := range []string{"10", "0:", "~:10", "@10:20", "-5:5", ".5", "+5.", "1.5TiB:", "5%", "250ms:2d", "/root:10", "0.0004", "9007199254740993"} {
		for unit := range byte(4) {
			f.Add(s, unit)
		}
	}
	f.Fuzz(func(t *testing.T, s string, unit byte) {
		units := []Unit{None, Seconds, Bytes, Percent}
		r, err := ParseRangeIn(s, units[int(unit)%len(units)])
		if err != nil {
			return
		}
		if !(r.Start <= r.End) {
			t.Fatalf("%q: start %v above end %v", s, r.Start, r.End)
		}
		printed := r.String()
		again, err := ParseRange(printed)
		if err != nil || again != r {
			t.Fatalf("%q is %+v, prints %q, which is %+v, %v", s, r, printed, again, err)
		}
		if again.String() != printed {
			t.Fatalf("%q prints %q, then %q", s, printed, again)
		}
	})
}
