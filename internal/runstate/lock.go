package runstate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"
)

// pollEvery is how often a held lock is tried again. flock(2) can wait by itself, but then nothing can end the wait.
const pollEvery = 25 * time.Millisecond

// lockFileMode lets nobody but the owner open the file: whoever may open it, even only to read, may lock it.
const lockFileMode fs.FileMode = 0o600

// maxReplaced is how many times in a row the lock file may be replaced or removed while it is being locked.
const maxReplaced = 100

// errReplaced says that the path names another file than the one that was locked a moment ago.
var errReplaced = errors.New("somebody keeps replacing it")

// Lock is a lock that this process holds, until Release or the end of the process.
type Lock struct {
	path  string
	flock *flock.Flock
}

// Acquire takes the exclusive lock on the file at path, which it creates with mode 0600 if it is absent and never
// removes. A held lock is tried again until wait has passed or ctx is done; a wait of 0 is one try.
//
// The file is opened without O_CREAT first, since the kernel refuses O_CREAT on another user's file in a sticky folder
// (sysctl fs.protected_regular), and must be a regular file: anything else, a symbolic link among them, is a [*FileError], as
// is a file that cannot be opened. A lock held by another is a [*HeldError]. The end of ctx is ctx's error.
func Acquire(ctx context.Context, path string, wait time.Duration) (*Lock, error) {
	expired := time.NewTimer(wait)
	defer expired.Stop()
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for last := wait <= 0; ; {
		l, err := tryAcquire(ctx, path)
		if l != nil || err != nil {
			return l, err
		}
		if last {
			return nil, newHeldError(path)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for lock %s: %w", path, context.Cause(ctx))
		case <-expired.C:
			last = true
		case <-poll.C:
		}
	}
}

// tryAcquire takes the lock if it is free; it returns nothing if somebody holds it.
func tryAcquire(ctx context.Context, path string) (*Lock, error) {
	for range maxReplaced {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("take lock %s: %w", path, context.Cause(ctx))
		}
		if err := ensureLockFile(path); err != nil {
			return nil, err
		}
		l, err := lockExisting(path)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, errReplaced):
			continue // somebody removed or replaced it; look again at what the path names now
		case err != nil:
			return nil, newFileError(path, err)
		default:
			return l, nil
		}
	}
	return nil, newFileError(path, errReplaced)
}

// ensureLockFile creates the lock file if it is absent, and says what is wrong with one that cannot be used.
func ensureLockFile(path string) error {
	info, err := os.Lstat(path)
	if err == nil {
		return checkRegular(path, info)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return newFileError(path, err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, lockFileMode)
	if errors.Is(err, fs.ErrExist) {
		return nil // another process was faster; the lock decides who goes first
	}
	if err != nil {
		return newFileError(path, err)
	}
	return f.Close()
}

// lockExisting locks the file at path without waiting; it returns nothing if somebody holds it. The file that was locked is
// errReplaced if path no longer names it: such a lock would keep nobody out.
func lockExisting(path string) (*Lock, error) {
	// O_NONBLOCK: the path may have become a FIFO since it was looked at, and opening that would wait.
	fl := flock.New(path, flock.SetFlag(os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK))
	locked, err := fl.TryLock()
	if err != nil || !locked {
		return nil, err
	}
	l := &Lock{path: path, flock: fl}
	if err := l.check(); err != nil {
		return nil, errors.Join(err, fl.Unlock())
	}
	return l, nil
}

// check reports whether the locked file is regular and still the one that the path names.
func (l *Lock) check() error {
	held, err := l.flock.Stat()
	if err != nil {
		return err
	}
	if err := checkRegular(l.path, held); err != nil {
		return err
	}
	named, err := os.Lstat(l.path)
	if err != nil {
		return err
	}
	if !os.SameFile(held, named) {
		return errReplaced
	}
	return nil
}

// Path is the lock file's path as it was given to [Acquire].
func (l *Lock) Path() string { return l.path }

// Release frees the lock and leaves the file where it is. It may be called again, to no effect.
func (l *Lock) Release() error {
	if err := l.flock.Unlock(); err != nil {
		return fmt.Errorf("release lock %s: %w", l.path, err)
	}
	return nil
}
