package plan_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/ingest/plan"
	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
)

func at(minute int) time.Time {
	return time.Date(2024, 6, 1, 12, minute, 0, 0, time.UTC)
}

// file is a file of USD-M BTCUSDT with a size of 1000 bytes, written at minute 0.
func file(tb testing.TB, name string) source.File {
	tb.Helper()
	symbol, period, format, err := source.ParseName(filepath.Base(name))
	if err != nil {
		tb.Fatal(err)
	}
	return source.File{
		Path: filepath.Join("/data", name), Series: catalog.Series{Market: catalog.UM, Symbol: symbol}, Period: period, Format: format, Size: 1000, ModTime: at(0),
	}
}

func files(tb testing.TB, names ...string) []source.File {
	tb.Helper()
	var out []source.File
	for _, n := range names {
		out = append(out, file(tb, n))
	}
	slices.SortFunc(out, source.File.Compare)
	return out
}

// loaded is the entry of a file that was loaded as file makes it.
func loaded(tb testing.TB, name string, changes ...func(*ledger.Entry)) ledger.Entry {
	tb.Helper()
	f := file(tb, name)
	e := ledger.Entry{
		FilePath: f.Path, Symbol: f.Series.Symbol, Market: f.Series.Market, Period: f.Period, Status: ledger.Success, FileSize: f.Size, FileMTime: f.ModTime,
		ProcessedAt: at(1), SHA256: "sum of " + filepath.Base(name), FirstID: 1, LastID: 10, RowsInserted: 10, RowCount: 10,
	}
	for _, change := range changes {
		change(&e)
	}
	return e
}

func failed(e *ledger.Entry) {
	e.Status, e.SHA256, e.RowsInserted, e.FirstID, e.LastID = ledger.Failed, "", 0, -1, -1
}

// days narrows an entry to some days of January 2024.
func days(first, last int) func(*ledger.Entry) {
	return func(e *ledger.Entry) {
		e.Period = catalog.Period{First: catalog.Day(19722 + first), End: catalog.Day(19722 + last + 1)}
	}
}

func without(missing ...int) func(*ledger.Entry) {
	return func(e *ledger.Entry) {
		for _, d := range missing {
			e.DaysMissing = append(e.DaysMissing, catalog.Day(19722+d))
		}
	}
}

func day(tb testing.TB, text string) *catalog.Day {
	tb.Helper()
	if text == "" {
		return nil
	}
	d, err := catalog.ParseDay(text)
	if err != nil {
		tb.Fatal(err)
	}
	return &d
}

// input is a plan's input in which files have the sums that loaded gives them, but for those in sums.
func input(fs []source.File, entries []ledger.Entry, sums map[string]string) plan.Input {
	return plan.Input{
		Files: fs, Entries: entries,
		SHA256: func(path string) (string, error) {
			if sum, ok := sums[path]; ok {
				if sum == "" {
					return "", errors.New("cannot read it")
				}
				return sum, nil
			}
			return "sum of " + filepath.Base(path), nil
		},
		UnpackedSize: func(f source.File) (int64, error) { return f.Size * 5, nil },
	}
}

// lines is a plan as text: name, action, days where they are not the file's, whether it moved.
func lines(p plan.Plan) []string {
	out := []string{}
	for _, i := range p.Items {
		l := filepath.Base(i.File.Path) + " " + string(i.Action)
		if i.Days != i.File.Period {
			l += " " + i.Days.String()
		}
		if b := i.Bridged(); b != i.Days && i.Action == plan.Load {
			l += " (" + b.String() + ")"
		}
		if i.Moved {
			l += " moved"
		}
		if i.Error != nil {
			l += " error"
		}
		out = append(out, l)
	}
	return out
}

const (
	month = "BTCUSDT-aggTrades-2024-01.zip"
	day1  = "BTCUSDT-aggTrades-2024-01-01.zip"
	day2  = "BTCUSDT-aggTrades-2024-01-02.zip"
	day31 = "BTCUSDT-aggTrades-2024-01-31.zip"
)

// allDays are daily files of all of January 2024, but for some.
func allDays(but ...int) []string {
	var names []string
	for d := 1; d <= 31; d++ {
		if !slices.Contains(but, d) {
			names = append(names, fmt.Sprintf("BTCUSDT-aggTrades-2024-01-%02d.zip", d))
		}
	}
	return names
}

func with(action string, names ...string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = n + " " + action
	}
	return out
}

func TestMake(t *testing.T) {
	t.Parallel()
	later := func(f *source.File) { f.ModTime = at(30) }
	larger := func(f *source.File) { f.Size++ }
	one := func(name string, changes ...func(*source.File)) []source.File {
		f := file(t, name)
		for _, change := range changes {
			change(&f)
		}
		return []source.File{f}
	}
	entries := func(e ...ledger.Entry) []ledger.Entry { return e }
	allLoaded := func(names ...string) (out []ledger.Entry) {
		for _, n := range names {
			out = append(out, loaded(t, n))
		}
		return out
	}
	tests := map[string]struct {
		files       []source.File
		entries     []ledger.Entry
		sums        map[string]string
		first, last string
		replace     bool
		want        []string
		hashed      int // files that are read to decide
	}{
		"nothing":                      {want: []string{}},
		"a new file":                   {files: one(day1), want: []string{day1 + " load"}},
		"a file that failed":           {files: one(day1), entries: entries(loaded(t, day1, failed)), want: []string{day1 + " load"}},
		"a file with conflicts":        {files: one(day1), entries: entries(loaded(t, day1, func(e *ledger.Entry) { e.Status = ledger.Partial })), want: []string{day1 + " skip"}},
		"same size and time":           {files: one(day1), entries: entries(loaded(t, day1)), want: []string{day1 + " skip"}},
		"same size and time elsewhere": {files: one("other/" + day1), entries: entries(loaded(t, day1)), want: []string{day1 + " skip moved"}},
		"another time, the same content": {
			files: one(day1, later), entries: entries(loaded(t, day1)), want: []string{day1 + " skip moved"}, hashed: 1,
		},
		"another time and content": {
			files: one(day1, later), entries: entries(loaded(t, day1)), sums: map[string]string{"/data/" + day1: "x"}, want: []string{day1 + " changed"}, hashed: 1,
		},
		"another size": {
			files: one(day1, larger), entries: entries(loaded(t, day1)), sums: map[string]string{"/data/" + day1: "x"}, want: []string{day1 + " changed"}, hashed: 1,
		},
		"another content, to be replaced": {
			files: one(day1, larger), entries: entries(loaded(t, day1)), sums: map[string]string{"/data/" + day1: "x"}, replace: true, want: []string{day1 + " replace"}, hashed: 1,
		},
		"the same content, to be replaced": {files: one(day1, later), entries: entries(loaded(t, day1)), replace: true, want: []string{day1 + " skip moved"}, hashed: 1},
		"a file that cannot be read":       {files: one(day1, later), entries: entries(loaded(t, day1)), sums: map[string]string{"/data/" + day1: ""}, want: []string{day1 + " load error"}, hashed: 1},
		"a changed month, to be replaced, of which fewer days are asked for": {
			files: one(month, larger), entries: entries(loaded(t, month, days(3, 20))), sums: map[string]string{"/data/" + month: "x"}, replace: true, first: "2024-01-10", last: "2024-01-25",
			want: []string{month + " replace 2024-01-03..2024-01-25"}, hashed: 1,
		},
		"the zip of a .csv that was loaded": {
			files: one(day1), entries: entries(loaded(t, strings.Replace(day1, "zip", "csv", 1), func(e *ledger.Entry) { e.FileSize = 5000 })), want: []string{day1 + " skip"},
		},
		"the zip of another .csv than was loaded": {
			files: one(day1), entries: entries(loaded(t, strings.Replace(day1, "zip", "csv", 1), func(e *ledger.Entry) { e.FileSize = 4999 })), want: []string{day1 + " changed"},
		},
		"the .csv of a zip that was loaded": {
			files: one(strings.Replace(day1, "zip", "csv", 1)), entries: entries(loaded(t, day1)), want: []string{strings.Replace(day1, "zip", "csv", 1) + " skip"},
		},
		"another market": {
			files: one(day1, func(f *source.File) { f.Series.Market = catalog.Spot }), entries: entries(loaded(t, day1)), want: []string{day1 + " load"},
		},
		"an entry of the scripts": {
			files: one(day1), entries: entries(loaded(t, day1, func(e *ledger.Entry) { e.Market, e.Period = "", catalog.Period{} })), want: []string{day1 + " load"},
		},
		"two entries of one file, the later failed": {
			files: one(day1), entries: entries(loaded(t, "old/"+day1), loaded(t, day1, failed, func(e *ledger.Entry) { e.ProcessedAt = at(5) })), want: []string{day1 + " skip moved"},
		},

		"a month alone":                {files: one(month), want: []string{month + " load"}},
		"all days and the month":       {files: files(t, append(allDays(), month)...), want: append(with("load", allDays()...), month+" standby")},
		"all days but one, the month":  {files: files(t, append(allDays(7), month)...), want: append(with("load", allDays(7)...), month+" load")},
		"the month after all its days": {files: one(month), entries: allLoaded(allDays()...), want: []string{month + " skip"}},
		"the month after all but one":  {files: one(month), entries: allLoaded(allDays(31)...), want: []string{month + " load"}},
		"days after their month":       {files: files(t, day1, day2), entries: entries(loaded(t, month)), want: []string{day1 + " skip", day2 + " skip"}},
		"a day that the month left out": {
			files: files(t, day1, day2), entries: entries(loaded(t, month, without(2))), want: []string{day1 + " skip", day2 + " load"},
		},
		"a month with a hole, again":             {files: one(month), entries: entries(loaded(t, month, without(2))), want: []string{month + " skip"}},
		"a month with a hole that a day filled":  {files: files(t, month, day2), entries: entries(loaded(t, month, without(2)), loaded(t, day2)), want: []string{day2 + " skip", month + " skip"}},
		"a month whose days failed":              {files: files(t, day1, month), entries: entries(loaded(t, day1, failed)), want: []string{day1 + " load", month + " load"}},
		"a month that failed, beside its days":   {files: files(t, append(allDays(), month)...), entries: append(allLoaded(allDays()...), loaded(t, month, failed)), want: append(with("skip", allDays()...), month+" skip")},
		"a day of a month that is not there":     {files: one(day31), entries: entries(loaded(t, "BTCUSDT-aggTrades-2024-02.zip")), want: []string{day31 + " load"}},
		"some days of a month":                   {files: one(month), first: "2024-01-05", last: "2024-01-10", want: []string{month + " load 2024-01-05..2024-01-10"}},
		"the same days again":                    {files: one(month), entries: entries(loaded(t, month, days(5, 10))), first: "2024-01-05", last: "2024-01-10", want: []string{month + " skip 2024-01-05..2024-01-10"}},
		"fewer days":                             {files: one(month), entries: entries(loaded(t, month, days(5, 10))), first: "2024-01-06", last: "2024-01-06", want: []string{month + " skip 2024-01-06"}},
		"more days":                              {files: one(month), entries: entries(loaded(t, month, days(5, 10))), first: "2024-01-08", last: "2024-01-12", want: []string{month + " load 2024-01-08..2024-01-12"}},
		"all days after some":                    {files: one(month), entries: entries(loaded(t, month, days(5, 10))), want: []string{month + " load"}},
		"later days: those between them as well": {files: one(month), entries: entries(loaded(t, month, days(5, 10))), first: "2024-01-20", last: "2024-01-22", want: []string{month + " load 2024-01-20..2024-01-22 (2024-01-11..2024-01-22)"}},
		"earlier days: likewise":                 {files: one(month), entries: entries(loaded(t, month, days(5, 10))), last: "2024-01-02", want: []string{month + " load 2024-01-01..2024-01-02 (2024-01-01..2024-01-04)"}},
		"later days that daily files will bring": {
			files: files(t, month, day31), entries: entries(loaded(t, month, days(1, 20))), first: "2024-01-31", want: []string{day31 + " load", month + " standby 2024-01-31"},
		},
		"later days that daily files brought": {
			files: one(month), entries: entries(loaded(t, month, days(1, 29)), loaded(t, "BTCUSDT-aggTrades-2024-01-30.zip"), loaded(t, day31)), want: []string{month + " skip"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := input(tt.files, tt.entries, tt.sums)
			in.First, in.Last, in.Replace = day(t, tt.first), day(t, tt.last), tt.replace
			hashed := 0
			sha256 := in.SHA256
			in.SHA256 = func(path string) (string, error) { hashed++; return sha256(path) }
			p := plan.Make(in)
			if diff := cmp.Diff(tt.want, lines(p)); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
			if hashed != tt.hashed {
				t.Errorf("%d files were hashed, expected %d", hashed, tt.hashed)
			}
			for _, i := range p.Items {
				if says := i.Reason != ""; !says && (i.Action == plan.Skip || i.Action == plan.Changed || i.Action == plan.Replace || i.Action == plan.Standby) {
					t.Errorf("%s: %s, and no reason", i.File.Path, i.Action)
				}
				if i.Writes() == (i.Action == plan.Skip || i.Action == plan.Changed) {
					t.Errorf("%s: %s writes: %t", i.File.Path, i.Action, i.Writes())
				}
			}
		})
	}
}

func TestOrderOfAPlan(t *testing.T) {
	t.Parallel()
	p := plan.Make(input(files(t, "ETHUSDT-aggTrades-2024-01-01.csv", day2, month, day31, day1, "BTCUSDT-aggTrades-2024-02-01.csv", "ETHUSDT-aggTrades-2023-12.csv"), nil, nil))
	want := []string{
		"ETHUSDT-aggTrades-2023-12.csv load", day1 + " load", "ETHUSDT-aggTrades-2024-01-01.csv load", day2 + " load", day31 + " load", month + " load",
		"BTCUSDT-aggTrades-2024-02-01.csv load",
	}
	if diff := cmp.Diff(want, lines(p)); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

func TestMissingDays(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		files       []string
		entries     []ledger.Entry
		first, last string
		want        string
	}{
		"none":                                {files: []string{day1, day2}},
		"nothing at all":                      {first: "2024-01-01", last: "2024-01-03"},
		"between files":                       {files: []string{day1, "BTCUSDT-aggTrades-2024-01-04.zip"}, want: "2024-01-02 2024-01-03"},
		"between files, loaded before":        {files: []string{day1, "BTCUSDT-aggTrades-2024-01-04.zip"}, entries: []ledger.Entry{loaded(t, day2)}, want: "2024-01-03"},
		"before the first file, asked for":    {files: []string{day2}, first: "2023-12-31", want: "2023-12-31 2024-01-01"},
		"after the last file, asked for":      {files: []string{day1}, last: "2024-01-03", want: "2024-01-02 2024-01-03"},
		"only what is asked for":              {files: []string{day1, "BTCUSDT-aggTrades-2024-01-04.zip"}, first: "2024-01-03", last: "2024-01-04", want: "2024-01-03"},
		"across a month and a leap day":       {files: []string{"BTCUSDT-aggTrades-2024-02-27.zip", "BTCUSDT-aggTrades-2024-03-02.zip"}, want: "2024-02-28 2024-02-29 2024-03-01"},
		"a month covers its days":             {files: []string{month, "BTCUSDT-aggTrades-2024-02-02.zip"}, want: "2024-02-01"},
		"a hole in a loaded month is no file": {files: []string{day1, "BTCUSDT-aggTrades-2024-01-03.zip"}, entries: []ledger.Entry{loaded(t, month, without(2))}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := input(files(t, tt.files...), tt.entries, nil)
			in.First, in.Last = day(t, tt.first), day(t, tt.last)
			if in.First != nil || in.Last != nil { // as source.Find leaves out what was not asked for
				in.Files = slices.DeleteFunc(in.Files, func(f source.File) bool {
					return in.First != nil && f.Period.End <= *in.First || in.Last != nil && f.Period.First > *in.Last
				})
			}
			var got []string
			for _, m := range plan.Make(in).Missing {
				for _, d := range m.Days {
					got = append(got, d.String())
				}
			}
			if s := strings.Join(got, " "); s != tt.want {
				t.Errorf("missing %q, expected %q", s, tt.want)
			}
		})
	}
}

// TestPendingIsWhatAPlanLoads has the check that estimates space, which knows no more of the ledger than its days, agree with the loader.
func TestPendingIsWhatAPlanLoads(t *testing.T) {
	t.Parallel()
	names := append(allDays(4, 9), month, "BTCUSDT-aggTrades-2024-02-01.csv", "ETHUSDT-aggTrades-2024-01.zip", "ETHUSDT-aggTrades-2024-01-05.zip")
	ledgers := map[string][]ledger.Entry{
		"an empty ledger":         nil,
		"some days":               {loaded(t, day1), loaded(t, day2), loaded(t, "BTCUSDT-aggTrades-2024-01-04.zip")},
		"the month":               {loaded(t, month)},
		"the month with holes":    {loaded(t, month, without(4, 5))},
		"a part of the month":     {loaded(t, month, days(3, 12))},
		"all":                     {loaded(t, month), loaded(t, "BTCUSDT-aggTrades-2024-02-01.csv"), loaded(t, "ETHUSDT-aggTrades-2024-01.zip")},
		"what failed":             {loaded(t, month, failed), loaded(t, day1, failed)},
		"the other symbol's days": {loaded(t, "ETHUSDT-aggTrades-2024-01-05.zip")},
	}
	spans := [][2]string{{"", ""}, {"2024-01-03", ""}, {"", "2024-01-09"}, {"2024-01-04", "2024-01-04"}, {"2024-01-31", "2024-02-01"}}
	for name, entries := range ledgers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, span := range spans {
				in := input(files(t, names...), entries, nil)
				in.First, in.Last = day(t, span[0]), day(t, span[1])
				in.Files = slices.DeleteFunc(in.Files, func(f source.File) bool {
					return in.First != nil && f.Period.End <= *in.First || in.Last != nil && f.Period.First > *in.Last
				})
				var want, got []string
				for _, f := range plan.Make(in).Pending() {
					want = append(want, f.Path)
				}
				for _, f := range plan.Pending(in.Files, ledger.CoverageOf(entries), in.First, in.Last) {
					got = append(got, f.Path)
				}
				slices.Sort(want)
				slices.Sort(got)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("days %v (-loaded +pending):\n%s", span, diff)
				}
			}
		})
	}
}

func TestEstimate(t *testing.T) {
	t.Parallel()
	if got := plan.Estimate(nil, 0.2); got != (plan.Space{}) {
		t.Errorf("nothing to load needs %+v", got)
	}
	csv, packed := file(t, "BTCUSDT-aggTrades-2024-01-01.csv"), file(t, day2)
	csv.Size, packed.Size = 100<<20, 10<<20
	got := plan.Estimate([]source.File{csv, packed}, 0.2)
	if got.Files != 2 || got.Source != 110<<20 {
		t.Errorf("%+v", got)
	}
	if least := int64(0.2 * float64(150<<20)); got.Needed < least || got.Needed > 3*least+64<<20 {
		t.Errorf("%d bytes for about 150 MiB of CSV", got.Needed)
	}
}
