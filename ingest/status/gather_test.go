package status_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/ingest/load"
	"github.com/check-ingest/check-ingest/ingest/status"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/e2e/olddb"
	"github.com/check-ingest/check-ingest/internal/proctest"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/store"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// The test binary runs itself where a second process is needed: what it is to do and with which database stand in these variables.
const (
	roleVariable = "STATUS_TEST_ROLE"
	pathVariable = "STATUS_TEST_PATH"
)

func TestMain(m *testing.M) {
	role, path := os.Getenv(roleVariable), os.Getenv(pathVariable)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := play(context.Background(), role, path); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// play holds a database, or only the lock of a first load, until standard input ends.
func play(ctx context.Context, role, path string) error {
	if role == "load" || role == "create" {
		lock, err := runstate.Acquire(ctx, path+".lock", 0)
		if err != nil {
			return err
		}
		p := runstate.NewPublisher(lock, runstate.Status{
			RunID: "r9", Version: "v1", Database: path, Phase: runstate.PhaseLoad, StartedAt: time.Now().Add(-time.Minute), FilesTotal: 8, FilesDone: 2,
			BytesTotal: 800, BytesDone: 200, Rows: 5000, RowsPerSecond: 100,
		}, time.Hour, time.Now)
		if err := p.Flush(); err != nil {
			return err
		}
	}
	if role != "create" {
		if _, err := store.Open(ctx, path, store.Options{}); err != nil {
			return err
		}
	}
	fmt.Println("ready")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

type world struct{ dir, data, db string }

func newWorld(t *testing.T) world {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return world{dir, filepath.Join(dir, "data"), filepath.Join(dir, "trades.duckdb")}
}

// hold starts a second process in a role, which ends with the test, and returns when it is ready.
func (w world) hold(t *testing.T, role string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.Background(), self)
	cmd.Env = append(os.Environ(), roleVariable+"="+role, pathVariable+"="+w.db)
	cmd.Stderr = os.Stderr
	end := proctest.Start(t, cmd, "ready")
	t.Cleanup(func() {
		if err := end(); err != nil {
			t.Errorf("second process: %v", err)
		}
	})
}

// daily writes a daily file of rows rows and gives its path.
func (w world) daily(t *testing.T, day string, rows int, firstID int64, p synth.Packing) string {
	t.Helper()
	d, err := catalog.ParseDay(day)
	if err != nil {
		t.Fatal(err)
	}
	path, err := synth.WriteFile(w.data, synth.Mirror, synth.Spec{
		Series: catalog.Series{Market: catalog.UM, Symbol: "BTCUSDT"}, Period: catalog.DayPeriod(d), Rows: rows, FirstID: firstID,
	}, p)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// load loads the data dir. Files that fail are no error.
func (w world) load(t *testing.T) {
	t.Helper()
	var log bytes.Buffer
	_, err := load.Run(t.Context(), load.Config{
		Database: w.db, DataDir: w.data, LockFile: w.db + ".lock", Market: catalog.UM, Retries: 1, RetryDelay: time.Millisecond, Threads: 1, MemoryLimit: 256 << 20,
		RunID: "r1", Version: "test", Log: slog.New(slog.NewTextHandler(&log, nil)), Now: time.Now,
	})
	if err != nil && !errors.Is(err, load.ErrSomeFailed) {
		t.Fatalf("load: %v\n%s", err, log.String())
	}
}

// report is what status shows. Asking must not leave anything behind.
func (w world) report(t *testing.T, changes ...func(*status.Options)) (status.Report, error) {
	t.Helper()
	o := status.Options{Database: w.db, LockFile: w.db + ".lock", Version: "test"}
	for _, change := range changes {
		change(&o)
	}
	before := listing(t, w.dir)
	facts, err := status.Gather(t.Context(), runstate.DefaultProcRoot, o, time.Now())
	if diff := cmp.Diff(before, listing(t, w.dir)); diff != "" {
		t.Errorf("the folder changed (-before +after):\n%s", diff)
	}
	return status.Build(facts), err
}

// listing is the names, sizes and times of the files of a folder, but for the status that a load keeps writing.
func listing(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.Contains(e.Name(), ".lock.status") {
			continue
		}
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprint(e.Name(), info.Size(), info.ModTime()))
	}
	return out
}

func scan(o *status.Options) { o.Scan = true }

func gaps(r status.Report) []string {
	out := []string{}
	for _, g := range r.Gaps {
		out = append(out, fmt.Sprintf("%s %s: %d days, %d ids", g.First, g.Reason, g.Days, g.IDsMissing))
	}
	return out
}

// TestTruncatedFiles loads files that are broken in each way in which a download ends too early, and such as are broken otherwise: what the loader
// records of them has to be understood.
func TestTruncatedFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := os.MkdirAll(w.data, 0o755); err != nil {
		t.Fatal(err)
	}
	cut := func(path string, by int64) {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, info.Size()-by); err != nil {
			t.Fatal(err)
		}
	}
	w.daily(t, "2024-01-01", 100, 1, synth.Plain)
	cut(w.daily(t, "2024-01-02", 100, 101, synth.Plain), 5)
	cut(w.daily(t, "2024-01-03", 100, 201, synth.Zip), 30)
	cut(w.daily(t, "2024-01-04", 5000, 301, synth.Zip), 30_000)
	cut(w.daily(t, "2024-01-05", 5000, 5301, synth.Gzip), 3000)
	cut(w.daily(t, "2024-01-06", 5000, 10301, synth.Zstd), 3000)
	bad := w.daily(t, "2024-01-07", 100, 15301, synth.Plain)
	if err := os.WriteFile(bad, []byte("<html>Not found</html>\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	w.daily(t, "2024-01-08", 100, 15401, synth.Plain)
	w.load(t)
	r, err := w.report(t)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"2024-01-02 file truncated: 5 days, 15300 ids", "2024-01-07 file failed: 1 days, 0 ids"}
	if diff := cmp.Diff(want, gaps(r)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
		for _, f := range r.Files {
			t.Log(f.Path, f.Error)
		}
	}
	if len(r.Files) != 6 || len(r.Runs) != 1 || r.Runs[0].Outcome != status.RunEnded || *r.Runs[0].ExitCode != 1 {
		t.Errorf("%d files, runs %+v", len(r.Files), r.Runs)
	}
}

// TestWhileHeld asks while a load holds the database, and while another process does, with and without a snapshot.
func TestWhileHeld(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		role     string
		snapshot bool
		origin   status.Origin
		loads    bool
		holder   bool
		series   int
	}{
		"a load":                           {"load", true, status.FromSnapshot, true, false, 1},
		"a load, no snapshot":              {"load", false, status.FromNothing, true, false, 0},
		"another process":                  {"write", true, status.FromSnapshot, false, true, 1},
		"another process, and no snapshot": {"write", false, status.FromNothing, false, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.daily(t, "2024-01-01", 100, 1, synth.Plain)
			w.daily(t, "2024-01-03", 100, 201, synth.Plain)
			w.load(t)
			if !tt.snapshot {
				if err := os.Remove(w.db + ".ledger.json"); err != nil {
					t.Fatal(err)
				}
			}
			w.hold(t, tt.role)
			r, err := w.report(t, scan)
			if err != nil {
				t.Fatal(err)
			}
			if r.Source.Origin != tt.origin || (r.Load != nil) != tt.loads || (r.Holder != "") != tt.holder || len(r.Series) != tt.series || r.Database.Rows != nil {
				t.Errorf("%+v, load %+v, held by %q, %d series", r.Source, r.Load, r.Holder, len(r.Series))
			}
			if tt.loads && (r.Load.State != status.Running || r.Load.FilesDone != 2 || *r.Load.Percent != 25) {
				t.Errorf("%+v", r.Load)
			}
			if tt.snapshot && (r.Totals.Rows != 200 || r.Totals.DaysMissing != 1 || r.Source.Changed) {
				t.Errorf("%+v", r.Totals)
			}
			if _, err := r.Page(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFirstLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.report(t)
	if store.KindOf(err) != store.KindMissing || !strings.Contains(err.Error(), "does not exist; correct --db, mount its file system, or load the first files") {
		t.Errorf("no database: %v", err)
	}
	w.hold(t, "create")
	r, err := w.report(t)
	if err != nil || r.Load == nil || r.Source.Origin != status.FromNothing {
		t.Errorf("while it is created: %v, %+v, %+v", err, r.Source, r.Load)
	}
}

func TestUnusable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := os.WriteFile(w.db, []byte("SQLite format 3\x00"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := w.report(t); store.KindOf(err) != store.KindNotDuckDB {
		t.Errorf("a SQLite database: %v", err)
	}
	w.sql(t, "CREATE TABLE t (i INTEGER)")
	if _, err := w.report(t); store.KindOf(err) != store.KindSchema {
		t.Errorf("another database: %v", err)
	}
}

// sql makes a new database with these statements.
func (w world) sql(t *testing.T, statements ...string) {
	t.Helper()
	if err := os.RemoveAll(w.db); err != nil {
		t.Fatal(err)
	}
	pool, err := sql.Open("duckdb", w.db)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range statements {
		if _, err := pool.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestDatabasesOfTheScripts: without a scan it is said that nothing is known of days, with one they are found in the rows.
func TestDatabasesOfTheScripts(t *testing.T) {
	t.Parallel()
	for _, shape := range olddb.Shapes() {
		t.Run(shape.Name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := ""
			if strings.HasPrefix(shape.Name, "id ") && shape.Name != "id from a sequence" {
				id = "i AS id, "
			}
			statements := append(shape.Statements(), `INSERT INTO aggtrades_history BY NAME SELECT `+id+`i AS agg_trade_id,
				TIMESTAMP '2024-01-01 00:00:01' + to_hours(CAST(i AS INTEGER)) AS timestamp, 'BTCUSDT' AS symbol, 1 AS price, 1 AS quantity, 'buy' AS side, 1 AS gross_value
				FROM range(100) r(i) WHERE i NOT BETWEEN 24 AND 71 AND i <> 80`)
			if shape.Ledger {
				statements = append(statements, "INSERT INTO ingestion_log VALUES ('/a.csv', 'BTCUSDT', TIMESTAMP '2024-01-09', 51, 'success', NULL, 1, 1), ('/b.csv', 'BTCUSDT', TIMESTAMP '2024-01-09', 0, 'failed', 'no', 1, 1)")
			}
			w.sql(t, statements...)
			r, err := w.report(t)
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Notes) == 0 || !strings.Contains(r.Notes[0], "--scan") || len(r.Gaps) != 0 || *r.Database.Rows != 51 {
				t.Errorf("without a scan: notes %q, gaps %v", r.Notes, gaps(r))
			}
			if shape.Ledger && (len(r.Series) != 1 || r.Series[0].Rows != 51 || r.Series[0].FilesFailed != 1) {
				t.Errorf("%+v", r.Series)
			}
			r, err = w.report(t, scan)
			if err != nil {
				t.Fatal(err)
			}
			want := []string{"2024-01-02 file absent: 2 days, 48 ids", "2024-01-04 hole in file: 0 days, 1 ids"}
			if diff := cmp.Diff(want, gaps(r)); diff != "" {
				t.Errorf("gaps (-want +got):\n%s", diff)
			}
			if len(r.Series) != 1 || r.Series[0].Rows != 51 || r.Series[0].First != "2024-01-01" || r.Series[0].Last != "2024-01-05" {
				t.Errorf("%+v", r.Series)
			}
			text := string(r.Text(status.Look{}))
			if !strings.Contains(text, "Jan  #..h#") {
				t.Errorf("no calendar:\n%s", text)
			}
		})
	}
}

// TestFilesThatWait: with the data dir, a file that is there is told from one that is absent.
func TestFilesThatWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.daily(t, "2024-01-01", 100, 1, synth.Plain)
	w.daily(t, "2024-01-04", 100, 301, synth.Plain)
	w.load(t)
	w.daily(t, "2024-01-03", 100, 201, synth.Plain)
	w.daily(t, "2024-01-05", 100, 401, synth.Zip)
	r, err := w.report(t, func(o *status.Options) { o.DataDir = w.data })
	want := []string{"2024-01-02 file absent: 1 days, 200 ids", "2024-01-03 file not loaded: 1 days, 0 ids", "2024-01-05 file not loaded: 1 days, 0 ids"}
	if diff := cmp.Diff(want, gaps(r)); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	r, err = w.report(t, func(o *status.Options) { o.DataDir = filepath.Join(w.dir, "none") })
	if err != nil || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "which files are not loaded yet is not known") {
		t.Errorf("%v, %q", err, r.Notes)
	}
}
