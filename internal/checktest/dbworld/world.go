// Package dbworld is a folder with a database in it for tests of the checks that look at one, and the second processes that hold it.
package dbworld

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/check-ingest/check-ingest/internal/checktest"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/proctest"
	"github.com/check-ingest/check-ingest/internal/store"
)

// World is a folder with a database in it, or what else a test puts there. Its methods end the test on errors.
type World struct {
	T    *testing.T
	Dir  string
	Path string // of the database, which need not exist
	Lock string // of the loader; "" = beside the database

	check checktest.Check
}

// New is an empty folder.
func New(t *testing.T, c checktest.Check) *World {
	t.Helper()
	dir := t.TempDir()
	return &World{T: t, Dir: dir, Path: filepath.Join(dir, "t.duckdb"), check: c}
}

// Beside is another database in the same folder.
func (w *World) Beside(name string) *World {
	return &World{T: w.T, Dir: w.Dir, Path: filepath.Join(w.Dir, name), check: w.check}
}

// LockFile is the path of the loader's lock.
func (w *World) LockFile() string {
	if w.Lock != "" {
		return w.Lock
	}
	return w.Path + ".lock"
}

// Args are the command line that looks at the world, followed by others.
func (w *World) Args(others ...string) []string {
	return append([]string{"--db", w.Path, "--lock-file", w.LockFile()}, others...)
}

// Must ends the test because of an error.
func (w *World) Must(err error) {
	w.T.Helper()
	if err != nil {
		w.T.Fatal(err)
	}
}

// Write makes content the database.
func (w *World) Write(content string) {
	w.T.Helper()
	w.Must(os.WriteFile(w.Path, []byte(content), 0o644))
}

// Execute runs statements in the database, which is created where it does not exist.
func (w *World) Execute(statements ...string) {
	w.T.Helper()
	w.Must(Execute(w.T.Context(), w.Path, statements...))
}

// Record writes entries into the database's ledger.
func (w *World) Record(entries ...ledger.Entry) {
	w.T.Helper()
	w.Must(Record(w.T.Context(), w.Path, entries...))
}

// Listing is every file of the folder with its mode, size and time, and the folder's own time unless a loader's lock is in it.
func (w *World) Listing() []string {
	w.T.Helper()
	entries, err := os.ReadDir(w.Dir)
	w.Must(err)
	folder, err := os.Stat(w.Dir)
	w.Must(err)
	all := []string{fmt.Sprint("the folder ", folder.ModTime().UnixNano())}
	if _, err := os.Stat(w.LockFile()); err == nil {
		all = nil // the holder of the lock publishes into it
	}
	for _, e := range entries {
		if strings.Contains(e.Name(), ".lock.status") {
			continue // its owner rewrites it, and takes what it wrote in between away
		}
		info, err := e.Info()
		w.Must(err)
		all = append(all, fmt.Sprint(e.Name(), " ", info.Mode(), " ", info.Size(), " ", info.ModTime().UnixNano()))
	}
	return all
}

// Masked is output without what differs from run to run.
func (w *World) Masked(out string) string {
	out = strings.ReplaceAll(out, w.Dir, "DIR")
	for _, m := range append(masks(), w.check.Masks...) {
		out = m.What.ReplaceAllString(out, m.With)
	}
	return out
}

// Execute runs statements in the database at path, which is created where it does not exist, and closes it.
func Execute(ctx context.Context, path string, statements ...string) error {
	pool, err := sql.Open("duckdb", path)
	if err != nil {
		return err
	}
	for _, s := range statements {
		if _, err := pool.ExecContext(ctx, s); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", s, err), pool.Close())
		}
	}
	return pool.Close()
}

// Record writes entries into the ledger of the database at path.
func Record(ctx context.Context, path string, entries ...ledger.Entry) error {
	db, err := store.Open(ctx, path, store.Options{})
	if err != nil {
		return err
	}
	tx, err := db.Begin(ctx)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	return errors.Join(tx.Record(ctx, entries...), tx.Commit(), db.Close())
}

// The test binary runs itself where a second process is needed: its role and the database stand in these variables.
const (
	roleVariable = "CHECKTEST_ROLE"
	pathVariable = "CHECKTEST_PATH"
)

// Roles are what a second process can be besides one that runs the check, or another program that has the database open.
type Roles struct {
	Check checktest.Check
	// Hold takes the loader's lock beside the database and publishes a run, as the argument of the role says.
	Hold func(ctx context.Context, path, argument string) error
}

// Main is for TestMain of a check's tests: the binary plays its role where it was started for one, and otherwise prepares and runs the tests.
func Main(m *testing.M, r Roles, prepare func(ctx context.Context) error) int {
	ctx := context.Background()
	if role := os.Getenv(roleVariable); role != "" {
		return status(r.play(ctx, role, os.Getenv(pathVariable)))
	}
	if code := status(prepare(ctx)); code != 0 {
		return code
	}
	return m.Run()
}

func status(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// play does in a second process what a test needs, says "ready" and stays until its standard input ends. A role is one of
//
//	check ARGUMENTS   run the check once, and print its exit code and output
//	write STATEMENTS  be another program that has the database open for writing, after these statements
//	read              be one that has it open for reading
//	lock ARGUMENT     hold the loader's lock
//	load ARGUMENT     do so, and have the database open for writing
func (r Roles) play(ctx context.Context, role, path string) error {
	name, argument, _ := strings.Cut(role, " ")
	switch name {
	case "check":
		code, out := r.Check.Run(strings.Fields(argument)...)
		fmt.Printf("%d\n%s", code, out)
		return nil
	case "write", "read":
		pool, err := sql.Open("duckdb", path+"?access_mode="+map[string]string{"write": "READ_WRITE", "read": "READ_ONLY"}[name])
		if err != nil {
			return err
		}
		for _, s := range strings.Split(argument, ";") {
			if _, err := pool.ExecContext(ctx, s); s != "" && err != nil {
				return err
			}
		}
	case "load", "lock":
		if err := r.Hold(ctx, path, argument); err != nil {
			return err
		}
		if name == "load" {
			if _, err := store.Open(ctx, path, store.Options{}); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("role %q: unknown", role)
	}
	fmt.Println("ready")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// Play starts a second process in a role, which ends with the test, and returns when it is ready.
func (w *World) Play(role string) *exec.Cmd {
	w.T.Helper()
	cmd := w.command(role)
	proctest.Start(w.T, cmd, "ready")
	return cmd
}

func (w *World) command(role string) *exec.Cmd {
	w.T.Helper()
	self, err := os.Executable()
	w.Must(err)
	cmd := exec.CommandContext(context.Background(), self)
	cmd.Env = append(os.Environ(), roleVariable+"="+role, pathVariable+"="+w.Path)
	cmd.Stderr = os.Stderr
	return cmd
}

// Killed starts a second process and kills it when it is ready.
func (w *World) Killed(role string) {
	w.T.Helper()
	cmd := w.Play(role)
	w.Must(cmd.Process.Signal(syscall.SIGKILL))
	_ = cmd.Wait()
}

// nobody is a user who owns nothing.
const nobody = 65534

// AsNobody looks at the world with the check in a process of that user, and gives its exit code and masked output.
func (w *World) AsNobody(args ...string) (code, out string) {
	w.T.Helper()
	cmd := w.command("check " + strings.Join(w.Args(args...), " "))
	program := filepath.Join(w.Dir, "check.test")
	if err := os.Link(cmd.Path, program); err != nil {
		data, err := os.ReadFile(cmd.Path)
		w.Must(err)
		w.Must(os.WriteFile(program, data, 0o755))
	}
	defer os.Remove(program)
	cmd.Path, cmd.Dir = program, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	if err := cmd.Run(); errors.Is(err, fs.ErrPermission) {
		w.T.Skipf("this machine does not let a test become another user: %v", err)
	} else if err != nil {
		w.T.Fatal(err)
	}
	code, out, _ = strings.Cut(stdout.String(), "\n")
	return code, w.Masked(out)
}
