package load

import (
	"errors"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/smallfile"
)

// snapshots writes the ledger snapshot beside the database after each commit, on a goroutine of its own: where commits come faster than
// it can be written, only the latest state is.
type snapshots struct {
	meta    ledger.Meta
	now     func() time.Time
	earlier []ledger.Run // runs before this one

	mu     sync.Mutex
	latest []ledger.Entry
	err    error // of the last write
	wake   chan struct{}
	done   chan struct{}
}

// startSnapshots begins to keep the snapshot of the database that meta names. Nothing is written before the first request or close.
func startSnapshots(meta ledger.Meta, entries []ledger.Entry, now func() time.Time) *snapshots {
	s := &snapshots{meta: meta, now: now, latest: entries, wake: make(chan struct{}, 1), done: make(chan struct{})}
	path := meta.Database
	if old, err := ledger.ReadSnapshot(ledger.PathFor(path)); err == nil { // one that cannot be read is replaced
		s.earlier = old.Runs
	}
	smallfile.RemoveTemporary(ledger.PathFor(path)) // whoever holds the database writes it
	go func() {
		defer close(s.done)
		for range s.wake {
			s.write("")
		}
	}()
	return s
}

// request has a snapshot of these entries written soon.
func (s *snapshots) request(entries []ledger.Entry) {
	s.mu.Lock()
	s.latest = entries
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default: // a write is due already
	}
}

// write writes the latest state. The database file is only asked for its size, never opened.
func (s *snapshots) write(header string, runs ...ledger.Run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	meta := s.meta
	meta.DatabaseHeader = header
	info, err := os.Stat(meta.Database)
	if err != nil {
		s.err = err
		return
	}
	meta.WrittenAt, meta.DatabaseSize, meta.DatabaseMTime = s.now(), info.Size(), info.ModTime()
	s.err = ledger.Build(s.latest, append(slices.Clone(s.earlier), runs...), meta).Write(ledger.PathFor(meta.Database))
}

// close writes the last snapshot, with this run among the runs, and ends the goroutine. The database is closed by then, so that the
// snapshot is not older than its last change. header is the database's fingerprint, if it is sure that the snapshot is of it; accounted is [ledger.Snapshot.Accounted].
func (s *snapshots) close(this ledger.Run, header string, accounted bool) error {
	close(s.wake)
	<-s.done
	s.meta.Accounted = accounted
	s.write(header, this)
	if errors.Is(s.err, os.ErrNotExist) {
		return nil // no database was created, so there is nothing to say about it
	}
	return s.err
}
