package load

import (
	"context"
	"sync/atomic"

	"github.com/check-ingest/check-ingest/ingest/aggtrades"
	"github.com/check-ingest/check-ingest/ingest/scan"
	"github.com/check-ingest/check-ingest/internal/store"
)

// streamed feeds the database from a file as it is decoded, on DuckDB's threads. It implements [store.Source].
type streamed struct {
	stream  *scan.Stream
	threads int
}

func (s streamed) Parallelism() int { return s.threads }

// Increasing implements [store.Ordered].
func (s streamed) Increasing() bool {
	facts, err := s.stream.Facts()
	return err == nil && facts.Kept.Increasing
}

func (s streamed) Reader() store.Reader {
	return &streamedReader{rows: s.stream.Reader(store.BatchRows), order: make([]int64, store.BatchRows)}
}

type streamedReader struct {
	rows  *scan.Reader
	order []int64
}

func (r *streamedReader) Next(ctx context.Context) (store.Batch, error) {
	rows, first, err := r.rows.Next(ctx)
	if err != nil {
		return store.Batch{}, err
	}
	for i := range r.order[:rows.N] {
		r.order[i] = first + int64(i)
	}
	return batchOf(rows, r.order), nil
}

func batchOf(rows *aggtrades.Rows, order []int64) store.Batch {
	n := rows.N
	return store.Batch{
		ID: rows.ID[:n], Time: rows.Time[:n], Price: rows.Price[:n], Quantity: rows.Quantity[:n], BuyerMaker: rows.BuyerMaker[:n],
		FirstTrade: rows.FirstTrade[:n], LastTrade: rows.LastTrade[:n], Order: order[:n],
	}
}

// decoded is all of a small file, in batches. It implements [store.Source], and can be read again.
type decoded struct {
	batches []store.Batch
	facts   scan.Facts
}

// collect decodes a file into memory.
func collect(ctx context.Context, s *scan.Stream) (*decoded, error) {
	d := &decoded{}
	r := streamed{stream: s, threads: 1}.Reader()
	for {
		b, err := r.Next(ctx)
		if err != nil {
			return nil, err
		}
		if len(b.ID) == 0 {
			break
		}
		d.batches = append(d.batches, b.Clone())
	}
	facts, err := s.Facts()
	d.facts = facts
	return d, err
}

func (d *decoded) Parallelism() int { return max(1, len(d.batches)) }

// Increasing implements [store.Ordered].
func (d *decoded) Increasing() bool { return d.facts.Kept.Increasing }

func (d *decoded) source() store.Source { return &decodedSource{decoded: d} }

// decodedSource is one reading of a decoded file.
type decodedSource struct {
	*decoded
	next atomic.Int64
}

func (d *decodedSource) Reader() store.Reader { return d }

func (d *decodedSource) Next(context.Context) (store.Batch, error) {
	i := d.next.Add(1) - 1
	if i >= int64(len(d.batches)) {
		return store.Batch{}, nil
	}
	return d.batches[i], nil
}
