package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// TestLimits runs loads under limits that a shell or a service manager sets, and again without them.
func TestLimits(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		shell string
		code  int
		says  string
	}{
		// Just below what a load needs: with half of it the Go runtime itself cannot always start its threads, the less so on many processors.
		"addresses (ulimit -v)":      {"ulimit -v 4000000", 3, "since this process may use no more than 3.8 GiB of addresses, and a load reserves up to 4.0 GiB of them; raise that (ulimit -v, LimitAS=)"},
		"size of a file (ulimit -f)": {"ulimit -f 1000", 5, "trades.duckdb: the file may not grow further (file size limit); raise the limit (ulimit -f) and run again: nothing that was committed is lost"},
		"no file at all":             {"ulimit -f 0", 5, "the file may not grow further (file size limit)"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			next := w.make(t, spec(catalog.UM, "BTCUSDT", january, 1000, 1), synth.Plain)
			w.run(t, 0)
			next.Rows = 200_000
			w.make(t, next, synth.Plain)
			var out bytes.Buffer
			if code := exitCode(t, w.within(t, tt.shell, &out).Run()); code != tt.code || !strings.Contains(out.String(), tt.says) {
				t.Errorf("exit code %d, expected %d\n%s", code, tt.code, &out)
			}
			if got := w.ask(t, "SELECT count(*) FROM aggtrades_history"); got[0] != "1000" {
				t.Errorf("%v rows, expected those of the first file", got)
			}
			w.run(t, 0)
			if got := w.ask(t, "SELECT count(*), count(DISTINCT agg_trade_id) FROM aggtrades_history"); got[0] != "201000|201000" {
				t.Errorf("without the limit: %v", got)
			}
		})
	}
}

// TestControlGroup runs a load in a control group whose memory does not suffice.
func TestControlGroup(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("with the race detector a load takes several times the memory")
	}
	group := fmt.Sprintf("/sys/fs/cgroup/memory/check-ingest-%d", os.Getpid())
	if err := os.Mkdir(group, 0o755); err != nil {
		t.Skipf("no control group of version 1: %v", err)
	}
	t.Cleanup(func() { _ = os.Remove(group) }) // an empty group that stays does no harm
	limit := func(bytes string) {
		if err := os.WriteFile(filepath.Join(group, "memory.limit_in_bytes"), []byte(bytes), 0o600); err != nil {
			t.Skipf("limit memory: %v", err)
		}
	}
	w := newWorld(t)
	next := spec(catalog.UM, "BTCUSDT", january, 120_000, 1)
	for range 9 {
		next = w.make(t, next, synth.Plain)
	}
	enter := "echo $$ > " + group + "/cgroup.procs"
	var out bytes.Buffer
	limit("200M")
	if code := exitCode(t, w.within(t, enter, &out).Run()); code != 3 ||
		!strings.Contains(out.String(), "since this process may use no more than 200 MiB of memory, and a load needs 256 MiB; raise the limit: MemoryMax= of its unit, --memory of its container") {
		t.Errorf("exit code %d\n%s", code, &out)
	}
	if _, err := os.Stat(w.db); err == nil {
		t.Error("it created the database")
	}
	limit("256M")
	out.Reset()
	cmd := w.within(t, enter, &out)
	if err := cmd.Run(); err != nil {
		status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
		t.Errorf("with as much as it says it needs: %v, signal %v\n%s", err, status.Signal(), &out)
	}
}
