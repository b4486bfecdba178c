module github.com/check-ingest/check-ingest

go 1.26

// DuckDB's Go driver moved: github.com/marcboeker/go-duckdb says itself that its home is now
// github.com/duckdb/duckdb-go/v2. It is pinned to v2.10506.0 (DuckDB 1.5.6), the version whose
// locks, crashes and error texts internal/store was written against; v2.20000.0 cannot be downloaded.
require github.com/duckdb/duckdb-go/v2 v2.10506.0

require (
	github.com/alecthomas/kong v1.17.0
	github.com/gofrs/flock v0.13.2
	github.com/google/go-cmp v0.7.0
	github.com/jedib0t/go-pretty/v6 v6.8.3
	github.com/klauspost/compress v1.20.3
	github.com/rogpeppe/go-internal v1.16.0
	golang.org/x/sync v0.19.0
	golang.org/x/sys v0.49.0
	gopkg.in/yaml.v3 v3.0.1
)
