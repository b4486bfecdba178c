package load

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/check-ingest/check-ingest/ingest/plan"
	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/store"
)

// errTogether is that files written by one statement have to be written one by one.
var errTogether = errors.New("write several files at once")

// writeAll writes the rows of jobs that share a transaction. A statement costs as much as some ten thousand rows, so small files of a series whose
// ids follow one another, and of which the table has none, are written by one. Where that fails, or inserts fewer rows than it was
// given, nobody knows because of which: the jobs are told to go alone, and the caller tries again.
func (r *run) writeAll(ctx context.Context, tx *store.Tx, jobs []*job) (culprit *job, err error) {
	together := map[catalog.Series][]*job{}
	for _, j := range jobs {
		if j.err != nil {
			continue
		}
		series := j.item.File.Series
		if r.follows(j) {
			together[series] = append(together[series], j)
			continue
		}
		// What waits of this series comes first: j may have the same ids.
		if err := r.writeTogether(ctx, tx, together[series]); err != nil {
			return nil, err
		}
		delete(together, series)
		if err := r.write(ctx, tx, j); err != nil {
			return j, err
		}
	}
	for _, waiting := range together {
		if err := r.writeTogether(ctx, tx, waiting); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// follows reports whether a job can be written together with others of its series, and if so counts its ids as written.
func (r *run) follows(j *job) bool {
	kept := j.facts.Kept
	top, seen := r.top[j.item.File.Series]
	if j.small == nil || j.alone || j.staged || j.item.Action != plan.Load || !kept.Increasing || kept.Rows == 0 || !seen || kept.MinID <= top {
		return false
	}
	r.top[j.item.File.Series] = kept.MaxID
	return true
}

// writeTogether writes jobs of one series with one statement.
func (r *run) writeTogether(ctx context.Context, tx *store.Tx, jobs []*job) error {
	if len(jobs) == 0 {
		return nil
	}
	all := &decoded{}
	var rows int64
	for _, j := range jobs {
		all.batches = append(all.batches, j.small.batches...)
		rows += j.facts.Kept.Rows
	}
	started := r.Now()
	n, err := tx.Insert(ctx, jobs[0].item.File.Series, all.source())
	took := r.Now().Sub(started).Seconds()
	for _, j := range jobs {
		j.inserted, j.duplicate, j.conflict = j.facts.Kept.Rows, 0, 0
		j.took += time.Duration(took * float64(j.inserted) / float64(rows) * float64(time.Second))
		err = errors.Join(err, j.check())
	}
	if err == nil && n == rows {
		return nil
	}
	if err != nil && !fileFault(err) {
		return err
	}
	for _, j := range jobs {
		j.alone = true
	}
	return fmt.Errorf("%w: %s of %s: %w", errTogether, amount.Text(n), amount.Of(rows, "row"), cmp.Or(err, errTouched))
}
