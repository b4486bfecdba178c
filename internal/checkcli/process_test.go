package checkcli

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestMain makes the test binary the check itself where a variable says so: exit codes, signals and closed
// descriptors are only real in a process.
func TestMain(m *testing.M) {
	if os.Getenv("CHECKCLI_TEST_CHILD") != "" {
		os.Exit(Main[fake]("INGEST FAKE", os.Args[1:], os.Stdout))
	}
	os.Exit(m.Run())
}

// child is the fake check as a command of its own.
func child(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = []string{"CHECKCLI_TEST_CHILD=1", "LC_ALL=de_DE.UTF-8"}
	return cmd
}

// exitCode is what the process ended with; a signal is -1.
func exitCode(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	default:
		t.Fatal(err)
		return -1
	}
}

func TestProcess(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		code int
		out  string
	}{
		"ok":                     {[]string{"--value=1.5"}, 0, "INGEST FAKE OK: done | value=1.5;100;;0\n"},
		"critical":               {[]string{"-c", "1"}, 2, "INGEST FAKE CRITICAL: value 5, limit 1 | value=5;;1;0\n"},
		"panic":                  {[]string{"--do=panic"}, 3, "INGEST FAKE UNKNOWN: internal error: the sky fell\n"},
		"panic in a goroutine":   {[]string{"--do=panic-in-goroutine"}, 3, "INGEST FAKE UNKNOWN: internal error: elsewhere\n"},
		"out of time, stuck":     {[]string{"--do=hang", "--timeout=2.5"}, 3, "INGEST FAKE UNKNOWN: timed out after 2.5s while waiting at the door\n"},
		"usage":                  {[]string{"--timeout=x"}, 3, "INGEST FAKE UNKNOWN: usage: --timeout: duration"},
		"a gate that is closed":  {[]string{"--gate", "-c1"}, 1, "INGEST FAKE CRITICAL"},
		"version, stderr silent": {[]string{"-V"}, 3, "check_ingest_fake "},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := child(t, tc.args...)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			code := exitCode(t, cmd.Run())
			if code != tc.code || !strings.HasPrefix(stdout.String(), tc.out) || stderr.Len() > 0 {
				t.Fatalf("exit code %d, stdout %q, stderr %q; want %d, %q", code, stdout.String(), stderr.String(), tc.code, tc.out)
			}
		})
	}
}

func TestProcessStoppedBySignal(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			read, write, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer read.Close()
			cmd := child(t, "--do=announce", "-t", "60s")
			cmd.ExtraFiles = []*os.File{write}
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			write.Close()
			if _, err := read.Read(make([]byte, 1)); !errors.Is(err, io.EOF) { // until the check runs
				t.Fatal(err)
			}
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			code := exitCode(t, cmd.Wait())
			want := "INGEST FAKE UNKNOWN: stopped by signal (" + sig.String() + ")\n"
			if code != 3 || stdout.String() != want || stderr.Len() > 0 {
				t.Fatalf("exit code %d, stdout %q, stderr %q", code, stdout.String(), stderr.String())
			}
		})
	}
}

func TestProcessWithStdoutClosed(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{"ok is unknown then": {}, "critical stays": {"-c1"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			read, write, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := read.Close(); err != nil {
				t.Fatal(err)
			}
			defer write.Close()
			cmd := child(t, args...)
			var stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = write, &stderr
			want := 3
			if len(args) > 0 {
				want = 2
			}
			if code := exitCode(t, cmd.Run()); code != want || stderr.Len() > 0 {
				t.Fatalf("exit code %d, want %d; stderr %q", code, want, stderr.String())
			}
		})
	}
	t.Run("a full disk", func(t *testing.T) {
		t.Parallel()
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Skip(err)
		}
		defer full.Close()
		cmd := child(t)
		cmd.Stdout = full
		if code := exitCode(t, cmd.Run()); code != 3 {
			t.Fatalf("exit code %d, want 3", code)
		}
	})
}
