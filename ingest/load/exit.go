package load

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/store"
)

// The loader's exit codes.
const (
	ExitOK          = 0
	ExitSomeFailed  = 1
	ExitUsage       = 2
	ExitDatabase    = 3
	ExitNothing     = 4
	ExitNoSpace     = 5
	ExitOutput      = 74
	ExitHeld        = 75
	ExitInterrupted = 130
	ExitTerminated  = 143
)

// ExitCode is one line of the table of exit codes, from which help and documentation are made.
type ExitCode struct {
	Code    int
	Meaning string
}

// ExitCodes is that table.
func ExitCodes() []ExitCode {
	return []ExitCode{
		{ExitOK, "everything asked for is loaded, or was already"},
		{ExitSomeFailed, "some files failed; the others are loaded"},
		{ExitUsage, "usage error"},
		{ExitDatabase, "the database cannot be used"},
		{ExitNothing, "nothing to load where something was asked for"},
		{ExitNoSpace, "not enough space on the database's file system"},
		{ExitOutput, "all is well, but the output could not be written to stdout"},
		{ExitHeld, "the lock or the database is held by another process; try later"},
		{ExitInterrupted, "stopped by SIGINT (or SIGHUP: 129)"},
		{ExitTerminated, "stopped by SIGTERM"},
	}
}

// The errors that have an exit code of their own.
var (
	ErrSomeFailed = errors.New("some files failed")
	ErrNothing    = errors.New("nothing to load")
	ErrUsage      = errors.New("usage error")
	ErrOutput     = errors.New("write to stdout")
)

// SpaceError is that a plan does not fit.
type SpaceError struct {
	Dir          string
	Needed, Free int64 // bytes
}

func (e *SpaceError) Error() string {
	return fmt.Sprintf("not enough space in %s: the load needs about %s, %s are free; free space, or load fewer days with --end-date", e.Dir, amount.Bytes(e.Needed), amount.Bytes(e.Free))
}

// SignalError is the cause of a context that a signal cancelled.
type SignalError struct{ Signal os.Signal }

func (e *SignalError) Error() string { return "stopped by " + signalName(e.Signal) }

func signalName(s os.Signal) string {
	switch s {
	case syscall.SIGINT:
		return "SIGINT"
	case syscall.SIGTERM:
		return "SIGTERM"
	case syscall.SIGHUP:
		return "SIGHUP"
	default:
		return s.String()
	}
}

// ExitCodeOf is the exit code of a run that ended with err.
func ExitCodeOf(err error) int {
	var signal *SignalError
	var space *SpaceError
	var held *runstate.HeldError
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &signal):
		if n, ok := signal.Signal.(syscall.Signal); ok {
			return 128 + int(n)
		}
		return ExitTerminated
	case errors.Is(err, context.Canceled):
		return ExitInterrupted
	case errors.Is(err, ErrUsage):
		return ExitUsage
	case errors.Is(err, ErrOutput):
		return ExitOutput
	case errors.As(err, &space), store.KindOf(err) == store.KindNoSpace:
		return ExitNoSpace
	case errors.As(err, &held), store.KindOf(err) == store.KindHeld:
		return ExitHeld
	case errors.Is(err, ErrSomeFailed):
		return ExitSomeFailed
	case errors.Is(err, ErrNothing):
		return ExitNothing
	default:
		return ExitDatabase
	}
}
