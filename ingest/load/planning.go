package load

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/ingest/aggtrades"
	"github.com/check-ingest/check-ingest/ingest/plan"
	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/store"
)

// planned is the plan and what was found out while it was made.
type planned struct {
	plan.Plan
	space   plan.Space
	nothing error // ErrNothing, and for what
}

// writes are the items that may put rows into the database.
func (p *planned) writes() []plan.Item {
	return slices.DeleteFunc(slices.Clone(p.Items), func(i plan.Item) bool { return !i.Writes() })
}

// opener is store.Open or store.OpenReadOnly.
type opener func(context.Context, string, store.Options) (*store.DB, error)

// startListing lists the data dir while the database is opened, which takes about as long.
func (r *run) startListing(ctx context.Context) {
	r.list = sync.OnceValues(func() (source.Listing, error) {
		return source.Find(ctx, r.DataDir, source.Options{Market: r.Market, Symbols: r.Symbols, First: r.First, Last: r.Last})
	})
	go func() { _, _ = r.list() }() // find gets what it returns
}

// noticeableWait is how long a reader may keep the database before the log says so. A check is gone sooner.
const noticeableWait = 250 * time.Millisecond

// openDatabase opens the database, waiting for readers to go away, and refuses one whose rows it cannot keep correct.
func (r *run) openDatabase(ctx context.Context, open opener) error {
	if err := r.enoughMemory(); err != nil {
		return err
	}
	var since, last time.Time // when a reader was met, and when it was there for the last time
	said := false
	r.most = r.memoryLimit()
	o := store.Options{Threads: r.Threads, MemoryLimit: r.most, TempDirectory: store.TempDirectory(r.path)}
	db, err := store.Waiting(ctx, r.OpenPatience, func() (*store.DB, error) { return open(ctx, r.path, o) }, func(err error) {
		last = r.Now()
		switch {
		case since.IsZero():
			since = last
		case !said && last.Sub(since) > noticeableWait:
			r.Log.Info("waiting for a reader of the database", keyError, err)
			said = true
		}
	})
	if err != nil {
		return err
	}
	if !since.IsZero() {
		r.Log.Debug("waited for a reader of the database", keySeconds, last.Sub(since).Seconds())
	}
	if err := db.Table().Check(); err != nil {
		return errors.Join(r.refuse(err.Error(), "load into a new database (--db)"), db.Close())
	}
	r.db, r.limit = db, o.MemoryLimit
	r.limits = limitsOf(db.Table())
	if !r.DryRun {
		if files, bytes := db.RemoveSpilled(); files > 0 {
			r.Log.Info("removed temporary files of a load that was killed", "folder", store.TempDirectory(r.path), "files", files, "bytes", bytes)
		}
	}
	return r.beLean(ctx)
}

func limitsOf(t store.Table) aggtrades.Limits {
	price, _ := t.Column("price")
	quantity, _ := t.Column("quantity")
	return aggtrades.Limits{Price: price.Limit(), Quantity: quantity.Limit()}
}

// plan finds the files and decides what to do with each.
func (r *run) plan(ctx context.Context) (*planned, error) {
	var known []ledger.Entry
	if r.db != nil {
		var err error
		if known, err = r.db.Ledger(ctx); err != nil {
			return nil, err
		}
	}
	r.entries = newEntries(known)
	files, err := r.find(known)
	if err != nil {
		return nil, err
	}
	p := &planned{Plan: plan.Make(plan.Input{
		Files: files, Entries: known, First: r.First, Last: r.Last, Replace: r.Replace,
		SHA256:       func(path string) (string, error) { return source.SHA256(ctx, path) },
		UnpackedSize: source.UnpackedSize,
	})}
	p.space = plan.Estimate(p.Pending(), ledger.Ratio(ledger.LoadedCSVBytes(known), r.databaseBytes()))
	p.nothing = r.nothingFor(files)
	r.report.planned(p)
	r.progress.FilesTotal = int64(len(p.writes()))
	for _, i := range p.writes() {
		r.progress.BytesTotal += i.File.Size
	}
	return p, ctx.Err()
}

// databaseBytes is the size of the database, 0 where there is none.
func (r *run) databaseBytes() int64 {
	info, err := os.Stat(r.path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// find lists the data dir. Names that no file of trades has are reported, not loaded.
func (r *run) find(known []ledger.Entry) ([]source.File, error) {
	listing, err := r.list()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	files, copies := withoutCopies(listing.Files, known)
	files, dropped := source.Choose(files)
	r.noteListing(listing)
	r.noteIgnored(copies)
	r.noteIgnored(dropped)
	return files, nil
}

// noteListing reports what of the data dir is no file to load.
func (r *run) noteListing(listing source.Listing) {
	r.report.Unmatched = listing.Unmatched
	r.noteIgnored(listing.Skipped)
}

func (r *run) noteIgnored(ignored []source.Skipped) {
	for _, s := range ignored {
		r.report.ignore(s)
		r.Log.Debug("file ignored", keyFile, s.Path, "reason", s.Reason)
	}
}

// withoutCopies leaves out copies of files that lie there as they were recorded, so that nobody has to open one in order to choose.
func withoutCopies(files []source.File, known []ledger.Entry) (rest []source.File, copies []source.Skipped) {
	type identity struct {
		series catalog.Series
		period catalog.Period
	}
	loaded := map[string]*ledger.Entry{}
	for i := range known {
		if e := &known[i]; e.Loaded() {
			loaded[e.FilePath] = e
		}
	}
	recorded := map[identity]string{}
	for _, f := range files {
		if e, ok := loaded[f.Path]; ok && e.Series() == f.Series && e.FileSize == f.Size && e.FileMTime.Equal(f.ModTime) {
			recorded[identity{f.Series, f.Period}] = f.Path
		}
	}
	for _, f := range files {
		if path, ok := recorded[identity{f.Series, f.Period}]; ok && path != f.Path {
			copies = append(copies, source.Skipped{Path: f.Path, Reason: "same market, symbol and period as " + path + ", which is loaded"})
			continue
		}
		rest = append(rest, f)
	}
	return rest, copies
}

// nothingFor is ErrNothing where a symbol that was asked for, or the load as a whole, has neither a file nor an entry in the ledger.
func (r *run) nothingFor(files []source.File) error {
	has := map[string]bool{}
	for _, f := range files {
		has[f.Series.Symbol] = true
	}
	if len(files) == 0 && len(r.Symbols) == 0 {
		return fmt.Errorf("%w: no file of trades in %s%s", ErrNothing, r.DataDir, r.asking())
	}
	for _, s := range r.Symbols {
		if !has[s] {
			return fmt.Errorf("%w: no file of %s in %s%s", ErrNothing, s, r.DataDir, r.asking())
		}
	}
	return nil
}

// asking is the days asked for, as words that follow a sentence.
func (r *run) asking() string {
	s := ""
	if r.First != nil {
		s += " from " + r.First.String()
	}
	if r.Last != nil {
		s += " to " + r.Last.String()
	}
	return s
}

// check sees, before the first byte is written, that the plan can be carried out, and makes the database ready.
func (r *run) check(ctx context.Context, p *planned) error {
	r.phase(runstate.PhaseCheck)
	r.report.loadStarted = r.Now()
	r.tell(r.progress)
	if len(p.writes()) == 0 && !slices.ContainsFunc(p.Items, func(i plan.Item) bool { return i.Moved }) {
		r.keepSnapshots(r.settle(p))
		return nil
	}
	if err := r.space(p); err != nil {
		return err
	}
	if r.db == nil {
		r.Log.Info("creating the database", "path", r.path)
		if err := store.Create(ctx, r.path); err != nil {
			return err
		}
		if err := r.openDatabase(ctx, store.Open); err != nil {
			return err
		}
	}
	if err := r.distinguishable(ctx, p); err != nil {
		return err
	}
	if missing := r.db.Table().LedgerMissing(); len(missing) > 0 {
		r.Log.Info("completing the ledger", "columns", len(missing))
		if err := r.db.CompleteLedger(ctx); err != nil {
			return err
		}
	}
	r.keepSnapshots(nil)
	return r.reconcile(ctx)
}

func (r *run) keepSnapshots(settled *ledger.Settled) {
	meta := ledger.Meta{Database: r.path, RunID: r.RunID, Version: r.Version, Settled: settled}
	r.snapshots = startSnapshots(meta, r.entries.all(), r.Now)
}

// space compares what the plan needs with what is free where the database lies, or will.
func (r *run) space(p *planned) error {
	dir := filepath.Dir(r.path)
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return &store.Error{Kind: store.KindIO, Path: dir, Text: "ask for free space: " + err.Error(), Err: err}
	}
	free := int64(fs.Bavail) * cmp.Or(fs.Frsize, fs.Bsize) //nolint:gosec // no file system has 2^63 blocks; they are counted in fragments, statvfs(3)
	r.report.SpaceFree = free
	if free < p.space.Needed {
		return &SpaceError{Dir: dir, Needed: p.space.Needed, Free: free}
	}
	return nil
}

// distinguishable refuses what the table could not tell apart: two markets without a market column, two symbols under a key on the id alone.
func (r *run) distinguishable(ctx context.Context, p *planned) error {
	t := r.db.Table()
	if t.HasMarket() && !t.OneSymbolOnly() {
		return nil
	}
	markets := map[string]catalog.Series{}
	symbols := map[string]bool{}
	note := func(s catalog.Series) error {
		symbols[s.Symbol] = true
		if other, ok := markets[s.Symbol]; ok && other != s && !t.HasMarket() {
			return r.refuse(fmt.Sprintf("its table has no column market and cannot keep %s apart from %s", s, other),
				"load one of them with --market into this database and the other into a new one (--db)")
		}
		markets[s.Symbol] = s
		return nil
	}
	for _, e := range r.entries.all() {
		if e.Loaded() && e.Market != "" {
			if err := note(e.Series()); err != nil {
				return err
			}
		}
	}
	for _, i := range p.writes() {
		if err := note(i.File.Series); err != nil {
			return err
		}
	}
	if !t.OneSymbolOnly() {
		return nil
	}
	held, err := r.db.Symbols(ctx)
	if err != nil {
		return err
	}
	for _, s := range held {
		symbols[s] = true
	}
	if len(symbols) > 1 {
		names := make([]string, 0, len(symbols))
		for s := range symbols {
			names = append(names, s)
		}
		slices.Sort(names)
		return r.refuse(fmt.Sprintf("its table has a key on agg_trade_id alone, which would drop rows of a second symbol with the same ids (%v)", names),
			"load each symbol into a database of its own (--db), or all of them into a new one")
	}
	return nil
}

func (r *run) refuse(text, remedy string) error {
	return &store.Error{Kind: store.KindSchema, Path: r.path, Text: text, Remedy: remedy}
}

// reconcile compares ledger and data for what an earlier crash, ours or the scripts', may have left, and says what it finds. Rows that no entry
// accounts for do no harm: a file that brings them again is matched with them row by row.
func (r *run) reconcile(ctx context.Context) error {
	rows, err := r.db.CountAll(ctx)
	if err != nil {
		return err
	}
	var recorded int64
	for _, e := range r.entries.all() {
		if e.Loaded() {
			recorded += e.RowsInserted
		}
	}
	switch {
	case rows > recorded:
		r.Log.Info("the table holds rows that the ledger does not account for; files that bring them again will be matched with them", keyRows, rows-recorded)
	case rows < recorded:
		r.report.Warnings = append(r.report.Warnings, fmt.Sprintf("the ledger accounts for %s more than the table holds: another program deleted them, or the ledger is that of another database; load their files into a new database (--db) and compare", amount.Of(recorded-rows, "row")))
		r.Log.Warn("the ledger accounts for rows that the table does not hold", keyRows, recorded-rows)
	}
	return nil
}

// dryRun plans and changes nothing.
func (r *run) dryRun(ctx context.Context) error {
	r.startListing(ctx)
	if err := r.openDatabase(ctx, store.OpenReadOnly); err != nil && store.KindOf(err) != store.KindMissing {
		return causeOf(ctx, err)
	}
	defer r.close(ctx, nil)
	p, err := r.plan(ctx)
	if err != nil {
		return causeOf(ctx, err)
	}
	if r.db != nil {
		if err := r.distinguishable(ctx, p); err != nil {
			return err
		}
	}
	return errors.Join(r.space(p), p.nothing)
}
