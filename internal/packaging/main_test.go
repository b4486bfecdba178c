package packaging

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

// checks are the plugins; loader is the loader.
const loader = "ingest-aggtrades"

func checks() []string {
	return []string{"check_ingest_lock", "check_ingest_disk", "check_ingest_db", "check_ingest_csv", "check_ingest_log"}
}

// bin is a folder with the six binaries, removed when the tests have ended.
var bin string

func TestMain(m *testing.M) {
	var err error
	if bin, err = os.MkdirTemp("", "packaging"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(bin)
	os.Exit(code)
}

// built are the binaries by name, each built when a test first wants it.
var built sync.Map

// binaries gives a folder that has these binaries. Those of CHECK_INGEST_BIN are taken where that is set.
func binaries(tb testing.TB, names ...string) string {
	tb.Helper()
	for _, name := range names {
		build, _ := built.LoadOrStore(name, sync.OnceValue(func() error {
			if dir := os.Getenv("CHECK_INGEST_BIN"); dir != "" {
				return quietly(exec.Command("install", "-m", "755", filepath.Join(dir, name), bin))
			}
			return quietly(exec.Command("go", "build", "-o", bin+"/", "github.com/check-ingest/check-ingest/cmd/"+name))
		}))
		if err := build.(func() error)(); err != nil {
			tb.Fatal(err)
		}
	}
	return bin
}

func quietly(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return nil
}

// run runs a command and gives its exit code and all that it said.
func run(tb testing.TB, cmd *exec.Cmd) (code int, out string) {
	tb.Helper()
	b, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		tb.Fatalf("%s: %v", cmd, err)
	}
	return cmd.ProcessState.ExitCode(), string(b)
}

// must runs a command that must end well, and gives what it said.
func must(tb testing.TB, name string, args ...string) string {
	tb.Helper()
	cmd := exec.Command(name, args...)
	code, out := run(tb, cmd)
	if code != 0 {
		tb.Fatalf("%s: exit code %d\n%s", cmd, code, out)
	}
	return out
}

// needs skips a test that needs a program which is not there.
func needs(tb testing.TB, programs ...string) {
	tb.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			tb.Skipf("needs %s", p)
		}
	}
}

// file is the text of a file of the repository.
func file(tb testing.TB, path ...string) string {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join(nagiostest.Root(tb), filepath.Join(path...)))
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

// clean is an environment without settings of the machine's own.
func clean(tb testing.TB, more ...string) []string {
	tb.Helper()
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "CHECK_INGEST_") {
			env = append(env, e)
		}
	}
	return append(append(env, "XDG_CONFIG_HOME=/nonexistent"), more...)
}
