package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/duckdb/duckdb-go/v2"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// sound is a closed database with some rows in several blocks.
func sound(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "trades.duckdb")
	if err := Create(tb.Context(), path); err != nil {
		tb.Fatal(err)
	}
	db, err := Open(tb.Context(), path, Options{})
	if err != nil {
		tb.Fatal(err)
	}
	inserted(tb, db, um("BTCUSDT"), trades(1, 300_000))
	if err := db.Close(); err != nil {
		tb.Fatal(err)
	}
	return path
}

// damage changes a database's bytes.
func damage(tb testing.TB, path string, change func([]byte) []byte) {
	tb.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, change(text), 0o600)
	}
	if err != nil {
		tb.Fatal(err)
	}
}

func flip(at int) func([]byte) []byte {
	return func(b []byte) []byte { b[at] ^= 0x10; return b }
}

// newerVersion makes the main header, whose checksum stands at its beginning, one of a storage version that is yet to come.
func newerVersion(b []byte) []byte {
	binary.LittleEndian.PutUint64(b[12:], 99)
	sum := uint64(5381)
	for at := 8; at < 4096; at += 8 {
		sum ^= binary.LittleEndian.Uint64(b[at:]) * 0xbf58476d1ce4e5b9
	}
	binary.LittleEndian.PutUint64(b, sum)
	return b
}

// TestWhatIsWrongWithADatabase opens real files in each condition, for writing and for reading. Nothing is changed by that.
func TestWhatIsWrongWithADatabase(t *testing.T) {
	t.Parallel()
	whole := func(text string) func([]byte) []byte { return func([]byte) []byte { return []byte(text) } }
	cut := func(n int) func([]byte) []byte { return func(b []byte) []byte { return b[:n] } }
	tests := map[string]struct {
		change func([]byte) []byte
		kind   Kind
		says   string
	}{
		"nothing":                          {func(b []byte) []byte { return b }, KindOther, ""},
		"zero bytes":                       {whole(""), KindNotDuckDB, "is not a DuckDB database"},
		"one byte":                         {whole("D"), KindNotDuckDB, "is not a DuckDB database"},
		"a text":                           {whole(strings.Repeat("these are notes about trades\n", 1000)), KindNotDuckDB, "is not a DuckDB database"},
		"a CSV file":                       {whole("agg_trade_id,price\n1,2\n"), KindNotDuckDB, "is not a DuckDB database"},
		"an SQLite database":               {whole("SQLite format 3\x00" + strings.Repeat("\x00", 8192)), KindNotDuckDB, "is an SQLite database"},
		"cut in the main header":           {cut(100), KindCorrupt, "is damaged: it ends before its content does"},
		"cut after the main header":        {cut(4096), KindCorrupt, "is damaged: it ends before its content does"},
		"cut after the headers":            {cut(12288), KindCorrupt, "is damaged: it ends before its content does"},
		"a flipped bit in the main header": {flip(60), KindCorrupt, "checksum does not match"},
		"a flipped bit in a second header": {flip(4096 + 40), KindCorrupt, "checksum does not match"},
		"a flipped bit in a third header":  {flip(8192 + 40), KindCorrupt, "checksum does not match"},
		"a newer version":                  {newerVersion, KindNewer, "was written by a newer version of DuckDB; upgrade check-ingest"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := sound(t)
			damage(t, path, tt.change)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for form, open := range map[string]func(context.Context, string, Options) (*DB, error){"reading": OpenReadOnly, "writing": Open} {
				db, err := open(t.Context(), path, Options{})
				if tt.says == "" {
					if err != nil || db.Close() != nil {
						t.Errorf("for %s: %v", form, err)
					}
					continue
				}
				var explained *Error
				if !errors.As(err, &explained) || explained.Kind != tt.kind || explained.Path != path || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("for %s: kind %d, %v; expected kind %d and %q", form, KindOf(err), err, tt.kind, tt.says)
				}
				if strings.Contains(fmt.Sprint(err), "\n") {
					t.Errorf("for %s: more than a line: %q", form, err)
				}
			}
			if tt.says == "" {
				return
			}
			after, err := os.ReadFile(path)
			if err != nil || string(after) != string(before) {
				t.Errorf("the file was changed, %v", err)
			}
			if left, _ := filepath.Glob(path + "?*"); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// TestDamageBehindTheHeaders is damage that may be noticed when the database is opened, and else must be when the place is read.
func TestDamageBehindTheHeaders(t *testing.T) {
	t.Parallel()
	const headers, block = 12288, 262144
	tests := map[string]struct {
		change func([]byte) []byte
		says   string
	}{
		"a flipped bit in every block": {func(b []byte) []byte {
			for at := headers + 1000; at < len(b); at += block {
				b[at] ^= 1
			}
			return b
		}, "a block's checksum does not match"},
		"cut in half": {func(b []byte) []byte { return b[:len(b)/2] }, "it ends before its content does"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := sound(t)
			damage(t, path, tt.change)
			db, err := OpenReadOnly(t.Context(), path, Options{})
			if err == nil {
				defer db.Close()
				_, err = db.conn.ExecContext(t.Context(), "SELECT any_value(COLUMNS(*)) FROM aggtrades_history")
				err = explain(path, err)
			}
			if KindOf(err) != KindCorrupt || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("kind %d, %v", KindOf(err), err)
			}
		})
	}
}

func TestHeldByAWriter(t *testing.T) {
	t.Parallel()
	path := sound(t)
	holder := start(t, "write", path)
	for form, open := range map[string]func(context.Context, string, Options) (*DB, error){"reading": OpenReadOnly, "writing": Open} {
		_, err := open(t.Context(), path, Options{})
		var held *Error
		if !errors.As(err, &held) || held.Kind != KindHeld || held.Reader || held.Holder != holder.cmd.Process.Pid {
			t.Errorf("for %s: %+v, expected it to be held by PID %d", form, err, holder.cmd.Process.Pid)
		}
	}
	// Nobody waits for a writer.
	tries := 0
	_, err := Waiting(t.Context(), time.Hour, func() (*DB, error) { tries++; return Open(t.Context(), path, Options{}) }, func(error) {})
	if KindOf(err) != KindHeld || tries != 1 {
		t.Errorf("%d tries, %v", tries, err)
	}
	holder.stop()
	opened(t, path)
}

func TestHeldByAReader(t *testing.T) {
	t.Parallel()
	path := sound(t)
	holder := start(t, "read", path)
	_, err := Open(t.Context(), path, Options{})
	var held *Error
	if !errors.As(err, &held) || held.Kind != KindHeld || !held.Reader || held.Holder != holder.cmd.Process.Pid {
		t.Errorf("%+v, expected it to be held by a reader, PID %d", err, holder.cmd.Process.Pid)
	}
	db, err := OpenReadOnly(t.Context(), path, Options{})
	if err != nil {
		t.Fatalf("a second reader: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	try := func() (*DB, error) { return Open(t.Context(), path, Options{}) }

	said := 0
	if _, err := Waiting(t.Context(), 2*openPause, try, func(error) { said++ }); KindOf(err) != KindHeld || said != 2 {
		t.Errorf("patience ends: said %d times, %v", said, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := Waiting(ctx, time.Hour, try, func(error) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("the context ends: %v", err)
	}
	db, err = Waiting(t.Context(), time.Hour, try, func(error) { holder.stop() })
	if err != nil {
		t.Fatalf("the reader goes away: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNoDatabaseFile(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		make func(path string) error
		kind Kind
		says string
	}{
		"missing":                       {func(string) error { return nil }, KindMissing, "does not exist"},
		"missing, its log still there":  {func(path string) error { return os.WriteFile(path+".wal", []byte("committed rows"), 0o600) }, KindCorrupt, "its write-ahead log trades.duckdb.wal does"},
		"a folder":                      {func(path string) error { return os.Mkdir(path, 0o755) }, KindNotRegular, "is not a regular file"},
		"a FIFO":                        {func(path string) error { return unix.Mkfifo(path, 0o644) }, KindNotRegular, "is not a regular file"},
		"a symlink to nothing":          {func(path string) error { return os.Symlink("nowhere", path) }, KindMissing, "is a symlink to a file that does not exist; mend or remove the link"},
		"a symlink to itself":           {func(path string) error { return os.Symlink(filepath.Base(path), path) }, KindIO, "too many"},
		"in a folder that is not there": {func(path string) error { return os.Remove(filepath.Dir(path)) }, KindMissing, "its folder does not exist; create it: mkdir -p"},
		"below a file": {func(path string) error {
			return errors.Join(os.Remove(filepath.Dir(path)), os.WriteFile(filepath.Dir(path), nil, 0o600))
		}, KindIO, "not a directory"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "db")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "trades.duckdb")
			if err := tt.make(path); err != nil {
				t.Fatal(err)
			}
			before := tree(t, filepath.Dir(dir))
			for form, open := range map[string]func(context.Context, string, Options) (*DB, error){"reading": OpenReadOnly, "writing": Open} {
				resolved, err := Resolve(path)
				if err == nil {
					_, err = open(t.Context(), resolved, Options{})
				}
				if KindOf(err) != tt.kind || !strings.Contains(fmt.Sprint(err), tt.says) {
					t.Errorf("for %s: kind %d, %v; expected kind %d and %q", form, KindOf(err), err, tt.kind, tt.says)
				}
			}
			if tt.kind != KindMissing || name == "missing, its log still there" {
				if err := Create(t.Context(), path); err == nil {
					t.Error("Create made a database all the same")
				}
			}
			if diff := cmp.Diff(before, tree(t, filepath.Dir(dir))); diff != "" {
				t.Errorf("files (-before +after):\n%s", diff)
			}
		})
	}
}

// tree lists what is below a folder, with the type of each.
func tree(tb testing.TB, dir string) []string {
	tb.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		all = append(all, fmt.Sprint(path, " ", e.Type()))
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return all
}

func TestResolve(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "a b#c+d:é.duckdb")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{"link": path, "linked": dir} {
		if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
			t.Fatal(err)
		}
	}
	good := map[string]string{
		path:                                   path,
		filepath.Join(dir, "link"):             path,
		dir + "/./" + filepath.Base(path):      path,
		filepath.Join(dir, "new.duckdb"):       filepath.Join(dir, "new.duckdb"),
		filepath.Join(dir, "linked/n.duckdb"):  filepath.Join(dir, "n.duckdb"),
		filepath.Join(dir, "fine%20pc.duckdb"): filepath.Join(dir, "fine%20pc.duckdb"),
	}
	for given, want := range good {
		if got, err := Resolve(given); err != nil || got != want {
			t.Errorf("%q: %q, %v, expected %q", given, got, err, want)
		}
	}
	for _, name := range []string{"what?.duckdb", "100%.duckdb", "100%zz.duckdb"} {
		if got, err := Resolve(filepath.Join(dir, name)); err == nil {
			t.Errorf("%q: %q, expected an error", name, got)
		}
	}
	for _, given := range good { // what was resolved is what is opened
		if _, err := os.Stat(given); err == nil && given != path {
			t.Fatal("exists")
		}
		if given == path {
			continue
		}
		if err := Create(t.Context(), given); err != nil {
			t.Errorf("%q: %v", given, err)
		} else if _, err := os.Stat(given); err != nil {
			t.Error(err)
		}
	}
}

// mount is a file system of its own of that size; a test that cannot have one is skipped.
func mount(tb testing.TB, size string) string {
	tb.Helper()
	dir := tb.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		tb.Skipf("mount a small file system: %v", err)
	}
	tb.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

func TestNoSpace(t *testing.T) {
	t.Parallel()
	path := filepath.Join(mount(t, "8m"), "trades.duckdb")
	if err := Create(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	inserted(t, db, um("BTCUSDT"), trades(1, 1000))
	tx := begun(t, db)
	_, err = tx.Insert(t.Context(), um("BTCUSDT"), from(trades(10_000, 2_000_000)))
	if err == nil {
		err = tx.Commit()
	}
	if KindOf(err) != KindNoSpace || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("kind %d, %v", KindOf(err), err)
	}
	_ = tx.Rollback()
	_ = db.Close() // what it was about to write there is no room for
	db = opened(t, path)
	if diff := cmp.Diff(lines(trades(1, 1000)), content(t, db, "BTCUSDT")); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestReadOnlyFileSystem(t *testing.T) {
	t.Parallel()
	dir := mount(t, "64m")
	path := filepath.Join(dir, "trades.duckdb")
	if err := Create(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Skipf("make the file system read-only: %v", err)
	}
	if _, err := Open(t.Context(), path, Options{}); KindOf(err) != KindReadOnlyFS {
		t.Errorf("kind %d, %v", KindOf(err), err)
	}
	if err := Create(t.Context(), filepath.Join(dir, "new.duckdb")); KindOf(err) != KindReadOnlyFS {
		t.Errorf("create: kind %d, %v", KindOf(err), err)
	}
	db, err := OpenReadOnly(t.Context(), path, Options{})
	if err != nil {
		t.Fatalf("for reading: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func TestPermission(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root may open everything; internal/e2e does this as another user")
	}
	path := sound(t)
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path, Options{}); KindOf(err) != KindPermission {
		t.Errorf("kind %d, %v", KindOf(err), err)
	}
}

func TestTooLittleMemory(t *testing.T) {
	t.Parallel()
	db, err := Open(t.Context(), sound(t), Options{MemoryLimit: 8 << 20, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.conn.ExecContext(t.Context(), "SELECT list(e.agg_trade_id) FROM aggtrades_history AS e, range(100)")
	if err = explain(db.Path(), err); KindOf(err) != KindMemory || !strings.Contains(err.Error(), "--memory-limit") {
		t.Errorf("kind %d, %v", KindOf(err), err)
	}
}

func TestDamagedLog(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "trades.duckdb")
	if err := Create(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	start(t, "commit-default", path).kill(t)
	damage(t, path+".wal", func(b []byte) []byte { return flip(len(b) / 2)(b) })
	_, err := Open(t.Context(), path, Options{})
	if KindOf(err) != KindCorrupt {
		t.Errorf("kind %d, %v", KindOf(err), err)
	}
	if _, err := os.Stat(path + ".wal"); err != nil {
		t.Errorf("the log: %v", err)
	}
}

func TestExplainKeepsToOneLine(t *testing.T) {
	t.Parallel()
	err := explain("/db", errors.New("INTERNAL Error: Something odd\n\nStack Trace:\n0x1\n0x2"))
	if err.Error() != "/db: INTERNAL Error: Something odd" {
		t.Errorf("%q", err)
	}
	for _, same := range []error{nil, context.Canceled, context.DeadlineExceeded, fmt.Errorf("wait: %w", context.Canceled), &Error{Kind: KindHeld}} {
		if got := explain("/db", same); !errors.Is(got, same) || got != nil && KindOf(got) != KindOf(same) {
			t.Errorf("%v became %v", same, got)
		}
	}
}

// TestInterruptedStatement is a cancelled context, also where the driver says only that DuckDB was interrupted.
func TestInterruptedStatement(t *testing.T) {
	t.Parallel()
	interrupt := &duckdb.Error{Type: duckdb.ErrorTypeInterrupt, Msg: "INTERRUPT Error: Interrupted!"}
	for _, err := range []error{interrupt, fmt.Errorf("look for duplicates: %w", interrupt), errors.Join(context.DeadlineExceeded, interrupt)} {
		got := explain("/db", err)
		if !errors.Is(got, context.Canceled) && !errors.Is(got, context.DeadlineExceeded) || !errors.Is(got, interrupt) {
			t.Errorf("%v became %v", err, got)
		}
	}
}

// TestNoWayOut has a database, open for writing or reading, read no other file, load no extension and take no other setting back.
func TestNoWayOut(t *testing.T) {
	t.Parallel()
	path := sound(t)
	notes := filepath.Join(t.TempDir(), "notes.csv")
	if err := os.WriteFile(notes, []byte("a,b\n1,2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for form, open := range map[string]func(context.Context, string, Options) (*DB, error){"reading": OpenReadOnly, "writing": Open} {
		db, err := open(t.Context(), path, Options{TempDirectory: path + ".tmp", MemoryLimit: 300 << 20})
		if err != nil {
			t.Fatal(err)
		}
		for _, statement := range []string{
			"SELECT * FROM read_csv('" + notes + "')", "SELECT * FROM read_text('/etc/passwd')", "COPY (SELECT 1) TO '" + notes + ".copy'",
			"ATTACH '" + notes + ".duckdb' AS other", "INSTALL httpfs", "LOAD httpfs", "SET enable_external_access = true",
		} {
			if _, err := db.conn.ExecContext(t.Context(), statement); err == nil {
				t.Errorf("for %s: %s was done", form, statement)
			}
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	if left, _ := filepath.Glob(notes + "?*"); len(left) > 0 {
		t.Errorf("it wrote %v", left)
	}
}

// TestSettingsOfAWriter are those the whole design rests on.
func TestSettingsOfAWriter(t *testing.T) {
	t.Parallel()
	path := sound(t)
	db, err := Open(t.Context(), path, Options{Threads: 2, MemoryLimit: 256 << 20, TempDirectory: path + ".tmp"})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for setting, want := range map[string]string{
		"checkpoint_threshold": "0 bytes", "auto_checkpoint_skip_wal_threshold": "0", "threads": "2", "memory_limit": "256.0 MiB", "temp_directory": path + ".tmp",
		"preserve_insertion_order": "false", "TimeZone": "UTC", "autoload_known_extensions": "false", "autoinstall_known_extensions": "false", "enable_external_access": "false",
	} {
		got, err := queryOne(t.Context(), db.conn, "SELECT CAST(current_setting('"+setting+"') AS VARCHAR)", func(r scanner) (string, error) {
			var s string
			return s, r.Scan(&s)
		})
		if err != nil || got != want {
			t.Errorf("%s is %q, %v, expected %q", setting, got, err, want)
		}
	}
	inserted(t, db, um("ETHUSDT"), trades(1, 200_000))
	if _, err := os.Stat(path + ".wal"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a commit left a write-ahead log: %v", err)
	}
}
