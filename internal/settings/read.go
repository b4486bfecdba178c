package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/check-ingest/check-ingest/internal/shell"
	"github.com/check-ingest/check-ingest/internal/smallfile"
)

// SystemFile is read where --config is not given.
const SystemFile = "/etc/check-ingest/config.yaml"

// maxFileSize bounds a file of settings, in bytes.
const maxFileSize = 1 << 20

// candidate is a file that may be read.
type candidate struct {
	path     string
	required bool // missing is an error
	system   bool // a folder that cannot be searched is an error: skipping it would drop the operator's thresholds
}

// candidates are the files to read, the later beating the earlier.
func candidates(config, system string, lookup func(string) (string, bool)) []candidate {
	if config != "" {
		return []candidate{{path: config, required: true, system: true}}
	}
	out := []candidate{{path: system, system: true}}
	dir, ok := lookup("XDG_CONFIG_HOME")
	if !ok || !filepath.IsAbs(dir) { // the specification says to ignore a relative one
		home, _ := lookup("HOME")
		if !filepath.IsAbs(home) {
			return out
		}
		dir = filepath.Join(home, ".config")
	}
	return append(out, candidate{path: filepath.Join(dir, "check-ingest", "config.yaml")})
}

// read gives the content of a candidate, and false where there is no such file and none is needed.
func (c candidate) read() ([]byte, bool, error) {
	path, err := filepath.EvalSymlinks(c.path)
	switch {
	case err == nil:
	case c.required:
		return nil, false, c.fault(err)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return nil, false, nil
	case !c.system && errors.Is(err, fs.ErrPermission):
		return nil, false, nil // HOME is another user's, as in a daemon that was started by root and dropped it
	default:
		return nil, false, c.fault(err)
	}
	data, info, err := smallfile.Read(path, maxFileSize)
	if err != nil {
		return nil, false, fmt.Errorf("read settings: %w", err)
	}
	return data, true, checkWriters(c.path, info)
}

// fault is an error of resolving the candidate's path, which names only the part that is wrong, with the whole path.
func (c candidate) fault(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) && p.Path != c.path {
		return fmt.Errorf("read settings %s: %w", c.path, err)
	}
	return fmt.Errorf("read settings: %w", err)
}

// checkWriters refuses a file that anybody may write, or that a group may write which neither root nor this user has
// let in: it decides which database and folders are looked at.
func checkWriters(path string, info fs.FileInfo) error {
	mode := info.Mode().Perm()
	ours := false
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		ours = st.Uid == 0 || int(st.Uid) == os.Geteuid()
	}
	if mode&0o002 != 0 || mode&0o020 != 0 && !ours {
		return fmt.Errorf("read settings: %s may be written by others (mode %04o); run: chmod go-w %s", path, mode, shell.Quote(path))
	}
	return nil
}
