package csvcheck

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/catalog"
)

// TestManyAreListedOldestFirst: fifty at most, and how many more there are.
func TestManyAreListedOldestFirst(t *testing.T) {
	t.Parallel()
	d := newData(t)
	first, err := catalog.ParseDay("2023-01-01")
	d.must(err)
	for i := range 45 { // every second day
		day := first + catalog.Day(2*i)
		d.put([]string{"um", "spot"}[i%2]+"/BTCUSDT-aggTrades-"+day.String()+".zip", "x")
	}
	code, out := run("--data-dir", d.dir, "-o", "table")
	lines := regexp.MustCompile(`(?m)^(um|spot) BTCUSDT.*Fetch.*$`).FindAllString(out, -1)
	if code != 2 || len(lines) != 50 {
		t.Fatalf("exit code %d, %d lines", code, len(lines))
	}
	dates := regexp.MustCompile(`\d{4}-\d{2}-\d{2}`)
	var days []string
	for _, l := range lines {
		days = append(days, dates.FindString(l))
	}
	if !slices.IsSorted(days) {
		t.Errorf("not oldest first: %v", days)
	}
	holes := 0 // each market has a file every four days, and so a hole after it, or two where a month ends in it
	for m, n := range map[string]int{"um": 23, "spot": 22} {
		start := first
		if m == "spot" {
			start += 2
		}
		for i := range n - 1 {
			from := start + catalog.Day(4*i) + 1
			holes++
			if from.Time().Month() != (from + 2).Time().Month() {
				holes++
			}
		}
	}
	if want := fmt.Sprintf("\n%d more to fetch or mend\n", 45+holes-50); !strings.Contains(out, want) {
		t.Errorf("no %q in %s", want, out)
	}
}

func TestManySeriesAndOddNames(t *testing.T) {
	t.Parallel()
	d := newData(t)
	for i := range 25 {
		d.put(fmt.Sprintf("S%02dUSDT-aggTrades-2024-03-08.csv", i), d.text(badDay))
	}
	for i := range 12 {
		d.put(fmt.Sprintf("S%02dUSDT-aggTrades-2024-03-40.csv", i), "")
	}
	code, out := run("--data-dir", d.dir, "-v")
	for _, want := range []string{"um S19USDT: 1 file, 2024-03-08 to 2024-03-08, newest ended 1d 12h ago\n5 more symbols\n", "S09USDT-aggTrades-2024-03-40.csv: name cannot be read", "\npassed over: 2 more\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q", want)
		}
	}
	if code != 0 {
		t.Errorf("exit code %d, %s", code, out)
	}
}

func TestFilesThatGo(t *testing.T) {
	t.Parallel()
	file := func(path string) source.File { return source.File{Path: path} }
	o := observation{looked: []finding{
		{file: file("a")}, {file: file("b"), err: &source.FileError{Path: "b", Err: fs.ErrNotExist}}, {file: file("c"), err: errors.New("bad")},
	}}
	left := o.withoutGone([]source.File{file("a"), file("b"), file("c"), file("d")})
	var paths []string
	for _, f := range left {
		paths = append(paths, f.Path)
	}
	if diff := cmp.Diff([]string{"a", "c", "d"}, paths); diff != "" || len(o.looked) != 2 || o.looked[1].file.Path != "c" {
		t.Errorf("looked at %v; (-want +got)\n%s", o.looked, diff)
	}
}

// TestProgressNamesWhatHangs: of the files that are looked at at the same time, the one that was begun first.
func TestProgressNamesWhatHangs(t *testing.T) {
	t.Parallel()
	p := progress{ctx: t.Context(), verb: "looking at", files: []source.File{{Path: "a"}, {Path: "b"}, {Path: "c"}}}
	steps := []struct {
		do   func(int)
		i    int
		want string
	}{
		{p.begin, 0, "looking at a, 0 of 3 files done"},
		{p.begin, 2, "looking at a, 0 of 3 files done"},
		{p.begin, 1, "looking at a, 0 of 3 files done"},
		{p.end, 2, "looking at a, 1 of 3 files done"},
		{p.end, 0, "looking at b, 2 of 3 files done"},
	}
	for _, s := range steps {
		s.do(s.i)
		if got := p.String(); got != s.want {
			t.Errorf("%q, want %q", got, s.want)
		}
	}
}
