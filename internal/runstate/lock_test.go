package runstate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// long is a wait that no test reaches unless it fails.
const long = time.Minute

func TestAcquireCreatesTheFileAndReleaseLeavesIt(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "l")
	for range 2 { // absent, then present
		l, err := Acquire(t.Context(), path, 0)
		if err != nil {
			t.Fatal(err)
		}
		if l.Path() != path {
			t.Errorf("Path() = %q", l.Path())
		}
		if _, err := Acquire(t.Context(), path, 0); !errors.As(err, new(*HeldError)) {
			t.Errorf("while held: %v", err)
		}
		for range 2 {
			if err := l.Release(); err != nil {
				t.Error(err)
			}
		}
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != 0o600 || info.Size() != 0 {
			t.Errorf("mode %v, %d bytes", info.Mode(), info.Size())
		}
	}
}

func TestAcquireSaysWhoHoldsTheLock(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("needs python3, which the scripts are written in")
	}
	dir := openDir(t)
	script := write(t, filepath.Join(dir, "ingest_aggtrades.py"), `import fcntl, sys
f = open(sys.argv[1], 'w')
fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
print('held', flush=True)
sys.stdin.read()
`, 0o644)
	path := filepath.Join(dir, "l")
	c := startProgram(t, nil, python, script, path).expect(t, "held")

	_, err = Acquire(t.Context(), path, 2*pollEvery)
	var held *HeldError
	if !errors.As(err, &held) {
		t.Fatalf("got %v", err)
	}
	if held.Path != path || held.Holder.PID != c.pid() || !held.Holder.Known || held.Status != nil {
		t.Errorf("got %+v", held)
	}
	want := fmt.Sprintf("lock held by PID %d (", c.pid())
	if got := err.Error(); !strings.HasPrefix(got, want) || !strings.Contains(got, " ingest_aggtrades.py, user "+userName(os.Geteuid())+") since 2") {
		t.Errorf("got %q", got)
	}

	c.kill(t)
	l, err := Acquire(t.Context(), path, 0)
	if err != nil {
		t.Fatalf("after kill -9 of the holder: %v", err)
	}
	l.Release()
}

func TestAcquireSaysHowFarTheHolderIs(t *testing.T) {
	t.Parallel()
	path := filepath.Join(openDir(t), "l")
	start(t, nil, "publish", path).expect(t, "published")
	_, err := Acquire(t.Context(), path, 0)
	if err == nil || !strings.HasSuffix(err.Error(), " UTC, 3 of 4 files done (75%)") {
		t.Errorf("got %v", err)
	}
}

func TestHeldErrorIsOneSentence(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	for name, test := range map[string]struct {
		err  HeldError
		want string
	}{
		"nothing is known":     {HeldError{}, "lock held by a process that cannot be seen from here"},
		"only a PID":           {HeldError{Holder: Holder{PID: 7}}, "lock held by PID 7"},
		"only a user":          {HeldError{Holder: Holder{PID: 7, User: "bob"}}, "lock held by PID 7 (user bob)"},
		"everything":           {HeldError{Holder: Holder{PID: 7, User: "bob", Program: "x", Since: since}, Status: &Status{FilesDone: 1, FilesTotal: 3}}, "lock held by PID 7 (x, user bob) since 2026-01-02 02:04:05 UTC, 1 of 3 files done (33%)"},
		"nothing to count yet": {HeldError{Holder: Holder{PID: 7}, Status: &Status{}}, "lock held by PID 7, 0 of 0 files done"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := test.err.Error(); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestAcquireWaits(t *testing.T) {
	t.Parallel()
	t.Run("until the holder lets go", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(openDir(t), "l")
		c := start(t, nil, "hold", path).expect(t, "held")
		got := acquireLater(t.Context(), path)
		c.finish(t)
		if err := <-got; err != nil {
			t.Error(err)
		}
	})
	t.Run("until the file is replaced, which leaves the holder with nothing", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(openDir(t), "l")
		start(t, nil, "hold", path).expect(t, "held")
		got := acquireLater(t.Context(), path)
		if err := os.Rename(write(t, path+".new", "", 0o600), path); err != nil {
			t.Fatal(err)
		}
		if err := <-got; err != nil {
			t.Error(err)
		}
	})
	t.Run("until the context ends", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "l")
		l, err := Acquire(t.Context(), path, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Release()
		ctx, cancel := context.WithTimeout(t.Context(), 3*pollEvery)
		defer cancel()
		if _, err := Acquire(ctx, path, long); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if _, err := Acquire(ctx, path, long); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a context that has ended: %v", err)
		}
	})
}

func acquireLater(ctx context.Context, path string) <-chan error {
	got := make(chan error, 1)
	go func() {
		l, err := Acquire(ctx, path, long)
		if err == nil {
			err = l.Release()
		}
		got <- err
	}()
	return got
}

func TestAcquireRefusesWhatIsNoLockFile(t *testing.T) {
	t.Parallel()
	for kind, make := range map[string]func(path string) error{
		"symlink": func(path string) error { return os.Symlink("target", path) },
		"FIFO":    func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"folder":  func(path string) error { return os.Mkdir(path, 0o700) },
		"socket": func(path string) error {
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
			if err == nil {
				l.SetUnlinkOnClose(false)
				err = l.Close()
			}
			return err
		},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, filepath.Join(dir, "target"), "", 0o600)
			path := filepath.Join(dir, "l")
			if err := make(path); err != nil {
				t.Skip(err)
			}
			_, err := Acquire(t.Context(), path, 0)
			var e *FileError
			if !errors.As(err, &e) || !errors.Is(err, ErrNotRegular) || !strings.Contains(e.Problem, kind) || e.Remedy == "" || e.Path != path {
				t.Errorf("got %v", err)
			}
			// The same if it appears after the first look.
			if _, err := lockExisting(path); err == nil {
				t.Error("lockExisting took it")
			}
			if state, err := Inspect(DefaultProcRoot, path, time.Now()); err != nil || !state.Exists || state.Regular || state.Kind != kind || state.Held {
				t.Errorf("Inspect: %+v, %v", state, err)
			}
		})
	}
	t.Run("device", func(t *testing.T) {
		t.Parallel()
		if _, err := Acquire(t.Context(), "/dev/null", 0); !errors.Is(err, ErrNotRegular) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAcquireSaysWhyItCannot(t *testing.T) {
	t.Parallel()
	t.Run("no such folder", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(t.TempDir(), "none")
		_, err := Acquire(t.Context(), filepath.Join(dir, "l"), long)
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "there is no folder "+dir) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("another user's file", func(t *testing.T) {
		t.Parallel()
		path := write(t, filepath.Join(openDir(t), "l"), "", 0o600)
		got := start(t, asNobody(t), "hold", path).line(t)
		if want := "error: the lock file " + path + " cannot be opened: permission denied, it belongs to user root with mode 0600; run every load as one user"; !strings.HasPrefix(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	})
	t.Run("another user's folder", func(t *testing.T) {
		t.Parallel()
		dir := openDir(t)
		got := start(t, asNobody(t), "hold", filepath.Join(dir, "l")).line(t)
		if want := " cannot be opened: permission denied in folder " + dir + "; "; !strings.Contains(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	})
}

// The kernel refuses O_CREAT on another user's file in a sticky folder where fs.protected_regular is set, root or not.
func TestAcquireTakesAnotherUsersFileInAStickyFolder(t *testing.T) {
	t.Parallel()
	needRoot(t)
	dir := openDir(t)
	if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	path := write(t, filepath.Join(dir, "of-nobody"), "", 0o600)
	if err := os.Chown(path, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	l, err := Acquire(t.Context(), path, 0)
	if err != nil {
		t.Fatal(err)
	}
	l.Release()
	start(t, asNobody(t), "hold", write(t, filepath.Join(dir, "of-root"), "", 0o644)).expect(t, "held").finish(t)
}

func TestALockOnAFileThatIsGoneCountsForNothing(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(path string) error{
		"removed":  os.Remove,
		"replaced": func(path string) error { return os.Rename(path+".new", path) },
		"now a link to the same file": func(path string) error {
			return errors.Join(os.Rename(path, path+".old"), os.Symlink(path+".old", path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := write(t, filepath.Join(t.TempDir(), "l"), "", 0o600)
			write(t, path+".new", "", 0o600)
			l, err := lockExisting(path)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Release()
			if err := l.check(); err != nil {
				t.Fatal(err)
			}
			if err := change(path); err != nil {
				t.Fatal(err)
			}
			if err := l.check(); err == nil {
				t.Error("the lock still counts")
			}
		})
	}
}

func TestOfRacingCreatorsOneWins(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const rounds, racers = 50, 8
	for round := range rounds {
		path := filepath.Join(dir, fmt.Sprint(round))
		var (
			wg    sync.WaitGroup
			begin = make(chan struct{})
			locks [racers]*Lock
			errs  [racers]error
		)
		for i := range racers {
			wg.Go(func() {
				<-begin
				locks[i], errs[i] = tryAcquire(t.Context(), path)
			})
		}
		close(begin)
		wg.Wait()
		winners := 0
		for i, l := range locks {
			if errs[i] != nil {
				t.Errorf("round %d: %v", round, errs[i])
			}
			if l != nil {
				winners++
				l.Release()
			}
		}
		if winners != 1 {
			t.Fatalf("round %d: %d winners", round, winners)
		}
	}
}

// However often the file is replaced, a lock is on the file that the path named when it was taken, or is not taken.
func TestAcquireWhileTheFileIsReplaced(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "l")
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			write(t, path+".new", "", 0o600)
			os.Rename(path+".new", path)
		}
	})
	for range 200 {
		l, err := tryAcquire(ctx, path)
		if err != nil {
			t.Error(err)
			break
		}
		if l != nil {
			l.Release()
		}
	}
	cancel()
	wg.Wait()
}

func TestFileErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	at := func(err error) error { return &fs.PathError{Op: "open", Path: "/d/l", Err: err} }
	for name, test := range map[string]struct {
		cause error
		want  string
	}{
		"a link that appeared":      {at(syscall.ELOOP), "the lock file /d/l is a symlink, not a regular file"},
		"no folder":                 {at(syscall.ENOENT), "the lock file /d/l cannot be created: there is no folder /d"},
		"a read-only file system":   {at(syscall.EROFS), "the lock file /d/l cannot be created: read-only file system"},
		"a full disk":               {at(syscall.ENOSPC), "the lock file /d/l cannot be created: no space left on device"},
		"a file system without":     {syscall.ENOLCK, "the lock file /d/l cannot be locked: no locks available"},
		"replaced again and again":  {errReplaced, "the lock file /d/l cannot be locked: somebody keeps replacing it"},
		"a folder nobody may enter": {at(syscall.EACCES), "the lock file /d/l cannot be opened: permission denied in folder /d"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := newFileError("/d/l", test.cause)
			var e *FileError
			if !errors.As(err, &e) || e.Error() != test.want+"; "+e.Remedy || e.Remedy == "" || e.Path != "/d/l" {
				t.Errorf("got %v", err)
			}
			if again := newFileError("/d/l", err); !errors.Is(again, err) {
				t.Errorf("explained twice: %v", again)
			}
		})
	}
}
