package runstate

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAStatusCountsForWhatFitsTheFacts(t *testing.T) {
	t.Parallel()
	with := func(change func(*Status)) func(*fixture) {
		return func(f *fixture) {
			s := goodStatus()
			change(&s)
			f.status(s)
		}
	}
	asItIs := with(func(*Status) {})
	isHeld := func(f *fixture) { f.locks(heldLine); f.process(123, 123) }
	isFree := func(f *fixture) { f.locks(otherLine) }
	isAbsent := func(f *fixture) { os.Remove(f.lock) }
	inContainer := func(f *fixture) { f.link("self/ns/pid", "pid:[4026532000]") }
	unseen := func(f *fixture) { f.locks(strings.Replace(heldLine, "123", "0", 1)) }
	ended := with(func(s *Status) { s.Phase = PhaseEnded; end := now; s.EndedAt = &end })

	for name, test := range map[string]struct {
		set     []func(*fixture)
		held    bool
		pid     int    // of the holder
		believe bool   // Status is set
		ignored string // a part of StatusIgnored
		end     RunEnd // of LastRun, 0 if there is none
	}{
		"the holder's own":                             {set: []func(*fixture){isHeld, asItIs}, held: true, pid: 123, believe: true},
		"the holder's own, with an old heartbeat":      {set: []func(*fixture){isHeld, with(func(s *Status) { s.HeartbeatAt = now.Add(-time.Hour) })}, held: true, pid: 123, believe: true},
		"the holder's own, about to let go":            {set: []func(*fixture){isHeld, ended}, held: true, pid: 123, believe: true},
		"of another PID":                               {set: []func(*fixture){isHeld, with(func(s *Status) { s.PID = 5 })}, held: true, pid: 123, ignored: "it is of PID 5 and the lock is held by PID 123"},
		"of an earlier process with the same PID":      {set: []func(*fixture){isHeld, with(func(s *Status) { s.PIDStart-- })}, held: true, pid: 123, ignored: "earlier process with PID 123"},
		"of a holder in a container":                   {set: []func(*fixture){isHeld, func(f *fixture) { f.process(123, 8) }, with(func(s *Status) { s.PID = 8 })}, held: true, pid: 123, believe: true},
		"root's, of a holder of whatever user":         {set: []func(*fixture){isHeld, asItIs, func(f *fixture) { f.statusOwner(0) }}, held: true, pid: 123, believe: true},
		"another user's":                               {set: []func(*fixture){isHeld, asItIs, func(f *fixture) { f.statusOwner(nobody) }}, held: true, pid: 123, ignored: "it belongs to user nobody and the lock to a process of user root"},
		"garbage":                                      {set: []func(*fixture){isHeld, func(f *fixture) { write(f.t, StatusPath(f.lock), "{", 0o644) }}, held: true, pid: 123, ignored: "not a run status"},
		"of a newer version":                           {set: []func(*fixture){isHeld, with(func(s *Status) { s.Schema++ })}, held: true, pid: 123, ignored: "schema 2, this version knows 1"},
		"a link":                                       {set: []func(*fixture){isHeld, func(f *fixture) { os.Symlink("elsewhere", StatusPath(f.lock)) }}, held: true, pid: 123, ignored: "not a regular file"},
		"free: of a run that ended":                    {set: []func(*fixture){isFree, ended}, end: RunEnded},
		"free: of a run that was killed":               {set: []func(*fixture){isFree, asItIs}, end: RunDied},
		"free: of a run whose PID is another's":        {set: []func(*fixture){isFree, func(f *fixture) { f.process(123, 123) }, with(func(s *Status) { s.PIDStart-- })}, end: RunDied},
		"free: of a run that lives":                    {set: []func(*fixture){isFree, func(f *fixture) { f.process(123, 123) }, asItIs}, end: RunUnlocked},
		"free: of a run that lives, not of its user":   {set: []func(*fixture){isFree, func(f *fixture) { f.process(123, 123) }, asItIs, func(f *fixture) { f.statusOwner(nobody); os.Chmod(f.lock, 0o644) }}, end: RunDied},
		"absent: of a run that lives":                  {set: []func(*fixture){isAbsent, func(f *fixture) { f.process(123, 123) }, asItIs}, end: RunUnlocked},
		"absent: of a run that lives, not of its user": {set: []func(*fixture){isAbsent, func(f *fixture) { f.process(123, 123) }, asItIs, func(f *fixture) { f.statusOwner(nobody) }}},
		"absent: of a run that was killed":             {set: []func(*fixture){isAbsent, asItIs}},
		"absent: of a run that ended":                  {set: []func(*fixture){isAbsent, func(f *fixture) { f.process(123, 123) }, ended}},
		"free: another user's":                         {set: []func(*fixture){isFree, asItIs, func(f *fixture) { f.statusOwner(nobody) }}, ignored: "user nobody, who may not open the lock file"},
		"free: another user's, who may lock":           {set: []func(*fixture){isFree, asItIs, func(f *fixture) { f.statusOwner(nobody); os.Chmod(f.lock, 0o644) }}, end: RunDied},
		"cannot tell: a fresh heartbeat":               {set: []func(*fixture){inContainer, asItIs}, held: true, pid: 123, believe: true},
		"cannot tell: an old heartbeat":                {set: []func(*fixture){inContainer, with(func(s *Status) { s.HeartbeatAt = now.Add(-31 * time.Second) })}, end: RunSilent},
		"cannot tell: a heartbeat that is allowed":     {set: []func(*fixture){inContainer, with(func(s *Status) { s.HeartbeatAt = now.Add(-30 * time.Second) })}, held: true, pid: 123, believe: true},
		"cannot tell: a heartbeat in the future":       {set: []func(*fixture){inContainer, with(func(s *Status) { s.HeartbeatAt = now.AddDate(1, 0, 0) })}, end: RunSilent},
		"cannot tell: of a run that ended":             {set: []func(*fixture){inContainer, ended}, end: RunEnded},
		"cannot tell: another user's":                  {set: []func(*fixture){inContainer, asItIs, func(f *fixture) { f.statusOwner(nobody) }}, ignored: "user nobody"},
		"holder unseen: a fresh heartbeat":             {set: []func(*fixture){unseen, asItIs}, held: true, pid: 123, believe: true},
		"holder unseen: an old heartbeat":              {set: []func(*fixture){unseen, with(func(s *Status) { s.HeartbeatAt = now.Add(-time.Hour) })}, held: true, ignored: "its last heartbeat was at 2026-03-04 04:06:07 UTC"},
		"holder unseen: of a run that ended":           {set: []func(*fixture){unseen, ended}, held: true, ignored: "a run that has ended"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			for _, set := range test.set {
				set(f)
			}
			got := f.inspect()
			if got.Held != test.held || got.Holder.PID != test.pid || (got.Status != nil) != test.believe {
				t.Errorf("held %v by %v, status %+v", got.Held, got.Holder, got.Status)
			}
			if (got.StatusIgnored == "") != (test.ignored == "") || !strings.Contains(got.StatusIgnored, test.ignored) {
				t.Errorf("ignored: %q, want %q", got.StatusIgnored, test.ignored)
			}
			last, end, ok := got.LastRun()
			if end != test.end || ok != (test.end != 0) || ok && last.RunID != "r1" {
				t.Errorf("last run %q %v %v, want %v", last.RunID, end, ok, test.end)
			}
		})
	}
}

func TestABelievedStatusTellsWhatTheProcessTableCannot(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.status(goodStatus())
	f.link("self/ns/pid", "pid:[4026532000]")
	want := Holder{PID: 123, InnerPID: 123, Program: "ingest-aggtrades", User: "bob", UID: -1, Since: now.Add(-time.Hour), StartTicks: 5000}
	if diff := cmp.Diff(want, f.inspect().Holder); diff != "" {
		t.Errorf("unseen (-want +got):\n%s", diff)
	}
	f.process(123, 123)
	f.locks(heldLine)
	want = pythonHolder()
	want.Since = now.Add(-time.Hour) // the run's, which began after the process
	if diff := cmp.Diff(want, f.inspect().Holder); diff != "" {
		t.Errorf("seen (-want +got):\n%s", diff)
	}
}

func TestBelieveALiveProcessOnly(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	h := pythonHolder()
	if ok, reason := Believe(goodStatus(), h.UID, h, f.proc); ok || !strings.Contains(reason, "PID 123, has ended") {
		t.Errorf("%v, %q", ok, reason)
	}
	f.file("123/stat", "nonsense")
	if ok, reason := Believe(goodStatus(), h.UID, h, f.proc); ok || !strings.Contains(reason, "cannot be looked at") {
		t.Errorf("%v, %q", ok, reason)
	}
	f.process(123, 123)
	h.UID, h.User = 1000, "bob"
	for owner, want := range map[int]bool{0: true, 1000: true, 1001: false} {
		if ok, reason := Believe(goodStatus(), owner, h, f.proc); ok != want || (reason == "") != want {
			t.Errorf("a file of user %d: %v, %q", owner, ok, reason)
		}
	}
}

// inNamespace runs a child in a PID namespace of its own.
func inNamespace(t *testing.T) *syscall.SysProcAttr {
	t.Helper()
	needRoot(t)
	return &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}
}

func TestInspectAcrossPIDNamespaces(t *testing.T) {
	t.Parallel()
	if !seesAllProcesses(DefaultProcRoot) {
		t.Skip("this is a container itself")
	}
	t.Run("a holder in a container is seen, and its status believed", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(openDir(t), "l")
		c := start(t, inNamespace(t), "publish", path).expect(t, "published")
		state, err := Inspect(DefaultProcRoot, path, time.Now())
		if err != nil || !state.Held || state.Holder.PID != c.pid() || state.Holder.InnerPID != 1 || state.Status == nil || state.Status.PID != 1 {
			t.Errorf("%+v, %v", state, err)
		}
	})
	t.Run("a holder outside is not, but its status tells", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(openDir(t), "l")
		attr := inNamespace(t)
		c := start(t, nil, "publish", path).expect(t, "published")
		got := start(t, attr, "inspect-proc", path, t.TempDir(), "").inspected(t)
		if !got.Held || got.Holder.Known || got.Holder.PID != c.pid() || got.Status == nil || !strings.Contains(got.Unknowable, "container") {
			t.Errorf("%+v", got)
		}
	})
	t.Run("a holder outside that says nothing is not", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(openDir(t), "l")
		attr := inNamespace(t)
		start(t, nil, "hold", path).expect(t, "held")
		got := start(t, attr, "inspect-proc", path, t.TempDir(), "").inspected(t)
		if got.Held || !strings.Contains(got.Unknowable, "container") {
			t.Errorf("%+v", got)
		}
	})
}

// An overlay's files may have another device in stat(2) than in the lock table.
func TestInspectOnAnOverlay(t *testing.T) {
	t.Parallel()
	needRoot(t)
	c := start(t, &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}, "overlay", t.TempDir())
	text := c.line(t)
	if strings.HasPrefix(text, "error: no such device") {
		t.Skip("the kernel has no overlay file system")
	}
	if want := fmt.Sprintf(`{"Held":true,"Holder":{"PID":%d,`, c.pid()); !strings.HasPrefix(text, want) {
		t.Errorf("got %s", text)
	}
}

func TestInspectWhereProcHidesOthersProcesses(t *testing.T) {
	t.Parallel()
	for _, hidepid := range []int{1, 2} {
		t.Run(fmt.Sprint("hidepid=", hidepid), func(t *testing.T) {
			t.Parallel()
			needRoot(t)
			path := filepath.Join(openDir(t), "l")
			c := start(t, nil, "publish", path).expect(t, "published")
			got := start(t, &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}, "inspect-proc", path, openDir(t), fmt.Sprint("hidepid=", hidepid), fmt.Sprint(nobody)).inspected(t)
			if !got.Held || got.Holder.Known || got.Holder.PID != c.pid() || !strings.Contains(got.Unknowable, "hidden") || got.Status == nil {
				t.Errorf("%+v", got)
			}
		})
	}
}
