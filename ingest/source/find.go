package source

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
)

// File is one download: what its name, its folder and stat say of it.
type File struct {
	Path    string // absolute and cleaned; symbolic links are not resolved
	Series  catalog.Series
	Period  catalog.Period
	Format  Format
	Size    int64     // bytes as it lies on disk
	ModTime time.Time // UTC, whole microseconds

	MarketGuessed bool // the path does not tell the market, it is [Options].Market
}

// Compare orders files by period, then series, then path.
func (f File) Compare(o File) int {
	return cmp.Or(f.Period.Compare(o.Period), f.Series.Compare(o.Series), strings.Compare(f.Path, o.Path))
}

// Unchanged returns an error of [ErrChanged] where the file is no longer what it was when it was found.
func (f File) Unchanged() error {
	info, err := os.Stat(f.Path)
	switch {
	case err != nil:
		return ioFault(f.Path, "stat", err)
	case info.Size() != f.Size || !info.ModTime().Truncate(time.Microsecond).Equal(f.ModTime):
		return changed(f.Path)
	default:
		return nil
	}
}

// Options narrow a search.
type Options struct {
	Market  catalog.Market // of files whose path does not tell; "" for um
	Symbols []string       // nil for all
	First   *catalog.Day   // a file is in if its period overlaps [First, Last]; nil for no bound
	Last    *catalog.Day
}

// Skipped is something that was left out and might have been meant. Its texts may hold any bytes a file name can.
type Skipped struct {
	Path   string
	Reason string // without the path
}

// Listing is what a data dir holds.
type Listing struct {
	Files     []File    // in the order of [File.Compare]
	Skipped   []Skipped // by path: unreadable folders, bad or unfinished names, what is no regular file, .CHECKSUMs without their file
	Unmatched int       // other files: klines, notes and the like
	Outside   int       // files of symbols or days that were not asked for
}

// Find lists the files of a data dir. The layout does not matter: names tell symbol and period, and the market is that of the nearest folder on
// the path called spot, um or cm (or usd-m, coin-m), in either case, else [Options].Market.
//
// Symbolic links are followed, but not to folders above the data dir, and no folder is read twice: what several paths lead to is listed under
// the one without links.
// Hidden files and folders are passed over. Nothing is opened but folders. Files come with all their copies; see [Choose].
//
// The error says that the data dir itself cannot be read, a [*DirError], or is that of ctx.
func Find(ctx context.Context, dir string, o Options) (Listing, error) {
	if o.Market == "" {
		o.Market = catalog.UM
	}
	if _, err := catalog.ParseMarket(string(o.Market)); err != nil {
		return Listing{}, err
	}
	if dir == "" {
		return Listing{}, errors.New("data dir: is not given")
	}
	root, err := filepath.Abs(dir)
	if err != nil {
		return Listing{}, dirFault(dir, err)
	}
	w := walker{ctx: ctx, options: o, seen: map[fileID]bool{}}
	w.passOverAncestors(root)
	market, told := marketAbove(root)
	if err := w.folder(folder{root, market, told}); err != nil {
		return Listing{}, w.failed(root, err)
	}
	// Links come last, so that what also lies in the tree itself has been seen there.
	for len(w.links) > 0 {
		next := w.links[0]
		w.links = w.links[1:]
		if err := w.descend(next); err != nil {
			return Listing{}, w.failed(root, err)
		}
	}
	slices.SortFunc(w.listing.Files, File.Compare)
	slices.SortFunc(w.listing.Skipped, func(a, b Skipped) int { return strings.Compare(a.Path, b.Path) })
	return w.listing, nil
}

// failed is the error of a walk that could not go on.
func (w *walker) failed(root string, err error) error {
	if w.ctx.Err() != nil {
		return err
	}
	return dirFault(root, err)
}
