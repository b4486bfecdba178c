package runstate

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// lockers is what the kernel's tables say about who holds a file.
type lockers struct {
	held       bool
	holder     Holder
	unknowable string // why held or holder may be other than they seem
}

// The kernel hands out its lock table in pieces of a page; a lock elsewhere that goes away between two pieces makes it skip
// one (measured: one read in ten, in a table of 600 locks that come and go as fast as they can). A table that may have come in
// pieces is read up to tableReads times before a lock that it does not list counts as absent; see TestInspectAmongBusyLocks.
const (
	tableReads = 8
	onePiece   = 3 << 10 // bytes, less than a page by more than a line
)

// findLockers asks the lock table who holds the regular file at path.
func findLockers(procRoot, path string, file *syscall.Stat_t) lockers {
	m, mountKnown := mountOf(procRoot, path)
	table := lockTable{procRoot: procRoot, file: file, mount: m, mountKnown: mountKnown}
	var found []tableLock
	for range tableReads {
		data, err := readProc(filepath.Join(procRoot, "locks"))
		if err != nil {
			return lockers{unknowable: "the kernel's lock table cannot be read: " + err.Error()}
		}
		locks, err := parseLocks(data)
		if err != nil {
			return lockers{unknowable: "the kernel's lock table cannot be read: " + err.Error()}
		}
		found = slices.DeleteFunc(locks, func(l tableLock) bool { return !table.matches(l) })
		if len(found) > 0 || len(data) < onePiece {
			break
		}
	}
	switch {
	case len(found) > 0:
		slices.SortStableFunc(found, func(a, b tableLock) int { return cmp.Compare(a.class, b.class) }) // FLOCK first
		return table.holderOf(found[0])
	case !seesAllProcesses(procRoot):
		return lockers{unknowable: "this process runs in a PID namespace (a container) to which the kernel does not show the locks of processes outside it"}
	case m.network():
		return lockers{unknowable: "the lock file is on a network file system (" + m.fsType + "), where locks of other hosts cannot be seen"}
	default:
		return lockers{}
	}
}

// lockTable compares lines of /proc/locks with one file.
type lockTable struct {
	procRoot   string
	file       *syscall.Stat_t
	mount      mount
	mountKnown bool
}

// matches reports whether l locks the file.
//
// The table has the device of the file system (super block) and the inode. stat(2) has the same device, except on btrfs, where each subvolume has one
// of its own, and on some overlay file systems. There, the mount's device or, where that is not known, nothing but the inode
// has to agree, and the open files of the process decide, since inode numbers repeat from one subvolume to the next. Where
// this user may not look at them, the same number on the same file system counts as the same file.
func (t lockTable) matches(l tableLock) bool {
	if !l.excludes() || l.inode != t.file.Ino {
		return false
	}
	if l.dev == t.file.Dev {
		return true
	}
	if t.mountKnown {
		return l.dev == t.mount.dev && t.holds(l.pid) != no
	}
	return t.holds(l.pid) == yes
}

// holderOf finds the process behind a line of the table.
func (t lockTable) holderOf(l tableLock) lockers {
	nobody := Holder{UID: -1}
	if l.pid == 0 {
		return lockers{held: true, holder: nobody, unknowable: "the kernel names no process for the lock: its holder is in another PID namespace (a container)"}
	}
	if l.pid > 0 {
		h, err := ReadHolder(t.procRoot, l.pid)
		switch {
		case err == nil && t.holds(l.pid) != no:
			return lockers{held: true, holder: h}
		case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist) && t.hidden(l.pid):
			return lockers{held: true, holder: h, unknowable: fmt.Sprintf("process %d is hidden from this user (/proc is mounted with hidepid)", l.pid)}
		}
	}
	// The table names who took the lock. That process may have ended, and its PID may even be another's by now, while a child
	// that inherited the descriptor still holds it. A lock of an open file (OFDLCK) never names a process.
	if h, ok := t.scan(); ok {
		return lockers{held: true, holder: h}
	}
	if l.pid < 0 {
		return lockers{held: true, holder: nobody, unknowable: "the lock belongs to an open file, and which process has it open cannot be seen from here"}
	}
	return lockers{held: true, holder: nobody, unknowable: fmt.Sprintf("process %d took the lock and has ended; a process that inherited it holds it, and cannot be seen from here", l.pid)}
}

// hidden reports whether the process exists although proc does not show it. Signal 0 only asks.
func (t lockTable) hidden(pid int) bool {
	self, err := os.Readlink(filepath.Join(t.procRoot, "self"))
	if err != nil || self != strconv.Itoa(os.Getpid()) {
		return false // not the process table of this process's PID namespace, so its numbers mean others here
	}
	return errors.Is(unix.Kill(pid, 0), unix.EPERM)
}

// scan looks for a process that holds the lock through a descriptor it inherited.
func (t lockTable) scan() (Holder, bool) {
	entries, err := os.ReadDir(t.procRoot)
	if err != nil {
		return Holder{}, false
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || t.holds(pid) != yes {
			continue
		}
		if h, err := ReadHolder(t.procRoot, pid); err == nil {
			return h, true
		}
	}
	return Holder{}, false
}

// answer is what one process may tell another about its open files.
type answer int

const (
	unknown answer = iota // not to this user
	no
	yes
)

// holds reports whether the process has a lock on the file through one of its open files: /proc/PID/fd/N leads to
// the file and /proc/PID/fdinfo/N has a "lock:" line. The table's own PID says who took a lock, not who still has it.
func (t lockTable) holds(pid int) answer {
	dir := filepath.Join(t.procRoot, strconv.Itoa(pid))
	entries, err := os.ReadDir(filepath.Join(dir, "fd"))
	if err != nil {
		return unknown
	}
	result := no
	for _, e := range entries {
		info, err := os.Stat(filepath.Join(dir, "fd", e.Name()))
		if errors.Is(err, fs.ErrPermission) {
			return unknown
		}
		if err != nil {
			continue // closed meanwhile
		}
		if st, ok := info.Sys().(*syscall.Stat_t); !ok || st.Dev != t.file.Dev || st.Ino != t.file.Ino {
			continue
		}
		data, err := readProc(filepath.Join(dir, "fdinfo", e.Name()))
		if err != nil {
			result = unknown
			continue
		}
		if hasLock(data) {
			return yes
		}
	}
	return result
}

// hasLock reports whether a file of /proc/PID/fdinfo shows a lock that keeps a load from starting.
func hasLock(fdinfo []byte) bool {
	var all strings.Builder
	for line := range strings.Lines(string(fdinfo)) {
		if lock, ok := strings.CutPrefix(line, "lock:"); ok {
			all.WriteString(lock)
		}
	}
	locks, err := parseLocks([]byte(all.String()))
	return err == nil && slices.ContainsFunc(locks, tableLock.excludes)
}
