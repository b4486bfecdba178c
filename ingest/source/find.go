package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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
// The error says that the data dir itself cannot be read, or is that of ctx.
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
		return Listing{}, fmt.Errorf("find data dir %q: %w", dir, err)
	}
	w := walker{ctx: ctx, options: o, seen: map[fileID]bool{}}
	w.passOverAncestors(root)
	market, told := marketAbove(root)
	if err := w.folder(folder{root, market, told}); err != nil {
		return Listing{}, fmt.Errorf("read data dir %q: %w", root, cause(err))
	}
	// Links come last, so that what also lies in the tree itself has been seen there.
	for len(w.links) > 0 {
		next := w.links[0]
		w.links = w.links[1:]
		if err := w.descend(next); err != nil {
			return Listing{}, fmt.Errorf("read data dir %q: %w", root, err)
		}
	}
	slices.SortFunc(w.listing.Files, File.Compare)
	slices.SortFunc(w.listing.Skipped, func(a, b Skipped) int { return strings.Compare(a.Path, b.Path) })
	return w.listing, nil
}

// folder is a place in the tree, with the market that the path so far tells.
type folder struct {
	path   string
	market catalog.Market
	told   bool
}

// child is the folder's subfolder.
func (f folder) child(name string) folder {
	c := folder{filepath.Join(f.path, name), f.market, f.told}
	if m, ok := marketOf(name); ok {
		c.market, c.told = m, true
	}
	return c
}

// aggTrades reports whether what lies here should be aggTrades.
func (f folder) aggTrades() bool { return strings.EqualFold(filepath.Base(f.path), "aggTrades") }

type walker struct {
	ctx     context.Context // the walk's, which is one call
	options Options
	seen    map[fileID]bool // folders that were read, and those above the data dir
	links   []folder        // symbolic links to folders, still to be read
	listing Listing
}

func (w *walker) skip(path, format string, args ...any) {
	w.listing.Skipped = append(w.listing.Skipped, Skipped{path, fmt.Sprintf(format, args...)})
}

// passOverAncestors keeps a link that leads out of the data dir and above it from making the walk one of the whole disk.
func (w *walker) passOverAncestors(root string) {
	resolved, err := filepath.EvalSymlinks(root)
	if err != nil {
		return // the walk will say why
	}
	for dir := filepath.Dir(resolved); ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil {
			if id, ok := identify(info); ok {
				w.seen[id] = true
			}
		}
		if dir == filepath.Dir(dir) {
			return
		}
	}
}

// descend reads a subfolder. Its error is the context's: a folder that cannot be read is skipped.
func (w *walker) descend(f folder) error {
	err := w.folder(f)
	switch {
	case err == nil:
		return nil
	case w.ctx.Err() != nil:
		return w.ctx.Err()
	case errors.Is(err, os.ErrNotExist): // removed since it was listed
		return nil
	default:
		w.skip(f.path, "folder cannot be read: %v", cause(err))
		return nil
	}
}

// folder reads a folder and all below it.
func (w *walker) folder(f folder) error {
	entries, err := w.read(f.path)
	if err != nil {
		return err
	}
	names := make(map[string]bool, len(entries))
	for _, e := range entries {
		names[e.Name()] = true
	}
	for _, e := range entries {
		name := e.Name()
		switch {
		case strings.HasPrefix(name, "."):
			if !e.IsDir() {
				w.listing.Unmatched++
			}
		case e.IsDir():
			if name == "lost+found" { // fsck's, at the root of a mount, where only root may look
				continue
			}
			w.namedFolder(filepath.Join(f.path, name), name)
			if err := w.descend(f.child(name)); err != nil {
				return err
			}
		case e.Type()&os.ModeSymlink != 0:
			w.link(f, name)
		case strings.HasSuffix(name, checksumSuffix):
			w.checksum(f, name, names)
		default:
			w.entry(f, name, e.Info)
		}
	}
	return nil
}

// read lists a folder that was not seen yet, a thousand entries at a time so that ctx is watched.
func (w *walker) read(path string) ([]os.DirEntry, error) {
	d, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	info, err := d.Stat()
	if err != nil {
		return nil, err
	}
	if id, ok := identify(info); ok {
		if w.seen[id] {
			return nil, nil
		}
		w.seen[id] = true
	}
	var entries []os.DirEntry
	for {
		if err := w.ctx.Err(); err != nil {
			return nil, err
		}
		more, err := d.ReadDir(1000)
		entries = append(entries, more...)
		if len(more) == 0 {
			if err != nil && !isEOF(err) {
				return nil, err
			}
			// By name, so that the same tree always gives the same listing.
			slices.SortFunc(entries, func(a, b os.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
			return entries, nil
		}
	}
}

// namedFolder notes a folder that is called like a file; its content is looked at all the same.
func (w *walker) namedFolder(path, name string) {
	if symbol, period, _, err := parseName(name); err == nil && w.wanted(symbol, period) {
		w.skip(path, "a folder, not a file")
	}
}

// link looks at what a symbolic link leads to.
func (w *walker) link(f folder, name string) {
	path := filepath.Join(f.path, name)
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		w.links = append(w.links, f.child(name))
		return
	}
	if strings.HasSuffix(name, checksumSuffix) {
		return
	}
	w.entry(f, name, func() (os.FileInfo, error) {
		if errors.Is(err, os.ErrNotExist) {
			return nil, errDangling
		}
		return info, err
	})
}

var errDangling = errors.New("a symbolic link to nothing")

// checksum notes a .CHECKSUM whose file is not there in any format.
func (w *walker) checksum(f folder, name string, names map[string]bool) {
	stem, _, _ := cutFormat(strings.TrimSuffix(name, checksumSuffix))
	symbol, period, _, err := parseName(strings.TrimSuffix(name, checksumSuffix))
	if err != nil {
		w.listing.Unmatched++
		return
	}
	for _, format := range formats() {
		if names[stem+format.Suffix()] {
			return
		}
	}
	if w.wanted(symbol, period) {
		w.skip(filepath.Join(f.path, name), "a checksum without its file")
	}
}

// entry takes a file in, or says why not. The file is only looked at if its name is one that is wanted.
func (w *walker) entry(f folder, name string, stat func() (os.FileInfo, error)) {
	symbol, period, format, err := parseName(name)
	if err != nil {
		w.misnamed(f, name, err)
		return
	}
	if !w.wanted(symbol, period) {
		w.listing.Outside++
		return
	}
	path := filepath.Join(f.path, name)
	info, err := stat()
	switch {
	case errors.Is(err, os.ErrNotExist): // removed since it was listed
		return
	case err != nil:
		w.skip(path, "%v", cause(err))
		return
	case !info.Mode().IsRegular():
		w.skip(path, "%s, not a file", kindOf(info.Mode()))
		return
	}
	file := File{
		Path:    path,
		Series:  catalog.Series{Market: f.market, Symbol: symbol},
		Period:  period,
		Format:  format,
		Size:    info.Size(),
		ModTime: info.ModTime().UTC().Truncate(time.Microsecond),
	}
	if !f.told {
		file.Series.Market, file.MarketGuessed = w.options.Market, true
	}
	w.listing.Files = append(w.listing.Files, file)
}

// misnamed tells apart what may have been meant from what has nothing to do with aggTrades.
func (w *walker) misnamed(f folder, name string, err error) {
	_, _, known := cutFormat(name)
	meant := known && (strings.Contains(name, marker) || f.aggTrades())
	whole, unfinished := cutUnfinished(name)
	if unfinished {
		_, _, _, wholeErr := parseName(whole)
		unfinished = wholeErr == nil
	}
	asked := func(symbol string) bool { return strings.HasPrefix(name, symbol+"-") }
	switch {
	case !meant && !unfinished, len(w.options.Symbols) > 0 && !slices.ContainsFunc(w.options.Symbols, asked):
		w.listing.Unmatched++
	case unfinished:
		w.skip(filepath.Join(f.path, name), "an unfinished download")
	default:
		w.skip(filepath.Join(f.path, name), "name cannot be read: %v", err)
	}
}

// cutUnfinished takes off what download tools add to a name while the file is not complete.
func cutUnfinished(name string) (string, bool) {
	for _, suffix := range []string{".part", ".partial", ".tmp", ".temp", ".crdownload", ".download", ".aria2", ".filepart"} {
		if whole, ok := strings.CutSuffix(name, suffix); ok {
			return whole, true
		}
	}
	return "", false
}

// wanted reports whether the options ask for a file.
func (w *walker) wanted(symbol string, p catalog.Period) bool {
	o := w.options
	return (len(o.Symbols) == 0 || slices.Contains(o.Symbols, symbol)) &&
		(o.First == nil || p.End > *o.First) &&
		(o.Last == nil || p.First <= *o.Last)
}
