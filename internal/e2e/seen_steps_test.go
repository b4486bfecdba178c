package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/synth"
	"github.com/check-ingest/check-ingest/internal/testfs"
)

// then does one step after the other.
func then(steps ...step) step {
	return func(t *testing.T, s *scene) {
		t.Helper()
		for _, do := range steps {
			do(t, s)
		}
	}
}

// must is a step that succeeds.
func must(do func(s *scene) error) step {
	return func(t *testing.T, s *scene) {
		t.Helper()
		if err := do(s); err != nil {
			t.Fatal(err)
		}
	}
}

// downloads adds n daily files of 1,000 rows.
func downloads(n int) step {
	return func(t *testing.T, s *scene) {
		t.Helper()
		for range n {
			s.next.Rows = 1000
			s.next = s.make(t, s.next, synth.Plain)
		}
	}
}

// largeDownload adds a daily file of some megabytes.
func largeDownload(t *testing.T, s *scene) {
	t.Helper()
	s.next.Rows = 200_000
	s.next = s.make(t, s.next, synth.Plain)
}

// stagedDownload adds one that takes more memory than it gets, and so temporary files.
func stagedDownload(t *testing.T, s *scene) {
	t.Helper()
	s.next.Rows = 700_000
	s.stages(t, s.next)
	s.next = s.next.Next()
}

// cutDownload adds one that ends in the middle of a line.
func cutDownload(t *testing.T, s *scene) {
	t.Helper()
	write(t, s.flat(), string(synth.CSV(s.next))[:3330])
}

// flat is the next download's path in the data dir itself.
func (s *scene) flat() string { return filepath.Join(s.data, s.next.Name(synth.Plain)) }

// loads runs a load to its end, which has to come with that exit code.
func loads(code int, args ...string) step {
	return func(t *testing.T, s *scene) {
		t.Helper()
		s.out = new(bytes.Buffer) // another program may still write to the one before
		cmd := s.command(t.Context(), s.out, args...)
		cmd.Path = s.binary(t, program)
		s.as(cmd)
		if got := exitCode(t, cmd.Run()); got != code {
			t.Fatalf("exit code %d, want %d: %s", got, code, s.out)
		}
	}
}

// loadsWithin is loads by a shell that does something to itself before.
func loadsWithin(shell string, code int) step {
	return func(t *testing.T, s *scene) {
		t.Helper()
		s.out = new(bytes.Buffer) // another program may still write to the one before
		if got := exitCode(t, s.within(t, shell, s.out).Run()); got != code {
			t.Fatalf("exit code %d, want %d: %s", got, code, s.out)
		}
	}
}

// starts starts a load and waits until its status is good.
func starts(good func(runstate.Status) bool, args ...string) step {
	return func(t *testing.T, s *scene) {
		t.Helper()
		s.loader = s.command(t.Context(), s.out, args...)
		if err := s.loader.Start(); err != nil {
			t.Fatal(err)
		}
		s.awaitStatus(t, good)
	}
}

func isPlanning(s runstate.Status) bool { return s.Phase == runstate.PhasePlan }

// startsAndPauses starts a load that pauses for that long after each commit, and waits for the first.
func startsAndPauses(pause string) step {
	return func(t *testing.T, s *scene) {
		t.Helper()
		starts(func(st runstate.Status) bool { return st.FilesDone == 1 && !st.Ended() }, "--batch-rows", "1", "--throttle", pause)(t, s)
		if _, ok := await(s.db+".ledger.json", func(string) bool { return true }); !ok {
			t.Fatal("it leaves no snapshot of the ledger")
		}
	}
}

// freezes stops the load as a debugger does.
func freezes(t *testing.T, s *scene) {
	t.Helper()
	must(func(s *scene) error { return s.loader.Process.Signal(syscall.SIGSTOP) })(t, s)
}

// goesOn lets a frozen load go on, until it says that it lives.
func goesOn(t *testing.T, s *scene) {
	t.Helper()
	must(func(s *scene) error { return s.loader.Process.Signal(syscall.SIGCONT) })(t, s)
	s.awaitStatus(t, func(st runstate.Status) bool { return !st.Hung(time.Now()) })
}

// wasSilent has the last sign of life of a frozen load be of five minutes ago.
func wasSilent(t *testing.T, s *scene) {
	t.Helper()
	path := runstate.StatusPath(s.lock)
	status, err := runstate.ReadStatus(path)
	if err != nil {
		t.Fatal(err)
	}
	status.HeartbeatAt = status.HeartbeatAt.Add(-5 * time.Minute)
	data, err := json.Marshal(status)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, string(data))
}

// isKilled kills the load. Nobody asks yet how it ended.
func isKilled(t *testing.T, s *scene) {
	t.Helper()
	must(func(s *scene) error {
		return errors.Join(s.loader.Process.Kill(), unix.Waitid(unix.P_PID, s.loader.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil))
	})(t, s)
}

func isWaitedFor(_ *testing.T, s *scene) { _ = s.loader.Wait() } // it was killed

// isStopped sends a signal to the load, which has to end with that code.
func isStopped(signal syscall.Signal, code int) step {
	return func(t *testing.T, s *scene) {
		t.Helper()
		stopWith(t, s.loader, signal, code)
	}
}

// ends waits for the load, which has to end with that code.
func ends(code int) step {
	return func(t *testing.T, s *scene) {
		t.Helper()
		if got := exitCode(t, s.loader.Wait()); got != code {
			t.Fatalf("exit code %d, want %d: %s", got, code, s.out)
		}
	}
}

// at runs a load under strace, which sends it a signal at its n-th system call of that name, and waits until that has come.
func at(call string, n string, signal string) step {
	return func(t *testing.T, s *scene) {
		t.Helper()
		strace, err := exec.LookPath("strace")
		if err != nil {
			t.Skip("needs strace, which sends a process a signal at the system call that it is told")
		}
		trace := filepath.Join(s.dir, "trace")
		s.loader = s.command(t.Context(), s.out, "--batch-rows", "1")
		s.loader.Path = strace
		s.loader.Args = slices.Concat([]string{"strace", "-f", "-qq", "-o", trace, "-e", "trace=" + call, "-e", "inject=" + call + ":signal=" + signal + ":when=" + n, s.binary(t, program)}, s.loader.Args[1:])
		if err := s.loader.Start(); err != nil {
			t.Fatal(err)
		}
		if text, ok := await(trace, func(text string) bool { return strings.Contains(text, signal) }); !ok {
			t.Fatalf("strace: %s, %s", text, s.out)
		}
		s.traced = s.awaitStatus(t, func(runstate.Status) bool { return true }).PID
		t.Cleanup(func() { tracedIsKilled(t, s) }) // strace's end would leave it stopped
	}
}

// tracedIsKilled kills a load that runs under strace.
func tracedIsKilled(_ *testing.T, s *scene) {
	if s.loader.ProcessState == nil {
		_ = syscall.Kill(s.traced, syscall.SIGKILL) // it may be dead already
		_ = s.loader.Wait()
	}
}

// undo undoes what the step before did.
func undo(_ *testing.T, s *scene) { s.undo() }

// onTmpfs puts database, lock, status and snapshot on a small file system of their own.
func onTmpfs(t *testing.T, s *scene) {
	t.Helper()
	s.on(testfs.Tmpfs(t, "120m"))
}

// onExt4 is likewise.
func onExt4(t *testing.T, s *scene) {
	t.Helper()
	s.disk = testfs.Ext4(t, 120<<20)
	s.on(s.disk.Dir)
}

func (s *scene) on(dir string) {
	s.db, s.lock = filepath.Join(dir, "trades.duckdb"), filepath.Join(dir, "lock")
}

// fills leaves no space on the database's file system.
func fills(t *testing.T, s *scene) {
	t.Helper()
	s.undo = testfs.Fill(t, filepath.Dir(s.db), 0)
}

// remounts mounts the database's file system again, for reading only.
func remounts(t *testing.T, s *scene) {
	t.Helper()
	dir := filepath.Dir(s.db)
	must(func(*scene) error { return unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, "") })(t, s)
	s.undo = func() {
		if err := unix.Mount("", dir, "", unix.MS_REMOUNT, ""); err != nil {
			t.Fatal(err)
		}
	}
}

// diesBelow has the data dir's file system answer no more.
func diesBelow(t *testing.T, s *scene) {
	t.Helper()
	testfs.Dead(t, s.data)
}

// hangsInTheMiddle starts a load of a file that gives its first bytes and no more.
func hangsInTheMiddle(t *testing.T, s *scene) {
	t.Helper()
	reached := s.hangs(t, 64<<10)
	starts(func(runstate.Status) bool { return true })(t, s)
	wait(t, reached)
	s.awaitStatus(t, func(st runstate.Status) bool { return st.Phase == runstate.PhaseLoad })
}

// diskFails lets nothing be written to or read from the database's disk.
func diskFails(t *testing.T, s *scene) {
	t.Helper()
	s.disk.Fail(t)
}

func diskRecovers(t *testing.T, s *scene) {
	t.Helper()
	s.disk.Recover(t)
}

// failsToRead adds a file that the disk does not give.
func failsToRead(t *testing.T, s *scene) {
	t.Helper()
	dir := filepath.Join(s.data, "remote")
	must(func(*scene) error { return os.Mkdir(dir, 0o755) })(t, s)
	testfs.Served(t, dir, map[string]*testfs.File{s.next.Name(synth.Plain): {
		Content: synth.CSV(s.next), Reading: func(context.Context, int64) syscall.Errno { return syscall.EIO },
	}})
}

// holds has another program hold something. It is told of a file that it makes when it does.
func holds(command func(s *scene) []string) step {
	return func(t *testing.T, s *scene) {
		t.Helper()
		mark := filepath.Join(s.dir, "held")
		args := append(command(s), mark)
		path, err := exec.LookPath(args[0])
		if err != nil {
			t.Skip(err)
		}
		s.holder = exec.CommandContext(t.Context(), path, args[1:]...)
		s.holder.Args[0] = args[0]
		if err := s.holder.Start(); err != nil {
			t.Fatal(err)
		}
		if _, ok := await(mark, func(string) bool { return true }); !ok {
			t.Fatal("it never held it")
		}
	}
}

// letsGo ends that program.
func letsGo(t *testing.T, s *scene) {
	t.Helper()
	must(func(s *scene) error { return s.holder.Process.Kill() })(t, s)
	_ = s.holder.Wait() // it was killed
}

// becomes changes what the database's file holds.
func becomes(change func(db []byte) []byte) step {
	return func(t *testing.T, s *scene) {
		t.Helper()
		db, err := os.ReadFile(s.db)
		if err != nil {
			t.Fatal(err)
		}
		write(t, s.db, string(change(db)))
	}
}

// byNobody has loads and checks be run by the user nobody from now on.
func byNobody(t *testing.T, s *scene) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	s.nobody = true
	for dir := s.dir; dir != os.TempDir(); dir = filepath.Dir(dir) {
		must(func(*scene) error { return os.Chmod(dir, 0o755) })(t, s)
	}
}
