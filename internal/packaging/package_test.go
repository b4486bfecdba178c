package packaging

import (
	"debug/buildinfo"
	"debug/elf"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/internal/nagiostest"
)

// dist gives the one file of the release that fits the pattern.
func dist(tb testing.TB, pattern string) string {
	tb.Helper()
	dir := os.Getenv("CHECK_INGEST_DIST")
	if dir == "" {
		tb.Skip("CHECK_INGEST_DIST names no release; make packages does")
	}
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(found) != 1 {
		tb.Fatalf("%s: found %q, %v", pattern, found, err)
	}
	return found[0]
}

// unpack unpacks an archive and gives its top folder.
func unpack(tb testing.TB, arch string) string {
	tb.Helper()
	to := tb.TempDir()
	archive := dist(tb, "check-ingest_*_linux_"+arch+".tar.gz")
	must(tb, "tar", "-xzf", archive, "-C", to)
	return filepath.Join(to, strings.TrimSuffix(filepath.Base(archive), ".tar.gz"))
}

func TestPackageArchives(t *testing.T) {
	t.Parallel()
	version := regexp.MustCompile(`check-ingest_(.*)_linux_`).FindStringSubmatch(filepath.Base(dist(t, "*_linux_amd64.tar.gz")))[1]
	for _, arch := range []string{"amd64", "arm64"} {
		dir := unpack(t, arch)
		for _, name := range append(checks(), loader) {
			static(t, filepath.Join(dir, "bin", name), arch)
			for _, path := range []string{"man/" + name + ".1.gz", "completions/bash/" + name, "completions/zsh/_" + name, "completions/fish/" + name + ".fish"} {
				if info, err := os.Stat(filepath.Join(dir, path)); err != nil || info.Size() < 100 {
					t.Errorf("%s: %s: %v", arch, path, err)
				}
			}
		}
		for _, path := range []string{
			"LICENSE", "README.md", "CHANGELOG.md", "config.yaml", "docs/install.md", "contrib/systemd/ingest-aggtrades.service", "contrib/cron/ingest-cron",
			"contrib/nagios/check_ingest_commands.cfg", "licenses/INDEX", "licenses/duckdb/icu.txt", "licenses/go/LICENSE", "licenses/github.com/alecthomas/kong/COPYING",
			"check-ingest.cdx.json",
		} {
			if _, err := os.Stat(filepath.Join(dir, path)); err != nil {
				t.Errorf("%s: %v", arch, err)
			}
		}
		if out := must(t, "tar", "-tvzf", dist(t, "*_linux_"+arch+".tar.gz")); regexp.MustCompile(`(?m)^\S+ (?:[^r]|r[^o])`).MatchString(out) {
			t.Errorf("%s: not everything belongs to root:\n%s", arch, out)
		}
	}
	for _, name := range append(checks(), loader) {
		_, out := run(t, exec.Command(filepath.Join(unpack(t, "amd64"), "bin", name), "--version"))
		if !strings.Contains(out, version) {
			t.Errorf("%s --version says %q, expected %s", name, out, version)
		}
	}
}

// static: the program needs no library and no loader, is stripped, and is for that architecture.
func static(tb testing.TB, path, arch string) {
	tb.Helper()
	f, err := elf.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	if want := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[arch]; f.Machine != want {
		tb.Errorf("%s is for %s", path, f.Machine)
	}
	libraries, err := f.ImportedLibraries()
	if err != nil || len(libraries) > 0 {
		tb.Errorf("%s needs %q, %v", path, libraries, err)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			tb.Errorf("%s needs a loader", path)
		}
	}
	if f.Section(".symtab") != nil || f.Section(".debug_info") != nil {
		tb.Errorf("%s is not stripped", path)
	}
}

// TestPackageRunsAnywhere loads and checks in a root file system that holds nothing but the programs.
func TestPackageRunsAnywhere(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	root, p := unpack(t, "amd64"), newPlace(t)
	for _, dir := range []string{"proc", "tmp", "data"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mount("proc", filepath.Join(root, "proc"), "proc", 0, ""); err != nil {
		t.Skipf("mount proc: %v", err)
	}
	defer func() { _ = unix.Unmount(filepath.Join(root, "proc"), unix.MNT_DETACH) }()
	must(t, "cp", "-r", p.data, filepath.Join(root, "data", "files"))
	for _, args := range [][]string{
		{loader, "--db=/data/trades.duckdb", "--data-dir=/data/files", "--lock-file=/tmp/lock"},
		{"check_ingest_lock", "--lock-file=/tmp/lock"},
		{"check_ingest_disk", "--db=/data/trades.duckdb", "--data-dir=/data/files", "-c", "free=1MB:", "-w", "free=1MB:"},
		{"check_ingest_db", "--db=/data/trades.duckdb", "--lock-file=/tmp/lock", "--gaps", "--deep", "--blocks"},
		{"check_ingest_csv", "--data-dir=/data/files", "--full", "--checksum"},
		{"check_ingest_log", "--db=/data/trades.duckdb", "--lock-file=/tmp/lock"},
	} {
		cmd := exec.Command("/bin/"+args[0], args[1:]...)
		cmd.Err = nil // looked for outside
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
		cmd.Dir, cmd.Env = "/", []string{"PATH=/bin"}
		code, out := run(t, cmd)
		t.Logf("%s\n%s", strings.Join(args, " "), out)
		if code != 0 && !strings.Contains(out, " WARNING: ") { // that the made-up file is old is no fault of the program
			t.Errorf("%q: exit code %d", args, code)
		}
	}
}

func TestPackageChecksums(t *testing.T) {
	t.Parallel()
	sums := dist(t, "checksums.txt")
	cmd := exec.Command("sha256sum", "--check", "--strict", "checksums.txt")
	cmd.Dir = filepath.Dir(sums)
	code, out := run(t, cmd)
	if code != 0 || strings.Count(out, ": OK") < 7 { // 2 archives, 2 deb, 2 rpm, the list of parts
		t.Errorf("exit code %d: %s", code, out)
	}
}

// TestPackageParts: the list of what is linked in has every module that the programs hold, and DuckDB with its parts.
func TestPackageParts(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(dist(t, "check-ingest_*.cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	type component struct {
		Name, Version string
		Licenses      []any
		Components    []component
	}
	var list struct{ Components []component }
	if err := json.Unmarshal(b, &list); err != nil {
		t.Fatal(err)
	}
	index := map[string]component{}
	for _, c := range list.Components {
		index[c.Name] = c
	}
	if d := index["duckdb"]; d.Version == "" || len(d.Components) < 25 || len(d.Licenses) == 0 {
		t.Errorf("duckdb: %+v", d)
	}
	for _, name := range []string{"glibc", "libstdc++", "libgcc"} {
		if index[name].Version == "" {
			t.Errorf("%s: %+v", name, index[name])
		}
	}
	for _, arch := range []string{"amd64", "arm64"} {
		dir := unpack(t, arch)
		for _, name := range append(checks(), loader) {
			info, err := buildinfo.ReadFile(filepath.Join(dir, "bin", name))
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range info.Deps {
				if index[m.Path].Version != m.Version {
					t.Errorf("%s holds %s %s, which the list has as %+v", name, m.Path, m.Version, index[m.Path])
				}
				if matches, _ := filepath.Glob(filepath.Join(dir, "licenses", m.Path, "*")); len(matches) == 0 {
					t.Errorf("%s holds %s, whose licence is not there", name, m.Path)
				}
			}
		}
	}
}

// TestPackageTwice builds the small checks again, from a clone elsewhere: the same commit gives the same bytes.
func TestPackageTwice(t *testing.T) {
	t.Parallel()
	goreleaser := os.Getenv("GORELEASER")
	first := map[string]string{}
	ids := []string{"check_ingest_lock", "check_ingest_disk", "check_ingest_csv"}
	args := []string{"build", "--snapshot", "--clean", "--skip=before"}
	for _, id := range ids {
		for _, arch := range []string{"amd64", "arm64"} {
			first[id+"_linux_"+arch] = dist(t, fmt.Sprintf("%s_linux_%s*/bin/%s", id, arch, id))
		}
		args = append(args, "--id", id)
	}
	root := nagiostest.Root(t)
	if goreleaser == "" || strings.TrimSpace(must(t, "git", "-C", root, "status", "--porcelain")) != "" {
		t.Skip("needs GORELEASER, and no change that is not committed")
	}
	clone := filepath.Join(t.TempDir(), "elsewhere")
	must(t, "git", "clone", "--quiet", root, clone)
	cmd := exec.Command(goreleaser, args...)
	cmd.Dir = clone
	if code, out := run(t, cmd); code != 0 {
		t.Fatalf("%s: exit code %d\n%s", cmd, code, out)
	}
	for name, path := range first {
		again, err := filepath.Glob(filepath.Join(clone, "dist", name+"*", "bin", "*"))
		if err != nil || len(again) != 1 {
			t.Fatalf("%s: %q, %v", name, again, err)
		}
		if code, out := run(t, exec.Command("cmp", path, again[0])); code != 0 {
			t.Errorf("%s", out)
		}
	}
}

// TestPackageRPM looks into the RPM without installing it.
func TestPackageRPM(t *testing.T) {
	t.Parallel()
	for arch, name := range map[string]string{"amd64": "x86_64", "arm64": "aarch64"} {
		pkg := dist(t, "check-ingest-*."+name+".rpm")
		needs(t, "rpm", "rpm2cpio", "cpio")
		if got := must(t, "rpm", "-qp", "--qf", "%{NAME} %{ARCH} %{LICENSE} %{BUILDHOST}", pkg); got != "check-ingest "+name+" MIT localhost" {
			t.Errorf("it calls itself %q", got)
		}
		files := strings.Fields(must(t, "rpm", "-qpl", pkg))
		for _, want := range append(installed("lib64"), "/usr/lib/systemd/system/ingest-aggtrades.timer", "/etc/nrpe.d/check_ingest.cfg", "/usr/share/zsh/site-functions/_ingest-aggtrades") {
			if !slices.Contains(files, want) {
				t.Errorf("%s: %s is not in it", name, want)
			}
		}
		if got := strings.Fields(must(t, "rpm", "-qpc", pkg)); !slices.Contains(got, "/etc/check-ingest/config.yaml") || len(got) != 5 {
			t.Errorf("configuration files are %q", got)
		}
		if out := must(t, "rpm", "-qp", "--scripts", pkg); !strings.Contains(out, "systemd-sysusers") || !strings.Contains(out, "systemctl stop") {
			t.Errorf("scripts: %s", out)
		}
		to := t.TempDir()
		cmd := exec.Command("sh", "-c", `rpm2cpio "$1" | cpio -idm --quiet --no-absolute-filenames`, "sh", pkg)
		cmd.Dir = to
		if code, out := run(t, cmd); code != 0 {
			t.Fatalf("unpack: exit code %d: %s", code, out)
		}
		static(t, filepath.Join(to, "usr/bin/ingest-aggtrades"), arch)
		for _, name := range []string{"etc/nrpe.d/check_ingest.cfg", "etc/zabbix/zabbix_agent2.d/check_ingest.conf"} {
			b, err := os.ReadFile(filepath.Join(to, name))
			if err != nil {
				t.Fatal(err)
			}
			commands := regexp.MustCompile(`/\S+/check_ingest_\w+`).FindAllString(string(b), -1)
			for _, command := range commands {
				if !slices.Contains(files, command) {
					t.Errorf("%s runs %s, which the package has not", name, command)
				}
			}
			if len(commands) != 5 {
				t.Errorf("%s runs %q", name, commands)
			}
		}
	}
}

// installed are files that both packages have, the plugins being in /usr/LIB.
func installed(lib string) []string {
	files := []string{
		"/usr/bin/ingest-aggtrades", "/etc/check-ingest/config.yaml", "/usr/lib/sysusers.d/check-ingest.conf", "/usr/lib/tmpfiles.d/check-ingest.conf",
		"/usr/lib/check-ingest/ingest-cron", "/usr/lib/check-ingest/check-ingest-textfile", "/usr/share/man/man1/ingest-aggtrades.1.gz", "/usr/share/bash-completion/completions/ingest-aggtrades",
		"/usr/share/fish/vendor_completions.d/ingest-aggtrades.fish", "/usr/share/doc/check-ingest/copyright", "/usr/share/doc/check-ingest/licenses/INDEX",
		"/usr/share/doc/check-ingest/examples/systemd/mail-on-failure.conf", "/usr/share/doc/check-ingest/docs/install.md",
		"/etc/icinga2/conf.d/check_ingest_commands.conf", "/etc/zabbix/zabbix_agent2.d/check_ingest.conf",
	}
	for _, c := range checks() {
		files = append(files, "/usr/"+lib+"/nagios/plugins/"+c, "/usr/bin/"+c, "/usr/share/man/man1/"+c+".1.gz")
	}
	return files
}
