package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// What DuckDB calls metadata (the catalog, and where each row group lies) is in blocks of its own, and all that it reads to open a database and to count
// rows is there. A block begins with a checksum of its rest and is divided into 64 pieces. A piece begins with a pointer to the piece that goes on, so that
// pieces form chains; of one such chain, the free list, the header tells the first piece, and at its end is a list of all blocks of metadata. So it is in
// DuckDB's SingleFileBlockManager, MetadataManager and Checksum; TestVerifyMetadata compares it with what the DuckDB that is linked says of a database.
const (
	checksumSize   = 8
	piecesInABlock = 64
	pointerSize    = 8
	pieceShift     = 56 // the number of a piece is the pointer's upper byte, that of the block all below it
)

// errMetadata is the kind of error of metadata that is not as DuckDB writes it.
var errMetadata = errors.New("unexpected metadata")

// VerifyMetadata reads all metadata of the database at a resolved path, and compares the checksums. Where it returns nil, what DuckDB would read to open the
// database and to count its rows is what DuckDB once wrote.
//
// Like [Recognize] it must not be called while this process has the database open.
func VerifyMetadata(path string) error {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0) // which a FIFO does not keep
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if _, err := verifyMetadata(f, info.Size()); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// verifyMetadata is VerifyMetadata of a file of size bytes; it gives the numbers of the blocks of metadata.
func verifyMetadata(file io.ReaderAt, size int64) ([]uint64, error) {
	m, err := readHeader(file, size)
	if err != nil {
		return nil, err
	}
	blocks, err := m.list()
	if err != nil {
		return nil, err
	}
	for _, block := range blocks {
		if _, err := m.block(block); err != nil {
			return nil, err
		}
	}
	return blocks, nil
}

// metadata reads the metadata of a database file.
type metadata struct {
	file      io.ReaderAt
	freeList  uint64 // the pointer to its first piece
	blocks    uint64 // how many the file has, of all kinds
	blockSize uint64 // in bytes, checksum included

	held   uint64 // the number of the block in buffer, plus one
	buffer []byte
}

// readHeader reads the two headers, of which the latter in time counts, and takes from it where the rest is.
func readHeader(file io.ReaderAt, size int64) (*metadata, error) {
	m := &metadata{file: file}
	var latest uint64
	for i := int64(1); i <= 2; i++ {
		header := make([]byte, headerSize)
		if _, err := file.ReadAt(header, i*headerSize); err != nil {
			return nil, err
		}
		if !intact(header) {
			return nil, fmt.Errorf("%w: header %d has another checksum", errMetadata, i)
		}
		field := func(n int) uint64 { return binary.LittleEndian.Uint64(header[checksumSize+8*n:]) }
		// Field 3, the number of blocks, is of no use: those at the end are cut off after the header was written, where they are free.
		if iteration := field(0); i == 1 || iteration > latest {
			latest, m.freeList, m.blockSize = iteration, field(2), field(4)
		}
	}
	const least, most = 16 << 10, 256 << 10 // of a block's size, by DuckDB
	if m.blockSize < least || m.blockSize > most {
		return nil, fmt.Errorf("%w: blocks of %d bytes", errMetadata, m.blockSize)
	}
	m.blocks, m.buffer = uint64(size-leastDatabase)/m.blockSize, make([]byte, m.blockSize) //nolint:gosec // the headers were read, so the file has them
	return m, nil
}

// checksum is DuckDB's, of what follows the checksum in a block or header.
func checksum(block []byte) uint64 {
	const start, factor = 5381, 0xbf58476d1ce4e5b9
	sum := uint64(start)
	for rest := block[checksumSize:]; len(rest) >= 8; rest = rest[8:] {
		sum ^= binary.LittleEndian.Uint64(rest) * factor
	}
	return sum
}

// intact reports whether a block or header is what its checksum was made of.
func intact(block []byte) bool { return checksum(block) == binary.LittleEndian.Uint64(block) }

// block is a block without its checksum, which was compared; valid until the next call.
func (m *metadata) block(number uint64) ([]byte, error) {
	if number >= m.blocks {
		return nil, fmt.Errorf("%w: block %d of %d", errMetadata, number, m.blocks)
	}
	if m.held != number+1 {
		m.held = 0
		if _, err := m.file.ReadAt(m.buffer, leastDatabase+int64(number*m.blockSize)); err != nil { //nolint:gosec // below the size of the file
			return nil, err
		}
		if !intact(m.buffer) {
			return nil, fmt.Errorf("%w: block %d has another checksum", errMetadata, number)
		}
		m.held = number + 1
	}
	return m.buffer[checksumSize:], nil
}

// list is the blocks of metadata, as the free list has them.
func (m *metadata) list() ([]uint64, error) {
	c := chain{metadata: m, next: m.freeList}
	c.each(func() { c.number() })            // blocks without content
	c.each(func() { c.number(); c.take(4) }) // blocks that several columns use, and how many do
	var blocks []uint64
	c.each(func() {
		blocks = append(blocks, c.number())
		c.number() // which pieces of it are free
	})
	return blocks, c.err
}

// chain is the content of the pieces that follow each other. After an error it gives zeros.
type chain struct {
	*metadata
	next uint64 // the pointer to the piece after this one
	rest []byte // of this one
	seen uint64
	err  error
}

// more goes on to the next piece.
func (c *chain) more() {
	block, err := c.block(c.next & (1<<pieceShift - 1))
	if c.seen++; err == nil && c.seen > piecesInABlock*c.blocks {
		err = fmt.Errorf("%w: a chain without end", errMetadata)
	}
	size := (c.blockSize - checksumSize) / piecesInABlock &^ 7
	at := c.next >> pieceShift * size
	if err == nil && at+size > uint64(len(block)) {
		err = fmt.Errorf("%w: piece %d of a block", errMetadata, c.next>>pieceShift)
	}
	if err != nil {
		c.err = err
		return
	}
	c.next, c.rest = binary.LittleEndian.Uint64(block[at:]), append(c.rest, block[at+pointerSize:at+size]...)
}

// take is the next n bytes.
func (c *chain) take(n int) []byte {
	for c.err == nil && len(c.rest) < n {
		c.more()
	}
	if c.err != nil {
		return make([]byte, n)
	}
	taken := c.rest[:n]
	c.rest = c.rest[n:]
	return taken
}

// number is the next eight bytes.
func (c *chain) number() uint64 { return binary.LittleEndian.Uint64(c.take(8)) }

// each takes the entries of a list, which its length precedes.
func (c *chain) each(entry func()) {
	for n := c.number(); n > 0 && c.err == nil; n-- {
		entry()
	}
}
