package checkcli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

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
	start := p.Now()
	rep, f := p.report(newCheck, start)
	rep.Seconds = p.Now().Sub(start).Seconds()
	rep.Version = Version()
	text := rep.text
	if text == "" || f.Output == outputJSON {
		text = string(f.Output.render(rep.Report, f.Verbose))
	}
	code := rep.State.ExitCode()
	if _, err := io.WriteString(p.Stdout, text); err != nil && rep.State != nagios.Critical {
		code = nagios.Unknown.ExitCode()
	}
	if f.Gate {
		return gate(code)
	}
	return code
}

// gate maps a state's exit code to that of a gate: WARNING lets pass, UNKNOWN does not.
func gate(code int) int {
	if code == nagios.OK.ExitCode() || code == nagios.Warning.ExitCode() {
		return 0
	}
	return 1
}

// outcome is a report, or a text that is written as it is unless JSON was asked for.
type outcome struct {
	nagios.Report
	text string
}

// report is everything between the arguments and the output. A panic in it, as in parsing, becomes a report too.
func (p Program) report(newCheck func() Check, now time.Time) (out outcome, f flags) {
	f.Output = outputPlugin
	defer func() {
		if v := recover(); v != nil {
			out = outcome{Report: crash{v, debug.Stack()}.report(p.Name)}
		}
	}()
	check := newCheck()
	f, thresholds, err := p.parse(check)
	switch {
	case f.Help:
		return p.help(newCheck()), f
	case f.Version:
		text := p.binary() + " " + Version()
		return outcome{nagios.UnknownReport(p.Name, text), text + "\n"}, f
	case err != nil:
		return p.usage(err), f
	}
	if user, ok := check.(ThresholdUser); ok {
		user.UseThresholds(thresholds)
	}
	return outcome{Report: p.execute(check, f, thresholds, now)}, f
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

// execute runs the check under the watchdog: it returns in time whatever the check does.
func (p Program) execute(check Check, f flags, t nagios.Thresholds, now time.Time) nagios.Report {
	limit := time.Duration(f.Timeout)
	tr := newTracker()
	base := context.WithValue(context.Background(), trackerKey{}, tr)
	ctx, cancel := context.WithTimeout(base, limit-min(limit/5, maxGrace))
	defer cancel()
	watchdog := time.NewTimer(limit)
	defer watchdog.Stop()

	type answer struct {
		result nagios.Result
		err    error
	}
	answers := make(chan answer, 1)
	Go(ctx, func() {
		r, err := check.Check(ctx, now)
		answers <- answer{r, err}
	})
	select {
	case a := <-answers:
		switch {
		case a.err == nil:
			return nagios.Judge(p.Name, a.result, check.Metrics(), t)
		case errors.Is(a.err, context.DeadlineExceeded) && ctx.Err() != nil:
			return tr.timedOut(p.Name, f)
		default:
			return tr.interrupted(p.Name, nagios.Unknown, a.err.Error())
		}
	case c := <-tr.panics:
		return c.report(p.Name)
	case s := <-p.Signals:
		return tr.interrupted(p.Name, nagios.Unknown, fmt.Sprintf("stopped by signal (%s)", s))
	case <-watchdog.C:
		return tr.timedOut(p.Name, f)
	}
}

// timedOut is the report of a check that did not come back in time.
func (t *tracker) timedOut(name string, f flags) nagios.Report {
	text := "timed out after " + f.Timeout.String()
	if stage := t.state.Load().stage; stage != "" {
		text += " while " + stage
	}
	return t.interrupted(name, f.TimeoutState, text)
}

// interrupted is the report of a check that ended without a result: in the given state, with what it found so far
// listed below. Nothing was measured, so there are no metrics.
func (t *tracker) interrupted(name string, state nagios.Status, text string) nagios.Report {
	problems := append([]nagios.Problem{{State: state, Text: text}}, t.state.Load().found...)
	rep := nagios.UnknownReport(name, text)
	rep.State, rep.Problems = state, problems
	return rep
}
