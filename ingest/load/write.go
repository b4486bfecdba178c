package load

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/check-ingest/check-ingest/ingest/plan"
	"github.com/check-ingest/check-ingest/ingest/scan"
	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/catalog"
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
			return r.done(ctx, jobs)
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, errTogether): // they go alone now
		case r.widen(ctx, err):
			for _, j := range jobs {
				r.reopen(ctx, j)
			}
		case culprit == nil:
			return err
		default:
			if err := r.mend(ctx, culprit, err); err != nil {
				return err
			}
		}
	}
}

// done notes what was committed, and makes way for others.
func (r *run) done(ctx context.Context, jobs []*job) error {
	r.committed(jobs)
	if err := r.beLean(ctx); err != nil {
		return causeOf(ctx, err)
	}
	if r.Throttle > 0 && !pause(ctx, r.Throttle) {
		return context.Cause(ctx)
	}
	return nil
}

// mend prepares a job because of which a transaction failed for the next: to go through the staging table, to be read again, or to be recorded as
// failed. It returns err where none of these would help.
func (r *run) mend(ctx context.Context, culprit *job, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case r.widen(ctx, err):
		r.reopen(ctx, culprit)
	case errors.Is(err, errTouched) && !culprit.staged:
		culprit.staged = true
		r.reopen(ctx, culprit)
	case source.Transient(err) && culprit.stream != nil && culprit.attempts <= int64(r.Retries):
		if !r.again(ctx, culprit, err) {
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
	return nil
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

// reread begins to stream a large file again that was read to its end: what it adds up to is known, and nobody will ask.
func (r *run) reread(ctx context.Context, j *job) {
	o := r.options(j)
	o.Checksum, o.Unhashed = false, true
	j.close()
	j.stream = scan.Open(ctx, j.item.File, o)
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
	return nil, r.makeDurable(ctx, tx)
}

// makeDurable commits, with all the memory there is: where a commit fails for want of it, the database is of no use any more until it is opened again.
func (r *run) makeDurable(ctx context.Context, tx *store.Tx) error {
	if err := r.beRoomy(ctx); err != nil {
		return err
	}
	return tx.Commit()
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
	meets, err := r.meets(ctx, tx, j)
	if err != nil {
		return err
	}
	if meets {
		return r.overlapping(ctx, tx, j, j.spanOf(), j.small.source)
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

// meets reports whether the table has rows in the range of a decoded file's ids.
func (r *run) meets(ctx context.Context, tx *store.Tx, j *job) (bool, error) {
	kept, series := j.facts.Kept, j.item.File.Series
	if above, err := r.isAbove(ctx, tx, series, kept.MinID); err != nil || above {
		return false, err
	}
	n, err := tx.Count(ctx, series, kept.MinID, kept.MaxID)
	return n > 0, err
}

// isAbove reports whether an id is larger than any that the table has of the series. Files mostly come in the order of their ids, so most of the time this
// is all there is to know. The table is asked once a run.
func (r *run) isAbove(ctx context.Context, tx *store.Tx, series catalog.Series, id int64) (bool, error) {
	if _, seen := r.top[series]; !seen {
		_, top, ok, err := tx.Span(ctx, series, id, math.MaxInt64)
		if err != nil {
			return false, err
		}
		if !ok {
			top = id - 1
		}
		r.top[series] = top
	}
	return id > r.top[series], nil
}

// raise keeps top true of the rows that the job may have put into the table, whichever way they went, and of those it removed, which come back where it fails.
func (r *run) raise(j *job) {
	series, last := j.item.File.Series, j.facts.Kept.MaxID
	if own := j.item.Own; own != nil {
		last = max(last, own.LastID)
	}
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

// writeLarge streams a file into the table. Rows whose ids the table may have are left out, and written through the staging table when the file's last
// id is known. Where it turns out that all of the file should have been staged, the transaction is rolled back.
func (r *run) writeLarge(ctx context.Context, tx *store.Tx, j *job) error {
	stop := r.follow(ctx, j)
	defer func() { stop() }()
	read := false
	rows := func() store.Source { // from the beginning
		if read {
			stop()
			r.reread(ctx, j)
			stop = r.follow(ctx, j)
		}
		read = true
		return streamed{stream: j.stream, threads: r.threads()}
	}
	var err error
	switch {
	case j.staged && j.facts.Kept.Rows > 0 && j.facts.Kept.Increasing: // as an attempt before found, which read all of it
		return r.overlapping(ctx, tx, j, j.spanOf(), rows)
	case j.staged:
		if err := r.stage(ctx, tx, j, rows()); err != nil {
			return err
		}
		j.facts, err = j.stream.Facts()
		return err
	}
	known, err := r.window(ctx, tx, j)
	if err != nil {
		return err
	}
	source, few := rows(), &aside{}
	if !known.window.empty() {
		source = windowed{Source: source, window: known.window, aside: few}
	}
	n, err := tx.Insert(ctx, j.item.File.Series, source)
	if err == nil {
		j.facts, err = j.stream.Facts()
	}
	if errors.Is(err, scan.ErrOrder) || errors.Is(err, store.ErrKey) {
		return errTouched
	}
	if err != nil {
		return err
	}
	if err := r.noneElse(ctx, tx, j, known, n); err != nil {
		return err
	}
	if known.window.empty() || n == j.facts.Kept.Rows {
		return j.inserts(n)
	}
	if few.kept() {
		err := r.match(ctx, tx, j, known.window, j.facts.Kept.Rows-n, func() store.Source { return few.source(j.facts) })
		j.inserted += n
		return err
	}
	if err := r.stage(ctx, tx, j, windowed{Source: rows(), window: known.window, inside: true}); err != nil {
		return err
	}
	j.inserted += n
	return j.item.File.Unchanged() // it was read twice, the second time not to its end
}

// match writes so many rows, of different ids in a window, that lie in memory: through the staging table unless the table has all of their ids.
func (r *run) match(ctx context.Context, tx *store.Tx, j *job, window idSpan, rows int64, source func() store.Source) error {
	s, err := tx.Known(ctx, j.item.File.Series, window.first, window.last, source())
	if err != nil {
		return err
	}
	if s.Duplicate+s.Conflict < rows {
		return r.stage(ctx, tx, j, source())
	}
	j.became(s)
	return nil
}

// idBytes is fewer bytes of CSV than there are to an id: a row has some sixty, and few ids are missing.
const idBytes = 30

// looked is what is known, before a file is read, about the rows that the table has of its ids.
type looked struct {
	at     idSpan // ids that were asked for
	window idSpan // from the first to the last of these that the table has; empty where it has none
}

// window asks the table for the ids from a file's first one on, as far as its size lets expect that they reach.
func (r *run) window(ctx context.Context, tx *store.Tx, j *job) (looked, error) {
	none := looked{noIDs, noIDs}
	first, known := j.stream.FirstID(ctx)
	if !known {
		return none, nil
	}
	if above, err := r.isAbove(ctx, tx, j.item.File.Series, first); err != nil || above {
		return looked{idSpan{first, math.MaxInt64}, noIDs}, err
	}
	reach := ledger.CSVBytes(j.item.File.Path, j.item.File.Size) / idBytes
	at := idSpan{first, first + min(reach, math.MaxInt64-first)}
	smallest, largest, ok, err := tx.Span(ctx, j.item.File.Series, at.first, at.last)
	if err != nil || !ok {
		return looked{at, noIDs}, err
	}
	return looked{at, idSpan{smallest, largest}}, nil
}

// noneElse returns errTouched where the table had ids of a file of which it was not asked before it was read, so that some of the n rows just inserted may
// repeat theirs.
func (r *run) noneElse(ctx context.Context, tx *store.Tx, j *job, known looked, n int64) error {
	kept := j.spanOf()
	if j.facts.Kept.Rows == 0 || r.db.Table().Keyed() || known.at.first <= kept.first && kept.last <= known.at.last {
		return nil
	}
	outside := []idSpan{kept}
	if inside := known.window.within(kept); !inside.empty() {
		outside = []idSpan{{kept.first, inside.first - 1}, {inside.last + 1, kept.last}}
	}
	for _, span := range outside {
		if span.empty() {
			continue
		}
		count, err := tx.Count(ctx, j.item.File.Series, span.first, span.last)
		if err != nil {
			return err
		}
		n -= count
	}
	if n != 0 {
		return errTouched
	}
	return nil
}

// stage writes a file through the staging table.
func (r *run) stage(ctx context.Context, tx *store.Tx, j *job, rows store.Source) error {
	if err := r.beRoomy(ctx); err != nil {
		return err
	}
	s, err := tx.InsertStaged(ctx, j.item.File.Series, rows)
	if err != nil {
		return err
	}
	j.staged = true
	j.became(s)
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
			"cannot be replaced: it brought %s, but the database holds %s in its range of ids, some of them from other files",
			amount.Of(own.RowsInserted, "row"), amount.Text(n))}
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
		"not replaced: it covers less than what was loaded (%s, ids %d to %d; loaded are %s, ids %d to %d)",
		amount.Of(distinct, "row"), kept.MinID, kept.MaxID, amount.Of(own.RowsInserted, "row"), own.FirstID, own.LastID)}
}
