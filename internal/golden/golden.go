// Package golden compares what a test got with a file that is kept in the repository.
package golden

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

//nolint:gochecknoglobals // a flag
var update = flag.Bool("update", false, "write what the tests get into their golden files")

// Compare fails the test unless got is what the file at path holds. With the flag -update it writes the file instead.
func Compare(tb testing.TB, path, got string) {
	tb.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			tb.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		tb.Errorf("not what %s has; -update rewrites it (-want +got):\n%s", path, diff)
	}
}
