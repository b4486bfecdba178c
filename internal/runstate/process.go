package runstate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// clockTick is the unit of field 22 of /proc/PID/stat. The kernel fixes it at 1/100 s (USER_HZ) for what user space sees on
// amd64 and arm64, whatever its own tick is.
const clockTick = time.Second / 100

// maxProcFile bounds what is read of one file of proc; /proc/locks takes some 60 bytes a lock.
const maxProcFile = 16 << 20

// procBuffer is room for every file of proc but a lock table of a thousand locks, so that it takes one read(2), and the kernel
// cuts the table at pages and not at what a small buffer has room for.
const procBuffer = 64 << 10

// errSyntax is a file of proc that does not look as proc(5) says.
var errSyntax = errors.New("unexpected format")

// ReadHolder describes the process with that PID. A process that does not exist satisfies errors.Is(err, fs.ErrNotExist);
// one that this user may not look at (hidepid) satisfies errors.Is(err, fs.ErrPermission), and the Holder then has what could be seen.
func ReadHolder(procRoot string, pid int) (Holder, error) {
	return readHolder(procRoot, strconv.Itoa(pid), pid)
}

// readHolder is ReadHolder with the name of the process's folder, which may be "self".
func readHolder(procRoot, name string, pid int) (Holder, error) {
	h := Holder{PID: pid, InnerPID: pid, UID: -1}
	dir := filepath.Join(procRoot, name)
	info, err := os.Stat(dir)
	if err != nil {
		return h, err
	}
	h.setUser(ownerOf(info)) // where hidepid=1 hides the rest, the folder still has an owner

	data, err := readProc(filepath.Join(dir, "stat"))
	if err != nil {
		return h, err
	}
	st, err := parseStat(data)
	if err != nil {
		return h, fmt.Errorf("read %s/stat: %w", dir, err)
	}
	data, err = readProc(filepath.Join(dir, "status"))
	if err != nil {
		return h, err
	}
	ids, err := parseIDs(data)
	if err != nil {
		return h, fmt.Errorf("read %s/status: %w", dir, err)
	}
	h.setUser(ids.uid)
	h.InnerPID = ids.innerPID
	h.StartTicks, h.Ended = st.startTicks, st.ended
	h.Program = clean(st.comm)
	if data, err := readProc(filepath.Join(dir, "cmdline")); err == nil {
		h.Program = programName(st.comm, parseCmdline(data))
	}
	if boot, err := bootTime(procRoot); err == nil {
		h.Since = boot.Add(time.Duration(st.startTicks) * clockTick) //nolint:gosec // parseStat refuses what does not fit
	}
	h.Known = true
	return h, nil
}

// setUser sets the user by id.
func (h *Holder) setUser(uid int) {
	if uid >= 0 && uid != h.UID {
		h.UID, h.User = uid, userName(uid)
	}
}

// userName is a user's name, or "uid 1234" where the id has none.
func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return clean(u.Username)
	}
	return "uid " + strconv.Itoa(uid)
}

// bootTime is the "btime" line of /proc/stat.
func bootTime(procRoot string) (time.Time, error) {
	data, err := readProc(filepath.Join(procRoot, "stat"))
	if err != nil {
		return time.Time{}, err
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(field(data, "btime ")), 10, 64)
	if err != nil || seconds < 0 {
		return time.Time{}, fmt.Errorf("read %s/stat: btime: %w", procRoot, errSyntax)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// stat is what is wanted of /proc/PID/stat.
type stat struct {
	comm       string
	ended      bool   // field 3: it has ended, and its parent has not asked how
	startTicks uint64 // field 22
}

// parseStat reads /proc/PID/stat. The second field, the program's name in parentheses, may itself hold spaces, parentheses and newlines, so that
// the fields behind it count from the last ')' (proc_pid_stat(5)).
func parseStat(data []byte) (stat, error) {
	const startTime = 22 - 3 // index among the fields behind the name, of which the first is field 3
	open, end := bytes.IndexByte(data, '('), bytes.LastIndexByte(data, ')')
	if open < 0 || end < open {
		return stat{}, errSyntax
	}
	rest := bytes.Fields(data[end+1:])
	if len(rest) <= startTime || len(rest[0]) != 1 {
		return stat{}, errSyntax
	}
	ticks, err := strconv.ParseUint(string(rest[startTime]), 10, 64)
	if err != nil || ticks > uint64((1<<63-1)/int64(clockTick)) {
		return stat{}, errSyntax
	}
	return stat{comm: string(data[open+1 : end]), ended: bytes.ContainsAny(rest[0], "ZXx"), startTicks: ticks}, nil
}

// ids is what is wanted of /proc/PID/status.
type ids struct {
	uid      int // effective
	innerPID int // in the process's own PID namespace
}

// parseIDs reads the lines "Uid:" (real, effective, saved, file system) and "NSpid:" (one PID for each PID namespace, the innermost last; absent before
// Linux 4.1, then "Pid:" has to do) of /proc/PID/status.
func parseIDs(data []byte) (ids, error) {
	uids := strings.Fields(field(data, "Uid:"))
	if len(uids) != 4 {
		return ids{}, errSyntax
	}
	uid, err := strconv.ParseUint(uids[1], 10, 32)
	if err != nil {
		return ids{}, errSyntax
	}
	pids := strings.Fields(field(data, "NSpid:"))
	if len(pids) == 0 {
		pids = strings.Fields(field(data, "Pid:"))
	}
	if len(pids) == 0 {
		return ids{}, errSyntax
	}
	pid, err := strconv.ParseUint(pids[len(pids)-1], 10, 31)
	if err != nil {
		return ids{}, errSyntax
	}
	return ids{uid: int(uid), innerPID: int(pid)}, nil
}

// field is what follows prefix on the first line that begins with it, "" where there is none.
func field(data []byte, prefix string) string {
	for line := range bytes.Lines(data) {
		if rest, ok := bytes.CutPrefix(line, []byte(prefix)); ok {
			return string(bytes.TrimRight(rest, "\n"))
		}
	}
	return ""
}

// readProc reads one file of proc, which has no size that could be asked for beforehand.
func readProc(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var buf bytes.Buffer
	buf.Grow(procBuffer)
	_, err = buf.ReadFrom(io.LimitReader(f, maxProcFile))
	if errors.Is(err, unix.ESRCH) { // it ended after the open
		return nil, &fs.PathError{Op: "read", Path: path, Err: fs.ErrNotExist}
	}
	return buf.Bytes(), err
}
