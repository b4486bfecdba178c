package csvcheck

import (
	"testing"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// BenchmarkQuick looks at two thousand files with a warm cache.
func BenchmarkQuick(b *testing.B) {
	for name, packing := range map[string]synth.Packing{"csv": synth.Plain, "zip": synth.Zip} {
		b.Run(name, func(b *testing.B) {
			c := Cmd{DataDir: b.TempDir()}
			s := synth.Spec{Series: catalog.Series{Market: catalog.UM, Symbol: "BTCUSDT"}, Period: catalog.DayPeriod(18500), Rows: 1000, FirstID: 1}
			for range 2000 {
				if _, err := synth.WriteFile(c.DataDir, synth.Mirror, s, packing); err != nil {
					b.Fatal(err)
				}
				s = s.Next()
			}
			for b.Loop() {
				o, err := c.gather(b.Context(), time.Now())
				if err != nil || len(o.looked) != 2000 {
					b.Fatal(len(o.looked), err)
				}
			}
		})
	}
}
