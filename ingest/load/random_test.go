package load_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/check-ingest/check-ingest/ingest/load"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/e2e/olddb"
)

// truth is what was traded of one symbol: CSV lines by day, ids without a gap.
type truth struct {
	symbol string
	days   map[catalog.Day][]string
}

func trade(rng *rand.Rand, symbol string, first, last catalog.Day) truth {
	t := truth{symbol, map[catalog.Day][]string{}}
	id := 1 + rng.Int64N(1000)
	for d := first; d <= last; d++ {
		for i := range rng.Int64N(12) {
			t.days[d] = append(t.days[d], fmt.Sprintf("%d,6%d.5,0.%d,%d,%d,%d,%t\n", id, rng.IntN(1000), 1+rng.IntN(99), 2*id, 2*id+1, d.Micros()/1000+i*7_000_000, id%3 == 0))
			id++
		}
	}
	return t
}

// rows are the lines of a period, in the order of their ids.
func (t truth) rows(p catalog.Period) []string {
	var out []string
	for d := p.First; d < p.End; d++ {
		out = append(out, t.days[d]...)
	}
	return out
}

// untidy is lines as published files sometimes have them: out of order, or some of them twice.
func untidy(rng *rand.Rand, lines []string) []string {
	lines = slices.Clone(lines)
	switch rng.IntN(4) {
	case 0:
		rng.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	case 1:
		lines = append(lines, lines[rng.IntN(len(lines))])
	}
	return lines
}

// TestRandomLoads has files of months and days, tidy and not, arrive in any order between runs that ask for any days, in batches of any size. Whatever
// the way there, in the end each trade of a day that a file stands for is in the table once, and at every moment the ledger accounts for all rows.
// CHECK_INGEST_SEED runs one more seed.
func TestRandomLoads(t *testing.T) {
	t.Parallel()
	seeds := []uint64{}
	for s := range uint64(5) {
		seeds = append(seeds, s)
	}
	if text := os.Getenv("CHECK_INGEST_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seeds = append(seeds, seed)
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			randomLoads(t, rand.New(rand.NewPCG(seed, 7)))
		})
	}
}

func randomLoads(t *testing.T, rng *rand.Rand) {
	t.Helper()
	w := newWorld(t)
	if rng.IntN(4) == 0 {
		w.exec(t, olddb.Shapes()[1].Statements()...)
	}
	first, last := day(t, "2024-01-20"), day(t, "2024-03-12")
	symbols := []truth{trade(rng, "BTCUSDT", first, last), trade(rng, "ETHUSDT", first, last)}
	waiting := w.randomFiles(t, rng, symbols)
	covered := map[string]bool{} // symbol and day
	for len(waiting) > 0 {
		for range 1 + rng.IntN(6) {
			if len(waiting) == 0 {
				break
			}
			f := waiting[0]
			waiting = waiting[1:]
			w.put(t, "futures/um/"+f.name, f.text)
			for d := f.period.First; d < f.period.End && !f.broken; d++ {
				covered[f.symbol+d.String()] = true
			}
		}
		w.randomRun(t, rng, first, last)
	}
	r, err := w.run(t)
	if err != nil && load.ExitCodeOf(err) != load.ExitSomeFailed {
		t.Fatal(err)
	}
	var want []string
	for _, s := range symbols {
		for d, lines := range s.days {
			if covered[s.symbol+d.String()] {
				want = append(want, rowsOf(t, um(s.symbol), strings.Join(lines, ""))...)
			}
		}
	}
	same(t, want, w.rows(t))
	if t.Failed() {
		t.Logf("%+v\n%s", r.Files, strings.Join(w.ledger(t), "\n"))
	}
	ledger := w.ledger(t)
	if _, err := w.run(t); err != nil && load.ExitCodeOf(err) != load.ExitSomeFailed {
		t.Fatal(err)
	}
	if after := w.ledger(t); !slices.Equal(ledger, after) {
		t.Errorf("another run changed the ledger from\n%s\nto\n%s", strings.Join(ledger, "\n"), strings.Join(after, "\n"))
	}
	same(t, want, w.rows(t))
}

// randomRun asks for all days or some, and checks that table and ledger agree afterwards.
func (w *world) randomRun(t *testing.T, rng *rand.Rand, first, last catalog.Day) {
	t.Helper()
	from := first + catalog.Day(rng.IntN(int(last-first)))
	to := min(last, from+catalog.Day(rng.IntN(8)))
	bounds := rng.IntN(8) // both in more than half of all runs
	_, err := w.run(t, func(c *load.Config) {
		c.BatchRows = []int64{0, 1, 40}[rng.IntN(3)]
		if bounds != 0 && bounds != 1 {
			c.First = &from
		}
		if bounds != 0 && bounds != 2 {
			c.Last = &to
		}
	})
	switch code := load.ExitCodeOf(err); {
	case code == load.ExitNothing:
		return
	case code != load.ExitOK && code != load.ExitSomeFailed:
		t.Fatal(err)
	}
	got := w.ask(t, `SELECT (SELECT count(*) FROM aggtrades_history), (SELECT count(*) FROM (SELECT DISTINCT symbol, agg_trade_id FROM aggtrades_history)),
		(SELECT coalesce(sum(rows_inserted), 0)::BIGINT FROM ingestion_log)`)
	counts := strings.Split(got[0], "|")
	if counts[0] != counts[1] || counts[0] != counts[2] {
		t.Errorf("rows, distinct ids, rows by the ledger: %v", counts)
	}
}

// randomFile is a file that is yet to arrive.
type randomFile struct {
	name, symbol, text string
	period             catalog.Period
	broken             bool
}

// randomFiles are months and days of the symbols, in any order. Some days are broken.
func (*world) randomFiles(tb testing.TB, rng *rand.Rand, symbols []truth) []randomFile {
	tb.Helper()
	var files []randomFile
	add := func(s truth, p catalog.Period, broken bool) {
		lines := s.rows(p)
		if len(lines) == 0 {
			return
		}
		f := randomFile{fmt.Sprintf("%s-aggTrades-%s.csv", s.symbol, p), s.symbol, strings.Join(untidy(rng, lines), ""), p, broken}
		if broken {
			f.text += "x\n"
		}
		files = append(files, f)
	}
	for _, s := range symbols {
		for _, month := range []string{"2024-01-01", "2024-02-01", "2024-03-01"} {
			d := day(tb, month).Time()
			if rng.IntN(3) > 0 {
				add(s, catalog.MonthPeriod(d.Year(), d.Month()), false)
			}
		}
		for _, d := range slices.Sorted(maps.Keys(s.days)) {
			if rng.IntN(3) == 0 {
				add(s, catalog.DayPeriod(d), rng.IntN(6) == 0)
			}
		}
	}
	slices.SortFunc(files, func(a, b randomFile) int { return strings.Compare(a.name, b.name) })
	rng.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
	return files
}
