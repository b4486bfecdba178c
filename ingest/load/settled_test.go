package load_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/ingest/load"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/proctest"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// settledWorld is a database that a load and a run without anything to do left.
func settledWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	for _, symbol := range []string{"BTCUSDT", "ETHUSDT"} {
		day := daily(t, um(symbol), "2024-03-01", 50, 1)
		w.make(t, day, synth.Plain)
		w.make(t, day.Next().Next(), synth.Plain) // and a day is missing
	}
	w.put(t, "BTCUSDT-aggTrades-2024-3-7.csv", "1,1,1,1,1,1,true\n") // a name that no file of trades has
	w.load(t)
	if r := w.load(t); r.Totals.Loaded != 0 || r.Totals.Skipped != 4 {
		t.Fatalf("totals %+v, expected that all was skipped", r.Totals)
	}
	return w
}

// spoil makes the database unreadable behind its headers and leaves its time as it was, so that whoever opens it fails.
func (w *world) spoil(t *testing.T) {
	t.Helper()
	info, err := os.Stat(w.db)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(w.db, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(make([]byte, info.Size()-3*4096), 3*4096); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(w.db, time.Time{}, info.ModTime()); err != nil {
		t.Fatal(err)
	}
}

// TestNothingToDoTwice: the second run in a row that has nothing to do does not open the database, and says the same.
func TestNothingToDoTwice(t *testing.T) {
	t.Parallel()
	w := settledWorld(t)
	asText := func(r *load.Report) string {
		text, err := json.MarshalIndent(r, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		text = regexp.MustCompile(`"(run_id|started_at|ended_at|seconds|load_seconds)": [^\n]*`).ReplaceAll(text, nil)
		return regexp.MustCompile(`loaded (before )?20\d\d-\d\d-\d\d \d\d:\d\d:\d\d`).ReplaceAllString(string(text), "loaded")
	}
	remove := func() {
		if err := os.Remove(ledger.PathFor(w.db)); err != nil {
			t.Fatal(err)
		}
	}
	remove()
	asked := asText(w.load(t))
	w.spoil(t)
	if diff := cmp.Diff(asked, asText(w.load(t))); diff != "" {
		t.Errorf("the run that asked the database, and the one that did not:\n%s", diff)
	}
	s, err := ledger.ReadSnapshot(ledger.PathFor(w.db))
	if err != nil || s.Settled == nil || s.Settled.Files != 4 || len(s.Runs) != 2 || s.Runs[1].FilesSkipped != 4 {
		t.Errorf("the snapshot is %+v, %v", s, err)
	}
	remove()
	if _, err := w.run(t); err == nil {
		t.Error("the spoiled database was not opened without a snapshot, so nothing above means anything")
	}
}

// TestWhatHasTheDatabaseAsked is all that may have changed since a run found nothing to do: the next one opens the database, which fails here.
func TestWhatHasTheDatabaseAsked(t *testing.T) {
	t.Parallel()
	nothing := func(*load.Config) {}
	change := func(f func(*world) error) func(*world) (func(*load.Config), error) {
		return func(w *world) (func(*load.Config), error) { return nothing, f(w) }
	}
	asking := func(f func(*load.Config)) func(*world) (func(*load.Config), error) {
		return func(*world) (func(*load.Config), error) { return f, nil }
	}
	file := func(w *world) string {
		return filepath.Join(w.data, "data/futures/um/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-03-01.csv")
	}
	beside := func(w *world) string { return filepath.Join(w.data, filepath.Base(file(w))) }
	another := daily(t, um("BTCUSDT"), "2024-03-02", 5, 51)
	first, last := catalog.Day(0), catalog.Day(30_000)
	tests := map[string]func(*world) (func(*load.Config), error){
		"a file was touched": change(func(w *world) error { return os.Chtimes(file(w), time.Time{}, time.Now().Add(-time.Hour)) }),
		"a file grew":        change(func(w *world) error { return os.Truncate(file(w), 100_000) }),
		"a file is gone":     change(func(w *world) error { return os.Remove(file(w)) }),
		"a file was moved":   change(func(w *world) error { return os.Rename(file(w), beside(w)) }),
		"a file is new": change(func(w *world) error {
			_, err := synth.WriteFile(w.data, synth.Mirror, another, synth.Plain)
			return err
		}),
		"a copy is new":               change(func(w *world) error { return os.Link(file(w), beside(w)) }),
		"the database was written to": change(func(w *world) error { return os.Chtimes(w.db, time.Time{}, time.Now()) }),
		"it has another header": change(func(w *world) error {
			info, err := os.Stat(w.db)
			if err != nil {
				return err
			}
			f, err := os.OpenFile(w.db, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt([]byte{1}, 4100)
			return errors.Join(err, f.Close(), os.Chtimes(w.db, time.Time{}, info.ModTime()))
		}),
		"it has a log":               change(func(w *world) error { return os.WriteFile(w.db+".wal", []byte("x"), 0o600) }),
		"a killed load's files":      change(func(w *world) error { return os.Mkdir(w.db+".tmp", 0o700) }),
		"the snapshot is gone":       change(func(w *world) error { return os.Remove(ledger.PathFor(w.db)) }),
		"the snapshot is no JSON":    change(func(w *world) error { return os.WriteFile(ledger.PathFor(w.db), []byte("{"), 0o600) }),
		"the snapshot is another's":  change(func(w *world) error { return os.Chown(ledger.PathFor(w.db), 12345, -1) }),
		"other symbols are wanted":   asking(func(c *load.Config) { c.Symbols = []string{"BTCUSDT"} }),
		"a first day is wanted":      asking(func(c *load.Config) { c.First = &first }),
		"a last day is wanted":       asking(func(c *load.Config) { c.Last = &last }),
		"the program is another one": asking(func(c *load.Config) { c.Version = "other" }),
		"files without a market are": asking(func(c *load.Config) { c.Market = catalog.Spot }),
	}
	for name, prepare := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := settledWorld(t)
			w.spoil(t)
			changes, err := prepare(w)
			if errors.Is(err, fs.ErrPermission) {
				t.Skip("not root: files cannot be given away")
			}
			if err != nil {
				t.Fatal(err)
			}
			if r, err := w.run(t, changes); err == nil {
				t.Errorf("the database was not asked: %+v", r.Totals)
			}
		})
	}
}

// TestHeldWhileNothingIsToDo: that another program holds the database for writing is said, as by any other run. A reader is in nobody's way.
func TestHeldWhileNothingIsToDo(t *testing.T) {
	t.Parallel()
	for role, want := range map[string]int{"write": load.ExitHeld, "read": 0} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			w := settledWorld(t)
			proctest.Start(t, command(t, role, w.db), "ready")
			if _, err := w.run(t); load.ExitCodeOf(err) != want {
				t.Errorf("exit code %d, expected %d: %v", load.ExitCodeOf(err), want, err)
			}
		})
	}
}
