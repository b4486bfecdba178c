package csvcheck

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// days makes archives of um BTCUSDT for days of March 2024.
func days(numbers ...string) func(d data) {
	return func(d data) {
		for _, n := range numbers {
			d.zip("2024-03-" + n)
		}
	}
}

// both makes one after the other.
func both(first, second func(d data)) func(d data) {
	return func(d data) { first(d); second(d) }
}

// month makes a monthly file that has rows on its first days only.
func month(date string, daysWithRows int) func(d data) {
	return func(d data) {
		s := d.spec(date)
		whole := s.Period
		s.Period.End = s.Period.First + catalog.Day(daysWithRows)
		s.Rows = 10 * daysWithRows
		text := string(synth.CSV(s))
		d.put("BTCUSDT-aggTrades-"+whole.String()+".csv", text)
	}
}

// TestDays: which days are missing, and what is old.
func TestDays(t *testing.T) {
	t.Parallel()
	eighth := days("01", "02", "03", "04", "05", "06", "07", "08")
	rows(t, map[string]row{
		"a day missing": {
			make: days("06", "08"), code: 1,
			want: "1 day missing (um BTCUSDT 2024-03-07), limit 0", perf: measured(2, 0, 0, 1),
		},
		"three days in a row missing": {
			make: days("04", "08"), code: 1,
			want: "3 days missing (um BTCUSDT 2024-03-05..2024-03-07), limit 0", perf: measured(2, 0, 0, 3),
		},
		"days missing here and there": {
			make: days("02", "04", "08"), code: 1,
			want: "4 days missing, the first is um BTCUSDT 2024-03-03, limit 0", perf: measured(3, 0, 0, 4),
		},
		"a day missing of one symbol of two": {
			make: both(days("06", "07", "08"), func(d data) {
				s := d.spec("2024-03-06")
				s.Series.Symbol = "ETHUSDT"
				d.write(s, synth.Zip)
				d.write(s.Next().Next(), synth.Zip)
			}),
			code: 1, want: "1 day missing (um ETHUSDT 2024-03-07), limit 0", perf: measured(5, 0, 0, 1),
		},
		"days missing that are allowed for": {
			make: days("04", "08"), args: []string{"-w", "days_missing=3"},
			want: "2 files looked at, none bad, 3 days missing, newest is 2024-03-08, which ended 1d 12h ago",
			perf: strings.Replace(measured(2, 0, 0, 3), "days_missing=3;0", "days_missing=3;3", 1),
		},
		"one more than is allowed for": {
			make: days("04", "08"), args: []string{"-w", "days_missing=0", "-c", "days_missing=2"}, code: 2,
			want: "3 days missing (um BTCUSDT 2024-03-05..2024-03-07), limit 2",
			perf: strings.Replace(measured(2, 0, 0, 3), "days_missing=3;0;", "days_missing=3;0;2", 1),
		},
		"a month missing between months": {
			make: both(both(month("2023-12", 31), month("2024-02", 29)), eighth), code: 1,
			want: "31 days missing (um BTCUSDT 2024-01-01..2024-01-31), limit 0", perf: measured(10, 0, 0, 31),
		},
		"days missing before the first": {
			make: days("07", "08"), args: []string{"--start-date=2024-03-05"}, code: 1,
			want: "2 days missing (um BTCUSDT 2024-03-05..2024-03-06), limit 0", perf: measured(2, 0, 0, 2),
		},
		"days missing after the last": {
			make: days("04", "05"), args: []string{"--end-date=2024-03-07"}, code: 1,
			want: "2 days missing (um BTCUSDT 2024-03-06..2024-03-07), limit 0",
			perf: strings.Replace(measured(2, 0, 0, 2), "newest_age=129600s", "newest_age=388800s", 1),
		},
		"days that cannot be there yet are not missing": {
			make: days("07", "08"), args: []string{"--end-date=2099-12-31"},
			want: "2 files looked at" + healthy, perf: measured(2, 0, 0, 0),
		},
		"a day that should be there by now is missing": {
			make: days("06", "07"), args: []string{"--end-date=2024-03-10"}, code: 1,
			want: "1 day missing (um BTCUSDT 2024-03-08), limit 0",
			perf: strings.Replace(measured(2, 0, 0, 1), "newest_age=129600s", "newest_age=216000s", 1),
		},
		"days outside those asked for": {
			make: days("01", "04", "07", "08"), args: []string{"--start-date=2024-03-07", "--end-date=2024-03-08"},
			want: "2 files looked at" + healthy, perf: measured(2, 0, 0, 0),
		},
		"days that a month has no rows of, not decoded": {
			make: both(month("2024-02", 27), eighth),
			want: "9 files looked at" + healthy, perf: measured(9, 0, 0, 0),
		},
		"days that a month has no rows of": {
			make: both(month("2024-02", 27), eighth), args: []string{"--full"}, code: 1,
			want: "2 days missing (um BTCUSDT 2024-02-28..2024-02-29), limit 0", perf: summed(9, 0, 0, 2, 0),
		},
		"days that a month has no rows of but a day has": {
			make: both(both(month("2024-02", 27), eighth), func(d data) { d.zip("2024-02-28"); d.zip("2024-02-29") }), args: []string{"--full"},
			want: "11 files decoded, 1,270 rows" + healthy, perf: summed(11, 0, 0, 0, 0),
		},
		"the newest is too old": {
			make: days("05"), args: []string{"-w", "newest_age=2d", "-c", "newest_age=5d"}, code: 1,
			want: "the newest file of um BTCUSDT is 2024-03-05, which ended 4d 12h ago, limit 2d",
			perf: strings.Replace(measured(1, 0, 0, 0), "newest_age=129600s;;;0", "newest_age=388800s;172800;432000;0", 1),
		},
		"the newest of one symbol is too old": {
			make: both(days("07", "08"), func(d data) { s := d.spec("2024-03-01"); s.Series.Symbol = "ETHUSDT"; d.write(s, synth.Zip) }),
			args: []string{"-c", "newest_age=5d"}, code: 2,
			want: "the newest file of um ETHUSDT is 2024-03-01, which ended 8d 12h ago, limit 5d",
			perf: strings.Replace(measured(3, 0, 0, 0), "newest_age=129600s;;;0", "newest_age=734400s;;432000;0", 1),
		},
		"the newest is as new as can be": {
			make: days("09"), args: []string{"-w", "newest_age=2d"},
			want: "1 file looked at, none bad, newest is 2024-03-09, which ended 12h ago",
			perf: strings.Replace(measured(1, 0, 0, 0), "newest_age=129600s;;;0", "newest_age=43200s;172800;;0", 1),
		},
		"a day that has not begun": {
			make: days("08", "11"), args: []string{"-w", "newest_age=2d", "-c", "days_missing=5"}, code: 1,
			want: "the newest file of um BTCUSDT is 2024-03-11, which has not begun yet",
			perf: strings.Replace(strings.Replace(measured(2, 0, 0, 2), "newest_age=129600s;;;0", "newest_age=0s;172800;;0", 1), "days_missing=2;0;", "days_missing=2;;5", 1),
		},
		"a period that has not ended": {
			make: month("2024-03", 9),
			want: "1 file looked at, none bad, newest is 2024-03, which has not ended yet",
			perf: strings.Replace(measured(1, 0, 0, 0), "newest_age=129600s", "newest_age=0s", 1),
		},
	})
}

// TestBad: how bad files are told.
func TestBad(t *testing.T) {
	t.Parallel()
	empty := func(date string) func(d data) { return func(d data) { d.named(date, ".csv", "") } }
	middle := func(d data) { d.field(d.csv("2024-03-07"), 50, 1, "x") }
	rows(t, map[string]row{
		"one bad file of three": {
			make: both(days("06", "08"), empty("2024-03-07")), code: 2,
			want: "1 of 3 files is bad (um BTCUSDT-aggTrades-2024-03-07.csv: the file is empty), limit 0", perf: measured(3, 1, 1, 0),
		},
		"two bad files of three": {
			make: both(both(days("08"), empty("2024-03-07")), empty("2024-03-06")), code: 2,
			want: "2 of 3 files are bad, the oldest is um BTCUSDT-aggTrades-2024-03-06.csv: the file is empty, limit 0", perf: measured(3, 2, 2, 0),
		},
		"a bad file and a day missing": {
			make: both(days("08"), empty("2024-03-06")), code: 2,
			want: "1 of 2 files is bad (um BTCUSDT-aggTrades-2024-03-06.csv: the file is empty), limit 0. 1 day missing (um BTCUSDT 2024-03-07), limit 0",
			perf: measured(2, 1, 1, 1),
		},
		"a bad month": {
			make: both(days("01", "02", "03", "04", "05", "06", "07", "08"), func(d data) { d.put("BTCUSDT-aggTrades-2024-02.zip", xmlPage) }), code: 2,
			want: `1 of 9 files is bad (um BTCUSDT-aggTrades-2024-02.zip: an HTML or XML page, not zip: "NoSuchKey"), limit 0`, perf: measured(9, 1, 0, 0),
		},
		"bad files that are allowed for": {
			make: both(days("08"), empty("2024-03-07")), args: []string{"-c", "1"},
			want: "2 files looked at, 1 bad, newest is 2024-03-08, which ended 1d 12h ago",
			perf: strings.Replace(measured(2, 1, 1, 0), "bad=1;;0", "bad=1;;1", 1),
		},
		"a threshold on another metric": {
			make: both(days("08"), empty("2024-03-07")), args: []string{"-c", "bad=9", "-w", "empty=0", "-w", "files=5:"}, code: 1,
			want: "2 files in DIR, limit 5. 1 file without any row, limit 0",
			perf: strings.NewReplacer("bad=1;;0", "bad=1;;9", "empty=1;;", "empty=1;0;", "files=2;;", "files=2;5:;").Replace(measured(2, 1, 1, 0)),
		},
		"damage in the middle, looked at": {
			make: both(days("08"), middle), want: "2 files looked at" + healthy, perf: measured(2, 0, 0, 0),
		},
		"damage in the middle, decoded": {
			make: both(days("08"), middle), args: []string{"--full"}, code: 2,
			want: `1 of 2 files is bad (um BTCUSDT-aggTrades-2024-03-07.csv: line 51: price "x": invalid number, expected an unsigned decimal such as 61234.5 or 1e-05), limit 0`,
			perf: summed(2, 1, 0, 0, 0),
		},
		"a checksum that does not agree, looked at": {
			make: both(days("08"), func(d data) { d.edit(d.zip("2024-03-07")+".CHECKSUM", replaced("  ", "0  ")) }),
			want: "2 files looked at" + healthy, perf: measured(2, 0, 0, 0),
		},
		"a checksum that is none": {
			make: both(days("08"), func(d data) { d.edit(d.zip("2024-03-07")+".CHECKSUM", func(string) string { return "" }) }),
			args: []string{"--checksum"}, code: 2,
			want: `1 of 2 files is bad (um BTCUSDT-aggTrades-2024-03-07.zip: its .CHECKSUM is of no use: "": expected 64 hex digits, two spaces and the file's name), limit 0`,
			perf: summed(2, 1, 0, 0, 1),
		},
		"a checksum that does not agree, compared": {
			make: both(days("08"), func(d data) {
				p := d.csv("2024-03-07")
				d.sum(p)
				d.edit(p, func(s string) string { return s + "1000100,59998.6,0.002,2000198,2000198,1709855999999,true\n" })
			}),
			args: []string{"--checksum", "-c", "bad=5", "-w", "checksum_failed=0"}, code: 1,
			want: "1 file not as in the .CHECKSUM, limit 0",
			perf: strings.NewReplacer("bad=1;;0", "bad=1;;5", "checksum_failed=1;;", "checksum_failed=1;0;").Replace(summed(2, 1, 0, 0, 1)),
		},
		"a quantity too wide for a new database": {
			make: both(days("08"), func(d data) { d.field(d.csv("2024-03-07"), 1, 2, "12345678901.0") }), code: 2,
			want: `1 of 2 files is bad (um BTCUSDT-aggTrades-2024-03-07.csv: line 2: quantity "12345678901.0": number too large, expected at most 9999999999.99999999), limit 0`,
			perf: measured(2, 1, 0, 0),
		},
		"a quantity not too wide for a widened one": {
			make: both(days("08"), func(d data) { d.field(d.csv("2024-03-07"), 1, 2, "12345678901.0") }), args: []string{"--widened", "--full"},
			want: "2 files decoded, 200 rows" + healthy, perf: summed(2, 0, 0, 0, 0),
		},
		"the same file bad in two markets": {
			make: func(d data) {
				d.put("spot/BTCUSDT-aggTrades-2024-03-08.zip", "")
				d.put("um/BTCUSDT-aggTrades-2024-03-08.zip", "")
			},
			code: 2, want: "2 of 2 files are bad, the oldest is spot BTCUSDT-aggTrades-2024-03-08.zip: the file is empty, limit 0",
			perf: strings.Replace(measured(2, 2, 2, 0), "bytes=N", "bytes=0", 1),
		},
		"a name that would break the output": {
			make: func(d data) { d.put("a|b=1\n<i>/BTCUSDT-aggTrades-2024-03-08.csv", "x|y=2\x1b[2J<b>\n") }, code: 2,
			want: `1 of 1 file is bad (um BTCUSDT-aggTrades-2024-03-08.csv: line 1: "x!y=2/x1b[2J(b)": not the header of an aggTrades file, expected 7 or 8 column names separated by commas), limit 0`,
			perf: measured(1, 1, 0, 0),
		},
	})
}

// TestAsked: which files are looked at.
func TestAsked(t *testing.T) {
	t.Parallel()
	eth := func(d data) {
		s := d.spec("2024-03-08")
		s.Series.Symbol = "ETHUSDT"
		d.write(s, synth.Zip)
	}
	bad := func(date string) func(d data) { return func(d data) { d.named(date, ".csv", "x") } }
	nothing := "bad=0;;0;0 files=0;;;0 empty=0;;;0 bytes=0B;;;0"
	sampled := func(looked string) string { return looked + healthy }
	rows(t, map[string]row{
		"nothing at all": {
			make: func(data) {}, code: 2, want: "no file of trades in DIR", perf: nothing,
		},
		"only files with other names": {
			make: func(d data) { d.put("BTCUSDT-1m-2024-03-08.zip", "x"); d.put("BTCUSDT-aggTrades-2024-13-08.zip", "x") }, code: 2,
			want: "no file of trades in DIR, but 2 files with other names", perf: nothing,
		},
		"nothing of the days asked for": {
			make: days("08"), args: []string{"--start-date=2024-04-01"}, code: 2,
			want: "no file of trades in DIR from 2024-04-01, but 1 file of other symbols or days", perf: nothing,
		},
		"nothing of the symbol asked for": {
			make: days("08"), args: []string{"--symbol=ETHUSDT", "--end-date=2024-03-08"}, code: 2,
			want: "no file of ETHUSDT in DIR to 2024-03-08, but 1 file of other symbols or days", perf: nothing,
		},
		"nothing of one of two symbols": {
			make: days("08"), args: []string{"--symbol=BTCUSDT", "--symbol=XRPUSDT"}, code: 2,
			want: "no file of XRPUSDT in DIR", perf: measured(1, 0, 0, 0),
		},
		"one symbol of two": {
			make: both(eth, both(days("06", "08"), bad("2024-03-07"))), args: []string{"--symbol=ETHUSDT"},
			want: "1 file looked at" + healthy, perf: measured(1, 0, 0, 0),
		},
		"a market that the path does not tell": {
			make: bad("2024-03-08"), args: []string{"--market=cm"}, code: 2,
			want: `1 of 1 file is bad (cm BTCUSDT-aggTrades-2024-03-08.csv: line 1: "x": the file ends in the middle of a line), limit 0`, perf: measured(1, 1, 0, 0),
		},
		"three samples miss the second":  {make: rebad("05"), args: []string{"--sample=3"}, want: sampled("3 of 5 files looked at"), perf: measured(5, 0, 0, 0)},
		"three samples have the first":   {make: rebad("04"), args: []string{"--sample=3"}, code: 2, want: badSample("04", "3 files"), perf: measured(5, 1, 0, 0)},
		"three samples have the middle":  {make: rebad("06"), args: []string{"--sample=3"}, code: 2, want: badSample("06", "3 files"), perf: measured(5, 1, 0, 0)},
		"three samples have the last":    {make: rebad("08"), args: []string{"--sample=3"}, code: 2, want: badSample("08", "3 files"), perf: measured(5, 1, 0, 0)},
		"one sample has the last":        {make: rebad("08"), args: []string{"--sample=1"}, code: 2, want: badSample("08", "1 file"), perf: measured(5, 1, 0, 0)},
		"one sample misses the first":    {make: rebad("04"), args: []string{"--sample=1"}, want: sampled("1 of 5 files looked at"), perf: measured(5, 0, 0, 0)},
		"more samples than files":        {make: days("07", "08"), args: []string{"--sample=50"}, want: sampled("2 files looked at"), perf: measured(2, 0, 0, 0)},
		"samples are those of a symbol":  {make: both(eth, days("06", "07", "08")), args: []string{"--sample=2"}, want: sampled("3 of 4 files looked at"), perf: measured(4, 0, 0, 0)},
		"samples are what is decoded":    {make: rebad("05"), args: []string{"--sample=2", "--full"}, want: "2 of 5 files decoded, 200 rows" + healthy, perf: summed(5, 0, 0, 0, 0)},
		"a folder under a file's name":   {make: both(days("08"), func(d data) { d.must(os.Mkdir(filepath.Join(d.dir, badZIP), 0o755)) }), want: "1 file looked at" + healthy, perf: measured(1, 0, 0, 0)},
		"a FIFO under a file's name":     {make: both(days("08"), func(d data) { d.must(unix.Mkfifo(filepath.Join(d.dir, badZIP), 0o644)) }), want: "1 file looked at" + healthy, perf: measured(1, 0, 0, 0)},
		"a link to nothing":              {make: both(days("06", "08"), func(d data) { d.must(os.Symlink("x", filepath.Join(d.dir, "BTCUSDT-aggTrades-2024-03-07.csv"))) }), code: 1, want: "1 day missing (um BTCUSDT 2024-03-07), limit 0", perf: measured(2, 0, 0, 1)},
		"five files, one of them broken": {make: both(days("04", "05", "06", "07", "08"), bad("2024-03-03")), code: 2, want: `1 of 6 files is bad (um BTCUSDT-aggTrades-2024-03-03.csv: line 1: "x": the file ends in the middle of a line), limit 0`, perf: measured(6, 1, 0, 0)},
	})
}

// rebad makes five files of which one is broken.
func rebad(day string) func(d data) {
	return both(days("04", "05", "06", "07", "08"), func(d data) {
		d.edit(filepath.Join(d.dir, "data/futures/um/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-03-"+day+".zip"), func(string) string { return "x" })
	})
}

// badSample says that the file of a day is the only bad one of those looked at.
func badSample(day, looked string) string {
	return "1 of " + looked + " looked at is bad (um BTCUSDT-aggTrades-2024-03-" + day + `.zip: not zip: begins with "x"), limit 0`
}
