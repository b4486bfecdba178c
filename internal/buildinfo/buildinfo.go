// Package buildinfo tells which build of the programs this is. All six take it from here.
package buildinfo

import (
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"
)

// Set by the linker where a release is built; otherwise the Go command's own stamps are used:
//
//	-ldflags="-X github.com/check-ingest/check-ingest/internal/buildinfo.version=1.2.3"
//
// commit is the whole hash, date that of the commit in RFC 3339 (not that of the build, so that builds can be repeated).
//
//nolint:gochecknoglobals // the linker can set nothing else
var version, commit, date string

// Info is what is known of a build. What is not known is "".
type Info struct {
	Version string // "1.2.3", without a v; a pseudo-version between releases; "devel" where there was no version control
	Commit  string // the hash
	Date    string // of the commit, RFC 3339 in UTC
	Dirty   bool   // there were changes that are not in the commit
	DuckDB  string // "1.5.6"; "" in a program without it
}

// Read tells about this program.
func Read() Info {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return from(version, commit, date, info)
}

// from puts together what the linker was told and what the Go command knows.
func from(version, commit, date string, info *debug.BuildInfo) Info {
	i := Info{Version: version, Commit: commit, Date: date}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			i.Commit = or(i.Commit, s.Value)
		case "vcs.time":
			i.Date = or(i.Date, s.Value)
		case "vcs.modified":
			i.Dirty = commit == "" && s.Value == "true"
		}
	}
	if v := info.Main.Version; v != "(devel)" {
		i.Version = or(i.Version, v)
	}
	i.Version = or(strings.TrimPrefix(i.Version, "v"), "devel")
	for _, d := range info.Deps {
		if d.Path == "github.com/duckdb/duckdb-go/v2" {
			i.DuckDB = duckdb(d.Version)
		}
	}
	return i
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// duckdb is the version of DuckDB that a version of its Go driver holds, which is part of the driver's own: v2.10506.0
// has DuckDB 1.5.6.
func duckdb(driver string) string {
	parts := strings.Split(driver, ".")
	if len(parts) < 2 {
		return ""
	}
	n, err := strconv.Atoi(parts[1])
	if err != nil || n < 10_000 {
		return ""
	}
	return fmt.Sprintf("%d.%d.%d", n/10_000, n/100%100, n%100)
}

// String is one line for --version: "1.2.3 (commit 0123456789ab of 2026-01-31, DuckDB 1.5.6)".
func (i Info) String() string {
	var about []string
	if i.Commit != "" {
		text := "commit " + i.Commit[:min(len(i.Commit), 12)]
		if i.Dirty {
			text += " with changes"
		}
		if day := i.Day(); day != "" {
			text += " of " + day
		}
		about = append(about, text)
	}
	if i.DuckDB != "" {
		about = append(about, "DuckDB "+i.DuckDB)
	}
	if len(about) == 0 {
		return i.Version
	}
	return i.Version + " (" + strings.Join(about, ", ") + ")"
}

// Day is the day of the commit, such as 2026-01-31, or "".
func (i Info) Day() string {
	day, _, _ := strings.Cut(i.Date, "T")
	return day
}
