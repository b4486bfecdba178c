package dbcheck

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"runtime"
	"time"

	"github.com/check-ingest/check-ingest/internal/checkcli"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/store"
)

// observation is the database as it was found.
type observation struct {
	path    string // resolved, or as far as it could be
	fault   error  // why the database cannot be looked into; nil where it was, or while a writer holds it
	size    int64
	mtime   time.Time
	walSize int64 // -1 where it could not be asked for
	sized   bool  // there is a file, of size

	use      store.Use // who else has it open
	creating bool      // it does not exist yet, because use.Run makes it just now

	snapshot    *ledger.Snapshot // while a loader writes; nil where there is none
	snapshotErr error            // why not; nil where there is simply none

	inside *inside // what was found in it; nil where it was not looked into
}

// inside is what an open database tells, or the snapshot of one to which nobody wrote since.
type inside struct {
	snapshot *ledger.Snapshot // that told it; nil where the database was opened
	table    store.Table      // nothing where it was not
	openTime time.Duration
	rows     int64
	newest   time.Time            // zero where there is no row
	newestOf map[string]time.Time // of each symbol that was asked for, zero where it has no recent row; nil where none was
	schema   error                // why the loader would refuse the table; nil where it would not

	loaded    []store.Loaded  // what the ledger has, by series
	ledgerErr error           // why it cannot be read; nil where it was, or where there is none
	entries   []ledger.Entry  // all of it, where --gaps or --deep needs that
	gaps      ledger.Snapshot // of the series that were asked for, with --gaps

	blocks *scan             // of --blocks; nil without it
	deep   *scan             // of --deep; likewise
	found  store.Examination // of --deep
}

// scan is one of the long readings.
type scan struct {
	err    error
	tables int
	took   time.Duration
}

// gather looks at the file, then at who holds it, and then, unless a writer does or is about to, into it.
func (c *Cmd) gather(ctx context.Context, procRoot string, now time.Time) (observation, error) {
	o := observation{path: c.DB, walSize: -1}
	checkcli.Stage(ctx, "looking at "+c.DB)
	var err error
	if o.path, err = store.Resolve(c.DB); err != nil {
		o.path = c.DB
		return o.at(err)
	}
	if err := o.stat(); err != nil {
		if store.KindOf(err) == store.KindMissing && o.beingMade(procRoot, c.LockFile, now) {
			return o, nil
		}
		return o.at(err)
	}
	if err := store.Recognize(o.path); err != nil {
		return o.at(err)
	}
	return c.open(ctx, procRoot, now, o)
}

// at is the observation of a database that cannot be looked into because of err.
func (o observation) at(err error) (observation, error) {
	var fault *store.Error
	if !errors.As(err, &fault) {
		return o, err
	}
	o.fault = err
	return o, nil
}

// stat asks for the sizes of the file and of the log beside it.
func (o *observation) stat() error {
	info, err := store.Stat(o.path)
	if err != nil {
		return err
	}
	o.size, o.mtime, o.sized = info.Size(), info.ModTime(), true
	switch wal, err := os.Stat(o.path + ".wal"); {
	case err == nil:
		o.walSize = wal.Size()
	case errors.Is(err, fs.ErrNotExist):
		o.walSize = 0
	}
	return nil
}

// beingMade reports whether the loader is about to create the database.
func (o *observation) beingMade(procRoot, lockFile string, now time.Time) bool {
	state, err := runstate.Inspect(procRoot, lockFile, now)
	if err != nil || !state.Held || state.Status == nil || !store.SameFile(state.Status.Database, o.path) {
		return false
	}
	o.creating = true
	o.use = store.Use{Mode: runstate.DBWriter, Holder: state.Holder, Loading: true, Run: state.Status}
	return true
}

// openTries is how often a database is opened that a writer takes between the question who holds it and the opening.
const openTries = 3

// open looks into the database unless a writer holds it, or the loader is about to.
func (c *Cmd) open(ctx context.Context, procRoot string, now time.Time, o observation) (observation, error) {
	for try := 1; ; try++ {
		checkcli.Stage(ctx, "asking who holds "+o.path)
		var err error
		if o.use, err = store.UseOf(ctx, procRoot, o.path, c.LockFile, now); err != nil {
			return o.at(err)
		}
		if o.use.Writing() {
			o.readSnapshot()
			return o, nil
		}
		checkcli.Stage(ctx, "reading the metadata of "+o.path)
		if o.inside = c.closed(o, now); o.inside != nil {
			return o, nil
		}
		checkcli.Stage(ctx, "opening "+o.path)
		o.inside, err = c.look(ctx, o.path, now)
		switch {
		case err == nil:
			return o, nil
		case store.KindOf(err) != store.KindHeld || try == openTries:
			return o.at(err)
		}
	}
}

// readSnapshot reads what the loader left beside the database.
func (o *observation) readSnapshot() {
	s, err := ledger.ReadSnapshot(ledger.PathFor(o.path))
	switch {
	case err == nil:
		o.snapshot = &s
	case !errors.Is(err, fs.ErrNotExist):
		o.snapshotErr = err
	}
}

// closed is what the snapshot tells of a database that has just the rows that the snapshot accounts for, to which nobody wrote since, and of which all is sound
// that DuckDB would read now. Such a database can stay closed: to open it takes several times as long, and keeps a load waiting meanwhile. It is nil where that is
// not so or more was asked for, and says nothing of what may be wrong: DuckDB will.
func (c *Cmd) closed(o observation, now time.Time) *inside {
	if c.Blocks || c.Deep {
		return nil
	}
	watch := stopwatch{start: now}
	watch.lap()
	s, err := ledger.ReadSnapshot(ledger.PathFor(o.path))
	if err != nil || !s.Accounted || !store.IsCurrent(s, o.path) || store.VerifyMetadata(o.path) != nil {
		return nil
	}
	in := inside{snapshot: &s, rows: s.Rows, openTime: watch.lap()}
	for _, state := range s.Series {
		in.loaded = append(in.loaded, loadedOf(state))
	}
	in.newest = newestIn(in.loaded, store.Scope{})
	if !c.scope().All() && !in.newest.IsZero() {
		in.newestOf = c.newestBySymbol(in.loaded)
	}
	if c.Gaps {
		in.gaps.Series = c.seriesOf(s.Series)
	}
	return &in
}

// look opens the database, asks all there is to ask, and closes it.
func (c *Cmd) look(ctx context.Context, path string, now time.Time) (_ *inside, err error) {
	var options store.Options
	if c.Blocks || c.Deep {
		options.Threads = runtime.NumCPU() // the sooner it is done, the sooner a writer gets in
	}
	var in inside
	watch := stopwatch{start: now}
	watch.lap()
	db, err := store.OpenToCheck(ctx, path, options)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	in.openTime = watch.lap()
	in.table = db.Table()
	if in.schema = in.table.Check(); in.schema != nil {
		return &in, nil
	}
	if err := c.ask(ctx, db, &in); err != nil {
		return nil, err
	}
	watch.lap()
	if c.Blocks {
		var s scan
		s.tables, s.err = db.ReadBlocks(ctx, func(table string) { checkcli.Stage(ctx, "reading every block of table "+table) })
		s.took = watch.lap()
		if in.blocks = &s; ended(ctx, s.err) {
			return nil, s.err
		}
	}
	if c.Deep {
		return &in, c.examine(ctx, db, &in, now, &watch)
	}
	return &in, nil
}

// stopwatch measures what a part of the check takes.
type stopwatch struct {
	start time.Time
	last  time.Duration
}

// lap is the time since the lap before.
func (w *stopwatch) lap() time.Duration {
	total := time.Since(w.start)
	d := total - w.last
	w.last = total
	return d
}

// ended reports whether a reading failed because the check's time is over, and not because of what was read.
func ended(ctx context.Context, err error) bool { return err != nil && ctx.Err() != nil }
