package source

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"
)

// UnpackedSize is how many bytes of CSV a file holds, without reading it: a .csv's size, and what a zip's directory says. For others, which do
// not tell reliably, errors.Is(err, errors.ErrUnsupported). Other errors are a [*FileError].
func UnpackedSize(f File) (int64, error) {
	if f.Format == GZIP || f.Format == ZSTD {
		return 0, fmt.Errorf("tell the size of a %s: %w", f.Format.Suffix(), errors.ErrUnsupported)
	}
	file, info, err := openRegular(f.Path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	switch {
	case info.Size() == 0:
		return 0, fault(f.Path, ErrEmpty, "the file is empty")
	case f.Format == CSV:
		return info.Size(), nil
	}
	m, err := findMember(f.Path, file, info.Size())
	if err != nil {
		return 0, err
	}
	return m.unpacked, nil
}

// SHA256 is the hash of a file as it lies on disk, in lower-case hex. Errors are a [*FileError], or the context's.
func SHA256(ctx context.Context, path string) (string, error) {
	r, err := Open(ctx, File{Path: path, Format: CSV}, OpenOptions{})
	if errors.Is(err, ErrEmpty) {
		return hex.EncodeToString(sha256.New().Sum(nil)), nil
	}
	if err != nil {
		return "", err
	}
	defer r.Close()
	if _, err := io.Copy(io.Discard, r); err != nil {
		return "", err
	}
	return r.Info().SHA256, nil
}

// Peek is the beginning and the end of a file's CSV text.
type Peek struct {
	Head []byte
	Tail []byte // nil for what is compressed
	Size int64  // bytes of text; -1 where that is not known without reading all of it
}

// Look reads up to n bytes from both ends of a .csv, and n bytes from the beginning of what is compressed. It verifies what [Open] does
// before the first byte, and no more.
func Look(ctx context.Context, f File, n int) (Peek, error) {
	if err := ctx.Err(); err != nil {
		return Peek{}, err
	}
	if f.Format == ZIP {
		if p, ok := lookZip(f.Path, n); ok {
			return p, nil
		}
	}
	r, err := Open(ctx, f, OpenOptions{Unhashed: true})
	if err != nil {
		return Peek{}, err
	}
	defer r.Close()
	p := Peek{Head: make([]byte, n), Size: -1}
	if r.member != nil {
		p.Size = r.member.unpacked
	}
	got, err := io.ReadFull(r, p.Head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return Peek{}, err
	}
	p.Head = p.Head[:got]
	if f.Format != CSV {
		return p, nil
	}
	p.Size = r.opened.Size()
	p.Tail = make([]byte, min(int64(n), p.Size))
	if _, err := r.raw.f.ReadAt(p.Tail, p.Size-int64(len(p.Tail))); err != nil {
		return Peek{}, ioFault(f.Path, "read", err)
	}
	return p, nil
}

// lookZip is Look for an archive in which nothing is wrong, and reads its directory and n bytes of its member. It reports false where that
// does not do: a [Reader], which reads and hashes 256 KB at a time, then does, or says what is wrong.
func lookZip(path string, n int) (Peek, bool) {
	file, info, err := openRegular(path)
	if err != nil {
		return Peek{}, false
	}
	defer file.Close()
	m, err := findMember(path, file, info.Size())
	if err != nil || !m.deflated || m.unpacked <= int64(n) || m.unpacked > DefaultMaxUnpacked {
		return Peek{}, false
	}
	packed := make([]byte, min(int64(n), m.packed)) // rows take a fifth of their size
	if _, err := file.ReadAt(packed, m.offset); err != nil {
		return Peek{}, false
	}
	p := Peek{Head: make([]byte, n), Size: m.unpacked}
	z := flate.NewReader(bytes.NewReader(packed))
	defer z.Close()
	_, err = io.ReadFull(z, p.Head)
	return p, err == nil
}
