package runstate

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// tableLock is one line of /proc/locks.
type tableLock struct {
	class string // FLOCK, POSIX, OFDLCK, LEASE, ...
	mode  string // READ, WRITE, ...
	pid   int    // -1: of an open file and not of a process; 0: of a process in another PID namespace
	dev   uint64 // as in stat(2)
	inode uint64
}

// excludes reports whether the lock keeps a load from starting. A shared flock does, since the load wants an exclusive one. A
// POSIX write lock does not in the kernel, but whoever takes one on this file (fcntl.lockf in Python) means the same.
func (l tableLock) excludes() bool {
	switch l.class {
	case "FLOCK":
		return l.mode == "READ" || l.mode == "WRITE"
	case "POSIX", "OFDLCK":
		return l.mode == "WRITE"
	default:
		return false // leases and delegations lock nobody out
	}
}

// parseLocks reads /proc/locks (proc_locks(5)):
//
//	1: FLOCK  ADVISORY  WRITE 10070 fe:00:9978051 0 EOF
//	1: -> FLOCK  ADVISORY  WRITE 10071 fe:00:9978051 0 EOF
//
// with the device in hexadecimal and the inode in decimal. Lines with an arrow are processes that wait, and are left out,
// as are locks on no file ("<none>:0").
func parseLocks(data []byte) ([]tableLock, error) {
	var locks []tableLock
	for line := range bytes.Lines(data) {
		f := strings.Fields(string(line))
		if len(f) == 0 || len(f) > 1 && f[1] == "->" {
			continue
		}
		if len(f) < 8 {
			return nil, fmt.Errorf("line %q: %w", line, errSyntax)
		}
		if strings.HasPrefix(f[5], "<none>") {
			continue
		}
		pid, err := strconv.ParseInt(f[4], 10, 32)
		if err != nil {
			return nil, fmt.Errorf("line %q: PID: %w", line, errSyntax)
		}
		dev, inode, ok := parseLockedFile(f[5])
		if !ok {
			return nil, fmt.Errorf("line %q: file: %w", line, errSyntax)
		}
		locks = append(locks, tableLock{class: f[1], mode: f[3], pid: int(pid), dev: dev, inode: inode})
	}
	return locks, nil
}

// parseLockedFile reads "fe:00:9978051".
func parseLockedFile(s string) (dev, inode uint64, ok bool) {
	majorText, rest, _ := strings.Cut(s, ":")
	minorText, inodeText, _ := strings.Cut(rest, ":")
	major, err := strconv.ParseUint(majorText, 16, 32)
	if err != nil {
		return 0, 0, false
	}
	minor, err := strconv.ParseUint(minorText, 16, 32)
	if err != nil {
		return 0, 0, false
	}
	inode, err = strconv.ParseUint(inodeText, 10, 64)
	return unix.Mkdev(uint32(major), uint32(minor)), inode, err == nil
}

// mount is what /proc/self/mountinfo says of the file system that a file is on.
type mount struct {
	dev    uint64
	fsType string
}

// network reports whether other hosts may hold locks there that this kernel does not know of.
func (m mount) network() bool {
	switch m.fsType {
	case "nfs", "nfs4", "cifs", "smb3", "ceph", "glusterfs", "fuse.glusterfs", "fuse.sshfs", "9p":
		return true
	default:
		return false
	}
}

// parseMount finds the mount with that id in /proc/self/mountinfo (proc_pid_mountinfo(5)):
//
//	22 27 0:21 / /proc rw,relatime shared:5 - proc proc rw
func parseMount(data []byte, id uint64) (mount, bool) {
	want := strconv.FormatUint(id, 10)
	for line := range bytes.Lines(data) {
		f := strings.Fields(string(line))
		if len(f) < 3 || f[0] != want {
			continue
		}
		majorText, minorText, _ := strings.Cut(f[2], ":")
		major, err := strconv.ParseUint(majorText, 10, 32)
		if err != nil {
			return mount{}, false
		}
		minor, err := strconv.ParseUint(minorText, 10, 32)
		if err != nil {
			return mount{}, false
		}
		m := mount{dev: unix.Mkdev(uint32(major), uint32(minor))}
		for i := 6; i+1 < len(f); i++ { // optional fields end at "-"
			if f[i] == "-" {
				m.fsType = f[i+1]
				break
			}
		}
		return m, true
	}
	return mount{}, false
}

// mountOf finds the mount that path is on; the kernel tells it since Linux 5.8.
func mountOf(procRoot, path string) (mount, bool) {
	var stx unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_MNT_ID, &stx)
	if err != nil || stx.Mask&unix.STATX_MNT_ID == 0 {
		return mount{}, false
	}
	data, err := readProc(filepath.Join(procRoot, "self", "mountinfo"))
	if err != nil {
		return mount{}, false
	}
	return parseMount(data, stx.Mnt_id)
}

// initialPIDNamespace is the name of the machine's first PID namespace: its number is fixed in the kernel
// (PID_NS_INIT_INO, include/uapi/linux/nsfs.h).
const initialPIDNamespace = "pid:[4026531836]"

// seesAllProcesses reports whether this process is in the machine's first PID namespace. In any other, /proc/locks leaves out the locks of
// processes outside it (locks_show in fs/locks.c), so that a lock it does not list may be held all the same.
func seesAllProcesses(procRoot string) bool {
	ns, err := os.Readlink(filepath.Join(procRoot, "self", "ns", "pid"))
	return err == nil && ns == initialPIDNamespace
}
