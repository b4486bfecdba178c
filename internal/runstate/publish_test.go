package runstate

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/internal/testfs"
)

// held is a lock of this process.
func held(t *testing.T) *Lock {
	t.Helper()
	l, err := Acquire(t.Context(), filepath.Join(t.TempDir(), "l"), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Release() })
	return l
}

// published is what a reader finds.
func published(t *testing.T, l *Lock) Status {
	t.Helper()
	s, err := ReadStatus(StatusPath(l.Path()))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPublisherPublishesARunFromBeginningToEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := held(t)
		begin := time.Now().UTC()
		p := NewPublisher(l, Status{RunID: "r1", Version: "1", FilesTotal: 9}, 2*time.Second, time.Now)
		synctest.Wait()
		first := published(t, l)
		self, err := ReadHolder(DefaultProcRoot, os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		host, _ := os.Hostname()
		want := Status{
			Schema: StatusSchema, RunID: "r1", Version: "1", FilesTotal: 9, Phase: PhaseLock,
			PID: os.Getpid(), PIDStart: self.StartTicks, Host: host, User: self.User, Program: self.Program,
			StartedAt: begin, HeartbeatAt: begin, HeartbeatEvery: 2,
		}
		if diff := cmp.Diff(want, first); diff != "" {
			t.Errorf("at the beginning (-want +got):\n%s", diff)
		}

		p.Update(func(s *Status) { s.Phase, s.FilesDone, s.CurrentFile = PhaseLoad, 4, "a\nb" })
		if got := published(t, l); got.FilesDone != 0 {
			t.Error("Update wrote the file")
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		got := published(t, l)
		if got.HeartbeatAt != begin.Add(4*time.Second) || got.FilesDone != 4 || got.Phase != PhaseLoad || got.CurrentFile != "a\ufffdb" {
			t.Errorf("after 5 s: %+v", got)
		}
		if err := p.Flush(); err != nil {
			t.Error(err)
		}
		if got := published(t, l); got.HeartbeatAt != begin.Add(5*time.Second) {
			t.Errorf("after Flush: %+v", got)
		}

		code := 1
		if err := p.Close(func(s *Status) { s.ExitCode, s.Outcome = &code, "1 of 9 files failed" }); err != nil {
			t.Error(err)
		}
		got = published(t, l)
		end := begin.Add(5 * time.Second)
		want = got
		want.Phase, want.EndedAt, want.ExitCode, want.Outcome, want.CurrentFile = PhaseEnded, &end, &code, "1 of 9 files failed", ""
		if diff := cmp.Diff(want, got); diff != "" || !got.Ended() {
			t.Errorf("at the end (-want +got):\n%s", diff)
		}

		p.Update(func(*Status) { t.Error("Update after Close") })
		if err := p.Flush(); err == nil {
			t.Error("Flush after Close")
		}
		if err := p.Close(func(*Status) { t.Error("second Close") }); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		if diff := cmp.Diff(got, published(t, l)); diff != "" {
			t.Errorf("after the end:\n%s", diff)
		}
	})
}

func TestPublisherSurvivesWhatItCannotWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := held(t)
		path := StatusPath(l.Path())
		if err := os.MkdirAll(filepath.Join(path, "in the way"), 0o700); err != nil { // rename(2) cannot replace that
			t.Fatal(err)
		}
		p := NewPublisher(l, Status{}, time.Second, time.Now)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		var e *FileError
		if err := p.Flush(); !errors.As(err, &e) || e.Path != path {
			t.Errorf("the error of the heartbeats: %v", err)
		}
		if err := p.Flush(); err != nil {
			t.Errorf("when all is well again: %v", err)
		}
		if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
			t.Fatal(err)
		}
		if err := p.Close(func(*Status) {}); !errors.As(err, &e) {
			t.Errorf("Close: %v", err)
		}
		if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); err != nil || len(left) != 0 {
			t.Errorf("left behind: %q, %v", left, err)
		}
	})
}

// On a full disk a run goes on to say that it lives, and says how it ended: checks would take it for hung, and then for killed.
func TestPublisherOnAFullDisk(t *testing.T) {
	t.Parallel()
	for name, mount := range map[string]func(*testing.T) string{
		"tmpfs": func(t *testing.T) string { t.Helper(); return testfs.Tmpfs(t, "1m") },
		"ext4":  func(t *testing.T) string { t.Helper(); return testfs.Ext4(t, 8<<20).Dir },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := mount(t)
			l, err := Acquire(t.Context(), filepath.Join(dir, "l"), 0)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Release() })
			p := NewPublisher(l, Status{RunID: "r1"}, time.Hour, time.Now)
			flush := func(file string) {
				t.Helper()
				p.Update(func(s *Status) { s.CurrentFile = file })
				if err := p.Flush(); err != nil {
					t.Fatal(err)
				}
				if got := published(t, l); got.CurrentFile != file {
					t.Errorf("current file %q, want %q", got.CurrentFile, file)
				}
			}
			flush("short")
			free := testfs.Fill(t, dir, 0)
			for _, file := range []string{strings.Repeat("long ", 100), "", "short"} {
				flush(file)
			}

			other := filepath.Join(dir, "other")
			if err := os.Link(StatusPath(l.Path()), other); err != nil {
				t.Fatal(err)
			}
			before, err := os.ReadFile(other)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Flush(); !errors.Is(err, unix.ENOSPC) {
				t.Errorf("a file that has another name: %v", err)
			}
			if after, err := os.ReadFile(other); err != nil || string(after) != string(before) {
				t.Errorf("was %q, is %q, %v", before, after, err)
			}
			if err := os.Remove(other); err != nil {
				t.Fatal(err)
			}

			if err := p.Close(func(s *Status) { s.Outcome = "no space" }); err != nil {
				t.Error(err)
			}
			if got := published(t, l); !got.Ended() || got.Outcome != "no space" {
				t.Errorf("at the end: %+v", got)
			}
			if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) != 0 {
				t.Errorf("left behind: %q, %v", left, err)
			}
			free()
		})
	}
}

func TestReadersNeverSeeHalfAStatus(t *testing.T) {
	t.Parallel()
	l := held(t)
	p := NewPublisher(l, Status{}, time.Hour, time.Now)
	if err := p.Flush(); err != nil {
		t.Fatal(err)
	}
	const writers, each = 4, 300
	var (
		wg      sync.WaitGroup
		writing atomic.Int32
	)
	writing.Store(writers)
	for range writers {
		wg.Go(func() {
			defer writing.Add(-1)
			for range each {
				p.Update(func(s *Status) { s.Rows++; s.CurrentFile = strings.Repeat("x", int(s.Rows)) })
				if err := p.Flush(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var last int64
	for writing.Load() > 0 {
		got := published(t, l)
		if got.Rows < last {
			t.Errorf("an older status replaced a newer one: %d rows after %d", got.Rows, last)
			break
		}
		last = got.Rows
	}
	wg.Wait()
	if err := p.Close(func(*Status) {}); err != nil {
		t.Error(err)
	}
	if got := published(t, l); got.Rows != writers*each {
		t.Errorf("%d rows at the end", got.Rows)
	}
}

func TestEverybodyMayReadAStatus(t *testing.T) {
	t.Parallel()
	path := filepath.Join(openDir(t), "l")
	start(t, nil, "publish", path).expect(t, "published") // with umask 077
	info, err := os.Stat(StatusPath(path))
	if err != nil || info.Mode() != 0o644 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestAnotherUsersStatusInAStickyFolder(t *testing.T) {
	t.Parallel()
	needRoot(t)
	dir := openDir(t)
	if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "l")
	old := write(t, StatusPath(path), "old", 0o644)
	got := start(t, asNobody(t), "publish", path).line(t)
	want := "error: the status " + old + " cannot be published: it belongs to user root, and only they may replace it in " + dir + "; remove it"
	if !strings.HasPrefix(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if data, err := os.ReadFile(old); err != nil || string(data) != "old" {
		t.Errorf("the file now: %q, %v", data, err)
	}
	if info, err := os.Stat(path); err != nil || info.Sys().(*syscall.Stat_t).Uid != nobody {
		t.Errorf("the lock itself was not taken: %v", err)
	}
}

func TestAStatusReplacesALinkAndNotWhatItLeadsTo(t *testing.T) {
	t.Parallel()
	l := held(t)
	victim := write(t, filepath.Join(t.TempDir(), "victim"), "precious", 0o644)
	if err := os.Symlink(victim, StatusPath(l.Path())); err != nil {
		t.Fatal(err)
	}
	p := NewPublisher(l, Status{}, time.Hour, time.Now)
	if err := p.Close(func(*Status) {}); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(victim); err != nil || string(data) != "precious" {
		t.Errorf("victim: %q, %v", data, err)
	}
	if !published(t, l).Ended() {
		t.Error("no status")
	}
}
