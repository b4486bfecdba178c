package csvcheck

import (
	"strings"
	"testing"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// whole are states in which nothing is wrong.
func whole() map[string]row {
	one := func(set func(d data)) row {
		return row{make: set, want: "1 file looked at" + healthy, perf: measured(1, 0, 0, 0)}
	}
	of := func(series catalog.Series, shape synth.Shape) row {
		return one(func(d data) {
			s := d.spec("2024-03-08")
			s.Series, s.Shape = series, shape
			d.write(s, synth.Plain)
		})
	}
	btc := func(m catalog.Market) catalog.Series { return catalog.Series{Market: m, Symbol: "BTCUSDT"} }
	packed := func(p synth.Packing) row { return one(func(d data) { d.write(d.spec("2024-03-08"), p) }) }
	return map[string]row{
		"a .csv":                 packed(synth.Plain),
		"a .zip":                 packed(synth.Zip),
		"a .csv.gz":              packed(synth.Gzip),
		"a .csv.zst":             packed(synth.Zstd),
		"spot, milliseconds":     of(btc(catalog.Spot), synth.SpotMillis),
		"spot, microseconds":     of(btc(catalog.Spot), synth.SpotMicros),
		"USD-M without a header": of(btc(catalog.UM), synth.UMPlain),
		"COIN-M with a header":   of(catalog.Series{Market: catalog.CM, Symbol: "BTCUSD_PERP"}, synth.CMHeader),
		"a Chinese symbol":       of(catalog.Series{Market: catalog.UM, Symbol: "币安人生USDT"}, synth.UMHeader),
		"one row":                one(func(d data) { s := d.spec("2024-03-08"); s.Rows = 1; d.write(s, synth.Plain) }),
		"lines that end in CRLF": one(func(d data) {
			d.edit(d.csv("2024-03-08"), func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") })
		}),
		"a byte order mark":                       one(func(d data) { d.edit(d.csv("2024-03-08"), func(s string) string { return "\xef\xbb\xbf" + s }) }),
		"a first row longer than what is seen":    one(func(d data) { d.field(d.csv("2024-03-08"), 1, 1, strings.Repeat("0", 5000)+"60000.5") }),
		"a last row longer than what is seen":     one(func(d data) { d.field(d.csv("2024-03-08"), -1, 1, strings.Repeat("0", 5000)+"60000.5") }),
		"ids that jump back: loaded the slow way": one(func(d data) { d.field(d.csv("2024-03-08"), -1, 0, "7") }),
		"a quantity of zero":                      one(func(d data) { d.field(d.csv("2024-03-08"), -1, 2, "0.0") }),
		"nothing but a voided row":                one(func(d data) { d.named("2024-03-08", ".csv", "5,0,0,-1,-1,1709900000000,false\n") }),
		"an archive with a nested copy": one(func(d data) {
			d.named("2024-03-08", ".zip", d.archive(member{"x/BTCUSDT-aggTrades-2024-03-08.csv", "junk"}, member{"BTCUSDT-aggTrades-2024-03-08.csv", d.text("2024-03-08")}))
		}),
		"a file behind a link": one(func(d data) {
			s := newData(d.tb)
			d.must(symlink(s.csv("2024-03-08"), d.dir))
		}),
		"an archive and what was extracted from it are one file": one(func(d data) { d.zip("2024-03-08"); d.csv("2024-03-08") }),
		"an extracted file that is cut off does not count": one(func(d data) {
			d.zip("2024-03-08")
			d.edit(d.csv("2024-03-08"), func(s string) string { return s[:len(s)-5] })
		}),
		"other files lie about": one(func(d data) {
			d.csv("2024-03-08")
			d.put("notes.txt", "x")
			d.put("BTCUSDT-1m-2024-03-08.csv", "x")
			d.put("aggTrades/part-00000-0fae7358-c000.zip", "x")
			d.put("BTCUSDT-aggTrades-2024-03-07.zip.part", "x")
		}),
		"a month between days": {
			make: func(d data) {
				d.csv("2024-01-31")
				s := d.spec("2024-02")
				s.Rows = 29 * 10
				d.write(s, synth.Zip)
				for _, day := range []string{"01", "02", "03", "04", "05", "06", "07", "08"} {
					d.zip("2024-03-" + day)
				}
			},
			want: "10 files looked at" + healthy, perf: measured(10, 0, 0, 0),
		},
		"two markets and two symbols, all decoded": {
			make: func(d data) {
				for _, series := range []catalog.Series{btc(catalog.UM), btc(catalog.Spot), {Market: catalog.UM, Symbol: "ETHUSDT"}} {
					s := d.spec("2024-03-07")
					s.Series = series
					d.write(s, synth.Zip)
					d.write(s.Next(), synth.Gzip)
				}
			},
			args: []string{"--full"}, want: "6 files decoded, 600 rows" + healthy, perf: summed(6, 0, 0, 0, 0),
		},
		"checksums that agree": {
			make: func(d data) { d.zip("2024-03-07"); d.sum(d.csv("2024-03-08")); d.csv("2024-03-06") },
			args: []string{"--checksum"}, want: "3 files looked at, 2 checksums agree" + healthy, perf: summed(3, 0, 0, 0, 0),
		},
	}
}

func TestWholeFiles(t *testing.T) {
	t.Parallel()
	rows(t, whole())
}

// TestSamples looks at real files where they stand.
func TestSamples(t *testing.T) {
	t.Parallel()
	dir := samples(t)
	for name, args := range map[string][]string{
		"quickly": nil, "with the checksum": {"--checksum"}, "fully": {"--full"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, out := runAt(at().AddDate(3, 0, 0), append([]string{"--data-dir", dir + "/cm-BTCUSD_PERP", "--market=cm", "--end-date=2026-05-08"}, args...)...)
			if code != 0 || !strings.HasPrefix(out, "INGEST CSV OK: 1 file ") || !strings.Contains(out, "bytes=1327162B") {
				t.Errorf("exit code %d, %s", code, out)
			}
			if rows := strings.Contains(out, "105,280 rows"); rows != (name == "fully") {
				t.Errorf("rows told: %v", rows)
			}
		})
	}
}
