package csvcheck

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/ingest/aggtrades"
	"github.com/check-ingest/check-ingest/ingest/scan"
	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/shell"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// curl does what the command of that name would: it saves archives, or their checksums, in the working folder, as if they came from the
// network. Brackets are expanded as curl expands them.
func curl(args []string) error {
	name := ""
	for i := 0; i < len(args); i++ {
		switch a := args[i]; a {
		case "-fL", "-O":
		case "-o":
			i++
			name = args[i]
		default:
			if err := fetch(a, name); err != nil {
				return err
			}
			name = ""
		}
	}
	return nil
}

func fetch(address, name string) error {
	before, rest, ranged := strings.Cut(address, "[")
	if !ranged {
		return save(address, name)
	}
	span, after, _ := strings.Cut(rest, "]")
	from, to, _ := strings.Cut(span, "-")
	first, err := strconv.Atoi(from)
	if err != nil {
		return err
	}
	last, err := strconv.Atoi(to)
	for n := first; n <= last && err == nil; n++ {
		text := fmt.Sprintf("%0*d", len(from), n)
		err = save(before+text+after, strings.ReplaceAll(name, "#1", text))
	}
	return err
}

// save makes the file that Binance would have at an address.
func save(address, name string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	if u.Host != "data.binance.vision" {
		return fmt.Errorf("host %q", u.Host)
	}
	if name == "" {
		name = filepath.Base(u.EscapedPath()) // what -O takes
	}
	dir, err := os.MkdirTemp("", "curl")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path, sum := strings.CutSuffix(u.Path, ".CHECKSUM")
	parts := regexp.MustCompile(`^/data/(spot|futures/um|futures/cm)/(daily|monthly)/aggTrades/([^/]+)/([^/]+)-aggTrades-(.*)\.zip$`).FindStringSubmatch(path)
	if parts == nil || parts[3] != parts[4] {
		return fmt.Errorf("404: %s", path)
	}
	s := synth.Spec{Series: catalog.Series{Market: catalog.Market(filepath.Base(parts[1])), Symbol: parts[3]}, Rows: 100, FirstID: 1_000_000}
	if s.Period, err = period(parts[5]); err != nil {
		return err
	}
	if monthly := parts[2] == "monthly"; monthly != (s.Period.Days() > 1) {
		return fmt.Errorf("404: %s", path)
	}
	made, err := synth.WriteFile(dir, synth.One, s, synth.Zip)
	if sum {
		made += ".CHECKSUM"
	}
	if err != nil {
		return err
	}
	content, err := os.ReadFile(made)
	if err != nil {
		return err
	}
	return os.WriteFile(name, content, 0o644)
}

// TestRemediesCanBePasted: a shell that runs every command that the check lists, with a curl that downloads good files, leaves a data
// dir in which nothing is wrong.
func TestRemediesCanBePasted(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	self, err := os.Executable()
	if err == nil {
		err = executable(filepath.Join(bin, "curl"), []byte("#!/bin/sh\nCSVCHECK_TEST_CURL=1 exec "+shell.Quote(self)+` "$@"`+"\n"))
	}
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]func(d data){
		"a bad .csv":          func(d data) { d.edit(d.csv(badDay), half) },
		"a bad row in a .csv": func(d data) { d.field(d.csv(badDay), 50, 1, "x") },
		"a bad .zip":          func(d data) { d.put("a b/$HOME/it's/"+badZIP, xmlPage) },
		"a bad .csv.gz":       func(d data) { d.named(badDay, ".csv.gz", "x") },
		"a bad month": func(d data) {
			days("01", "02", "03", "04", "05", "06", "07", "08")(d)
			d.put("BTCUSDT-aggTrades-2024-02.csv", "")
		},
		"a checksum that disagrees": func(d data) { d.edit(d.zip(badDay)+".CHECKSUM", replaced("  ", "0  ")) },
		"a day missing":             days("06", "08"),
		"days missing":              days("02", "08"),
		"days missing over a month": func(d data) { d.zip("2024-01-30"); d.zip("2024-03-03"); days("08")(d) },
		"Chinese": func(d data) {
			d.put("币安人生USDT-aggTrades-2024-03-02.zip", "")
			d.put("币安人生USDT-aggTrades-2024-03-07.csv", "1")
		},
		"two markets, each with all": func(d data) {
			for _, folder := range []string{"spot", "um", "cm"} {
				d.put(folder+"/"+badCSV, "")
				d.put(folder+"/BTCUSDT-aggTrades-2024-03-05.zip", "x")
			}
		},
	}
	for name, set := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newData(t)
			set(d)
			code, out := run("--data-dir", d.dir, "--full", "-o", "table")
			if code == 0 {
				t.Fatalf("nothing is wrong: %s", out)
			}
			commands := regexp.MustCompile(`(?m)\(cd .*\)$`).FindAllString(out, -1)
			script := exec.CommandContext(t.Context(), "sh", "-ec", strings.Join(commands, "\n"))
			script.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
			if text, err := script.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s\n%s", err, strings.Join(commands, "\n"), text)
			}
			if code, out := run("--data-dir", d.dir, "--full", "-v"); code != 0 {
				t.Errorf("exit code %d after\n%s\n%s", code, strings.Join(commands, "\n"), out)
			}
		})
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "a", "/data/in", "a b", "it's", "$HOME", "`x`", "a;b", "a&b", "*", "~", "#", "币安", "a\nb", `a\b`, `"`, "!", "a[1-2]", "{a,b}", "-x", "é"} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+shell.Quote(s)).Output()
		if err != nil || string(out) != s {
			t.Errorf("shell.Quote(%q) = %s, which the shell reads as %q, %v", s, shell.Quote(s), out, err)
		}
	}
}

func TestStretches(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ days, want []string }{
		"none":                     {nil, nil},
		"one":                      {[]string{"2024-02-28"}, []string{"2024-02-28"}},
		"up to the end of a month": {[]string{"2024-02-28", "2024-02-29", "2024-03-01", "2024-03-02"}, []string{"2024-02-28..2024-02-29", "2024-03-01..2024-03-02"}},
		"with a day between":       {[]string{"2024-02-03", "2024-02-05"}, []string{"2024-02-03", "2024-02-05"}},
		"over the end of a year":   {[]string{"2023-12-31", "2024-01-01"}, []string{"2023-12-31", "2024-01-01"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var days []catalog.Day
			for _, s := range tc.days {
				d, err := catalog.ParseDay(s)
				if err != nil {
					t.Fatal(err)
				}
				days = append(days, d)
			}
			var got []string
			for _, s := range stretches(days) {
				got = append(got, s.String())
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRemedyIsNotAlwaysToFetch(t *testing.T) {
	t.Parallel()
	file := source.File{
		Path: "/data/in/BTCUSDT-aggTrades-2024-03-08.zip", Series: catalog.Series{Market: catalog.UM, Symbol: "BTCUSDT"},
		Period: catalog.Period{First: 19790, End: 19791}, Format: source.ZIP,
	}
	fault := func(kind error, remedy string) error {
		return &source.FileError{Path: file.Path, Problem: "is what it is", Remedy: remedy, Err: kind}
	}
	wide := func(field string) error {
		return &scan.Error{Path: file.Path, Err: &aggtrades.RowError{Line: 2, Field: field, Err: aggtrades.ErrTooWide}}
	}
	const fetch = "Fetch it again: (cd /data/in && curl -fL -O https://data.binance.vision/data/futures/um/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-03-08.zip"
	tests := map[string]struct {
		err  error
		want string
	}{
		"changed meanwhile":           {fault(source.ErrChanged, "wait until it is complete"), "Wait until it is complete: /data/in/BTCUSDT-aggTrades-2024-03-08.zip"},
		"no file":                     {fault(source.ErrNotRegular, "put it there"), "Put it there: /data/in/BTCUSDT-aggTrades-2024-03-08.zip"},
		"too large":                   {fault(source.ErrTooLarge, "raise the limit"), "Raise the limit: /data/in/BTCUSDT-aggTrades-2024-03-08.zip"},
		"a disk that fails":           {fault(syscall.EIO, "look at the disk"), "Look at the disk: /data/in/BTCUSDT-aggTrades-2024-03-08.zip"},
		"damaged":                     {fault(source.ErrCorrupt, "fetch it again"), fetch + ")"},
		"unlike its .CHECKSUM":        {fault(source.ErrChecksum, "fetch the .CHECKSUM again"), fetch + strings.ReplaceAll(fetch[strings.Index(fetch, " -O"):], ".zip", ".zip.CHECKSUM") + ")"},
		"a quantity too wide":         {wide("quantity"), "Widen the column, then give --widened: ingest-aggtrades migrate --widen-quantity --db=FILE"},
		"a price that cannot be real": {wide("price"), fetch + ")"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := (finding{file: file, err: tc.err}).remedy(); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}
