package scan

import (
	"context"

	"github.com/check-ingest/check-ingest/ingest/aggtrades"
	"github.com/check-ingest/check-ingest/ingest/source"
)

// orderShift leaves room for the rows of a block below its number: a block has at most its size in bytes.
const orderShift = 32

// Reader decodes a stream's blocks, one after the other as they come; blocks are shared out among a stream's readers. It is for one
// goroutine.
type Reader struct {
	s       *Stream
	decoder *aggtrades.Decoder
	block   *source.Block
	part    part
	rows    *aggtrades.Rows
	served  int64 // rows of the block before the ones that Next returned last
}

// Reader makes a reader of batches of up to capacity rows.
func (s *Stream) Reader(capacity int) *Reader {
	return &Reader{s: s, rows: aggtrades.NewRows(capacity)}
}

// Next gives the next rows, valid until the call after, and the place in the file of the first of them: each row's place is one more than that
// of the row before, and rows further down have larger ones. There are no rows at the end. After an error the stream is no good.
func (r *Reader) Next(ctx context.Context) (rows *aggtrades.Rows, order int64, err error) {
	for {
		if r.block == nil {
			more, err := r.take(ctx)
			if err != nil || !more {
				r.rows.N = 0
				return r.rows, 0, err
			}
		}
		order = int64(r.block.Seq)<<orderShift + r.served
		more, err := r.decoder.Next(r.rows)
		if err != nil {
			return nil, 0, r.s.fail(err)
		}
		if !more {
			r.finish()
			continue
		}
		r.served += int64(r.rows.N)
		r.part.all.Add(r.rows)
		if r.s.options.Increasing && !r.part.all.Increasing {
			return nil, 0, r.s.fail(ErrOrder)
		}
		if r.s.options.Keep != nil {
			r.part.outside += r.rows.Keep(r.s.options.Keep)
			r.part.kept.Add(r.rows)
		}
		if r.rows.N > 0 {
			r.s.rows.Add(int64(r.rows.N))
			return r.rows, order, nil
		}
	}
}

// take waits for a block. It reports false at the end of the file.
func (r *Reader) take(ctx context.Context) (bool, error) {
	select {
	case b, ok := <-r.s.blocks:
		if !ok {
			return false, r.s.failure()
		}
		if r.decoder == nil {
			r.decoder = aggtrades.NewDecoder(aggtrades.Options{Format: r.s.format, Limits: r.s.options.Limits, Period: r.s.file.Period})
		}
		r.decoder.Reset(b.Data, b.FirstLine)
		r.block, r.served = &b, 0
		r.part = part{kept: aggtrades.NewSummary(r.s.file.Period), all: aggtrades.NewSummary(r.s.file.Period), decoded: true}
		return true, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// finish files away what the block added up to and gives its memory back.
func (r *Reader) finish() {
	r.part.all.Voided += r.decoder.Voided()
	seq := r.block.Seq
	r.s.mu.Lock()
	for len(r.s.parts) <= seq {
		r.s.parts = append(r.s.parts, part{})
	}
	r.s.parts[seq] = r.part
	r.s.mu.Unlock()
	r.s.release(*r.block)
	r.block = nil
}
