package cli

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/check-ingest/check-ingest/ingest/load"
)

// WithSignals is a context that SIGINT, SIGTERM and SIGHUP cancel, with a [load.SignalError] as the cause. A second signal ends the process
// at once, as if it had not been caught.
func WithSignals(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	// A log line or report that nobody reads any more is no reason to die in mid-load; the write fails with EPIPE instead.
	signal.Ignore(syscall.SIGPIPE)
	go func() {
		if s, ok := <-signals; ok {
			cancel(&load.SignalError{Signal: s})
			signal.Stop(signals)
			signal.Reset(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
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
