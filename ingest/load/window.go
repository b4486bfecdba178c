package load

import (
	"context"
	"slices"
	"sync"

	"github.com/check-ingest/check-ingest/ingest/scan"
	"github.com/check-ingest/check-ingest/internal/store"
)

// idSpan is the range of ids in which a file meets rows of the table. Of a file whose ids strictly increase only the rows in the window
// have to be matched with the table's; the others are written as if it were a new file, so that an overlap costs what the overlap is.
type idSpan struct{ first, last int64 }

// noIDs is a span without ids.
//
//nolint:gochecknoglobals // a constant
var noIDs = idSpan{0, -1}

// within is the part of s that also lies in other.
func (s idSpan) within(other idSpan) idSpan {
	return idSpan{max(s.first, other.first), min(s.last, other.last)}
}

func (s idSpan) empty() bool { return s.first > s.last }

// spanOf is the range of the ids of a file's rows.
func (j *job) spanOf() idSpan { return idSpan{j.facts.Kept.MinID, j.facts.Kept.MaxID} }

// overlapping writes rows of increasing ids, all of them in a span in which the table may have rows: what lies below the first or above the last of those directly,
// what lies between through the staging table. What the file adds up to is known already. rows gives the rows from the beginning each time it is called.
func (r *run) overlapping(ctx context.Context, tx *store.Tx, j *job, span idSpan, rows func() store.Source) error {
	series := j.item.File.Series
	first, last, meets, err := tx.Span(ctx, series, span.first, span.last)
	if err != nil {
		return err
	}
	window := noIDs
	if meets {
		window = idSpan{first, last}
	}
	j.inserted, j.duplicate, j.conflict = 0, 0, 0
	var n int64
	if !meets || span.first < window.first || span.last > window.last {
		n, err = tx.Insert(ctx, series, windowed{Source: rows(), window: window})
		if err != nil {
			return err
		}
	}
	inside := func() store.Source { return windowed{Source: rows(), window: window, inside: true} }
	switch {
	case !meets:
	case j.small != nil:
		err = r.match(ctx, tx, j, window, j.facts.Kept.Rows-n, inside)
	default:
		err = r.stage(ctx, tx, j, inside())
	}
	j.inserted += n
	if err != nil || j.stream == nil {
		return err
	}
	return j.item.File.Unchanged() // it was read more than once, and not to its end each time
}

// windowed gives the rows of a source that lie inside a window of ids, or those that lie outside. The source's ids must increase. It implements
// [store.Source] and [store.Ordered].
type windowed struct {
	store.Source
	window idSpan
	inside bool
	aside  *aside // takes the others; nil where they are not wanted
}

// asideRows is how many rows are kept in memory, 15 MB of them, rather than read again from the file.
const asideRows = 1 << 18

// aside keeps the rows inside a window while those outside are written, as long as they are few.
type aside struct {
	mu      sync.Mutex
	batches []store.Batch
	rows    int
}

func (a *aside) add(b store.Batch) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.rows += len(b.ID); a.rows > asideRows {
		a.batches = nil
		return
	}
	a.batches = append(a.batches, b.Clone())
}

// kept reports whether they were few enough.
func (a *aside) kept() bool { return a.rows <= asideRows }

// source gives the rows, all of them each time it is called.
func (a *aside) source(facts scan.Facts) store.Source {
	d := &decoded{a.batches, facts}
	return d.source()
}

// Increasing implements [store.Ordered].
func (windowed) Increasing() bool { return true }

func (w windowed) Reader() store.Reader { return &windowedReader{rows: w.Source.Reader(), w: w} }

type windowedReader struct {
	rows store.Reader
	w    windowed
	rest store.Batch // of the batch before: what lies above the window
}

func (r *windowedReader) Next(ctx context.Context) (store.Batch, error) {
	if b := r.rest; len(b.ID) > 0 {
		r.rest = store.Batch{}
		return b, nil
	}
	for {
		b, err := r.rows.Next(ctx)
		if err != nil || len(b.ID) == 0 {
			return b, err
		}
		if r.w.inside && b.ID[0] > r.w.window.last {
			return store.Batch{}, nil // nor is there anything in what follows, and the rest of the file need not be read
		}
		from, _ := slices.BinarySearch(b.ID, r.w.window.first)
		to, found := slices.BinarySearch(b.ID, r.w.window.last)
		if found {
			to++
		}
		part := b.Slice(from, to)
		if !r.w.inside {
			if r.w.aside != nil && len(part.ID) > 0 {
				r.w.aside.add(part)
			}
			part, r.rest = b.Slice(0, from), b.Slice(to, len(b.ID))
			if len(part.ID) == 0 {
				part, r.rest = r.rest, store.Batch{}
			}
		}
		if len(part.ID) > 0 {
			return part, nil
		}
	}
}
