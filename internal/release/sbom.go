package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// goCommand is a run of the go command.
func goCommand(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "go", args...)
}

// component is one of CycloneDX, with the fields that are written here.
type component struct {
	Ref        string      `json:"bom-ref"`
	Type       string      `json:"type"`
	Name       string      `json:"name"`
	Version    string      `json:"version,omitempty"`
	PURL       string      `json:"purl,omitempty"`
	Licenses   []any       `json:"licenses,omitempty"`
	Components []component `json:"components,omitempty"`
}

func library(name, version, purl, license string) component {
	ref := purl
	if ref == "" {
		ref = name
	}
	return component{Ref: ref, Type: "library", Name: name, Version: version, PURL: purl, Licenses: []any{map[string]string{"expression": license}}}
}

// completeSBOM adds to the list of the Go modules in one program what the others and the other platform hold, DuckDB with its parts, and the
// libraries of the C toolchain.
func completeSBOM(in, out, table string) error {
	ctx := context.Background()
	b, err := os.ReadFile(in)
	if err != nil {
		return err
	}
	var list map[string]json.RawMessage
	if err := json.Unmarshal(b, &list); err != nil {
		return fmt.Errorf("%s: %w", in, err)
	}
	var components []json.RawMessage
	if err := json.Unmarshal(list["components"], &components); err != nil {
		return fmt.Errorf("%s: components: %w", in, err)
	}
	modules, err := linkedModules(ctx)
	if err != nil {
		return err
	}
	version, err := duckdbVersion(modules)
	if err != nil {
		return err
	}
	parts, err := readParts(table)
	if err != nil {
		return err
	}
	duckdb := library("duckdb", version, "pkg:github/duckdb/duckdb@v"+version, "MIT")
	for _, p := range parts {
		c := library(p.name, "", "", p.license)
		c.Ref = duckdb.Ref + "#" + p.name
		duckdb.Components = append(duckdb.Components, c)
	}
	more, err := missing(components, modules)
	if err != nil {
		return fmt.Errorf("%s: components: %w", in, err)
	}
	more = append(more, duckdb)
	for _, s := range system() {
		v, err := debianVersion(ctx, s.file)
		if err != nil {
			return err
		}
		more = append(more, library(s.name, v, "", s.license))
	}
	for _, c := range more {
		raw, err := json.Marshal(c)
		if err != nil {
			return err
		}
		components = append(components, raw)
	}
	if list["components"], err = json.Marshal(components); err != nil {
		return err
	}
	if err := dropHashes(list); err != nil {
		return fmt.Errorf("%s: %w", in, err)
	}
	done, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(out, append(done, '\n'), 0o644)
}

// dropHashes takes out the hashes of the program that was looked at: it is not the one that is released.
func dropHashes(list map[string]json.RawMessage) error {
	var metadata map[string]json.RawMessage
	if err := json.Unmarshal(list["metadata"], &metadata); err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	var main map[string]json.RawMessage
	if err := json.Unmarshal(metadata["component"], &main); err != nil {
		return fmt.Errorf("metadata: component: %w", err)
	}
	delete(main, "hashes")
	var err error
	if metadata["component"], err = json.Marshal(main); err != nil {
		return err
	}
	list["metadata"], err = json.Marshal(metadata)
	return err
}

// missing are the modules that the list does not have.
func missing(listed []json.RawMessage, modules []module) (more []component, err error) {
	have := map[string]bool{}
	for _, raw := range listed {
		var c component
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, err
		}
		have[c.Name] = true
	}
	for _, m := range modules {
		if !have[m.Path] {
			c := component{Ref: "pkg:golang/" + m.Path + "@" + m.Version, Type: "library", Name: m.Path, Version: m.Version, PURL: "pkg:golang/" + m.Path + "@" + m.Version}
			more = append(more, c)
		}
	}
	return more, nil
}

// debianVersion is the version of the package that a file of /usr/share/doc belongs to.
func debianVersion(ctx context.Context, file string) (string, error) {
	name := strings.Split(file, "/")[4]
	out, err := output(exec.CommandContext(ctx, "dpkg-query", "-W", "-f", "${Version}\n", name))
	if err != nil {
		return "", err
	}
	version, _, _ := strings.Cut(string(out), "\n")
	return version, nil
}
