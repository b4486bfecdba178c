package nagiostest

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Vectors decodes a file of ../shared/vectors, which lies beside the project, into what v points to. The test is skipped where the folder is
// not there.
func Vectors(tb testing.TB, name string, v any) {
	tb.Helper()
	path := filepath.Join(Root(tb), "..", "shared", "vectors", name)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		tb.Skipf("conformance vectors are not here: %s", path)
	}
	if err != nil {
		tb.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		tb.Fatalf("decode %s: %v", path, err)
	}
}

// Root is the project's folder, the one above the test's that holds go.mod.
func Root(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			tb.Fatal("no go.mod above the test's folder")
		}
		dir = parent
	}
}
