package conformance

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// The doses of TestStorm: what runs with the other tests, and what CHECK_INGEST_STORM asks for.
const (
	stormVariable  = "CHECK_INGEST_STORM"
	stormLocks     = 200
	stormDBs       = 40
	fullStormLocks = 10_000
	fullStormDBs   = 2_000
	stormCallers   = 4
	stormFiles     = 3 // of a load; each is a commit of its own
	stormRows      = 20_000
)

// noticeable is a wait that somebody would ask about. The machine may be busy with other tests.
const noticeable = 15 * time.Second

// moment is what is certain about the world from when it is stored until the next one is.
type moment struct {
	certain bool  // whether a load runs is known
	pid     int   // of the loader that holds lock and database; 0 where nobody does
	rows    int64 // in the database, at least
	most    int64 // and at most
}

// storm is loads in a loop, and what they came to.
type storm struct {
	world
	about world // what is asked about
	now   atomic.Pointer[moment]
	spec  synth.Spec
	rows  int64
	waits []time.Duration // that loads spent waiting for a reader
	took  []time.Duration // by loads

	mu      sync.Mutex
	checked []time.Duration // by db checks, of the world that is loaded
}

// TestStorm runs checks from several callers at once while loads come and go: no load may fail or wait noticeably because of them, and no
// check may say what is not so.
func TestStorm(t *testing.T) {
	if testing.Short() {
		t.Skip("takes twenty seconds")
	}
	locks, dbs := int64(stormLocks), int64(stormDBs)
	if os.Getenv(stormVariable) != "" {
		locks, dbs = fullStormLocks, fullStormDBs
	}
	s := &storm{world: emptyWorld(t), spec: sceneSpec()}
	s.spec.Rows = stormRows
	// However many loads there are, none comes to a day in the future.
	s.spec.Period = catalog.DayPeriod(catalog.DayOf(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)))
	s.now.Store(&moment{})
	binary(t, "check_ingest_lock")
	binary(t, "check_ingest_db")
	s.load(t) // a database to begin with

	// The same with checks of another database comes first: they take the same time from the loads, and keep nobody out.
	calm := s.blow(t, healthy(t), locks/4, dbs/4)
	wild := s.blow(t, s.world, locks, dbs)
	for _, wait := range wild.waits {
		if wait > noticeable {
			t.Errorf("a load waited %s for a reader", wait)
		}
	}
	if len(calm.waits) > 0 {
		t.Errorf("%d loads waited for readers of another database", len(calm.waits))
	}
	if wild.certainLocks == 0 || wild.certainDBs == 0 {
		t.Errorf("no answer could be checked: %d and %d", wild.certainLocks, wild.certainDBs)
	}
	t.Logf("%d lock checks, %d of them in a known state; %d db checks, %d of them", locks, wild.certainLocks, dbs, wild.certainDBs)
	t.Logf("%d loads took %s in the middle and %s at most, while another database was checked (%d loads) %s and %s", len(wild.took), median(wild.took),
		slices.Max(wild.took), len(calm.took), median(calm.took), slices.Max(calm.took))
	t.Logf("a db check took %s in the middle and %s at most", median(s.checked), longest(s.checked))
	t.Logf("%d of %d loads waited for a reader, %s in the middle of these and %s at most", len(wild.waits), len(wild.took), median(wild.waits), longest(wild.waits))
}

// tally is what came of a storm.
type tally struct {
	certainLocks, certainDBs int64
	took                     []time.Duration // by loads
	waits                    []time.Duration // for a reader, by the loads that waited
}

// blow asks for the lock and the database of a world, from several callers at once, while loads into that of s come and go.
func (s *storm) blow(t *testing.T, about world, locks, dbs int64) tally {
	t.Helper()
	s.about, s.took, s.waits = about, nil, nil
	var done atomic.Bool
	var callers, loads sync.WaitGroup
	loads.Go(func() {
		for !done.Load() && !t.Failed() {
			s.load(t)
		}
	})
	var askedLocks, askedDBs, certainLocks, certainDBs atomic.Int64
	for range stormCallers {
		callers.Go(func() {
			for !t.Failed() {
				n := askedLocks.Add(1)
				if n > locks {
					return
				}
				if s.lockIsRight(t) {
					certainLocks.Add(1)
				}
				// As many of one as of the other, in proportion.
				for askedDBs.Load() < n*dbs/locks {
					askedDBs.Add(1)
					if s.dbIsRight(t) {
						certainDBs.Add(1)
					}
				}
			}
		})
	}
	callers.Wait()
	done.Store(true)
	loads.Wait()
	return tally{certainLocks.Load(), certainDBs.Load(), s.took, s.waits}
}

func median(d []time.Duration) time.Duration {
	if len(d) == 0 {
		return 0
	}
	d = slices.Sorted(slices.Values(d))
	return d[len(d)/2]
}

func longest(d []time.Duration) time.Duration {
	if len(d) == 0 {
		return 0
	}
	return slices.Max(d)
}

// load makes new files, loads them and removes them, and tells meanwhile what is certain.
func (s *storm) load(t *testing.T) {
	t.Helper()
	if err := os.RemoveAll(s.data); err != nil {
		t.Error(err)
	}
	for range stormFiles {
		if _, err := synth.WriteFile(s.data, synth.Mirror, s.spec, synth.Zip); err != nil {
			t.Error(err)
		}
		s.spec = s.spec.Next()
	}
	before, after := s.rows, s.rows+stormFiles*stormRows
	begin := time.Now()
	cmd := exec.Command(binary(t, "ingest-aggtrades"), "--db", s.db, "--data-dir", s.data, "--lock-file", s.lock, "--batch-rows=1", "--throttle=100ms", "--threads=2", "-v")
	cmd.Env = []string{"CHECK_INGEST_CONFIG=" + noSettings(t)}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Error(err)
		return
	}
	s.now.Store(&moment{rows: before, most: after})
	if err := cmd.Start(); err != nil {
		t.Error(err)
		return
	}
	var log strings.Builder
	committed := 0
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		log.WriteString(lines.Text() + "\n")
		switch {
		case strings.Contains(lines.Text(), "waited for a reader"):
			_, seconds, _ := strings.Cut(lines.Text(), " seconds=")
			wait, err := time.ParseDuration(strings.TrimSpace(seconds) + "s")
			if err != nil {
				t.Errorf("%v in %q", err, lines.Text())
			}
			s.waits = append(s.waits, wait)
		case strings.Contains(lines.Text(), "file committed"):
			committed++
			// From the first commit to the last it holds both for certain; the snapshot may lag behind.
			s.now.Store(&moment{certain: committed < stormFiles, pid: cmd.Process.Pid, rows: before, most: after})
		}
	}
	if err := cmd.Wait(); err != nil || committed != stormFiles {
		t.Errorf("a load failed: %v\n%s", err, log.String())
	}
	s.took = append(s.took, time.Since(begin))
	s.rows = after
	s.now.Store(&moment{certain: true, rows: after, most: after})
}

// ask runs a check and gives its answer with what was certain all the while it ran, which is nil where nothing was, and what was known before
// and after.
func (s *storm) ask(t *testing.T, program string, args ...string) (answer document, code int, all, first, last *moment) {
	t.Helper()
	first = s.now.Load()
	o := call{args: append(args, "-o", "json", "-t", "60")}.run(t, program)
	last = s.now.Load()
	if program == "check_ingest_db" && s.about == s.world {
		s.mu.Lock()
		s.checked = append(s.checked, o.took)
		s.mu.Unlock()
	}
	if err := json.Unmarshal([]byte(o.stdout), &answer); err != nil || o.stderr != "" {
		t.Errorf("%s: %v in %q, stderr %q", program, err, o.stdout, o.stderr)
	}
	if first.certain && last.certain && first.pid == last.pid && first.most == last.most {
		all = first
	}
	return answer, o.code, all, first, last
}

// lockIsRight asks whether the lock is free, and reports whether the answer could be checked.
func (s *storm) lockIsRight(t *testing.T) bool {
	t.Helper()
	d, code, all, _, _ := s.ask(t, "check_ingest_lock", "--lock-file", s.about.lock)
	switch {
	case s.about != s.world:
		return false
	case code != 0 && code != 2, code == 2 && !strings.Contains(d.Summary, "(ingest-aggtrades"):
		t.Errorf("lock: exit code %d, %+v", code, d)
	case all == nil:
		return false
	case all.pid == 0 && code != 0, all.pid != 0 && !strings.HasPrefix(d.Summary, fmt.Sprintf("held by PID %d (ingest-aggtrades, ", all.pid)):
		t.Errorf("lock: exit code %d, %q while PID %d loads", code, d.Summary, all.pid)
	}
	return true
}

// dbIsRight asks for the database, which is fine whatever happens.
func (s *storm) dbIsRight(t *testing.T) bool {
	t.Helper()
	d, code, all, first, last := s.ask(t, "check_ingest_db", "--db", s.about.db, "--lock-file", s.about.lock)
	rows := int64(-1)
	for _, m := range d.Metrics {
		if m.Label == "rows" {
			rows = int64(*m.Value)
		}
	}
	switch {
	case s.about != s.world:
		return false
	case code != 0 || rows < first.rows || rows > last.most:
		t.Errorf("db: exit code %d, %d rows, %q; there are %d to %d", code, rows, d.Summary, first.rows, last.most)
	case all == nil:
		return false
	case all.pid == 0 && rows != all.rows, all.pid == 0 && strings.Contains(d.Summary, "being loaded"), all.pid != 0 && !strings.HasPrefix(d.Summary, fmt.Sprintf("being loaded by PID %d (", all.pid)):
		t.Errorf("db: %q, %d rows, while PID %d loads and there are %d", d.Summary, rows, all.pid, all.rows)
	}
	return true
}
