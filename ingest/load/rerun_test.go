package load_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/ingest/load"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// watch tells which files below a folder somebody opens from now on.
type watch struct {
	tb      testing.TB
	fd      int
	folders map[int]string
}

func watchOpens(tb testing.TB, dir string) *watch {
	tb.Helper()
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		tb.Skipf("inotify: %v", err)
	}
	w := &watch{tb, fd, map[int]string{}}
	tb.Cleanup(func() { _ = unix.Close(fd) })
	err = filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			var d int
			d, err = unix.InotifyAddWatch(fd, path, unix.IN_OPEN)
			w.folders[d] = path
		}
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return w
}

// opened are the names of the files that were opened since the last call.
func (w *watch) opened() []string {
	w.tb.Helper()
	var names []string
	buf := make([]byte, 64<<10)
	for {
		n, err := unix.Read(w.fd, buf)
		if errors.Is(err, unix.EAGAIN) {
			slices.Sort(names)
			return slices.Compact(names)
		}
		if err != nil {
			w.tb.Fatal(err)
		}
		for at := 0; at < n; {
			event := (*unix.InotifyEvent)(unsafe.Pointer(&buf[at]))
			name := strings.TrimRight(string(buf[at+unix.SizeofInotifyEvent:at+unix.SizeofInotifyEvent+int(event.Len)]), "\x00")
			if event.Mask&unix.IN_ISDIR == 0 {
				names = append(names, name)
			}
			at += unix.SizeofInotifyEvent + int(event.Len)
		}
	}
}

// twelve is the data dir of TestTwelveFiles: three symbols, two markets, both kinds of period, some overlapping, some broken.
func twelve(t *testing.T, w *world) (want []string, broken []string) {
	t.Helper()
	add := func(s synth.Spec, p synth.Packing) synth.Spec {
		t.Helper()
		w.make(t, s, p)
		want = append(want, rowsOf(t, s.Series, string(synth.CSV(s)))...)
		return s.Next()
	}
	btc := monthly(t, um("BTCUSDT"), "2024-01", 4000, 1)
	january := string(synth.CSV(btc))
	next := add(btc, synth.Zip)
	// Two days of January, with the rows the month has of them: each trade is to be there once.
	for _, date := range []string{"2024-01-10", "2024-01-11"} {
		w.put(t, "data/futures/um/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-"+date+".csv", synth.Header+"\n"+ofDay(t, january, date))
	}
	next.Period = catalog.DayPeriod(day(t, "2024-02-01"))
	next = add(next, synth.Plain)
	next = add(next, synth.Gzip)
	eth := add(daily(t, um("ETHUSDT"), "2024-01-31", 300, 700), synth.Zip)
	add(eth, synth.Zstd)
	spotDay := add(daily(t, spot("BTCUSDT"), "2024-02-01", 500, 1), synth.Zip) // ids that USD-M has as well
	add(spotDay, synth.Plain)
	add(daily(t, spot("ZILBTC"), "2024-02-01", 80, 12_027_000), synth.Plain)

	w.put(t, "data/futures/um/daily/aggTrades/ETHUSDT/ETHUSDT-aggTrades-2024-02-02.csv", "1,2,3\n")
	w.put(t, "data/spot/daily/aggTrades/ZILBTC/ZILBTC-aggTrades-2024-02-02.zip", page)
	_ = next
	return want, []string{"ETHUSDT-aggTrades-2024-02-02.csv", "ZILBTC-aggTrades-2024-02-02.zip"}
}

// ofDay is the rows of CSV text in milliseconds that are of one UTC day.
func ofDay(tb testing.TB, text, date string) string {
	tb.Helper()
	var b strings.Builder
	for l := range strings.Lines(text) {
		f := strings.Split(l, ",")
		if f[0] == "agg_trade_id" {
			continue
		}
		ms, err := strconv.ParseInt(f[5], 10, 64)
		if err == nil && catalog.DayOfMicros(ms*1000) == day(tb, date) {
			b.WriteString(l)
		}
	}
	return b.String()
}

// TestTwelveFiles is the whole of what exactly once means: the first run loads each trade once, the second changes nothing and opens no data file that is
// recorded, nor does one after the folder was moved; a changed file is told of and left alone, and replaced where that is asked for.
func TestTwelveFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	want, broken := twelve(t, w)

	r, err := w.run(t)
	if !errors.Is(err, load.ErrSomeFailed) || load.ExitCodeOf(err) != load.ExitSomeFailed {
		t.Fatalf("%v\n%s", err, w.log)
	}
	if r.Totals.Files != 12 || r.Totals.Failed != 2 || r.Totals.Loaded != 10 || r.Totals.Conflicts+r.Totals.Duplicates != 0 {
		t.Errorf("totals %+v", r.Totals)
	}
	same(t, want, w.rows(t))
	ledger := w.ledger(t)

	t.Log("a second run")
	opens := watchOpens(t, w.data)
	unchanged := func(when string) {
		t.Helper()
		r, err := w.run(t)
		if load.ExitCodeOf(err) != load.ExitSomeFailed || r.Totals.Loaded != 0 || r.Totals.Skipped != 10 {
			t.Errorf("%s: %v, %+v", when, err, r.Totals)
		}
		same(t, want, w.rows(t))
		if diff := cmp.Diff(ledger, w.ledger(t)); diff != "" {
			t.Errorf("%s: ledger (-before +after):\n%s", when, diff)
		}
	}
	unchanged("a second run")
	if diff := cmp.Diff(broken, opens.opened()); diff != "" {
		t.Errorf("files that a second run opened (-want +got):\n%s", diff)
	}

	t.Log("the folder is moved")
	moved := filepath.Join(w.dir, "elsewhere")
	if err := os.Rename(w.data, moved); err != nil {
		t.Fatal(err)
	}
	w.data = moved
	opens = watchOpens(t, w.data)
	unchanged("moved")
	if diff := cmp.Diff(broken, opens.opened()); diff != "" {
		t.Errorf("files that a run after moving the folder opened (-want +got):\n%s", diff)
	}
	for _, path := range w.ask(t, "SELECT file_path FROM ingestion_log") {
		if !strings.HasPrefix(path, moved+"/") {
			t.Errorf("the ledger still has %s", path)
		}
	}

	t.Log("a file changed")
	name := "data/futures/um/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-02-01.csv"
	text := read(t, filepath.Join(w.data, name))
	lines := strings.SplitAfter(text, "\n")
	fields := strings.Split(lines[7], ",")
	old := rowsOf(t, um("BTCUSDT"), lines[7])
	fields[1] = "12345.6"
	lines[7] = strings.Join(fields, ",")
	w.put(t, name, strings.Join(lines, ""))
	r, err = w.run(t)
	if load.ExitCodeOf(err) != load.ExitSomeFailed || r.Totals.Changed != 1 || statuses(r)[filepath.Base(name)] != "changed" {
		t.Errorf("a changed file: %v, %+v", err, r.Totals)
	}
	same(t, want, w.rows(t))
	r, err = w.run(t, func(c *load.Config) { c.Replace = true })
	if load.ExitCodeOf(err) != load.ExitSomeFailed || r.Totals.Loaded != 1 || statuses(r)[filepath.Base(name)] != "success" {
		t.Errorf("replacing it: %v, %+v", err, r.Totals)
	}
	want = slices.DeleteFunc(want, func(row string) bool { return row == old[0] })
	want = append(want, rowsOf(t, um("BTCUSDT"), lines[7])...)
	same(t, want, w.rows(t))
	ledger = w.ledger(t)
	unchanged("after it was replaced")
}

// TestCopiesOfAFileAreNotOpenedAgain has a zip and the .csv that came out of it: the .csv is recorded, so neither needs a look.
func TestCopiesOfAFileAreNotOpenedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	spec := daily(t, um("BTCUSDT"), "2024-03-01", 20, 1)
	w.make(t, spec, synth.Plain)
	w.make(t, spec, synth.Zip)
	w.load(t)
	opens := watchOpens(t, w.data)
	if r := w.load(t); r.Totals.Skipped != 1 || len(r.Ignored) != 1 {
		t.Errorf("totals %+v, left aside %v", r.Totals, r.Ignored)
	}
	if names := opens.opened(); len(names) > 0 {
		t.Errorf("opened %v", names)
	}
	// The copy that is recorded goes; the other one is the same file.
	if err := os.Remove(filepath.Join(w.data, spec.Folder(synth.Mirror), spec.Name(synth.Plain))); err != nil {
		t.Fatal(err)
	}
	if r := w.load(t); r.Totals.Skipped != 1 || r.Totals.Loaded+r.Totals.Changed != 0 {
		t.Errorf("with the .csv gone: %+v", r.Totals)
	}
}

// TestOtherPathSameContent has a recorded file under another name's folder and with another time.
func TestOtherPathSameContent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := w.make(t, daily(t, um("BTCUSDT"), "2024-03-01", 20, 1), synth.Zip)
	w.load(t)
	text := read(t, path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	to := w.put(t, "raw/"+filepath.Base(path), text) // written now, so its time is another
	ledger := w.ledger(t)
	r := w.load(t)
	if r.Totals.Skipped != 1 || r.Totals.Loaded != 0 {
		t.Errorf("totals %+v", r.Totals)
	}
	if diff := cmp.Diff(ledger, w.ledger(t)); diff != "" {
		t.Errorf("ledger (-before +after):\n%s", diff)
	}
	if got := w.ask(t, "SELECT file_path FROM ingestion_log"); len(got) != 1 || got[0] != to {
		t.Errorf("the ledger has %v, expected %s", got, to)
	}
	opens := watchOpens(t, w.data)
	w.load(t)
	if names := opens.opened(); len(names) > 0 {
		t.Errorf("the run after that opened %v", names)
	}
}

// TestReplace has what a changed file may look like, and that its rows are swapped or all stays as it was.
func TestReplace(t *testing.T) {
	t.Parallel()
	const name = "futures/um/BTCUSDT-aggTrades-2024-03-02.csv"
	before := lines(t, "2024-03-01", 1, 10)
	old := lines(t, "2024-03-02", 11, 20)
	after := lines(t, "2024-03-03", 31, 10)
	edit := func(change func([]string) []string) string { return strings.Join(change(slices.Clone(old)), "") }
	tests := map[string]struct {
		text string
		says string // why it was not replaced; empty where it was
	}{
		"another price":        {edit(func(l []string) []string { l[3] = strings.Replace(l[3], "61000", "62000", 1); return l }), ""},
		"more rows at the end": {edit(func(l []string) []string { return l }) + "", ""},
		"a header":             {header + edit(func(l []string) []string { return l }), ""},
		"rows that were missing": {edit(func(l []string) []string {
			return append(l, "45,61000.1,0.5,90,91,1709423999999,true\n") // which the day after it does not have
		}), ""},
		"a row less":              {edit(func(l []string) []string { return append(l[:5:5], l[6:]...) }), "not replaced: it covers less than what was loaded (19 rows, ids 11 to 30; loaded are 20 rows, ids 11 to 30)"},
		"its end cut off":         {edit(func(l []string) []string { return l[:19] }), "not replaced: it covers less than what was loaded (19 rows, ids 11 to 29"},
		"its beginning gone":      {edit(func(l []string) []string { return l[1:] }), "not replaced: it covers less"},
		"one row twice, one gone": {edit(func(l []string) []string { l[4] = l[5]; return l }), "not replaced: it covers less than what was loaded (19 rows"},
		"broken":                  {edit(func(l []string) []string { l[19] = "30,61"; return l }), "the file ends in the middle of a line"},
		"a bad row":               {edit(func(l []string) []string { l[9] = "x\n"; return l }), "line 10: "},
		"empty":                   {"", "the file is empty"},
		"a page":                  {page, "an HTML or XML page"},
		"only voided rows":        {"12,0,0,-1,-1,1709337600000,false\n", "not replaced: it covers less than what was loaded (0 rows"},
	}
	for what, tt := range tests {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.put(t, "futures/um/BTCUSDT-aggTrades-2024-03-01.csv", strings.Join(before, ""))
			w.put(t, name, strings.Join(old, ""))
			w.put(t, "futures/um/BTCUSDT-aggTrades-2024-03-03.csv", strings.Join(after, ""))
			w.load(t)
			was, ledger := w.rows(t), w.ledger(t)
			if tt.text == strings.Join(old, "") {
				tt.text = strings.Join(old, "") + "31,61000.1,0.5,60,61,1709423999999,true\n"
				// whose id the day after it has: it stays out, and is counted
			}
			w.put(t, name, tt.text)

			r := w.load(t)
			if statuses(r)[filepath.Base(name)] != "changed" {
				t.Errorf("without --replace: %v", statuses(r))
			}
			same(t, was, w.rows(t))

			r, err := w.run(t, func(c *load.Config) { c.Replace = true })
			f := r.Files[1]
			if tt.says != "" {
				if load.ExitCodeOf(err) != load.ExitSomeFailed || f.Status != "failed" || !strings.Contains(f.Error, tt.says) {
					t.Errorf("%v, %+v, expected %q", err, f, tt.says)
				}
				same(t, was, w.rows(t))
				if diff := cmp.Diff(ledger, w.ledger(t)); diff != "" {
					t.Errorf("ledger (-before +after):\n%s", diff)
				}
				return
			}
			if err != nil || f.Status != "success" && f.Status != "partial" {
				t.Errorf("%v, %+v", err, f)
			}
			want := append(rowsOf(t, um("BTCUSDT"), strings.Join(before, "")), rowsOf(t, um("BTCUSDT"), strings.Join(after, ""))...)
			for _, row := range rowsOf(t, um("BTCUSDT"), tt.text) {
				if f.Status == "success" || !strings.Contains(row, "|31|") {
					want = append(want, row)
				}
			}
			same(t, want, w.rows(t))
			r = w.load(t)
			if r.Totals.Skipped != 3 {
				t.Errorf("afterwards: %+v", r.Totals)
			}
		})
	}
}

// TestReplaceThatCannotTell has a month some of whose days came from daily files: its rows cannot be told from theirs by their ids alone.
func TestReplaceThatCannotTell(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	text := string(synth.CSV(monthly(t, um("BTCUSDT"), "2024-01", 3100, 1)))
	w.put(t, "futures/um/BTCUSDT-aggTrades-2024-01-10.csv", synth.Header+"\n"+ofDay(t, text, "2024-01-10"))
	path := "futures/um/BTCUSDT-aggTrades-2024-01.csv"
	w.put(t, path, text)
	w.load(t)
	was := w.rows(t)
	same(t, rowsOf(t, um("BTCUSDT"), text), was)
	w.put(t, path, strings.Replace(text, "true", "True", 1))
	r, err := w.run(t, func(c *load.Config) { c.Replace = true })
	if load.ExitCodeOf(err) != load.ExitSomeFailed || !strings.Contains(r.Files[1].Error, "cannot be replaced: it brought") {
		t.Errorf("%v, %+v", err, r.Files)
	}
	same(t, was, w.rows(t))
}
