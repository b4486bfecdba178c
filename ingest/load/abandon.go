package load

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// grace is how long a run may take to stop, rolling back and closing the database, once it was told to.
const grace = 3 * time.Second

// abandonable does the steps of the run. A panic in them is an error: the transaction was rolled back by then, and how the run ended is published. Where they do not end in time after ctx did, because a call to the system does not return (a file system that does
// not answer, a log that nobody reads), they are left behind: the caller may only publish how the run ended, and end the process. For the
// database that is a kill like any other.
func (r *run) abandonable(ctx context.Context) error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				r.Log.Error("panic", "stack", string(debug.Stack()))
				done <- fmt.Errorf("internal error, please report it: %v", p)
			}
		}()
		done <- r.steps(ctx)
	}()
	select {
	case err := <-done:
		return causeOf(ctx, err)
	case <-ctx.Done():
	}
	late := time.NewTimer(grace)
	defer late.Stop()
	select {
	case err := <-done:
		return causeOf(ctx, err)
	case <-late.C:
		r.abandoned = true
		return &abandonedError{context.Cause(ctx)}
	}
}

// abandonedError is that a run was told to stop, and something it had begun did not end.
type abandonedError struct{ cause error }

func (e *abandonedError) Error() string {
	return fmt.Sprintf("%v, without waiting any longer for a file, a disk or a pipe that does not answer; nothing that was committed is lost", e.cause)
}

func (e *abandonedError) Unwrap() error { return e.cause }
