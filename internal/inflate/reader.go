package inflate

import (
	"encoding/binary"
	"errors"
	"io"
)

// ErrCorrupt is that the data are no DEFLATE data. Data that end too early are io.ErrUnexpectedEOF.
var ErrCorrupt = errors.New("no valid deflate data")

const (
	window = 32 << 10 // how far back a match may reach
	inSize = 64 << 10
	// outSize is the window and what is inflated at a time; the two stay in the processor's cache.
	outSize = window + 128<<10
	// inSlack is what a step of the fast loop may load beyond where it is, and outSlack what it may write: three looks at the table with two literals each and a
	// match of 258 bytes, copied in words.
	inSlack  = 32
	outSlack = 3*2 + 258 + 8
)

// Reader inflates what a reader gives. It is for one goroutine, and reads ahead of what it inflates.
type Reader struct {
	src    io.Reader
	srcErr error // of src; after it in holds zeros beyond inEnd

	in        []byte
	at, inEnd int // in[at:inEnd] is to be loaded into bits
	bits      uint64
	count     uint // of valid bits; those above may be valid too, and are loaded again

	out         []byte
	given, done int // out[given:done] is inflated and not given out yet; before it lies the window

	phase  phase
	last   bool // the block is the last
	stored int  // bytes left of a stored block
	err    error

	codes
}

// codes are the tables of a block, and the entries that they are made of.
type codes struct {
	literals  [litSize]uint32
	distances [distSize]uint32
	orders    [orderSize]uint32

	literalEntries, distanceEntries, orderEntries []uint32
}

type phase int

const (
	header phase = iota // a block begins
	stored
	packed
	ended
)

// NewReader inflates from src, of which it may read more than belongs to the data.
func NewReader(src io.Reader) *Reader {
	return &Reader{
		src: src, in: make([]byte, inSize+inSlack), out: make([]byte, outSize+outSlack),
		codes: codes{literalEntries: literalEntries(), distanceEntries: distanceEntries(), orderEntries: orderEntries()},
	}
}

// Read implements [io.Reader]. It returns io.EOF after the last block, io.ErrUnexpectedEOF where the data end before it, [ErrCorrupt], or the error of the source.
func (r *Reader) Read(p []byte) (int, error) {
	for r.given == r.done && len(p) > 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.more()
	}
	n := copy(p, r.out[r.given:r.done])
	r.given += n
	return n, nil
}

// more inflates until there is as much as out holds, or the data end. What was inflated is given out before the error.
func (r *Reader) more() {
	if r.done > window {
		copy(r.out, r.out[r.done-window:r.done])
		r.given, r.done = window, window
	}
	good := r.done
	for r.done < outSize && r.err == nil {
		switch r.phase {
		case header:
			r.err = r.startBlock()
		case stored:
			r.err = r.copyStored()
		case packed:
			r.err = r.inflate()
		case ended:
			r.err = io.EOF
		}
		if r.overrun() {
			r.err = r.tooShort()
		}
		if r.err != nil && !errors.Is(r.err, io.EOF) {
			r.done = good // it may come from beyond the end
			return
		}
		good = r.done
	}
}

// overrun reports whether more bits were used than there are.
func (r *Reader) overrun() bool { return r.at-int(r.count/8) > r.inEnd }

// tooShort is the error of data that end too early.
func (r *Reader) tooShort() error {
	if r.srcErr == nil || errors.Is(r.srcErr, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return r.srcErr
}

// load sees to it that inSlack bytes can be loaded at in[at:], zeros where the source has no more. It errs where more was loaded than there can be use for.
func (r *Reader) load() error {
	if r.at+inSlack <= r.inEnd {
		return nil
	}
	if r.srcErr != nil {
		if r.at > r.inEnd+8 {
			return r.tooShort()
		}
		return nil
	}
	from := max(r.at-8, 0) // a stored block gives back up to eight bytes that were loaded
	r.inEnd = copy(r.in, r.in[from:r.inEnd])
	r.at -= from
	for idle := 0; r.at+inSlack > r.inEnd && r.srcErr == nil; idle++ {
		n, err := r.src.Read(r.in[r.inEnd:inSize])
		r.inEnd, r.srcErr = r.inEnd+n, err
		if idle == maxIdle && n == 0 && err == nil {
			r.srcErr = io.ErrNoProgress
		}
	}
	if r.srcErr != nil {
		clear(r.in[r.inEnd:])
	}
	return nil
}

// maxIdle is how often a source may return nothing without an error.
const maxIdle = 100

// need loads at least 56 bits.
func (r *Reader) need() error {
	if err := r.load(); err != nil {
		return err
	}
	r.bits |= binary.LittleEndian.Uint64(r.in[r.at:]) << r.count
	r.at += int(63-r.count) >> 3
	r.count |= 56
	return nil
}

// take uses up n bits of those that are loaded.
func (r *Reader) take(n uint) int {
	v := r.bits & (1<<n - 1)
	r.bits >>= n
	r.count -= n
	return int(v)
}
