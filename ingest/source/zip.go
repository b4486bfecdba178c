package source

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strings"

	"github.com/check-ingest/check-ingest/internal/amount"
)

const (
	maxMembers = 1000
	// maxDirectory bounds what is read of an archive to list its members: a thousand take less than 400 KB.
	maxDirectory = 4 << 20
)

// member is where an archive holds the file it is named after.
type member struct {
	offset   int64 // of its data, from the beginning of the archive
	packed   int64 // bytes
	unpacked int64
	crc      uint32
	deflated bool // else stored
}

// findMember reads an archive's directory. Its errors are a [*FileError].
func findMember(name string, f io.ReaderAt, size int64) (*member, error) {
	r := &boundedReaderAt{r: f, left: maxDirectory}
	if n, err := countMembers(r, size); err == nil && n > maxMembers {
		return nil, tooManyMembers(name)
	}
	// Names that would lead out of a folder are no error to the package's reader by default, and none here: nothing is unpacked to a path.
	z, err := zip.NewReader(r, size)
	switch {
	case errors.Is(r.err, errDirectoryTooLarge):
		return nil, tooManyMembers(name)
	case r.err != nil:
		return nil, ioFault(name, "read", r.err)
	case err != nil && !errors.Is(err, zip.ErrInsecurePath):
		return nil, noArchive(name, f, err)
	case len(z.File) > maxMembers:
		return nil, tooManyMembers(name)
	}
	file, err := pick(name, z.File)
	if err != nil {
		return nil, err
	}
	offset, err := file.DataOffset()
	switch {
	case r.err != nil:
		return nil, ioFault(name, "read", r.err)
	case err != nil:
		return nil, fault(name, ErrCorrupt, fmt.Sprintf("its member %q is not where the archive's directory says", file.Name))
	}
	packed, unpacked := int64(file.CompressedSize64), int64(file.UncompressedSize64) //nolint:gosec // what does not fit becomes negative and is refused
	switch {
	case packed < 0 || unpacked < 0:
		return nil, fault(name, ErrCorrupt, "the archive's directory has impossible sizes")
	case packed > size-offset:
		return nil, fault(name, ErrTruncated, fmt.Sprintf("its member %q has %s, and only %s follow", file.Name, amount.Of(packed, "byte"), amount.Text(max(size-offset, 0))))
	case file.Method == zip.Store && packed != unpacked:
		return nil, fault(name, ErrCorrupt, "the archive's directory gives a stored member two sizes")
	}
	return &member{offset: offset, packed: packed, unpacked: unpacked, crc: file.CRC32, deflated: file.Method == zip.Deflate}, nil
}

func tooManyMembers(name string) *FileError {
	return fault(name, ErrMember, fmt.Sprintf("the archive has more than %s, expected one", amount.Of(maxMembers, "member")))
}

// pick is the plain file in the archive's root that bears the archive's own name. Some published archives hold a second, nested copy
// of it, which may even differ.
func pick(name string, files []*zip.File) (*zip.File, error) {
	want := strings.TrimSuffix(filepath.Base(name), ZIP.Suffix()) + CSV.Suffix()
	var found []*zip.File
	for _, f := range files {
		if f.Name == want {
			found = append(found, f)
		}
	}
	if len(found) != 1 {
		return nil, fault(name, ErrMember, notOne(want, len(found), files))
	}
	const encrypted = 1 << 0 // the lowest of the flags, APPNOTE 4.4.4
	switch f := found[0]; {
	case f.Flags&encrypted != 0:
		return nil, fault(name, ErrMember, fmt.Sprintf("its member %q is encrypted", want))
	case !f.Mode().IsRegular():
		return nil, fault(name, ErrMember, fmt.Sprintf("its member %q is no plain file", want))
	case f.Method != zip.Store && f.Method != zip.Deflate:
		return nil, fault(name, ErrMember, fmt.Sprintf("its member %q is packed with method %d, expected stored or deflated", want, f.Method))
	default:
		return f, nil
	}
}

// notOne says what there is instead of one member.
func notOne(want string, found int, files []*zip.File) string {
	if found > 1 {
		return fmt.Sprintf("the archive has %s %q, expected one", amount.Of(found, "member"), want)
	}
	if len(files) == 0 {
		return fmt.Sprintf("the archive is empty, expected a member %q", want)
	}
	const shown = 3
	var names []string
	for _, f := range files[:min(len(files), shown)] {
		names = append(names, fmt.Sprintf("%.200q", f.Name))
	}
	if more := len(files) - shown; more > 0 {
		names = append(names, amount.Text(more)+" more")
	}
	text := fmt.Sprintf("the archive has no member %q in its root, only %s", want, strings.Join(names, ", "))
	for _, f := range files {
		if path.Base(f.Name) == want {
			return text + "; a nested copy is not read"
		}
	}
	return text
}

// noArchive says what a file is whose directory cannot be read.
func noArchive(name string, f io.ReaderAt, err error) error {
	head, headErr := readHead(name, f)
	switch {
	case headErr != nil:
		return headErr
	case !strings.HasPrefix("PK\x03\x04", string(head[:min(len(head), 4)])):
		return otherContent(name, head, ZIP)
	default:
		return fault(name, ErrTruncated, fmt.Sprintf("the archive's directory, at its end, is missing or damaged (%v)", err))
	}
}

// otherContent says what a file is that does not begin as its format does.
func otherContent(name string, head []byte, format Format) *FileError {
	kind := format.Suffix()[strings.LastIndexByte(format.Suffix(), '.')+1:]
	if code, ok := markup(head); ok {
		problem := "an HTML or XML page, not " + kind
		if code != "" {
			problem += fmt.Sprintf(": %q", code)
		}
		return fault(name, ErrMarkup, problem)
	}
	return fault(name, ErrNotZip, fmt.Sprintf("not %s: begins with %q", kind, head[:min(len(head), 16)]))
}

// markup reports whether a file begins as a web page or an answer of the download server does, and the <Code> in the latter.
func markup(head []byte) (code string, ok bool) {
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	if !bytes.HasPrefix(text, []byte("<")) {
		return "", false
	}
	_, rest, _ := bytes.Cut(text, []byte("<Code>"))
	inner, _, closed := bytes.Cut(rest, []byte("</Code>"))
	if !closed || len(inner) > 64 {
		return "", true
	}
	return string(inner), true
}

// Parts of the zip format, APPNOTE 4.3.14 to 4.3.16.
const (
	endSignature     = "PK\x05\x06"
	endSize          = 22
	locatorSignature = "PK\x06\x07"
	locatorSize      = 20
	end64Signature   = "PK\x06\x06"
	end64Size        = 56
)

// countMembers reads how many members the end of an archive announces. The package's reader would set memory aside for that many before it
// has seen one, and zip64 has room for any number. The error says nothing but that there is no such end.
func countMembers(r io.ReaderAt, size int64) (uint64, error) {
	tail, end := []byte(nil), -1
	for _, n := range [...]int64{1 << 10, 65 << 10} { // the comment that may follow it is almost always empty
		tail = make([]byte, min(size, n))
		if _, err := r.ReadAt(tail, size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if end = bytes.LastIndex(tail, []byte(endSignature)); end >= 0 {
			break
		}
	}
	if end < 0 || end+endSize > len(tail) {
		return 0, zip.ErrFormat
	}
	at := size - int64(len(tail))
	count := uint64(binary.LittleEndian.Uint16(tail[end+10:]))
	locator := make([]byte, locatorSize)
	if _, err := r.ReadAt(locator, at+int64(end)-locatorSize); err != nil || string(locator[:4]) != locatorSignature {
		return count, nil //nolint:nilerr // no room for a locator: no zip64
	}
	end64 := make([]byte, end64Size)
	offset := int64(binary.LittleEndian.Uint64(locator[8:])) //nolint:gosec // what does not fit becomes negative, which boundedReaderAt refuses
	if _, err := r.ReadAt(end64, offset); err != nil || string(end64[:4]) != end64Signature {
		return count, nil //nolint:nilerr // the reader proper says what is wrong
	}
	return binary.LittleEndian.Uint64(end64[32:]), nil
}

// boundedReaderAt keeps a hostile directory from being read for ever, and keeps the system's errors, which the zip package's
// callers cannot tell from its own.
type boundedReaderAt struct {
	r    io.ReaderAt
	left int64 // bytes
	err  error // the first error that is not io.EOF
}

var errDirectoryTooLarge = errors.New("directory too large")

func (b *boundedReaderAt) ReadAt(p []byte, off int64) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if off < 0 { // an offset made up by a damaged archive; the system would call it an invalid argument
		return 0, zip.ErrFormat
	}
	if b.left -= int64(len(p)); b.left < 0 {
		b.err = errDirectoryTooLarge
		return 0, b.err
	}
	n, err := b.r.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return n, err
}
