package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/store"
)

// run is one verification.
type run struct {
	Config
	now     time.Time
	db      *store.DB
	report  *Report
	windows windows
	entries []ledger.Entry
	noEntry string // why the ledger cannot be compared; "" where it can

	tally   *tally
	values  map[valueKey]*store.Finding
	compare map[store.Key]*comparison
	holes   map[store.Key][]hole

	rowEnd int64
	step   Progress
}

// valueKey is what findings of single rows are added up by.
type valueKey struct {
	defect store.Defect
	series catalog.Series
}

// Run verifies a database. It gives a report of what was looked at even where it errs: with [ErrDefects] where the database is not sound, with the
// context's cause where it was stopped, and with a [store.Error] where the database cannot be used.
func Run(ctx context.Context, c Config) (*Report, error) {
	now := c.Now()
	r := &run{
		Config: c, now: now, tally: newTally(now), values: map[valueKey]*store.Finding{}, compare: map[store.Key]*comparison{}, holes: map[store.Key][]hole{},
		report: &Report{
			Schema: ReportSchema, Version: c.Version, Database: c.Database, StartedAt: now.UTC(),
			Scope:   Scope{Symbols: append([]string{}, c.Symbols...), Market: c.Market},
			Checked: Checked{Values: Nothing, RepeatedIDs: Nothing, Ledger: Nothing, Holes: Nothing, Neighbours: Nothing},
			Series:  []Series{}, Defects: []Finding{}, Warnings: []Finding{}, Notes: []string{},
		},
	}
	if c.First != nil {
		r.report.Scope.FirstDay = c.First.String()
	}
	if c.Last != nil {
		r.report.Scope.LastDay = c.Last.String()
	}
	err := r.all(ctx)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	r.judge()
	r.report.Seconds = c.Now().Sub(now).Seconds()
	if err == nil && len(r.report.Defects) > 0 {
		return r.report, ErrDefects
	}
	if err != nil {
		r.report.Error = err.Error()
	}
	return r.report, err
}

// all gathers what there is to know, until something fails.
func (r *run) all(ctx context.Context) (err error) {
	if err := r.Validate(); err != nil {
		return err
	}
	if r.db, err = r.open(ctx, r.now); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.db.Close()) }()
	r.report.Database = r.db.Path()
	if err := r.prepare(ctx); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{r.readRows, r.readIDs, r.readFiles, r.findHoles} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// prepare reads the ledger and decides what to look at.
func (r *run) prepare(ctx context.Context) error {
	var err error
	if r.report.RowsInTable, err = r.db.CountAll(ctx); err != nil {
		return err
	}
	if r.rowEnd, err = r.db.RowEnd(ctx); err != nil {
		return err
	}
	if err := r.readLedger(ctx); err != nil {
		return err
	}
	r.windows, r.report.Sample, err = r.choose(ctx, r.db, r.entries, r.now)
	return err
}

// readLedger reads the entries of loaded files that tell their days and ids.
func (r *run) readLedger(ctx context.Context) error {
	table := r.db.Table()
	if len(table.Ledger) == 0 {
		r.noEntry = "there is no ledger (table ingestion_log), so rows were not compared with it"
		return nil
	}
	entries, err := r.db.Ledger(ctx)
	switch kind := store.KindOf(err); {
	case err == nil:
	case ctx.Err() != nil, kind != store.KindSchema && kind != store.KindOther:
		return err
	default: // a ledger of another make keeps nobody from looking at the rows
		r.noEntry = "the ledger cannot be read, so rows were not compared with it: " + err.Error()
		return nil
	}
	scope := store.Scope{Symbols: r.Symbols, Market: r.Market}
	if !table.HasMarket() {
		scope.Market = ""
	}
	loaded := 0
	for _, e := range entries {
		if e.Loaded() && scope.Holds(e.Series()) {
			loaded++
			if e.Period.Days() > 0 {
				r.entries = append(r.entries, e)
			}
		}
	}
	if len(r.entries) == 0 && loaded > 0 {
		r.noEntry = "the ledger is the scripts', which does not tell days and ids, so rows were not compared with it"
	} else if len(r.entries) == 0 {
		r.noEntry = "the ledger has no loaded file of what was looked at, so rows were not compared with it"
	}
	return nil
}

// The shares of the steps in what is to be done, by what they were measured to take.
const (
	rowsShare = 4
	idsShare  = 1
)

func (r *run) tell(step string, done int64) {
	r.step.Step, r.step.Done, r.step.Total = step, done, max(r.rowEnd, 1)*(rowsShare+idsShare)
	r.step.Defects = 0
	for _, f := range r.values {
		r.step.Defects += f.Rows
	}
	for _, k := range r.tally.keys {
		for _, x := range k.repeats {
			r.step.Defects += x.Same + x.Other
		}
	}
	if r.Progress != nil {
		r.Progress(r.step)
	}
}

// readRows reads every row once.
func (r *run) readRows(ctx context.Context) error {
	parts := r.windows.parts(r.rowEnd, r.report.Sample != nil)
	for i, p := range parts {
		done := r.rowEnd * int64(i) / int64(len(parts))
		r.tell("reading rows", done*rowsShare)
		days, err := r.db.DayRows(ctx, r.scope(), p)
		if err != nil {
			return fmt.Errorf("read rows: %w", err)
		}
		found, err := r.db.Defects(ctx, r.scope(), p, r.now)
		if err != nil {
			return fmt.Errorf("look for values that cannot be: %w", err)
		}
		r.report.Checked.Values = Partly
		for _, d := range days {
			r.tally.add(d)
		}
		for _, f := range found {
			r.addValue(f)
		}
	}
	r.report.Checked.Values = Wholly
	return nil
}

func (r *run) addValue(f store.Finding) {
	key := valueKey{f.Defect, f.Series}
	old := r.values[key]
	if old == nil {
		r.values[key] = &f
		return
	}
	old.Rows += f.Rows
	if f.Example >= 0 && (old.Example < 0 || f.Example < old.Example) {
		old.Example = f.Example
	}
}

// readIDs looks for ids that come more than once: among the ids of a bucket there is a bit for each.
func (r *run) readIDs(ctx context.Context) error {
	var all, done int64
	keys := slices.DeleteFunc(r.tally.sortedKeys(), func(k *keyTally) bool { return !r.db.Whole(k.key) })
	for _, k := range keys {
		all += k.rows
	}
	for _, k := range keys {
		for _, b := range k.sortedBuckets() {
			r.tell("looking for repeated ids", r.rowEnd*rowsShare+r.rowEnd*done/max(all, 1)*idsShare)
			if b.rows > 1 || len(r.windows) > 0 { // days that are not looked at may have the id as well
				repeats, err := r.db.Repeats(ctx, k.key, b.minID, b.maxID, r.windows)
				if err != nil {
					return fmt.Errorf("look for repeated ids: %w", err)
				}
				k.repeats = append(k.repeats, repeats...)
			}
			done += b.rows
			r.report.Checked.RepeatedIDs = Partly
		}
	}
	r.report.Checked.RepeatedIDs = Wholly
	return nil
}

// readFiles compares the rows with the ledger.
func (r *run) readFiles(ctx context.Context) error {
	of := map[store.Key][]ledger.Entry{}
	for _, e := range r.entries {
		k := r.db.KeyOf(e)
		of[k] = append(of[k], e)
	}
	keys := slices.SortedFunc(maps.Keys(of), func(a, b store.Key) int { return a.Compare(b.Series) })
	for _, k := range keys {
		r.tell("comparing with the ledger", r.rowEnd*(rowsShare+idsShare))
		if err := ctx.Err(); err != nil { // mostly there is no query that would notice
			return err
		}
		c, err := compareKey(ctx, r.db, r.tally.key(k), of[k], r.windows)
		if err != nil {
			return fmt.Errorf("compare with the ledger: %w", err)
		}
		r.compare[k] = c
		r.report.Checked.Ledger = Partly
	}
	if len(keys) > 0 {
		r.report.Checked.Ledger = Wholly
	}
	return nil
}

// findHoles looks for ids that no row has.
func (r *run) findHoles(ctx context.Context) error {
	for _, k := range r.tally.sortedKeys() {
		if !r.db.Whole(k.key) {
			continue
		}
		holes := k.holes(r.windows, r.compare[k.key])
		if len(r.windows) > 0 {
			var err error
			if holes, err = k.refine(ctx, r.db, holes); err != nil {
				return fmt.Errorf("look for missing ids: %w", err)
			}
		}
		r.holes[k.key] = holes
	}
	r.report.Checked.Holes = Wholly
	if r.report.Sample == nil {
		r.report.Checked.Neighbours = Wholly
	}
	r.tell("done", r.rowEnd*(rowsShare+idsShare))
	return nil
}
