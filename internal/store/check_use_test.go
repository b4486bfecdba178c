package store

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/check-ingest/check-ingest/internal/runstate"
)

// playCheckRole does in the second process what tests of the checks need; see playRole.
func playCheckRole(ctx context.Context, role, path string) error {
	switch role {
	case "index":
		return leaveIndex(ctx, path)
	case "load", "load-unpublished", "load-elsewhere", "load-soon", "load-other", "load-ended", "load-hung":
		return holdAsLoader(ctx, role, path)
	default:
		return fmt.Errorf("role %q: unknown", role)
	}
}

// leaveIndex makes a database with a write-ahead log that holds a CREATE INDEX, and keeps it open.
func leaveIndex(ctx context.Context, path string) error {
	pool, err := sql.Open("duckdb", path)
	if err != nil {
		return err
	}
	for _, s := range []string{
		"CREATE TABLE t AS SELECT i FROM range(1000) r(i)", "CHECKPOINT", "CREATE INDEX at_i ON t(i)",
	} {
		if _, err := pool.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// holdAsLoader takes the lock beside the database, publishes a status and opens the database, as far as the role goes.
func holdAsLoader(ctx context.Context, role, path string) error {
	lock, err := runstate.Acquire(ctx, path+".lock", 0)
	if err != nil {
		return err
	}
	status := runstate.Status{RunID: "r1", Database: path, Phase: runstate.PhaseLoad, FilesTotal: 4, FilesDone: 1}
	clock := time.Now
	switch role {
	case "load-other":
		status.Database = path + ".other"
	case "load-hung":
		clock = func() time.Time { return time.Now().Add(-12 * time.Hour) }
	}
	if role != "load-unpublished" && role != "load-elsewhere" {
		p := runstate.NewPublisher(lock, status, time.Hour, clock)
		if err := p.Flush(); err != nil {
			return err
		}
		if role == "load-ended" {
			return p.Close(func(*runstate.Status) {})
		}
	}
	if role != "load" && role != "load-unpublished" {
		return nil
	}
	_, err = Open(ctx, path, Options{})
	return err
}

func TestUseOf(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		roles   []string
		mode    runstate.DBMode
		loading bool
		run     bool
		reader  bool // keeps the loader waiting
	}{
		"nobody":                                {},
		"a reader":                              {roles: []string{"read"}, mode: runstate.DBReaders},
		"two readers":                           {roles: []string{"read", "read"}, mode: runstate.DBReaders},
		"a writer":                              {roles: []string{"write"}, mode: runstate.DBWriter},
		"the loader":                            {roles: []string{"load"}, mode: runstate.DBWriter, loading: true, run: true},
		"somebody who took the lock as well":    {roles: []string{"load-unpublished"}, mode: runstate.DBWriter},
		"a writer while another holds the lock": {roles: []string{"load-elsewhere", "write"}, mode: runstate.DBWriter},
		"a loader that has not opened it yet":   {roles: []string{"load-soon"}, loading: true, run: true},
		"a loader that waits for a reader":      {roles: []string{"read", "load-soon"}, mode: runstate.DBReaders, loading: true, run: true, reader: true},
		"a loader of another database":          {roles: []string{"load-other"}},
		"a loader that is done with it":         {roles: []string{"load-ended"}},
		"a loader that hangs before it opened":  {roles: []string{"load-hung"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := sound(t)
			var last *child
			for _, role := range tc.roles {
				last = start(t, role, path)
			}
			u, err := UseOf(t.Context(), runstate.DefaultProcRoot, path, path+".lock", time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if u.Mode != tc.mode || u.Loading != tc.loading || (u.Run != nil) != tc.run || (u.Reader.PID != 0) != tc.reader {
				t.Errorf("%+v, want %+v", u, tc)
			}
			if writing := tc.mode == runstate.DBWriter || tc.loading; u.Writing() != writing {
				t.Errorf("writing: %t, want %t", u.Writing(), writing)
			}
			if u.Writing() && (u.Holder.PID != last.cmd.Process.Pid || u.Holder.User == "" || u.Holder.Program == "") {
				t.Errorf("held by %+v, want PID %d", u.Holder, last.cmd.Process.Pid)
			}
		})
	}
}

// TestUseOfLoaderThatHasPublishedNothing knows it by its name, which it has between taking the lock and publishing.
func TestUseOfLoaderThatHasPublishedNothing(t *testing.T) {
	t.Parallel()
	path := sound(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), loaderProgram)
	if err := os.Symlink(self, program); err != nil {
		t.Fatal(err)
	}
	startAs(t, program, "load-unpublished", path)
	u, err := UseOf(t.Context(), runstate.DefaultProcRoot, path, path+".lock", time.Now())
	if err != nil || !u.Loading || u.Run != nil || u.Holder.Program != loaderProgram {
		t.Errorf("%+v, %v", u, err)
	}
}

// TestUseOfLoaderThatSaysNothing: a loader that holds its lock and does not say what it loads is waited for, but not for ever.
func TestUseOfLoaderThatSaysNothing(t *testing.T) {
	t.Parallel()
	path := sound(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), loaderProgram)
	if err := os.Symlink(self, program); err != nil {
		t.Fatal(err)
	}
	startAs(t, program, "load-elsewhere", path)
	state, err := runstate.Inspect(runstate.DefaultProcRoot, path+".lock", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var u Use
	if !u.expect(path, state, time.Now()) {
		t.Errorf("%+v: it is not asked again", state)
	}
	if u, err := UseOf(t.Context(), runstate.DefaultProcRoot, path, path+".lock", time.Now()); err != nil || u.Writing() {
		t.Errorf("%+v, %v", u, err)
	}
}

// startAs is start with another name of the program.
func startAs(t *testing.T, program, role, path string) {
	t.Helper()
	cmd := command(context.Background(), t, role, path)
	cmd.Path, cmd.Args[0] = program, program
	ready(t, cmd)
}

func TestSameFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, link, other := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "c")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		a, b string
		same bool
	}{
		{file, file, true}, {file, link, true}, {file, other, false}, {other, other, true}, {other, file, false},
	} {
		if got := SameFile(tc.a, tc.b); got != tc.same {
			t.Errorf("SameFile(%s, %s) = %t", tc.a, tc.b, got)
		}
	}
}
