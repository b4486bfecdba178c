package e2e

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/check-ingest/check-ingest/internal/doctest"
	"github.com/check-ingest/check-ingest/internal/nagiostest"
)

var updateDocs = flag.Bool("update-docs", false, "write what commands print into the pages of docs that show it")

// docsPages are the pages whose commands are run in sandboxes: below /data lie database, downloads and settings.
func docsPages() []string {
	return []string{"operations.md", "migration.md", "troubleshooting.md", "check_ingest_csv.md", "check_ingest_db.md", "check_ingest_log.md"}
}

// TestDocs runs the commands of the documentation.
func TestDocs(t *testing.T) {
	t.Parallel()
	for _, name := range docsPages() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(nagiostest.Root(t), "docs", name)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			pages := doctest.Pages{Update: *updateDocs, Open: func(t *testing.T, scene string) *doctest.Sandbox {
				t.Helper()
				s := newSandbox(t, scene)
				return &doctest.Sandbox{Shell: s.shell, Skip: s.skip}
			}}
			page := pages.Run(t, string(data))
			if *updateDocs && page != string(data) {
				if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// ours are the folders of a page, which lie in the sandbox.
var ours = regexp.MustCompile(`(^|[\s"'=:(])/(data|backup|archive|new)\b`)

// shell runs a command as a person would type it. What goes to stderr is the log, and is left out.
func (s *sandbox) shell(t *testing.T, command string) (code int, output string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-c", ours.ReplaceAllString(command, "${1}"+s.dir+"/${2}"))
	cmd.Dir = filepath.Join(s.dir, "data")
	cmd.Env = append(os.Environ(), "CHECK_INGEST_CONFIG="+filepath.Join(s.dir, "data", "config.yaml"), "XDG_CONFIG_HOME=/nonexistent", "HOME=/root", "LC_ALL=C.UTF-8",
		"CHECK_INGEST_TIMEOUT=5m") // however busy the machine is
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", command, err)
	}
	return cmd.ProcessState.ExitCode(), strings.ReplaceAll(string(out), s.dir, "")
}
