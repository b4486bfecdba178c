package cli

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/check-ingest/check-ingest/ingest/preflight"
	"github.com/check-ingest/check-ingest/internal/golden"
	"github.com/check-ingest/check-ingest/internal/manual"
	"github.com/check-ingest/check-ingest/internal/nagios"
)

// troubled is a report with a problem of every kind.
func troubled() preflight.Report {
	return preflight.Report{Checks: []preflight.Check{
		{Name: "lock", Report: nagios.Report{State: nagios.Critical, Problems: []nagios.Problem{
			{State: nagios.Critical, Text: "held by PID 4711 (python3 ingest.py, user alice) for 2h 3m", Remedy: "Wait for it to end, or look at it with: ps -fp 4711"},
		}}},
		{Name: "disk", Report: nagios.Report{State: nagios.Warning, Problems: []nagios.Problem{
			{State: nagios.Warning, Text: "512 MB left on /data (ext4) after loading what is pending, limit 1 GB", Remedy: "Free space there, or load less with --symbol or --end-date."},
		}, Lines: []string{"ledger snapshot of 2026-01-02 03:04:05 UTC, 6h old"}}},
		{Name: "db", Report: nagios.Report{State: nagios.OK, Summary: "1,234,567 rows, 2 symbols \x1b[31mred\x1b[0m"}},
		{Name: "csv", Report: nagios.Report{State: nagios.Critical, Problems: []nagios.Problem{
			{State: nagios.Critical, Text: "1 of 11 files is bad", Remedy: "Fetch it again: (cd /data/in && curl -fL -O https://data.binance.vision/data/futures/um/daily/aggTrades/ETHUSDT/ETHUSDT-aggTrades-2026-11-22.zip)"},
			{State: nagios.Unknown, Text: "3 of 11 files may not be read, the first is /a/very/long/path/that/has/no/place/to/break/it/BTCUSDT-aggTrades-2026-11-22.zip"},
		}}},
	}}
}

func TestPreflightText(t *testing.T) {
	t.Parallel()
	text := string(preflightText(troubled(), false, true))
	golden.Compare(t, "testdata/preflight.golden", text)
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > manual.Width && !strings.HasPrefix(line, "[1] ") {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if strings.Contains(text, "\x1b") {
		t.Error("a terminal's codes came through")
	}
	colored := string(preflightText(troubled(), true, true))
	if !strings.Contains(colored, "\x1b[31mCRITICAL\x1b[0m") || !strings.Contains(colored, "\x1b[32mOK\x1b[0m      ") {
		t.Errorf("no colours, or columns that they shift: %q", colored)
	}
}
