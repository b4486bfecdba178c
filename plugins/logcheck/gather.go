package logcheck

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/checkcli"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/shell"
	"github.com/check-ingest/check-ingest/internal/store"
)

// maxListed is how many failed and partial files are listed.
const maxListed = 50

// observation is what is known of the loads of a database.
type observation struct {
	path    string
	fault   error // why neither ledger nor snapshot could be read; nil where one of them was
	missing bool  // there is no database, but the folder for it

	use      store.Use
	outcomes store.Outcomes
	inLedger *store.LastRun // by the ledger; nil where it does not tell

	snapshot     *ledger.Snapshot // nil where there is none, or none that can be read
	snapshotErr  error            // why it cannot; nil where there is simply none
	fromSnapshot bool             // outcomes are of it
	changed      bool             // the database, since it was written

	status  *runstate.Status // of the last run into this database that published one; nil where there is none
	end     runstate.RunEnd  // how that came to its end; 0 while it runs
	holder  runstate.Holder  // of the lock, while it runs
	lockErr error            // why the lock cannot be looked at
	other   string           // the database that the lock's holder loads, where it is not this one
}

// gather reads what the loader left: the status beside the lock, the snapshot and the ledger.
func (c *Cmd) gather(ctx context.Context, procRoot string, now time.Time) (observation, error) {
	o := observation{path: c.DB}
	checkcli.Stage(ctx, "looking at "+c.DB)
	path, err := store.Resolve(c.DB)
	if err != nil {
		o.fault = err
		return o, nil
	}
	o.path = path
	checkcli.Stage(ctx, "looking at the lock file "+c.LockFile)
	o.readStatus(procRoot, c.LockFile, now)
	checkcli.Stage(ctx, "reading the ledger snapshot")
	o.readSnapshot()
	info, err := store.Stat(path)
	switch {
	case store.KindOf(err) == store.KindMissing:
		o.missing = true
		return o, nil
	case err != nil:
		o.fault = err
		return o, nil
	}
	o.changed = o.snapshot != nil && o.snapshot.StaleAgainst(info.Size(), info.ModTime())
	if err := store.Recognize(path); err != nil {
		o.fault = err
		return o, nil
	}
	return c.ask(ctx, procRoot, now, o)
}

// readStatus finds the status of the last run into this database. Its lock may be shared with loads into others.
func (o *observation) readStatus(procRoot, lockFile string, now time.Time) {
	state, err := runstate.Inspect(procRoot, lockFile, now)
	if err != nil {
		o.lockErr = err
		return
	}
	status, end, known := state.CurrentRun()
	switch {
	case !known:
	case !store.SameFile(status.Database, o.path):
		if end == 0 {
			o.other = status.Database
		}
	default:
		o.status, o.end = &status, end
		if end == 0 {
			o.holder = state.Holder
		}
	}
}

// readSnapshot reads the snapshot beside the database.
func (o *observation) readSnapshot() {
	s, err := ledger.ReadSnapshot(ledger.PathFor(o.path))
	switch {
	case err == nil:
		o.snapshot = &s
	case !errors.Is(err, fs.ErrNotExist):
		o.snapshotErr = err
	}
}

// openTries is how often a database is opened that a writer takes between the question who holds it and the opening.
const openTries = 3

// ask reads the ledger or, while a writer holds the database, takes the snapshot for it.
func (c *Cmd) ask(ctx context.Context, procRoot string, now time.Time, o observation) (observation, error) {
	for try := 1; ; try++ {
		checkcli.Stage(ctx, "asking who holds "+o.path)
		var err error
		if o.use, err = store.UseOf(ctx, procRoot, o.path, c.LockFile, now); err != nil {
			o.fault = err
			return o, nil
		}
		if o.use.Writing() {
			o.fromSnapshot = o.snapshot != nil
			c.takeSnapshot(&o, now)
			return o, nil
		}
		if c.isCurrent(o) {
			c.takeSnapshot(&o, now)
			return o, nil
		}
		checkcli.Stage(ctx, "reading the ledger of "+o.path)
		err = c.read(ctx, &o, now)
		switch {
		case err == nil:
			return o, nil
		case ctx.Err() != nil:
			return o, err
		case store.KindOf(err) != store.KindHeld || try == openTries:
			o.fault = err
			return o, nil
		}
	}
}

// read opens the database and reads its ledger.
func (c *Cmd) read(ctx context.Context, o *observation, now time.Time) (err error) {
	db, err := store.OpenToCheck(ctx, o.path, store.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if len(db.Table().Ledger) == 0 {
		return &store.Error{
			Kind: store.KindSchema, Path: o.path, Text: "has no table ingestion_log, so nothing is known of loads into it",
			Remedy: "correct --db, or add the table: ingest-aggtrades migrate --db=" + shell.Quote(o.path),
		}
	}
	if o.outcomes, err = db.Outcomes(ctx, c.scope(), maxListed, now); err != nil {
		return err
	}
	last, known, err := db.LastRun(ctx, now)
	if err == nil && known {
		o.inLedger = &last
	}
	return err
}

// isCurrent reports whether the snapshot tells what the ledger does: nobody wrote to the database since, and nothing that is asked for was left out of
// it. Then the database, which takes several times as long to open, and keeps a load waiting while it is, can stay closed.
func (c *Cmd) isCurrent(o observation) bool {
	s := o.snapshot
	if s == nil || o.changed {
		return false
	}
	if !c.scope().All() && (s.Scripts.Files > 0 || len(s.Failed) < s.FailedCount+s.PartialCount) {
		return false
	}
	return store.IsCurrent(*s, o.path)
}

// takeSnapshot takes the outcomes from the snapshot.
func (c *Cmd) takeSnapshot(o *observation, now time.Time) {
	if o.snapshot == nil {
		return
	}
	s, scope := *o.snapshot, c.scope()
	loaded := 0
	for _, series := range s.Series {
		if scope.Holds(series.Series) {
			loaded += series.Files
			o.outcomes.LastSuccess = catalog.Later(o.outcomes.LastSuccess, series.LastSuccess, now)
		}
	}
	if scope.All() {
		loaded += s.Scripts.Files
		o.outcomes.LastSuccess = catalog.Later(o.outcomes.LastSuccess, s.Scripts.LastSuccess, now)
	}
	for _, f := range s.Failed {
		if !c.covers(f) {
			continue
		}
		if f.Status == ledger.Failed {
			o.outcomes.Failed++
		} else {
			o.outcomes.Partial++
		}
		o.outcomes.Files = append(o.outcomes.Files, f)
	}
	if scope.All() { // the list may have been cut
		o.outcomes.Failed, o.outcomes.Partial = s.FailedCount, s.PartialCount
	}
	o.outcomes.Success = max(loaded-o.outcomes.Partial, 0)
}

// covers reports whether a file is of the series that were asked for. The scripts' entries do not tell their market.
func (c *Cmd) covers(f ledger.FileState) bool {
	scope := c.scope()
	if f.Market == "" {
		scope.Market = ""
	}
	return scope.Holds(catalog.Series{Market: f.Market, Symbol: f.Symbol})
}
