package scan

import (
	"context"
	"fmt"
	"sync"

	"github.com/check-ingest/check-ingest/ingest/source"
)

// verifyRows is how many rows are decoded at a time where nobody wants them.
const verifyRows = 2048

// Verify reads and decodes all of a file on up to workers goroutines and keeps nothing of it but the facts.
func Verify(ctx context.Context, f source.File, o Options, workers int) (Facts, error) {
	s := Open(ctx, f, o)
	defer s.Close()
	var all sync.WaitGroup
	for range max(workers, 1) {
		all.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					_ = s.fail(fmt.Errorf("decode file: panic: %v", p)) // Facts returns it
				}
			}()
			r := s.Reader(verifyRows)
			for {
				rows, _, err := r.Next(ctx)
				if err != nil || rows.N == 0 {
					return // Facts returns the error
				}
			}
		})
	}
	all.Wait()
	if err := ctx.Err(); err != nil {
		return Facts{}, err
	}
	return s.Facts()
}

// FirstError is what is wrong with a file, at its first place: where several goroutines decode, any of its bad rows may be found
// first. It is nil for a file that turns out to be good.
func FirstError(ctx context.Context, f source.File, o Options) error {
	_, err := Verify(ctx, f, o, 1)
	return err
}
