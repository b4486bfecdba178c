package aggtrades

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/check-ingest/check-ingest/internal/catalog"
)

// rowsOf makes a batch of rows with the given ids, and with the given times or, where there are none, all of one time.
func rowsOf(ids, times []int64) *Rows {
	r := NewRows(len(ids) + 1)
	for i := range ids {
		r.ID[i], r.Price[i], r.Quantity[i], r.FirstTrade[i], r.LastTrade[i] = ids[i], ids[i], ids[i], ids[i], ids[i]
		r.BuyerMaker[i] = ids[i]%2 == 1
		r.Time[i] = 1_789_655_280_294_000
		if times != nil {
			r.Time[i] = times[i]
		}
	}
	r.N = len(ids)
	return r
}

// summaryOf decodes a block and sums it up.
func summaryOf(tb testing.TB, d *Decoder, p catalog.Period, block []byte, capacity int) Summary {
	tb.Helper()
	s, rows := NewSummary(p), NewRows(capacity)
	d.Reset(block, 1)
	for {
		more, err := d.Next(rows)
		if err != nil {
			tb.Fatal(err)
		}
		if !more {
			s.Voided += d.Voided()
			return s
		}
		s.Add(rows)
	}
}

// summarise is the obvious way to sum up the rows of a file.
func summarise(rows []row, voided int64, p catalog.Period) Summary {
	s := NewSummary(p)
	s.Rows, s.Voided = int64(len(rows)), voided
	days := map[catalog.Day]bool{}
	for i, r := range rows {
		if i == 0 {
			s.MinID, s.MaxID, s.FirstTime, s.LastTime, s.headID = r.id, r.id, r.time, r.time, r.id
		}
		if i > 0 && r.id <= rows[i-1].id {
			s.Increasing = false
		}
		s.MinID, s.MaxID = min(s.MinID, r.id), max(s.MaxID, r.id)
		s.FirstTime, s.LastTime = min(s.FirstTime, r.time), max(s.LastTime, r.time)
		s.tailID = r.id
		days[catalog.DayOf(time.UnixMicro(r.time))] = true
	}
	for d := range days {
		s.days = append(s.days, d)
	}
	slices.Sort(s.days)
	return s
}

func diffSummaries(want, got Summary) string {
	return cmp.Diff(want, got, cmp.AllowUnexported(Summary{}), cmpopts.EquateEmpty())
}

// TestSummaryDoesNotDependOnBlocks cuts files at random line ends and sums the pieces up, one after another and in a
// tree as goroutines might.
func TestSummaryDoesNotDependOnBlocks(t *testing.T) {
	t.Parallel()
	for name, s := range shapes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(1, 2))
			file := s.generate(t, 300, 9)
			format, offset, err := Sniff(file, true)
			if err != nil {
				t.Fatal(err)
			}
			first, err := catalog.ParseDay(s.day)
			if err != nil {
				t.Fatal(err)
			}
			p := catalog.Period{First: first, End: first + 5}
			d := NewDecoder(Options{Format: format, Period: p})
			all := newReference().decode(file[offset:], 1, Options{Format: format})
			want := summarise(all.Rows, all.Voided, p)
			if s.outOfOrder == want.Increasing {
				t.Fatalf("ids increasing: %v", want.Increasing)
			}
			for range 200 {
				pieces := cutAtLineEnds(rng, file[offset:])
				sums := make([]Summary, len(pieces))
				chain := NewSummary(p)
				for i, piece := range pieces {
					sums[i] = summaryOf(t, d, p, piece, 1+rng.IntN(100))
					chain.Append(sums[i])
				}
				if diff := diffSummaries(want, chain); diff != "" {
					t.Fatalf("%d blocks one after another (-want +got):\n%s", len(pieces), diff)
				}
				for len(sums) > 1 {
					i := rng.IntN(len(sums) - 1)
					sums[i].Append(sums[i+1])
					sums = slices.Delete(sums, i+1, i+2)
				}
				if diff := diffSummaries(want, sums[0]); diff != "" {
					t.Fatalf("%d blocks as a tree (-want +got):\n%s", len(pieces), diff)
				}
			}
		})
	}
}

// cutAtLineEnds cuts a file into one or more blocks of whole lines, some of which may be empty.
func cutAtLineEnds(rng *rand.Rand, file []byte) [][]byte {
	lines := bytes.SplitAfter(file, []byte("\n"))
	var blocks [][]byte
	for n := 1 + rng.IntN(12); n > 1; n-- {
		k := rng.IntN(len(lines))
		blocks = append(blocks, bytes.Join(lines[:k], nil))
		lines = lines[k:]
	}
	return append(blocks, bytes.Join(lines, nil))
}

func TestSummaryIDs(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		batches    [][]int64
		voided     int64
		missing    int64
		increasing bool
	}{
		"no rows":                             {nil, 0, 0, true},
		"voided rows only":                    {nil, 3, 0, true},
		"one row":                             {[][]int64{{7}}, 0, 0, true},
		"no gap":                              {[][]int64{{7, 8}, {9}}, 0, 0, true},
		"a gap in a batch":                    {[][]int64{{7, 9}}, 0, 1, true},
		"a gap between batches":               {[][]int64{{7}, {}, {10}}, 0, 2, true},
		"a gap that voided rows fill":         {[][]int64{{7, 9}, {12}}, 3, 0, true},
		"more voided rows than room":          {[][]int64{{7, 9}}, 5, 0, true},
		"a repeated id":                       {[][]int64{{7, 7}}, 0, 0, false},
		"a repeated id at the end of a batch": {[][]int64{{7}, {7}}, 0, 0, false},
		"a step back between batches":         {[][]int64{{8, 9}, {3, 4}}, 0, 3, false},
		"increasing again after a step back":  {[][]int64{{2, 1}, {3, 4}, {5}}, 0, 0, false},
		"the whole range":                     {[][]int64{{0}, {math.MaxInt64}}, 0, math.MaxInt64 - 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := NewSummary(catalog.Period{})
			for _, ids := range test.batches {
				s.Add(rowsOf(ids, nil))
			}
			s.Voided += test.voided
			if s.IDsMissing() != test.missing || s.Increasing != test.increasing {
				t.Errorf("missing %d, increasing %v; want %d, %v", s.IDsMissing(), s.Increasing, test.missing, test.increasing)
			}
			if s.Rows == 0 && (s.MinID != -1 || s.MaxID != -1) {
				t.Errorf("ids %d to %d without a row, want -1", s.MinID, s.MaxID)
			}
		})
	}
}

func TestSummaryDays(t *testing.T) {
	t.Parallel()
	const day = catalog.MicrosPerDay
	for name, test := range map[string]struct {
		period        catalog.Period
		times         []int64
		seen, missing []catalog.Day
	}{
		"no rows, no period": {catalog.Period{}, nil, nil, nil},
		"no rows":            {catalog.Period{First: 20, End: 23}, nil, nil, []catalog.Day{20, 21, 22}},
		"a day that is whole to the microsecond": {
			catalog.DayPeriod(20), []int64{20 * day, 21*day - 1}, []catalog.Day{20}, nil,
		},
		"a hole in the middle and one at the end": {
			catalog.Period{First: 20, End: 24}, []int64{20*day + 5, 22 * day, 20*day + 7}, []catalog.Day{20, 22}, []catalog.Day{21, 23},
		},
		"days in any order, without a period": {
			catalog.Period{}, []int64{22 * day, 20 * day, 23*day - 1, 25 * day, 20 * day}, []catalog.Day{20, 22, 25}, nil,
		},
		"before 1970": {catalog.Period{First: -2, End: 1}, []int64{-1, 0}, []catalog.Day{-1, 0}, []catalog.Day{-2}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := NewSummary(test.period)
			s.Add(rowsOf(make([]int64, len(test.times)), test.times))
			if !slices.Equal(s.Days(), test.seen) || !slices.Equal(s.DaysMissing(), test.missing) {
				t.Errorf("days %v, missing %v; want %v, %v", s.Days(), s.DaysMissing(), test.seen, test.missing)
			}
		})
	}
}
