package cli

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/check-ingest/check-ingest/ingest/load"
)

// The kernel gives a signal for the process to its first thread, which main keeps to itself from here on: where that thread waited for a file
// system that does not answer, a signal would be seen only when it does. When main runs it may have left that thread already.
//
//nolint:gochecknoinits // only init is sure to run on the first thread, see runtime.LockOSThread
func init() { runtime.LockOSThread() }

// WithSignals is a context that SIGINT, SIGTERM and SIGHUP cancel, with a [load.SignalError] as the cause. A second signal ends the process
// at once, as if it had not been caught. A signal that the process was started to ignore, as nohup does with SIGHUP, stays ignored.
func WithSignals(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	var caught []os.Signal
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			caught = append(caught, s)
		}
	}
	if len(caught) > 0 { // without signals, Notify would mean all there are
		signal.Notify(signals, caught...)
	}
	// A log line or report that nobody reads any more is no reason to die in mid-load, nor is a file that may not grow further (ulimit -f): the
	// write fails with EPIPE or EFBIG instead.
	signal.Ignore(syscall.SIGPIPE, syscall.SIGXFSZ)
	go func() {
		if s, ok := <-signals; ok {
			cancel(&load.SignalError{Signal: s})
			signal.Stop(signals)
			signal.Reset(caught...)
		}
	}()
	return ctx, func() { signal.Stop(signals); cancel(nil) }
}

// NewRunID names a run: the time it began and some chance, such as 20260102T030405Z-9f86d081.
func NewRunID(now time.Time) string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return now.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(b[:])
}
