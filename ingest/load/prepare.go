package load

import (
	"context"
	"errors"
	"runtime"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/check-ingest/check-ingest/ingest/aggtrades"
	"github.com/check-ingest/check-ingest/ingest/plan"
	"github.com/check-ingest/check-ingest/ingest/scan"
	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
)

// prepared is a job that is being prepared: ready is closed when it is. A large file is ready at once, its stream reads ahead.
type prepared struct {
	job    *job
	ready  chan struct{}
	weight int64
}

// prepare opens the files of the plan in its order, a bounded number of them before they are asked for, so that the next file is read and
// a small one decoded while this one is inserted. The channel is closed after the last; cancelling ctx ends it early.
func (r *run) prepare(ctx context.Context, items []plan.Item, room *semaphore.Weighted) <-chan prepared {
	out := make(chan prepared)
	go func() {
		defer close(out)
		for _, item := range items {
			p := prepared{job: &job{item: item, days: item.Days, example: -1}, ready: make(chan struct{}), weight: largeWeight}
			if small(item.File) {
				p.weight = 1
			}
			if room.Acquire(ctx, p.weight) != nil {
				return
			}
			r.start(ctx, p)
			select {
			case out <- p:
			case <-ctx.Done():
				<-p.ready
				p.job.close()
				return
			}
		}
	}()
	return out
}

// start begins with a job, unless which of its days are to be loaded depends on what comes before it.
func (r *run) start(ctx context.Context, p prepared) {
	if waits(p.job.item) {
		close(p.ready)
		return
	}
	p.job.keep = r.asked(p.job.item.File, p.job.days)
	if !small(p.job.item.File) {
		r.open(ctx, p.job)
		close(p.ready)
		return
	}
	go func() {
		defer close(p.ready)
		r.decode(ctx, p.job)
	}()
}

// waits reports whether a file's days may be brought by the files before it.
func waits(item plan.Item) bool { return item.File.Period.Days() > 1 }

func small(f source.File) bool { return ledger.CSVBytes(f.Path, f.Size) <= smallCSVBytes }

// asked is which days of the file were asked for; nil for all.
func (r *run) asked(f source.File, days catalog.Period) func(catalog.Day) bool {
	if days == f.Period {
		return nil
	}
	return days.Contains
}

// catchUp prepares a job that had to wait. It reports false where nothing is left to load.
func (r *run) catchUp(ctx context.Context, j *job) bool {
	covered := ledger.CoverageOf(r.others(j))
	series := j.item.File.Series
	open := func() (n int) {
		for d := j.days.First; d < j.days.End; d++ {
			if !covered.Has(series, d) {
				n++
			}
		}
		return n
	}
	if open() == 0 {
		return false
	}
	if j.item.Action != plan.Replace {
		j.days = j.item.Bridged()
	}
	j.keep = r.asked(j.item.File, j.days)
	if days := j.days; open() < days.Days() {
		j.keep = func(d catalog.Day) bool { return days.Contains(d) && !covered.Has(series, d) }
	}
	if small(j.item.File) {
		r.decode(ctx, j)
	} else {
		r.open(ctx, j)
	}
	return true
}

// others are the entries of other files than the job's. Where rows of a changed file are swapped, what it brought before covers nothing.
func (r *run) others(j *job) []ledger.Entry {
	if j.item.Action != plan.Replace {
		return r.entries.all()
	}
	return r.entries.without(j.item.Own.FilePath)
}

// options are how a job's file is read.
func (r *run) options(j *job) scan.Options {
	return scan.Options{
		Limits: r.limits, Keep: j.keep, MaxUnpacked: r.MaxUnpacked, Checksum: true, Pool: r.pool, Ahead: streamAhead,
	}
}

// open begins to stream a large file.
func (r *run) open(ctx context.Context, j *job) {
	j.attempts++
	o := r.options(j)
	o.Increasing = !j.staged
	j.stream = scan.Open(ctx, j.item.File, o)
}

// decode reads all of a small file, again where what failed may pass.
func (r *run) decode(ctx context.Context, j *job) {
	started := r.Now()
	defer func() { j.took += r.Now().Sub(started) }()
	j.err = r.retry(ctx, j, func() error {
		s := scan.Open(ctx, j.item.File, r.options(j))
		defer s.Close()
		var err error
		j.small, err = collect(ctx, s)
		return err
	})
	if j.err == nil {
		j.facts = j.small.facts
	}
}

// retry calls f until it succeeds, fails for good, or has been tried often enough.
func (r *run) retry(ctx context.Context, j *job, f func() error) error {
	for tried := 0; ; tried++ {
		j.attempts++
		err := f()
		if err == nil || tried >= r.Retries || !source.Transient(err) || ctx.Err() != nil {
			return err
		}
		if !r.again(ctx, j, err) {
			return err
		}
	}
}

// again waits before a file is tried again, and reports false if ctx ended first.
func (r *run) again(ctx context.Context, j *job, err error) bool {
	delay := r.retryDelay(j.attempts)
	r.Log.Warn("file will be tried again", keyFile, j.item.File.Path, keyError, err, "delay", delay)
	if r.Retrying != nil {
		r.Retrying()
	}
	return pause(ctx, delay)
}

// pause waits, and reports false if ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// close lets go of what a job holds.
func (j *job) close() {
	if j.stream != nil {
		j.stream.Close()
		j.stream = nil
	}
	j.small = nil
}

// verdict is what is wrong with the file of a job that failed while several goroutines decoded it: the first bad row, whichever was found first.
func (r *run) verdict(ctx context.Context, j *job, err error) error {
	var row *aggtrades.RowError
	if !errors.As(err, &row) {
		return err
	}
	if first := scan.FirstError(ctx, j.item.File, r.options(j)); first != nil {
		return first
	}
	return err
}

func (r *run) threads() int {
	if r.Threads > 0 {
		return r.Threads
	}
	return runtime.GOMAXPROCS(0)
}
