package aggtrades

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/check-ingest/check-ingest/internal/catalog"
)

// Rows of the common form, to be put before or after others: two of them are longer than longestCommon, so a line
// they follow is not too near the end of its block for decodeCommon.
const (
	row7 = "3454067270,76988.7,0.037,8089233297,8089233297,1789655280294,false\n"
	row8 = "4064947752,75940.50000000,0.00200000,6685595042,6685595042,1789525800105269,False,True\n"
)

// padding is rows of the common form for a format.
func padding(columns int) string {
	if columns == maxColumns {
		return strings.Repeat(row8, 2)
	}
	return strings.Repeat(row7, 2)
}

// narrow are the options of a daily file for a table of DECIMAL(18,8) columns.
func narrow(columns int) Options {
	day := map[int]string{7: "2026-09-17", 8: "2026-09-16"}[columns]
	d, err := catalog.ParseDay(day)
	if err != nil {
		panic(err)
	}
	return Options{
		Format: Format{Columns: columns},
		Limits: Limits{Price: 999_999_999_999_999_999, Quantity: 999_999_999_999_999_999},
		Period: catalog.DayPeriod(d),
	}
}

func TestDecodeAgreesWithReferenceOnGeneratedFiles(t *testing.T) {
	t.Parallel()
	for name, s := range shapes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(4) {
				const n = 500
				file := s.generate(t, n, seed)
				format, offset, err := Sniff(file, true)
				if err != nil {
					t.Fatal(err)
				}
				wantFormat := Format{Header: s.header != "", Columns: s.columns}
				if format != wantFormat {
					t.Fatalf("format %+v, want %+v", format, wantFormat)
				}
				out := newAgreement(t, Options{Format: format}).check(file[offset:])
				if got := len(out.Rows) + int(out.Voided); got != n || out.Fault != (fault{}) {
					t.Errorf("%d rows, fault %+v; want %d rows and none", got, out.Fault, n)
				}
				if s.odd != (out.Voided > 0) {
					t.Errorf("%d voided rows", out.Voided)
				}
				// The same with limits and a period that some of the shapes do not keep to.
				limited := narrow(s.columns)
				limited.Format = format
				newAgreement(t, limited).check(file[offset:])
			}
		})
	}
}

// TestDecodeTakesTheCommonPath keeps decodeCommon from falling out of use unnoticed.
func TestDecodeTakesTheCommonPath(t *testing.T) {
	t.Parallel()
	for name, s := range shapes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const n = 1000
			file := s.generate(t, n, 1)
			format, offset, err := Sniff(file, true)
			if err != nil {
				t.Fatal(err)
			}
			d := NewDecoder(Options{Format: format})
			d.Reset(file[offset:], format.FirstRow())
			common, rows := 0, NewRows(n)
			for d.pos < len(d.block) {
				before := rows.N
				d.decodeCommon(rows)
				common += rows.N - before
				if d.pos < len(d.block) {
					if err := d.decodeLine(rows); err != nil {
						t.Fatal(err)
					}
				}
			}
			least := n - 3
			if s.odd {
				least = n / 2
			}
			if common < least {
				t.Errorf("%d of %d lines took the common path, want %d at least", common, n, least)
			}
		})
	}
}

// TestLongestCommonLine pins what longestCommon promises: no line that is taken is longer than 121 bytes, and none makes
// a scanner look beyond 128.
func TestLongestCommonLine(t *testing.T) {
	t.Parallel()
	id, number := strings.Repeat("0", 15)+"7", strings.Repeat("9", 10)+"."+strings.Repeat("9", 8)
	line := strings.Join([]string{id, number, number, id, id, "1789525800105269", "FALSE", "FALSE"}, ",") + "\r\n"
	if len(line) != 121 {
		t.Fatalf("line of %d bytes, want 121", len(line))
	}
	d, rows := NewDecoder(Options{Format: Format{Columns: 8}}), NewRows(8)
	for extra, want := range map[int]int{longestCommon - 121: 1, longestCommon - 121 - 1: 0} {
		rows.N = 0
		d.Reset([]byte(line+strings.Repeat("x", extra)), 1)
		if d.decodeCommon(rows); rows.N != want {
			t.Errorf("%d rows from a line and %d bytes, want %d", rows.N, extra, want)
		}
	}
	// Fields that are too long anywhere must not lead a scanner out of the block either.
	for _, c := range []string{"0", "9", "1.", ",", "7,", "true,", "\n"} {
		for start := range len(line) {
			block := line[:start] + strings.Repeat(c, longestCommon)
			rows.N = 0
			d.Reset([]byte(block[:longestCommon]), 1)
			d.decodeCommon(rows)
		}
	}
}

// byteClasses has one byte of each kind that the grammar tells apart, and a few that it must not confuse with them.
const byteClasses = "0159.-+eE ,\n\r\"x\x00\xff"

// forEachString calls f with every string of at most n bytes of an alphabet. The slice is valid during the call.
func forEachString(alphabet string, n int, f func([]byte)) {
	var extend func(prefix []byte)
	extend = func(prefix []byte) {
		f(prefix)
		if len(prefix) == n {
			return
		}
		for i := range len(alphabet) {
			extend(append(prefix, alphabet[i]))
		}
	}
	extend(make([]byte, 0, n))
}

func TestDecodeAgreesWithReferenceOnShortFields(t *testing.T) {
	t.Parallel()
	for _, line := range []string{row7, row8} {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), ",")
		for col := range fields {
			t.Run(fmt.Sprintf("%d columns, %s", len(fields), columnName(col)), func(t *testing.T) {
				t.Parallel()
				a := newAgreement(t, narrow(len(fields)))
				before := strings.Join(fields[:col], ",")
				if col > 0 {
					before += ","
				}
				after := "\n"
				if col < len(fields)-1 {
					after = "," + strings.Join(fields[col+1:], ",") + "\n"
				}
				after += padding(len(fields))
				var block []byte
				forEachString(byteClasses, 3, func(field []byte) {
					block = append(append(append(block[:0], before...), field...), after...)
					a.check(block)
				})
			})
		}
	}
}

func TestDecodeAgreesWithReferenceOnMutatedRows(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{
		"USD-M":           row7,
		"spot":            row8,
		"CRLF":            "12,1,0.5,3,4,1789655280294,TRUE\r\n",
		"voided":          "2980094259,0,0.0,-1,-1,1713571199005,False,True\n",
		"with exponent":   "1,1.5e3,4.4e-16,3,4,1789655280294,true\n",
		"widest decimals": "9223372036854775807,92233720368.54775807,9999999999.999999994,0,9,1789525800105269,True,TRUE\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			columns := strings.Count(line, ",") + 1
			o := narrow(columns)
			if name == "widest decimals" {
				o.Limits.Price = 0
			}
			a := newAgreement(t, o)
			mutate(line, func(mutant []byte) {
				a.check(mutant)
				a.check(append(mutant, padding(columns)...))
			})
		})
	}
}

// mutate calls f with line cut short anywhere, with each of its bytes replaced by every other, left out, or doubled, and
// with one byte of each class put in anywhere.
func mutate(line string, f func([]byte)) {
	for i := range len(line) {
		f([]byte(line[:i]))
		f([]byte(line[:i] + line[i+1:]))
		f([]byte(line[:i+1] + line[i:]))
		for c := range 256 {
			mutant := []byte(line)
			mutant[i] = byte(c)
			f(mutant)
		}
		for j := range len(byteClasses) {
			f([]byte(line[:i] + byteClasses[j:j+1] + line[i:]))
		}
	}
}

// TestDecodeAtTheEdges goes one step beyond every limit there is, on the common path and on the other.
func TestDecodeAtTheEdges(t *testing.T) {
	t.Parallel()
	const ok = "1789525800105269" // on 2026-09-16
	limited := narrow(7)
	limited.Limits = Limits{Price: 150_000_000, Quantity: 250_000_000}
	limited.Period = narrow(8).Period
	anything := Options{Format: Format{Columns: 7}}
	for name, test := range map[string]struct {
		opts                            Options
		price, quantity, first, last, t string
		want                            error
	}{
		"the largest price":                   {limited, "1.5", "1", "1", "1", ok, nil},
		"a price one unit larger":             {limited, "1.50000001", "1", "1", "1", ok, ErrTooWide},
		"the largest quantity":                {limited, "1", "2.50000000", "1", "1", ok, nil},
		"a quantity one unit larger":          {limited, "1", "2.50000001", "1", "1", ok, ErrTooWide},
		"a quantity that rounds down to it":   {limited, "1", "2.500000004", "1", "1", ok, nil},
		"the largest numbers of all":          {anything, "92233720368.54775807", "92233720368.54775807", "1", "1", ok, nil},
		"a number one unit larger":            {anything, "92233720368.54775808", "1", "1", "1", ok, ErrTooWide},
		"a price above zero that rounds to 0": {anything, "1e-20", "1", "1", "1", ok, nil},
		"equal trade ids":                     {anything, "1", "1", "0", "0", ok, nil},
		"a last trade id one too small":       {anything, "1", "1", "1", "0", ok, ErrNotTrade},
		"a last trade id of none":             {anything, "1", "1", "1", "-1", ok, ErrNotTrade},
		"the period's first microsecond":      {limited, "1", "1", "1", "1", "1789516800000000", nil},
		"a microsecond before the period":     {limited, "1", "1", "1", "1", "1789516799999999", ErrOutsidePeriod},
		"the period's last microsecond":       {limited, "1", "1", "1", "1", "1789603199999999", nil},
		"a microsecond after the period":      {limited, "1", "1", "1", "1", "1789603200000000", ErrOutsidePeriod},
		"the period's first millisecond":      {limited, "1", "1", "1", "1", "1789516800000", nil},
		"the period's last millisecond":       {limited, "1", "1", "1", "1", "1789603199999", nil},
		"a millisecond after the period":      {limited, "1", "1", "1", "1", "1789603200000", ErrOutsidePeriod},
		"the beginning of 2009":               {anything, "1", "1", "1", "1", "1230768000000", nil},
		"a microsecond before 2009":           {anything, "1", "1", "1", "1", "1230767999999999", ErrTime},
		"the last microsecond of 2099":        {anything, "1", "1", "1", "1", "4102444799999999", nil},
		"the beginning of 2100":               {anything, "1", "1", "1", "1", "4102444800000", ErrTime},
		"the smallest time in microseconds":   {anything, "1", "1", "1", "1", "100000000000000", ErrTime},
		"the largest time in milliseconds":    {anything, "1", "1", "1", "1", "99999999999999", ErrTime},
		"a time with leading zeros":           {anything, "1", "1", "1", "1", "0001789603200000", nil},
		"the largest number as a time":        {anything, "1", "1", "1", "1", "9223372036854775807", ErrTime},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			line := strings.Join([]string{"1", test.price, test.quantity, test.first, test.last, test.t, "true"}, ",") + "\n"
			a := newAgreement(t, test.opts)
			for _, block := range []string{line, line + strings.Repeat("#", longestCommon)} {
				out := a.check([]byte(block))
				if got := out.Fault; test.want != nil && !errors.Is(got.Err, test.want) || test.want == nil && len(out.Rows) != 1 {
					t.Errorf("block %.80q: %d rows, fault %+v; want %v", block, len(out.Rows), got, test.want)
				}
			}
		})
	}
}

func TestDecodeReportsTheSameErrorAgain(t *testing.T) {
	t.Parallel()
	d, rows := NewDecoder(narrow(7)), NewRows(8)
	d.Reset([]byte(row7+"x\n"+row7), 100)
	_, first := d.Next(rows)
	if rows.N != 1 {
		t.Errorf("%d rows before the error, want 1", rows.N)
	}
	more, second := d.Next(rows)
	if first == nil || second == nil || more || first.Error() != second.Error() || rows.N != 0 {
		t.Errorf("errors %v and %v, more %v, %d rows; want the same error twice and no rows", first, second, more, rows.N)
	}
}

func TestNextIsFalseOnlyAtTheEnd(t *testing.T) {
	t.Parallel()
	const voided = "2980094259,0,0,-1,-1,1713571199005,False\n"
	d, rows := NewDecoder(narrow(7)), NewRows(2)
	for name, test := range map[string]struct {
		block  string
		want   []int
		voided int64
	}{
		"an empty block":                       {"", nil, 0},
		"less than a batch":                    {row7, []int{1}, 0},
		"exactly one batch":                    {row7 + row7, []int{2}, 0},
		"more than one batch":                  {row7 + row7 + row7, []int{2, 1}, 0},
		"voided rows only":                     {voided + voided + voided, nil, 3},
		"voided rows between, before and last": {voided + row7 + voided + row7 + voided + row7 + voided, []int{2, 1}, 4},
	} {
		var got []int
		d.Reset([]byte(test.block), 1)
		for {
			more, err := d.Next(rows)
			if err != nil {
				t.Fatal(err)
			}
			if !more {
				break
			}
			got = append(got, rows.N)
		}
		if fmt.Sprint(got) != fmt.Sprint(test.want) || d.Voided() != test.voided || rows.N != 0 {
			t.Errorf("%s: batches %v, voided %d, left %d; want %v, %d, 0", name, got, d.Voided(), rows.N, test.want, test.voided)
		}
	}
}

// TestDecodeDoesNotAllocate is not parallel: AllocsPerRun counts what all goroutines allocate.
func TestDecodeDoesNotAllocate(t *testing.T) {
	for name, s := range shapes() {
		file := s.generate(t, 500, 1)
		format, offset, err := Sniff(file, true)
		if err != nil {
			t.Fatal(err)
		}
		d, rows, sum := NewDecoder(Options{Format: format}), NewRows(64), NewSummary(catalog.Period{})
		wanted := func(d catalog.Day) bool { return d != 0 }
		allocs := testing.AllocsPerRun(10, func() {
			d.Reset(file[offset:], 1)
			for {
				more, err := d.Next(rows)
				if err != nil {
					t.Fatal(err)
				}
				if !more {
					return
				}
				rows.Keep(wanted)
				sum.Add(rows)
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
}

// FuzzDecode compares the decoder with the reference on any bytes, both at the end of a block and away from it.
func FuzzDecode(f *testing.F) {
	for _, s := range shapes() {
		file := s.generate(f, 3, 1)
		f.Add(bytes.TrimPrefix(file, []byte(s.header+s.lineEnd)), s.columns == maxColumns, s.odd)
	}
	f.Add([]byte("2980094259,0,0,-1,-1,1713571199005,False,True\n"), true, true)
	f.Add([]byte("1,1.5e3,4.4e-16,3,4,1789655280294,true\n"), false, true)
	f.Add([]byte(row7+"\r\n"), false, false)
	f.Add([]byte(row7[:30]), false, false)
	f.Fuzz(func(t *testing.T, block []byte, eight, limited bool) {
		columns := minColumns
		if eight {
			columns = maxColumns
		}
		o := Options{Format: Format{Columns: columns}}
		if limited {
			o = narrow(columns)
		}
		a := newAgreement(t, o)
		a.check(block)
		a.check(append(block, padding(columns)...))
	})
}
