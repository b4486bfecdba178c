package source_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/synth"
)

func gzipped(tb testing.TB, text string) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func zstandard(tb testing.TB, text string, options ...zstd.EOption) []byte {
	tb.Helper()
	w, err := zstd.NewWriter(nil, options...)
	if err != nil {
		tb.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll([]byte(text), nil)
}

// file writes content under the usual name with a format's suffix.
func file(tb testing.TB, format source.Format, content []byte) source.File {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "BTCUSDT-aggTrades-2024-02-29"+format.Suffix())
	write(tb, path, string(content))
	return source.File{Path: path, Format: format}
}

func TestOpenEveryFormat(t *testing.T) {
	t.Parallel()
	s := synth.Spec{Series: catalog.Series{Market: catalog.UM, Symbol: "BTCUSDT"}, Period: catalog.DayPeriod(day(t, "2024-02-29")), Rows: 20_000}
	want := string(synth.CSV(s))
	for format, packing := range map[source.Format]synth.Packing{source.CSV: synth.Plain, source.ZIP: synth.Zip, source.GZIP: synth.Gzip, source.ZSTD: synth.Zstd} {
		t.Run(format.String(), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path, err := synth.WriteFile(dir, synth.Mirror, s, packing)
			if err != nil {
				t.Fatal(err)
			}
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			found := find(t, dir, source.Options{}).Files
			if len(found) != 1 || found[0].Path != path || found[0].Format != format {
				t.Fatalf("found %v, want %s", found, path)
			}
			got, info, err := read(t, found[0], source.OpenOptions{Checksum: true})
			if err != nil || got != want {
				t.Fatalf("read %d bytes, %v; want %d", len(got), err, len(want))
			}
			sum := sha256.Sum256(content)
			wantInfo := source.Info{
				SHA256: hex.EncodeToString(sum[:]), BytesIn: int64(len(content)), BytesOut: int64(len(want)), ModTime: found[0].ModTime, Checksum: source.ChecksumAbsent,
			}
			if format == source.ZIP {
				wantInfo.Checksum = source.ChecksumOK
			}
			if info != wantInfo {
				t.Errorf("info %+v, want %+v", info, wantInfo)
			}
		})
	}
}

func TestOpenStreams(t *testing.T) {
	t.Parallel()
	text := rows(30)
	half := len(text) / 2
	gz, zst := gzipped(t, text), zstandard(t, text)
	tests := map[string]struct {
		format  source.Format
		content []byte
		kind    error // nil: the text comes out
		want    string
	}{
		"csv without a last line end": {source.CSV, []byte(text[:len(text)-1]), nil, ""},
		"csv that is empty":           {source.CSV, nil, source.ErrEmpty, "the file is empty"},
		"two gzip members":            {source.GZIP, append(gzipped(t, text[:half]), gzipped(t, text[half:])...), nil, ""},
		"two zstd frames":             {source.ZSTD, append(zstandard(t, text[:half]), zstandard(t, text[half:])...), nil, ""},
		"zstd after a skippable one":  {source.ZSTD, append([]byte("\x50\x2a\x4d\x18\x03\x00\x00\x00abc"), zst...), nil, ""},
		"empty gzip file":             {source.GZIP, nil, source.ErrEmpty, "the file is empty"},
		"gzip of nothing":             {source.GZIP, gzipped(t, ""), source.ErrEmpty, "holds an empty file"},
		"zstd of nothing":             {source.ZSTD, zstandard(t, "", zstd.WithZeroFrames(true)), source.ErrEmpty, "holds an empty file"},
		"gzip cut short":              {source.GZIP, gz[:len(gz)-9], source.ErrTruncated, "ends too early"},
		"gzip cut in its checksum":    {source.GZIP, gz[:len(gz)-5], source.ErrTruncated, "ends too early"},
		"gzip cut in its header":      {source.GZIP, gz[:6], source.ErrTruncated, "ends too early"},
		"zstd cut short":              {source.ZSTD, zst[:len(zst)-9], source.ErrTruncated, "ends too early"},
		"zstd cut in its checksum":    {source.ZSTD, zst[:len(zst)-2], source.ErrTruncated, "ends too early"},
		"gzip with another CRC":       {source.GZIP, flipOne(gz, len(gz)-8), source.ErrCRC, "checksum"},
		"zstd with another checksum":  {source.ZSTD, flipOne(zst, len(zst)-1), source.ErrCRC, "checksum"},
		"gzip with a hole":            {source.GZIP, flip(gz, len(gz)/2), source.ErrCorrupt, ""},
		"zstd with a hole":            {source.ZSTD, flip(zst, len(zst)/2), source.ErrCorrupt, ""},
		"gzip followed by a page":     {source.GZIP, append(bytes.Clone(gz), "<html><body>"...), source.ErrCorrupt, "damaged"},
		"a page saved as gzip":        {source.GZIP, []byte("<html>"), source.ErrMarkup, "an HTML or XML page, not gz"},
		"an S3 error saved as zstd":   {source.ZSTD, []byte("<Error><Code>AccessDenied</Code>"), source.ErrMarkup, `not zst: "AccessDenied"`},
		"a csv saved as zstd":         {source.ZSTD, []byte(text), source.ErrNotZip, `not zst: begins with "agg_trade_id,pri"`},
		"a zip saved as gzip":         {source.GZIP, []byte("PK\x03\x04"), source.ErrNotZip, "not gz"},
		"zstd of 256 MiB of window":   {source.ZSTD, []byte("\x28\xb5\x2f\xfd\x00\x90\x01\x00\x00"), source.ErrTooLarge, "needs more than 128 MiB of memory"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, _, err := read(t, file(t, tc.format, tc.content), source.OpenOptions{})
			if tc.kind == nil {
				if err != nil || !strings.HasPrefix(text, got) || len(got) < len(text)-1 {
					t.Errorf("read %d bytes, %v; want %d", len(got), err, len(text))
				}
				return
			}
			checkFault(t, err, tc.kind, tc.want)
		})
	}
}

func flipOne(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 0x5a
	return b
}

func TestOpenLimitsWhatComesOut(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("x,\n", 5_000_000) // 15 MB from some kilobytes
	n := int64(len(text))
	packed := map[source.Format][]byte{
		source.ZIP:  archive{}.bytes(t, entry{name: csvName, text: text}),
		source.GZIP: gzipped(t, text),
		source.ZSTD: zstandard(t, text),
	}
	for format, content := range packed {
		t.Run(format.String(), func(t *testing.T) {
			t.Parallel()
			f := file(t, format, content)
			if got, _, err := read(t, f, source.OpenOptions{MaxUnpacked: n}); err != nil || got != text {
				t.Errorf("with a limit of all %d bytes: %d bytes, %v", n, len(got), err)
			}
			got, _, err := read(t, f, source.OpenOptions{MaxUnpacked: n - 1})
			checkFault(t, err, source.ErrTooLarge, amount.Text(n-1))
			if int64(len(got)) >= n {
				t.Errorf("%d bytes came out, limit %d", len(got), n-1)
			}
		})
	}
	t.Run("a csv is not packed", func(t *testing.T) {
		t.Parallel()
		if _, _, err := read(t, file(t, source.CSV, []byte(text)), source.OpenOptions{MaxUnpacked: 1}); err != nil {
			t.Error(err)
		}
	})
}

// What is no regular file is refused at once: reading a FIFO would wait for ever.
func TestOpenOnlyRegularFiles(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		make func(path string) error
		want string
	}{
		"a FIFO":             {func(p string) error { return unix.Mkfifo(p, 0o600) }, "is a FIFO, not a file"},
		"a link to a FIFO":   {func(p string) error { return errors.Join(unix.Mkfifo(p+".fifo", 0o600), os.Symlink(p+".fifo", p)) }, "is a FIFO, not a file"},
		"a folder":           {func(p string) error { return os.Mkdir(p, 0o755) }, "is a folder, not a file"},
		"a link to a device": {func(p string) error { return os.Symlink("/dev/zero", p) }, "is a device, not a file"},
		"a socket": {func(p string) error {
			fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
			if err != nil {
				return err
			}
			return errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: p}), unix.Close(fd))
		}, "is a socket, not a file"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, err := os.MkdirTemp("", "s") // a socket's path must be short
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(dir) })
			path := filepath.Join(dir, csvName)
			if err := tc.make(path); err != nil {
				t.Fatal(err)
			}
			_, err = source.Open(t.Context(), source.File{Path: path}, source.OpenOptions{})
			checkFault(t, err, source.ErrNotRegular, tc.want)
			if _, err := source.SHA256(t.Context(), path); !errors.Is(err, source.ErrNotRegular) {
				t.Errorf("SHA256: %v", err)
			}
			if _, err := source.UnpackedSize(source.File{Path: path}); !errors.Is(err, source.ErrNotRegular) {
				t.Errorf("UnpackedSize: %v", err)
			}
		})
	}
}

func TestOpenWhatCannotBeOpened(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	t.Run("a file that is gone", func(t *testing.T) {
		t.Parallel()
		_, err := source.Open(t.Context(), source.File{Path: filepath.Join(dir, csvName)}, source.OpenOptions{})
		checkFault(t, err, fs.ErrNotExist, "cannot open it: no such file or directory")
	})
	t.Run("a file that others read only", func(t *testing.T) {
		t.Parallel()
		if os.Getuid() == 0 {
			t.Skip("root may read everything")
		}
		path := filepath.Join(dir, zipName)
		if err := os.WriteFile(path, []byte("x"), 0); err != nil {
			t.Fatal(err)
		}
		_, err := source.Open(t.Context(), source.File{Path: path}, source.OpenOptions{})
		checkFault(t, err, fs.ErrPermission, "cannot open it: permission denied")
	})
	t.Run("a link to a file is fine", func(t *testing.T) {
		t.Parallel()
		f := zipFile(t, archive{}.bytes(t, entry{name: csvName, text: rows(1)}))
		path := filepath.Join(t.TempDir(), zipName)
		link(t, f.Path, path)
		if got, _, err := read(t, source.File{Path: path, Format: source.ZIP}, source.OpenOptions{}); err != nil || got != rows(1) {
			t.Errorf("read %q, %v", got, err)
		}
	})
}

func TestReaderAfterClose(t *testing.T) {
	t.Parallel()
	r, err := source.Open(t.Context(), file(t, source.CSV, []byte("1\n")), source.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("read after close: %v", err)
	}
}

func TestTransient(t *testing.T) {
	t.Parallel()
	wrap := func(errno syscall.Errno) error {
		return fmt.Errorf("load: %w", &source.FileError{Path: "x", Err: &fs.PathError{Op: "read", Path: "x", Err: errno}})
	}
	tests := map[string]struct {
		err  error
		want bool
	}{
		"a disk's error":          {wrap(syscall.EIO), true},
		"a stale NFS handle":      {wrap(syscall.ESTALE), true},
		"a timeout":               {wrap(syscall.ETIMEDOUT), true},
		"a network that is down":  {wrap(syscall.ENETDOWN), true},
		"too many open files":     {wrap(syscall.EMFILE), true},
		"a file that changed":     {&source.FileError{Err: source.ErrChanged}, true},
		"no permission":           {wrap(syscall.EACCES), false},
		"no such file":            {wrap(syscall.ENOENT), false},
		"a truncated file":        {&source.FileError{Err: source.ErrTruncated}, false},
		"a wrong CRC":             {&source.FileError{Err: source.ErrCRC}, false},
		"a context that ended":    {context.DeadlineExceeded, false},
		"an error of the network": {&net.OpError{Op: "read", Err: syscall.ECONNRESET}, true},
		"no error":                {nil, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := source.Transient(tc.err); got != tc.want {
				t.Errorf("Transient(%v) = %v, want %v", tc.err, got, tc.want)
			}
		})
	}
}

func TestUnpackedSizeAndLook(t *testing.T) {
	t.Parallel()
	text := rows(100)
	n := int64(len(text))
	tests := map[string]struct {
		file source.File
		size int64 // -1: not known
		tail bool
	}{
		"csv":  {file(t, source.CSV, []byte(text)), n, true},
		"zip":  {zipFile(t, archive{}.bytes(t, entry{name: csvName, text: text})), n, false},
		"gzip": {file(t, source.GZIP, gzipped(t, text)), -1, false},
		"zstd": {file(t, source.ZSTD, zstandard(t, text)), -1, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			size, err := source.UnpackedSize(tc.file)
			if tc.size >= 0 && (err != nil || size != tc.size) || tc.size < 0 && !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("UnpackedSize = %d, %v; want %d", size, err, tc.size)
			}
			for _, n := range []int{1, 100, len(text), 2 * len(text)} {
				p, err := source.Look(t.Context(), tc.file, n)
				if err != nil {
					t.Fatal(err)
				}
				k := min(n, len(text))
				if p.Size != tc.size || string(p.Head) != text[:k] {
					t.Errorf("Look(%d) = %d bytes of %d, want %d of %d", n, len(p.Head), p.Size, k, tc.size)
				}
				if tail := text[len(text)-k:]; tc.tail && string(p.Tail) != tail || !tc.tail && p.Tail != nil {
					t.Errorf("Look(%d): tail %q", n, p.Tail)
				}
			}
		})
	}
	t.Run("an empty file", func(t *testing.T) {
		t.Parallel()
		f := file(t, source.CSV, nil)
		if _, err := source.UnpackedSize(f); !errors.Is(err, source.ErrEmpty) {
			t.Errorf("UnpackedSize: %v", err)
		}
		if sum, err := source.SHA256(t.Context(), f.Path); err != nil || sum != "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
			t.Errorf("SHA256 = %s, %v", sum, err)
		}
	})
}
