package csvcheck

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/check-ingest/check-ingest/ingest/scan"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// damage is what can be wrong with the file of 2024-03-08.
type damage struct {
	make func(d data) string // gives the path
	text string              // what is wrong, without the file's name; a beginning of it where it ends in "..."
	last string              // the quick look's words for the place, which precede text: "last line"
	line string              // the loader's words for it: "line 101"
	full string              // what the loader says where the difference is larger
	deep bool                // only --full finds it

	empty    bool // it has no row
	unsummed bool // it does not agree with its .CHECKSUM
	another  bool // the remedy is another than to fetch it
}

// quick is what the quick look says; "" for nothing.
func (w damage) quick() string {
	if w.deep {
		return ""
	}
	return join(w.last, w.text)
}

// loader is what the loader says.
func (w damage) loader() string {
	if w.full != "" {
		return w.full
	}
	return join(w.line, w.text)
}

func join(place, text string) string {
	if place == "" {
		return text
	}
	return place + ": " + text
}

const xmlPage = `<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>
`

const (
	badDay = "2024-03-08"
	badCSV = "BTCUSDT-aggTrades-2024-03-08.csv"
	badZIP = "BTCUSDT-aggTrades-2024-03-08.zip"
	noEnd  = "the file ends in the middle of a line"
)

// These make the damaged file.

func named(suffix, content string) func(d data) string {
	return func(d data) string { return d.named(badDay, suffix, content) }
}

func edited(change func(string) string) func(d data) string {
	return func(d data) string { path := d.csv(badDay); d.edit(path, change); return path }
}

func field(line, column int, to string) func(d data) string {
	return func(d data) string { path := d.csv(badDay); d.field(path, line, column, to); return path }
}

func archived(members ...member) func(d data) string {
	return func(d data) string { return d.named(badDay, ".zip", d.archive(members...)) }
}

func packed(p synth.Packing, change func(string) string) func(d data) string {
	return func(d data) string { path := d.write(d.spec(badDay), p); d.edit(path, change); return path }
}

func underSum(sum string) func(d data) string {
	return func(d data) string {
		path := d.zip(badDay)
		d.edit(path+".CHECKSUM", func(string) string { return sum })
		return path
	}
}

func replaced(from, to string) func(string) string {
	return func(s string) string { return strings.ReplaceAll(s, from, to) }
}

func cut(n int) func(string) string { return func(s string) string { return s[:len(s)-n] } }

func half(s string) string { return s[:len(s)/2] }

// wrongCRC changes the CRC in an archive's directory (APPNOTE 4.3.12).
func wrongCRC(s string) string {
	at := strings.LastIndex(s, "PK\x01\x02") + 16
	return s[:at] + string([]byte{^s[at]}) + s[at+1:]
}

// otherFiles are files under the name that are empty or something else.
func otherFiles() map[string]damage {
	return map[string]damage{
		"a .csv of no bytes":            {make: named(".csv", ""), text: "the file is empty", empty: true},
		"a .zip of no bytes":            {make: named(".zip", ""), text: "the file is empty", empty: true},
		"a .csv.gz of no bytes":         {make: named(".csv.gz", ""), text: "the file is empty", empty: true},
		"a header alone":                {make: named(".csv", synth.Header+"\n"), text: "the file has no rows", empty: true},
		"a byte order mark alone":       {make: named(".csv", "\xef\xbb\xbf"), text: "the file is empty", empty: true},
		"an archive of an empty file":   {make: archived(member{badCSV, ""}), text: "holds an empty file", empty: true},
		"an archive of a header":        {make: archived(member{badCSV, synth.Header + "\n"}), text: "the file has no rows", empty: true},
		"an archive of nothing":         {make: archived(), text: `the archive is empty, expected a member "` + badCSV + `"`},
		"an archive of something else":  {make: archived(member{"readme.txt", "x"}), text: `the archive has no member "` + badCSV + `" in its root, only "readme.txt"`},
		"an archive with a nested copy": {make: archived(member{"x/" + badCSV, "x"}), text: `the archive has no member "` + badCSV + `" in its root, only "x/` + badCSV + `"; a nested copy is not read`},
		"an archive with it twice":      {make: archived(member{badCSV, "x"}, member{badCSV, "y"}), text: `the archive has 2 members "` + badCSV + `", expected one`},
		"an S3 answer as .zip":          {make: named(".zip", xmlPage), text: `an HTML or XML page, not zip: "NoSuchKey"`},
		"an S3 answer as .csv":          {make: named(".csv", xmlPage), text: `an HTML or XML page, not CSV: the server's answer was "NoSuchKey"`},
		"an S3 answer in an archive":    {make: archived(member{badCSV, xmlPage}), text: `an HTML or XML page, not CSV: the server's answer was "NoSuchKey"`},
		"a web page as .csv.gz":         {make: named(".csv.gz", "<!DOCTYPE html>"), text: "an HTML or XML page, not gz"},
		"an archive as .csv":            {make: named(".csv", "PK\x03\x04rest"), text: "compressed data under the name of a CSV file: it begins like a zip file"},
		"text as .zip":                  {make: named(".zip", "1,2,3\n"), text: `not zip: begins with "1,2,3\n"`},
		"text as .csv.zst":              {make: named(".csv.zst", "1,2,3\n"), text: `not zst: begins with "1,2,3\n"`},
		"zeros after a power cut":       {make: named(".csv", strings.Repeat("\x00", 4096)), text: `line 1: "` + strings.Repeat(`\x00`, 80) + `": ` + noEnd},
		"klines":                        {make: named(".csv", "open_time,open,high,low,close,volume,close_time\n1,2,3,4,5,6,7\n"), text: `line 1: column 1 "open_time": not the header of an aggTrades file, expected agg_trade_id`},
		"a file out of a spreadsheet":   {make: edited(replaced(",", "\t")), text: `line 1: "agg_trade_id\tprice\tquantity\tfirst_trade_id\tlast_trade_id\ttransact_time\tis_buyer_": not the header of an aggTrades file, expected 7 or 8 column names separated by commas`},
		"spaces after commas":           {make: edited(replaced(",", ", ")), text: `line 1: column 2 " price": not the header of an aggTrades file, expected price`},
		"a row of six columns":          {make: named(".csv", "1,2.0,3.0,4,4,1709856005023\n"), text: `line 1: "1,2.0,3.0,4,4,1709856005023": wrong number of columns, expected 7 or 8 separated by commas, got 6`},
		"two bytes":                     {make: named(".csv", "17"), text: `line 1: "17": ` + noEnd},
	}
}

// cutFiles are files that are cut off or damaged.
func cutFiles() map[string]damage {
	const row = "1000099,59998.6,0.002,2000197,2000197,1709941013060,true" // the last one
	zeros := strings.Repeat("0", 80)
	return map[string]damage{
		"a .csv without its last newline": {make: edited(cut(1)), last: "last line", line: "line 101", text: `"` + row + `": ` + noEnd},
		"a .csv cut in its last field":    {make: edited(cut(4)), last: "last line", line: "line 101", text: `"` + row[:len(row)-3] + `": ` + noEnd},
		"a .csv cut in a time, and ended": {make: edited(func(s string) string { return s[:len(s)-10] + "\n" }), last: "last line", line: "line 101", text: `"1000099,59998.6,0.002,2000197,2000197,170994101": wrong number of columns, expected 7, got 6`},
		"a time that lost digits":         {make: field(-1, 5, "17099419"), last: "last line", line: "line 101", text: `transact_time "17099419": not a time at which trades were made, ...`},
		"an empty line at the end":        {make: edited(func(s string) string { return s + "\n" }), last: "last line", line: "line 102", text: "empty line"},
		"an empty line near the end":      {make: edited(replaced("\n1000098,", "\n\n1000098,")), last: "line 2 before the last", line: "line 100", text: "empty line"},
		"a last line without a beginning": {
			make: edited(func(s string) string { return s + "1," + strings.Repeat("0", 3000) }),
			last: "last line", text: `"` + zeros + `": ` + noEnd, full: `line 102: "1,` + zeros[2:] + `": ` + noEnd,
		},
		"a line that never ends": {
			make: named(".csv", synth.Header+"\n1,"+strings.Repeat("0", 3<<20)),
			text: `line 2: "1,` + zeros[2:] + `": the line is too long to be a row`, full: "line 2: the line is too long to be a row",
		},
		"an archive cut in half":           {make: packed(synth.Zip, half), text: "the archive's directory, at its end, is missing or damaged (...", unsummed: true},
		"an archive with a wrong CRC":      {make: packed(synth.Zip, wrongCRC), text: "its content has CRC-32 ...", deep: true, unsummed: true},
		"a .csv.gz cut in half":            {make: packed(synth.Gzip, half), text: "its compressed data ends too early", deep: true},
		"an archive of a cut file":         {make: func(d data) string { return archived(member{badCSV, cut(5)(d.text(badDay))})(d) }, line: "line 101", text: `"` + row[:len(row)-4] + `": ` + noEnd, deep: true},
		"a .CHECKSUM of something else":    {make: underSum(strings.Repeat("0", 64) + "  " + badZIP), text: "its SHA-256 is ...", deep: true, unsummed: true},
		"a .CHECKSUM about another file":   {make: underSum(strings.Repeat("0", 64) + "  x.zip"), text: `its .CHECKSUM is of no use: it is about "x.zip"`, deep: true, unsummed: true},
		"a .CHECKSUM that is an answer":    {make: underSum(xmlPage), text: `its .CHECKSUM is of no use: an HTML or XML page ("NoSuchKey")`, deep: true, unsummed: true},
		"an archive under a .CHECKSUM":     {make: func(d data) string { p := d.zip(badDay); d.edit(p, func(string) string { return xmlPage }); return p }, text: `an HTML or XML page, not zip: "NoSuchKey"`, unsummed: true},
		"a .csv that its .CHECKSUM denies": {make: func(d data) string { p := d.csv(badDay); d.sum(p); d.field(p, 50, 2, "1.0"); return p }, text: "its SHA-256 is ...", deep: true, unsummed: true},
	}
}

// wrongRows are files with a row that is none, or does not belong.
func wrongRows() map[string]damage {
	outside := func(at string) string {
		return "outside the file's period, expected a time in 2024-03-08 UTC, got " + at
	}
	const decimal = "invalid number, expected an unsigned decimal such as 61234.5 or 1e-05"
	return map[string]damage{
		"a first row of the day before": {make: field(1, 5, "1709855999999"), text: `line 2: transact_time "1709855999999": ` + outside("2024-03-07T23:59:59.999Z")},
		"a last row of the day after":   {make: field(-1, 5, "1709942400000"), last: "last line", line: "line 101", text: `transact_time "1709942400000": ` + outside("2024-03-09T00:00:00Z")},
		"the content of another day":    {make: func(d data) string { return d.named(badDay, ".csv", d.text("2024-03-07")) }, text: `line 2: transact_time "1709769605023": ` + outside("2024-03-07T00:00:05.023Z")},
		"a last row with a column more": {make: func(d data) string { p := d.csv(badDay); d.field(p, -1, 6, "true,True"); return p }, last: "last line", line: "line 101", text: `"1000099,59998.6,0.002,2000197,2000197,1709941013060,true,True": wrong number of columns, expected 7, got 8`},
		"an id with a letter":           {make: field(1, 0, "10x"), text: `line 2: agg_trade_id "10x": invalid number, expected digits only, at most 9223372036854775807`},
		"a quoted price":                {make: field(1, 1, `"60000.5"`), text: `line 2: price "\"60000.5\"": ` + decimal},
		"a negative price":              {make: field(-1, 1, "-5.0"), last: "last line", line: "line 101", text: `price "-5.0": ` + decimal},
		"a price of zero":               {make: field(1, 1, "0.0"), text: `line 2: price "0.0": not a trade, expected a price above zero`},
		"a side that is none":           {make: field(-1, 6, "sell"), last: "last line", line: "line 101", text: `is_buyer_maker "sell": invalid boolean, expected true or false`},
		"a quantity too wide":           {make: field(1, 2, "12345678901.0"), text: `line 2: quantity "12345678901.0": number too large, expected at most 9999999999.99999999`, another: true},
		"a bad row in the middle":       {make: field(50, 6, "maybe"), line: "line 51", text: `is_buyer_maker "maybe": invalid boolean, expected true or false`, deep: true},
		"a bad row within an archive": {
			make: func(d data) string {
				return archived(member{badCSV, strings.Replace(d.text(badDay), "\n1000050,", "\n1e5x,", 1)})(d)
			},
			line: "line 52", text: `agg_trade_id "1e5x": invalid number, expected digits only, at most 9223372036854775807`, deep: true,
		},
	}
}

func damages() map[string]damage {
	all := map[string]damage{}
	for _, some := range []map[string]damage{otherFiles(), cutFiles(), wrongRows()} {
		for name, w := range some {
			all[name] = w
		}
	}
	return all
}

// says reports whether got is what was expected.
func says(got, want string) bool {
	if beginning, ok := strings.CutSuffix(want, "..."); ok {
		return strings.HasPrefix(got, beginning)
	}
	return got == want
}

// TestBadFiles: what the quick look says of each bad file, that it says nothing that the loader would not, and that --full says it in the
// loader's words.
func TestBadFiles(t *testing.T) {
	t.Parallel()
	for name, w := range damages() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newData(t)
			path := w.make(d)
			base := filepath.Base(path) + ": "
			loader := scan.FirstError(t.Context(), oneFile(t, d), scan.Options{Limits: limits(), Checksum: true})
			if loader == nil || !says(loader.Error(), base+w.loader()) {
				t.Errorf("the loader says %v, want %q", loader, base+w.loader())
			}
			quick := inspect(t, Cmd{DataDir: d.dir})
			switch {
			case w.deep && quick.err != nil:
				t.Errorf("the quick look says %v", quick.err)
			case !w.deep && (!quick.bad() || !says(quick.err.Error(), base+w.quick())):
				t.Errorf("the quick look says %v, want %q", quick.err, base+w.quick())
			}
			full := inspect(t, Cmd{DataDir: d.dir, Full: true})
			if !full.bad() || full.err.Error() != fmt.Sprint(loader) {
				t.Errorf("--full says %v, the loader %v", full.err, loader)
			}
			if got, want := full.remedy(), "curl -fL -O https://data.binance.vision/data/futures/um/daily/aggTrades/BTCUSDT/"+badZIP; !w.another && !strings.Contains(got, want) {
				t.Errorf("remedy %q, want %q", got, want)
			}
			code, out := run("--data-dir", d.dir, "--full")
			want := fmt.Sprintf("bad=1;;0;0;1 files=1;;;0 empty=%d;;;0;1 days_missing=0;0;;0 checksum_failed=%d;;;0;1 newest_age", number(w.empty), number(w.unsummed))
			if code != 2 || !strings.Contains(out, want) {
				t.Errorf("exit code %d, %q, want %q", code, out, want)
			}
		})
	}
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// inspect is what a check finds of the only file.
func inspect(t *testing.T, c Cmd) finding {
	t.Helper()
	o, err := c.gather(t.Context(), at())
	if err != nil || len(o.looked) != 1 {
		t.Fatalf("%d files, %v", len(o.looked), err)
	}
	return o.looked[0]
}
