package runstate

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// DBMode is how a database file is held open by others.
type DBMode int

// The modes. Readers keep a writer out, and a writer keeps everybody out.
const (
	DBFree DBMode = iota
	DBReaders
	DBWriter
)

// String is "free", "readers" or "writer".
func (m DBMode) String() string {
	switch m {
	case DBFree:
		return "free"
	case DBReaders:
		return "readers"
	case DBWriter:
		return "writer"
	default:
		return fmt.Sprintf("DBMode(%d)", int(m))
	}
}

// DBLock is who has a database open.
type DBLock struct {
	Mode DBMode
	PID  int // one of them: 0 where the process is in another PID namespace or on another host, -1 where the lock belongs to an open file
}

// DatabaseHolder asks the kernel which other process holds DuckDB's lock on the database file at path: a POSIX lock on the whole
// file, for writing if the database is open read-write. It needs read permission only, takes no lock and waits for nothing. A
// path that names something other than a regular file is a [*FileError].
//
// DANGER: never call it in a process that has this database open. Closing any descriptor of a file drops all POSIX locks that the
// process has on it (fcntl_locking(2)), DuckDB's among them, and the next process would write into the same file.
// It could not see that process's own lock either.
func DatabaseHolder(path string) (DBLock, error) {
	// O_NONBLOCK: opening a FIFO would wait for a writer.
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return DBLock{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return DBLock{}, err
	}
	if !info.Mode().IsRegular() {
		kind := kindOf(info.Mode())
		return DBLock{}, &FileError{
			Path: path, Problem: fmt.Sprintf("the database %s is a %s, not a regular file", path, kind),
			Remedy: "correct --db", Err: ErrNotRegular,
		}
	}
	lock := unix.Flock_t{Type: unix.F_WRLCK} // from 0, length 0: the whole file, however long it gets
	if err := unix.FcntlFlock(f.Fd(), unix.F_GETLK, &lock); err != nil {
		return DBLock{}, fmt.Errorf("ask who holds %s: %w", path, err)
	}
	switch lock.Type {
	case unix.F_UNLCK:
		return DBLock{}, nil
	case unix.F_RDLCK:
		return DBLock{Mode: DBReaders, PID: int(lock.Pid)}, nil
	default:
		return DBLock{Mode: DBWriter, PID: int(lock.Pid)}, nil
	}
}
