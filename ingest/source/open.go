package source

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"math"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/inflate"
)

// DefaultMaxUnpacked is how many bytes compressed content may have where [OpenOptions] does not say: the largest month known is below 8 GiB.
const DefaultMaxUnpacked = int64(64) << 30

const (
	readSize     = 256 << 10 // bytes read and hashed at a time: they stay in the processor's cache between the two
	maxZstWindow = 128 << 20 // memory a .zst may ask for; what zstd itself allows without --long
	headSize     = 1 << 10   // bytes looked at to tell what a file is that is not what it should be
)

// OpenOptions say how careful to be.
type OpenOptions struct {
	MaxUnpacked int64 // bytes that compressed content may have; 0 for [DefaultMaxUnpacked]
	Checksum    bool  // compare with the .CHECKSUM beside the file, where there is one
	Unhashed    bool  // compute no SHA-256 unless there is a .CHECKSUM to compare with, for who decodes faster than that
}

// The outcomes of comparing a file with its .CHECKSUM.
const (
	ChecksumOK     = "ok"
	ChecksumAbsent = "absent" // there is no .CHECKSUM, as with files that people extracted
)

// Info is what was learned of a file. It is complete once [Reader.Read] returned io.EOF.
type Info struct {
	SHA256   string    // of the file as it lies on disk, lower-case hex; "" where it was not computed
	BytesIn  int64     // of the file as it lies on disk
	BytesOut int64     // of CSV text
	ModTime  time.Time // when it was opened; UTC, whole microseconds
	Checksum string    // ChecksumOK or ChecksumAbsent; "" where it was not asked for
}

// Reader gives a file's CSV text. It is for one goroutine.
type Reader struct {
	path   string
	opened fs.FileInfo
	raw    *rawReader
	body   io.Reader
	unpack func() // lets go of the decompressor

	limit   int64 // bytes of text there may be
	member  *member
	crc     hash.Hash32 // of the text, where member is set
	wantSum string      // from the .CHECKSUM; "" for none
	info    Info
	err     error
}

// Open begins to read a file. What can be seen without reading all of it is refused here: what is no regular file, or empty, or not of the format
// its name says; an archive without exactly one plain member of its own name in its root; a .CHECKSUM that is none. Such
// errors are a [*FileError].
//
// From an archive only its directory is believed, no path is taken from it, and other members, such as nested copies, are passed over.
func Open(ctx context.Context, f File, o OpenOptions) (*Reader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	file, info, err := openRegular(f.Path)
	if err != nil {
		return nil, err
	}
	r := &Reader{
		path: f.Path, opened: info, unpack: func() {}, limit: math.MaxInt64,
		raw:  &rawReader{ctx: ctx, f: file, left: info.Size()},
		info: Info{ModTime: info.ModTime().UTC().Truncate(time.Microsecond)},
	}
	if err := r.start(f.Format, o); err != nil {
		_ = r.Close() // nothing was written, and err says more
		return nil, err
	}
	return r, nil
}

// start sets up what turns the raw bytes into text.
func (r *Reader) start(format Format, o OpenOptions) (err error) {
	if r.opened.Size() == 0 {
		return fault(r.path, ErrEmpty, "the file is empty")
	}
	if o.Checksum {
		if r.wantSum, err = readChecksum(r.path); err != nil {
			return err
		}
	}
	r.info.Checksum = checksumState(o.Checksum, r.wantSum)
	if !o.Unhashed || r.wantSum != "" {
		r.raw.sum = sha256.New()
	}
	maxUnpacked := o.MaxUnpacked
	if maxUnpacked <= 0 {
		maxUnpacked = DefaultMaxUnpacked
	}
	switch format {
	case ZIP:
		return r.startZip(maxUnpacked)
	case GZIP, ZSTD:
		r.limit = maxUnpacked
		if err := r.checkMagic(format); err != nil {
			return err
		}
		return r.startStream(format)
	case CSV:
		r.body = r.raw
	}
	return nil
}

func checksumState(asked bool, sum string) string {
	switch {
	case !asked:
		return ""
	case sum == "":
		return ChecksumAbsent
	default:
		return ChecksumOK // Read fails where it is not
	}
}

// startZip passes over what precedes the member and inflates it from there.
func (r *Reader) startZip(maxUnpacked int64) error {
	m, err := findMember(r.path, r.raw.f, r.opened.Size())
	if err != nil {
		return r.unlessChanged(err)
	}
	if m.unpacked > maxUnpacked {
		return fault(r.path, ErrTooLarge, fmt.Sprintf("holds %s unpacked, at most %s are allowed", amount.Of(m.unpacked, "byte"), amount.Text(maxUnpacked)))
	}
	if _, err := io.CopyN(io.Discard, r.raw, m.offset); err != nil {
		return r.explain(err)
	}
	r.limit, r.member, r.crc = m.unpacked, m, crc32.NewIEEE()
	r.body = io.LimitReader(r.raw, m.packed)
	if m.deflated {
		r.body = inflate.NewReader(r.body)
	}
	return nil
}

// startStream sets up gzip, with any number of members one after the other, or zstd.
func (r *Reader) startStream(format Format) error {
	raw := bufio.NewReaderSize(r.raw, readSize)
	if format == GZIP {
		z, err := gzip.NewReader(raw)
		if err != nil {
			return r.explain(err)
		}
		r.body, r.unpack = z, func() { _ = z.Close() } // it holds nothing that can fail to close
		return nil
	}
	z, err := zstd.NewReader(raw, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxZstWindow))
	if err != nil {
		return r.explain(err)
	}
	r.body, r.unpack = z, z.Close
	return nil
}

// Read reads CSV text. It returns io.EOF only after everything was verified: the text's size and CRC-32, the .CHECKSUM where that was asked
// for, and that the file is unchanged since it was opened. Other errors are a [*FileError], or the context's. After an error it
// returns the same again.
func (r *Reader) Read(p []byte) (int, error) {
	if r.err != nil || len(p) == 0 {
		return 0, r.err
	}
	n, err := r.body.Read(p)
	r.info.BytesOut += int64(n)
	if r.crc != nil {
		r.crc.Write(p[:n])
	}
	switch {
	case r.info.BytesOut > r.limit:
		n, r.err = 0, r.tooLarge()
	case err == nil:
		return n, r.raw.ctx.Err()
	case errors.Is(err, io.EOF):
		r.err = r.verify()
	default:
		r.err = r.explain(err)
	}
	return n, r.err
}

// Info tells what is known so far; see [Info].
func (r *Reader) Info() Info {
	i := r.info
	i.BytesIn = r.opened.Size() - r.raw.left
	return i
}

// Close lets go of the file. What was not read is not verified.
func (r *Reader) Close() error {
	if r.raw.f == nil {
		return nil
	}
	r.unpack()
	err := r.raw.f.Close()
	r.raw.f = nil
	if r.err == nil || errors.Is(r.err, io.EOF) {
		r.err = fs.ErrClosed
	}
	return err
}

// verify is what happens at the end of the text. It returns io.EOF where all is well.
func (r *Reader) verify() error {
	if m := r.member; m != nil {
		if r.info.BytesOut < m.unpacked {
			return r.bad(ErrTruncated, fmt.Sprintf("its content ends after %s, the archive's directory says %s", amount.Of(r.info.BytesOut, "byte"), amount.Text(m.unpacked)))
		}
		if got := r.crc.Sum32(); got != m.crc {
			return r.bad(ErrCRC, fmt.Sprintf("its content has CRC-32 %08x, the archive's directory says %08x", got, m.crc))
		}
	}
	if _, err := io.Copy(io.Discard, r.raw); err != nil { // what follows the member counts for the SHA-256
		return r.explain(err)
	}
	if err := r.unlessChanged(nil); err != nil {
		return err
	}
	if r.raw.sum != nil {
		r.info.SHA256 = hex.EncodeToString(r.raw.sum.Sum(nil))
	}
	if r.wantSum != "" && r.wantSum != r.info.SHA256 {
		return fault(r.path, ErrChecksum, fmt.Sprintf("its SHA-256 is %s, its .CHECKSUM says %s", r.info.SHA256, r.wantSum))
	}
	if r.info.BytesOut == 0 {
		return fault(r.path, ErrEmpty, "holds an empty file")
	}
	return io.EOF
}

func (r *Reader) tooLarge() error {
	if r.member != nil {
		return r.bad(ErrCorrupt, fmt.Sprintf("holds more than the %s that the archive's directory says", amount.Of(r.limit, "byte")))
	}
	return fault(r.path, ErrTooLarge, fmt.Sprintf("holds more than %s unpacked, which is what is allowed", amount.Of(r.limit, "byte")))
}

// explain turns an error of the decompressor, or of the file below it, into one that says what is wrong.
func (r *Reader) explain(err error) error {
	if r.raw.err != nil {
		err = r.raw.err
		switch {
		case r.raw.ctx.Err() != nil && errors.Is(err, r.raw.ctx.Err()):
			return err
		case errors.Is(err, errShrunk):
			return changed(r.path)
		default:
			return ioFault(r.path, "read", err)
		}
	}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return r.bad(ErrTruncated, "its compressed data ends too early")
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, zstd.ErrCRCMismatch):
		return r.bad(ErrCRC, "its content does not have the checksum that follows it")
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		e := fault(r.path, ErrTooLarge, fmt.Sprintf("needs more than %d MiB of memory to unpack", maxZstWindow>>20))
		e.Remedy = "compress it again, without zstd's --long or --ultra"
		return r.unlessChanged(e)
	default:
		return r.bad(ErrCorrupt, fmt.Sprintf("its compressed data is damaged: %v", err))
	}
}

// bad is a fault of the file's content, unless somebody changes the file, which would explain it better.
func (r *Reader) bad(kind error, problem string) error {
	return r.unlessChanged(fault(r.path, kind, problem))
}

// unlessChanged returns err, or another error where the file is not what it was when it was opened.
func (r *Reader) unlessChanged(err error) error {
	now, statErr := r.raw.f.Stat()
	switch {
	case statErr != nil:
		return ioFault(r.path, "stat", statErr)
	case now.Size() != r.opened.Size() || !now.ModTime().Equal(r.opened.ModTime()):
		return changed(r.path)
	default:
		return err
	}
}

func changed(path string) error {
	return fault(path, ErrChanged, "something wrote to it while it was read")
}

// checkMagic refuses what does not begin as gzip or zstd does.
func (r *Reader) checkMagic(format Format) error {
	head, err := readHead(r.path, r.raw.f)
	if err != nil {
		return err
	}
	ok := bytes.HasPrefix(head, []byte("\x1f\x8b"))
	if format == ZSTD {
		frame := bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd"))
		skippable := len(head) >= 4 && head[0]>>4 == 5 && string(head[1:4]) == "\x2a\x4d\x18"
		ok = frame || skippable
	}
	if ok {
		return nil
	}
	return r.unlessChanged(otherContent(r.path, head, format))
}
