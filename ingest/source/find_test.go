package source_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/catalog"
)

// tree makes files, each with some content, below a new folder.
func tree(t *testing.T, paths ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, p := range paths {
		write(t, filepath.Join(dir, p), "x\n")
	}
	return dir
}

func write(tb testing.TB, path, text string) {
	tb.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
}

func link(t *testing.T, target, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

func find(t *testing.T, dir string, o source.Options) source.Listing {
	t.Helper()
	l, err := source.Find(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// lines is a listing with a line a file, "market symbol period format path", and '?' where the market was guessed.
func lines(t *testing.T, dir string, files []source.File) []string {
	t.Helper()
	var got []string
	for _, f := range files {
		path, err := filepath.Rel(dir, f.Path)
		if err != nil {
			t.Fatal(err)
		}
		guessed := ""
		if f.MarketGuessed {
			guessed = "?"
		}
		got = append(got, fmt.Sprintf("%s%s %s %s %s", f.Series, guessed, f.Period, f.Format, path))
	}
	return got
}

func reasons(t *testing.T, dir string, skipped []source.Skipped) map[string]string {
	t.Helper()
	got := map[string]string{}
	for _, s := range skipped {
		path, err := filepath.Rel(dir, s.Path)
		if err != nil {
			t.Fatal(err)
		}
		got[path] = s.Reason
	}
	return got
}

func TestFindEveryLayout(t *testing.T) {
	t.Parallel()
	const name = "BTCUSDT-aggTrades-2024-02-29.zip"
	tests := map[string]struct {
		folder string
		want   string
	}{
		"mirror, um, daily":             {"data/futures/um/daily/aggTrades/BTCUSDT", "um BTCUSDT"},
		"mirror, cm, monthly":           {"data/futures/cm/monthly/aggTrades/BTCUSDT", "cm BTCUSDT"},
		"mirror, spot":                  {"data/spot/daily/aggTrades/BTCUSDT", "spot BTCUSDT"},
		"mirror, folder of a range":     {"data/spot/daily/aggTrades/BTCUSDT/2024-01-01_2024-03-01", "spot BTCUSDT"},
		"mirror below a root":           {"mirror/binance/data/futures/cm/daily/aggTrades/BTCUSDT", "cm BTCUSDT"},
		"flat by symbol":                {"BTCUSDT/aggTrades", "um BTCUSDT?"},
		"data, then flat":               {"data/BTCUSDT/aggTrades", "um BTCUSDT?"},
		"raw with years":                {"raw/aggTrades/BTCUSDT/2024", "um BTCUSDT?"},
		"bulk":                          {"bulk/binance/BTCUSDT/aggTrades", "um BTCUSDT?"},
		"raw futures without a market":  {"raw/futures/BTCUSDT", "um BTCUSDT?"},
		"upper case":                    {"RAW/aggTrades/BTCUSDT/SPOT", "spot BTCUSDT"},
		"all in one folder":             {"", "um BTCUSDT?"},
		"market as last folder":         {"aggTrades/BTCUSDT/cm", "cm BTCUSDT"},
		"names of Binance's own pages":  {"coin-m/BTCUSDT", "cm BTCUSDT"},
		"USD-M":                         {"USD-M", "um BTCUSDT"},
		"the nearest market wins":       {"spot/old/um/BTCUSDT", "um BTCUSDT"},
		"a name that only holds um":     {"spot/umbrella/album", "spot BTCUSDT"},
		"a folder for klines, misfiled": {"data/spot/daily/klines/BTCUSDT/1m", "spot BTCUSDT"},
	}
	for name2, tc := range tests {
		t.Run(name2, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(tc.folder, name)
			dir := tree(t, path)
			got := find(t, dir, source.Options{})
			want := []string{tc.want + " 2024-02-29 zip " + path}
			if diff := cmp.Diff(want, lines(t, dir, got.Files)); diff != "" {
				t.Error(diff)
			}
			if len(got.Skipped) != 0 || got.Unmatched != 0 || got.Outside != 0 {
				t.Errorf("left out: %+v", got)
			}
		})
	}
}

// The market may be told by the data dir itself, which is where a user points who has one market only.
func TestFindMarketAboveTheDataDir(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ dir, want string }{
		"the mirror's folder of a symbol":   {"data/futures/cm/daily/aggTrades/BTCUSDT", "cm BTCUSDT"},
		"the mirror's folder of spot":       {"data/spot/daily", "spot BTCUSDT"},
		"the data dir is called spot":       {"downloads/spot", "spot BTCUSDT"},
		"somebody whose home is called um":  {"home/um/downloads", "spot BTCUSDT?"},
		"a parent called cm, of no futures": {"cm/downloads", "spot BTCUSDT?"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(tree(t, filepath.Join(tc.dir, "BTCUSDT-aggTrades-2024-02.csv")), tc.dir)
			got := find(t, dir, source.Options{Market: catalog.Spot})
			if diff := cmp.Diff([]string{tc.want + " 2024-02 csv BTCUSDT-aggTrades-2024-02.csv"}, lines(t, dir, got.Files)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFindOrdersByPeriodThenSeriesThenPath(t *testing.T) {
	t.Parallel()
	dir := tree(t,
		"um/ETHUSDT-aggTrades-2024-02-28.zip", "um/BTCUSDT-aggTrades-2024-02.zip", "um/BTCUSDT-aggTrades-2024-02-29.zip",
		"spot/BTCUSDT-aggTrades-2024-02-28.zip", "spot/b/BTCUSDT-aggTrades-2024-02-28.zip", "um/BTCUSDT-aggTrades-2024-02-28.zip",
		"um/BTCUSDT-aggTrades-2019-12-31.zip", "spot/BTCUSDT-aggTrades-2024-02-28.csv",
	)
	want := []string{
		"um BTCUSDT 2019-12-31 zip um/BTCUSDT-aggTrades-2019-12-31.zip",
		"spot BTCUSDT 2024-02-28 csv spot/BTCUSDT-aggTrades-2024-02-28.csv",
		"spot BTCUSDT 2024-02-28 zip spot/BTCUSDT-aggTrades-2024-02-28.zip",
		"spot BTCUSDT 2024-02-28 zip spot/b/BTCUSDT-aggTrades-2024-02-28.zip",
		"um BTCUSDT 2024-02-28 zip um/BTCUSDT-aggTrades-2024-02-28.zip",
		"um ETHUSDT 2024-02-28 zip um/ETHUSDT-aggTrades-2024-02-28.zip",
		"um BTCUSDT 2024-02-29 zip um/BTCUSDT-aggTrades-2024-02-29.zip",
		"um BTCUSDT 2024-02 zip um/BTCUSDT-aggTrades-2024-02.zip",
	}
	if diff := cmp.Diff(want, lines(t, dir, find(t, dir, source.Options{}).Files)); diff != "" {
		t.Error(diff)
	}
}

func TestFindTellsWhatItLeavesOut(t *testing.T) {
	t.Parallel()
	dir := tree(t,
		"aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-02-29.zip",
		"aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-02-29.zip.CHECKSUM",
		"aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-02-28.csv",
		"aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-02-28.zip.CHECKSUM", // the archive was unpacked and removed
		"aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-02-27.zip.CHECKSUM",
		"aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-02-26.zip.part",
		"aggTrades/BTCUSDT/BTCUSDT-aggTrades-2023-02-29.zip",
		"aggTrades/part-00000-0fae7358-c000.zip",
		"BTC-USDT-aggTrades-2024-02-29.csv",
		"klines/BTCUSDT-1m-2024-02-29.zip", "klines/BTCUSDT-1m-2024-02-29.zip.CHECKSUM", "trades/BTCUSDT-trades-2024-02-29.zip",
		"metrics/BTCUSDT-metrics-2024-02-29.zip", "README.md", "aggTrades/notes.txt", "some.tmp",
		"aggTrades/BTCUSDT-aggTrades-2024-02-29.parquet",
		".BTCUSDT-aggTrades-2024-02-25.zip.Xa81bC", ".snapshot/hourly.0/BTCUSDT-aggTrades-2024-02-29.zip", "lost+found/BTCUSDT-aggTrades-2024-02-24.zip",
		"BTCUSDT-aggTrades-2024-02-23.csv/BTCUSDT-aggTrades-2024-02-23.csv",
		"bad\xff\n|name-aggTrades-2024-02-22.zip",
		strings.Repeat("A", 255-len("-aggTrades-2024-02-21.zip"))+"-aggTrades-2024-02-21.zip",
	)
	got := find(t, dir, source.Options{})
	wantFiles := []string{
		"um BTCUSDT? 2024-02-23 csv BTCUSDT-aggTrades-2024-02-23.csv/BTCUSDT-aggTrades-2024-02-23.csv",
		"um BTCUSDT? 2024-02-28 csv aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-02-28.csv",
		"um BTCUSDT? 2024-02-29 zip aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-02-29.zip",
	}
	if diff := cmp.Diff(wantFiles, lines(t, dir, got.Files)); diff != "" {
		t.Error(diff)
	}
	wantSkipped := map[string]string{
		"aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-02-27.zip.CHECKSUM": "a checksum without its file",
		"aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-02-26.zip.part":     "an unfinished download",
		"aggTrades/BTCUSDT/BTCUSDT-aggTrades-2023-02-29.zip":          `name cannot be read: date "2023-02-29": expected YYYY-MM-DD or YYYY-MM, one that exists`,
		"aggTrades/part-00000-0fae7358-c000.zip":                      "name cannot be read: expected SYMBOL-aggTrades-DATE",
		"BTC-USDT-aggTrades-2024-02-29.csv":                           `name cannot be read: symbol "BTC-USDT": character '-', expected letters, digits and '_'`,
		"BTCUSDT-aggTrades-2024-02-23.csv":                            "a folder, not a file",
		"bad\xff\n|name-aggTrades-2024-02-22.zip":                     `name cannot be read: symbol "bad\xff\n|name": not valid UTF-8`,
		strings.Repeat("A", 230) + "-aggTrades-2024-02-21.zip":        fmt.Sprintf("name cannot be read: symbol %q: longer than 64 bytes", strings.Repeat("A", 64)),
	}
	if diff := cmp.Diff(wantSkipped, reasons(t, dir, got.Skipped)); diff != "" {
		t.Error(diff)
	}
	// Two klines and one of trades, a checksum and metrics, three notes, a .tmp, a .parquet and a hidden file.
	if got.Unmatched != 9 || got.Outside != 0 {
		t.Errorf("unmatched %d, outside %d, want 9 and 0", got.Unmatched, got.Outside)
	}
}

func TestFindNarrows(t *testing.T) {
	t.Parallel()
	dir := tree(t,
		"BTCUSDT-aggTrades-2024-01-31.zip", "BTCUSDT-aggTrades-2024-02.zip", "BTCUSDT-aggTrades-2024-02-01.zip", "BTCUSDT-aggTrades-2024-02-29.zip",
		"BTCUSDT-aggTrades-2024-03-01.zip", "ETHUSDT-aggTrades-2024-02-15.zip", "BTCUSDT-aggTrades-2024-02-30.zip", "ETHUSDT-aggTrades-2024-02-30.zip",
		"ETHUSDT-aggTrades-2024-02-14.zip.CHECKSUM",
	)
	first, middle, last := day(t, "2024-02-01"), day(t, "2024-02-15"), day(t, "2024-02-29")
	tests := map[string]struct {
		options          source.Options
		files            string
		skipped, outside int
	}{
		"everything":                    {source.Options{}, "BTCUSDT 2024-01-31, BTCUSDT 2024-02-01, ETHUSDT 2024-02-15, BTCUSDT 2024-02-29, BTCUSDT 2024-02, BTCUSDT 2024-03-01", 3, 0},
		"one symbol":                    {source.Options{Symbols: []string{"ETHUSDT"}}, "ETHUSDT 2024-02-15", 2, 5},
		"a symbol that is not there":    {source.Options{Symbols: []string{"ETH"}}, "", 0, 6},
		"from a day on":                 {source.Options{First: &last}, "BTCUSDT 2024-02-29, BTCUSDT 2024-02, BTCUSDT 2024-03-01", 2, 3},
		"up to a day":                   {source.Options{Last: &first}, "BTCUSDT 2024-01-31, BTCUSDT 2024-02-01, BTCUSDT 2024-02", 2, 3},
		"a day in the middle of months": {source.Options{First: &middle, Last: &middle}, "ETHUSDT 2024-02-15, BTCUSDT 2024-02", 2, 4},
		"an empty range":                {source.Options{First: &last, Last: &first}, "BTCUSDT 2024-02", 2, 5},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := find(t, dir, tc.options)
			var files []string
			for _, f := range got.Files {
				files = append(files, f.Series.Symbol+" "+f.Period.String())
			}
			if diff := cmp.Diff(tc.files, strings.Join(files, ", ")); diff != "" {
				t.Error(diff)
			}
			if len(got.Skipped) != tc.skipped || got.Outside != tc.outside {
				t.Errorf("skipped %v, outside %d; want %d and %d", got.Skipped, got.Outside, tc.skipped, tc.outside)
			}
		})
	}
}

func TestFindFollowsLinksOnce(t *testing.T) {
	t.Parallel()
	base := tree(t, "data/um/2024/BTCUSDT-aggTrades-2024-02-29.zip", "elsewhere/BTCUSDT-aggTrades-2024-02-28.zip", "file.zip", "BTCUSDT-aggTrades-2024-02-27.zip")
	dir := filepath.Join(base, "data")
	link(t, "um", filepath.Join(dir, "a-link-to-the-tree"))
	link(t, "..", filepath.Join(dir, "um", "up"))
	link(t, "../..", filepath.Join(dir, "um", "above-the-data-dir"))
	link(t, "/", filepath.Join(dir, "um", "root"))
	link(t, ".", filepath.Join(dir, "um", "self"))
	link(t, "loop", filepath.Join(dir, "loop"))
	link(t, "loop-aggTrades-2024-02-01.zip", filepath.Join(dir, "loop-aggTrades-2024-02-01.zip"))
	link(t, filepath.Join(base, "elsewhere"), filepath.Join(dir, "cm"))
	link(t, "cm", filepath.Join(dir, "zz-second-link-to-elsewhere"))
	link(t, filepath.Join(base, "file.zip"), filepath.Join(dir, "spot", "ETHUSDT-aggTrades-2024-02-29.zip"))
	link(t, "nowhere", filepath.Join(dir, "XRPUSDT-aggTrades-2024-02-29.zip"))
	link(t, "nowhere", filepath.Join(dir, "notes"))
	link(t, "/dev/null", filepath.Join(dir, "BNBUSDT-aggTrades-2024-02-29.csv"))
	link(t, filepath.Join(dir), filepath.Join(base, "linked-data"))

	for name, root := range map[string]string{"the data dir": dir, "a link to the data dir": filepath.Join(base, "linked-data")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := find(t, root, source.Options{})
			want := []string{
				"cm BTCUSDT 2024-02-28 zip cm/BTCUSDT-aggTrades-2024-02-28.zip",
				"spot ETHUSDT 2024-02-29 zip spot/ETHUSDT-aggTrades-2024-02-29.zip",
				"um BTCUSDT 2024-02-29 zip um/2024/BTCUSDT-aggTrades-2024-02-29.zip",
			}
			if diff := cmp.Diff(want, lines(t, root, got.Files)); diff != "" {
				t.Error(diff)
			}
			wantSkipped := map[string]string{
				"XRPUSDT-aggTrades-2024-02-29.zip": "a symlink to nothing",
				"loop-aggTrades-2024-02-01.zip":    "too many levels of symbolic links",
				"BNBUSDT-aggTrades-2024-02-29.csv": "a device, not a file",
			}
			if diff := cmp.Diff(wantSkipped, reasons(t, root, got.Skipped)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFindSkipsWhatIsNoFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := unix.Mkfifo(filepath.Join(dir, "BTCUSDT-aggTrades-2024-02-29.zip"), 0o600); err != nil {
		t.Fatal(err)
	}
	listen, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "A-aggTrades-2024-02-29.csv"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listen.Close() })
	want := map[string]string{
		"BTCUSDT-aggTrades-2024-02-29.zip": "a FIFO, not a file",
		"A-aggTrades-2024-02-29.csv":       "a socket, not a file",
	}
	if diff := cmp.Diff(want, reasons(t, dir, find(t, dir, source.Options{}).Skipped)); diff != "" {
		t.Error(diff)
	}
}

func TestFindStatsFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "BTCUSDT-aggTrades-2024-02-29.zip")
	write(t, path, "12345")
	at := time.Date(2024, 3, 1, 6, 7, 8, 123456789, time.FixedZone("CET", 3600))
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
	want := []source.File{{
		Path: path, Series: catalog.Series{Market: catalog.CM, Symbol: "BTCUSDT"}, Period: catalog.DayPeriod(day(t, "2024-02-29")), Format: source.ZIP,
		Size: 5, ModTime: time.Date(2024, 3, 1, 5, 7, 8, 123456000, time.UTC), MarketGuessed: true,
	}}
	if diff := cmp.Diff(want, find(t, dir+"/./", source.Options{Market: catalog.CM}).Files); diff != "" {
		t.Error(diff)
	}
}

func TestFindSkipsAFolderItMayNotRead(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		t.Skip("root may read everything")
	}
	dir := tree(t, "open/BTCUSDT-aggTrades-2024-02-29.zip", "shut/BTCUSDT-aggTrades-2024-02-28.zip")
	if err := os.Chmod(filepath.Join(dir, "shut"), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(dir, "shut"), 0o755) })
	got := find(t, dir, source.Options{})
	if diff := cmp.Diff(map[string]string{"shut": "folder cannot be read: permission denied"}, reasons(t, dir, got.Skipped)); diff != "" {
		t.Error(diff)
	}
	if len(got.Files) != 1 {
		t.Errorf("files %v, want the one in the open folder", got.Files)
	}
}

func TestFindRefuses(t *testing.T) {
	t.Parallel()
	dir := tree(t, "file")
	stopped, stop := context.WithCancel(t.Context())
	stop()
	tests := map[string]struct {
		ctx     context.Context
		dir     string
		options source.Options
		want    string
		is      error
	}{
		"no data dir":            {t.Context(), filepath.Join(dir, "none"), source.Options{}, "none does not exist; mount or create it, or correct --data-dir", fs.ErrNotExist},
		"a file":                 {t.Context(), filepath.Join(dir, "file"), source.Options{}, "file is not a folder; correct --data-dir", unix.ENOTDIR},
		"the empty path":         {t.Context(), "", source.Options{}, "is not given", nil},
		"a market unknown":       {t.Context(), dir, source.Options{Market: "options"}, `market "options"`, nil},
		"a context that is done": {stopped, dir, source.Options{}, "", context.Canceled},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := source.Find(tc.ctx, tc.dir, tc.options)
			if err == nil || !strings.Contains(err.Error(), tc.want) || tc.is != nil && !errors.Is(err, tc.is) {
				t.Errorf("error %v, want one with %q that is %v", err, tc.want, tc.is)
			}
		})
	}
}

// TestFindPathThatIsNotUTF8: such a file cannot be recorded, so nobody counts it as one to load.
func TestFindPathThatIsNotUTF8(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "caf\xe9", "BTCUSDT-aggTrades-2024-01-01.csv")
	if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("x"), 0o600)); err != nil {
		t.Skip(err)
	}
	l, err := source.Find(t.Context(), dir, source.Options{})
	if err != nil || len(l.Files) != 0 || len(l.Skipped) != 1 || l.Skipped[0].Path != path || !strings.Contains(l.Skipped[0].Reason, "not valid UTF-8") {
		t.Errorf("%+v, %v", l, err)
	}
}
