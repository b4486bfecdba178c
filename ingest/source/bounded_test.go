package source

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// A directory that never ends costs no more than its bound, and an error of the system is kept for later.
func TestBoundedReaderAt(t *testing.T) {
	t.Parallel()
	b := &boundedReaderAt{r: strings.NewReader(strings.Repeat("x", 100)), left: 25}
	p := make([]byte, 10)
	for i := range 2 {
		if n, err := b.ReadAt(p, int64(i)); n != 10 || err != nil {
			t.Fatalf("read %d: %d, %v", i, n, err)
		}
	}
	for range 2 {
		if n, err := b.ReadAt(p[:6], 0); n != 0 || !errors.Is(err, errDirectoryTooLarge) || !errors.Is(b.err, errDirectoryTooLarge) {
			t.Errorf("beyond the bound: %d, %v", n, err)
		}
	}
	b = &boundedReaderAt{r: strings.NewReader("x"), left: 100}
	if _, err := b.ReadAt(p, 0); !errors.Is(err, io.EOF) || b.err != nil {
		t.Errorf("the end is no error to keep: %v, %v", err, b.err)
	}
	if _, err := b.ReadAt(p, -1); err == nil || b.err != nil {
		t.Errorf("an offset below zero: %v, %v", err, b.err)
	}
}
