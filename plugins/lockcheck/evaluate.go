package lockcheck

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/nagios"
	"github.com/check-ingest/check-ingest/internal/runstate"
)

// The metrics' labels.
const (
	labelHeldFor      = "held_for"
	labelHeld         = "held"
	labelHeartbeatAge = "heartbeat_age"
	labelFilesDone    = "files_done"
	labelFilesTotal   = "files_total"
	labelPercent      = "percent"
	labelRows         = "rows"
)

// verdict is how a lock is to be judged.
type verdict struct {
	held         nagios.Status // the state of a held one
	unseen       nagios.Status // the state of one that may be held or not; the zero value counts as UNKNOWN
	byThresholds bool          // unless thresholds were given, which then decide
}

// evaluate judges what was observed. It is pure: the same observation at the same time gives the same result.
func evaluate(o observation, now time.Time, v verdict) nagios.Result {
	s := o.state
	switch {
	case o.fault != nil:
		return unknown(o)
	case !s.Exists:
		return free(o, now, v, "free, there is no lock file "+o.path)
	case !s.Regular:
		return unusable(o)
	case s.Held:
		return held(o, now, v)
	default:
		return free(o, now, v, "free")
	}
}

// unknown is a path that cannot be looked at.
func unknown(o observation) nagios.Result {
	p := nagios.Problem{State: nagios.Unknown, Text: o.fault.Error(), Path: o.path, Remedy: "Correct --lock-file."}
	if errors.Is(o.fault, fs.ErrPermission) {
		p.Remedy = "Let the check's user search the folders above it, or run the check as root."
	}
	return nagios.Result{Problems: []nagios.Problem{p}}
}

// unusable is a path at which the loader will refuse to work.
func unusable(o observation) nagios.Result {
	return nagios.Result{Problems: []nagios.Problem{{
		State:  nagios.Critical,
		Text:   fmt.Sprintf("the lock file %s is a %s, and the loader refuses to use it", o.path, o.state.Kind),
		Remedy: "Find out who put it there; remove it, or name another path with --lock-file everywhere.",
		Path:   o.path,
	}}}
}

// free is a lock that nobody is known to hold.
func free(o observation, now time.Time, v verdict, text string) nagios.Result {
	s := o.state
	r := nagios.Result{
		Metrics: []nagios.Metric{{Label: labelHeldFor, Value: 0}, {Label: labelHeld, Value: 0, Max: 1}},
		Lines:   notes(s),
	}
	last, end, ran := s.LastRun()
	if ran {
		text += ", " + lastRun(last, end, now)
	}
	r.Summary = text
	p := nagios.Problem{Path: o.path}
	switch {
	case end == runstate.RunUnlocked:
		p.State = nagios.Critical
		done := "replaced"
		if !s.Exists {
			done = "removed"
		}
		p.Text = fmt.Sprintf("PID %d (%s) loads, but the lock file was %s and keeps nobody out", last.PID, last.Program, done)
		p.Remedy = "Start no load before it has ended; find out what removes " + o.path + "."
	case end == runstate.RunSilent:
		// Not CRITICAL: killed and hung look the same from here, and after a kill the next load must be able to start.
		// Where it was hung, the loader that starts finds the lock held and stops.
		p.State = nagios.Warning
		p.Text = fmt.Sprintf("the last run gave no sign of life %s and did not say that it ended: killed or hung", nagios.Silence(last.HeartbeatAt, now))
		p.Remedy = fmt.Sprintf("Look for PID %d on host %s; if it is gone, a load may start.", last.PID, last.Host)
	case s.Unknowable == "":
		return r
	case ran:
		r.Summary += " (judged by its status alone: " + s.Unknowable + ")"
		return r
	default:
		r.Metrics = nil
		p.State = v.unseen
		p.Text = "cannot tell whether the lock is held, and no run has published a status: " + s.Unknowable
		p.Remedy = "Run the check where the loader runs; if it does, as in one container with it, load once: the lock is judged by that run's status from then on."
	}
	r.Problems = []nagios.Problem{p}
	return r
}

// held is a lock that somebody holds.
func held(o observation, now time.Time, v verdict) nagios.Result {
	s := o.state
	r := nagios.Result{Summary: "held by " + describe(s, now, true), Metrics: metrics(s, now), Lines: notes(s)}
	if s.Status != nil && s.Status.Hung(now) {
		r.Problems = append(r.Problems, nagios.Problem{
			State:  nagios.Critical,
			Text:   fmt.Sprintf("hung: %s gave no sign of life %s", s.Holder, nagios.Silence(s.Status.HeartbeatAt, now)),
			Remedy: hungRemedy(s),
			Path:   o.path,
		})
	}
	switch {
	case !v.byThresholds:
		r.Problems = append(r.Problems, nagios.Problem{State: v.held, Text: r.Summary, Remedy: remedy(s), Path: o.path})
	case s.Holder.Since.IsZero():
		// A threshold on held_for could not be judged, and silence would look like OK.
		r.Problems = append(r.Problems, nagios.Problem{
			State: nagios.Unknown, Text: "held by " + s.Holder.String() + ", for how long cannot be known: " + s.Unknowable,
			Remedy: "Run the check as root, or where the loader runs.", Path: o.path,
		})
	}
	return r
}

// metrics are the numbers of a held lock; those that the holder does not publish are left out.
func metrics(s runstate.State, now time.Time) []nagios.Metric {
	ms := []nagios.Metric{{Label: labelHeld, Value: 1, Max: 1, Phrase: "held by " + s.Holder.String(), Remedy: remedy(s)}}
	if !s.Holder.Since.IsZero() {
		ms = append(ms, nagios.Metric{
			Label: labelHeldFor, Value: max(now.Sub(s.Holder.Since).Seconds(), 0),
			Phrase: "held for {} by " + describe(s, now, false), Remedy: remedy(s),
		})
	}
	if s.Status == nil {
		return ms
	}
	st := s.Status
	metric := func(label string, value float64, phrase string) nagios.Metric {
		return nagios.Metric{Label: label, Value: value, Phrase: phrase, Remedy: remedy(s)}
	}
	silence := metric(labelHeartbeatAge, st.HeartbeatAge(now).Seconds(), "last sign of life {} ago from "+s.Holder.String())
	silence.Remedy = hungRemedy(s)
	done := metric(labelFilesDone, float64(st.FilesDone), "{} of "+amount.Of(st.FilesTotal, "file")+" done")
	done.Max = float64(st.FilesTotal)
	ms = append(ms, silence, done,
		metric(labelFilesTotal, float64(st.FilesTotal), "{} files to do"),
		metric(labelRows, float64(st.Rows), "{} rows loaded"),
	)
	if p, ok := st.Percent(); ok {
		ms = append(ms, metric(labelPercent, p, "{} done"))
	}
	return ms
}

// describe says who holds the lock, for how long if withAge, and how far it is where it is the loader.
func describe(s runstate.State, now time.Time, withAge bool) string {
	var b strings.Builder
	b.WriteString(s.Holder.String())
	if withAge && !s.Holder.Since.IsZero() {
		b.WriteString(" for " + nagios.Human(max(now.Sub(s.Holder.Since).Seconds(), 0), nagios.Seconds))
	}
	if s.Status == nil {
		if s.StatusIgnored == "" {
			b.WriteString(", which says nothing about itself")
		}
		return b.String()
	}
	st := s.Status
	if st.FilesTotal > 0 {
		fmt.Fprintf(&b, ", %s of %s", amount.Text(st.FilesDone), amount.Of(st.FilesTotal, "file"))
	} else {
		fmt.Fprintf(&b, ", phase %s", st.Phase)
	}
	if p, ok := st.Percent(); ok {
		fmt.Fprintf(&b, " (%s)", nagios.Human(p, nagios.Percent))
	}
	if st.Rows > 0 {
		b.WriteString(", " + amount.Of(st.Rows, "row"))
	}
	if eta, ok := st.Remaining(); ok {
		b.WriteString(", ETA " + nagios.Human(eta.Round(time.Second).Seconds(), nagios.Seconds))
	}
	b.WriteString(", last sign of life " + nagios.Ago(st.HeartbeatAt, now))
	return b.String()
}

// hungRemedy says what to do about a holder that gives no sign of life.
func hungRemedy(s runstate.State) string {
	return fmt.Sprintf("Look at what it waits for (cat /proc/%d/wchan; dmesg); stop it with: kill %[1]d", s.Holder.PID)
}

// remedy says what to do about a held lock.
func remedy(s runstate.State) string {
	switch {
	case s.Holder.PID <= 0:
		return "Wait for it to end; to see who it is, run the check as root on the host that runs it."
	case s.Status != nil:
		return fmt.Sprintf("Wait for it to end, or stop it with: kill %d (it rolls back the open batch first)", s.Holder.PID)
	default:
		return fmt.Sprintf("Wait for it to end, or look at it with: ps -fp %d", s.Holder.PID)
	}
}

// lastRun says how the run before ended.
func lastRun(last runstate.Status, end runstate.RunEnd, now time.Time) string {
	if end == runstate.RunEnded && last.EndedAt != nil {
		text := "the last run ended " + nagios.Ago(*last.EndedAt, now)
		if last.Outcome != "" {
			text += ": " + last.Outcome
		}
		return text
	}
	return fmt.Sprintf("the last run %s, its last sign of life was %s", end, nagios.Ago(last.HeartbeatAt, now))
}

// notes are the lines for -v.
func notes(s runstate.State) []string {
	var lines []string
	if s.Unknowable != "" {
		lines = append(lines, "what the kernel tells is not all: "+s.Unknowable)
	}
	if s.StatusIgnored != "" {
		lines = append(lines, "the status file beside the lock is not believed: "+s.StatusIgnored)
	}
	if st := s.Status; st != nil {
		lines = append(lines, fmt.Sprintf("run %s of %s %s, since %s", st.RunID, st.Program, st.Version, st.StartedAt.UTC().Format(time.DateTime)+" UTC"))
		lines = append(lines, "database "+st.Database)
		if st.CurrentFile != "" {
			lines = append(lines, "current file "+st.CurrentFile)
		}
	}
	return lines
}
