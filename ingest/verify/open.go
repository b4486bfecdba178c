package verify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/store"
)

// open opens the database for reading, unless it cannot be used or a writer has it.
func (c Config) open(ctx context.Context, now time.Time) (*store.DB, error) {
	path, err := store.Resolve(c.Database)
	if err != nil {
		return nil, err
	}
	if _, err := store.Stat(path); err != nil {
		return nil, store.Absent(err)
	}
	if err := store.Recognize(path); err != nil {
		return nil, err
	}
	// The kernel is asked first, since DuckDB would not say who it is nor how far a load has got.
	use, err := store.UseOf(ctx, runstate.DefaultProcRoot, path, c.LockFile, now)
	if err != nil {
		return nil, err
	}
	if use.Mode == runstate.DBWriter {
		return nil, held(path, use)
	}
	db, err := store.OpenToCheck(ctx, path, c.options())
	if err != nil {
		return nil, err
	}
	if err := db.Table().Check(); err != nil {
		return nil, errors.Join(&store.Error{Kind: store.KindSchema, Path: path, Text: err.Error(), Remedy: "correct --db"}, db.Close())
	}
	return db, nil
}

// held says who writes to the database.
func held(path string, use store.Use) error {
	who := "by " + use.Holder.String()
	if use.Loading {
		who = "by a load: " + use.Holder.String()
	}
	if run := use.Run; run != nil && run.FilesTotal > 0 {
		who += fmt.Sprintf(", %s of %s done", amount.Text(run.FilesDone), amount.Of(run.FilesTotal, "file"))
	}
	return &store.Error{
		Kind: store.KindHeld, Path: path, Text: "is held open for writing " + who, Remedy: "try again when it is done", Holder: use.Holder.PID,
	}
}
