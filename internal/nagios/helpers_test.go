package nagios

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// vectors decodes a file of ../shared/vectors, which lies beside the project, into what v points to. The test is
// skipped where the folder is not there.
func vectors(tb testing.TB, name string, v any) {
	tb.Helper()
	root, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(root)
		if parent == root {
			tb.Fatal("no go.mod above the test's folder")
		}
		root = parent
	}
	path := filepath.Join(root, "..", "shared", "vectors", name)
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
