//go:build integration

package integration

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/check-ingest/check-ingest/internal/nagiostest"
)

// TestMain makes the folder for all tests. Where a variable says so, the test binary is the keeper of a daemon, or holds a lock.
func TestMain(m *testing.M) {
	var code int
	var err error
	switch {
	case os.Getenv(keepVariable) != "":
		code, err = keep(os.Args[1:])
	case os.Getenv(holdVariable) != "":
		err = hold(os.Getenv(holdVariable))
	default:
		code, err = inRoot(m.Run)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// root is the folder of everything that the tests make. Every user may search it, since daemons run as users of their own.
var root string

func inRoot(run func() int) (code int, err error) {
	if root, err = os.MkdirTemp("", "integration"); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(root)) }()
	if err := os.Chmod(root, 0o755); err != nil {
		return 0, err
	}
	return run(), nil
}

// packagePlugins is where the packages put the checks, or links to them.
const packagePlugins = "/usr/bin"

// installed runs once.
var installed sync.Once

// install copies the checks and the loader, which make build left in bin, to a folder whose programs every user may run.
func install(tb testing.TB) string {
	tb.Helper()
	installed.Do(func() {
		dir := filepath.Join(root, "plugins")
		names := []string{"check_ingest_lock", "check_ingest_disk", "check_ingest_db", "check_ingest_csv", "check_ingest_log", "ingest-aggtrades"}
		for _, name := range names {
			from := filepath.Join(nagiostest.Root(tb), "bin", name)
			if out, err := exec.Command("install", "-D", "-m", "755", from, filepath.Join(dir, name)).CombinedOutput(); err != nil {
				tb.Fatalf("make build first: %s", out)
			}
		}
	})
	return filepath.Join(root, "plugins")
}

// contrib is the path of a file of contrib.
func contrib(tb testing.TB, name string) string {
	tb.Helper()
	return filepath.Join(nagiostest.Root(tb), "contrib", name)
}

// contribText is the text of a file of contrib with the paths of the packages replaced by those of the test, for the systems that have no
// variable for them. It fails where nothing is replaced.
func contribText(tb testing.TB, name string, replace ...string) string {
	tb.Helper()
	data, err := os.ReadFile(contrib(tb, name))
	if err != nil {
		tb.Fatal(err)
	}
	text := string(data)
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(text, replace[i]) {
			tb.Fatalf("%s does not mention %s", name, replace[i])
		}
		text = strings.ReplaceAll(text, replace[i], replace[i+1])
	}
	return text
}

// folder makes an empty folder that every user may search and read.
func folder(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp(root, "")
	if err != nil {
		tb.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		tb.Fatal(err)
	}
	return dir
}

// write makes a file that every user may read, and the folders above it, and gives its path.
func write(tb testing.TB, path, text string) string {
	tb.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
	return path
}

// need gives the path of a program, and skips the test where it is not installed; in CI it has to be.
func need(tb testing.TB, program, pkg string) string {
	tb.Helper()
	for _, dir := range []string{"", "/usr/sbin", "/usr/lib/nagios/plugins"} {
		if path, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		tb.Fatalf("%s is not installed: apt-get install %s", program, pkg)
	}
	tb.Skipf("%s is not installed: apt-get install %s", program, pkg)
	return ""
}
