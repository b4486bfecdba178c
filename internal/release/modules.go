package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// module is a Go module that is linked into one of the programs.
type module struct {
	Path    string
	Version string
	Dir     string
	Main    bool
}

// bindings is the prefix of the modules that hold DuckDB's static library, one for each platform.
const bindings = "github.com/duckdb/duckdb-go-bindings"

// linkedModules are the modules whose packages are linked into the programs on the platforms that are released, by path.
func linkedModules(ctx context.Context) ([]module, error) {
	seen := map[string]module{}
	for _, arch := range []string{"amd64", "arm64"} {
		// CGO_ENABLED as in the build: without it the packages with DuckDB would be left out.
		cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-json=Module", "./cmd/...")
		cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=1")
		out, err := output(cmd)
		if err != nil {
			return nil, err
		}
		dec := json.NewDecoder(bytes.NewReader(out))
		for {
			var p struct{ Module *module }
			if err := dec.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, fmt.Errorf("%s: %w", cmd, err)
			}
			if p.Module != nil && !p.Module.Main {
				seen[p.Module.Path] = *p.Module
			}
		}
	}
	var modules []module
	for _, m := range seen {
		modules = append(modules, m)
	}
	slices.SortFunc(modules, func(a, b module) int { return cmp.Compare(a.Path, b.Path) })
	return modules, nil
}

func output(cmd *exec.Cmd) ([]byte, error) {
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil, fmt.Errorf("%s: %w\n%s", cmd, err, exit.Stderr)
	}
	return out, err
}

// duckdbVersion is the version of the library in the bindings, as their Makefile has it.
func duckdbVersion(modules []module) (string, error) {
	for _, m := range modules {
		if m.Path != bindings {
			continue
		}
		b, err := os.ReadFile(filepath.Join(m.Dir, "Makefile"))
		if err != nil {
			return "", err
		}
		v := regexp.MustCompile(`(?m)^DUCKDB_VERSION\s*=\s*v?(\S+)`).FindSubmatch(b)
		if v == nil {
			return "", fmt.Errorf("%s names no version of DuckDB", filepath.Join(m.Dir, "Makefile"))
		}
		return string(v[1]), nil
	}
	return "", fmt.Errorf("%s is not linked in", bindings)
}

// part is something that is compiled into DuckDB.
type part struct{ name, license, file string }

// readParts reads the table of them.
func readParts(path string) ([]part, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var parts []part
	for i, line := range strings.Split(string(b), "\n") {
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(line)
		if len(f) != 3 {
			return nil, fmt.Errorf("%s:%d: %q: expected name, licence and file", path, i+1, line)
		}
		p := part{f[0], f[1], filepath.Join(filepath.Dir(path), f[2])}
		if _, err := os.Stat(p.file); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, i+1, err)
		}
		parts = append(parts, p)
	}
	return parts, nil
}
