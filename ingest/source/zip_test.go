package source_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/catalog"
)

const (
	zipName = "BTCUSDT-aggTrades-2024-02-29.zip"
	csvName = "BTCUSDT-aggTrades-2024-02-29.csv"
)

// read opens a file and reads all of it.
func read(tb testing.TB, f source.File, o source.OpenOptions) (string, source.Info, error) {
	tb.Helper()
	r, err := source.Open(tb.Context(), f, o)
	if err != nil {
		return "", source.Info{}, err
	}
	text, err := io.ReadAll(r)
	if err == nil {
		if n, again := r.Read(make([]byte, 1)); n != 0 || !errors.Is(again, io.EOF) {
			tb.Errorf("a read after the end gives %d, %v", n, again)
		}
	}
	if closeErr := r.Close(); closeErr != nil {
		tb.Errorf("close: %v", closeErr)
	}
	return string(text), r.Info(), err
}

// zipFile writes content under the archive's usual name.
func zipFile(tb testing.TB, content []byte) source.File {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), zipName)
	write(tb, path, string(content))
	return source.File{Path: path, Format: source.ZIP}
}

func TestOpenZipReadsTheOneMember(t *testing.T) {
	t.Parallel()
	text := rows(40)
	one := entry{name: csvName, text: text}
	nested := entry{name: "fsx-data/collector_data/data/spot/monthly/aggTrades/BTCUSDT/" + csvName, text: rows(10)}
	three := uint64(1)
	tests := map[string]struct {
		archive archive
		entries []entry
	}{
		"as published":                       {archive{}, []entry{one}},
		"stored":                             {archive{}, []entry{{name: csvName, text: text, stored: true}}},
		"a data descriptor":                  {archive{}, []entry{{name: csvName, text: text, descriptor: true}}},
		"zip64":                              {archive{zip64: &three}, []entry{{name: csvName, text: text, zip64: true}}},
		"a nested copy that differs, after":  {archive{}, []entry{one, nested}},
		"a nested copy that differs, before": {archive{}, []entry{nested, one}},
		"a comment":                          {archive{comment: "made by hand"}, []entry{one}},
		"a comment as long as can be":        {archive{comment: strings.Repeat("c", 0xffff)}, []entry{one}},
		"something in front of the archive":  {archive{before: strings.Repeat("#!/bin/sh\n", 50)}, []entry{one}},
		"other files and folders":            {archive{}, []entry{{name: "__MACOSX/"}, {name: "__MACOSX/._" + csvName, text: "x"}, one, {name: "../../etc/passwd", text: "root"}, {name: "/abs", text: "x"}}},
		"another name in the local header":   {archive{}, []entry{{name: csvName, text: text, localName: "x"}}},
		"a name that is flagged as UTF-8":    {archive{}, []entry{{name: csvName, text: text, flags: 1 << 11}}},
		"the regular file of a Unix archive": {archive{}, []entry{{name: csvName, text: text, attributes: 0o100644 << 16}}},
		"the most members there may be":      {archive{}, append(many(999), one)},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := zipFile(t, tc.archive.bytes(t, tc.entries...))
			got, info, err := read(t, f, source.OpenOptions{})
			if err != nil || got != text {
				t.Fatalf("read %d bytes, %v; want the member's %d", len(got), err, len(text))
			}
			sum, err := source.SHA256(t.Context(), f.Path)
			if err != nil {
				t.Fatal(err)
			}
			stat, err := os.Stat(f.Path)
			if err != nil {
				t.Fatal(err)
			}
			if info.SHA256 != sum || info.BytesIn != stat.Size() || info.BytesOut != int64(len(text)) || info.Checksum != "" {
				t.Errorf("info %+v, want %s and %d bytes in", info, sum, stat.Size())
			}
			if size, err := source.UnpackedSize(f); err != nil || size != int64(len(text)) {
				t.Errorf("UnpackedSize = %d, %v; want %d", size, err, len(text))
			}
		})
	}
}

func many(n int) []entry {
	entries := make([]entry, n)
	for i := range entries {
		entries[i] = entry{name: fmt.Sprintf("%d.csv", i), stored: true}
	}
	return entries
}

// wide is many members with long names, and then the one.
func wide(n int, one entry) []entry {
	entries := many(n)
	for i := range entries {
		entries[i].name += strings.Repeat("w", 100)
	}
	return append(entries, one)
}

func TestOpenZipRefuses(t *testing.T) {
	t.Parallel()
	text := rows(40)
	one := entry{name: csvName, text: text}
	good := archive{}.bytes(t, one)
	wrong, less, more := uint32(0xdeadbeef), uint32(len(text)-1), uint32(len(text)+1)
	huge, ten, none := uint64(1)<<60, uint16(10), uint32(0)
	s3 := `<?xml version="1.0" encoding="UTF-8"?>` + "\n<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>"
	tests := map[string]struct {
		content []byte
		kind    error
		want    string
	}{
		"empty":                             {nil, source.ErrEmpty, "the file is empty"},
		"an S3 error saved as zip":          {[]byte(s3), source.ErrMarkup, `an HTML or XML page, not zip: "NoSuchKey"`},
		"a web page saved as zip":           {[]byte("\xef\xbb\xbf\r\n <!DOCTYPE html><title>502 Bad Gateway</title>"), source.ErrMarkup, "an HTML or XML page, not zip"},
		"a csv saved as zip":                {[]byte(text), source.ErrNotZip, `not zip: begins with "agg_trade_id,pri"`},
		"a gzip saved as zip":               {[]byte("\x1f\x8b\x08\x00"), source.ErrNotZip, `not zip: begins with "\x1f\x8b\b\x00"`},
		"zeros":                             {make([]byte, 5000), source.ErrNotZip, "not zip"},
		"the beginning alone":               {good[:len(good)/2], source.ErrTruncated, "directory, at its end, is missing"},
		"the first byte alone":              {good[:1], source.ErrTruncated, "directory, at its end, is missing"},
		"zeros instead of the end":          {append(bytes.Clone(good[:len(good)-30]), make([]byte, 4000)...), source.ErrTruncated, "directory, at its end, is missing"},
		"no member":                         {archive{}.bytes(t), source.ErrMember, "the archive is empty"},
		"another member":                    {archive{}.bytes(t, entry{name: "ETHUSDT-aggTrades-2024-02-29.csv", text: text}), source.ErrMember, `no member "BTCUSDT-aggTrades-2024-02-29.csv" in its root, only "ETHUSDT-aggTrades-2024-02-29.csv"`},
		"a member in another case":          {archive{}.bytes(t, entry{name: strings.ToLower(csvName), text: text}), source.ErrMember, "only"},
		"only a nested copy":                {archive{}.bytes(t, entry{name: "data/" + csvName, text: text}), source.ErrMember, `only "data/BTCUSDT-aggTrades-2024-02-29.csv"; a nested copy is not read`},
		"a path that leads back to it":      {archive{}.bytes(t, entry{name: "./" + csvName, text: text}), source.ErrMember, "a nested copy is not read"},
		"four others":                       {archive{}.bytes(t, many(4)...), source.ErrMember, `only "0.csv", "1.csv", "2.csv", 1 more`},
		"a name that breaks lines":          {archive{}.bytes(t, entry{name: "a\n|b\xff", text: text}), source.ErrMember, `only "a\n|b\xff"`},
		"the member twice":                  {archive{}.bytes(t, one, one), source.ErrMember, "2 members"},
		"encrypted":                         {archive{}.bytes(t, entry{name: csvName, text: text, flags: 1}), source.ErrMember, "is encrypted"},
		"packed with bzip2":                 {archive{}.bytes(t, entry{name: csvName, text: text, method: 12}), source.ErrMember, "method 12"},
		"packed with deflate64":             {archive{}.bytes(t, entry{name: csvName, text: text, method: 9}), source.ErrMember, "method 9"},
		"a symbolic link":                   {archive{}.bytes(t, entry{name: csvName, text: "/etc/passwd", stored: true, attributes: 0o120777 << 16}), source.ErrMember, "no plain file"},
		"a thousand and one members":        {archive{}.bytes(t, append(many(1000), one)...), source.ErrMember, "more than 1,000 members"},
		"more members than memory":          {archive{zip64: &huge}.bytes(t, one), source.ErrMember, "more than 1,000 members"},
		"more members than 16 bits count":   {archive{records: ptr(uint16(6))}.bytes(t, append(many(65_541), one)...), source.ErrMember, "more than 1,000 members"},
		"a directory too large to read":     {archive{records: ptr(uint16(1)), zip64: nil}.bytes(t, wide(65_536, one)...), source.ErrMember, "more than 1,000 members"},
		"sizes beyond 63 bits":              {archive{}.bytes(t, entry{name: csvName, text: text, zip64: true, size64: 1 << 63}), source.ErrCorrupt, "impossible sizes"},
		"a directory without end":           {archive{}.bytes(t, many(70_000)...), source.ErrMember, "more than 1,000 members"},
		"fewer members than announced":      {archive{records: &ten}.bytes(t, one), source.ErrTruncated, "directory, at its end, is missing or damaged"},
		"another CRC":                       {archive{}.bytes(t, entry{name: csvName, text: text, crc: &wrong}), source.ErrCRC, "the archive's directory says deadbeef"},
		"no CRC":                            {archive{}.bytes(t, entry{name: csvName, text: text, crc: &none}), source.ErrCRC, "the archive's directory says 00000000"},
		"more content than announced":       {archive{}.bytes(t, entry{name: csvName, text: text, unpacked: &less}), source.ErrCorrupt, "more than the " + amount.Of(int64(less), "byte")},
		"less content than announced":       {archive{}.bytes(t, entry{name: csvName, text: text, unpacked: &more}), source.ErrTruncated, "ends after " + amount.Of(len(text), "byte") + ", the archive's directory says " + amount.Text(int64(more))},
		"packed data that ends too early":   {archive{}.bytes(t, entry{name: csvName, text: text, packed: ptr(uint32(50))}), source.ErrTruncated, "ends too early"},
		"packed data beyond the file":       {archive{}.bytes(t, entry{name: csvName, text: text, packed: ptr(uint32(1 << 30))}), source.ErrTruncated, "has 1,073,741,824 bytes, and only"},
		"two sizes of a stored member":      {archive{}.bytes(t, entry{name: csvName, text: text, stored: true, unpacked: &more}), source.ErrCorrupt, "two sizes"},
		"no local header":                   {archive{}.bytes(t, entry{name: csvName, text: text, local: "PK\x03\x05"}), source.ErrCorrupt, "not where the archive's directory says"},
		"an empty member":                   {archive{}.bytes(t, entry{name: csvName}), source.ErrEmpty, "holds an empty file"},
		"a member that is stored and empty": {archive{}.bytes(t, entry{name: csvName, stored: true}), source.ErrEmpty, "holds an empty file"},
		"a hole in the packed data":         {flip(good, 100), source.ErrCorrupt, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := zipFile(t, tc.content)
			text, _, err := read(t, f, source.OpenOptions{})
			checkFault(t, err, tc.kind, tc.want)
			if !errors.Is(tc.kind, source.ErrCRC) && len(text) > 3000 {
				t.Errorf("%d bytes came out", len(text))
			}
		})
	}
}

func ptr[T any](v T) *T { return &v }

// flip changes some bits of ten bytes.
func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	for i := range 10 {
		b[at+i] ^= 0x5a
	}
	return b
}

// checkFault expects a *FileError of a kind, or of any kind for ErrCorrupt where want is empty.
func checkFault(tb testing.TB, err, kind error, want string) {
	tb.Helper()
	var fe *source.FileError
	if !errors.As(err, &fe) {
		tb.Fatalf("error %v (%T), want a *FileError", err, err)
	}
	if want != "" && !errors.Is(err, kind) {
		tb.Errorf("error %q is %v, want %v", err, fe.Err, kind)
	}
	if !strings.Contains(fe.Problem, want) || fe.Remedy == "" || !strings.HasPrefix(err.Error(), filepath.Base(fe.Path)+": ") {
		tb.Errorf("error %q, remedy %q; want %q", err, fe.Remedy, want)
	}
	// Raising the limit helps where the limit is what was exceeded, and nowhere else.
	if byLimit := strings.Contains(fe.Problem, "allowed"); byLimit != strings.Contains(fe.Remedy, "--max-unpacked") {
		tb.Errorf("error %q has the remedy %q", err, fe.Remedy)
	}
	if strings.ContainsAny(err.Error(), "\n\x00") {
		tb.Errorf("error %q is more than a line", err)
	}
	if source.Transient(err) {
		tb.Errorf("error %q would be tried again", err)
	}
}

// A download that stopped at any byte is an error, and never an end of file.
func TestOpenZipTruncatedAtEveryByte(t *testing.T) {
	t.Parallel()
	one := uint64(1)
	for name, whole := range map[string][]byte{
		"deflated": archive{}.bytes(t, entry{name: csvName, text: rows(5)}),
		"stored":   archive{comment: "a comment"}.bytes(t, entry{name: csvName, text: rows(3), stored: true, descriptor: true}),
		"zip64":    archive{zip64: &one}.bytes(t, entry{name: csvName, text: rows(3), zip64: true}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := zipFile(t, whole)
			if _, _, err := read(t, f, source.OpenOptions{}); err != nil {
				t.Fatalf("the whole archive: %v", err)
			}
			for n := len(whole) - 1; n >= 0; n-- {
				if err := os.Truncate(f.Path, int64(n)); err != nil {
					t.Fatal(err)
				}
				_, _, err := read(t, f, source.OpenOptions{})
				checkFault(t, err, nil, "")
			}
		})
	}
}

// Any byte may be wrong: what comes out is the text, or an error.
func TestOpenZipWithAnyByteChanged(t *testing.T) {
	t.Parallel()
	text := rows(5)
	whole := archive{}.bytes(t, entry{name: csvName, text: text})
	f := zipFile(t, whole)
	for at := range whole {
		for _, bit := range []byte{1, 0x80} {
			changed := bytes.Clone(whole)
			changed[at] ^= bit
			write(t, f.Path, string(changed))
			got, _, err := read(t, f, source.OpenOptions{})
			if err == nil && got != text {
				t.Fatalf("byte %d xor %#x: another text, and no error", at, bit)
			}
			if err != nil {
				checkFault(t, err, nil, "")
			}
		}
	}
}

// A member that lies behind 4 GiB needs every field of zip64. The file is sparse.
func TestUnpackedSizeBehindFourGigabytes(t *testing.T) {
	t.Parallel()
	const before = int64(5) << 30
	path := filepath.Join(t.TempDir(), zipName)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(before); err != nil {
		t.Skipf("no sparse files here: %v", err)
	}
	if _, err := f.Seek(0, io.SeekEnd); err != nil {
		t.Fatal(err)
	}
	text := rows(7)
	packed := deflate(t, text)
	w := zip.NewWriter(f)
	w.SetOffset(before)
	m, err := w.CreateRaw(&zip.FileHeader{Name: csvName, Method: zip.Deflate, CompressedSize64: uint64(len(packed)), UncompressedSize64: uint64(len(text))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Write(packed); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := source.UnpackedSize(source.File{Path: path, Format: source.ZIP}); err != nil || got != int64(len(text)) {
		t.Errorf("UnpackedSize = %d, %v; want %d", got, err, len(text))
	}
}

// The genuine archive, with the line end that its .CHECKSUM has gained.
func TestOpenGenuineArchive(t *testing.T) {
	t.Parallel()
	dir := samples(t)
	got := find(t, filepath.Join(dir, "cm-BTCUSD_PERP"), source.Options{Market: catalog.CM})
	if len(got.Files) != 1 {
		t.Fatalf("files %v", got.Files)
	}
	text, info, err := read(t, got.Files[0], source.OpenOptions{Checksum: true})
	if err != nil {
		t.Fatal(err)
	}
	if info.Checksum != source.ChecksumOK || info.BytesOut != 6_727_512 || info.BytesIn != 1_327_162 || strings.Count(text, "\n") != 105_281 {
		t.Errorf("info %+v, %d lines", info, strings.Count(text, "\n"))
	}
}

// samples is the folder of genuine files beside the project.
func samples(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above")
		}
	}
	dir = filepath.Join(dir, "..", "shared", "samples")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the samples of genuine files are not here: ../shared/samples beside the project")
	}
	return dir
}

// Where this package reads an archive to its end, the library's reader agrees about the member.
func FuzzOpenZip(f *testing.F) {
	one := uint64(1)
	f.Add(archive{}.bytes(f, entry{name: csvName, text: rows(2)}))
	f.Add(archive{zip64: &one}.bytes(f, entry{name: csvName, text: rows(1), zip64: true}))
	f.Add(archive{comment: "x", before: "y"}.bytes(f, entry{name: csvName, text: rows(1), stored: true, descriptor: true}, entry{name: "a/" + csvName}))
	f.Add([]byte("<Error><Code>NoSuchKey</Code></Error>"))
	f.Add([]byte("PK\x03\x04"))
	path := filepath.Join(f.TempDir(), zipName)
	f.Fuzz(func(t *testing.T, content []byte) {
		write(t, path, string(content))
		got, info, err := read(t, source.File{Path: path, Format: source.ZIP}, source.OpenOptions{MaxUnpacked: 1 << 20})
		if err != nil {
			checkFault(t, err, nil, "")
			return
		}
		if info.BytesIn != int64(len(content)) || info.BytesOut != int64(len(got)) {
			t.Errorf("info %+v of %d bytes in, %d out", info, len(content), len(got))
		}
		z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
		if err != nil {
			t.Fatalf("the library cannot read it: %v", err)
		}
		m, err := z.Open(csvName)
		if err != nil {
			t.Fatal(err)
		}
		want, err := io.ReadAll(m)
		if err != nil && !errors.Is(err, zip.ErrChecksum) && !errors.Is(err, io.ErrUnexpectedEOF) { // of its data descriptor, which is not needed
			t.Fatal(err)
		}
		if string(want) != got {
			t.Errorf("read %q, the library %q", got, want)
		}
	})
}
