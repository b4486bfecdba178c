package csvcheck

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/check-ingest/check-ingest/ingest/aggtrades"
	"github.com/check-ingest/check-ingest/ingest/scan"
	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/checkcli"
	"github.com/check-ingest/check-ingest/internal/nagios"
)

// finding is what was learned of one file.
type finding struct {
	file source.File
	err  error // why the loader would refuse it; nil where it would not, as far as was looked

	sum   string        // [source.ChecksumOK], [source.ChecksumAbsent], checksumFailed, or "" where it was not compared
	rows  int64         // with --full
	holes []catalog.Day // with --full: days of the period without any row
}

const checksumFailed = "failed"

// unreadable reports that nothing is known of the file, good or bad.
func (f finding) unreadable() bool { return errors.Is(f.err, fs.ErrPermission) }

func (f finding) bad() bool { return f.err != nil && !f.unreadable() }

// text says what is wrong with the file in the loader's words, which begin with its name, and with its market before that.
func (f finding) text() string { return string(f.file.Series.Market) + " " + f.err.Error() }

// empty reports whether the file has no row at all.
func (f finding) empty() bool {
	return errors.Is(f.err, source.ErrEmpty) || errors.Is(f.err, aggtrades.ErrEmpty) || errors.Is(f.err, aggtrades.ErrNoRows)
}

// depth is how closely files are looked at.
type depth struct {
	full     bool
	checksum bool
	limits   aggtrades.Limits
}

// columnLimit is the largest number that DECIMAL(18,8) holds, the type of a new database's columns, in units of 1e-8.
const columnLimit = 999_999_999_999_999_999

func (c *Cmd) depth() depth {
	d := depth{full: c.Full, checksum: c.Checksum, limits: aggtrades.Limits{Price: columnLimit, Quantity: columnLimit}}
	if c.Widened {
		d.limits.Quantity = 0
	}
	return d
}

// verb says what is done with a file, for the time limit's message.
func (d depth) verb() string {
	switch {
	case d.full:
		return "decoding"
	case d.checksum:
		return "comparing the checksum of"
	default:
		return "looking at"
	}
}

// seeks is how many files are looked at at the same time where that costs seeks and round trips rather than the processor.
const seeks = 16

// look looks at all files, several at a time, and gives the findings in their order. The error is the context's.
func look(ctx context.Context, files []source.File, d depth) ([]finding, error) {
	cores := runtime.GOMAXPROCS(0)
	atOnce := seeks
	if d.full || d.checksum {
		atOnce = cores
	}
	atOnce = min(atOnce, len(files))
	l := looker{
		depth: d, workers: 1,
		options:  scan.Options{Limits: d.limits, Checksum: true, Unhashed: true, Pool: source.NewPool(scan.BlockSize), Ahead: 2},
		progress: progress{ctx: ctx, verb: d.verb(), files: files},
	}
	if atOnce > 0 {
		l.workers += cores / atOnce // one reads and inflates, these decode
	}
	findings := make([]finding, len(files))
	next := make(chan int, len(files))
	for _, i := range order(files, d) {
		next <- i
	}
	close(next)
	var all sync.WaitGroup
	all.Add(atOnce)
	for range atOnce {
		checkcli.Go(ctx, func() {
			defer all.Done()
			for i := range next {
				if ctx.Err() != nil {
					return
				}
				l.begin(i)
				findings[i] = l.inspect(ctx, files[i])
				l.end(i)
				l.tell(ctx, findings[i])
			}
		})
	}
	all.Wait()
	return findings, ctx.Err()
}

// tell tells the watchdog of a bad file, for the case that time runs out.
func (l *looker) tell(ctx context.Context, f finding) {
	if f.bad() && ctx.Err() == nil && l.told.Add(1) <= maxTodo {
		checkcli.Found(ctx, nagios.Problem{State: nagios.Critical, Text: f.text(), Remedy: f.remedy(), Path: f.file.Path})
	}
}

// order is in which order files are looked at: where all of them are read the largest go first, so that the last one does not keep all
// but one core waiting.
func order(files []source.File, d depth) []int {
	indexes := make([]int, len(files))
	for i := range indexes {
		indexes[i] = i
	}
	if d.full {
		slices.SortStableFunc(indexes, func(a, b int) int { return int(files[b].Size>>20 - files[a].Size>>20) })
	}
	return indexes
}

// looker looks at files for several goroutines.
type looker struct {
	depth
	options scan.Options
	workers int          // goroutines that decode one file
	told    atomic.Int32 // bad files that the watchdog was told of
	progress
}

// inspect looks at one file as closely as was asked for.
func (l *looker) inspect(ctx context.Context, f source.File) finding {
	found := finding{file: f}
	if l.full {
		l.decode(ctx, &found)
	} else {
		found.err = quick(ctx, f, l.limits)
	}
	if (l.checksum || l.full) && found.sum == "" {
		sum, err := compare(ctx, f)
		found.sum = sum
		if found.err == nil {
			found.err = err
		}
	}
	return found
}

// decode takes a file through the loader's scan and comes to the loader's verdict.
func (l *looker) decode(ctx context.Context, found *finding) {
	facts, err := scan.Verify(ctx, found.file, l.options, l.workers)
	var row *aggtrades.RowError
	switch {
	case err == nil:
		found.sum, found.rows, found.holes = facts.Checksum, facts.All.Rows, facts.All.DaysMissing()
	case errors.Is(err, source.ErrChecksum):
		found.sum = checksumFailed
	case errors.As(err, &row) && l.workers > 1:
		if first := scan.FirstError(ctx, found.file, l.options); first != nil {
			err = first
		}
	}
	found.err = err
}

// compare reads all of a file as it lies on disk and compares it with its .CHECKSUM.
func compare(ctx context.Context, f source.File) (sum string, err error) {
	raw := f
	raw.Format = source.CSV // nothing is inflated
	r, err := source.Open(ctx, raw, source.OpenOptions{Checksum: true})
	if err == nil {
		if r.Info().Checksum == source.ChecksumAbsent {
			return source.ChecksumAbsent, r.Close()
		}
		_, err = io.Copy(io.Discard, r)
		err = errors.Join(err, r.Close())
	}
	switch {
	case err == nil:
		return source.ChecksumOK, nil
	case errors.Is(err, source.ErrChecksum):
		return checksumFailed, err
	default:
		return "", err
	}
}

// progress tells the watchdog which file is being looked at: of several, the one that was begun first, since that is the one that hangs.
type progress struct {
	ctx   context.Context //nolint:containedctx // the check's; a progress is part of one call
	verb  string
	files []source.File

	mu   sync.Mutex
	done int
	busy []int // what is being looked at, in the order in which it was begun
}

func (p *progress) begin(i int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy = append(p.busy, i)
	if len(p.busy) == 1 {
		p.stage()
	}
}

func (p *progress) end(i int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	at := slices.Index(p.busy, i)
	p.busy = slices.Delete(p.busy, at, at+1)
	if len(p.busy) > 0 {
		p.stage()
	}
}

func (p *progress) stage() { checkcli.Stage(p.ctx, p.String()) }

// String is what is being done, as the words after "while".
func (p *progress) String() string {
	return fmt.Sprintf("%s %s, %s of %s done", p.verb, p.files[p.busy[0]].Path, amount.Text(p.done), amount.Of(len(p.files), "file"))
}
