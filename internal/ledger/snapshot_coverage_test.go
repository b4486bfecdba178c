package ledger

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/internal/catalog"
)

func TestCoverage(t *testing.T) {
	t.Parallel()
	entries := []Entry{
		with(loaded(t, "2025-01-01..2025-01-31", 1, 100), func(e *Entry) {
			e.DaysMissing = []catalog.Day{day(t, "2025-01-05"), day(t, "2025-01-06"), day(t, "2025-01-10"), day(t, "2025-01-31")}
		}),
		loaded(t, "2025-01-06", 101, 101),
		empty(t, "2025-01-10"),
		with(empty(t, "2025-03-05"), func(e *Entry) { e.FilePath = "/data/2025-03" }), // the one day that was asked for of a month
		with(loaded(t, "2025-02-01", 101, 110), func(e *Entry) { e.Status = Partial }),
		with(loaded(t, "2025-02-02", 111, 120), func(e *Entry) { e.Status = Failed }),
		loaded(t, "2025-02-03", 121, 130),
		with(loaded(t, "2025-02-02", 1, 2), func(e *Entry) { e.Market = catalog.Spot }),
		{FilePath: "/old/a.csv", Symbol: "BTCUSDT", Status: Success},
	}
	spot := catalog.Series{Market: catalog.Spot, Symbol: "BTCUSDT"}
	snapshot := Build(entries, nil, Meta{})
	for from, c := range map[string]Coverage{"entries": CoverageOf(entries), "snapshot": snapshot.Coverage()} {
		t.Run("of the "+from, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(days(t, "2025-01-01..2025-02-01", "2025-02-03", "2025-03-05"), c.Ranges(btc)); diff != "" {
				t.Errorf("ranges (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]catalog.Series{spot, btc}, c.Series()); diff != "" {
				t.Errorf("series (-want +got):\n%s", diff)
			}
			for d, want := range map[string]bool{
				"2024-12-31": false, "2025-01-01": true, "2025-01-31": true, "2025-02-01": true, "2025-02-02": false, "2025-02-03": true, "2025-02-04": false,
			} {
				if got := c.Has(btc, day(t, d)); got != want {
					t.Errorf("Has(%s) = %v", d, got)
				}
			}
			for d, want := range map[string]bool{
				"2025-01-04": false, "2025-01-05": true, "2025-01-06": false, "2025-01-10": false, "2025-01-31": true, "2025-02-02": false, "2025-03-05": true,
			} {
				if got := c.Hole(btc, day(t, d)); got != want {
					t.Errorf("Hole(%s) = %v", d, got)
				}
			}
			c.Ranges(btc)[0].First = 0
			if c.Has(btc, 0) {
				t.Error("the ranges handed out are its own")
			}
		})
	}
	for p, want := range map[string]bool{
		"2025-01-01..2025-01-31": true, "2025-01-31..2025-02-01": true, "2025-02-01..2025-02-02": false, "2025-02-01..2025-02-03": false, "2024-12-31..2025-01-01": false,
	} {
		period := days(t, p)[0]
		if a, b := snapshot.Covers(btc, period), CoverageOf(entries).Covers(btc, period); a != want || b != want {
			t.Errorf("Covers(%s) = %v, %v", p, a, b)
		}
	}
	if snapshot.Covers(btc, catalog.Period{}) || snapshot.Covers(catalog.Series{}, days(t, "2025-01-01")[0]) {
		t.Error("covers nothing, or of a series it does not have")
	}
	if zero := (Coverage{}); zero.Has(btc, 0) || len(zero.Ranges(btc)) != 0 || len(zero.Series()) != 0 {
		t.Error("the zero Coverage has days")
	}
}

// empty is the entry of a file without a row, as that of a day whose trades are all voided.
func empty(tb testing.TB, period string) Entry {
	tb.Helper()
	return with(loaded(tb, period, 1, 1), func(e *Entry) {
		e.RowsInserted, e.RowsVoided, e.FirstID, e.LastID, e.DaysMissing = 0, 1, -1, -1, []catalog.Day{e.Period.First}
	})
}

// Snapshots of versions that did not know of empty days: such a day counts as one that a file may still bring.
func TestCoverageOfAnOldSnapshot(t *testing.T) {
	t.Parallel()
	s := Build([]Entry{loaded(t, "2025-01-01", 1, 10), empty(t, "2025-01-02")}, nil, Meta{})
	if got := s.Series[0].DaysEmpty; cmp.Diff(days(t, "2025-01-02"), got) != "" {
		t.Errorf("empty days %v", got)
	}
	s.Series[0].DaysEmpty = nil
	old, err := json.Marshal(s)
	if err != nil || strings.Contains(string(old), "days_empty") {
		t.Fatalf("%s, %v", old, err)
	}
	read, err := parseSnapshot(old)
	if err != nil {
		t.Fatal(err)
	}
	if c := read.Coverage(); !c.Has(btc, day(t, "2025-01-02")) || !c.Hole(btc, day(t, "2025-01-02")) {
		t.Error("the day is not loaded, or no file may bring it")
	}
}

// The periods' arithmetic against the same done day by day.
func TestPeriodsAgainstDays(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	const space = 24
	random := func() catalog.Period {
		first := catalog.Day(rng.IntN(space))
		return catalog.Period{First: first, End: first + 1 + catalog.Day(rng.IntN(5))}
	}
	for range 3000 {
		var set [2 * space]bool
		periods := make([]catalog.Period, rng.IntN(8))
		for i := range periods {
			periods[i] = random()
			for d := periods[i].First; d < periods[i].End; d++ {
				set[d] = true
			}
		}
		given := append([]catalog.Period{}, periods...)
		merged := merge(periods)
		if !ordered(merged) {
			t.Fatalf("merge(%v) = %v", given, merged)
		}
		p := random()
		rest := without(p, merged)
		if !ordered(rest) {
			t.Fatalf("without(%v, %v) = %v", p, merged, rest)
		}
		more := merge([]catalog.Period{random(), random(), random()})
		both := intersect(merged, more)
		if !ordered(both) {
			t.Fatalf("intersect(%v, %v) = %v", merged, more, both)
		}
		all := true
		for d := range catalog.Day(2 * space) {
			one := catalog.DayPeriod(d)
			if covers(merged, one) != set[d] {
				t.Fatalf("day %d of merge(%v) = %v", d, given, merged)
			}
			if covers(rest, one) != (p.Contains(d) && !set[d]) {
				t.Fatalf("day %d of without(%v, %v) = %v", d, p, merged, rest)
			}
			if covers(both, one) != (set[d] && covers(more, one)) {
				t.Fatalf("day %d of intersect(%v, %v) = %v", d, merged, more, both)
			}
			all = all && (set[d] || !p.Contains(d))
		}
		if covers(merged, p) != all {
			t.Fatalf("covers(%v, %v) = %v", merged, p, !all)
		}
	}
}
