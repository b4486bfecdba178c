package store

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCreateRemovesWhatKilledOnesLeft has, beside the database to be created, the unfinished files of a process that is gone, of one that lives, and
// files of other names.
func TestCreateRemovesWhatKilledOnesLeft(t *testing.T) {
	t.Parallel()
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	names := []string{
		fmt.Sprintf("a.duckdb.new-%d", gone.Process.Pid), fmt.Sprintf("a.duckdb.new-%d.wal", gone.Process.Pid),
		fmt.Sprintf("a.duckdb.new-%d", os.Getppid()), "a.duckdb.new-x", "b.duckdb.new-1", "a.duckdb.news",
	}
	for _, n := range names {
		if err := os.WriteFile(filepath.Join(dir, n), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := Create(t.Context(), filepath.Join(dir, "a.duckdb")); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range left {
		left[i] = filepath.Base(l)
	}
	want := []string{"a.duckdb", names[2], "a.duckdb.news", "a.duckdb.new-x", "b.duckdb.new-1"}

	if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(left))); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}
