package diskcheck

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// mount says where a file system is mounted and of what type it is; the zero value means that this is not known.
type mount struct {
	point  string // "/data"
	fsType string // "ext4"
}

// String is "/data (ext4)".
func (m mount) String() string { return m.point + " (" + m.fsType + ")" }

// mountOf finds the mount that an existing path is on: by the mount's id, which the kernel tells since Linux 5.8, and
// before that by the longest mount point that the path begins with.
func mountOf(path string) mount {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return mount{}
	}
	var stx unix.Statx_t
	err = unix.Statx(unix.AT_FDCWD, path, unix.AT_NO_AUTOMOUNT, unix.STATX_MNT_ID, &stx)
	if err == nil && stx.Mask&unix.STATX_MNT_ID != 0 {
		return findMount(string(data), func(id, _ string) bool { return id == strconv.FormatUint(stx.Mnt_id, 10) })
	}
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return mount{}
	}
	return findMount(string(data), func(_, point string) bool {
		return point == "/" || resolved == point || strings.HasPrefix(resolved, point+"/")
	})
}

// findMount finds the mount that fits among the lines of mountinfo (proc_pid_mountinfo(5)):
//
//	36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
//
// Of several the one with the longest mount point is meant, and of equal ones the last, which covers the others.
func findMount(mountinfo string, fits func(id, point string) bool) mount {
	var best mount
	for line := range strings.Lines(mountinfo) {
		f := strings.Fields(line)
		if len(f) < 5 {
			continue
		}
		point := unescape(f[4])
		if !fits(f[0], point) || len(point) < len(best.point) {
			continue
		}
		for i := 5; i+1 < len(f); i++ { // optional fields end at "-"
			if f[i] == "-" {
				best = mount{point, f[i+1]}
				break
			}
		}
	}
	return best
}

// unescape undoes the kernel's octal escapes, such as \040 for a space.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
