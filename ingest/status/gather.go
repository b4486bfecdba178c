package status

import (
	"context"
	"errors"
	"io/fs"
	"runtime"
	"time"

	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/store"
)

// openTries is how often a database is opened that a writer takes between the question who holds it and the opening.
const openTries = 3

// Gather finds out what a report is made of. It changes nothing and leaves nothing behind. The database is open for reading only while it is
// read; where a writer holds it, what there is comes from the ledger snapshot. An error is that of a database that cannot be used.
func Gather(ctx context.Context, procRoot string, o Options, now time.Time) (Facts, error) {
	f := Facts{Options: o, At: now.UTC(), Path: o.Database}
	path, err := store.Resolve(o.Database)
	if err != nil {
		return f, err
	}
	f.Path = path
	f.readStatus(procRoot, now)
	f.readSnapshot()
	info, err := store.Stat(path)
	switch {
	case store.KindOf(err) == store.KindMissing && f.Status != nil && f.End == 0:
		f.Creating = true
	case store.KindOf(err) == store.KindMissing:
		return f, store.Absent(err)
	case err != nil:
		return f, err
	default:
		f.Size, f.Modified = info.Size(), info.ModTime().UTC()
		if err := f.ask(ctx, procRoot, now); err != nil {
			return f, err
		}
	}
	f.lookAtFiles(ctx)
	return f, ctx.Err()
}

// readStatus finds the status of the last run into this database. Its lock may be shared with loads into others.
func (f *Facts) readStatus(procRoot string, now time.Time) {
	state, err := runstate.Inspect(procRoot, f.Options.LockFile, now)
	if err != nil {
		f.LockErr = err
		return
	}
	status, end, known := state.CurrentRun()
	if !known || !store.SameFile(status.Database, f.Path) {
		return
	}
	f.Status, f.End = &status, end
	if end == 0 {
		f.Holder = state.Holder
	}
}

func (f *Facts) readSnapshot() {
	s, err := ledger.ReadSnapshot(ledger.PathFor(f.Path))
	switch {
	case err == nil:
		f.Snapshot = &s
	case !errors.Is(err, fs.ErrNotExist):
		f.SnapshotErr = err
	}
}

// ask reads the database, unless a writer holds it.
func (f *Facts) ask(ctx context.Context, procRoot string, now time.Time) error {
	for try := 1; ; try++ {
		var err error
		if f.Use, err = store.UseOf(ctx, procRoot, f.Path, f.Options.LockFile, now); err != nil {
			return err
		}
		if f.Use.Writing() {
			if !f.Use.Loading { // what is no database is not worth telling who holds it
				return store.Recognize(f.Path)
			}
			return nil
		}
		err = f.read(ctx)
		switch {
		case err == nil, ctx.Err() != nil:
			return err
		case store.KindOf(err) != store.KindHeld:
			return err
		case try == openTries:
			f.Use.Mode = runstate.DBWriter // it comes and goes; what can be told is what the snapshot does
			return nil
		}
	}
}

// read opens the database and reads its ledger and, if it was asked for, counts rows.
func (f *Facts) read(ctx context.Context) (err error) {
	o := store.Options{}
	if f.Options.Scan {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	db, err := store.OpenToCheck(ctx, f.Path, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	t := db.Table()
	f.NoLedger, f.Market = len(t.Ledger) == 0, t.HasMarket()
	if f.NoLedger && len(t.Columns) == 0 {
		return &store.Error{
			Kind: store.KindSchema, Path: f.Path, Text: "has neither a table aggtrades_history nor ingestion_log",
			Remedy: "correct --db",
		}
	}
	if len(t.Columns) > 0 {
		rows, err := db.CountAll(ctx)
		if err != nil {
			return err
		}
		f.Rows = &rows
	}
	if f.Entries, err = db.Ledger(ctx); err != nil {
		return err
	}
	if f.Options.Scan && len(t.Columns) > 0 {
		f.Days, err = db.DayCounts(ctx, f.Options.Scope, f.Options.First, f.Options.Last, f.At)
	}
	f.Read = err == nil
	return err
}

// lookAtFiles lists the data dir, where one was named.
func (f *Facts) lookAtFiles(ctx context.Context) {
	o := f.Options
	if o.DataDir == "" {
		return
	}
	market := o.Scope.Market
	if market == "" {
		market = catalog.UM
	}
	list, err := source.Find(ctx, o.DataDir, source.Options{Market: market, Symbols: o.Scope.Symbols, First: o.First, Last: o.Last})
	if err != nil {
		f.DiskErr = err
		return
	}
	f.Disk = list.Files
}
