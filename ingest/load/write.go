package load

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/check-ingest/check-ingest/ingest/plan"
	"github.com/check-ingest/check-ingest/ingest/scan"
	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/store"
)

// commit writes jobs and their ledger entries in one transaction. A job that has failed, or whose file turns out to be what the table
// cannot hold, is recorded as failed and the others are written. An error is one of the database; nothing of the jobs is kept then.
func (r *run) commit(ctx context.Context, jobs []*job) error {
	for {
		culprit, err := r.tryCommit(ctx, jobs)
		switch {
		case err == nil:
			r.committed(jobs)
			if r.Throttle > 0 && !pause(ctx, r.Throttle) {
				return context.Cause(ctx)
			}
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, errTogether): // they go alone now
		case culprit == nil:
			return err
		case errors.Is(err, errTouched) && !culprit.staged:
			culprit.staged = true
			r.reopen(ctx, culprit)
		case source.Transient(err) && culprit.stream != nil && culprit.attempts <= int64(r.Retries):
			r.Log.Warn("file will be tried again", keyFile, culprit.item.File.Path, keyError, err)
			if !pause(ctx, r.RetryDelay<<(culprit.attempts-1)) {
				return context.Cause(ctx)
			}
			culprit.close()
			r.open(ctx, culprit)
		case culprit.err == nil && fileFault(err):
			culprit.err = r.verdict(ctx, culprit, err)
			culprit.close()
		default:
			return err
		}
	}
}

// reopen begins to stream a large file again.
func (r *run) reopen(ctx context.Context, j *job) {
	if j.stream == nil {
		return
	}
	attempts := j.attempts
	j.close()
	r.open(ctx, j)
	j.attempts = attempts // it is still the same attempt
}

// tryCommit is one attempt at a transaction. Where one job is the reason why it failed, it tells which.
func (r *run) tryCommit(ctx context.Context, jobs []*job) (culprit *job, err error) {
	tx, err := r.db.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
		}
	}()
	if culprit, err := r.writeAll(ctx, tx, jobs); err != nil {
		return culprit, err
	}
	if err := r.record(ctx, tx, jobs); err != nil {
		return nil, err
	}
	return nil, tx.Commit()
}

// record writes the jobs' ledger entries. That of a file whose rows are in the database is not overwritten because a changed file could not
// replace it.
func (r *run) record(ctx context.Context, tx *store.Tx, jobs []*job) error {
	var moved []string
	var entries []ledger.Entry
	for _, j := range jobs {
		own := j.item.Own
		if j.err != nil && own != nil && own.Loaded() {
			continue
		}
		if own != nil && own.FilePath != j.item.File.Path {
			moved = append(moved, own.FilePath)
		}
		entries = append(entries, r.entryOf(j))
	}
	if err := tx.Forget(ctx, moved...); err != nil {
		return err
	}
	return tx.Record(ctx, entries...)
}

func (r *run) entryOf(j *job) ledger.Entry {
	if j.err != nil {
		return j.failedEntry(r.Now(), r.RunID)
	}
	return j.entry(r.Now(), r.RunID)
}

// write puts the rows of one file into the transaction. It returns errTouched where the file has to be staged and was not, or not yet.
func (r *run) write(ctx context.Context, tx *store.Tx, j *job) error {
	started := r.Now()
	defer func() { j.took += r.Now().Sub(started) }()
	defer r.raise(j)
	if j.item.Action == plan.Replace {
		if err := r.removeOld(ctx, tx, j); err != nil {
			return err
		}
	}
	var err error
	if j.small != nil {
		err = r.writeSmall(ctx, tx, j)
	} else {
		err = r.writeLarge(ctx, tx, j)
	}
	if err != nil {
		return err
	}
	if j.item.Action == plan.Replace {
		if err := coversOld(j); err != nil {
			return err
		}
	}
	return j.check()
}

// writeSmall writes a decoded file. What its ids are is known before, so whether it has to be staged is too.
func (r *run) writeSmall(ctx context.Context, tx *store.Tx, j *job) error {
	kept, series := j.facts.Kept, j.item.File.Series
	if kept.Rows == 0 {
		return nil
	}
	if !kept.Increasing || j.staged {
		return r.stage(ctx, tx, j, j.small.source())
	}
	known, err := r.known(ctx, tx, j)
	if err != nil {
		return err
	}
	if known > 0 {
		return r.overlapping(ctx, tx, j, j.small.source)
	}
	n, err := tx.Insert(ctx, series, j.small.source())
	if errors.Is(err, store.ErrKey) {
		return errTouched
	}
	if err != nil {
		return err
	}
	return j.inserts(n)
}

// known is how many rows the table has in the range of the file's ids. Files mostly come in the order of their ids, so most of the time it is
// enough to know that no row of the series has an id as large as the file's first.
func (r *run) known(ctx context.Context, tx *store.Tx, j *job) (int64, error) {
	kept, series := j.facts.Kept, j.item.File.Series
	top, seen := r.top[series]
	if seen && kept.MinID > top {
		return 0, nil
	}
	if !seen {
		n, err := tx.Count(ctx, series, kept.MinID, math.MaxInt64)
		if err != nil {
			return 0, err
		}
		if n == 0 {
			r.top[series] = kept.MaxID
			return 0, nil
		}
	}
	return tx.Count(ctx, series, kept.MinID, kept.MaxID)
}

// raise keeps top true of the rows that the job may have put into the table, whichever way they went.
func (r *run) raise(j *job) {
	series, last := j.item.File.Series, j.facts.Kept.MaxID
	if top, seen := r.top[series]; seen && last > top {
		r.top[series] = last
	}
}

// inserts notes how many rows went in, which has to be all.
func (j *job) inserts(n int64) error {
	if n != j.facts.Kept.Rows {
		return errTouched
	}
	j.inserted, j.duplicate, j.conflict = n, 0, 0
	return nil
}

// writeLarge streams a file into the table, and finds out afterwards whether it should have been staged: the transaction is rolled back then.
func (r *run) writeLarge(ctx context.Context, tx *store.Tx, j *job) error {
	stop := r.follow(ctx, j)
	defer func() { stop() }()
	rows := func() store.Source { return streamed{stream: j.stream, threads: r.threads()} }
	switch {
	case j.staged && j.facts.Kept.Rows > 0: // the first attempt read all of it, so its ids increase
		read := false
		return r.overlapping(ctx, tx, j, func() store.Source {
			if read {
				stop()
				r.reopen(ctx, j)
				stop = r.follow(ctx, j)
			}
			read = true
			return rows()
		})
	case j.staged:
		return r.stage(ctx, tx, j, rows())
	}
	n, err := tx.Insert(ctx, j.item.File.Series, rows())
	if err == nil {
		j.facts, err = j.stream.Facts()
	}
	if errors.Is(err, scan.ErrOrder) || errors.Is(err, store.ErrKey) {
		return errTouched
	}
	if err != nil {
		return err
	}
	kept, series := j.facts.Kept, j.item.File.Series
	if top, seen := r.top[series]; kept.Rows > 0 && !r.db.Table().Keyed() && (!seen || kept.MinID <= top) {
		count, err := tx.Count(ctx, series, kept.MinID, kept.MaxID)
		if err != nil {
			return err
		}
		if count != kept.Rows {
			return errTouched
		}
	}
	return j.inserts(n)
}

// stage writes a file through the staging table.
func (r *run) stage(ctx context.Context, tx *store.Tx, j *job, rows store.Source) error {
	if err := r.db.SetMemoryLimit(ctx, r.memoryLimit()); err != nil {
		return err
	}
	s, err := tx.InsertStaged(ctx, j.item.File.Series, rows)
	if err != nil {
		return err
	}
	if err := r.db.SetMemoryLimit(ctx, r.leanLimit()); err != nil {
		return err
	}
	if j.stream != nil {
		if j.facts, err = j.stream.Facts(); err != nil {
			return err
		}
	}
	j.staged = true
	j.inserted, j.duplicate, j.conflict, j.example = s.Inserted, s.Duplicate, s.Conflict, s.Example
	return nil
}

// removeOld deletes the rows that the file brought when it was loaded. Where they cannot be told from rows that other files brought, nothing is replaced.
func (r *run) removeOld(ctx context.Context, tx *store.Tx, j *job) error {
	own := j.item.Own
	if own.FirstID < 0 {
		return nil
	}
	n, err := tx.Delete(ctx, j.item.File.Series, own.FirstID, own.LastID, own.Period)
	if err != nil {
		return err
	}
	if n != own.RowsInserted {
		return &scan.Error{Path: j.item.File.Path, Err: fmt.Errorf(
			"cannot be replaced: it brought %d rows, but the database holds %d in its range of ids, some of them from other files", own.RowsInserted, n)}
	}
	return nil
}

// coversOld refuses a file that brings less than the one it replaces.
func coversOld(j *job) error {
	own, kept := j.item.Own, j.facts.Kept
	distinct := j.inserted
	if distinct >= own.RowsInserted && (own.FirstID < 0 || kept.MinID <= own.FirstID && kept.MaxID >= own.LastID) {
		return nil
	}
	return &scan.Error{Path: j.item.File.Path, Err: fmt.Errorf(
		"not replaced: it covers less than what was loaded (%d rows, ids %d to %d; loaded are %d rows, ids %d to %d)",
		distinct, kept.MinID, kept.MaxID, own.RowsInserted, own.FirstID, own.LastID)}
}
