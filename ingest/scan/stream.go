// Package scan takes one file through the decoder: a goroutine reads and inflates it block by block, and as many goroutines as there are cores
// decode the blocks. The loader feeds the database from it, and a check that decodes every row comes to the same verdict, since it
// is the same code.
package scan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/check-ingest/check-ingest/ingest/aggtrades"
	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/catalog"
)

// Options say how a file is to be read.
type Options struct {
	Limits      aggtrades.Limits
	Keep        func(catalog.Day) bool // the days whose rows are wanted; nil for all
	MaxUnpacked int64                  // bytes that compressed content may have; 0 for the default
	Checksum    bool                   // compare with the .CHECKSUM beside the file, where there is one
	Unhashed    bool                   // compute no SHA-256 unless there is a .CHECKSUM to compare with
	Increasing  bool                   // fail with ErrOrder, as soon as it is seen, where ids do not strictly increase
	Pool        *source.Pool           // of blocks, shared with other files; nil for one of its own
	Ahead       int                    // blocks read before they are asked for; 0 for the default
}

// BlockSize is the bytes of text that are decoded at a time.
const BlockSize = 1 << 20

const defaultAhead = 8

// Facts are what is known of a file once all of it was read and found good.
type Facts struct {
	source.Info
	Kept    aggtrades.Summary // of the rows of wanted days
	All     aggtrades.Summary // of all rows
	Lines   int64             // lines with data, counted apart from the decoder: kept, outside and voided rows
	Outside int64             // rows of days that are not wanted
}

// ErrOrder is that a file's ids do not strictly increase; see [Options]. It may be found in any block, or not before [Stream.Facts] joins them.
var ErrOrder = errors.New("trade ids do not increase from row to row")

// Error is what is wrong with a file. Its text begins with the file's name.
type Error struct {
	Path string
	Err  error
}

func (e *Error) Error() string { return filepath.Base(e.Path) + ": " + e.Err.Error() }

// Unwrap is the error without the name.
func (e *Error) Unwrap() error { return e.Err }

// Stream is one file on its way through the decoder. Its methods may be called from several goroutines.
type Stream struct {
	file    source.File
	options Options
	ctx     context.Context //nolint:containedctx // the reading goroutine's; a Stream lives as long as it
	cancel  context.CancelFunc
	blocks  chan source.Block
	done    chan struct{} // closed when nothing more is read
	sniffed chan struct{} // closed when the first block was looked at

	// Written by the reading goroutine before it closes sniffed, and read after that or after a block was received.
	format  aggtrades.Format
	release func(source.Block)
	firstID int64 // -1 where there is none

	// Written by the reading goroutine before it closes done.
	info  source.Info
	lines int64

	bytesIn atomic.Int64 // of the file as it lies on disk, read so far
	rows    atomic.Int64 // given to readers so far

	mu    sync.Mutex
	err   error
	parts []part // by block
}

// part is what one block added up to.
type part struct {
	kept, all aggtrades.Summary
	outside   int64
	decoded   bool
}

// Open begins to read a file. The caller must call Close, and should have all rows read by then; an error in opening the file is that of the first
// read.
func Open(ctx context.Context, f source.File, o Options) *Stream {
	ctx, cancel := context.WithCancel(ctx)
	if o.Pool == nil {
		o.Pool = source.NewPool(BlockSize)
	}
	if o.Ahead == 0 {
		o.Ahead = defaultAhead
	}
	s := &Stream{file: f, options: o, ctx: ctx, cancel: cancel, blocks: make(chan source.Block, o.Ahead), done: make(chan struct{}), sniffed: make(chan struct{}), firstID: -1}
	go s.read()
	return s
}

// Close ends the stream, whatever it is doing, and waits until nothing of it runs.
func (s *Stream) Close() {
	s.cancel()
	<-s.done
}

// BytesIn is how much of the file as it lies on disk was read so far.
func (s *Stream) BytesIn() int64 { return s.bytesIn.Load() }

// Rows is how many rows readers were given so far.
func (s *Stream) Rows() int64 { return s.rows.Load() }

// fail keeps the first error in the order of the file and stops the reading.
func (s *Stream) fail(err error) error {
	var known *source.FileError
	var named *Error
	if !errors.As(err, &known) && !errors.As(err, &named) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		err = &Error{Path: s.file.Path, Err: err}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// Readers are behind: a bad row comes before what ended the reading, whichever of them was found first.
	if s.err == nil || isRow(err) && !isRow(s.err) {
		s.err = err
	}
	s.cancel()
	return s.err
}

func isRow(err error) bool {
	var row *aggtrades.RowError
	return errors.As(err, &row)
}

func (s *Stream) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// read is the reading goroutine.
func (s *Stream) read() {
	defer close(s.done)
	defer close(s.blocks)
	defer func() {
		if p := recover(); p != nil {
			_ = s.fail(fmt.Errorf("read file: panic: %v", p)) // kept, and returned to whoever reads rows
		}
	}()
	if err := s.readFile(); err != nil {
		_ = s.fail(err) // likewise
	}
}

func (s *Stream) readFile() (err error) {
	r, err := source.Open(s.ctx, s.file, source.OpenOptions{
		MaxUnpacked: s.options.MaxUnpacked, Checksum: s.options.Checksum, Unhashed: s.options.Unhashed,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	blocks := s.options.Pool.Blocks(r)
	s.release = blocks.Release
	for first := true; ; first = false {
		b, err := blocks.Next()
		switch {
		case errors.Is(err, io.EOF) && first:
			return aggtrades.ErrEmpty
		case errors.Is(err, io.EOF):
			s.info = r.Info()
			return nil
		case err != nil:
			return err
		}
		if first {
			if err := s.sniff(&b); err != nil {
				return err
			}
			close(s.sniffed)
		}
		s.lines += b.Lines()
		s.bytesIn.Store(r.Info().BytesIn)
		select {
		case s.blocks <- b:
		case <-s.ctx.Done():
			return s.ctx.Err()
		}
	}
}

// sniff finds out what the file looks like and takes off the block what precedes the first row.
func (s *Stream) sniff(b *source.Block) error {
	format, skip, err := aggtrades.Sniff(b.Data, b.Last)
	if err != nil {
		return err
	}
	s.format = format
	b.Data = b.Data[skip:]
	b.FirstLine = format.FirstRow()
	if id, ok := aggtrades.FirstID(b.Data); ok {
		s.firstID = id
	}
	return nil
}

// FirstID is the id of the file's first row, known before any row was given to a reader. It is false where there is none, or where the file could not be
// read that far, which readers will be told.
func (s *Stream) FirstID(ctx context.Context) (int64, bool) {
	select {
	case <-s.sniffed:
	case <-s.done:
	case <-ctx.Done():
		return 0, false
	}
	return s.firstID, s.firstID >= 0
}

// Facts are what the file added up to. It is to be called after every Reader came to the end, and fails where the file did.
func (s *Stream) Facts() (Facts, error) {
	<-s.done
	if err := s.failure(); err != nil {
		return Facts{}, err
	}
	f := Facts{Info: s.info, Lines: s.lines, Kept: aggtrades.NewSummary(s.file.Period), All: aggtrades.NewSummary(s.file.Period)}
	for i, p := range s.parts {
		if !p.decoded {
			return Facts{}, fmt.Errorf("%s: block %d was not decoded", s.file.Path, i)
		}
		f.Kept.Append(p.kept)
		f.All.Append(p.all)
		f.Outside += p.outside
	}
	if s.options.Keep == nil {
		f.Kept = f.All
	}
	if s.options.Increasing && !f.All.Increasing {
		return Facts{}, &Error{Path: s.file.Path, Err: ErrOrder}
	}
	if got := f.Kept.Rows + f.Outside + f.All.Voided; got != f.Lines {
		return Facts{}, fmt.Errorf("%s: %s of %s", s.file.Path, amount.Of(got, "row"), amount.Of(f.Lines, "line"))
	}
	if f.All.Rows+f.All.Voided == 0 {
		return Facts{}, &Error{Path: s.file.Path, Err: aggtrades.ErrNoRows}
	}
	return f, nil
}
