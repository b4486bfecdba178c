package load

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/check-ingest/check-ingest/ingest/source"
)

func TestRetry(t *testing.T) {
	t.Parallel()
	eio := &source.FileError{Path: "/a", Problem: "cannot read it", Err: syscall.EIO}
	bad := &source.FileError{Path: "/a", Problem: "not zip", Err: source.ErrNotZip}
	tests := map[string]struct {
		retries int
		errs    []error // of the tries, nil once they are used up
		tries   int64
		want    error
	}{
		"no error":                             {3, nil, 1, nil},
		"an error that passes":                 {3, []error{eio, fmt.Errorf("x: %w", eio)}, 3, nil},
		"an error that passes with the last":   {2, []error{eio, eio}, 3, nil},
		"an error that stays":                  {2, []error{eio, eio, eio, eio}, 3, eio},
		"no retries":                           {0, []error{eio, eio}, 1, eio},
		"a bad file":                           {3, []error{bad, bad}, 1, bad},
		"a bad file behind an error that goes": {3, []error{eio, bad}, 2, bad},
		"a file that somebody writes to":       {3, []error{&source.FileError{Path: "/a", Err: source.ErrChanged}}, 2, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &run{Config: Config{Retries: tt.retries, RetryDelay: time.Nanosecond, Log: slog.New(slog.DiscardHandler)}}
			var j job
			try := 0
			err := r.retry(t.Context(), &j, func() error {
				try++
				if try > len(tt.errs) {
					return nil
				}
				return tt.errs[try-1]
			})
			if !errors.Is(err, tt.want) || err != nil && tt.want == nil || j.attempts != tt.tries {
				t.Errorf("%d tries, %v, expected %d and %v", j.attempts, err, tt.tries, tt.want)
			}
		})
	}
	t.Run("the context ends while it waits", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		r := &run{Config: Config{Retries: 5, RetryDelay: time.Hour, Log: slog.New(slog.DiscardHandler)}}
		if err := r.retry(ctx, &job{}, func() error { go cancel(); return eio }); !errors.Is(err, syscall.EIO) {
			t.Errorf("%v", err)
		}
	})
}

// TestRetryDelay: it doubles up to a limit, however often a file is tried.
func TestRetryDelay(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		failed      int64
		limit, want time.Duration
	}{
		"the first":                        {1, 30 * time.Second, 500 * time.Millisecond},
		"the second":                       {2, 30 * time.Second, time.Second},
		"the sixth":                        {6, 30 * time.Second, 16 * time.Second},
		"the seventh, at the limit":        {7, 30 * time.Second, 30 * time.Second},
		"the hundredth":                    {100, 30 * time.Second, 30 * time.Second},
		"a limit that is no power of two":  {3, 1500 * time.Millisecond, 1500 * time.Millisecond},
		"a limit that is below the first":  {9, time.Millisecond, 500 * time.Millisecond},
		"no limit: always as long as once": {9, 0, 500 * time.Millisecond},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := Config{RetryDelay: 500 * time.Millisecond, MaxRetryDelay: tt.limit}
			if got := c.retryDelay(tt.failed); got != tt.want {
				t.Errorf("%s, expected %s", got, tt.want)
			}
		})
	}
}

func TestAvailableMemory(t *testing.T) {
	t.Parallel()
	machine := availableMemory("/no/such", "/no/such")
	if machine < 16<<20 {
		t.Fatalf("the machine has %d bytes", machine)
	}
	tests := map[string]struct {
		groups string            // /proc/self/cgroup
		limits map[string]string // below /sys/fs/cgroup
		want   int64
	}{
		"no group":                       {"", nil, machine},
		"version 2, no limit":            {"0::/a.slice/x.service\n", map[string]string{"a.slice/x.service/memory.max": "max\n"}, machine},
		"version 2, a limit":             {"0::/a.slice/x.service\n", map[string]string{"a.slice/x.service/memory.max": "1048576\n"}, 1 << 20},
		"version 2, a limit of a parent": {"0::/a.slice/x.service\n", map[string]string{"a.slice/x.service/memory.max": "max\n", "a.slice/memory.max": "2097152\n"}, 2 << 20},
		"version 2, at the root":         {"0::/\n", map[string]string{"memory.max": "1048576\n"}, 1 << 20},
		"version 1":                      {"5:cpu:/x\n4:memory:/docker/1\n", map[string]string{"memory/docker/1/memory.limit_in_bytes": "3145728\n"}, 3 << 20},
		"version 1, no limit":            {"4:memory:/\n", map[string]string{"memory/memory.limit_in_bytes": "9223372036854771712\n"}, machine},
		"a limit that is no number":      {"0::/x\n", map[string]string{"x/memory.max": "lots\n"}, machine},
		"a file of another kind":         {"nonsense\n", nil, machine},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proc, cgroups := t.TempDir(), t.TempDir()
			files := map[string]string{filepath.Join(proc, "self/cgroup"): tt.groups}
			for path, text := range tt.limits {
				files[filepath.Join(cgroups, path)] = text
			}
			for path, text := range files {
				if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
					t.Fatal(err)
				}
			}
			if got := availableMemory(proc, cgroups); got != tt.want {
				t.Errorf("%d bytes, expected %d", got, tt.want)
			}
		})
	}
}
