package inflate

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

// reference is what the standard library makes of data.
func reference(data []byte) ([]byte, error) {
	return io.ReadAll(flate.NewReader(bytes.NewReader(data)))
}

// compare inflates data in pieces of different sizes and fails where the outcome is not the reference's.
func compare(t *testing.T, data []byte) {
	t.Helper()
	want, wantErr := reference(data)
	for name, src := range map[string]io.Reader{
		"whole": bytes.NewReader(data), "byte by byte": iotest.OneByteReader(bytes.NewReader(data)), "with EOF": iotest.DataErrReader(bytes.NewReader(data)),
	} {
		got, err := io.ReadAll(NewReader(src))
		switch {
		case (err == nil) != (wantErr == nil):
			t.Fatalf("%s: error %v, the reference's is %v", name, err, wantErr)
		case err == nil && !bytes.Equal(got, want):
			t.Fatalf("%s: %d bytes differ from the reference's %d", name, len(got), len(want))
		case err != nil && !bytes.HasPrefix(want, got):
			t.Fatalf("%s: the %d bytes before the error are not those of the reference's %d", name, len(got), len(want))
		case err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, io.ErrUnexpectedEOF):
			t.Fatalf("%s: error %v", name, err)
		}
	}
}

// texts are contents that have little in common.
func texts() map[string][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	random, digits := make([]byte, 300_000), []byte(nil)
	for i := range random {
		random[i] = byte(r.Uint32())
	}
	for i := range 20_000 {
		digits = fmt.Appendf(digits, "%d,%.2f,%d,%t\n", 1_000_000+i, 60_000+r.Float64()*100, r.IntN(1000), r.IntN(2) == 0)
	}
	skewed := make([]byte, 200_000) // symbols from frequent to very rare have codes of every length
	for i := range skewed {
		skewed[i] = byte(r.ExpFloat64() * 12)
	}
	far := append(append(append([]byte(nil), random[:20_000]...), make([]byte, 12_700)...), random[:20_000]...)
	return map[string][]byte{
		"nothing": nil, "one byte": {7}, "random": random, "digits": digits, "skewed": skewed, "zeros": make([]byte, 500_000),
		"far": far, "short periods": bytes.Repeat([]byte("abcdefg"), 30_000),
	}
}

func packedAt(tb testing.TB, text []byte, level int) []byte {
	tb.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, level)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := w.Write(text); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func TestEveryKindOfBlock(t *testing.T) {
	t.Parallel()
	for name, text := range texts() {
		for _, level := range []int{flate.NoCompression, flate.HuffmanOnly, flate.BestSpeed, flate.DefaultCompression, flate.BestCompression} {
			t.Run(fmt.Sprint(name, " at ", level), func(t *testing.T) {
				t.Parallel()
				data := packedAt(t, text, level)
				compare(t, data)
				compare(t, append(data, "what follows"...))
			})
		}
	}
}

func TestDataThatEndTooEarly(t *testing.T) {
	t.Parallel()
	data := packedAt(t, texts()["digits"][:3000], flate.DefaultCompression)
	for n := range data {
		if _, err := io.ReadAll(NewReader(bytes.NewReader(data[:n]))); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("%d of %d bytes: error %v", n, len(data), err)
		}
	}
}

func TestEveryByteDamaged(t *testing.T) {
	t.Parallel()
	for _, level := range []int{flate.HuffmanOnly, flate.DefaultCompression} {
		data := packedAt(t, texts()["skewed"][:1500], level)
		for i := range data {
			for _, damage := range []byte{1, 0x80, 0xff} {
				damaged := bytes.Clone(data)
				damaged[i] ^= damage
				compare(t, damaged)
			}
		}
	}
}

func TestErrorOfTheSourceComesBack(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	data := packedAt(t, texts()["random"], flate.BestSpeed)
	for _, n := range []int{0, 1, 100_000} {
		src := io.MultiReader(bytes.NewReader(data[:n]), iotest.ErrReader(broken))
		if _, err := io.ReadAll(NewReader(src)); !errors.Is(err, broken) {
			t.Errorf("after %d bytes: error %v", n, err)
		}
	}
}

func TestSourceThatGivesNothing(t *testing.T) {
	t.Parallel()
	if _, err := io.ReadAll(NewReader(idle{})); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("error %v", err)
	}
}

type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

func TestReadDoesNotAllocate(t *testing.T) {
	data := packedAt(t, texts()["digits"], flate.DefaultCompression)
	p := make([]byte, 1<<16)
	src := bytes.NewReader(data)
	r := NewReader(src)
	if n := testing.AllocsPerRun(5, func() {
		if _, err := r.Read(p); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations a read", n)
	}
}

func FuzzReader(f *testing.F) {
	for _, text := range texts() {
		for _, level := range []int{flate.NoCompression, flate.HuffmanOnly, flate.BestSpeed, flate.DefaultCompression} {
			f.Add(packedAt(f, text[:min(len(text), 2000)], level))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 1<<16 {
			compare(t, data)
		}
	})
}

func BenchmarkReader(b *testing.B) {
	for name, text := range texts() {
		if len(text) < 1000 {
			continue
		}
		data, p := packedAt(b, text, flate.DefaultCompression), make([]byte, 1<<20)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				r := NewReader(bytes.NewReader(data))
				for {
					if _, err := r.Read(p); err != nil {
						break
					}
				}
			}
		})
	}
}
