package load

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/ingest/plan"
	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/store"
)

// Most runs of a timer find nothing to do, and to find that out from the database takes longer than all the rest. So a run that was told by the database
// that there is nothing to do leaves in the snapshot what it was asked for and what files it saw; the next one that is asked for the same, sees the same, and finds
// the database as it was left, to the time stamp and the headers that DuckDB writes with each commit, does not ask again.

// settled is the snapshot from which it follows that there is nothing to do. Where it reports false the database has to be asked, also where something is wrong:
// whatever that is, opening it has the words for it.
func (r *run) settled() (ledger.Snapshot, bool) {
	s, err := ledger.ReadSnapshot(ledger.PathFor(r.path))
	if err != nil || s.Settled == nil || s.Database != r.path || !r.asItWas(s) {
		return s, false
	}
	listing, err := r.list()
	return s, err == nil && r.inputs(listing) == s.Settled.Inputs
}

// asItWas reports whether the database is that of the snapshot, could be written to, and has nothing beside it that a load would clear away.
func (r *run) asItWas(s ledger.Snapshot) bool {
	if unix.Faccessat(unix.AT_FDCWD, r.path, unix.W_OK, unix.AT_EACCESS) != nil {
		return false
	}
	if unix.Access(store.TempDirectory(r.path), unix.F_OK) == nil {
		return false
	}
	holder, err := runstate.DatabaseHolder(r.path)
	return err == nil && holder.Mode != runstate.DBWriter && store.IsCurrent(s, r.path)
}

// inputs is a digest of all that a plan is made of, but for the ledger.
func (r *run) inputs(listing source.Listing) string {
	h := sha256.New()
	day := func(bound string, d fmt.Stringer, given bool) {
		if given {
			fmt.Fprintf(h, "%s %s\n", bound, d)
		}
	}
	fmt.Fprintf(h, "%s\n%s\n%q\n", r.Version, r.Market, slices.Sorted(slices.Values(r.Symbols)))
	day("from", r.First, r.First != nil)
	day("to", r.Last, r.Last != nil)
	for _, f := range listing.Files {
		fmt.Fprintf(h, "%q %s %d %d\n", f.Path, f.Series, f.Size, f.ModTime.UnixNano())
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// settle is what to leave for the next run: what this one found nothing to do for, nil where there was something, or files were left out because of
// what the ledger has.
func (r *run) settle(p *planned) *ledger.Settled {
	listing, err := r.list()
	if err != nil || p.nothing != nil || !p.Settled() || len(p.Items) != len(listing.Files) {
		return nil
	}
	return &ledger.Settled{Inputs: r.inputs(listing), Files: len(p.Items), At: r.Now().UTC()}
}

// stay ends a run that has nothing to do as it would have ended had the database been asked.
func (r *run) stay(ctx context.Context, s ledger.Snapshot) error {
	if r.Ready != nil {
		r.Ready()
	}
	listing, err := r.list()
	if err != nil {
		return err
	}
	r.noteListing(listing)
	in := plan.Input{Files: listing.Files, First: r.First, Last: r.Last}
	p := &planned{Plan: plan.Settled(in, s.Coverage(), "loaded before "+s.Settled.At.Format(time.DateTime)+" UTC")}
	r.report.planned(p)
	r.report.loadStarted = r.Now()
	r.tell(r.progress)
	meta := ledger.Meta{Version: r.Version, RunID: r.RunID, WrittenAt: r.Now()}
	if err := s.Again(r.asRun(nil), meta).Write(ledger.PathFor(r.path)); err != nil {
		r.Log.Warn("ledger snapshot could not be written", keyError, err)
	}
	return causeOf(ctx, ctx.Err())
}
