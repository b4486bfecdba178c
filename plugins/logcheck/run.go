package logcheck

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/check-ingest/check-ingest/ingest/load"
	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/nagios"
	"github.com/check-ingest/check-ingest/internal/runstate"
)

// fate is what became of a run.
type fate uint8

const (
	running  fate = iota + 1
	ended         // it said so
	died          // it did not, and does not run any more
	unlocked      // it runs, and its lock file was replaced or removed
	silent        // it gave no sign of life for too long and cannot be seen from here
	unknown       // it recorded files, and nothing tells how it ended
)

// lastRun is the last run into the database, as far as anything tells about it.
type lastRun struct {
	fate    fate
	id      string
	started time.Time // zero where it is not told
	seen    time.Time // its end, or else the last sign of life
	exit    int       // where it ended
	outcome string    // in a sentence; "" where it is not told

	counted bool // rows and rate are told
	rows    int64
	rate    float64 // rows a second; 0 where it is not told

	status *runstate.Status // what it published; nil where only the snapshot or the ledger tells of it
}

// run finds the last run among what status, snapshot and ledger tell; false where nothing tells of any. The status counts as the latest unless something
// shows otherwise: the snapshot's order of runs, or else a time, unless that is in the future.
func (o observation) run(now time.Time) (lastRun, bool) {
	var best lastRun
	var since time.Time // best began then, at the earliest
	if o.status != nil {
		best, since = byStatus(*o.status, o.end), o.status.StartedAt
	}
	if best.fate == running || best.fate == unlocked {
		return best, true
	}
	later := func(at time.Time) bool { return best.fate == 0 || at.After(since) && !catalog.InFuture(at, now) }
	recorded := func(string) bool { return false }
	if s := o.snapshot; s != nil {
		recorded = func(id string) bool {
			return slices.ContainsFunc(s.Runs, func(r ledger.Run) bool { return r.ID == id })
		}
		behind := recorded(best.id) // all that the snapshot has behind it is later
		if n := len(s.Runs); n > 0 && s.Runs[n-1].ID != best.id && (behind || later(s.Runs[n-1].StartedAt)) {
			best, since = byRecord(s.Runs[n-1]), s.Runs[n-1].StartedAt
		}
		// A run notes itself in the snapshot when it ends, and writes one after each commit.
		if s.RunID != "" && s.RunID != best.id && !recorded(s.RunID) && (behind || later(s.WrittenAt)) {
			best, since = lastRun{fate: died, id: s.RunID, seen: s.WrittenAt}, s.WrittenAt
			if o.use.Writing() {
				best.fate = unknown // somebody writes just now, be it that run or another
			}
		}
	}
	if l := o.inLedger; l != nil && l.ID != best.id && !recorded(l.ID) && later(l.At) && l.At.After(best.seen) {
		best = lastRun{fate: unknown, id: l.ID, seen: l.At, counted: true, rows: l.Rows}
	}
	return best, best.fate != 0
}

// byStatus is a run that published its status.
func byStatus(s runstate.Status, end runstate.RunEnd) lastRun {
	r := lastRun{id: s.RunID, started: s.StartedAt, seen: s.HeartbeatAt, outcome: s.Outcome, counted: true, rows: s.Rows, rate: s.RowsPerSecond, status: &s}
	switch end {
	case runstate.RunEnded:
		r.fate = ended
		if s.EndedAt != nil {
			r.seen = *s.EndedAt
		}
		if s.ExitCode != nil {
			r.exit = *s.ExitCode
		}
	case runstate.RunDied:
		r.fate = died
	case runstate.RunUnlocked:
		r.fate = unlocked
	case runstate.RunSilent:
		r.fate = silent
	default:
		r.fate = running
	}
	return r
}

// byRecord is a run that the snapshot lists.
func byRecord(r ledger.Run) lastRun {
	last := lastRun{fate: ended, id: r.ID, started: r.StartedAt, seen: r.EndedAt, exit: r.ExitCode, counted: true, rows: r.Rows}
	if r.Seconds > 0 {
		last.rate = float64(r.Rows) / r.Seconds
	}
	return last
}

// sentence says what became of the run.
func (r lastRun) sentence(o observation, now time.Time) string {
	ago := nagios.Ago(r.seen, now)
	switch r.fate {
	case running, unlocked:
		return "a load runs: " + progress(r, o.holder, now)
	case ended:
		return "the last run ended " + ago + r.reason()
	case died:
		return "the last run died (killed, or the machine went down), its last sign of life was " + ago
	case silent:
		return "the last run gave no sign of life " + nagios.Silence(r.seen, now) + " and did not say that it ended"
	default:
		return "the last run recorded a file " + ago + ", and nothing tells how it ended"
	}
}

// reason is why and how the run ended, to follow the time when it did.
func (r lastRun) reason() string {
	why := r.outcome
	for _, c := range load.ExitCodes() {
		if why == "" && c.Code == r.exit {
			why = c.Meaning
		}
	}
	switch {
	case why == "":
		return fmt.Sprintf(" with exit code %d", r.exit)
	case r.exit == load.ExitOK:
		return ": " + why
	default:
		return fmt.Sprintf(": %s (exit code %d)", why, r.exit)
	}
}

// progress says who loads and how far it is.
func progress(r lastRun, holder runstate.Holder, now time.Time) string {
	var b strings.Builder
	b.WriteString(holder.String())
	s := r.status
	if holder == (runstate.Holder{}) {
		b.Reset()
		fmt.Fprintf(&b, "PID %d (%s, user %s)", s.PID, s.Program, s.User)
	}
	if s.FilesTotal > 0 {
		fmt.Fprintf(&b, ", %s of %s", amount.Text(s.FilesDone), amount.Of(s.FilesTotal, "file"))
	} else {
		fmt.Fprintf(&b, ", phase %s", s.Phase)
	}
	if p, ok := s.Percent(); ok {
		fmt.Fprintf(&b, " (%s)", nagios.Human(p, nagios.Percent))
	}
	if s.FilesFailed > 0 {
		b.WriteString(", " + amount.Text(s.FilesFailed) + " failed")
	}
	if s.Rows > 0 {
		b.WriteString(", " + amount.Of(s.Rows, "row"))
	}
	if eta, ok := s.Remaining(); ok {
		b.WriteString(", ETA " + human(eta))
	}
	b.WriteString(", since " + strings.TrimSuffix(nagios.Ago(s.StartedAt, now), " ago"))
	return b.String()
}

// problem is what is wrong with how the run came out; false where nothing is, or where the counts of files tell it.
func (r lastRun) problem(o observation, now time.Time) (nagios.Problem, bool) {
	p := nagios.Problem{State: nagios.Critical, Text: r.sentence(o, now), Path: o.path}
	switch r.fate {
	case running:
		if !r.status.Hung(now) {
			return p, false
		}
		p.Text = fmt.Sprintf("a load hangs: %s gave no sign of life %s", o.holder, nagios.Silence(r.status.HeartbeatAt, now))
		p.Remedy = fmt.Sprintf("Look at what it waits for (cat /proc/%d/wchan; dmesg); stop it with: kill %[1]d", o.holder.PID)
	case unlocked:
		p.State = nagios.Warning
		p.Text = "a load runs whose lock file was replaced or removed, so nothing keeps a second one out: " + progress(r, o.holder, now)
		p.Remedy = "Start no load before it has ended; find out what removes the lock file."
	case died:
		p.Remedy = "Start the next load, which loads the rest, and look for the reason: journalctl -k -g oom"
	case silent:
		p.State = nagios.Warning
		p.Remedy = fmt.Sprintf("Look for PID %d on host %s; if it is gone, start the next load.", r.status.PID, r.status.Host)
	case ended:
		return p, r.judgeEnd(&p, o)
	case unknown:
		return p, false
	}
	return p, true
}

// judgeEnd sets state and remedy of a run that ended; false where its end is no problem.
func (r lastRun) judgeEnd(p *nagios.Problem, o observation) bool {
	switch r.exit {
	case load.ExitOK:
		return false
	case load.ExitSomeFailed:
		p.State = nagios.Warning
		p.Remedy = "Look for the files in its report or its log; the next run tries them again."
		return o.outcomes.Failed == 0 // else the files are the problem
	case load.ExitNothing:
		p.State = nagios.Warning
		p.Remedy = "Check --data-dir, --symbol and the dates of the load, and whether the downloads arrive, with check_ingest_csv."
	case load.ExitHeld:
		p.State = nagios.Warning
		p.Remedy = "Wait for the next run, which tries again; check_ingest_db tells who holds the database."
	case load.ExitInterrupted, load.ExitTerminated, 129:
		p.State = nagios.Warning
		p.Remedy = "Start it again to load the rest; what it had committed is kept."
	case load.ExitNoSpace:
		p.Remedy = "Free space, unless that says otherwise, and start it again; check_ingest_disk tells how much a load needs."
	case load.ExitDatabase:
		p.Remedy = "Mend what that names and start it again; check_ingest_db tells whether the database itself is well."
	default:
		p.Remedy = "Look at the loader's log."
	}
	return true
}
