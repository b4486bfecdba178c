package load

import (
	"context"
	"slices"

	"github.com/check-ingest/check-ingest/internal/store"
)

// idSpan is the range of ids in which a file meets rows of the table. Of a file whose ids strictly increase only the rows in the window
// have to be matched with the table's; the others are written as if it were a new file, so that an overlap costs what the overlap is.
type idSpan struct{ first, last int64 }

// overlapping writes a file of increasing ids that meets rows of the table: what lies outside the window directly, what lies inside through the staging table. rows
// gives the file's rows from the beginning each time it is called.
func (r *run) overlapping(ctx context.Context, tx *store.Tx, j *job, rows func() store.Source) error {
	kept, series := j.facts.Kept, j.item.File.Series
	first, last, err := tx.Span(ctx, series, kept.MinID, kept.MaxID)
	if err != nil {
		return err
	}
	w := idSpan{first, last}
	var n int64
	if kept.MinID < w.first || kept.MaxID > w.last {
		n, err = tx.Insert(ctx, series, windowed{rows(), w, false})
		if err != nil {
			return err
		}
	}
	if err := r.stage(ctx, tx, j, windowed{rows(), w, true}); err != nil {
		return err
	}
	j.inserted += n
	return nil
}

// windowed gives the rows of a source that lie inside a window of ids, or those that lie outside. The source's ids must increase. It implements
// [store.Source] and [store.Ordered].
type windowed struct {
	store.Source
	window idSpan
	inside bool
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
		from, _ := slices.BinarySearch(b.ID, r.w.window.first)
		to, found := slices.BinarySearch(b.ID, r.w.window.last)
		if found {
			to++
		}
		part := b.Slice(from, to)
		if !r.w.inside {
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
