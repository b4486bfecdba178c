package load_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/ingest/load"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/proctest"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/store"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// TestQueriesThatUsersHave are on a ledger of two good files of two months and a bad one.
func TestQueriesThatUsersHave(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	clock := time.Date(2026, 1, 31, 23, 59, 0, 0, time.UTC)
	config := func(c *load.Config) { c.Now = func() time.Time { return clock } }
	w.make(t, daily(t, um("BTCUSDT"), "2026-01-30", 100, 1), synth.Plain)
	w.load(t, config)
	clock = time.Date(2026, 2, 1, 0, 1, 0, 0, time.UTC)
	last := w.make(t, daily(t, um("BTCUSDT"), "2026-01-31", 50, 101), synth.Plain)
	w.load(t, config)
	clock = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	bad := w.put(t, "futures/um/BTCUSDT-aggTrades-2026-01-29.csv", "1,2\n")
	if _, err := w.run(t, config); load.ExitCodeOf(err) != load.ExitSomeFailed {
		t.Fatal(err)
	}
	tests := []struct {
		query string
		want  []string
	}{
		{
			`SELECT file_path, error_message, processed_at FROM ingestion_log WHERE status = 'failed' ORDER BY processed_at DESC;`,
			[]string{bad + `|BTCUSDT-aggTrades-2026-01-29.csv: line 1: "1,2": wrong number of columns, expected 7 or 8 separated by commas, got 2|2026-01-31 12:00:00 +0000 UTC`},
		},
		{
			`SELECT file_path, processed_at, row_count FROM ingestion_log ORDER BY processed_at DESC LIMIT 1;`,
			[]string{last + "|2026-02-01 00:01:00 +0000 UTC|50"},
		},
		{
			`SELECT DATE_TRUNC('month', processed_at) as month, COUNT(*) as files_processed, SUM(row_count) as total_rows, AVG(processing_time_ms) as avg_time_ms FROM ingestion_log WHERE status = 'success' GROUP BY month ORDER BY month DESC;`,
			[]string{"2026-02-01 00:00:00 +0000 UTC|1|50|0", "2026-01-01 00:00:00 +0000 UTC|1|100|0"},
		},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, w.ask(t, tt.query)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.query, diff)
		}
	}
}

// TestDryRunChangesNothing has everything a plan can say, before there is a database and after.
func TestDryRunChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dry := func(c *load.Config) { c.DryRun = true }
	spec := daily(t, um("BTCUSDT"), "2024-01-30", 100, 1)
	path := w.make(t, spec, synth.Plain)
	state := func() string {
		t.Helper()
		var b strings.Builder
		err := filepath.WalkDir(w.dir, func(path string, e fs.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() {
				fmt.Fprintf(&b, "%s %x\n", path, sha256.Sum256([]byte(read(t, path))))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	before := state()
	r := w.load(t, dry)
	if f := r.Files[0]; f.Status != "load" || r.SpaceNeeded == 0 || r.SpaceFree == 0 || !r.DryRun {
		t.Errorf("report %+v", r)
	}
	if diff := cmp.Diff(before, state()); diff != "" {
		t.Errorf("without a database (-before +after):\n%s", diff)
	}

	w.load(t)
	if err := os.WriteFile(path, append(synth.CSV(spec), "101,60000.0,0.5,201,202,1706659199999,true\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	month := monthly(t, um("BTCUSDT"), "2024-02", 2900, 1000)
	w.make(t, month, synth.Zip)
	monthText := string(synth.CSV(month))
	for d := range 29 {
		date := fmt.Sprintf("2024-02-%02d", d+1)
		w.put(t, "futures/um/BTCUSDT-aggTrades-"+date+".csv", ofDay(t, monthText, date))
	}
	w.make(t, daily(t, um("BTCUSDT"), "2024-03-02", 10, 10_000), synth.Plain)
	w.put(t, "futures/um/notes.txt", "x")
	before = state()
	for replace, status := range map[bool]string{false: "changed", true: "replace"} {
		r = w.load(t, dry, func(c *load.Config) { c.Replace = replace })
		got := statuses(r)
		want := map[string]string{filepath.Base(path): status, "BTCUSDT-aggTrades-2024-02.zip": "standby", "BTCUSDT-aggTrades-2024-02-01.csv": "load", "BTCUSDT-aggTrades-2024-03-02.csv": "load"}
		for name, s := range want {
			if got[name] != s {
				t.Errorf("%s: %q, expected %q", name, got[name], s)
			}
		}
		if len(r.Missing) != 1 || r.Missing[0].Days != 2 || r.Unmatched != 1 {
			t.Errorf("missing days %+v, %d other files", r.Missing, r.Unmatched)
		}
	}
	if diff := cmp.Diff(before, state()); diff != "" {
		t.Errorf("with a database (-before +after):\n%s", diff)
	}
}

func TestNothingToLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.run(t)
	if load.ExitCodeOf(err) != load.ExitNothing {
		t.Errorf("an empty data dir: %v", err)
	}
	if _, err := os.Stat(w.db); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a database was made for nothing: %v", err)
	}
	w.make(t, daily(t, um("BTCUSDT"), "2024-01-30", 10, 1), synth.Plain)
	if _, err := w.run(t, asked(t, "2024-02-01", "")); load.ExitCodeOf(err) != load.ExitNothing || !strings.Contains(err.Error(), "from 2024-02-01") {
		t.Errorf("no file of the days asked for: %v", err)
	}
	r, err := w.run(t, func(c *load.Config) { c.Symbols = []string{"BTCUSDT", "ETHUSDT"} })
	if load.ExitCodeOf(err) != load.ExitNothing || !strings.Contains(err.Error(), "no file of ETHUSDT") || r.Totals.Loaded != 1 {
		t.Errorf("no file of one of two symbols: %v, %+v", err, r.Totals)
	}
	w.load(t) // everything is loaded, which is fine
	if _, err := w.run(t, func(c *load.Config) { c.DataDir = filepath.Join(w.dir, "no such") }); load.ExitCodeOf(err) != load.ExitUsage {
		t.Errorf("no data dir: %v", err)
	}
}

func TestStrictEndsTheRunWithTheFirstBadFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.make(t, daily(t, um("BTCUSDT"), "2024-01-30", 10, 1), synth.Plain)
	w.put(t, "futures/um/BTCUSDT-aggTrades-2024-01-31.csv", "x\n")
	w.make(t, daily(t, um("BTCUSDT"), "2024-02-01", 10, 100), synth.Plain)
	r, err := w.run(t, func(c *load.Config) { c.Strict = true })
	if load.ExitCodeOf(err) != load.ExitSomeFailed {
		t.Errorf("%v", err)
	}
	want := map[string]string{"BTCUSDT-aggTrades-2024-01-30.csv": "success", "BTCUSDT-aggTrades-2024-01-31.csv": "failed", "BTCUSDT-aggTrades-2024-02-01.csv": "not reached"}
	if diff := cmp.Diff(want, statuses(r)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if n := w.ask(t, "SELECT count(*) FROM aggtrades_history"); n[0] != "10" {
		t.Errorf("%s rows", n)
	}
}

// TestCancelled ends a run at a commit, in the pause after it and while it waits for the lock; what was committed stays.
func TestCancelled(t *testing.T) {
	t.Parallel()
	stop := &load.SignalError{Signal: syscall.SIGTERM}
	setup := func(t *testing.T) (*world, context.Context, context.CancelCauseFunc) {
		t.Helper()
		w := newWorld(t)
		spec := daily(t, um("BTCUSDT"), "2024-01-01", 100, 1)
		for range 6 {
			w.make(t, spec, synth.Plain)
			spec = spec.Next()
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		t.Cleanup(func() { cancel(nil) })
		return w, ctx, cancel
	}
	check := func(t *testing.T, w *world, r *load.Report, err error) {
		t.Helper()
		if load.ExitCodeOf(err) != load.ExitTerminated || r.ExitCode != load.ExitTerminated {
			t.Errorf("%v, %+v", err, r)
		}
		status, serr := runstate.ReadStatus(runstate.StatusPath(filepath.Join(w.dir, "lock")))
		if serr != nil || !status.Ended() || status.ExitCode == nil || *status.ExitCode != load.ExitTerminated || !strings.Contains(status.Outcome, "SIGTERM") {
			t.Errorf("status %+v, %v", status, serr)
		}
		snapshot, serr := ledger.ReadSnapshot(ledger.PathFor(w.db))
		if serr != nil || len(snapshot.Runs) != 1 || snapshot.Runs[0].ExitCode != load.ExitTerminated || snapshot.Rows != r.Totals.Rows {
			t.Errorf("snapshot %+v, %v", snapshot, serr)
		}
		if n := w.ask(t, "SELECT (SELECT count(*) FROM aggtrades_history), (SELECT sum(rows_inserted) FROM ingestion_log WHERE status = 'success')"); n[0] != fmt.Sprintf("%d|%d", r.Totals.Rows, r.Totals.Rows) {
			t.Errorf("rows and rows by the ledger are %v, the report says %d", n, r.Totals.Rows)
		}
		if after := w.load(t); after.Totals.Rows+r.Totals.Rows != 600 {
			t.Errorf("the next run loaded %d rows after %d", after.Totals.Rows, r.Totals.Rows)
		}
	}
	t.Run("at a commit", func(t *testing.T) {
		t.Parallel()
		w, ctx, cancel := setup(t)
		r, err := load.Run(ctx, w.config(func(c *load.Config) {
			c.BatchRows = 1
			c.Progress = func(p load.Progress) {
				if p.FilesDone == 2 {
					cancel(stop)
				}
			}
		}))
		check(t, w, r, err)
		if r.Totals.Rows == 0 || r.Totals.Rows == 600 {
			t.Errorf("%d rows were committed", r.Totals.Rows)
		}
	})
	t.Run("in the pause after a commit", func(t *testing.T) {
		t.Parallel()
		w, ctx, cancel := setup(t)
		r, err := load.Run(ctx, w.config(func(c *load.Config) {
			c.BatchRows, c.Throttle = 1, time.Hour
			c.Progress = func(p load.Progress) {
				if p.FilesDone == 1 {
					go cancel(stop)
				}
			}
		}))
		check(t, w, r, err)
	})
	t.Run("while it waits for the lock", func(t *testing.T) {
		t.Parallel()
		w, ctx, cancel := setup(t)
		lock, err := runstate.Acquire(t.Context(), filepath.Join(w.dir, "lock"), 0)
		if err != nil {
			t.Fatal(err)
		}
		go cancel(stop)
		_, err = load.Run(ctx, w.config(func(c *load.Config) { c.Wait = time.Hour }))
		if load.ExitCodeOf(err) != load.ExitTerminated {
			t.Errorf("%v", err)
		}
		if err := lock.Release(); err != nil {
			t.Error(err)
		}
	})
}

func TestLockHeld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.make(t, daily(t, um("BTCUSDT"), "2024-01-01", 100, 1), synth.Plain)
	lock, err := runstate.Acquire(t.Context(), filepath.Join(w.dir, "lock"), 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.run(t)
	var held *runstate.HeldError
	if !errors.As(err, &held) || held.Holder.PID != os.Getpid() || load.ExitCodeOf(err) != load.ExitHeld {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(w.db); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the database was touched: %v", err)
	}
	w.load(t, func(c *load.Config) { c.DryRun = true }) // which changes nothing, and needs no lock
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	w.load(t)
}

// TestDatabaseHeld has somebody else's process in the way, who knows nothing of the lock.
func TestDatabaseHeld(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"write", "read"} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			spec := daily(t, um("BTCUSDT"), "2024-01-01", 100, 1)
			w.make(t, spec, synth.Plain)
			w.load(t)
			w.make(t, spec.Next(), synth.Plain)
			cmd := command(t, role, w.db)
			end := proctest.Start(t, cmd, "ready")
			_, err := w.run(t)
			if load.ExitCodeOf(err) != load.ExitHeld || store.KindOf(err) != store.KindHeld || !strings.Contains(err.Error(), fmt.Sprintf("is held open by PID %d (", cmd.Process.Pid)) {
				t.Errorf("%v, expected it to name PID %d", err, cmd.Process.Pid)
			}
			if role == "write" {
				_ = end()
				w.load(t)
				return
			}
			// A reader is waited for.
			c := w.config(func(c *load.Config) { c.OpenPatience = time.Hour })
			done := make(chan error, 1)
			go func() {
				_, err := load.Run(t.Context(), c)
				done <- err
			}()
			_ = end()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestStatusAndSnapshot are what checks read while the loader has the database, and after.
func TestStatusAndSnapshot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	spec := daily(t, um("BTCUSDT"), "2024-01-01", 100, 1)
	w.make(t, spec, synth.Plain)
	w.make(t, spec.Next(), synth.Zip)
	w.put(t, "futures/um/BTCUSDT-aggTrades-2024-01-03.csv", "x\n")
	statusPath := runstate.StatusPath(filepath.Join(w.dir, "lock"))
	var during []runstate.Status
	r, err := w.run(t, func(c *load.Config) {
		c.BatchRows, c.Heartbeat = 1, time.Millisecond
		c.Progress = func(p load.Progress) {
			if s, err := runstate.ReadStatus(statusPath); err == nil && p.FilesDone > 0 {
				during = append(during, s)
			}
		}
	})
	if load.ExitCodeOf(err) != load.ExitSomeFailed {
		t.Fatal(err)
	}
	s, err := runstate.ReadStatus(statusPath)
	if err != nil {
		t.Fatal(err)
	}
	if s.Phase != runstate.PhaseEnded || *s.ExitCode != load.ExitSomeFailed || s.FilesDone != 3 || s.FilesTotal != 3 || s.FilesFailed != 1 || s.Rows != 200 ||
		s.Database != w.db || s.DataDir != w.data || s.PID != os.Getpid() || s.BytesDone != s.BytesTotal || s.BytesTotal == 0 || !strings.Contains(s.Outcome, "some files failed") {
		t.Errorf("status at the end %+v", s)
	}
	if len(during) == 0 || during[0].Phase == runstate.PhaseEnded || during[0].EndedAt != nil {
		t.Errorf("status in between %+v", during)
	}
	snapshot, err := ledger.ReadSnapshot(ledger.PathFor(w.db))
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(w.db)
	if err != nil {
		t.Fatal(err)
	}
	if snapshot.StaleAgainst(info.Size(), info.ModTime()) {
		t.Error("the snapshot is of another state of the database")
	}
	if header, _, err := store.Fingerprint(w.db); err != nil || snapshot.DatabaseHeader != header {
		t.Errorf("the snapshot is of header %q, the database has %q, %v", snapshot.DatabaseHeader, header, err)
	}
	if snapshot.Rows != 200 || snapshot.FailedCount != 1 || len(snapshot.Series) != 1 || snapshot.Series[0].Loaded[0].Days() != 2 || len(snapshot.Runs) != 1 || snapshot.Runs[0].Rows != 200 {
		t.Errorf("snapshot %+v", snapshot)
	}
	var again load.Report
	text, err := json.Marshal(r)
	if err == nil {
		err = json.Unmarshal(text, &again)
	}
	if err != nil || len(again.Files) != 3 || again.ExitCode != 1 || again.Schema != load.ReportSchema {
		t.Errorf("the report as JSON: %s, %v", text, err)
	}
	w.run(t)
	if snapshot, err = ledger.ReadSnapshot(ledger.PathFor(w.db)); err != nil || len(snapshot.Runs) != 2 || snapshot.DatabaseHeader == "" {
		t.Errorf("after a second run: %+v, of header %q, %v", snapshot.Runs, snapshot.DatabaseHeader, err)
	}
}

// TestReconcile says what an earlier crash of another program left.
func TestReconcile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	spec := daily(t, um("BTCUSDT"), "2024-01-01", 100, 1)
	w.make(t, spec, synth.Plain)
	w.load(t)
	w.exec(t, "INSERT INTO aggtrades_history (agg_trade_id, timestamp, symbol, price, quantity, side, market) VALUES (101, TIMESTAMP '2024-01-02 00:00:00', 'BTCUSDT', 1, 1, 'buy', 'um')")
	next := spec.Next()
	w.make(t, next, synth.Plain)
	r := w.load(t)
	if !strings.Contains(w.log.String(), "the table holds rows that the ledger does not account for") || r.Totals.Conflicts != 1 {
		t.Errorf("%+v\n%s", r.Totals, w.log)
	}
	w.exec(t, "DELETE FROM aggtrades_history WHERE agg_trade_id < 50")
	w.make(t, next.Next(), synth.Plain)
	r = w.load(t)
	if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "accounts for 48 rows more than the table holds") {
		t.Errorf("warnings %q", r.Warnings)
	}
}

func TestFolderInPlaceOfAFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := w.make(t, daily(t, um("BTCUSDT"), "2024-01-01", 100, 1), synth.Plain)
	text := read(t, path)
	if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o755)); err != nil {
		t.Fatal(err)
	}
	r, err := w.run(t)
	if load.ExitCodeOf(err) != load.ExitNothing || len(r.Ignored) != 1 || r.Ignored[0].Reason != "a folder, not a file" {
		t.Errorf("%v, %+v", err, r)
	}
	if err := errors.Join(os.Remove(path), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	w.load(t)
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err  error
		want int
	}{
		"all is well":            {nil, 0},
		"some files failed":      {fmt.Errorf("%w: 1 of 2", load.ErrSomeFailed), 1},
		"usage":                  {fmt.Errorf("%w: x", load.ErrUsage), 2},
		"anything else":          {errors.New("x"), 3},
		"a damaged database":     {&store.Error{Kind: store.KindCorrupt}, 3},
		"a schema":               {&store.Error{Kind: store.KindSchema}, 3},
		"nothing to load":        {fmt.Errorf("%w: x", load.ErrNothing), 4},
		"the plan does not fit":  {&load.SpaceError{}, 5},
		"a full disk":            {fmt.Errorf("x: %w", &store.Error{Kind: store.KindNoSpace}), 5},
		"the lock is held":       {fmt.Errorf("x: %w", &runstate.HeldError{}), 75},
		"the database is held":   {&store.Error{Kind: store.KindHeld}, 75},
		"cancelled":              {context.Canceled, 130},
		"SIGINT":                 {&load.SignalError{Signal: syscall.SIGINT}, 130},
		"SIGTERM":                {fmt.Errorf("x: %w", &load.SignalError{Signal: syscall.SIGTERM}), 143},
		"SIGHUP":                 {&load.SignalError{Signal: syscall.SIGHUP}, 129},
		"SIGTERM on a full disk": {errors.Join(&store.Error{Kind: store.KindNoSpace}, &load.SignalError{Signal: syscall.SIGTERM}), 143},
	}
	for name, tt := range tests {
		if got := load.ExitCodeOf(tt.err); got != tt.want {
			t.Errorf("%s: %d, expected %d", name, got, tt.want)
		}
	}
	seen := map[int]bool{}
	for _, e := range load.ExitCodes() {
		if seen[e.Code] || e.Meaning == "" {
			t.Errorf("exit code %d is there twice or says nothing", e.Code)
		}
		seen[e.Code] = true
	}
}

// TestPanic has a run that panics in the middle of a transaction: it ends, says so, and nothing is lost or kept.
func TestPanic(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.make(t, daily(t, um("BTCUSDT"), "2024-03-01", 100, 1), synth.Plain)
	r, err := w.run(t, func(c *load.Config) {
		c.Now = func() time.Time {
			if bytes.Contains(debug.Stack(), []byte("load.(*run).write(")) {
				panic("planted")
			}
			return time.Now()
		}
	})
	if err == nil || err.Error() != "internal error, please report it: planted" || r.Error != err.Error() {
		t.Errorf("%v, report %+v", err, r)
	}
	if !strings.Contains(w.log.String(), "(*run).write") {
		t.Errorf("no stack in the log:\n%s", w.log)
	}
	if again := w.load(t); again.Totals.Rows != 100 {
		t.Errorf("the next run: %+v", again.Totals)
	}
}

// TestAccounted: the snapshot says that the ledger accounts for the table where it has the rows that were loaded and no others.
func TestAccounted(t *testing.T) {
	t.Parallel()
	const foreign = "INSERT INTO aggtrades_history (agg_trade_id, timestamp, symbol, price, quantity, side, market) VALUES (999, TIMESTAMP '2024-02-01', 'BTCUSDT', 1, 1, 'buy', 'um')"
	tests := map[string]struct {
		statements []string
		want       bool
	}{
		"only what was loaded":                  {nil, true},
		"a view beside it":                      {[]string{"CREATE VIEW v AS FROM aggtrades_history"}, true},
		"one row more":                          {[]string{foreign}, false},
		"one row less":                          {[]string{"DELETE FROM aggtrades_history WHERE agg_trade_id = 20"}, false},
		"a newer row in the place of another":   {[]string{"DELETE FROM aggtrades_history WHERE agg_trade_id = 20", foreign}, false},
		"a key":                                 {[]string{"CREATE UNIQUE INDEX i ON aggtrades_history(agg_trade_id)"}, false},
		"no market":                             {[]string{"ALTER TABLE aggtrades_history DROP COLUMN market"}, false},
		"an entry that the scripts might write": {[]string{"INSERT INTO ingestion_log (file_path, symbol, processed_at, row_count, status, rows_inserted) VALUES ('x', 'BTCUSDT', TIMESTAMP '2024-01-02', 0, 'success', 0)"}, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			spec := daily(t, um("BTCUSDT"), "2024-01-01", 100, 1)
			w.make(t, spec, synth.Plain)
			w.load(t)
			for _, statement := range tc.statements {
				w.exec(t, statement)
			}
			w.make(t, spec.Next(), synth.Plain)
			for _, does := range []string{"loads a file", "has nothing to do"} {
				w.load(t)
				if s, err := ledger.ReadSnapshot(ledger.PathFor(w.db)); err != nil || s.Accounted != tc.want || s.DatabaseHeader == "" {
					t.Errorf("after a run that %s: accounted %t, want %t; header %q, %v", does, s.Accounted, tc.want, s.DatabaseHeader, err)
				}
			}
		})
	}
}
