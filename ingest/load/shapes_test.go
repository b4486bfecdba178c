package load_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/check-ingest/check-ingest/ingest/load"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// TestEveryShape loads each form in which Binance published aggTrades, in each packing, for symbols of every kind.
func TestEveryShape(t *testing.T) {
	t.Parallel()
	shapes := map[string]struct {
		shape  synth.Shape
		series catalog.Series
		date   string
	}{
		"spot in milliseconds":      {synth.SpotMillis, spot("BTCUSDT"), "2024-12-31"},
		"spot in microseconds":      {synth.SpotMicros, spot("BTCUSDT"), "2025-01-01"},
		"USD-M without header":      {synth.UMPlain, um("1000SHIBUSDT"), "2022-08-10"},
		"USD-M with header":         {synth.UMHeader, um("币安人生USDT"), "2025-11-01"},
		"USD-M, a delivery":         {synth.UMHeader, um("BTCUSDT_230630"), "2023-06-29"},
		"COIN-M without header":     {synth.CMPlain, catalog.Series{Market: catalog.CM, Symbol: "BTCUSD_PERP"}, "2021-02-28"},
		"COIN-M with header":        {synth.CMHeader, catalog.Series{Market: catalog.CM, Symbol: "BTCUSD_250926"}, "2025-03-30"},
		"microseconds under USD-M":  {synth.SpotMicros, um("4USDT"), "2026-01-01"},
		"milliseconds in late spot": {synth.SpotMillis, spot("GTRY"), "2026-01-01"},
	}
	packings := map[string]synth.Packing{"csv": synth.Plain, "zip": synth.Zip, "gz": synth.Gzip, "zst": synth.Zstd}
	for name, tt := range shapes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var want []string
			spec := synth.Spec{Series: tt.series, Period: catalog.DayPeriod(day(t, tt.date)), Rows: 150, FirstID: 4_070_153_058, Shape: tt.shape}
			for _, packing := range packings {
				w.make(t, spec, packing)
				want = append(want, rowsOf(t, tt.series, string(synth.CSV(spec)))...)
				spec = spec.Next()
			}
			r := w.load(t)
			if r.Totals.Loaded != len(packings) || r.Totals.Rows != int64(len(want)) || r.Totals.Duplicates+r.Totals.Conflicts+r.Totals.Voided > 0 {
				t.Errorf("totals %+v", r.Totals)
			}
			same(t, want, w.rows(t))
		})
	}
}

// TestLayouts has the same days in every layout at once, and others in only one.
func TestLayouts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var want []string
	put := func(l synth.Layout, s synth.Spec, p synth.Packing) {
		t.Helper()
		if _, err := synth.WriteFile(w.data, l, s, p); err != nil {
			t.Fatal(err)
		}
	}
	everywhere := daily(t, um("BTCUSDT"), "2024-02-28", 100, 1)
	put(synth.Mirror, everywhere, synth.Zip)
	put(synth.Flat, everywhere, synth.Plain)
	put(synth.One, everywhere, synth.Gzip)
	mirror, flat, one := everywhere.Next(), everywhere.Next().Next(), everywhere.Next().Next().Next()
	put(synth.Mirror, mirror, synth.Zip)
	put(synth.Flat, flat, synth.Plain)
	put(synth.One, one, synth.Zstd)
	for _, s := range []synth.Spec{everywhere, mirror, flat, one} {
		want = append(want, rowsOf(t, um("BTCUSDT"), string(synth.CSV(s)))...)
	}
	spotSpec := daily(t, spot("BTCUSDT"), "2024-02-28", 100, 1)
	put(synth.Mirror, spotSpec, synth.Zip)
	want = append(want, rowsOf(t, spot("BTCUSDT"), string(synth.CSV(spotSpec)))...)
	text := string(synth.CSV(daily(t, um("ETHUSDT"), "2024-02-28", 50, 9)))
	w.put(t, "raw/aggTrades/ETHUSDT/2024/2024-02-01_2024-03-01/ETHUSDT-aggTrades-2024-02-28.csv", text)
	want = append(want, rowsOf(t, um("ETHUSDT"), text)...)

	r := w.load(t)
	same(t, want, w.rows(t))
	if r.Totals.Loaded != 6 {
		t.Errorf("totals %+v", r.Totals)
	}
	for _, f := range r.Ignored {
		if !strings.Contains(f.Reason, "same market, symbol and period as") {
			t.Errorf("%s was left aside: %s", f.Path, f.Reason)
		}
	}
	if len(r.Ignored) != 2 {
		t.Errorf("%d files were left aside, expected the two further copies", len(r.Ignored))
	}
	// A .csv goes before what has to be inflated.
	for _, f := range r.Files {
		if f.Market == catalog.UM && f.Symbol == "BTCUSDT" && f.Period == "2024-02-28" && filepath.Ext(f.Path) != ".csv" {
			t.Errorf("of the copies %s was loaded", f.Path)
		}
	}
}

// TestMarketOfFilesWhosePathDoesNotTell is that of --market.
func TestMarketOfFilesWhosePathDoesNotTell(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	spec := daily(t, spot("BTCUSDT"), "2024-02-28", 10, 1)
	if _, err := synth.WriteFile(w.data, synth.Flat, spec, synth.Plain); err != nil {
		t.Fatal(err)
	}
	w.load(t, func(c *load.Config) { c.Market = catalog.Spot })
	same(t, rowsOf(t, spot("BTCUSDT"), string(synth.CSV(spec))), w.rows(t))
}
