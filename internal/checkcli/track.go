package checkcli

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"sync/atomic"

	"github.com/check-ingest/check-ingest/internal/nagios"
)

// tracker is what the watchdog knows of a running check. Writers never block it: everything is one atomic pointer.
type tracker struct {
	state  atomic.Pointer[progress]
	panics chan crash // buffered for one: the first panic is the one to tell
}

// progress is where a check is and what it found so far. It is never changed, only replaced.
type progress struct {
	stage string
	found []nagios.Problem
}

// crash is a recovered panic.
type crash struct {
	value any
	stack []byte
}

type trackerKey struct{}

func newTracker() *tracker {
	t := &tracker{panics: make(chan crash, 1)}
	t.state.Store(&progress{})
	return t
}

// track is the tracker that ctx carries, or one that nobody watches: a check can be called without a command line.
func track(ctx context.Context) *tracker {
	if t, ok := ctx.Value(trackerKey{}).(*tracker); ok {
		return t
	}
	return newTracker()
}

// update replaces the progress by what change makes of it.
func (t *tracker) update(change func(progress) progress) {
	for {
		old := t.state.Load()
		next := change(*old)
		if t.state.CompareAndSwap(old, &next) {
			return
		}
	}
}

// Stage says what the check is about to do, as the words after "while": "reading /proc/locks". Where time runs out,
// the message says it.
func Stage(ctx context.Context, stage string) {
	track(ctx).update(func(p progress) progress { p.stage = stage; return p })
}

// Found notes a problem before the check has returned, so that it is told even if time runs out.
func Found(ctx context.Context, problem nagios.Problem) {
	track(ctx).update(func(p progress) progress {
		p.found = append(p.found[:len(p.found):len(p.found)], problem)
		return p
	})
}

// Go runs f in a goroutine. A panic in f becomes the check's result, of state UNKNOWN, instead of ending the process
// with exit code 2, which monitoring systems read as CRITICAL.
func Go(ctx context.Context, f func()) {
	t := track(ctx)
	go func() {
		defer t.recover()
		f()
	}()
}

// recover is deferred around code of a check.
func (t *tracker) recover() {
	if v := recover(); v != nil {
		select {
		case t.panics <- crash{v, debug.Stack()}:
		default: // one is on its way already
		}
	}
}

// report is the result of a run that panicked.
func (c crash) report(name string) nagios.Report {
	rep := nagios.UnknownReport(name, fmt.Sprintf("internal error: %v", c.value))
	rep.Problems = []nagios.Problem{{
		State: nagios.Unknown, Text: rep.Summary, Remedy: "Report this bug, with the output of -vvv.",
	}}
	rep.Debug = stackLines(c.stack)
	return rep
}

// stackLines are the lines of a stack trace, without tabs.
func stackLines(stack []byte) []string {
	return strings.Split(strings.TrimSpace(strings.ReplaceAll(string(stack), "\t", "  ")), "\n")
}
