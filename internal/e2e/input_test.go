package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/synth"
	"github.com/check-ingest/check-ingest/internal/testfs"
)

// TestInputThatIsNoFile has all that can lie in a file's place, beside a file that is good.
func TestInputThatIsNoFile(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		put  func(path string) error
		says string // of what was left aside
	}{
		"a FIFO":                   {func(p string) error { return unix.Mkfifo(p, 0o644) }, "a FIFO, not a file"},
		"a folder":                 {func(p string) error { return os.Mkdir(p, 0o755) }, "a folder, not a file"},
		"a device":                 {func(p string) error { return unix.Mknod(p, unix.S_IFCHR|0o644, int(unix.Mkdev(1, 5))) }, "a device, not a file"},
		"a socket":                 {socket, "a socket, not a file"},
		"a link to nothing":        {func(p string) error { return os.Symlink("nowhere", p) }, "a symlink to nothing"},
		"a link to itself":         {func(p string) error { return os.Symlink(filepath.Base(p), p) }, "too many levels of symbolic links"},
		"a link to an endless one": {func(p string) error { return os.Symlink("/dev/zero", p) }, "a device, not a file"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			bad := filepath.Join(w.data, "BTCUSDT-aggTrades-2024-01-02.csv")
			if err := tt.put(bad); err != nil {
				t.Skip(err)
			}
			w.make(t, spec(catalog.UM, "BTCUSDT", january, 100, 1), synth.Plain)
			if out := w.run(t, 0); !strings.Contains(out, "Left aside in the data dir: "+bad+"\n    "+tt.says) {
				t.Errorf("it said: %s", out)
			}
		})
	}
}

func socket(path string) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	return errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: path}), unix.Close(fd))
}

// TestInputThatCannotBeRead has files and folders without permission, which root may read all the same.
func TestInputThatCannotBeRead(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root may read everything; TestAnotherUser has a loader that is not root")
	}
	w := newWorld(t)
	w.make(t, spec(catalog.UM, "BTCUSDT", january, 100, 1), synth.Plain)
	write(t, filepath.Join(w.data, "BTCUSDT-aggTrades-2024-01-02.csv"), "x")
	write(t, filepath.Join(w.data, "closed/BTCUSDT-aggTrades-2024-01-03.csv"), "x")
	if err := errors.Join(os.Chmod(filepath.Join(w.data, "BTCUSDT-aggTrades-2024-01-02.csv"), 0), os.Chmod(filepath.Join(w.data, "closed"), 0)); err != nil {
		t.Fatal(err)
	}
	out := w.run(t, 1)
	for _, want := range []string{"cannot open it: permission denied", "folder cannot be read: permission denied"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
}

// TestInputThatChanges has the third of four files become something else while the load has listed it and not read it, or reads it.
func TestInputThatChanges(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(path string) error
		says   string // of the file; "" where it is loaded
	}{
		"removed":                {os.Remove, "cannot open it: no such file or directory"},
		"replaced by a FIFO":     {func(p string) error { return errors.Join(os.Remove(p), unix.Mkfifo(p, 0o644)) }, "is a FIFO, not a file"},
		"replaced by a folder":   {func(p string) error { return errors.Join(os.Remove(p), os.Mkdir(p, 0o755)) }, "is a folder, not a file"},
		"replaced by a device":   {func(p string) error { return errors.Join(os.Remove(p), os.Symlink("/dev/zero", p)) }, "is a device, not a file"},
		"emptied":                {func(p string) error { return os.Truncate(p, 0) }, "the file is empty"},
		"cut in half":            {func(p string) error { return os.Truncate(p, 3_333) }, "the file ends in the middle of a line"},
		"replaced by an old one": {func(p string) error { return errors.Join(os.Rename(p, p+".old"), os.Rename(p+".old", p)) }, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			// The first hangs until the change was made. A few are opened before they are due, but not the last but one.
			release := make(chan struct{})
			reached := make(chan struct{})
			next := spec(catalog.UM, "BTCUSDT", january, 100, 1)
			dir := filepath.Join(w.data, "remote")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			var told atomic.Bool
			testfs.Served(t, dir, map[string]*testfs.File{next.Name(synth.Plain): {Content: synth.CSV(next), Reading: func(context.Context, int64) syscall.Errno {
				if told.CompareAndSwap(false, true) {
					close(reached)
					<-release
				}
				return 0
			}}})
			for range 12 {
				next = next.Next()
				w.make(t, next, synth.Plain)
			}
			path := filepath.Join(w.data, next.Folder(synth.Mirror), next.Name(synth.Plain))
			w.make(t, next.Next(), synth.Plain)
			var out bytes.Buffer
			cmd := w.command(t.Context(), &out, "-o", "json", "--log-format", "json")
			cmd.Stderr = nil
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			wait(t, reached)
			err := tt.change(path)
			close(release)
			if err != nil {
				t.Fatal(err)
			}
			code, loaded := exitCode(t, cmd.Wait()), "1400"
			var report struct {
				Files []struct{ Path, Status, Error string }
			}
			if err := json.Unmarshal(out.Bytes(), &report); err != nil {
				t.Fatalf("%v: %s", err, &out)
			}
			if tt.says != "" {
				loaded = "1300"
				for _, f := range report.Files {
					if (f.Path == path) != (f.Status == "failed") || f.Path == path && !strings.Contains(f.Error, tt.says) {
						t.Errorf("%+v", f)
					}
				}
			}
			if wrong := tt.says != ""; wrong != (code == 1) {
				t.Errorf("exit code %d: %s", code, &out)
			}
			if got := w.ask(t, "SELECT count(*) FROM aggtrades_history"); got[0] != loaded {
				t.Errorf("%s rows, expected %s", got, loaded)
			}
		})
	}
}

// TestInputThatGrowsForEver has a download that goes on while it is read: it fails, and the load ends.
func TestInputThatGrowsForEver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.make(t, spec(catalog.UM, "BTCUSDT", january, 100, 1), synth.Plain)
	path := filepath.Join(w.data, s.Name(synth.Plain))
	write(t, path, string(synth.CSV(s)))
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	stopped := make(chan error)
	go func() {
		line := []byte("1,2,3\n")
		pace := time.NewTicker(100 * time.Microsecond)
		defer pace.Stop()
		for {
			select {
			case <-stop:
				stopped <- f.Close()
				return
			case <-pace.C:
				if _, err := f.Write(line); err != nil {
					stopped <- err
					return
				}
			}
		}
	}()
	out := w.run(t, 1, "--retries", "1")
	close(stop)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out, s.Name(synth.Plain)+": ") || !strings.Contains(out, "1 of 2 files loaded, 0 skipped, 1 failed") {
		t.Errorf("it said: %s", out)
	}
	if got := w.ask(t, "SELECT count(*) FROM aggtrades_history"); got[0] != "100" {
		t.Errorf("%s rows", got)
	}
}

// TestErrorsOfTheDisk has a file that cannot be read at the first try, and one that never can.
func TestErrorsOfTheDisk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	once, never := spec(catalog.UM, "BTCUSDT", january, 20_000, 1), spec(catalog.UM, "ETHUSDT", january, 20_000, 1)
	dir := filepath.Join(w.data, "remote")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	var failed atomic.Bool
	testfs.Served(t, dir, map[string]*testfs.File{
		once.Name(synth.Plain): {Content: synth.CSV(once), Reading: func(_ context.Context, offset int64) syscall.Errno {
			if offset == 0 && failed.CompareAndSwap(false, true) {
				return syscall.EIO
			}
			return 0
		}},
		never.Name(synth.Plain): {Content: synth.CSV(never), Reading: func(_ context.Context, offset int64) syscall.Errno {
			if offset > 0 {
				return syscall.EIO
			}
			return 0
		}},
	})
	out := w.run(t, 1, "--retries", "1")
	for _, want := range []string{"file will be tried again", never.Name(synth.Plain) + ": cannot read it: input/output error"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	if got := w.ask(t, "SELECT symbol, status, attempts, rows_inserted FROM ingestion_log ORDER BY symbol"); strings.Join(got, " ") != "BTCUSDT|success|2|20000 ETHUSDT|failed|2|0" {
		t.Errorf("%v", got)
	}
}
