package source

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
)

// What can be wrong with a file; test for it with errors.Is.
var (
	ErrEmpty      = errors.New("empty file")
	ErrNotRegular = errors.New("not a regular file")
	ErrNotZip     = errors.New("not of the format its name says") // no zip, or no gzip or zstd where the name ends so
	ErrMarkup     = errors.New("an HTML or XML page")
	ErrTruncated  = errors.New("truncated")
	ErrCorrupt    = errors.New("damaged") // compressed data or an archive's directory that makes no sense
	ErrMember     = errors.New("not the member that was expected")
	ErrTooLarge   = errors.New("too large")
	ErrCRC        = errors.New("wrong CRC")
	ErrChecksum   = errors.New("wrong checksum") // or a .CHECKSUM file that is none
	ErrChanged    = errors.New("changed while it was read")
)

// FileError says what is wrong with one file and what to do about it.
type FileError struct {
	Path    string
	Problem string // a sentence without the path, beginning in lower case
	Remedy  string // a sentence too, such as "fetch it again"
	Err     error  // one of the package's errors, or the system's
}

// Error is the file's base name and the problem.
func (e *FileError) Error() string { return filepath.Base(e.Path) + ": " + e.Problem }

// Unwrap is the kind of problem.
func (e *FileError) Unwrap() error { return e.Err }

// DirError says why a data dir cannot be listed, and what to do about it.
type DirError struct {
	Path    string
	Problem string // a sentence with the path
	Remedy  string
	Err     error // the system's
}

// Error is the problem and what to do about it.
func (e *DirError) Error() string { return e.Problem + "; " + e.Remedy }

// Unwrap is what the system said.
func (e *DirError) Unwrap() error { return e.Err }

func dirFault(path string, err error) *DirError {
	err = cause(err)
	e := &DirError{Path: path, Problem: fmt.Sprintf("the data dir %s cannot be read: %v", path, err), Remedy: "correct --data-dir", Err: err}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Problem = fmt.Sprintf("the data dir %s does not exist", path)
		e.Remedy = "mount or create it, or correct --data-dir"
	case errors.Is(err, syscall.ENOTDIR):
		e.Problem = fmt.Sprintf("the data dir %s is not a folder", path)
	case errors.Is(err, fs.ErrPermission):
		e.Remedy = "let this user read it"
	case Transient(err):
		e.Remedy = "look at the disk (dmesg) or at the server of the network mount"
	}
	return e
}

// fault is an error of one of the kinds above.
func fault(path string, kind error, problem string) *FileError {
	return &FileError{Path: path, Problem: problem, Remedy: remedy(kind), Err: kind}
}

// ioFault is an error of the operating system.
func ioFault(path, verb string, err error) *FileError {
	err = cause(err)
	return &FileError{Path: path, Problem: fmt.Sprintf("cannot %s it: %v", verb, err), Remedy: remedy(err), Err: err}
}

func remedy(kind error) string {
	switch {
	case errors.Is(kind, ErrChanged):
		return "wait until the download is complete, then try again"
	case errors.Is(kind, ErrNotRegular):
		return "put the download itself in its place"
	case errors.Is(kind, ErrTooLarge):
		return "raise the limit (--max-unpacked) if it is genuine, else fetch it again"
	case errors.Is(kind, fs.ErrPermission):
		return "let this user read it"
	case errors.Is(kind, fs.ErrNotExist):
		return "it was there when the data dir was listed: see what removed it"
	case Transient(kind):
		return "try again; if it stays, look at the disk or the network mount"
	default:
		return "fetch it again"
	}
}

// Transient reports whether trying again may help, the file being unchanged: errors of disks and networks that pass, and files that
// changed while they were read. A bad file is never transient.
func Transient(err error) bool {
	if errors.Is(err, ErrChanged) {
		return true
	}
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return false
	}
	switch errno {
	case syscall.EIO, syscall.ESTALE, syscall.ETIMEDOUT, syscall.EAGAIN, syscall.EINTR, syscall.EREMOTEIO, syscall.ENOMEM, syscall.ENFILE, syscall.EMFILE,
		syscall.ENETDOWN, syscall.ENETUNREACH, syscall.ENETRESET, syscall.EHOSTDOWN, syscall.EHOSTUNREACH,
		syscall.ECONNRESET, syscall.ECONNABORTED, syscall.ECONNREFUSED, syscall.ENOTCONN:
		return true
	default:
		return false
	}
}
