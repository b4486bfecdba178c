package packaging

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/internal/nagiostest"
)

func units(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(nagiostest.Root(tb), "contrib/systemd")
}

// programs are what a unit starts; here they are not where a package puts them.
var programs = regexp.MustCompile(`/usr/bin/(check_ingest_[a-z]+|ingest-aggtrades)\b`)

// verify copies units to where their programs exist and has systemd look at them.
func verify(tb testing.TB, dir string, names ...string) string {
	tb.Helper()
	var paths []string
	for _, name := range names {
		paths = append(paths, filepath.Join(dir, name))
	}
	cmd := exec.Command("systemd-analyze", append([]string{"verify", "--man=no", "--recursive-errors=no"}, paths...)...)
	cmd.Env = append(os.Environ(), "SYSTEMD_LOG_LEVEL=info")
	code, out := run(tb, cmd)
	if code != 0 && out == "" {
		tb.Fatalf("%s: exit code %d", cmd, code)
	}
	return out
}

// copyUnits copies the units, drop-ins in place, and gives the folder.
func copyUnits(tb testing.TB) string {
	tb.Helper()
	dir := tb.TempDir()
	entries, err := os.ReadDir(units(tb))
	if err != nil {
		tb.Fatal(err)
	}
	for _, e := range entries {
		text := programs.ReplaceAllString(file(tb, "contrib/systemd", e.Name()), "/bin/true")
		to := filepath.Join(dir, e.Name())
		if filepath.Ext(to) == ".conf" {
			to = filepath.Join(dir, loader+".service.d", e.Name())
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(to, []byte(text), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

func TestUnitsVerify(t *testing.T) {
	t.Parallel()
	needs(t, "systemd-analyze")
	dir := copyUnits(t)
	if out := verify(t, dir, "ingest-aggtrades.service", "ingest-aggtrades.timer", "ingest-aggtrades@BTCUSDT.service", "ingest-aggtrades@BTCUSDT.timer",
		"ingest-aggtrades-mail@ingest-aggtrades.service.service"); out != "" {
		t.Errorf("systemd-analyze verify says: %s", out)
	}
	// It does look: a unit with a mistake is found out.
	bad := filepath.Join(dir, "bad.service")
	if err := os.WriteFile(bad, []byte("[Service]\nExecStart=/bin/true\nProtectSytem=strict\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out := verify(t, dir, "bad.service"); !strings.Contains(out, "ProtectSytem") {
		t.Errorf("a misspelt setting is not noticed: %q", out)
	}
}

func TestUnitsAreHardened(t *testing.T) {
	t.Parallel()
	needs(t, "systemd-analyze")
	for _, unit := range []string{"ingest-aggtrades.service", "ingest-aggtrades@.service"} {
		out := must(t, "systemd-analyze", "security", "--offline=true", "--no-pager", filepath.Join(units(t), unit))
		m := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`).FindStringSubmatch(out)
		if m == nil {
			t.Fatalf("no score: %s", out)
		}
		if score, err := strconv.ParseFloat(m[1], 64); err != nil || score >= 3 {
			t.Errorf("%s: exposure %s, expected less than 3", unit, m[1])
		}
	}
}

// TestTemplateIsTheUnit: the unit for one symbol differs from the other one in what makes it one.
func TestTemplateIsTheUnit(t *testing.T) {
	t.Parallel()
	settings := func(name string) (lines []string) {
		for l := range strings.Lines(file(t, "contrib/systemd", name)) {
			if !strings.HasPrefix(l, "#") && !strings.HasPrefix(l, "EnvironmentFile=") {
				lines = append(lines, strings.NewReplacer(" of %I", "", " --symbol=%I", "").Replace(l))
			}
		}
		return lines
	}
	if diff := cmp.Diff(settings("ingest-aggtrades.service"), settings("ingest-aggtrades@.service")); diff != "" {
		t.Error(diff)
	}
}

// TestSystemCallFilter: what the unit forbids, neither the loader nor the gates call. systemd is not there to enforce it in a test.
func TestSystemCallFilter(t *testing.T) {
	needs(t, "strace", "systemd-analyze")
	if err := exec.Command("strace", "-o", "/dev/null", "true").Run(); err != nil {
		t.Skipf("processes may not be traced: %v", err)
	}
	var allowed []string
	for _, m := range regexp.MustCompile(`(?m)^SystemCallFilter=(~?)(.*)$`).FindAllStringSubmatch(file(t, "contrib/systemd/ingest-aggtrades.service"), -1) {
		for _, group := range strings.Fields(m[2]) {
			calls := systemCalls(t, group)
			if m[1] == "" {
				allowed = append(allowed, calls...)
			} else {
				allowed = slices.DeleteFunc(allowed, func(c string) bool { return slices.Contains(calls, c) })
			}
		}
	}
	if len(allowed) < 100 {
		t.Fatalf("the filter allows only %q", allowed)
	}
	p := newPlace(t)
	dir := binaries(t, append(checks(), loader)...)
	settings := []string{"CHECK_INGEST_DB=" + p.db, "CHECK_INGEST_DATA_DIR=" + p.data, "CHECK_INGEST_LOCK_FILE=" + p.lock}
	for _, args := range [][]string{
		{loader, "run"}, {"check_ingest_disk", "--gate"}, {"check_ingest_db", "--gate", "--missing=ok", "--busy=warning"}, {"check_ingest_lock", "--gate"}, {loader, "run"},
	} {
		trace := filepath.Join(p.dir, "trace")
		cmd := exec.Command("strace", append([]string{"-f", "-qq", "-o", trace, filepath.Join(dir, args[0])}, args[1:]...)...)
		cmd.Env = clean(t, settings...)
		code, out := run(t, cmd)
		if code > 1 {
			t.Fatalf("%q: exit code %d\n%s", args, code, out)
		}
		b, err := os.ReadFile(trace)
		if err != nil {
			t.Fatal(err)
		}
		var forbidden []string
		for _, m := range regexp.MustCompile(`(?m)^\d+ +([a-z0-9_]+)\(.*$`).FindAllStringSubmatch(string(b), -1) {
			if !slices.Contains(allowed, m[1]) && !slices.Contains(forbidden, m[1]) {
				forbidden = append(forbidden, m[1])
				t.Logf("%s", m[0])
			}
		}
		if len(forbidden) > 0 {
			t.Errorf("%q calls %q, which the unit forbids", args, forbidden)
		}
	}
}

// systemCalls are those of a group such as @system-service, and of the groups in it.
func systemCalls(tb testing.TB, group string) (calls []string) {
	tb.Helper()
	for _, l := range strings.Fields(regexp.MustCompile(`(?m)^\s*#.*$`).ReplaceAllString(must(tb, "systemd-analyze", "syscall-filter", "--no-pager", group), "")) {
		switch {
		case l == group:
		case strings.HasPrefix(l, "@"):
			calls = append(calls, systemCalls(tb, l)...)
		default:
			calls = append(calls, l)
		}
	}
	return calls
}

// TestDocsSystemd: the settings shown in docs/systemd.md are ones that systemd takes, and the commands of its examples get what is meant.
func TestDocsSystemd(t *testing.T) {
	t.Parallel()
	needs(t, "systemd-analyze")
	blocks := regexp.MustCompile("(?s)```ini\n(.*?)```").FindAllStringSubmatch(file(t, "docs/systemd.md"), -1)
	if len(blocks) == 0 {
		t.Fatal("the page has no examples")
	}
	for i, b := range blocks {
		dir := copyUnits(t)
		drop := filepath.Join(dir, loader+".service.d", fmt.Sprintf("%d.conf", i))
		if err := os.WriteFile(drop, []byte(programs.ReplaceAllString(b[1], "/bin/true")), 0o644); err != nil {
			t.Fatal(err)
		}
		if out := verify(t, dir, "ingest-aggtrades.service"); out != "" {
			t.Errorf("systemd-analyze verify says of\n%s: %s", b[1], out)
		}
	}
}
