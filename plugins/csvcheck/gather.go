package csvcheck

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/checkcli"
)

// observation is what was found in the data dir.
type observation struct {
	dir    string // absolute
	dirErr error  // why it cannot be listed; nothing else is then known

	asked  asked
	depth  depth
	fixed  bool             // limits are not the reader's to change
	files  []source.File    // one of each series and period: what the loader would read
	looked []finding        // those of files that were looked at, in the same order
	series []series         // in order
	closed []source.Skipped // folders and files that may not be looked at
	passed []source.Skipped // what the loader passes over and might have been meant, such as other copies of files
	others int              // files whose names have nothing to do with trades
	aside  int              // files of other symbols or days than those asked for
}

// asked is which files and days are to be there.
type asked struct {
	symbols     []string     // nil for all
	first, last *catalog.Day // nil for no bound
}

// gather lists the data dir and looks at its files.
func (c *Cmd) gather(ctx context.Context, now time.Time) (observation, error) {
	o := observation{asked: asked{symbols: c.Symbol, first: c.StartDate, last: c.EndDate}, depth: c.depth(), fixed: c.Fixed}
	var err error
	if o.dir, err = filepath.Abs(c.DataDir); err != nil {
		return o, err
	}
	checkcli.Stage(ctx, "listing the data dir "+o.dir)
	listing, err := source.Find(ctx, o.dir, source.Options{Market: c.Market, Symbols: c.Symbol, First: c.StartDate, Last: c.EndDate})
	switch {
	case ctx.Err() != nil:
		return o, ctx.Err()
	case err != nil:
		o.dirErr = err
		return o, nil
	}
	checkcli.Stage(ctx, "choosing between copies of files in "+o.dir)
	files, copies := source.Choose(listing.Files)
	o.others, o.aside = listing.Unmatched, listing.Outside
	o.passOver(listing.Skipped)
	o.passed = append(o.passed, copies...)
	if o.looked, err = look(ctx, sample(files, c.Sample), o.depth); err != nil {
		return o, err
	}
	o.files = o.withoutGone(files)
	o.series = arrange(o.files, o.looked, o.asked, catalog.DayOf(now))
	return o, nil
}

// passOver sorts what was left out.
func (o *observation) passOver(skipped []source.Skipped) {
	for _, s := range skipped {
		if closed(s.Path) {
			o.closed = append(o.closed, s)
		} else {
			o.passed = append(o.passed, s)
		}
	}
}

// closed reports whether what was passed over may hold files that this process cannot look at.
func closed(path string) bool {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return errors.Is(err, fs.ErrPermission)
	case !info.IsDir():
		return false
	}
	d, err := os.Open(path)
	if err != nil {
		return true
	}
	_ = d.Close() // nothing was written
	return false
}

// withoutGone leaves out the files that were removed since they were listed, and forgets about them.
func (o *observation) withoutGone(files []source.File) []source.File {
	gone := map[string]bool{}
	o.looked = slices.DeleteFunc(o.looked, func(f finding) bool {
		if errors.Is(f.err, fs.ErrNotExist) {
			gone[f.file.Path] = true
		}
		return gone[f.file.Path]
	})
	return slices.DeleteFunc(files, func(f source.File) bool { return gone[f.Path] })
}
