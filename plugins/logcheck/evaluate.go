package logcheck

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/nagios"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/shell"
	"github.com/check-ingest/check-ingest/internal/store"
)

// evaluate judges what was observed. It is pure: the same observation at the same time gives the same result.
func (c *Cmd) evaluate(o observation, now time.Time) nagios.Result {
	r := nagios.Result{Lines: o.notes(now)}
	var parts []string
	if p, bad := o.unreadable(); bad {
		r.Problems = append(r.Problems, p)
	} else if o.counted() {
		parts = append(parts, c.files(&r, o, now)...)
	} else {
		parts = append(parts, "what it has loaded before is not known, since there is no ledger snapshot yet")
	}
	run, known := o.run(now)
	if known {
		c.addRun(&r, run, o, now)
		if len(r.Lines) > 0 { // where files failed, the first line speaks of them alone
			r.Lines = append([]string{run.sentence(o, now)}, r.Lines...)
		}
		parts = append(parts, run.sentence(o, now))
	} else {
		r.Problems = append(r.Problems, c.thresholds.Unmeasured(labelRunAge, nagios.Problem{Text: "no run is known", Path: o.path, Remedy: fmt.Sprintf(remedyStart, shell.Quote(o.path))})...)
	}
	if !known && o.counted() && o.outcomes.Success+o.outcomes.Failed+o.outcomes.Partial == 0 {
		parts = []string{"nothing was loaded yet"}
		if o.missing {
			parts[0] += ", " + o.path + " does not exist"
		}
	}
	r.Summary = strings.Join(parts, ", ")
	return r
}

// What to do where nothing was loaded, or not what was expected.
const (
	remedyLook  = "Look what was loaded and how fast: ingest-aggtrades status --db="
	remedyStart = "Start a load: ingest-aggtrades --db=%s --data-dir=DIR"
)

// counted reports whether it is known how the files came out.
func (o observation) counted() bool {
	return o.fault == nil && (o.fromSnapshot || !o.use.Writing())
}

// unreadable is a ledger that could not be read.
func (o observation) unreadable() (nagios.Problem, bool) {
	p := nagios.Problem{State: nagios.Unknown, Path: o.path}
	var e *store.Error
	switch {
	case errors.As(o.fault, &e):
		p.Text = "the ledger cannot be read: " + e.Sentence()
		p.Remedy = cmp.Or(nagios.Advice(e.Remedy), "Look what is wrong with it: check_ingest_db -v --db="+shell.Quote(o.path))
	case o.fault != nil:
		p.Text = "the ledger cannot be read: " + o.fault.Error()
	case o.use.Writing() && !o.use.Loading && o.snapshot == nil:
		p.Text = fmt.Sprintf("the ledger cannot be read: %s is held open for writing by %s, and there is no ledger snapshot", o.path, o.use.Holder)
		p.Remedy = "Wait for it to end; check_ingest_db tells more."
	default:
		return p, false
	}
	return p, true
}

// files adds how the files came out.
func (c *Cmd) files(r *nagios.Result, o observation, now time.Time) []string {
	x := o.outcomes
	files := slices.Clone(x.Files)
	slices.SortStableFunc(files, func(a, b ledger.FileState) int { return b.At.Compare(a.At) })
	r.Metrics = append(r.Metrics,
		nagios.Metric{
			Label: labelFailed, Value: float64(x.Failed), Path: o.path, Phrase: "{} " + amount.Noun(x.Failed, "file") + " failed" + latest(files, ledger.Failed),
			Remedy: "Fetch it again if it is broken (check_ingest_csv --full tells); the next run tries it again. -v lists all.",
		},
		nagios.Metric{
			Label: labelPartial, Value: float64(x.Partial), Path: o.path, Phrase: "{} " + amount.Noun(x.Partial, "file") + " loaded in part" + latest(files, ledger.Partial),
			Remedy: "Find out which trades are right, those of the database or the file's; delete the wrong ones and the file's row of ingestion_log, and load it again.",
		},
		nagios.Metric{Label: labelSuccess, Value: float64(x.Success), Path: o.path, Phrase: "{} " + amount.Noun(x.Success, "file") + " loaded", Remedy: remedyLook + shell.Quote(o.path)},
	)
	for _, f := range files[:min(len(files), maxListed)] {
		r.Lines = append(r.Lines, fileLine(f, now))
	}
	if more := x.Failed + x.Partial - min(len(files), maxListed); more > 0 {
		r.Lines = append(r.Lines, amount.Of(more, "more failed or partial file"))
	}
	if o.fromSnapshot {
		r.AddAge(nagios.Metric{Label: labelSnapshotAge, Path: ledger.PathFor(o.path), Phrase: "the ledger snapshot is {} old"}, "the ledger snapshot", o.snapshot.WrittenAt, now)
	}
	parts := []string{amount.Of(x.Success+x.Partial, "file") + " loaded"}
	if x.Failed > 0 {
		parts = append(parts, amount.Text(x.Failed)+" failed")
	} else {
		parts = append(parts, "none failed")
	}
	if x.Partial > 0 {
		parts = append(parts, amount.Text(x.Partial)+" in part")
	}
	if x.LastSuccess.IsZero() {
		r.Problems = append(r.Problems, c.thresholds.Unmeasured(labelSuccessAge, nagios.Problem{Text: "no file was loaded yet", Path: o.path, Remedy: fmt.Sprintf(remedyStart, shell.Quote(o.path))})...)
		return parts
	}
	r.AddAge(nagios.Metric{
		Label: labelSuccessAge, Path: o.path, Phrase: "the last file was loaded {} ago",
		Remedy: "Look whether loads are started (systemctl list-timers) and new files arrive (check_ingest_csv).",
	}, "the last load of a file", x.LastSuccess, now)
	return append(parts, "the last one "+nagios.Ago(x.LastSuccess, now))
}

// latest names the latest file of a status and what is wrong with it.
func latest(files []ledger.FileState, status ledger.Status) string {
	for _, f := range files {
		if f.Status == status {
			return ", the latest " + told(f, filepath.Base(f.Path))
		}
	}
	return ""
}

// told is a file's name or path and its error, which often begins with either.
func told(f ledger.FileState, name string) string {
	message := strings.TrimLeft(strings.TrimPrefix(strings.TrimPrefix(f.Error, f.Path), filepath.Base(f.Path)), ": ")
	if message == "" {
		return name
	}
	return name + ": " + message
}

// fileLine is one file that is no success, for -v.
func fileLine(f ledger.FileState, now time.Time) string {
	text := string(f.Status)
	if !f.At.IsZero() {
		text += " " + nagios.Ago(f.At, now)
	}
	if f.Attempts > 1 {
		text += ", " + amount.Of(f.Attempts, "attempt")
	}
	return text + ": " + told(f, f.Path)
}

// addRun adds the last run.
func (c *Cmd) addRun(r *nagios.Result, run lastRun, o observation, now time.Time) {
	if p, bad := run.problem(o, now); bad {
		r.Problems = append(r.Problems, p)
	}
	seen := run.seen
	if run.fate == running || run.fate == unlocked {
		seen = now
	}
	r.AddAge(nagios.Metric{
		Label: labelRunAge, Path: o.path, Phrase: "the last run ended {} ago", Remedy: "Look whether loads are started: systemctl list-timers",
	}, "the last sign of the last run", seen, now)
	if run.counted {
		r.Metrics = append(r.Metrics, nagios.Metric{Label: labelRows, Value: float64(run.rows), Path: o.path, Phrase: "{} rows loaded by the last run", Remedy: remedyLook + shell.Quote(o.path)})
	}
	if run.rate > 0 {
		r.Metrics = append(r.Metrics, nagios.Metric{Label: labelRate, Value: run.rate, Path: o.path, Phrase: "{} rows a second", Remedy: remedyLook + shell.Quote(o.path)})
	}
}

// notes are lines for -v about where the answer comes from.
func (o observation) notes(now time.Time) []string {
	var lines []string
	if o.fromSnapshot {
		does := "holds"
		if o.use.Mode != runstate.DBWriter {
			does = "is about to open"
		}
		line := fmt.Sprintf("by the ledger snapshot of %s, since %s %s the database", nagios.Ago(o.snapshot.WrittenAt, now), o.use.Holder, does)
		if o.changed {
			line += ", which has changed since"
		}
		lines = append(lines, line)
	}
	if o.snapshotErr != nil {
		lines = append(lines, "the ledger snapshot cannot be used: "+o.snapshotErr.Error())
	}
	if o.lockErr != nil {
		lines = append(lines, o.lockErr.Error())
	}
	if o.other != "" {
		lines = append(lines, "the lock is held by a load into "+o.other)
	}
	if s := o.status; s != nil && o.end == 0 {
		lines = append(lines, fmt.Sprintf("run %s of %s %s, since %s UTC", s.RunID, s.Program, s.Version, s.StartedAt.UTC().Format(time.DateTime)))
		if s.CurrentFile != "" {
			lines = append(lines, "current file "+s.CurrentFile)
		}
	}
	return lines
}

// human is a duration for people, without more digits than they want.
func human(d time.Duration) string {
	return nagios.Human(max(d.Round(time.Second).Seconds(), 0), nagios.Seconds)
}
