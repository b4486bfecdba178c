package aggtrades

import "testing"

// BenchmarkDecode reads 4 MB in memory over and over: what one core decodes when nothing else is in the way.
func BenchmarkDecode(b *testing.B) {
	for _, name := range []string{
		"USD-M with header", "spot in microseconds", "spot in milliseconds", "CRLF and capitals", "odd numbers",
	} {
		b.Run(name, func(b *testing.B) {
			file := shapes()[name].generate(b, 60_000, 1)
			format, offset, err := Sniff(file, true)
			if err != nil {
				b.Fatal(err)
			}
			d := NewDecoder(Options{Format: format})
			rows := NewRows(2048)
			b.SetBytes(int64(len(file) - offset))
			b.ReportAllocs()
			for b.Loop() {
				d.Reset(file[offset:], format.FirstRow())
				for {
					more, err := d.Next(rows)
					if err != nil {
						b.Fatal(err)
					}
					if !more {
						break
					}
				}
			}
		})
	}
}

// BenchmarkSummary adds batches of rows of one day, which costs next to nothing beside decoding them.
func BenchmarkSummary(b *testing.B) {
	rows := NewRows(2048)
	for i := range rows.ID {
		rows.ID[i], rows.Time[i] = int64(i), 1_789_655_280_294_000+int64(i)
	}
	rows.N = len(rows.ID)
	b.SetBytes(int64(16 * rows.N))
	b.ReportAllocs()
	sum := NewSummary(Options{}.Period)
	for b.Loop() {
		sum.Add(rows)
	}
}
