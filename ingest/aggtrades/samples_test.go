package aggtrades

import (
	"archive/zip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/internal/catalog"
)

// samplesDir is the folder of real files beside the project; the test is skipped where there is none.
func samplesDir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			tb.Fatal("no go.mod above the package")
		}
		dir = parent
	}
	samples := filepath.Join(dir, "..", "shared", "samples")
	if _, err := os.Stat(samples); errors.Is(err, fs.ErrNotExist) {
		tb.Skipf("no sample data at %s", samples)
	}
	return samples
}

// fileFacts is what a file is known to hold.
type fileFacts struct {
	Format         Format
	Rows, Missing  int64
	MinID, MaxID   int64
	Increasing     bool
	First, Last    string // days
	ZeroQuantities int
}

// factsOf decodes a sample, compared with the reference, and says what it holds.
func factsOf(t *testing.T, file []byte) fileFacts {
	t.Helper()
	format, offset, err := Sniff(file, true)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Format: format}
	out := newAgreement(t, o).check(file[offset:])
	if out.Fault != (fault{}) {
		t.Fatalf("unexpected fault %+v", out.Fault)
	}
	s := summaryOf(t, NewDecoder(o), catalog.Period{}, file[offset:], 1000)
	zero := 0
	for _, r := range out.Rows {
		if r.quantity == 0 {
			zero++
		}
	}
	return fileFacts{
		Format: format, Rows: s.Rows, Missing: s.IDsMissing(), MinID: s.MinID, MaxID: s.MaxID, Increasing: s.Increasing,
		First: catalog.DayOfMicros(s.FirstTime).String(), Last: catalog.DayOfMicros(s.LastTime).String(), ZeroQuantities: zero,
	}
}

func TestSamples(t *testing.T) {
	t.Parallel()
	dir := samplesDir(t)
	um, headed, spot := Format{Columns: 7}, Format{Header: true, Columns: 7}, Format{Columns: 8}
	for name, want := range map[string]fileFacts{
		"slices/um-BTCUSDT-aggTrades-2026-09-17.slice.csv":      {headed, 40, 0, 3454067270, 3454067309, true, "2026-09-17", "2026-09-17", 0},
		"slices/spot-BTCUSDT-aggTrades-2026-09-16.slice.csv":    {spot, 50, 0, 4064947752, 4064947801, true, "2026-09-16", "2026-09-16", 0},
		"defects/um-BTCUSDT-2022-09-consecutive-duplicates.csv": {um, 12, 0, 1446230265, 1446230270, false, "2022-09-12", "2022-09-12", 0},
		"defects/um-BTCUSDT-2023-05-interleaved-header.csv":     {headed, 10, 35399808, 1715206948, 1750606765, false, "2023-05-01", "2023-05-30", 0},
		"defects/um-BTCUSDT-2023-10-interleaved.csv":            {um, 12, 34283862, 1862715434, 1896999307, false, "2023-10-01", "2023-10-27", 0},
		"defects/um-ETHUSDT-2023-05-zero-quantity.csv":          {headed, 8, 13628548, 1290241731, 1303870286, true, "2023-05-01", "2023-05-13", 8},
		"defects/um-BTCUSDT-2022-04-monthly-missing-day.csv":    {um, 11, 804310, 1181756327, 1182560647, true, "2022-04-23", "2022-04-25", 0},
		"defects/um-BTCUSDT-2024-07-04-trade-id-gaps.csv":       {um, 4, 0, 2228503268, 2228503271, true, "2024-07-04", "2024-07-04", 0},
		"defects/spot-ZILBTC-2021-02-28-tail.csv":               {spot, 9, 0, 12027547, 12027555, true, "2021-02-28", "2021-02-28", 0},
		"defects/spot-ZILBTC-2021-03-01-head.csv":               {spot, 5, 0, 12027555, 12027559, true, "2021-03-01", "2021-03-01", 0},
		"defects/spot-BTCUSDT-2021-12-14-truncated-tail.csv":    {spot, 10, 0, 1031427002, 1031427011, true, "2021-12-14", "2021-12-14", 0},
		"defects/um-BTCUSDT-2025-10-22-head.csv":                {headed, 6, 0, 2907604449, 2907604454, true, "2025-10-22", "2025-10-22", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, factsOf(t, file)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestSampleArchive(t *testing.T) {
	t.Parallel()
	archive, err := zip.OpenReader(filepath.Join(samplesDir(t), "cm-BTCUSD_PERP", "BTCUSD_PERP-aggTrades-2026-05-08.zip"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = archive.Close() })
	member, err := archive.Open("BTCUSD_PERP-aggTrades-2026-05-08.csv")
	if err != nil {
		t.Fatal(err)
	}
	file, err := io.ReadAll(member)
	if err != nil {
		t.Fatal(err)
	}
	want := fileFacts{
		Format: Format{Header: true, Columns: 7}, Rows: 105_280, MinID: 480537903, MaxID: 480643182, Increasing: true,
		First: "2026-05-08", Last: "2026-05-08",
	}
	if diff := cmp.Diff(want, factsOf(t, file)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
