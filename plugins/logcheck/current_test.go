package logcheck

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/store"
)

// current leaves the snapshot that a run leaves which closed the database in good order.
func (w *world) current(entries ...ledger.Entry) {
	w.T.Helper()
	header, info, err := store.Fingerprint(w.Path)
	w.Must(err)
	s := ledger.Build(entries, []ledger.Run{endedRun("r9", 0)}, ledger.Meta{
		RunID: "r9", WrittenAt: ago(3 * time.Hour), Database: w.Path, DatabaseSize: info.Size(), DatabaseMTime: info.ModTime(), DatabaseHeader: header,
	})
	w.Must(s.Write(ledger.PathFor(w.Path)))
}

// spoil makes the database one that DuckDB does not open, and that nothing else tells from what it was.
func (w *world) spoil() {
	w.T.Helper()
	info, err := os.Stat(w.Path)
	w.Must(err)
	f, err := os.OpenFile(w.Path, os.O_WRONLY, 0)
	w.Must(err)
	_, err = f.WriteAt(make([]byte, info.Size()-3*4096), 3*4096)
	w.Must(err)
	w.Must(f.Close())
	w.Must(os.Chtimes(w.Path, info.ModTime(), info.ModTime()))
}

// TestSnapshotOfTheVeryDatabase: the check says the same, whether it opens the database or takes the snapshot for it, to which nobody wrote since.
func TestSnapshotOfTheVeryDatabase(t *testing.T) {
	t.Parallel()
	scripts := file("BTCUSDT", 3, func(e *ledger.Entry) { e.Market, e.Period = "", catalog.Period{} })
	tests := map[string]struct {
		entries []ledger.Entry
		args    []string
	}{
		"nothing":                   {nil, nil},
		"two files":                 {two(), nil},
		"one failed":                {append(two(), file("BTCUSDT", 3, failed)), []string{"-v"}},
		"one in part":               {append(two(), file("BTCUSDT", 3, partial)), []string{"-v"}},
		"of one symbol":             {append(two(), file("ETHUSDT", 2, failed), file("BTCUSDT", 3, partial)), []string{"--symbol=ETHUSDT", "-v"}},
		"of one market":             {append(two(), file("ETHUSDT", 2, failed)), []string{"--market=spot"}},
		"the scripts' files":        {append(two(), scripts), nil},
		"a success in the future":   {append(two(), file("BTCUSDT", 3, func(e *ledger.Entry) { e.ProcessedAt = at().AddDate(1, 0, 0) })), nil},
		"a success that has passed": {two(), []string{"-c", "success_age=12h"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.loaded(tc.entries...)
			w.ran(0, "fine")
			code, out := run(w.Args(tc.args...)...)
			if strings.Contains(out, "cannot be read") {
				t.Fatal(out)
			}
			w.current(tc.entries...)
			w.spoil()
			if again, by := run(w.Args(tc.args...)...); again != code || by != out {
				t.Errorf("by the snapshot: exit code %d\n%s\nby the database: exit code %d\n%s", again, by, code, out)
			}
		})
	}
}

// TestSnapshotOfAnotherState: whatever happened to the database since, the snapshot is not taken for it.
func TestSnapshotOfAnotherState(t *testing.T) {
	t.Parallel()
	lie := []ledger.Entry{file("BTCUSDT", 4, failed)}
	tests := map[string]struct {
		change func(w *world)
		want   string
		args   []string
	}{
		"somebody wrote to it": {func(w *world) { w.Execute("DELETE FROM ingestion_log WHERE symbol = 'ETHUSDT'") }, "OK: 1 file loaded, none failed", nil},
		"somebody wrote to it and set its time back": {func(w *world) {
			info, err := os.Stat(w.Path)
			w.Must(err)
			w.Execute("DELETE FROM ingestion_log WHERE symbol = 'ETHUSDT'")
			w.Must(os.Chtimes(w.Path, info.ModTime(), info.ModTime()))
		}, "OK: 1 file loaded, none failed", nil},
		"somebody wrote to it and was killed": {func(w *world) { w.Killed("write DELETE FROM ingestion_log WHERE symbol = 'ETHUSDT'") }, "OK: 1 file loaded, none failed", nil},
		"another user put it there": {func(w *world) {
			if os.Geteuid() != 0 {
				w.T.Skip("needs root, to act as two users")
			}
			w.Must(os.Chown(ledger.PathFor(w.Path), 65534, 65534))
		}, "OK: 2 files loaded, none failed", nil},
		"a run that did not know": {func(w *world) { w.snapshot("r9", 3*time.Hour, nil, lie...) }, "OK: 2 files loaded, none failed", nil},
		"the list is cut": {func(w *world) {
			header, info, err := store.Fingerprint(w.Path)
			w.Must(err)
			s := ledger.Build(lie, nil, ledger.Meta{DatabaseSize: info.Size(), DatabaseMTime: info.ModTime(), DatabaseHeader: header, WrittenAt: at()})
			s.FailedCount++
			w.Must(s.Write(ledger.PathFor(w.Path)))
		}, "OK: 1 file loaded, none failed", []string{"--symbol=BTCUSDT"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.loaded(two()...)
			w.ran(0, "fine")
			w.current(lie...)
			if _, out := run(w.Args()...); !strings.HasPrefix(out, "INGEST LOG CRITICAL: 1 file failed") {
				t.Fatalf("the snapshot is not used: %s", out)
			}
			tc.change(w)
			if _, out := run(w.Args(tc.args...)...); !strings.HasPrefix(out, "INGEST LOG "+tc.want) {
				t.Errorf("%s\nwant %s", out, tc.want)
			}
		})
	}
}
