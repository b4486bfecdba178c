package checkcli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/check-ingest/check-ingest/internal/buildinfo"
	"github.com/check-ingest/check-ingest/internal/nagios"
	"github.com/check-ingest/check-ingest/internal/settings"
)

// Program is one run of a check with all that it takes from the process, so that tests can give it.
type Program struct {
	Name    string   // of the service: "INGEST LOCK"; the binary is check_ingest_lock
	Args    []string // without the program's name
	Stdout  io.Writer
	Env     func(string) (string, bool) // os.LookupEnv
	Now     func() time.Time            // time.Now
	Signals <-chan os.Signal            // those that end the run; nil = none
	System  string                      // file of settings instead of [settings.SystemFile]; "" = that
}

// The kernel gives a signal for the process to its first thread, which main keeps to itself from here on: where that thread waited for a file
// system that does not answer, a signal would be seen only when it does. When main runs it may have left that thread already.
//
//nolint:gochecknoinits // only init is sure to run on the first thread, see runtime.LockOSThread
func init() { runtime.LockOSThread() }

// Main runs the check C as a process does and returns the exit code: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN, help,
// version and usage errors; with --gate 0 for OK and WARNING and 1 for CRITICAL and UNKNOWN. name is the service's, such as
// "INGEST LOCK". Everything is written to stdout at once; if that cannot be written the code is 3, or 2 if it was 2.
func Main[C any, P interface {
	*C
	Check
}](name string, args []string, stdout io.Writer) int {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	// A closed stdout must come back as an error of Write: by default the runtime dies of SIGPIPE on descriptor 1.
	signal.Ignore(syscall.SIGPIPE)
	return Run[C, P](Program{Name: name, Args: args, Stdout: stdout, Env: os.LookupEnv, Now: time.Now, Signals: signals})
}

// Run is [Main] with its surroundings given.
func Run[C any, P interface {
	*C
	Check
}](p Program) int {
	return p.run(func() Check { return P(new(C)) })
}

// run parses, executes and writes. newCheck makes a Cmd whose flags are not set yet.
func (p Program) run(newCheck func() Check) int {
	if text, asked, err := p.document(newCheck); asked && err == nil {
		if p.write(text, defaultTimeout) != nil {
			return nagios.Unknown.ExitCode()
		}
		return 0
	}
	start, begin := p.Now(), time.Now()
	rep, f := p.report(newCheck, start, begin)
	rep.Seconds = p.Now().Sub(start).Seconds()
	rep.Version = buildinfo.Read().Version
	text := rep.text
	if text == "" || f.Output == outputJSON || f.Output == outputProm {
		text = string(f.Output.render(rep.Report, f.Verbose))
	}
	code := rep.State.ExitCode()
	if err := p.write(text, time.Until(begin.Add(time.Duration(f.Timeout)))); err != nil && rep.State != nagios.Critical {
		code = nagios.Unknown.ExitCode()
	}
	if f.Gate {
		return gate(code)
	}
	return code
}

// write writes everything at once. A pipe that is full takes nothing until somebody reads it; that is waited for until
// the time limit, and a second at least.
func (p Program) write(text string, rest time.Duration) error {
	written := make(chan error, 1)
	go func() {
		_, err := io.WriteString(p.Stdout, text)
		written <- err
	}()
	limit := time.NewTimer(max(rest, time.Second))
	defer limit.Stop()
	select {
	case err := <-written:
		return err
	case <-p.Signals:
		return errors.New("write the result: stopped by a signal")
	case <-limit.C:
		return errors.New("write the result: nobody reads it")
	}
}

// gate maps a state's exit code to that of a gate: WARNING lets pass, UNKNOWN does not.
func gate(code int) int {
	if code == nagios.OK.ExitCode() || code == nagios.Warning.ExitCode() {
		return 0
	}
	return 1
}

// outcome is a report, or a text that is written as it is unless JSON or prom was asked for.
type outcome struct {
	nagios.Report
	text string
}

// parsed is what the arguments, the environment and files of settings say.
type parsed struct {
	flags      flags
	thresholds nagios.Thresholds
	err        error
}

// report is everything between the arguments and the output. A panic in it, as in parsing, becomes a report too. begin is
// when the time limit began.
func (p Program) report(newCheck func() Check, now, begin time.Time) (out outcome, f flags) {
	f = p.guess()
	defer func() {
		if v := recover(); v != nil {
			out = outcome{Report: crash{v, debug.Stack()}.report(p.Name)}
		}
	}()
	check := newCheck()
	// Settings may lie on a file system that does not answer, as a home folder on a dead server does.
	a, interrupted := watch(context.Background(), p, f, begin, func(ctx context.Context) parsed {
		Stage(ctx, "reading settings")
		return p.parse(check)
	})
	if interrupted != nil {
		return outcome{Report: *interrupted}, f
	}
	f = a.flags
	switch {
	case f.Help:
		return p.help(newCheck()), f
	case f.Version:
		text := p.binary() + " " + buildinfo.Read().String()
		return outcome{nagios.UnknownReport(p.Name, text), text + "\n"}, f
	case a.err != nil:
		return p.usage(a.err), f
	}
	return outcome{Report: p.execute(context.Background(), check, a, now, begin)}, f
}

// binary is the name of the program on disk.
func (p Program) binary() string {
	return "check_" + strings.ReplaceAll(strings.ToLower(p.Name), " ", "_")
}

// usage is the report of a command line, a variable or a file of settings that is wrong.
func (p Program) usage(err error) outcome {
	rep := nagios.UnknownReport(p.Name, "usage: "+err.Error())
	first := rep.Plugin(0)
	return outcome{rep, fmt.Sprintf("%sUsage: %s [flags]. Try %[2]s --help\n", first, p.binary())}
}

// source is where the program's settings come from.
func (p Program) source() settings.Source {
	return settings.Source{App: p.binary(), LookupEnv: p.Env, System: p.System}
}

// maxGrace is how long before the time limit a check's context ends, at most.
const maxGrace = 500 * time.Millisecond

// execute runs the check.
func (p Program) execute(ctx context.Context, check Check, a parsed, now, begin time.Time) nagios.Report {
	if user, ok := check.(ThresholdUser); ok {
		user.UseThresholds(a.thresholds)
	}
	rep, interrupted := watch(ctx, p, a.flags, begin, func(ctx context.Context) nagios.Report {
		r, err := check.Check(ctx, now)
		switch {
		case err == nil:
			return nagios.Judge(p.Name, r, check.Metrics(), a.thresholds)
		case ctx.Err() != nil && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)):
			return track(ctx).timedOut(p.Name, a.flags)
		default:
			return track(ctx).interrupted(p.Name, nagios.Unknown, err.Error())
		}
	})
	if interrupted != nil {
		return *interrupted
	}
	return rep
}

// watch gives what do returns, or a report on what happened before it did: it panicked, a signal came, or time ran out,
// which is reported whatever do hangs in. Its context ends a little before, or with the parent.
func watch[T any](parent context.Context, p Program, f flags, begin time.Time, do func(context.Context) T) (T, *nagios.Report) {
	limit := time.Duration(f.Timeout)
	end := begin.Add(limit)
	tr := newTracker()
	ctx, cancel := context.WithDeadline(context.WithValue(parent, trackerKey{}, tr), end.Add(-min(limit/5, maxGrace)))
	defer cancel()
	watchdog := time.NewTimer(time.Until(end))
	defer watchdog.Stop()

	var none T
	var rep nagios.Report
	answers := make(chan T, 1)
	Go(ctx, func() { answers <- do(ctx) })
	select {
	case a := <-answers:
		return a, nil
	case c := <-tr.panics:
		rep = c.report(p.Name)
	case s := <-p.Signals:
		rep = tr.interrupted(p.Name, nagios.Unknown, fmt.Sprintf("stopped by signal (%s)", s))
	case <-parent.Done():
		rep = tr.interrupted(p.Name, nagios.Unknown, "stopped: "+context.Cause(parent).Error())
	case <-watchdog.C:
		rep = tr.timedOut(p.Name, f)
	}
	return none, &rep
}

// timedOut is the report of a check that did not come back in time.
func (t *tracker) timedOut(name string, f flags) nagios.Report {
	text := "timed out after " + f.Timeout.String()
	if stage := t.state.Load().stage; stage != "" {
		text += " while " + stage
	}
	rep := t.interrupted(name, f.TimeoutState, text)
	rep.Problems[0].Remedy = "Look at the disk (dmesg) or at the server of the network mount; if there is only much to do, raise --timeout."
	return rep
}

// interrupted is the report of a check that ended without a result: in the given state, with what it found so far
// listed below. Nothing was measured, so there are no metrics.
func (t *tracker) interrupted(name string, state nagios.Status, text string) nagios.Report {
	problems := append([]nagios.Problem{{State: state, Text: text}}, t.state.Load().found...)
	rep := nagios.UnknownReport(name, text)
	rep.State, rep.Problems = state, problems
	return rep
}
