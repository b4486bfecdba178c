package preflight

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/internal/checkcli"
	"github.com/check-ingest/check-ingest/internal/nagios"
	"github.com/check-ingest/check-ingest/internal/shell"
	"github.com/check-ingest/check-ingest/plugins/dbcheck"
	"github.com/check-ingest/check-ingest/plugins/lockcheck"
)

// lock is check_ingest_lock with what only matters to who is about to take it: whether this user may.
type lock struct{ *lockcheck.Cmd }

// Check looks at the lock and, where nothing speaks against a load, whether this user may take it and publish a status beside it. That nobody can
// tell whether it is held, as in a container where nothing was loaded yet, speaks against none: a load that finds it held changes nothing.
func (l *lock) Check(ctx context.Context, now time.Time) (nagios.Result, error) {
	r, err := l.Cmd.Check(ctx, now)
	if err != nil || slices.ContainsFunc(r.Problems, func(p nagios.Problem) bool { return p.State != nagios.Warning }) {
		return r, err
	}
	path, err := filepath.Abs(l.LockFile)
	if err != nil {
		return r, err
	}
	checkcli.Stage(ctx, "asking whether "+path+" may be used")
	if _, err := os.Stat(path); err == nil {
		r.Problems = refused(r.Problems, path, "read", unix.R_OK)
	}
	r.Problems = refused(r.Problems, filepath.Dir(path), "write", unix.W_OK)
	return r, nil
}

// database is check_ingest_db with two things that only matter to who is about to write: whether this user may, and that
// a database which does not exist will be made.
type database struct{ *dbcheck.Cmd }

// Check looks at the database and, where it is fine, whether this user may write it and make files beside it, as DuckDB and the loader do.
func (d *database) Check(ctx context.Context, now time.Time) (nagios.Result, error) {
	r, err := d.Cmd.Check(ctx, now)
	if err != nil || len(r.Problems) > 0 {
		return r, err
	}
	path, err := filepath.Abs(d.DB)
	if err != nil {
		return r, err
	}
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		path = resolved
	}
	checkcli.Stage(ctx, "asking whether "+path+" may be written")
	switch _, err := os.Stat(path); {
	case err == nil:
		r.Problems = refused(r.Problems, path, "write", unix.R_OK|unix.W_OK)
	case errors.Is(err, fs.ErrNotExist):
		r.Summary = path + " does not exist yet, the load will create it"
	default:
		return r, err
	}
	r.Problems = refused(r.Problems, filepath.Dir(path), "write", unix.W_OK)
	return r, nil
}

// refused adds to the problems that this process may not do with a path what it has to.
func refused(problems []nagios.Problem, path, what string, mode uint32) []nagios.Problem {
	err := unix.Faccessat(unix.AT_FDCWD, path, mode, unix.AT_EACCESS)
	if err == nil {
		return problems
	}
	p := nagios.Problem{
		State: nagios.Critical, Path: path, Text: "this user may not " + what + " " + path + ": " + err.Error(),
		Remedy: "Load as the user that owns it, or let this one " + what + " it: ls -ld " + shell.Quote(path),
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.Text, p.Remedy = path+" does not exist", "Create it: mkdir -p "+shell.Quote(path)
	case errors.Is(err, unix.EROFS):
		p.Remedy = "Mount its file system read-write; this shows it: findmnt -T " + shell.Quote(path)
	}
	return append(problems, p)
}
