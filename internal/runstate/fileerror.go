package runstate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// FileError says why a lock or status file cannot be used, and what to do about it.
type FileError struct {
	Path    string
	Problem string // what is wrong: a sentence with the path, without a full stop
	Remedy  string // what to do, likewise; empty where there is nothing to be done
	Err     error  // the cause, never nil
}

// Error is the problem and what to do about it.
func (e *FileError) Error() string {
	if e.Remedy == "" {
		return e.Problem
	}
	return e.Problem + "; " + e.Remedy
}

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// ErrNotRegular is the cause of a [*FileError] whose path names something other than a regular file.
var ErrNotRegular = errors.New("not a regular file")

// checkRegular is a *FileError for anything but a regular file.
func checkRegular(path string, info fs.FileInfo) error {
	if info.Mode().IsRegular() {
		return nil
	}
	kind := kindOf(info.Mode())
	return &FileError{
		Path:    path,
		Problem: fmt.Sprintf("the lock file %s is a %s, not a regular file", path, kind),
		Remedy:  "find out who made the " + kind + " and remove it, or name another file with --lock-file",
		Err:     ErrNotRegular,
	}
}

// kindOf names what a path may lead to.
func kindOf(mode fs.FileMode) string {
	switch mode.Type() {
	case 0:
		return "file"
	case fs.ModeSymlink:
		return "symlink"
	case fs.ModeDir:
		return "folder"
	case fs.ModeNamedPipe:
		return "FIFO"
	case fs.ModeSocket:
		return "socket"
	default:
		return "device"
	}
}

// newFileError explains why the lock file at path could not be opened, created or locked.
func newFileError(path string, cause error) error {
	var known *FileError
	if errors.As(cause, &known) {
		return cause
	}
	e := &FileError{Path: path, Err: cause}
	switch {
	case errors.Is(cause, unix.ELOOP):
		e.Problem = fmt.Sprintf("the lock file %s is a symlink, not a regular file", path)
		e.Remedy = "find out who made the symlink and remove it, or name another file with --lock-file"
		e.Err = ErrNotRegular
	case errors.Is(cause, fs.ErrNotExist):
		e.Problem = fmt.Sprintf("the lock file %s cannot be created: there is no folder %s", path, filepath.Dir(path))
		e.Remedy = "create the folder, or name another file with --lock-file"
	case errors.Is(cause, fs.ErrPermission):
		e.Problem = fmt.Sprintf("the lock file %s cannot be opened: %s", path, denied(path))
		e.Remedy = "run every load as one user, or give this one a lock file of its own with --lock-file, which then guards against nobody else"
	case errors.Is(cause, unix.EROFS), errors.Is(cause, unix.ENOSPC):
		e.Problem = fmt.Sprintf("the lock file %s cannot be created: %s", path, bare(cause))
		e.Remedy = "name a file on a writable file system with --lock-file"
	case errors.Is(cause, errReplaced):
		e.Problem = fmt.Sprintf("the lock file %s cannot be locked: %s", path, bare(cause))
		e.Remedy = "find out which process does; the lock file must stay as it is for good"
	default:
		e.Problem = fmt.Sprintf("the lock file %s cannot be locked: %s", path, bare(cause))
		e.Remedy = "name a file on a local file system with --lock-file"
	}
	return e
}

// denied says whose file it is that may not be opened.
func denied(path string) string {
	info, err := os.Lstat(path)
	if err != nil {
		return "permission denied in folder " + filepath.Dir(path)
	}
	return fmt.Sprintf("permission denied, it belongs to user %s with mode %#o", userName(ownerOf(info)), info.Mode().Perm())
}

// bare is the cause without the operation and path that os adds, since the sentence around it has both.
func bare(err error) string {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err.Error()
	}
	var linkErr *os.LinkError
	if errors.As(err, &linkErr) {
		return linkErr.Err.Error()
	}
	return err.Error()
}

// ownerOf is the user id that a file belongs to, -1 if info does not come from the file system.
func ownerOf(info fs.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid)
	}
	return -1
}
