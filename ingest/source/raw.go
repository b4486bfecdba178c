package source

import (
	"context"
	"errors"
	"hash"
	"io"
	"os"
)

// rawReader reads the file from its beginning to the size it had when it was opened, and hashes what it reads.
type rawReader struct {
	ctx  context.Context // of the reading, which ends with the Reader
	f    *os.File
	sum  hash.Hash // nil where nobody wants it
	left int64     // bytes
	err  error     // the first error, which decompressors may wrap or hide; not io.EOF
}

// errShrunk is that there are fewer bytes than there were.
var errShrunk = errors.New("file shrank")

func (r *rawReader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	if r.err = r.ctx.Err(); r.err != nil {
		return 0, r.err
	}
	if r.left == 0 {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), r.left, readSize)]
	n, err := r.f.Read(p)
	if r.sum != nil {
		r.sum.Write(p[:n])
	}
	r.left -= int64(n)
	if errors.Is(err, io.EOF) {
		err = errShrunk
	}
	r.err = err
	return n, err
}

// readHead is the file's first bytes.
func readHead(path string, f io.ReaderAt) ([]byte, error) {
	head := make([]byte, headSize)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, ioFault(path, "read", err)
	}
	return head[:n], nil
}
