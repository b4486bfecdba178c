package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/check-ingest/check-ingest/internal/amount"
)

// ErrLineTooLong is that a line does not fit into a block; aggTrades' have less than 200 bytes.
var ErrLineTooLong = errors.New("line too long")

// Block is a stretch of a file: whole lines, of which only the file's last may lack its newline.
type Block struct {
	Data      []byte
	FirstLine int64 // number of the first line, from 1
	Seq       int   // number of the block, from 0
	Last      bool  // nothing follows, and all was verified

	buffer []byte // what Data is part of
}

// Lines is the number of lines in Data.
func (b Block) Lines() int64 {
	n := int64(bytes.Count(b.Data, newline()))
	if len(b.Data) > 0 && b.Data[len(b.Data)-1] != '\n' {
		n++
	}
	return n
}

func newline() []byte { return []byte{'\n'} }

// Pool keeps the memory of blocks that are done with. It has as many buffers as were in use at once. Files that are read one after the other,
// or at the same time, may share one.
type Pool struct {
	size int
	mu   sync.Mutex
	free [][]byte
}

// NewPool makes a pool of buffers of size bytes, 1 at least.
func NewPool(size int) *Pool { return &Pool{size: max(size, 1)} }

func (p *Pool) take() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		b := p.free[n-1]
		p.free = p.free[:n-1]
		return b
	}
	return make([]byte, p.size)
}

func (p *Pool) put(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, b)
}

// Blocks cuts what a reader gives into blocks.
type Blocks struct {
	r     io.Reader
	pool  *Pool
	carry []byte // the beginning of the next block
	line  int64
	seq   int
	err   error // of r; io.EOF at the end
}

// lookahead is how much is read beyond a full block to learn whether it is the last.
const lookahead = 512

// NewBlocks cuts r into blocks of at most size bytes, from a pool of its own.
func NewBlocks(r io.Reader, size int) *Blocks { return NewPool(size).Blocks(r) }

// Blocks cuts r into blocks with the pool's buffers.
func (p *Pool) Blocks(r io.Reader) *Blocks { return &Blocks{r: r, pool: p, line: 1} }

// Next is the next block, io.EOF after the last one, [ErrLineTooLong] with the number of the line, or the reader's error. The block's
// memory is the caller's until Release. Nothing comes after an error.
func (b *Blocks) Next() (Block, error) {
	if b.err != nil && (len(b.carry) == 0 || !errors.Is(b.err, io.EOF)) {
		return Block{}, b.err
	}
	buffer := b.pool.take()
	data, err := b.cut(buffer)
	if err != nil {
		b.pool.put(buffer)
		return Block{}, err
	}
	block := Block{
		Data: data, FirstLine: b.line, Seq: b.seq, buffer: buffer,
		Last: len(b.carry) == 0 && errors.Is(b.err, io.EOF),
	}
	b.line += block.Lines()
	b.seq++
	return block, nil
}

// cut fills a buffer and returns its whole lines. What is left of it begins the next block.
func (b *Blocks) cut(buffer []byte) ([]byte, error) {
	n := b.fill(buffer, copy(buffer, b.carry)) // carry is never longer than a buffer
	b.carry = b.carry[:0]
	if errors.Is(b.err, io.EOF) && n > 0 {
		return buffer[:n], nil
	}
	if b.err != nil {
		return nil, b.err
	}
	end := bytes.LastIndexByte(buffer, '\n') + 1
	unended := end == 0
	if unended {
		end = len(buffer)
	}
	b.carry = append(b.carry, buffer[end:]...)
	if len(b.carry) == 0 {
		ahead := make([]byte, min(lookahead, len(buffer)))
		b.carry = ahead[:b.fill(ahead, 0)]
	}
	switch {
	case b.err != nil && !errors.Is(b.err, io.EOF):
		return nil, b.err
	case unended && len(b.carry) > 0:
		b.err = fmt.Errorf("line %d: %w: more than %s", b.line, ErrLineTooLong, amount.Of(len(buffer), "byte"))
		return nil, b.err
	default:
		return buffer[:end], nil
	}
}

// fill reads until p is full or there is no more, and returns how much of p is filled; n bytes are already.
func (b *Blocks) fill(p []byte, n int) int {
	for idle := 0; n < len(p) && b.err == nil; idle++ {
		got, err := b.r.Read(p[n:])
		n += got
		b.err = err
		if got > 0 {
			idle = 0
		}
		if idle == maxIdle && err == nil {
			b.err = io.ErrNoProgress
		}
	}
	return n
}

// maxIdle is how often a reader may return nothing without an error.
const maxIdle = 100

// Release gives a block's memory back for later blocks. It may be called from any goroutine, once for each block; Data is no longer the
// caller's.
func (b *Blocks) Release(block Block) {
	if block.buffer != nil {
		b.pool.put(block.buffer)
	}
}
