package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// licenseFile matches the names of files that hold a licence or what it obliges to pass on.
var licenseFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|copyright|notice|patents)([-._].*)?$`)

// system is what the C toolchain links in; its texts are those that Debian ships with it.
func system() []struct{ name, license, file string } {
	return []struct{ name, license, file string }{
		{"glibc", "LGPL-2.1-or-later", "/usr/share/doc/libc6-dev/copyright"},
		{"libstdc++", "GPL-3.0-or-later WITH GCC-exception-3.1", "/usr/share/doc/libgcc-s1/copyright"},
		{"libgcc", "GPL-3.0-or-later WITH GCC-exception-3.1", "/usr/share/doc/libgcc-s1/copyright"},
	}
}

// writeLicenses copies the licence texts of everything that is linked in.
func writeLicenses(dir, table string) error {
	ctx := context.Background()
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	modules, err := linkedModules(ctx)
	if err != nil {
		return err
	}
	version, err := duckdbVersion(modules)
	if err != nil {
		return err
	}
	index := []string{
		"What is linked into the programs of check-ingest, with the texts of their licences in the folders beside this file.", "",
		"The small checks (check_ingest_lock, _disk, _csv) hold none of DuckDB, glibc, libstdc++ and libgcc. glibc may be replaced by your own: the",
		"sources and `make packages` are all that is needed to link the programs anew (LGPL 2.1, section 6).", "",
	}
	for _, m := range modules {
		texts, err := copyLicenses(m.Dir, filepath.Join(dir, m.Path))
		if err != nil {
			return err
		}
		if texts == 0 {
			return fmt.Errorf("module %s has no licence text in %s", m.Path, m.Dir)
		}
		index = append(index, fmt.Sprintf("%s %s", m.Path, m.Version))
	}
	goroot, err := goRoot(ctx)
	if err != nil {
		return err
	}
	if err := copyFile(filepath.Join(goroot, "LICENSE"), filepath.Join(dir, "go", "LICENSE")); err != nil {
		return err
	}
	index = append(index, "go: the runtime and the standard library", "duckdb "+version+": MIT, see "+bindings+"; and in it:")
	parts, err := readParts(table)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if err := copyFile(p.file, filepath.Join(dir, "duckdb", filepath.Base(p.file))); err != nil {
			return err
		}
		index = append(index, fmt.Sprintf("  %s: %s", p.name, p.license))
	}
	if err := copyFile(filepath.Join(filepath.Dir(table), "tdigest-NOTICES.txt"), filepath.Join(dir, "duckdb", "tdigest-NOTICES.txt")); err != nil {
		return err
	}
	for _, s := range system() {
		if err := copyFile(s.file, filepath.Join(dir, s.name, "copyright")); err != nil {
			return err
		}
		index = append(index, s.name+": "+s.license)
	}
	return os.WriteFile(filepath.Join(dir, "INDEX"), []byte(strings.Join(index, "\n")+"\n"), 0o644)
}

func goRoot(ctx context.Context) (string, error) {
	out, err := output(goCommand(ctx, "env", "GOROOT"))
	return strings.TrimSpace(string(out)), err
}

// copyLicenses copies the licence texts of a module's root and tells how many there were.
func copyLicenses(from, to string) (n int, err error) {
	entries, err := os.ReadDir(from)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || !licenseFile.MatchString(e.Name()) || strings.HasSuffix(e.Name(), ".go") {
			continue
		}
		if err := copyFile(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func copyFile(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o644)
}
