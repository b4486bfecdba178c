package runstate

import (
	"errors"
	"fmt"
	"io/fs"
)

// Believe reports whether a status is the holder's own, and if not, why: the file's owner (fileUID) is the user that the holder runs as
// or root, and PID and start time are those of the live process that holds the lock. A holder in a container counts its PIDs from 1, so that the
// PID in its own namespace will do as well.
func Believe(s Status, fileUID int, h Holder, procRoot string) (bool, string) {
	if fileUID != 0 && fileUID != h.UID {
		return false, fmt.Sprintf("it belongs to user %s and the lock to a process of user %s", userName(fileUID), h.User)
	}
	if s.PID != h.PID && s.PID != h.InnerPID {
		return false, fmt.Sprintf("it is of PID %d and the lock is held by PID %d", s.PID, h.PID)
	}
	live, err := ReadHolder(procRoot, h.PID)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, fmt.Sprintf("its process, PID %d, has ended", h.PID)
	case err != nil:
		return false, fmt.Sprintf("its process cannot be looked at: %v", err)
	case s.PIDStart != live.StartTicks:
		return false, fmt.Sprintf("it is of an earlier process with PID %d", s.PID)
	default:
		return true, ""
	}
}

// mayHaveLocked reports whether a status of that user can be one of a holder: the lock file's owner and root may open it and so lock it, and
// everybody may where its mode lets them read. What a group may do is not looked at.
func mayHaveLocked(uid int, lockFile fs.FileInfo) bool {
	const othersRead = 0o004
	return uid == 0 || uid == ownerOf(lockFile) || lockFile.Mode().Perm()&othersRead != 0
}

// lives reports whether the process that published s still runs, as far as this one can see: one of the file's owner (fileUID), or any where that is
// root. In a container whose first process does not wait for
// others, one that was killed stays in the process table for ever.
func lives(procRoot string, s Status, fileUID int) bool {
	h, err := ReadHolder(procRoot, s.PID)
	return err == nil && !h.Ended && h.StartTicks == s.PIDStart && (fileUID == 0 || fileUID == h.UID)
}

// RunEnd is how a run that does not hold the lock came to that.
type RunEnd int

// The ends of a run.
const (
	// RunEnded is a run that said so; ExitCode and Outcome tell how.
	RunEnded RunEnd = iota + 1
	// RunDied is a run that did not say so, and whose lock is free: killed, or the machine went down.
	RunDied
	// RunUnlocked is a run whose process lives while the lock file at its path is free or absent: somebody replaced or removed that file, and it
	// keeps nobody out any more.
	RunUnlocked
	// RunSilent is a run that did not say so, gave no sign of life for too long, and whose process and lock cannot be seen from here.
	RunSilent
)

// String is "ended", "died", "unlocked" or "silent".
func (e RunEnd) String() string {
	switch e {
	case RunEnded:
		return "ended"
	case RunDied:
		return "died"
	case RunUnlocked:
		return "unlocked"
	case RunSilent:
		return "silent"
	default:
		return fmt.Sprintf("RunEnd(%d)", int(e))
	}
}

// LastRun is the last run that published a status and does not hold the lock now, and how it came to that; false where there is none. A run
// that holds the lock is State.Status.
func (s State) LastRun() (Status, RunEnd, bool) {
	switch {
	case s.Previous == nil:
		return Status{}, 0, false
	case s.Previous.Ended():
		return *s.Previous, RunEnded, true
	case s.PreviousLives:
		return *s.Previous, RunUnlocked, true
	case s.Unknowable != "":
		return *s.Previous, RunSilent, true
	default:
		return *s.Previous, RunDied, true
	}
}

// CurrentRun is the run that holds the lock, with an end of 0, or else what [State.LastRun] gives. A run that says it has ended, which it does a
// moment before it frees the lock, is RunEnded.
func (s State) CurrentRun() (Status, RunEnd, bool) {
	switch {
	case !s.Held || s.Status == nil:
		return s.LastRun()
	case s.Status.Ended():
		return *s.Status, RunEnded, true
	default:
		return *s.Status, 0, true
	}
}
