package nagios

import (
	"math"
	"strings"
	"testing"
)

func TestHuman(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		v    float64
		unit Unit
		want string
	}{
		"bytes":                          {512, Bytes, "512 B"},
		"gigabytes":                      {61203283968, Bytes, "61.2 GB"},
		"round ones":                     {1e11, Bytes, "100 GB"},
		"rounding up to the next prefix": {999960000000, Bytes, "1 TB"},
		"above 8 EiB":                    {1e19, Bytes, "10 EB"},
		"above the last prefix":          {1e22, Bytes, "10000 EB"},
		"negative bytes":                 {-5e9, Bytes, "-5 GB"},
		"no bytes":                       {0, Bytes, "0 B"},
		"milliseconds":                   {0.0123, Seconds, "0.0123s"},
		"seconds":                        {12.54, Seconds, "12.5s"},
		"rounding up to a minute":        {59.97, Seconds, "1m"},
		"minutes":                        {312.4, Seconds, "5m 12s"},
		"hours":                          {3*3600 + 5*60 + 29, Seconds, "3h 5m"},
		"rounding up to a day":           {86399, Seconds, "1d"},
		"days":                           {2*86400 + 4*3600, Seconds, "2d 4h"},
		"negative time":                  {-90, Seconds, "-1m 30s"},
		"percent":                        {96.14, Percent, "96.1%"},
		"whole percent":                  {100, Percent, "100%"},
		"counts are not rounded":         {1982554380, None, "1,982,554,380"},
		"rates are":                      {1234567.89, None, "1,234,568"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Human(tc.v, tc.unit); got != tc.want {
				t.Fatalf("Human(%v, %q) = %q, want %q", tc.v, tc.unit, got, tc.want)
			}
		})
	}
}

func TestSentenceShowsTheValueOnItsSideOfTheLimit(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		value float64
		unit  Unit
		limit string
		want  string
	}{
		"three digits are enough":          {61.2e9, Bytes, "100GB:", "x 61.2 GB, limit 100 GB"},
		"just below":                       {99.96e9, Bytes, "100GB:", "x 99.96 GB, limit 100 GB"},
		"a byte below":                     {1e11 - 1, Bytes, "100GB:", "x 99.999999999 GB, limit 100 GB"},
		"binary limit":                     {107.3e9, Bytes, "100GiB:", "x 107.3 GB, limit 107.4 GB"},
		"across prefixes":                  {999.999e9, Bytes, "1TB:", "x 999.999 GB, limit 1 TB"},
		"percent":                          {95.04, Percent, "95", "x 95.04%, limit 95%"},
		"time":                             {7201, Seconds, "2h", "x 2h 1s, limit 2h"},
		"fractions of a second":            {7200.25, Seconds, "2h", "x 2h 0.3s, limit 2h"},
		"below an inner limit":             {5, None, "10:20", "x 5, limit 10"},
		"above it":                         {25, None, "10:20", "x 25, limit 20"},
		"inside":                           {15, None, "@10:20", "x 15, must not be within 10 to 20"},
		"inside with one end":              {15, None, "@10:", "x 15, must be below 10"},
		"inside with the other":            {-15, None, "@~:10", "x -15, must be above 10"},
		"a forbidden value":                {3, None, "@3:3", "x 3, must not be 3"},
		"a forbidden value among decimals": {0.5, None, "@0.5:0.5", "x 0.5, must not be 0.5"},
		"everything forbidden":             {3, None, "@~:", "x 3, limit @~:"},
		"inside by a hair":                 {12345.678, None, "@12345.6:12345.7", "x 12,345.7, must not be within 12,345.6 to 12,345.7"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := ParseRangeIn(tc.limit, tc.unit)
			if err != nil {
				t.Fatal(err)
			}
			j := Judged{Spec: Spec{Label: "x", Unit: tc.unit}, Metric: Metric{Value: tc.value}}
			if got := j.sentence(r); got != tc.want {
				t.Fatalf("%q, want %q", got, tc.want)
			}
		})
	}
}

// FuzzHuman proves that rounding never turns around the order of two numbers, and that enough digits tell them apart.
func FuzzHuman(f *testing.F) {
	f.Add(99.99e9, 100e9, byte(0))
	f.Add(86399.5, 86400.0, byte(1))
	f.Add(59.9999, 60.0, byte(1))
	f.Add(0.1, 0.2, byte(2))
	f.Fuzz(func(t *testing.T, v, limit float64, unit byte) {
		if math.IsNaN(v) || math.Abs(v) > 1e18 || math.IsNaN(limit) || math.Abs(limit) > 1e18 || v >= limit {
			return
		}
		u := []Unit{Bytes, Seconds, Percent, None}[int(unit)%4]
		for more := range maxMoreDigits {
			a, b := human(v, u, more), human(limit, u, more)
			if a.value > b.value {
				t.Fatalf("%v < %v but %q > %q", v, limit, a.text, b.text)
			}
			if strings.ContainsAny(a.text, "eN+|;=") {
				t.Fatalf("%v is written %q", v, a.text)
			}
		}
		if gap := math.Abs(limit-v) / max(math.Abs(v), math.Abs(limit)); gap > 1e-9 && math.Abs(limit-v) > 1e-6 {
			if a, b := human(v, u, maxMoreDigits-1), human(limit, u, maxMoreDigits-1); a.value >= b.value {
				t.Fatalf("%v and %v are both %q", v, limit, a.text)
			}
		}
	})
}
