package verify_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/check-ingest/check-ingest/ingest/load"
	"github.com/check-ingest/check-ingest/ingest/verify"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/proctest"
	"github.com/check-ingest/check-ingest/internal/store"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// TestStopped stops a verification before each of its steps: it says how far it got, and claims nothing of the rest.
func TestStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.days(t, catalog.UM, "BTCUSDT", "2024-03-01", 3, 500, synth.UMHeader)
	w.load(t)
	change(t, w.db, set("price = 0", "agg_trade_id = 1000100"), remove("agg_trade_id = 1000200"))
	for step, want := range map[string]verify.Checked{
		"reading rows":              {Values: verify.Nothing, RepeatedIDs: verify.Nothing, Ledger: verify.Nothing, Holes: verify.Nothing, Neighbours: verify.Nothing},
		"looking for repeated ids":  {Values: verify.Wholly, RepeatedIDs: verify.Nothing, Ledger: verify.Nothing, Holes: verify.Nothing, Neighbours: verify.Nothing},
		"comparing with the ledger": {Values: verify.Wholly, RepeatedIDs: verify.Wholly, Ledger: verify.Nothing, Holes: verify.Nothing, Neighbours: verify.Nothing},
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		stop := &load.SignalError{Signal: syscall.SIGINT}
		r, err := verify.Run(ctx, config(w.db, func(c *verify.Config) {
			c.Progress = func(p verify.Progress) {
				if p.Step == step {
					cancel(stop)
				}
			}
		}))
		cancel(nil)
		if !errors.Is(err, stop) || load.ExitCodeOf(err) != 130 || r.Checked != want {
			t.Errorf("%s: %v, %+v", step, err, r.Checked)
		}
		if n := len(r.Defects); (want.Values == verify.Wholly) != (n == 1) {
			t.Errorf("%s: %d defects", step, n)
		}
		if text := string(r.Text()); strings.Contains(text, "ound:") || !strings.Contains(text, "stopped by SIGINT") {
			t.Errorf("%s:\n%s", step, text)
		}
	}
}

// TestHeldByAWriter names who writes to the database.
func TestHeldByAWriter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.days(t, catalog.UM, "BTCUSDT", "2024-03-01", 1, 10, synth.UMHeader)
	w.load(t)
	cmd := command(t, "hold", w.db)
	end := proctest.Start(t, cmd, "ready")
	r, err := verify.Run(t.Context(), config(w.db))
	var held *store.Error
	if !errors.As(err, &held) || held.Kind != store.KindHeld || held.Holder != cmd.Process.Pid || load.ExitCodeOf(err) != 75 || r.Error == "" {
		t.Errorf("%v", err)
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	if r := run(t, w.db); r.Rows != 10 {
		t.Errorf("%d rows afterwards", r.Rows)
	}
}

// TestDatabasesThatCannotBeUsed says what is wrong with them.
func TestDatabasesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	other := filepath.Join(dir, "other.duckdb")
	change(t, other, "CREATE TABLE t (i INTEGER)")
	text := filepath.Join(dir, "text.duckdb")
	if err := os.WriteFile(text, []byte("agg_trade_id,price\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]store.Kind{filepath.Join(dir, "none.duckdb"): store.KindMissing, other: store.KindSchema, text: store.KindNotDuckDB, dir: store.KindNotRegular} {
		r, err := verify.Run(t.Context(), config(path))
		if store.KindOf(err) != want || load.ExitCodeOf(err) != 3 || r.Error == "" {
			t.Errorf("%s: %v", path, err)
		}
		if _, err := json.Marshal(r); err != nil {
			t.Error(err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("it left something behind: %v, %v", entries, err)
	}
}

// TestAReaderSuffices verifies as a user who may read the database and nothing else, and looks at what is left behind.
func TestAReaderSuffices(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root to become another user")
	}
	dir, err := os.MkdirTemp("", "verify-reader-") // whose parents everybody may enter, unlike those of t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	w := newWorld(t)
	w.days(t, catalog.UM, "BTCUSDT", "2024-03-01", 2, 10, synth.UMHeader)
	w.load(t)
	data, err := os.ReadFile(w.db)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "trades.duckdb")
	if err := errors.Join(os.WriteFile(path, data, 0o644), os.Chmod(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	self, err := os.ReadFile(must(os.Executable()))
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "verify.test")
	if err := os.WriteFile(program, self, 0o755); err != nil {
		t.Fatal(err)
	}
	for parent := filepath.Dir(program); strings.HasPrefix(parent, os.TempDir()) && parent != os.TempDir(); parent = filepath.Dir(parent) {
		if err := os.Chmod(parent, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env, cmd.Dir = command(t, "verify", path).Env, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Sound: no defect") {
		t.Errorf("%v\n%s", err, out)
	}
	after, err := os.ReadFile(path)
	if entries, rerr := os.ReadDir(dir); err != nil || rerr != nil || len(entries) != 1 || string(after) != string(data) {
		t.Errorf("it left something behind: %v", entries)
	}
}

func must(s string, err error) string {
	if err != nil {
		panic(err)
	}
	return s
}

// TestMemoryIsBounded verifies some million rows, each of them twice, in the least memory that may be asked for.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes minutes with the race detector, and runs what other tests run")
	}
	w := newWorld(t)
	insert := `INSERT INTO aggtrades_history SELECT 5000000 + i, TIMESTAMP '2024-01-01' + i * INTERVAL 43 MILLISECOND, 'BTCUSDT', 100 + i % 1000, i % 77 + 1, 'buy' FROM range(2000000) r(i)`
	change(t, w.db, "CREATE TABLE aggtrades_history (agg_trade_id BIGINT, timestamp TIMESTAMP, symbol VARCHAR, price DECIMAL(18, 8), quantity DECIMAL(18, 8), side VARCHAR)", insert, insert)
	r := run(t, w.db, func(c *verify.Config) { c.MemoryLimit = 256 << 20 })
	if diff := found(r.Defects, r.Warnings); len(diff) != 1 || diff["BTCUSDT repeated_row"] != 2_000_000 || r.Rows != 4_000_000 {
		t.Errorf("%d rows, %v", r.Rows, diff)
	}
}
