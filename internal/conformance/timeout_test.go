package conformance

import (
	"bufio"
	bytesof "encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/internal/nagiostest"
)

// deadFileSystem mounts a file system whose server never answers: every system call on it hangs, as on a dead NFS server.
func deadFileSystem(t *testing.T) string {
	t.Helper()
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("no FUSE: %v", err)
	}
	dir := folder(t)
	if err := unix.Mount("fuse", dir, "fuse", 0, "fd="+strconv.Itoa(fd)+",rootmode=40000,user_id=0,group_id=0"); err != nil {
		_ = unix.Close(fd) // the error that counts is mount's
		t.Skipf("may not mount: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
		if err := unix.Close(fd); err != nil { // which ends the calls that hang
			t.Error(err)
		}
	})
	return dir
}

// muteFileSystem mounts a file system whose server takes every request and never answers. A process that waits for an answer of it cannot even be
// killed: that is what a hung disk is like, while a dead NFS server lets go of whom is killed.
func muteFileSystem(t *testing.T) (dir string, requests *atomic.Int64, unmount func()) {
	t.Helper()
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("no FUSE: %v", err)
	}
	dir = folder(t)
	if err := unix.Mount("fuse", dir, "fuse", 0, "fd="+strconv.Itoa(fd)+",rootmode=40000,user_id=0,group_id=0"); err != nil {
		_ = unix.Close(fd) // the error that counts is mount's
		t.Skipf("may not mount: %v", err)
	}
	requests = new(atomic.Int64)
	var server sync.WaitGroup
	server.Go(func() {
		const initRequest = 26 // FUSE_INIT
		request := make([]byte, 1<<20)
		for {
			n, err := unix.Read(fd, request)
			if errors.Is(err, unix.EINTR) {
				continue
			}
			if err != nil || n < 40 {
				return // unmounted
			}
			if bytesof.NativeEndian.Uint32(request[4:]) != initRequest {
				requests.Add(1)
				continue
			}
			answer := make([]byte, 16+64) // fuse_out_header and fuse_init_out
			bytesof.NativeEndian.PutUint32(answer, uint32(len(answer)))
			copy(answer[8:16], request[8:16]) // whose answer it is
			bytesof.NativeEndian.PutUint32(answer[16:], 7)
			bytesof.NativeEndian.PutUint32(answer[20:], 31)
			bytesof.NativeEndian.PutUint32(answer[36:], 4096) // max_write
			if _, err := unix.Write(fd, answer); err != nil {
				return
			}
		}
	})
	unmount = sync.OnceFunc(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH|unix.MNT_FORCE); err != nil { // which ends the calls that hang
			t.Error(err)
		}
		server.Wait()
		_ = unix.Close(fd)
	})
	t.Cleanup(unmount)
	return dir, requests, unmount
}

// TestTimeoutOnAMuteFileSystem: where not even killing ends the wait, the answer is written in time. The process itself cannot end before the kernel
// lets go of it, which no program can change.
func TestTimeoutOnAMuteFileSystem(t *testing.T) {
	t.Parallel()
	dir, requests, unmount := muteFileSystem(t)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	cmd := exec.Command(binary(t, "check_ingest_lock"), "--lock-file", dir+"/x", "--timeout=1s")
	cmd.Stdout = write
	cmd.Env = []string{"CHECK_INGEST_CONFIG=" + noSettings(t)}
	begin := time.Now()
	if err := errors.Join(cmd.Start(), write.Close()); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(read).ReadString('\n')
	if want := "INGEST LOCK UNKNOWN: timed out after 1s while looking at the lock file " + dir + "/x\n"; line != want || err != nil {
		t.Errorf("%q, %v, want %q", line, err, want)
	}
	if took := time.Since(begin); took > time.Second+soon {
		t.Errorf("it took %s", took)
	}
	if requests.Load() == 0 {
		t.Error("the file system was not asked")
	}
	unmount()
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Errorf("%v, want exit code 3", err)
	}
}

// soon is how long after its limit a check may end on a machine that is busy; that it ends at all is what matters.
const soon = 15 * time.Second

func TestTimeoutOnADeadFileSystem(t *testing.T) {
	t.Parallel()
	dead := deadFileSystem(t)
	w := healthy(t)
	stages := map[string]string{ // after "timed out after 1s while "
		"check_ingest_csv":  "listing the data dir " + dead,
		"check_ingest_db":   "looking at " + dead + "/x",
		"check_ingest_lock": "looking at the lock file " + dead + "/x",
		"check_ingest_log":  "looking at " + dead + "/x",
	}
	for _, c := range checks(t) {
		t.Run(c.binary, func(t *testing.T) {
			t.Parallel()
			binary(t, c.binary) // where it does not build, one test says so
			path := dead + "/x"
			if c.binary == "check_ingest_csv" {
				path = dead
			}
			args := []string{c.path, path, "--timeout=1s"}
			if c.path == "--db" {
				args = append(args, "--lock-file", w.lock)
			}
			text := "timed out after 1s while " + stages[c.binary]
			if c.binary == "check_ingest_disk" {
				text = "the file system of " + path + " does not answer"
			}
			var waits sync.WaitGroup
			for name, tc := range map[string]struct {
				args []string
				code int
			}{
				"unknown":       {nil, 3},
				"verbose":       {[]string{"-vvv"}, 3},
				"at a gate":     {[]string{"--gate"}, 1},
				"another state": {[]string{"--timeout-state=critical"}, 2},
			} {
				waits.Go(func() {
					o := call{args: append(slices.Clone(args), tc.args...)}.run(t, c.binary)
					if c.binary == "check_ingest_disk" && name == "another state" {
						tc.code = 3 // it is no timeout of the check: it tells what did answer
					}
					state := map[bool]string{true: "UNKNOWN", false: states[tc.code]}[name == "at a gate"]
					if o.code != tc.code || o.stderr != "" || !strings.HasPrefix(o.stdout, c.service+" "+state+": "+text) {
						t.Errorf("%s: exit code %d, %q, want %d, %q", name, o.code, o.stdout, tc.code, text)
					}
					if o.took > time.Second+soon {
						t.Errorf("%s: it took %s", name, o.took)
					}
					if name != "at a gate" {
						o.verify(t, c, nagiostest.HardLimit)
					}
				})
			}
			o := call{args: append(slices.Clone(args), "-o", "json")}.run(t, c.binary)
			if d := o.parse(t, c, 3); !strings.HasPrefix(d.Summary, text) || len(d.Problems) == 0 {
				t.Errorf("JSON: %+v", d)
			}
			waits.Wait()
		})
	}
}

// TestTimeoutWhileReadingSettings: a home folder that does not answer takes no longer than the limit, and SIGTERM ends the wait.
func TestTimeoutWhileReadingSettings(t *testing.T) {
	t.Parallel()
	dead := deadFileSystem(t)
	for _, c := range checks(t) {
		t.Run(c.binary, func(t *testing.T) {
			t.Parallel()
			binary(t, c.binary) // where it does not build, one test says so
			args := append(slices.Clone(c.fine), "-t1")
			var waits sync.WaitGroup
			defer waits.Wait()
			for name, base := range map[string]call{
				"home":     {args: args, bare: true, env: []string{"HOME=" + dead}},
				"--config": {args: append(slices.Clone(args), "--config", dead+"/config.yaml")},
				"XDG":      {args: args, bare: true, env: []string{"XDG_CONFIG_HOME=" + dead}},
			} {
				waits.Go(func() {
					o := base.run(t, c.binary)
					if want := c.service + " UNKNOWN: timed out after 1s while reading settings\n"; o.code != 3 || o.stdout != want || o.stderr != "" {
						t.Errorf("%s: exit code %d, %q, stderr %q", name, o.code, o.stdout, o.stderr)
					}
				})
				waits.Go(func() {
					form := base
					form.args = append(slices.Clone(base.args), "--output=json")
					form.run(t, c.binary).parse(t, c, 3)
				})
			}
		})
	}
}

// TestFIFO: what is no regular file is not waited for.
func TestFIFO(t *testing.T) {
	t.Parallel()
	w := healthy(t)
	for _, c := range checks(t) {
		t.Run(c.binary, func(t *testing.T) {
			t.Parallel()
			binary(t, c.binary) // where it does not build, one test says so
			dir := folder(t)
			fifo := filepath.Join(dir, "BTCUSDT-aggTrades-2024-01-01.csv")
			if err := syscall.Mkfifo(fifo, 0o644); err != nil {
				t.Fatal(err)
			}
			path := fifo
			if c.binary == "check_ingest_csv" {
				path = dir
			}
			args := []string{c.path, path, "-t", "20s"}
			if c.path == "--db" {
				args = append(args, "--lock-file", w.lock)
			}
			if c.binary == "check_ingest_disk" {
				args = append(args, "-c", "free=1B:")
			}
			s := observe(t, c, call{args: args})
			if strings.Contains(s.first, "timed out") {
				t.Errorf("%q", s.first)
			}
			if c.binary != "check_ingest_disk" && s.code == 0 {
				t.Errorf("exit code %d, %q", s.code, s.first)
			}
		})
	}
}

// TestSignals: a check that is told to stop says so.
func TestSignals(t *testing.T) {
	t.Parallel()
	dead := deadFileSystem(t)
	for _, c := range checks(t) {
		t.Run(c.binary, func(t *testing.T) {
			t.Parallel()
			binary(t, c.binary) // where it does not build, one test says so
			for _, signal := range []string{"TERM", "INT", "HUP"} {
				// The shell sends the signal when the check, which has no other way to say so, hangs in the kernel: its threads then wait in FUSE.
				script := fmt.Sprintf(`"$@" & pid=$!
until grep -qs '^request_wait_answer\|^fuse' /proc/$pid/task/*/wchan || [ $((i=i+1)) -gt 500 ]; do sleep 0.02; done
kill -%s $pid; wait $pid; exit $?`, signal)
				o := call{args: []string{c.path, dead + "/x", "-t", "30s"}, shell: script}.run(t, c.binary)
				if o.code != 3 || !strings.HasPrefix(o.stdout, c.service+" UNKNOWN: stopped by signal (") || o.stderr != "" {
					t.Errorf("%s: exit code %d, %q, stderr %q", signal, o.code, o.stdout, o.stderr)
				}
				if o.took > 30*time.Second {
					t.Errorf("%s: it took %s", signal, o.took)
				}
			}
		})
	}
}
