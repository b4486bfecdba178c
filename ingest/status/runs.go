package status

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/runstate"
)

// load is what loads now; nil where nothing does.
func (f Facts) load() *Load {
	s := f.Status
	switch {
	case s != nil && (f.End == 0 || f.End == runstate.RunUnlocked):
	case f.Use.Loading && f.Use.Run != nil:
		s = f.Use.Run
	case f.Use.Loading:
		return &Load{State: Silent, Process: f.Use.Holder.String(), PID: f.Use.Holder.PID}
	default:
		return nil
	}
	l := &Load{
		State: Running, PID: s.PID, RunID: s.RunID, StartedAt: s.StartedAt, HeartbeatAt: s.HeartbeatAt, Phase: string(s.Phase),
		FilesDone: s.FilesDone, FilesTotal: s.FilesTotal, FilesFailed: s.FilesFailed, Rows: s.Rows, RowsPerSecond: s.RowsPerSecond, CurrentFile: s.CurrentFile,
	}
	l.Process = f.Holder.String()
	if f.Holder == (runstate.Holder{}) {
		l.Process = runstate.Holder{PID: s.PID, Program: s.Program, User: s.User}.String()
	}
	if s.Hung(f.At) {
		l.State = Hung
	}
	if p, ok := s.Percent(); ok {
		l.Percent = &p
	}
	if eta, ok := s.Remaining(); ok {
		seconds := eta.Seconds()
		l.ETASeconds = &seconds
	}
	return l
}

// runs are the runs that snapshot, status and ledger tell of, the latest last.
func (f Facts) runs() []Run {
	known := map[string]bool{}
	runs := []Run{}
	add := func(r Run) {
		if !known[r.ID] {
			known[r.ID] = true
			runs = append(runs, r)
		}
	}
	if f.Snapshot != nil {
		for _, r := range f.Snapshot.Runs {
			add(byRecord(r))
		}
	}
	if f.Status != nil {
		add(f.byStatus(*f.Status))
	}
	for _, r := range f.byEntries() {
		add(r)
	}
	// A run notes itself in the snapshot when it ends, and writes one after each commit.
	if s := f.Snapshot; s != nil && s.RunID != "" && !f.Use.Writing() {
		add(Run{ID: s.RunID, Outcome: RunDied, EndedAt: s.WrittenAt.UTC()})
	}
	slices.SortStableFunc(runs, func(a, b Run) int { return a.began().Compare(b.began()) })
	return runs
}

// began is when a run began, or what else is known of its time.
func (r Run) began() time.Time {
	if r.StartedAt.IsZero() {
		return r.EndedAt
	}
	return r.StartedAt
}

func rate(rows int64, seconds float64) float64 {
	if seconds <= 0 {
		return 0
	}
	return float64(rows) / seconds
}

// byRecord is a run that the snapshot lists.
func byRecord(r ledger.Run) Run {
	exit := r.ExitCode
	return Run{
		ID: r.ID, Outcome: RunEnded, ExitCode: &exit, StartedAt: r.StartedAt.UTC(), EndedAt: r.EndedAt.UTC(), Seconds: r.Seconds, FilesLoaded: int64(r.FilesLoaded),
		FilesFailed: int64(r.FilesFailed), FilesSkipped: int64(r.FilesSkipped), Rows: r.Rows, RowsPerSecond: rate(r.Rows, r.Seconds),
	}
}

// byStatus is the run that published its status last.
func (f Facts) byStatus(s runstate.Status) Run {
	r := Run{
		ID: s.RunID, Outcome: RunRunning, ExitCode: s.ExitCode, StartedAt: s.StartedAt, EndedAt: s.HeartbeatAt, FilesFailed: s.FilesFailed,
		Rows: s.Rows, RowsPerSecond: s.RowsPerSecond, FilesLoaded: max(s.FilesDone-s.FilesFailed, 0),
	}
	switch f.End {
	case runstate.RunEnded:
		r.Outcome = RunEnded
		if s.EndedAt != nil {
			r.EndedAt = *s.EndedAt
		}
	case runstate.RunDied, runstate.RunSilent:
		r.Outcome = RunDied
	case runstate.RunUnlocked:
	}
	r.Seconds = max(r.EndedAt.Sub(r.StartedAt).Seconds(), 0)
	return r
}

// byEntries are runs as far as the files whose latest outcome is theirs tell.
func (f Facts) byEntries() []Run {
	runs := map[string]*Run{}
	var ids []string
	for _, e := range f.Entries {
		if e.RunID == "" {
			continue
		}
		r := runs[e.RunID]
		if r == nil {
			r = &Run{ID: e.RunID, Outcome: RunUnknown}
			runs[e.RunID] = r
			ids = append(ids, e.RunID)
		}
		if at := e.ProcessedAt.Add(-e.ProcessingTime); r.StartedAt.IsZero() || at.Before(r.StartedAt) {
			r.StartedAt = at
		}
		if e.ProcessedAt.After(r.EndedAt) {
			r.EndedAt = e.ProcessedAt
		}
		if e.Loaded() {
			r.FilesLoaded++
			r.Rows += e.RowsInserted
		} else {
			r.FilesFailed++
		}
	}
	out := make([]Run, 0, len(ids))
	for _, id := range ids {
		r := *runs[id]
		r.Seconds = r.EndedAt.Sub(r.StartedAt).Seconds()
		out = append(out, r)
	}
	return out
}

// rateSteps is into how many stretches a run is divided at most.
const rateSteps = 60

// rates are how fast the last run that loaded two files or more was, in stretches of equal length.
func (f Facts) rates() []Rate {
	byRun := map[string][]ledger.Entry{}
	for _, e := range f.Entries {
		if e.Loaded() && e.RunID != "" {
			byRun[e.RunID] = append(byRun[e.RunID], e)
		}
	}
	var files []ledger.Entry
	var ended time.Time
	for _, of := range byRun {
		last := slices.MaxFunc(of, func(a, b ledger.Entry) int { return a.ProcessedAt.Compare(b.ProcessedAt) }).ProcessedAt
		if len(of) > 1 && last.After(ended) {
			files, ended = of, last
		}
	}
	if len(files) == 0 {
		return []Rate{}
	}
	slices.SortFunc(files, func(a, b ledger.Entry) int {
		return cmp.Or(a.ProcessedAt.Compare(b.ProcessedAt), strings.Compare(a.FilePath, b.FilePath))
	})
	began := files[0].ProcessedAt
	for _, e := range files {
		if at := e.ProcessedAt.Add(-e.ProcessingTime); at.Before(began) {
			began = at
		}
	}
	took := ended.Sub(began)
	steps := min(rateSteps, len(files))
	if took <= 0 {
		return []Rate{}
	}
	rates := make([]Rate, steps)
	for i := range rates {
		rates[i].From = began.Add(took * time.Duration(i) / time.Duration(steps)).UTC()
		rates[i].To = began.Add(took * time.Duration(i+1) / time.Duration(steps)).UTC()
	}
	for i := range rates {
		r := &rates[i]
		var rows float64
		for _, e := range files {
			rows += float64(e.RowsInserted) * share(e, r.From, r.To)
		}
		r.Rows = int64(rows + 0.5)
		r.RowsPerSecond = rate(r.Rows, r.To.Sub(r.From).Seconds())
	}
	return rates
}

// share is how much of the time in which a file was loaded lies between two times, 0 to 1.
func share(e ledger.Entry, from, to time.Time) float64 {
	began := e.ProcessedAt.Add(-e.ProcessingTime)
	if e.ProcessingTime <= 0 {
		if from.Before(e.ProcessedAt) && !to.Before(e.ProcessedAt) {
			return 1
		}
		return 0
	}
	if began.After(from) {
		from = began
	}
	if e.ProcessedAt.Before(to) {
		to = e.ProcessedAt
	}
	return max(float64(to.Sub(from))/float64(e.ProcessingTime), 0)
}
