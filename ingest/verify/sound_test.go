package verify_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/ingest/verify"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/golden"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// TestWhatTheLoaderMakesIsSound loads files of every shape, daily and monthly, and a genuine day.
func TestWhatTheLoaderMakesIsSound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.days(t, catalog.Spot, "BTCUSDT", "2024-12-30", 4, 2000, synth.Auto) // milliseconds, then microseconds
	w.days(t, catalog.UM, "BTCUSDT", "2022-08-09", 4, 3000, synth.Auto)   // without header, then with one
	w.days(t, catalog.CM, "BTCUSD_PERP", "2022-08-09", 4, 1500, synth.Auto)
	w.days(t, catalog.UM, "币安人生USDT", "2025-10-20", 2, 10, synth.UMHeader)
	w.make(t, synth.Spec{Series: catalog.Series{Market: catalog.UM, Symbol: "ETHUSDT"}, Period: catalog.MonthPeriod(2024, time.February), Rows: 40_000, FirstID: 7, Seed: 3})
	w.load(t)
	r := run(t, w.db)
	if diff := cmp.Diff(map[string]int64{}, found(r.Defects, r.Warnings)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r.Rows != 8000+12000+6000+20+40000 || r.Rows != r.RowsInTable || len(r.Notes) != 0 || !r.Checked.Complete() || r.Checked.Ledger != verify.Wholly {
		t.Errorf("%d of %d rows, notes %q, checked %+v", r.Rows, r.RowsInTable, r.Notes, r.Checked)
	}
	kept(t, "sound.golden", string(r.Text()))
}

// kept compares text with a file of testdata, seconds apart.
func kept(t *testing.T, name, text string) {
	t.Helper()
	golden.Compare(t, filepath.Join("testdata", name), regexp.MustCompile(`looked\s+at\s+in\s+[0-9.e-]+s`).ReplaceAllString(text, "looked at in 1s"))
}

// TestTheGenuineDayIsSound loads a day that Binance published.
func TestTheGenuineDayIsSound(t *testing.T) {
	t.Parallel()
	const name = "BTCUSD_PERP-aggTrades-2026-05-08.zip"
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "samples", "cm-BTCUSD_PERP", name))
	if err != nil {
		t.Skip("the samples of genuine files are not here: ../shared/samples beside the project")
	}
	w := newWorld(t)
	folder := filepath.Join(w.data, "futures", "cm")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name), text, 0o644); err != nil {
		t.Fatal(err)
	}
	w.load(t)
	r := run(t, w.db)
	if diff := cmp.Diff(map[string]int64{}, found(r.Defects, r.Warnings)); diff != "" || r.Rows != 105_280 {
		t.Errorf("%d rows (-want +got):\n%s", r.Rows, diff)
	}
}

// TestHolesOfTheFilesAreWarnings: what the files that were loaded lack as well is no defect of the database.
func TestHolesOfTheFilesAreWarnings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.days(t, catalog.UM, "BTCUSDT", "2024-01-01", 3, 1000, synth.UMHeader)
	path := filepath.Join(w.data, "data/futures/um/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-01-02.csv")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`(?m)^100150[0-4],.*\n`).ReplaceAll(text, nil)
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	monthly := synth.Spec{Series: catalog.Series{Market: catalog.UM, Symbol: "ETHUSDT"}, Period: catalog.MonthPeriod(2022, time.April), Rows: 30_000, FirstID: 1, Seed: 3, Shape: synth.UMHeader}
	path = w.make(t, monthly)
	if text, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	first, end := day(t, "2022-04-24").Time().UnixMilli(), day(t, "2022-04-25").Time().UnixMilli()
	kept := ""
	for _, line := range regexp.MustCompile(`(?m)^.*\n`).FindAllString(string(text), -1) {
		if at := regexp.MustCompile(`,(\d{13}),`).FindStringSubmatch(line); at == nil || at[1] < fmt.Sprint(first) || at[1] >= fmt.Sprint(end) {
			kept += line
		}
	}
	if err := os.WriteFile(path, []byte(kept), 0o644); err != nil {
		t.Fatal(err)
	}
	w.load(t)
	r := run(t, w.db)
	got := found(r.Warnings)
	delete(got, "ETHUSDT ids_not_published") // as many as the day had rows
	if diff := cmp.Diff(map[string]int64{"BTCUSDT ids_not_published": 5, "ETHUSDT days_not_published": 1}, got); diff != "" || len(r.Defects) > 0 {
		t.Errorf("defects %v, warnings (-want +got):\n%s", r.Defects, diff)
	}
}
