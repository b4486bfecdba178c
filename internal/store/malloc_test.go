package store

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestAllocatorIsConfigured: jemalloc says what it was told, and by whom.
func TestAllocatorIsConfigured(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), program, "-test.run=^$")
	child.Env = append(os.Environ(), "DUCKDB_JE_MALLOC_CONF=confirm_conf:true")
	var said bytes.Buffer
	child.Stderr = &said
	if err := child.Run(); err != nil {
		t.Fatal(err)
	}
	for _, setting := range []string{"narenas:1", "dirty_decay_ms:-1", "muzzy_decay_ms:-1"} {
		if !strings.Contains(said.String(), "-- Set conf value: "+setting+"\n") {
			t.Errorf("%s was not set:\n%s", setting, &said)
		}
	}
}
