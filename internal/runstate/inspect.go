package runstate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
)

// State is what can be known about a lock file without opening it.
type State struct {
	Exists  bool
	Regular bool
	Kind    string // "file", "symlink", "folder", "FIFO", "socket" or "device"; "" if absent

	// Held reports that a process holds the lock, so says the kernel or, where the kernel cannot tell (Unknowable is set), a status with a
	// fresh heartbeat.
	Held   bool
	Holder Holder // while Held

	// Unknowable is why the kernel's tables do not tell all about the lock: whether it is held, where Held is false or
	// Holder.Known is false. "" where they do.
	Unknowable string

	Status        *Status // what the holder publishes about its run, believed
	StatusIgnored string  // why the status file that lies there is not believed; "" where it is, or where there is none

	// Previous is the status of a run that does not hold the lock, see LastRun.
	Previous      *Status
	PreviousLives bool // its process still runs
}

// Inspect finds out whether the lock on the file at path is held, by whom, and what the holder publishes. It does not open the
// lock file and takes no lock: stat(2), the kernel's tables under procRoot, and the status file are all it looks at. now is compared with
// the status' heartbeat where the kernel cannot tell whether the holder lives.
//
// An error means that not even stat(2) could tell; what is unknown beyond that is State.Unknowable.
func Inspect(procRoot, path string, now time.Time) (State, error) {
	return inspect(procRoot, path, &now)
}

// inspect is Inspect, or where now is nil believes any status to be of a recent sign of life.
func inspect(procRoot, path string, now *time.Time) (State, error) {
	state, err := inspectOnce(procRoot, path, now)
	if err == nil && state.inconsistent() {
		// Lock table and status were read one after the other, and a run may have begun or ended in between.
		state, err = inspectOnce(procRoot, path, now)
	}
	return state, err
}

// inconsistent reports whether lock and status contradict each other: a run that lives without the lock, or a holder whose status is another's.
func (s State) inconsistent() bool {
	return !s.Held && s.PreviousLives || s.Held && s.StatusIgnored != ""
}

func inspectOnce(procRoot, path string, now *time.Time) (State, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return inspectAbsent(procRoot, path), nil
	}
	if err != nil {
		return State{}, &FileError{Path: path, Problem: fmt.Sprintf("the lock file %s cannot be looked at: %s", path, bare(err)), Err: err}
	}
	state := State{Exists: true, Regular: info.Mode().IsRegular(), Kind: kindOf(info.Mode())}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !state.Regular || !ok {
		return state, nil
	}
	found := findLockers(procRoot, path, st)
	state.Held, state.Holder, state.Unknowable = found.held, found.holder, found.unknowable

	status, owner, err := readStatus(StatusPath(path))
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		state.StatusIgnored = err.Error()
	default:
		state.weigh(procRoot, status, ownerOf(owner), info, now)
	}
	return state, nil
}

// inspectAbsent is the state of a lock file that is not there. Whoever removed it did not end the run that holds the lock on what it was.
func inspectAbsent(procRoot, path string) State {
	var state State
	status, owner, err := readStatus(StatusPath(path))
	if err == nil && !status.Ended() && lives(procRoot, status, ownerOf(owner)) {
		state.Previous, state.PreviousLives = &status, true
	}
	return state
}

// weigh decides what the status file counts for, given what the kernel says about the lock.
func (s *State) weigh(procRoot string, status Status, statusUID int, lockFile fs.FileInfo, now *time.Time) {
	if s.Held && s.Holder.Known {
		ok, reason := Believe(status, statusUID, s.Holder, procRoot)
		s.StatusIgnored = reason
		if ok {
			s.believe(status, now)
		}
		return
	}
	if !mayHaveLocked(statusUID, lockFile) {
		s.StatusIgnored = fmt.Sprintf("it belongs to user %s, who may not open the lock file", userName(statusUID))
		return
	}
	running := !status.Ended() && (now == nil || !status.Hung(*now))
	switch {
	case s.Unknowable != "" && running:
		s.Held = true
		s.believe(status, now)
	case s.Held && status.Ended():
		s.StatusIgnored = "it is of a run that has ended"
	case s.Held:
		s.StatusIgnored = "its last heartbeat was at " + status.HeartbeatAt.Format(timeLayout)
	default:
		s.Previous = &status
		s.PreviousLives = !status.Ended() && lives(procRoot, status, statusUID)
	}
}

// believe takes over what the holder says about itself.
func (s *State) believe(status Status, now *time.Time) {
	s.Status = &status
	if !s.Holder.Known {
		s.Holder = Holder{PID: status.PID, InnerPID: status.PID, Program: status.Program, User: status.User, UID: -1, StartTicks: status.PIDStart}
	}
	if status.StartedAt.After(s.Holder.Since) && (now == nil || !catalog.InFuture(status.StartedAt, *now)) {
		s.Holder.Since = status.StartedAt // the process may have waited for the lock
	}
}
