package diskcheck

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/check-ingest/check-ingest/ingest/plan"
	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/checkcli"
	"github.com/check-ingest/check-ingest/internal/ledger"
)

// pending is what a load of the data dir would take.
type pending struct {
	dataDir string
	known   bool  // false where err says why not, or where the data dir did not answer in time
	err     error // nil and not known: it did not answer in time
	space   plan.Space

	snapshot time.Time // of the ledger snapshot that it was compared with; zero without one
	doubt    string    // in a few words what makes the estimate doubtful; "" where nothing does
	detail   string    // the same in a sentence
}

// findPending compares the data dir with the ledger snapshot beside the database. It may hang in the kernel.
func (c *Cmd) findPending(ctx context.Context) pending {
	p := pending{dataDir: c.DataDir}
	listing, err := source.Find(ctx, c.DataDir, source.Options{Market: c.Market, Symbols: c.Symbol})
	if err != nil {
		p.err = err
		return p
	}
	snapshot := p.readSnapshot(c.DB)
	checkcli.Stage(ctx, "comparing the data dir with the ledger snapshot")
	files, _ := source.Choose(listing.Files)
	files = plan.Pending(files, snapshot.Coverage(), c.StartDate, c.EndDate)
	p.space = plan.Estimate(files, ledger.Ratio(snapshot.BytesCSV, snapshot.BytesDatabase))
	p.known = true
	return p
}

// readSnapshot reads the snapshot of a database and notes what is doubtful about it. A database that does not exist needs none.
func (p *pending) readSnapshot(db string) ledger.Snapshot {
	path := db
	if resolved, err := filepath.EvalSymlinks(db); err == nil {
		path = resolved // the loader leaves the snapshot beside the file itself
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return ledger.Snapshot{}
	}
	if err != nil {
		p.doubt, p.detail = "the database cannot be looked at", err.Error()
		return ledger.Snapshot{}
	}
	snapshot, err := ledger.ReadSnapshot(ledger.PathFor(path))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.doubt = "without a ledger snapshot every file counts"
		p.detail = "the loader leaves a ledger snapshot beside the database when it has loaded something: " + ledger.PathFor(path) + " is not there"
		return ledger.Snapshot{}
	case err != nil:
		p.doubt, p.detail = "the ledger snapshot cannot be read, so every file counts", err.Error()
		return ledger.Snapshot{}
	case snapshot.StaleAgainst(info.Size(), info.ModTime()):
		p.doubt = "by a ledger snapshot older than the database"
		p.detail = "the database changed after its ledger snapshot was written: by a load that runs or died, or by another program"
	}
	p.snapshot = snapshot.WrittenAt
	return snapshot
}
