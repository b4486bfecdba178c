package load

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/check-ingest/check-ingest/ingest/aggtrades"
	"github.com/check-ingest/check-ingest/ingest/plan"
	"github.com/check-ingest/check-ingest/ingest/scan"
	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/store"
)

// The log's attributes.
const (
	keyFile    = "file"
	keyRows    = "rows"
	keySeconds = "seconds"
	keyError   = "error"
	keySeries  = "series"
)

// run is one execution of the loader.
type run struct {
	Config
	report    *Report
	path      string // the database, resolved
	db        *store.DB
	list      func() (source.Listing, error) // of the data dir; see startListing
	entries   *entries
	limits    aggtrades.Limits
	publisher *runstate.Publisher
	snapshots *snapshots
	progress  Progress
	pool      *source.Pool
	// top is, by series, an id such that no row of the table has a larger one. It holds after a rollback too.
	top     map[catalog.Series]int64
	pending []*job  // decoded, not yet committed
	rows    int64   // of pending
	shared  *shared // nil where no transaction is open

	most      int64 // bytes of memory that DuckDB may ever use
	limit     int64 // of them it may now
	roomy     bool  // streaming takes more memory than it should
	abandoned bool
}

// Run loads what is not loaded yet and reports what it did. The report is never nil. The error says why the run did not do all that was
// asked; [ExitCodeOf] turns it into an exit code.
func Run(ctx context.Context, c Config) (*Report, error) {
	r := &run{Config: c, report: newReport(c), pool: source.NewPool(scan.BlockSize), top: map[catalog.Series]int64{}}
	err := r.locked(ctx)
	if r.abandoned { // the report and perhaps the log are in other hands
		report := newReport(c)
		report.StartedAt, report.Database = r.report.StartedAt, r.path
		report.end(c.Now(), err)
		return report, err
	}
	r.report.end(c.Now(), err)
	r.logEnd(err)
	return r.report, err
}

// locked takes the lock and holds it while the rest is done. A dry run changes nothing and needs no lock.
func (r *run) locked(ctx context.Context) (err error) {
	if r.path, err = store.Resolve(r.Database); err != nil {
		return err
	}
	r.report.Database = r.path
	if r.DryRun {
		return r.dryRun(ctx)
	}
	lock, err := r.acquire(ctx)
	if err != nil {
		return causeOf(ctx, err)
	}
	defer func() {
		if !r.abandoned { // what was left behind may still write, and the lock goes with the process
			err = errors.Join(err, lock.Release())
		}
	}()
	dataDir, err := filepath.Abs(r.DataDir)
	if err != nil {
		return fmt.Errorf("resolve %q: %w", r.DataDir, err)
	}
	r.publisher = runstate.NewPublisher(lock, runstate.Status{
		RunID: r.RunID, Version: r.Version, Database: r.path, DataDir: dataDir, StartedAt: r.report.StartedAt, Phase: runstate.PhasePlan,
	}, r.Heartbeat, r.Now)
	defer func() {
		code, outcome := ExitCodeOf(err), outcomeText(err)
		perr := r.publisher.Close(func(s *runstate.Status) {
			now := r.Now()
			s.Phase, s.EndedAt, s.ExitCode, s.Outcome = runstate.PhaseEnded, &now, &code, outcome
		})
		if perr != nil {
			r.Log.Warn("run status could not be published", keyError, perr)
		}
	}()
	return r.abandonable(ctx)
}

// quietWait is how long is waited for the lock without a word.
const quietWait = time.Second

// acquire takes the lock.
func (r *run) acquire(ctx context.Context) (*runstate.Lock, error) {
	lock, err := runstate.Acquire(ctx, r.LockFile, min(r.Wait, quietWait))
	var held *runstate.HeldError
	if rest := r.Wait - quietWait; rest > 0 && errors.As(err, &held) {
		r.Log.Info("waiting for the lock", keyError, held, "wait", r.Wait)
		lock, err = runstate.Acquire(ctx, r.LockFile, rest)
	}
	if errors.As(err, &held) {
		err = fmt.Errorf("%w; wait until that process is done, or have this one wait longer with --wait", err)
	}
	return lock, err
}

// causeOf is why ctx ended, a signal for instance, where that is why err came about.
func causeOf(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func outcomeText(err error) string {
	if err == nil {
		return "all files are loaded"
	}
	return err.Error()
}

// steps are what is done under the lock: plan, check, load, report.
func (r *run) steps(ctx context.Context) (err error) {
	r.startListing(ctx)
	// Checks leave a database alone that a run says it loads, so it has to be said before the database is opened: see store.UseOf.
	r.publish()
	if s, ok := r.settled(); ok {
		return r.stay(ctx, s)
	}
	if err := r.openDatabase(ctx, store.Open); err != nil && store.KindOf(err) != store.KindMissing {
		return err
	}
	defer func() { r.close(context.WithoutCancel(ctx), err) }()
	if r.Ready != nil {
		r.Ready()
	}
	p, err := r.plan(ctx)
	if err != nil {
		return err
	}
	if err := r.check(ctx, p); err != nil {
		return err
	}
	if err := r.load(ctx, p); err != nil {
		return err
	}
	return r.verdictOf(p)
}

// close closes the database and leaves the snapshot of what is in it.
func (r *run) close(ctx context.Context, err error) {
	var header string
	var accounted bool
	if r.db != nil {
		accounted = r.snapshots != nil && inOrder(err) && r.accounted(ctx)
		before, berr := os.Stat(r.path)
		cerr := r.db.Close()
		if cerr != nil {
			r.Log.Warn("database did not close cleanly", keyError, cerr)
		}
		r.db = nil
		if berr == nil && cerr == nil && inOrder(err) {
			header = fingerprint(r.path, before)
		}
	}
	if r.snapshots == nil {
		return
	}
	if err := r.snapshots.close(r.asRun(err), header, accounted); err != nil {
		r.Log.Warn("ledger snapshot could not be written", keyError, err)
	}
}

// accounted reports whether the ledger accounts for the table, so that a check that finds both as they are now need not open the database.
func (r *run) accounted(ctx context.Context) bool {
	var rows int64
	var newest time.Time
	for _, e := range r.entries.all() {
		switch {
		case !e.Loaded():
			continue
		case e.Period.Days() == 0: // of the scripts
			return false
		case e.LastTradeAt.After(newest):
			newest = e.LastTradeAt
		}
		rows += e.RowsInserted
	}
	accounted, err := r.db.Accounted(ctx, rows, newest)
	if err != nil {
		r.Log.Warn("table and ledger could not be compared", keyError, err)
	}
	return accounted
}

// asRun is what the snapshot keeps of this run, which ends now, with err.
func (r *run) asRun(err error) ledger.Run {
	now, t := r.Now(), r.report.Totals
	return ledger.Run{
		ID: r.RunID, StartedAt: r.report.StartedAt, EndedAt: now, ExitCode: ExitCodeOf(err), FilesLoaded: t.Loaded, FilesFailed: t.Failed,
		FilesSkipped: t.Skipped + t.Changed, Rows: t.Rows, Bytes: t.Bytes, Seconds: now.Sub(r.report.StartedAt).Seconds(),
	}
}

// inOrder reports whether a run that ended with err knows what it left in the ledger. Where a commit failed it may not.
func inOrder(err error) bool {
	return err == nil || errors.Is(err, ErrSomeFailed) || errors.Is(err, ErrNothing)
}

// fingerprint is that of the database, which was as info says while it was still open; "" where somebody else may have written to it since.
func fingerprint(path string, before fs.FileInfo) string {
	header, after, err := store.Fingerprint(path)
	if err != nil || after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime()) {
		return ""
	}
	return header
}

// verdictOf is how the run ended, all files having been tried.
func (r *run) verdictOf(p *planned) error {
	switch {
	case r.report.Totals.Failed > 0:
		return fmt.Errorf("%w: %s of %s", ErrSomeFailed, amount.Text(r.report.Totals.Failed), amount.Text(r.report.Totals.Files))
	case p.nothing != nil:
		return p.nothing
	default:
		return nil
	}
}

// load takes the plan's files in order.
func (r *run) load(ctx context.Context, p *planned) (err error) {
	r.phase(runstate.PhaseLoad)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	room := semaphore.NewWeighted(window)
	queue := r.prepare(ctx, p.writes(), room)
	defer func() {
		cancel()
		for next := range queue { // what was opened and is not wanted any more
			<-next.ready
			next.job.close()
		}
		for _, j := range r.pending {
			j.close()
		}
		if s := r.leave(); s != nil {
			s.close()
			err = errors.Join(err, s.tx.Rollback())
		}
	}()
	for next := range queue {
		<-next.ready
		err := r.take(ctx, next.job)
		room.Release(next.weight)
		if err != nil {
			return err
		}
		if r.Strict && r.report.Totals.Failed > 0 {
			return fmt.Errorf("%w, and --strict ends the run with the first", ErrSomeFailed)
		}
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if err := r.flush(ctx); err != nil {
		return err
	}
	return r.remember(ctx, p)
}

// take writes one file, or keeps it for the transaction that it will share with the next.
func (r *run) take(ctx context.Context, j *job) error {
	r.current(j.item.File.Path)
	if waits(j.item) {
		if err := r.flush(ctx); err != nil {
			return err
		}
		if !r.catchUp(ctx, j) {
			r.skipped(j, "its days are loaded from other files")
			return nil
		}
	}
	if ctx.Err() != nil {
		j.close()
		return context.Cause(ctx)
	}
	if !small(j.item.File) {
		if len(r.pending) > 0 {
			if err := r.flush(ctx); err != nil {
				j.close()
				return err
			}
		}
		return r.share(ctx, j)
	}
	r.pending = append(r.pending, j)
	r.rows += j.facts.Kept.Rows
	if r.rows >= r.batchRows() || len(r.pending) >= batchFiles || r.Strict && j.err != nil {
		return r.flush(ctx)
	}
	return nil
}

func (r *run) batchRows() int64 {
	if r.BatchRows > 0 {
		return r.BatchRows
	}
	return defaultBatchRows
}

// flush commits what waits, in its order: large files, then small ones.
func (r *run) flush(ctx context.Context) error {
	if err := r.finish(ctx); err != nil {
		return err
	}
	if len(r.pending) == 0 {
		return nil
	}
	jobs := r.pending
	r.pending, r.rows = nil, 0
	return r.commit(ctx, jobs)
}

// committed notes what is in the database now.
func (r *run) committed(jobs []*job) {
	for _, j := range jobs {
		own := j.item.Own
		keepsOwn := j.err != nil && own != nil && own.Loaded()
		if !keepsOwn {
			if own != nil {
				r.entries.forget(own.FilePath)
			}
			r.entries.set(r.entryOf(j))
		}
		r.report.add(j)
		r.logFile(j)
		r.progress.FilesDone++
		r.progress.BytesDone += j.item.File.Size
		r.progress.Rows += j.inserted
		if j.err != nil {
			r.progress.FilesFailed++
		}
		j.close()
	}
	r.tell(r.progress)
	r.publish()
	r.snapshots.request(r.entries.all())
}

// publish makes the status of the run what it is now.
func (r *run) publish() {
	if err := r.publisher.Flush(); err != nil {
		r.Log.Warn("run status could not be published", keyError, err)
	}
}

// remember updates the entries of files that moved, so that the next run finds them at once.
func (r *run) remember(ctx context.Context, p *planned) error {
	var moved []plan.Item
	for _, i := range p.Items {
		if i.Action == plan.Skip && i.Moved {
			moved = append(moved, i)
		}
	}
	if len(moved) == 0 {
		return nil
	}
	tx, err := r.db.Begin(ctx)
	if err != nil {
		return err
	}
	for _, i := range moved {
		e := *i.Own
		e.FilePath, e.FileMTime, e.FileSize = i.File.Path, i.File.ModTime, i.File.Size
		if err := errors.Join(tx.Forget(ctx, i.Own.FilePath), tx.Record(ctx, e)); err != nil {
			return errors.Join(err, tx.Rollback())
		}
		r.entries.forget(i.Own.FilePath)
		r.entries.set(e)
	}
	if err := tx.Commit(); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	r.snapshots.request(r.entries.all())
	return nil
}

func (r *run) skipped(j *job, reason string) {
	r.report.skip(j.item, reason)
	r.progress.FilesDone++
	r.progress.BytesDone += j.item.File.Size
	r.tell(r.progress)
}

func (r *run) logFile(j *job) {
	seconds := j.took.Seconds()
	switch {
	case j.err != nil:
		r.Log.Error("file failed", keyFile, j.item.File.Path, keyError, explainRow(j.err))
	case j.conflict > 0:
		r.Log.Warn("file committed with conflicts", keyFile, j.item.File.Path, keyRows, j.inserted, "conflicts", j.conflict, "example_id", j.example, keySeconds, seconds)
	default:
		r.Log.Info("file committed", keyFile, j.item.File.Path, keyRows, j.inserted, "duplicates", j.duplicate, "voided", j.facts.All.Voided, keySeconds, seconds)
	}
}

// logEnd writes the line that closes the run's log.
func (r *run) logEnd(err error) {
	t := r.report.Totals
	attributes := []any{
		"exit_code", r.report.ExitCode, "loaded", t.Loaded, "skipped", t.Skipped + t.Changed, "failed", t.Failed,
		keyRows, t.Rows, "bytes", t.Bytes, keySeconds, r.report.Seconds, "rows_per_second", int64(t.RowsPerSecond),
	}
	if err != nil {
		attributes = append(attributes, keyError, err)
	}
	r.Log.Info("run ended", attributes...)
}
