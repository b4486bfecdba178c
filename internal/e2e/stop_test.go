package e2e

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/synth"
	"github.com/check-ingest/check-ingest/internal/testfs"
)

// TestStopsWhateverItDoes sends a signal to what waits, works or hangs. It has to end with the signal's exit code, to have recorded that where it holds
// the lock, and to leave files that are wholly there or not at all.
func TestStopsWhateverItDoes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		do       step // until it is to be stopped
		signal   syscall.Signal
		recorded bool
	}{
		"it waits for the lock":                       {then(lockIsHeld, startsAndSays("waiting for the lock", "--wait=1h")), syscall.SIGTERM, false},
		"it waits for a reader of the database":       {then(downloads(1), loads(0), downloads(1), readerHolds, startsAndSays("waiting for a reader of the database")), syscall.SIGINT, true},
		"it sleeps between two tries":                 {then(failsToRead, startsAndSays("delay=2s", "--retries=20")), syscall.SIGTERM, true},
		"it pauses between two commits":               {then(downloads(2), startsAndPauses("1h")), syscall.SIGHUP, true},
		"it inflates a huge archive":                  {then(hugeDownload, starts(func(s runstate.Status) bool { return s.CurrentFile != "" })), syscall.SIGINT, true},
		"it is in a COMMIT":                           {then(downloads(1), loads(0), downloads(2), at("pwrite64", "3", "SIGSTOP")), syscall.SIGTERM, true},
		"its standard streams are closed":             {then(downloads(2), pausesWithin("exec <&- >&- 2>&-")), syscall.SIGTERM, true},
		"the database does not answer":                {then(databaseDies, startsAndHangs(10)), syscall.SIGTERM, false},
		"the lock does not answer":                    {then(lockDies, startsAndHangs(1)), syscall.SIGINT, false},
		"its settings do not answer":                  {then(lockDies, startsAndHangs(1, "--config=$L/config.yaml")), syscall.SIGTERM, false},
		"status, and the database does not answer":    {then(databaseDies, startsAndHangs(1, "status")), syscall.SIGTERM, false},
		"verify, and the database does not answer":    {then(databaseDies, startsAndHangs(1, "verify")), syscall.SIGINT, false},
		"migrate, and the database does not answer":   {then(databaseDies, startsAndHangs(1, "migrate")), syscall.SIGHUP, false},
		"preflight, and the data dir does not answer": {then(diesBelow, startsAndHangs(1, "preflight")), syscall.SIGTERM, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			tt.do(t, s)
			s.stops(t, tt.signal)
			if tt.recorded {
				s.checkStopped(t, unix.SignalName(tt.signal), 128+int(tt.signal))
				s.isWhole(t)
			}
		})
	}
}

// TestStoppedWhileTheDiskHangs has the disk of the database take no write, so that not even the kernel can end the process: that it was stopped is recorded all
// the same, and it ends when the disk goes on.
func TestStoppedWhileTheDiskHangs(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	then(onExt4, must(func(s *scene) error { s.lock = filepath.Join(s.dir, "lock"); return nil }), downloads(3), startsAndPauses("3s"))(t, s)
	thaw := s.disk.Freeze(t)
	if !poll(func() bool { return s.waits("percpu", "freeze", "rwsem") }) {
		t.Fatalf("it writes nothing: %s", s.out)
	}
	must(func(s *scene) error { return s.loader.Process.Signal(syscall.SIGTERM) })(t, s)
	s.awaitStatus(t, runstate.Status.Ended)
	s.checkStopped(t, "SIGTERM", 143)
	thaw()
	endsSoon(t, s.loader, 143)
	s.isWhole(t)
	loads(0)(t, s)
	if got := s.ask(t, "SELECT count(*), count(DISTINCT agg_trade_id) FROM aggtrades_history"); got[0] != "3000|3000" {
		t.Errorf("rows and ids after the next load: %v", got)
	}
}

// stops sends all that was started the signal, and has it end with its code.
func (s *scene) stops(t *testing.T, signal syscall.Signal) {
	t.Helper()
	if s.traced == 0 {
		all := append(s.more, s.loader)
		for _, cmd := range all {
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
		}
		for _, cmd := range all {
			endsSoon(t, cmd, 128+int(signal))
		}
		return
	}
	if err := errors.Join(syscall.Kill(s.traced, signal), syscall.Kill(s.traced, syscall.SIGCONT)); err != nil {
		t.Fatal(err)
	}
	endsSoon(t, s.loader, 128+int(signal)) // as strace does
}

// isWhole has rows and ledger of the database agree, if there is one yet.
func (s *scene) isWhole(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(s.db); errors.Is(err, os.ErrNotExist) {
		return
	}
	const rows = "SELECT count(*), count(DISTINCT agg_trade_id), (SELECT coalesce(sum(rows_inserted), 0) FROM ingestion_log WHERE status = 'success') FROM aggtrades_history"
	if f := strings.Split(s.ask(t, rows)[0], "|"); f[0] != f[1] || f[0] != f[2] {
		t.Errorf("rows, ids, rows recorded: %v", f)
	}
	if left, err := filepath.Glob(s.db + ".wal*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// waits reports whether a thread of the load waits in a function of the kernel of such a name.
func (s *scene) waits(in ...string) bool { return waits(s.loader.Process.Pid, in...) }

func waits(pid int, in ...string) bool {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/wchan", pid)) // the pattern is good
	for _, path := range tasks {
		function, _ := os.ReadFile(path) // the thread may be gone
		for _, name := range in {
			if strings.Contains(string(function), name) {
				return true
			}
		}
	}
	return false
}

// lockIsHeld holds the lock until the end of the test.
func lockIsHeld(t *testing.T, s *scene) {
	t.Helper()
	lock, err := runstate.Acquire(t.Context(), s.lock, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lock.Release(); err != nil {
			t.Error(err)
		}
	})
}

// readerHolds has another program read the database until the load is stopped, and a moment longer.
func readerHolds(t *testing.T, s *scene) {
	t.Helper()
	holds(func(s *scene) []string { return []string{"hold", s.db + "?access_mode=READ_ONLY"} })(t, s)
}

// startsAndSays starts a load and waits until its log has that.
func startsAndSays(text string, args ...string) step {
	return func(t *testing.T, s *scene) {
		t.Helper()
		log, err := os.Create(filepath.Join(s.dir, "log"))
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		s.loader = s.command(t.Context(), s.out, args...)
		s.loader.Stderr = log
		if err := s.loader.Start(); err != nil {
			t.Fatal(err)
		}
		if said, ok := await(log.Name(), func(said string) bool { return strings.Contains(said, text) }); !ok {
			t.Fatalf("it said: %s", said)
		}
	}
}

// pausesWithin starts a load by a shell that does something to itself before, and waits until it pauses after its first commit.
func pausesWithin(shell string) step {
	return func(t *testing.T, s *scene) {
		t.Helper()
		s.loader = s.within(t, shell, s.out, "--batch-rows", "1", "--throttle", "1h")
		if err := s.loader.Start(); err != nil {
			t.Fatal(err)
		}
		s.awaitStatus(t, func(st runstate.Status) bool { return st.FilesDone == 1 })
	}
}

// databaseDies puts the database on a file system that does not answer.
func databaseDies(t *testing.T, s *scene) {
	t.Helper()
	s.db = filepath.Join(t.TempDir(), "trades.duckdb")
	testfs.Dead(t, filepath.Dir(s.db))
}

// lockDies puts the lock there.
func lockDies(t *testing.T, s *scene) {
	t.Helper()
	s.lock = filepath.Join(t.TempDir(), "lock")
	testfs.Dead(t, filepath.Dir(s.lock))
}

// startsAndHangs starts n programs with these arguments, in which $L is the lock's folder, and waits until each hangs in FUSE.
func startsAndHangs(n int, args ...string) step {
	return func(t *testing.T, s *scene) {
		t.Helper()
		for range n {
			cmd := exec.CommandContext(t.Context(), program)
			for _, a := range args {
				cmd.Args = append(cmd.Args, strings.ReplaceAll(a, "$L", filepath.Dir(s.lock)))
			}
			cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+filepath.Join(s.dir, "no-config"), "CHECK_INGEST_DB="+s.db, "CHECK_INGEST_DATA_DIR="+s.data, "CHECK_INGEST_LOCK_FILE="+s.lock)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			s.more = append(s.more, cmd)
		}
		for _, cmd := range s.more {
			if !poll(func() bool { return waits(cmd.Process.Pid, "fuse", "request_wait_answer") }) {
				t.Fatal("it does not hang")
			}
		}
		s.loader, s.more = s.more[0], s.more[1:]
	}
}

// hugeDownload adds an archive of a few megabytes that holds four gigabytes of rows, which repeat one id and so go through the staging table.
func hugeDownload(t *testing.T, s *scene) {
	t.Helper()
	rows := bytes.Repeat([]byte(strings.SplitAfter(string(synth.CSV(s.next)), "\n")[1]), 20_000)
	var piece bytes.Buffer
	w, err := flate.NewWriter(&piece, flate.BestCompression)
	if err == nil {
		_, err = w.Write(rows)
	}
	if err := errors.Join(err, w.Flush()); err != nil { // an end at a byte, so that pieces can follow one another
		t.Fatal(err)
	}
	pieces := 4 << 30 / len(rows)
	f, err := os.Create(filepath.Join(s.data, s.next.Name(synth.Zip)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	member, err := z.CreateRaw(&zip.FileHeader{
		Name: s.next.Name(synth.Plain), Method: zip.Deflate, CompressedSize64: uint64(pieces * piece.Len()), UncompressedSize64: uint64(pieces * len(rows)),
	})
	if err != nil {
		t.Fatal(err)
	}
	for range pieces {
		if _, err := io.Copy(member, bytes.NewReader(piece.Bytes())); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
}
