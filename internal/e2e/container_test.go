package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/check-ingest/check-ingest/internal/synth"
)

// TestPreflightInContainer: in a container, to which the kernel does not show all locks, the first load is not kept from beginning.
func TestPreflightInContainer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.make(t, spec("um", "BTCUSDT", january, 1000, 1), synth.Zip)
	if err := os.WriteFile(w.lock, nil, 0o600); err != nil { // it lies ready, as the packages have it
		t.Fatal(err)
	}
	inside := func(verb string) string {
		t.Helper()
		var out bytes.Buffer
		cmd := w.command(t.Context(), &out)
		cmd.Args = append([]string{"unshare", "--fork", "--pid", "--mount-proc", program, verb}, cmd.Args[1:7]...) // without --threads
		var err error
		if cmd.Path, err = exec.LookPath("unshare"); err != nil {
			t.Skip(err)
		}
		if err := cmd.Run(); err != nil {
			if strings.HasPrefix(out.String(), "unshare: ") {
				t.Skip(out.String())
			}
			t.Fatalf("%s: %v\n%s", verb, err, &out)
		}
		return out.String()
	}
	if out := inside("preflight"); !strings.Contains(out, "4/4 checks passed, ready to load; warning: lock") {
		t.Error(out)
	}
	inside("run")
	if out := inside("preflight"); !strings.Contains(out, "4/4 checks passed, ready to load\n") {
		t.Error(out)
	}
}
