package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/check-ingest/check-ingest/internal/catalog"
)

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

var errDangling = errors.New("a symlink to nothing")

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
	if !utf8.ValidString(path) { // the ledger's text is UTF-8
		w.skip(path, "its path is not valid UTF-8, so that it cannot be recorded; rename the file or the folder above it")
		return
	}
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
