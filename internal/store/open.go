package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	_ "github.com/duckdb/duckdb-go/v2" // the driver
	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/shell"
)

// Options are the settings of an open database.
type Options struct {
	Threads       int   // 0 = DuckDB's default, one a core
	MemoryLimit   int64 // bytes; 0 = DuckDB's default
	TempDirectory string
	// DefaultCommit keeps DuckDB's own way of committing, through a write-ahead log. It loses atomicity when a process is
	// killed in mid-commit and is there for the test that shows it.
	DefaultCommit bool
}

// writerSettings are the settings every writer needs: each commit is a checkpoint; threads need not keep the order of rows, which costs
// a quarter of the time; and the database reads no other file, loads no extension and has no network.
func writerSettings(o Options) url.Values {
	v := safeSettings()
	v.Set("preserve_insertion_order", "false")
	if !o.DefaultCommit {
		v.Set("checkpoint_threshold", "0KB")
		v.Set("auto_checkpoint_skip_wal_threshold", "0")
	}
	if o.Threads > 0 {
		v.Set("threads", strconv.Itoa(o.Threads))
	}
	if o.MemoryLimit > 0 {
		v.Set("memory_limit", strconv.FormatInt(o.MemoryLimit, 10)+"B")
	}
	if o.TempDirectory != "" {
		v.Set("temp_directory", o.TempDirectory)
	}
	return v
}

// safeSettings are true of every connection string. The rest of the safety is [sqlNoExternalAccess], a statement, since the driver hands over the
// settings of a connection string in random order, and DuckDB takes no temp_directory after it.
func safeSettings() url.Values {
	return url.Values{
		"autoinstall_known_extensions": {"false"},
		"autoload_known_extensions":    {"false"},
		"allow_community_extensions":   {"false"},
	}
}

// DB is a database open for writing, over one connection: a second one would keep commits from being checkpoints.
type DB struct {
	path  string
	pool  *sql.DB
	conn  *sql.Conn
	feeds *feeds
	table Table
	open  *Tx // the latest transaction, which may have ended; nil where there was none
}

// Resolve is the one absolute path, with symlinks resolved, by which a database is opened. DuckDB knows open files by
// their path: through a second name it would open the file twice and lose its lock. A database that does not exist yet
// is resolved by its folder.
func Resolve(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("resolve %q: %w", path, err)
	}
	if len(abs) >= unix.PathMax { // even where its first folder is missing already
		return "", pathError(abs, unix.ENAMETOOLONG)
	}
	resolved, err := filepath.EvalSymlinks(abs)
	if errors.Is(err, fs.ErrNotExist) {
		if _, lerr := os.Lstat(abs); lerr == nil {
			return "", &Error{Kind: KindMissing, Path: abs, Text: "is a symlink to a file that does not exist", Remedy: "mend or remove the link", Err: err}
		}
		dir, derr := filepath.EvalSymlinks(filepath.Dir(abs))
		if derr != nil {
			return "", &Error{Kind: KindMissing, Path: abs, Text: "its folder does not exist", Remedy: "create it: mkdir -p " + shell.Quote(filepath.Dir(abs)), Err: derr}
		}
		resolved = filepath.Join(dir, filepath.Base(abs))
	} else if err != nil {
		return "", pathError(abs, err)
	}
	if !utf8.ValidString(resolved) { // DuckDB ends the process where it is to make a folder for temporary files beside it
		return "", &Error{
			Kind: KindNotRegular, Path: strings.ToValidUTF8(resolved, "?"), Text: "its path is not valid UTF-8, as DuckDB needs it",
			Remedy: "rename the file or the folder above it",
		}
	}
	// The driver takes the path from a connection string and cannot quote these.
	if _, err := url.PathUnescape(resolved); err != nil || strings.ContainsRune(resolved, '?') {
		return "", &Error{Kind: KindNotRegular, Path: resolved, Text: "DuckDB's driver cannot open a path with '?' or a stray '%'", Remedy: "rename it"}
	}
	if strings.ContainsFunc(resolved, func(r rune) bool { return r < ' ' || r == 0x7f }) { // those that a URL may not hold
		return "", &Error{Kind: KindNotRegular, Path: resolved, Text: "DuckDB's driver cannot open a path with a control character", Remedy: "rename it"}
	}
	return resolved, nil
}

// pathError is what the system said about a path.
func pathError(path string, err error) *Error {
	e := &Error{Kind: KindIO, Path: path, Text: pathText(err), Err: err}
	switch {
	case errors.Is(err, fs.ErrPermission):
		e.Kind = KindPermission
	case errors.Is(err, unix.ENAMETOOLONG):
		e.Remedy = "correct --db"
	case errors.Is(err, unix.EIO):
		e.Remedy = remedyDisk
	case errors.Is(err, unix.ESTALE): // of NFS
		e.Remedy = "mount it again, since its server exports another file system now"
	}
	return e
}

func pathText(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// Stat looks at the database at a resolved path without opening it. It errs where the path is not a regular file, is
// missing (KindMissing), or is missing although its write-ahead log exists, which DuckDB would delete.
func Stat(path string) (fs.FileInfo, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, werr := os.Lstat(path + ".wal"); werr == nil {
			return nil, &Error{
				Kind: KindCorrupt, Path: path, Text: "does not exist, but its write-ahead log " + filepath.Base(path) + ".wal does",
				Remedy: "put the database back beside the log, or move the log away if it is of no use", Err: err,
			}
		}
		return nil, &Error{Kind: KindMissing, Path: path, Text: "does not exist", Err: err}
	case err != nil:
		return nil, pathError(path, err)
	case !info.Mode().IsRegular():
		return nil, &Error{Kind: KindNotRegular, Path: path, Text: "is not a regular file", Remedy: "correct --db"}
	}
	return info, nil
}

// Open opens the existing database at a resolved path for writing. It fails with KindMissing rather than create one.
func Open(ctx context.Context, path string, o Options) (*DB, error) {
	if _, err := Stat(path); err != nil {
		return nil, err
	}
	db, err := connect(ctx, path, writerSettings(o))
	if err != nil {
		return nil, err
	}
	if err := db.prepare(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// OpenReadOnly opens the existing database at a resolved path for reading, on one thread and with little memory. It changes nothing, creates no
// file, and fails at once where a writer holds the database.
func OpenReadOnly(ctx context.Context, path string, o Options) (*DB, error) {
	if _, err := Stat(path); err != nil {
		return nil, err
	}
	settings := safeSettings()
	settings.Set("access_mode", "READ_ONLY")
	settings.Set("temp_directory", "")
	settings.Set("threads", strconv.Itoa(max(1, o.Threads)))
	settings.Set("memory_limit", strconv.FormatInt(max(o.MemoryLimit, readerMemory), 10)+"B")
	db, err := connect(ctx, path, settings)
	if err != nil {
		return nil, err
	}
	if err := db.inspect(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// readerMemory is what a reader may use at least: less does not suffice to replay a write-ahead log.
const readerMemory = 256 << 20

// openPause is how long to wait before a database that is held by a reader is tried again: less than a check takes to read it.
const openPause = 10 * time.Millisecond

// Waiting calls open until it does not fail because of a reader: a check that looks at a database keeps a writer out for a
// moment. It gives up after patience; said is told before each pause. Meanwhile the kernel is asked whether the reader has gone, which
// costs next to nothing, while DuckDB would begin to open the database each time.
func Waiting(ctx context.Context, patience time.Duration, open func() (*DB, error), said func(err error)) (*DB, error) {
	for waited := time.Duration(0); ; {
		db, err := open()
		var held *Error
		if !errors.As(err, &held) || held.Kind != KindHeld || !held.Reader || waited >= patience {
			return db, err
		}
		for read := true; read && waited < patience; waited += openPause {
			said(err)
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(openPause):
			}
			lock, lerr := runstate.DatabaseHolder(held.Path) // this process does not have it open: it could not
			read = lerr == nil && lock.Mode == runstate.DBReaders
		}
	}
}

// Create makes a new, empty database with our schema at a resolved path. It is built under a temporary name beside it and renamed when it is
// sound, since a database whose creation was interrupted can never be opened again.
func Create(ctx context.Context, path string) (err error) {
	if _, err := Stat(path); err == nil {
		return createdMeanwhile(path)
	} else if KindOf(err) != KindMissing {
		return fmt.Errorf("create database: %w", err)
	}
	removeUnfinished(path)
	temp := fmt.Sprintf("%s.new-%d", path, os.Getpid())
	defer func() {
		if err != nil {
			removeAll(temp, temp+".wal")
		}
	}()
	db, err := connect(ctx, temp, writerSettings(Options{Threads: 1}))
	if err != nil {
		return err
	}
	if err := db.createSchema(ctx); err != nil {
		return errors.Join(err, db.Close())
	}
	if err := db.Close(); err != nil {
		return err
	}
	err = unix.Renameat2(unix.AT_FDCWD, temp, unix.AT_FDCWD, path, unix.RENAME_NOREPLACE)
	if errors.Is(err, fs.ErrExist) {
		return createdMeanwhile(path)
	}
	if err != nil {
		e := pathError(path, err)
		e.Text = "rename the new database into place: " + err.Error()
		return e
	}
	return syncDir(filepath.Dir(path))
}

// createdMeanwhile is that another process was faster. Whatever was planned for a new database does not hold for the one that is there.
func createdMeanwhile(path string) error {
	return &Error{Kind: KindHeld, Path: path, Text: "was created by another process a moment ago", Remedy: "run again", Err: fs.ErrExist}
}

// removeUnfinished removes what processes that were killed while they created the database left of it.
func removeUnfinished(path string) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return // whoever writes there next will say so
	}
	for _, e := range entries {
		pid, ours := strings.CutPrefix(strings.TrimSuffix(e.Name(), ".wal"), filepath.Base(path)+".new-")
		n, err := strconv.Atoi(pid)
		if ours && err == nil && (n == os.Getpid() || errors.Is(unix.Kill(n, 0), unix.ESRCH)) {
			removeAll(filepath.Join(filepath.Dir(path), e.Name()))
		}
	}
}

func removeAll(paths ...string) {
	for _, p := range paths {
		_ = os.Remove(p) // what is not there need not be removed; what cannot be removed, DuckDB will report
	}
}

// syncDir makes a rename in dir survive a power loss.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("open folder to sync it: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync folder %q: %w", dir, err)
	}
	return nil
}

// connect opens path with the settings and takes the one connection, whose time zone is UTC whatever the process's is.
func connect(ctx context.Context, path string, settings url.Values) (*DB, error) {
	pool, err := sql.Open("duckdb", path+"?"+settings.Encode())
	if err != nil {
		return nil, explain(path, err)
	}
	pool.SetMaxOpenConns(1)
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, errors.Join(explain(path, err), pool.Close())
	}
	db := &DB{path: path, pool: pool, conn: conn}
	for _, statement := range []string{sqlSetUTC, sqlNoExternalAccess} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return nil, errors.Join(explain(path, err), db.Close())
		}
	}
	return db, nil
}

// prepare registers what feeds rows, and looks at the tables.
func (db *DB) prepare(ctx context.Context) error {
	// A statement: in a connection string the setting is taken and forgotten (TestFSSTIsNotTried).
	if _, err := db.conn.ExecContext(ctx, sqlNoFSST); err != nil {
		return explain(db.path, err)
	}
	feeds, err := registerFeeds(db.conn)
	if err != nil {
		return explain(db.path, err)
	}
	db.feeds = feeds
	return db.inspect(ctx)
}

// SetMemoryLimit changes how much memory DuckDB may use, in bytes.
func (db *DB) SetMemoryLimit(ctx context.Context, bytes int64) error {
	_, err := db.conn.ExecContext(ctx, "SET memory_limit = '"+strconv.FormatInt(bytes, 10)+"B'")
	return explain(db.path, err)
}

// Path is the resolved path the database was opened by.
func (db *DB) Path() string { return db.path }

// Close closes the connection and the database, which checkpoints what is left to checkpoint. A transaction that is still open, since a panic went past
// whoever should have ended it, is rolled back: the connection would wait for it.
func (db *DB) Close() error {
	var err error
	if db.open != nil {
		err = db.open.Rollback()
	}
	return errors.Join(err, explain(db.path, errors.Join(db.conn.Close(), db.pool.Close())))
}
