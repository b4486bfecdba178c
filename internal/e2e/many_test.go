package e2e

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// TestManyLoaders starts loads of the same files at once, on one lock or each on its own. Whoever is not first ends with 75 or finds all loaded, and
// every trade is there once.
func TestManyLoaders(t *testing.T) {
	t.Parallel()
	for _, n := range []int{2, 5, 20} {
		for _, locks := range []int{1, n} {
			t.Run(fmt.Sprintf("%d loaders, locks: %d", n, locks), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				next := spec(catalog.UM, "BTCUSDT", january, 2000, 1)
				for range 5 {
					next = w.make(t, next, synth.Plain)
				}
				w.run(t, 0, "--end-date", "2024-01-01")
				outs, cmds := make([]bytes.Buffer, n), make([]*exec.Cmd, n)
				for i := range cmds {
					one := *w
					if locks > 1 {
						one.lock = fmt.Sprintf("%s-%d", w.lock, i)
					}
					cmds[i] = one.command(t.Context(), &outs[i], "--wait", "0", "--batch-rows", "1")
					if err := cmds[i].Start(); err != nil {
						t.Fatal(err)
					}
				}
				ended := map[int]int{}
				for i, cmd := range cmds {
					code := exitCode(t, cmd.Wait())
					ended[code]++
					if held := strings.Contains(outs[i].String(), "held"); code != 0 && (code != 75 || !held) {
						t.Errorf("exit code %d: %s", code, &outs[i])
					}
				}
				if ended[0] == 0 {
					t.Errorf("none was first: %v", ended)
				}
				if got := w.ask(t, "SELECT count(*), count(DISTINCT agg_trade_id) FROM aggtrades_history"); got[0] != "10000|10000" {
					t.Errorf("rows and ids: %v", got)
				}
				if got := w.ask(t, "SELECT count(*), sum(rows_inserted), sum(attempts) FROM ingestion_log"); got[0] != "5|10000|5" {
					t.Errorf("entries, rows and attempts of the ledger: %v", got)
				}
			})
		}
	}
}

// TestManyCreate has five loads that all find no database, each on its own lock.
func TestManyCreate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.make(t, spec(catalog.UM, "BTCUSDT", january, 2000, 1), synth.Plain)
	outs, cmds := make([]bytes.Buffer, 5), make([]*exec.Cmd, 5)
	for i := range cmds {
		one := *w
		one.lock = fmt.Sprintf("%s-%d", w.lock, i)
		cmds[i] = one.command(t.Context(), &outs[i])
		if err := cmds[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	for i, cmd := range cmds {
		if code := exitCode(t, cmd.Wait()); code != 0 && code != 75 {
			t.Errorf("exit code %d: %s", code, &outs[i])
		}
	}
	w.run(t, 0)
	if got := w.ask(t, "SELECT count(*), count(DISTINCT agg_trade_id) FROM aggtrades_history"); got[0] != "2000|2000" {
		t.Errorf("rows and ids: %v", got)
	}
	if left, _ := filepath.Glob(w.db + ".new-*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestHeldByAnotherProgram has a reader and a writer of another program hold the database before the load, and try to open it during one.
func TestHeldByAnotherProgram(t *testing.T) {
	t.Parallel()
	hold := func(t *testing.T, w *world, options string) *exec.Cmd {
		t.Helper()
		holder := exec.CommandContext(t.Context(), "hold", w.db+options, filepath.Join(w.dir, "held"))
		if err := holder.Start(); err != nil {
			t.Fatal(err)
		}
		if _, ok := await(filepath.Join(w.dir, "held"), func(string) bool { return true }); !ok {
			t.Fatal("it never held the database")
		}
		return holder
	}
	end := func(t *testing.T, holder *exec.Cmd) {
		t.Helper()
		if err := holder.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = holder.Wait() // killed
	}
	loaded := func(t *testing.T) *world {
		t.Helper()
		w := newWorld(t)
		next := w.make(t, spec(catalog.UM, "BTCUSDT", january, 1000, 1), synth.Plain)
		w.run(t, 0)
		next = w.make(t, next, synth.Plain)
		w.make(t, next, synth.Plain)
		return w
	}
	t.Run("a writer", func(t *testing.T) {
		t.Parallel()
		w := loaded(t)
		holder := hold(t, w, "")
		out := w.run(t, 75)
		if !strings.Contains(out, fmt.Sprintf("is held open by PID %d (", holder.Process.Pid)) {
			t.Errorf("it said: %s", out)
		}
		end(t, holder)
		w.run(t, 0)
		if got := w.ask(t, "SELECT count(*) FROM aggtrades_history"); got[0] != "3000" {
			t.Errorf("%s rows", got)
		}
	})
	t.Run("a reader that goes away", func(t *testing.T) {
		t.Parallel()
		w := loaded(t)
		holder := hold(t, w, "?access_mode=READ_ONLY")
		log := filepath.Join(w.dir, "log")
		f, err := os.Create(log)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var out bytes.Buffer
		cmd := w.command(t.Context(), &out)
		cmd.Stderr = f
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if text, ok := await(log, func(s string) bool { return strings.Contains(s, "waiting for a reader of the database") }); !ok {
			t.Errorf("it said: %s", text)
		}
		end(t, holder)
		if code := exitCode(t, cmd.Wait()); code != 0 {
			t.Errorf("exit code %d: %s", code, &out)
		}
	})
	t.Run("during the load", func(t *testing.T) {
		t.Parallel()
		w := loaded(t)
		var out bytes.Buffer
		cmd := w.command(t.Context(), &out, "--batch-rows", "1", "--throttle", "1h")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		w.awaitStatus(t, func(s runstate.Status) bool { return s.FilesDone == 1 && !s.Ended() })
		for _, options := range []string{"", "?access_mode=READ_ONLY"} {
			if pool, err := sql.Open("duckdb", w.db+options); err == nil {
				t.Errorf("%q could be opened during a load", options)
				_ = pool.Close()
			} else if !strings.Contains(err.Error(), "Conflicting lock is held") {
				t.Error(err)
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed
		w.run(t, 0)
		if got := w.ask(t, "SELECT count(*), count(DISTINCT agg_trade_id) FROM aggtrades_history"); got[0] != "3000|3000" {
			t.Errorf("rows and ids: %v", got)
		}
	})
}
