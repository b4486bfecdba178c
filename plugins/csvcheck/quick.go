package csvcheck

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/check-ingest/check-ingest/ingest/aggtrades"
	"github.com/check-ingest/check-ingest/ingest/scan"
	"github.com/check-ingest/check-ingest/ingest/source"
)

// edge is how many bytes are looked at of both ends of a file: a header and a few rows, which have 60 to 90 bytes each.
const edge = 1 << 10

// edgeRows is more rows than edge bytes hold, and as many as are decoded at a time.
const edgeRows = 128

// quick looks at both ends of a file, or the beginning of what is compressed. It refuses nothing that the loader would take, and in the
// loader's words, but for the lines near the end, whose numbers cannot be known without reading all the others.
func quick(ctx context.Context, f source.File, limits aggtrades.Limits) error {
	p, err := source.Look(ctx, f, edge)
	if err != nil {
		return err
	}
	whole := isWhole(p, edge)
	format, skip, err := aggtrades.Sniff(p.Head, whole)
	if errors.Is(err, aggtrades.ErrLineTooLong) && !whole {
		// Nothing forbids a line of any length. More of it tells, or it is too long for the loader, too.
		if p, err = source.Look(ctx, f, scan.BlockSize); err != nil {
			return err
		}
		whole = isWhole(p, scan.BlockSize)
		format, skip, err = aggtrades.Sniff(p.Head, whole)
	}
	if err == nil {
		d := aggtrades.NewDecoder(aggtrades.Options{Format: format, Limits: limits, Period: f.Period})
		err = decodeEnds(d, p, skip, format.FirstRow(), whole)
	}
	if err != nil {
		return &scan.Error{Path: f.Path, Err: err}
	}
	return nil
}

// isWhole reports whether a look at n bytes saw all of the file.
func isWhole(p source.Peek, n int) bool {
	if p.Size < 0 {
		return len(p.Head) < n
	}
	return p.Size == int64(len(p.Head))
}

// decodeEnds decodes the rows in what was seen of a file. The first of them begins at skip, in line number first.
func decodeEnds(d *aggtrades.Decoder, p source.Peek, skip int, first int64, whole bool) error {
	head := p.Head[skip:]
	if !whole {
		head = head[:bytes.LastIndexByte(head, '\n')+1]
	}
	rows, err := decode(d, head, first)
	switch {
	case err != nil:
		return err
	case whole && rows == 0:
		return aggtrades.ErrNoRows
	case whole || p.Tail == nil:
		return nil
	}
	tail := p.Tail[bytes.IndexByte(p.Tail, '\n')+1:] // from the beginning of a line, unless there is none
	_, err = decode(d, tail, 1)
	var row *aggtrades.RowError
	if errors.As(err, &row) {
		lines := int64(bytes.Count(bytes.TrimSuffix(tail, []byte("\n")), []byte("\n"))) + 1
		return &endError{row, lines - row.Line}
	}
	return err
}

// decode counts the rows of a block, voided ones included.
func decode(d *aggtrades.Decoder, block []byte, first int64) (int64, error) {
	rows := aggtrades.NewRows(edgeRows)
	d.Reset(block, first)
	var n int64
	for {
		more, err := d.Next(rows)
		if err != nil {
			return n, err
		}
		if !more {
			return n + d.Voided(), nil
		}
		n += int64(rows.N)
	}
}

// endError is what is wrong with a row near the end of a file.
type endError struct {
	row   *aggtrades.RowError // its Line is counted from an arbitrary line
	after int64               // lines that follow
}

func (e *endError) Error() string {
	_, text, _ := strings.Cut(e.row.Error(), ": ") // without the number of the line
	if e.after == 0 {
		return "last line: " + text
	}
	return fmt.Sprintf("line %d before the last: %s", e.after, text)
}

func (e *endError) Unwrap() error { return e.row }
