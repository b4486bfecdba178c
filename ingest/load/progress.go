package load

import (
	"context"
	"time"

	"github.com/check-ingest/check-ingest/internal/runstate"
)

// followEvery is how often the progress within a large file is told.
const followEvery = 250 * time.Millisecond

// phase publishes which step the run is at.
func (r *run) phase(p runstate.Phase) { r.publisher.Update(func(s *runstate.Status) { s.Phase = p }) }

// current publishes which file the run is at.
func (r *run) current(path string) {
	r.progress.Current = path
	r.publisher.Update(func(s *runstate.Status) { s.CurrentFile = path })
	r.tell(r.progress)
}

// tell publishes how far the run is.
func (r *run) tell(p Progress) {
	seconds := r.Now().Sub(r.report.loadStarted).Seconds()
	r.publisher.Update(func(s *runstate.Status) {
		s.FilesDone, s.FilesTotal, s.FilesFailed = p.FilesDone, p.FilesTotal, p.FilesFailed
		s.BytesDone, s.BytesTotal, s.Rows = p.BytesDone, p.BytesTotal, p.Rows
		if seconds > 0 {
			s.RowsPerSecond = float64(p.Rows) / seconds
		}
	})
	if r.Progress != nil {
		r.Progress(p)
	}
}

// follow tells, until the returned function is called, how far a file is that streams. The run's own progress must not change meanwhile.
func (r *run) follow(ctx context.Context, j *job) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for pause(ctx, followEvery) {
			p := r.progress
			p.BytesDone += min(j.stream.BytesIn(), j.item.File.Size)
			p.Rows += j.stream.Rows()
			r.tell(p)
		}
	}()
	return func() { cancel(); <-done }
}
