package load

import (
	"context"
	"errors"

	"github.com/check-ingest/check-ingest/ingest/plan"
	"github.com/check-ingest/check-ingest/internal/store"
)

// sharedRows is how many rows of large files may share a transaction. A commit costs as much as some hundred thousand rows, more in a database of
// billions, since the storage engine writes its last, partly filled row group and the list of all of them each time. A kill loses what an open
// transaction holds, some seconds of work.
const sharedRows = 8_000_000

// shared is the open transaction of large files, all of which are simply new: see [run.isNew].
type shared struct {
	tx    *store.Tx
	jobs  []*job // written, not yet committed
	rows  int64  // of jobs
	bytes int64  // of their files
}

// share writes a large file into the open transaction, and commits that when it has enough rows. A file that is not simply new goes alone.
func (r *run) share(ctx context.Context, j *job) error {
	if r.shared == nil {
		tx, err := r.db.Begin(ctx)
		if err != nil {
			j.close()
			return err
		}
		r.shared = &shared{tx: tx}
	}
	s := r.shared
	isNew, err := r.isNew(ctx, s.tx, j)
	if err == nil && !isNew {
		if err := r.finish(ctx); err != nil {
			j.close()
			return err
		}
		return r.commit(ctx, []*job{j})
	}
	if err == nil {
		err = r.write(ctx, s.tx, j)
	}
	if err != nil {
		return r.oneByOne(ctx, j, err)
	}
	s.jobs = append(s.jobs, j)
	s.rows += j.inserted
	s.bytes += j.item.File.Size
	r.progress.Rows += j.inserted
	r.progress.BytesDone += j.item.File.Size
	if s.rows >= r.sharedRows() {
		return r.finish(ctx)
	}
	return nil
}

func (r *run) sharedRows() int64 {
	if r.BatchRows > 0 {
		return r.BatchRows
	}
	return sharedRows
}

// isNew reports whether the table cannot have a row of a large file: it was never loaded, and its ids begin above all that the table has.
func (r *run) isNew(ctx context.Context, tx *store.Tx, j *job) (bool, error) {
	if j.item.Action != plan.Load || j.staged || j.stream == nil || waits(j.item) || j.item.Own != nil && j.item.Own.Loaded() || r.db.Table().Keyed() {
		return false, nil
	}
	first, known := j.stream.FirstID(ctx)
	if !known {
		return false, nil
	}
	return r.isAbove(ctx, tx, j.item.File.Series, first)
}

// finish commits the open transaction, if there is one.
func (r *run) finish(ctx context.Context) error {
	s := r.leave()
	if s == nil {
		return nil
	}
	if len(s.jobs) == 0 {
		return s.tx.Rollback()
	}
	err := r.record(ctx, s.tx, s.jobs)
	if err == nil {
		err = r.makeDurable(ctx, s.tx)
	}
	if err == nil {
		return r.done(ctx, s.jobs)
	}
	rerr := s.tx.Rollback()
	if rerr == nil && r.widen(ctx, err) {
		return r.eachAlone(ctx, s.jobs, nil, nil)
	}
	s.close()
	return errors.Join(causeOf(ctx, err), rerr)
}

// leave gives up the open transaction, whose files count as done no longer, to the caller; nil where there is none.
func (r *run) leave() *shared {
	s := r.shared
	if s == nil {
		return nil
	}
	r.shared = nil
	r.progress.Rows -= s.rows
	r.progress.BytesDone -= s.bytes
	return s
}

func (s *shared) close() {
	for _, j := range s.jobs {
		j.close()
	}
}

// oneByOne undoes the open transaction, in which a file failed, and writes its files in one each.
func (r *run) oneByOne(ctx context.Context, culprit *job, err error) error {
	s := r.leave()
	if rerr := s.tx.Rollback(); rerr != nil || ctx.Err() != nil || store.Broken(err) {
		s.close()
		culprit.close()
		return errors.Join(causeOf(ctx, err), rerr)
	}
	err = r.mend(ctx, culprit, err)
	return r.eachAlone(ctx, append(s.jobs, culprit), culprit, err)
}

// eachAlone writes files that were written before and undone, and the last, where it is the culprit, because of which they were. err is why nothing
// can be done about that one.
func (r *run) eachAlone(ctx context.Context, jobs []*job, culprit *job, err error) error {
	for i, j := range jobs {
		if j != culprit {
			r.reopen(ctx, j)
		} else if err != nil { // no fault of the file, such as a full disk: those before it are kept
			j.close()
			return err
		}
		if err := r.commit(ctx, []*job{j}); err != nil {
			for _, rest := range jobs[i:] {
				rest.close()
			}
			return err
		}
	}
	return nil
}
