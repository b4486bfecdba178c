package source_test

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"testing"

	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/synth"
)

func BenchmarkRead(b *testing.B) {
	s := synth.Spec{Series: catalog.Series{Market: catalog.UM, Symbol: "BTCUSDT"}, Period: catalog.DayPeriod(day(b, "2024-02-29")), Rows: 500_000}
	for name, packing := range map[string]synth.Packing{"csv": synth.Plain, "zip": synth.Zip, "gzip": synth.Gzip, "zstd": synth.Zstd} {
		b.Run(name, func(b *testing.B) {
			dir := b.TempDir()
			if _, err := synth.WriteFile(dir, synth.One, s, packing); err != nil {
				b.Fatal(err)
			}
			l, err := source.Find(b.Context(), dir, source.Options{})
			if err != nil {
				b.Fatal(err)
			}
			pool := source.NewPool(1 << 20)
			for b.Loop() {
				r, err := source.Open(b.Context(), l.Files[0], source.OpenOptions{Checksum: true})
				if err != nil {
					b.Fatal(err)
				}
				blocks := pool.Blocks(r)
				for {
					block, err := blocks.Next()
					if errors.Is(err, io.EOF) {
						break
					}
					if err != nil {
						b.Fatal(err)
					}
					blocks.Release(block)
				}
				b.SetBytes(r.Info().BytesOut)
				if err := r.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkFind(b *testing.B) {
	dir := b.TempDir()
	for i := range 2000 {
		write(b, filepath.Join(dir, fmt.Sprintf("S%dUSDT-aggTrades-2024-01-01.zip", i)), "")
		write(b, filepath.Join(dir, fmt.Sprintf("S%dUSDT-aggTrades-2024-01-01.zip.CHECKSUM", i)), "")
	}
	for b.Loop() {
		if _, err := source.Find(b.Context(), dir, source.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
