package runstate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/internal/smallfile"
)

// DefaultHeartbeat is how often a holder publishes its status.
const DefaultHeartbeat = 2 * time.Second

// errPublisherClosed is the error of a Flush after Close.
var errPublisherClosed = errors.New("status is closed")

// Publisher writes the status of a run beside its lock file, at a steady pace and when asked, until it is closed. All its methods may be
// called from several goroutines.
//
// A status that cannot be written is never a reason to end a load: the error waits for the next Flush or for Close.
type Publisher struct {
	path  string
	clock func() time.Time
	stop  chan struct{} // closed by Close
	done  chan struct{} // closed by the heartbeat when it has ended

	mu     sync.Mutex // guards status, missed and closed
	status Status
	missed error // the first error of a heartbeat since the last Flush
	closed bool

	writing sync.Mutex // held while a file is written, so that an older status never replaces a newer one
}

// NewPublisher starts to publish initial beside l's file, now and then every so often ([DefaultHeartbeat] if every is not positive); clock
// tells the time of the heartbeats. Where initial leaves them zero, it fills in the schema, PID, host, user, program, start and phase.
func NewPublisher(l *Lock, initial Status, every time.Duration, clock func() time.Time) *Publisher {
	if every <= 0 {
		every = DefaultHeartbeat
	}
	p := &Publisher{
		path:   StatusPath(l.Path()),
		clock:  clock,
		stop:   make(chan struct{}),
		done:   make(chan struct{}),
		status: introduce(initial, every, clock()),
	}
	smallfile.RemoveTemporary(p.path) // the lock keeps others from writing it
	go p.beat(every)
	return p
}

// introduce fills in what a process knows about itself.
func introduce(s Status, every time.Duration, now time.Time) Status {
	s.Schema, s.HeartbeatEvery = StatusSchema, every.Seconds()
	s.PID = os.Getpid()
	// "self", since in a container that sees the host's proc this PID is another process there.
	if self, err := readHolder(DefaultProcRoot, "self", s.PID); err == nil {
		s.PIDStart = self.StartTicks
		s.User = orElse(s.User, self.User)
		s.Program = orElse(s.Program, self.Program)
	}
	if host, err := os.Hostname(); err == nil {
		s.Host = orElse(s.Host, host)
	}
	if s.StartedAt.IsZero() {
		s.StartedAt = now
	}
	if s.Phase == "" {
		s.Phase = PhaseLock
	}
	return s
}

// orElse is s or, if that is empty, fallback.
func orElse(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// beat publishes until the publisher is closed.
func (p *Publisher) beat(every time.Duration) {
	defer close(p.done)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := p.write(); err != nil {
			p.mu.Lock()
			if p.missed == nil {
				p.missed = err
			}
			p.mu.Unlock()
		}
		select {
		case <-p.stop:
			return
		case <-tick.C:
		}
	}
}

// Update changes the status; the next heartbeat or Flush publishes it. It does no I/O. f must not call the Publisher.
func (p *Publisher) Update(f func(*Status)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		f(&p.status)
	}
}

// Flush publishes now. It returns the error of that, or the first one of a heartbeat since the last Flush; a status file that may not be
// replaced is a [*FileError].
func (p *Publisher) Flush() error {
	p.mu.Lock()
	closed, missed := p.closed, p.missed
	p.missed = nil
	p.mu.Unlock()
	if closed {
		return errPublisherClosed
	}
	if err := p.write(); err != nil {
		return err
	}
	return missed
}

// Close stops the heartbeat and publishes how the run ended: final sets exit code and outcome, Close the phase and, where final left it
// open, the time. It must be called while the lock is still held; after that the file may be another run's. It returns like Flush, and nil
// if the publisher was closed before.
func (p *Publisher) Close(final func(*Status)) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	final(&p.status)
	p.status.Phase = PhaseEnded
	p.status.CurrentFile = ""
	if p.status.EndedAt == nil {
		now := p.clock()
		p.status.EndedAt = &now
	}
	p.mu.Unlock()

	close(p.stop)
	<-p.done
	if err := p.write(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.missed
}

// write publishes the status as it is.
func (p *Publisher) write() error {
	p.writing.Lock()
	defer p.writing.Unlock()
	p.mu.Lock()
	p.status.HeartbeatAt = p.clock()
	s := p.status.cleaned()
	p.mu.Unlock()

	data, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode status: %w", err)
	}
	// Everybody may read it, whatever the umask: checks run as another user. It need not survive a power loss, after which no lock is held.
	data = append(data, '\n')
	err = smallfile.Replace(p.path, data, smallfile.Mode{Perm: 0o644, Exact: true})
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		// A full disk is when it matters most that a run says it lives, and how it ended.
		if smallfile.Overwrite(p.path, data, isStatus) == nil {
			return nil
		}
	}
	if err != nil {
		return newPublishError(p.path, err)
	}
	return nil
}

// isStatus reports whether a file's content is the status of some run.
func isStatus(data []byte) bool {
	_, err := parseStatus(data)
	return err == nil
}

// newPublishError explains why the status file could not be written.
func newPublishError(path string, cause error) error {
	e := &FileError{Path: path, Problem: fmt.Sprintf("the status %s cannot be published: %s", path, bare(cause)), Err: cause}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(cause, fs.ErrPermission) && err == nil && ownerOf(info) != os.Geteuid():
		e.Problem = fmt.Sprintf("the status %s cannot be published: it belongs to user %s, and only they may replace it in %s", path, userName(ownerOf(info)), filepath.Dir(path))
		e.Remedy = "remove it, as its owner or as root; it is left over from a run of that user"
	case errors.Is(cause, fs.ErrPermission):
		e.Remedy = "let this user write into " + filepath.Dir(path) + ", or name a lock file elsewhere with --lock-file"
	}
	return e
}
