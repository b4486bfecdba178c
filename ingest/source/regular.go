package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// openRegular opens a file to read and never waits: opening a FIFO would, and opening some devices does things. A symbolic link to a
// regular file is fine. Anything but a regular file is [ErrNotRegular].
func openRegular(path string) (*os.File, fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, ioFault(path, "open", err)
	}
	if !info.Mode().IsRegular() {
		return nil, nil, notRegular(path, info.Mode())
	}
	// Something else may have taken its place meanwhile, hence O_NONBLOCK and the second look.
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, ioFault(path, "open", err)
	}
	info, err = f.Stat()
	switch {
	case err != nil:
		err = ioFault(path, "stat", err)
	case !info.Mode().IsRegular():
		err = notRegular(path, info.Mode())
	default:
		return f, info, nil
	}
	_ = f.Close() // nothing was written, and err says more
	return nil, nil, err
}

func notRegular(path string, mode fs.FileMode) *FileError {
	return fault(path, ErrNotRegular, fmt.Sprintf("is %s, not a file", kindOf(mode)))
}

// kindOf says in words what is no regular file.
func kindOf(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	default:
		return "something special"
	}
}

// fileID is what the kernel knows a file by.
type fileID struct{ device, inode uint64 }

// identify tells two names of one file from two files; false where the system does not say.
func identify(info fs.FileInfo) (fileID, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fileID{}, false
	}
	return fileID{st.Dev, st.Ino}, true
}

// cause is an I/O error without the operation and the path, which the caller says in its own words.
func cause(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

func isEOF(err error) bool { return errors.Is(err, io.EOF) }
