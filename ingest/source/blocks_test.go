package source_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/ingest/source"
)

// cut reads all blocks and checks what holds for all of them.
func cut(tb testing.TB, r io.Reader, size int) ([]string, error) {
	tb.Helper()
	b := source.NewBlocks(r, size)
	var got []string
	line, ended := int64(1), false
	for {
		block, err := b.Next()
		if err != nil {
			if _, again := b.Next(); !errors.Is(again, err) {
				tb.Errorf("Next after %v: %v", err, again)
			}
			if errors.Is(err, io.EOF) != ended && (ended || len(got) > 0) {
				tb.Errorf("%v, and the last block was announced: %v", err, ended)
			}
			return got, err
		}
		if ended || len(block.Data) == 0 || len(block.Data) > size || block.Seq != len(got) || block.FirstLine != line {
			tb.Errorf("block %d of %d bytes from line %d; want block %d of at most %d bytes from line %d", block.Seq, len(block.Data), block.FirstLine, len(got), size, line)
		}
		if !bytes.HasSuffix(block.Data, []byte("\n")) && !block.Last {
			tb.Errorf("block %d ends in %q and is not the last", block.Seq, block.Data)
		}
		line += block.Lines()
		ended = block.Last
		got = append(got, string(block.Data))
		clear(block.Data) // so that what is carried over must not lie in it
		b.Release(block)
	}
}

func TestBlocks(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		size int
		want []string
		err  error
	}{
		"nothing":                              {"", 4, nil, io.EOF},
		"a line":                               {"ab\n", 4, []string{"ab\n"}, io.EOF},
		"a line that fills a block":            {"abc\n", 4, []string{"abc\n"}, io.EOF},
		"two lines that fill blocks":           {"abc\ndef\n", 4, []string{"abc\n", "def\n"}, io.EOF},
		"lines across blocks":                  {"a\nbc\nd\n", 4, []string{"a\n", "bc\n", "d\n"}, io.EOF},
		"no line end at the end":               {"a\nb", 4, []string{"a\nb"}, io.EOF},
		"no line end at the end of many":       {"abc\nab", 4, []string{"abc\n", "ab"}, io.EOF},
		"no line end and a full block":         {"abcd", 4, []string{"abcd"}, io.EOF},
		"a line too long":                      {"abcd\n", 4, nil, source.ErrLineTooLong},
		"a line too long without end":          {"abcde", 4, nil, source.ErrLineTooLong},
		"a line too long after others":         {"a\nb\nabcde\n", 4, []string{"a\nb\n"}, source.ErrLineTooLong},
		"empty lines":                          {"\n\n\n\n\n", 2, []string{"\n\n", "\n\n", "\n"}, io.EOF},
		"blocks of a byte":                     {"\n\n", 1, []string{"\n", "\n"}, io.EOF},
		"a block larger than the file":         {"a\nb\n", 1 << 20, []string{"a\nb\n"}, io.EOF},
		"more than is looked ahead":            {strings.Repeat("x\n", 1000), 1000, []string{strings.Repeat("x\n", 500), strings.Repeat("x\n", 500)}, io.EOF},
		"a size of nothing is a size of a one": {"\n", 0, []string{"\n"}, io.EOF},
	}
	readers := map[string]func(io.Reader) io.Reader{
		"as it comes":         func(r io.Reader) io.Reader { return r },
		"a byte at a time":    iotest.OneByteReader,
		"half of it":          iotest.HalfReader,
		"the end with data":   iotest.DataErrReader,
		"bytes, end together": func(r io.Reader) io.Reader { return iotest.DataErrReader(iotest.OneByteReader(r)) },
	}
	for name, tc := range tests {
		for kind, reader := range readers {
			t.Run(name+", "+kind, func(t *testing.T) {
				t.Parallel()
				got, err := cut(t, reader(strings.NewReader(tc.text)), max(tc.size, 1))
				if diff := cmp.Diff(tc.want, got); diff != "" || !errors.Is(err, tc.err) {
					t.Errorf("error %v, want %v; %s", err, tc.err, diff)
				}
			})
		}
	}
	if _, err := cut(t, strings.NewReader("a\nb\nabcde\n"), 4); err == nil || err.Error() != "line 3: line too long: more than 4 bytes" {
		t.Errorf("error %v", err)
	}
}

// A block is never the last one before the reader has said that all is well.
func TestBlocksReturnTheReadersError(t *testing.T) {
	t.Parallel()
	text := "a\nb\nc\nd\n"
	for n := range len(text) + 1 {
		for _, size := range []int{2, 4, 5, 8, 100} {
			got, err := cut(t, io.MultiReader(strings.NewReader(text[:n]), iotest.ErrReader(source.ErrCRC)), size)
			if !errors.Is(err, source.ErrCRC) || !strings.HasPrefix(text, strings.Join(got, "")) {
				t.Errorf("%d bytes in blocks of %d: %q, %v", n, size, got, err)
			}
		}
	}
}

type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

func TestBlocksGiveUpOnAReaderThatGivesNothing(t *testing.T) {
	t.Parallel()
	if _, err := source.NewBlocks(idle{}, 10).Next(); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("error %v", err)
	}
}

// As many buffers are made as are in use at once, by however many files.
func TestPoolReusesMemory(t *testing.T) {
	t.Parallel()
	pool := source.NewPool(1000)
	text := strings.Repeat("0123456789\n", 10_000)
	seen := map[*byte]bool{}
	for range 3 {
		b := pool.Blocks(strings.NewReader(text))
		var held []source.Block
		for {
			block, err := b.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			seen[&block.Data[:1][0]] = true
			if held = append(held, block); len(held) == 4 {
				var all sync.WaitGroup
				for _, h := range held {
					all.Go(func() { b.Release(h) })
				}
				all.Wait()
				held = nil
			}
		}
		for _, h := range held {
			b.Release(h)
		}
	}
	if len(seen) > 4 {
		t.Errorf("%d buffers for 4 blocks at once", len(seen))
	}
	pool.Blocks(strings.NewReader("")).Release(source.Block{}) // of nothing is nothing
}

func FuzzBlocks(f *testing.F) {
	f.Add([]byte("a\nbc\n\nd"), byte(4), byte(1))
	f.Add([]byte("abcd\nefg\n"), byte(5), byte(3))
	f.Add([]byte(strings.Repeat("\n", 600)), byte(255), byte(255))
	f.Fuzz(func(t *testing.T, text []byte, size, step byte) {
		n := max(int(size), 1)
		got, err := cut(t, &stepReader{text, max(int(step), 1)}, n)
		joined := strings.Join(got, "")
		tooLong := false
		for _, line := range bytes.SplitAfter(text, []byte("\n")) {
			tooLong = tooLong || len(line) > n
		}
		switch {
		case tooLong:
			if !errors.Is(err, source.ErrLineTooLong) || !strings.HasPrefix(string(text), joined) {
				t.Errorf("blocks %q, %v; want ErrLineTooLong", got, err)
			}
		case !errors.Is(err, io.EOF) || joined != string(text):
			t.Errorf("blocks %q, %v; want all of %q", got, err, text)
		}
	})
}

// stepReader gives a few bytes at a time.
type stepReader struct {
	text []byte
	step int
}

func (r *stepReader) Read(p []byte) (int, error) {
	if len(r.text) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), r.step)], r.text)
	r.text = r.text[n:]
	return n, nil
}
