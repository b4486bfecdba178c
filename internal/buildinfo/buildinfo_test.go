package buildinfo

import (
	"runtime/debug"
	"testing"
)

func TestFrom(t *testing.T) {
	t.Parallel()
	vcs := []debug.BuildSetting{
		{Key: "vcs.revision", Value: "89abcdef0123456789abcdef0123456789abcdef"}, {Key: "vcs.time", Value: "2026-01-31T23:59:59Z"}, {Key: "vcs.modified", Value: "true"},
	}
	driver := []*debug.Module{{Path: "github.com/google/uuid", Version: "v1.6.0"}, {Path: "github.com/duckdb/duckdb-go/v2", Version: "v2.10506.0"}}
	tests := map[string]struct {
		version, commit, date string
		info                  debug.BuildInfo
		want                  string
	}{
		"nothing is known":          {info: debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, want: "devel"},
		"nothing at all":            {want: "devel"},
		"go install of a release":   {info: debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Deps: driver}, want: "1.2.3 (DuckDB 1.5.6)"},
		"go build in a work tree":   {info: debug.BuildInfo{Main: debug.Module{Version: "v0.0.0-x+dirty"}, Settings: vcs}, want: "0.0.0-x+dirty (commit 89abcdef0123 with changes of 2026-01-31)"},
		"a release":                 {"1.2.3", "0123456789abcdef", "2026-02-01T00:00:00Z", debug.BuildInfo{Deps: driver}, "1.2.3 (commit 0123456789ab of 2026-02-01, DuckDB 1.5.6)"},
		"the linker beats Go":       {"v1.2.3", "0123456789abcdef", "2026-02-01T00:00:00Z", debug.BuildInfo{Main: debug.Module{Version: "v9"}, Settings: vcs}, "1.2.3 (commit 0123456789ab of 2026-02-01)"},
		"a short commit":            {"1.2.3", "0123", "", debug.BuildInfo{}, "1.2.3 (commit 0123)"},
		"a driver of another kind":  {info: debug.BuildInfo{Deps: []*debug.Module{{Path: "github.com/duckdb/duckdb-go/v2", Version: "v2.4.1"}}}, want: "devel"},
		"a driver without versions": {info: debug.BuildInfo{Deps: []*debug.Module{{Path: "github.com/duckdb/duckdb-go/v2", Version: "(devel)"}}}, want: "devel"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := from(tt.version, tt.commit, tt.date, &tt.info).String(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
