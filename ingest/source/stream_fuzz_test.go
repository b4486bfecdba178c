package source_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/check-ingest/check-ingest/ingest/source"
)

// FuzzOpenStream: what is no sound gzip or zstd data is a fault that names the file, and what is unpacks to what the libraries make of it, within
// its limit.
func FuzzOpenStream(f *testing.F) {
	const limit = 1 << 20
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte(rows(3))) // into memory
	_ = z.Close()
	f.Add(packed.Bytes(), false)
	f.Add(append(bytes.Clone(packed.Bytes()), packed.Bytes()...), false)
	e, err := zstd.NewWriter(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(e.EncodeAll([]byte(rows(3)), nil), true)
	f.Add(e.EncodeAll(make([]byte, 2*limit), nil), true) // a bomb
	f.Add([]byte("\x50\x2a\x4d\x18\x00\x00\x00\x00"), true)
	f.Add([]byte("<html>"), false)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte, zst bool) {
		in := source.File{Path: filepath.Join(dir, csvName+".gz"), Format: source.GZIP}
		if zst {
			in = source.File{Path: filepath.Join(dir, csvName+".zst"), Format: source.ZSTD}
		}
		write(t, in.Path, string(content))
		got, _, err := read(t, in, source.OpenOptions{MaxUnpacked: limit})
		if len(got) > limit {
			t.Errorf("%d bytes came out", len(got))
		}
		if err != nil {
			checkFault(t, err, nil, "")
			return
		}
		var r io.Reader
		if zst {
			d, err := zstd.NewReader(bytes.NewReader(content))
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			r = d
		} else if r, err = gzip.NewReader(bytes.NewReader(content)); err != nil {
			t.Fatal(err)
		}
		if want, err := io.ReadAll(r); err != nil || string(want) != got {
			t.Errorf("read %q, the library %q, %v", got, want, err)
		}
	})
}
