// Package smallfile reads and replaces the small files that processes leave for each other: the loader's
// status and the snapshot of its ledger. They lie in folders that other users may write, /tmp above all, so reading never
// follows a symbolic link, never waits on a FIFO and never reads without bound, and replacing is atomic.
package smallfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// The ways in which a file may be unfit to be read; test for them with errors.Is.
var (
	ErrNotRegular = errors.New("not a regular file")
	ErrTooLarge   = errors.New("larger than it can rightly be")
)

// Read returns the content of the regular file at path, at most limit bytes, and what fstat says of the very file
// that was read. A symbolic link, FIFO, folder or device is [ErrNotRegular], a larger file [ErrTooLarge];
// an absent one satisfies errors.Is(err, fs.ErrNotExist).
func Read(path string, limit int64) ([]byte, fs.FileInfo, error) {
	// O_NONBLOCK: opening a FIFO to read would wait for a writer, perhaps for ever.
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.ELOOP) {
		return nil, nil, fmt.Errorf("read %s: symlink: %w", path, ErrNotRegular)
	}
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("read %s: %w", path, ErrNotRegular)
	}
	if info.Size() > limit {
		return nil, nil, fmt.Errorf("read %s: %d bytes, limit %d: %w", path, info.Size(), limit, ErrTooLarge)
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1)) // it may grow while it is read
	if err != nil {
		return nil, nil, err
	}
	if int64(len(data)) > limit {
		return nil, nil, fmt.Errorf("read %s: more than %d bytes: %w", path, limit, ErrTooLarge)
	}
	return data, info, nil
}

// Mode says how [Replace] writes.
type Mode struct {
	Perm  fs.FileMode // permission bits
	Exact bool        // whatever the umask is; otherwise the umask applies to Perm
	Sync  bool        // data and folder reach the disk before Replace returns, so that the file survives a power loss
}

// Replace makes data the content of path, atomically: a reader sees the old file or the new one, and nothing in between. What
// path names is replaced, not followed. After an error the old file is unchanged; in a sticky folder that is what
// happens where path belongs to another user (errors.Is(err, fs.ErrPermission)).
func Replace(path string, data []byte, mode Mode) error {
	temp, err := writeTemp(path, data, mode)
	if err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	if mode.Sync {
		return syncFolder(filepath.Dir(path))
	}
	return nil
}

// writeTemp writes data to a new file beside path and returns its name; after an error there is no such file.
func writeTemp(path string, data []byte, mode Mode) (string, error) {
	f, err := createBeside(path, mode.Perm)
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if err == nil && mode.Exact {
		err = f.Chmod(mode.Perm)
	}
	if err == nil && mode.Sync {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// syncFolder makes a rename inside dir durable.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
