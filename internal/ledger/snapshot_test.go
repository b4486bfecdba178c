package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/smallfile"
)

// btc is the series of most entries here.
var btc = catalog.Series{Market: catalog.UM, Symbol: "BTCUSDT"}

// day is a UTC day such as "2025-01-31".
func day(tb testing.TB, s string) catalog.Day {
	tb.Helper()
	d, err := catalog.ParseDay(s)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// days are periods, each a day or first..last.
func days(tb testing.TB, all ...string) []catalog.Period {
	tb.Helper()
	periods := []catalog.Period{}
	for _, s := range all {
		first, last, more := strings.Cut(s, "..")
		p := catalog.DayPeriod(day(tb, first))
		if more {
			p.End = day(tb, last) + 1
		}
		periods = append(periods, p)
	}
	return periods
}

// loaded is the entry of a file that was loaded whole: ids first to last, all of them.
func loaded(tb testing.TB, period string, first, last int64) Entry {
	tb.Helper()
	p := days(tb, period)[0]
	return Entry{
		FilePath: "/data/" + period, Symbol: btc.Symbol, Market: btc.Market, Period: p, Status: Success,
		ProcessedAt: p.End.Time().Add(time.Hour), RowCount: last - first + 1, RowsInserted: last - first + 1, FileSize: 100,
		FirstID: first, LastID: last, FirstTradeAt: p.First.Time(), LastTradeAt: p.End.Time().Add(-time.Microsecond), Attempts: 1,
	}
}

func TestBuildOneSeries(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		entries     []Entry
		loaded      []string
		daysMissing []string
		idsMissing  int64
		firstID     int64
		lastID      int64
		rows        int64
	}{
		"contiguous files, in any order": {
			entries: []Entry{loaded(t, "2025-01-02", 11, 20), loaded(t, "2025-01-03", 21, 30), loaded(t, "2025-01-01", 1, 10)},
			loaded:  []string{"2025-01-01..2025-01-03"},
			firstID: 1, lastID: 30, rows: 30,
		},
		"a day and its ids between files": {
			entries: []Entry{loaded(t, "2025-01-01", 1, 10), loaded(t, "2025-01-03", 21, 30)},
			loaded:  []string{"2025-01-01", "2025-01-03"}, daysMissing: []string{"2025-01-02"}, idsMissing: 10,
			firstID: 1, lastID: 30, rows: 20,
		},
		"ids between files, and no day": {
			entries: []Entry{loaded(t, "2025-01-01", 1, 10), loaded(t, "2025-01-02", 13, 20)},
			loaded:  []string{"2025-01-01..2025-01-02"}, idsMissing: 2,
			firstID: 1, lastID: 20, rows: 18,
		},
		"days and ids inside a month": {
			entries: []Entry{with(loaded(t, "2025-01-01..2025-01-31", 1, 100), func(e *Entry) {
				e.DaysMissing, e.IDsMissing, e.RowsInserted = []catalog.Day{day(t, "2025-01-05"), day(t, "2025-01-06"), day(t, "2025-01-31")}, 20, 80
			})},
			loaded: []string{"2025-01-01..2025-01-31"}, daysMissing: []string{"2025-01-05..2025-01-06", "2025-01-31"}, idsMissing: 20,
			firstID: 1, lastID: 100, rows: 80,
		},
		"a day that one file lacks and another has": {
			entries: []Entry{
				with(loaded(t, "2025-01-01..2025-01-31", 1, 100), func(e *Entry) { e.DaysMissing = []catalog.Day{day(t, "2025-01-05")} }),
				loaded(t, "2025-01-05", 101, 110),
			},
			loaded:  []string{"2025-01-01..2025-01-31"},
			firstID: 1, lastID: 110, rows: 110,
		},
		"files that overlap": {
			entries: []Entry{loaded(t, "2025-01-01..2025-01-31", 1, 100), loaded(t, "2025-01-05", 20, 30), loaded(t, "2025-02-01", 101, 110)},
			loaded:  []string{"2025-01-01..2025-02-01"},
			firstID: 1, lastID: 110, rows: 121,
		},
		"a file without a row": {
			entries: []Entry{
				loaded(t, "2025-01-01", 1, 10),
				with(loaded(t, "2025-01-02", -1, -1), func(e *Entry) { e.RowsInserted, e.DaysMissing = 0, []catalog.Day{day(t, "2025-01-02")} }),
			},
			loaded: []string{"2025-01-01..2025-01-02"}, daysMissing: []string{"2025-01-02"},
			firstID: 1, lastID: 10, rows: 10,
		},
		"nothing but a file without a row": {
			entries: []Entry{with(loaded(t, "2025-01-02", -1, -1), func(e *Entry) { e.RowsInserted = 0 })},
			loaded:  []string{"2025-01-02"},
			firstID: -1, lastID: -1,
		},
		"a partial file counts, a failed one does not": {
			entries: []Entry{
				with(loaded(t, "2025-01-01", 1, 10), func(e *Entry) { e.Status, e.RowsInserted = Partial, 9 }),
				with(loaded(t, "2025-01-02", 11, 20), func(e *Entry) { e.Status = Failed }),
			},
			loaded:  []string{"2025-01-01"},
			firstID: 1, lastID: 10, rows: 9,
		},
		"counts that would overflow": {
			entries: []Entry{
				with(loaded(t, "2025-01-01", 0, 0), func(e *Entry) { e.IDsMissing = math.MaxInt64 }),
				with(loaded(t, "2025-01-02", math.MaxInt64, math.MaxInt64), func(e *Entry) { e.IDsMissing = math.MaxInt64 }),
			},
			loaded: []string{"2025-01-01..2025-01-02"}, idsMissing: math.MaxInt64,
			firstID: 0, lastID: math.MaxInt64, rows: 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := Build(test.entries, nil, Meta{})
			if len(s.Series) != 1 {
				t.Fatalf("series: %+v", s.Series)
			}
			got := s.Series[0]
			if diff := cmp.Diff(days(t, test.loaded...), got.Loaded); diff != "" {
				t.Errorf("loaded (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(days(t, test.daysMissing...), got.DaysMissing); diff != "" {
				t.Errorf("days missing (-want +got):\n%s", diff)
			}
			if got.IDsMissing != test.idsMissing || got.FirstID != test.firstID || got.LastID != test.lastID || got.Rows != test.rows || s.Rows != test.rows {
				t.Errorf("got %+v", got)
			}
			if err := s.check(); err != nil {
				t.Errorf("what was built would not be read: %v", err)
			}
		})
	}
}

// with changes a copy of an entry.
func with(e Entry, change func(*Entry)) Entry {
	change(&e)
	return e
}

// full is a snapshot with something in every field.
func full(tb testing.TB) Snapshot {
	tb.Helper()
	at := day(tb, "2025-03-01").Time()
	eth := func(e *Entry) { e.Symbol = "ETHUSDT" }
	entries := []Entry{
		loaded(tb, "2025-01-02", 11, 20),
		with(loaded(tb, "2025-01-01", 1, 10), func(e *Entry) {
			e.Status, e.ErrorMessage, e.RowsInserted, e.RowsConflict, e.ProcessedAt = Partial, "2 rows in conflict", 8, 2, at
		}),
		with(loaded(tb, "2025-01-01", 5, 6), eth),
		with(loaded(tb, "2025-01-01", 7, 9), func(e *Entry) { e.Market = catalog.Spot }),
		{FilePath: "/data/bad", Symbol: "ETHUSDT", Market: catalog.UM, Period: days(tb, "2025-01-09")[0], Status: Failed, ErrorMessage: "truncated", ProcessedAt: at, Attempts: 3},
		{FilePath: "/data/bad later", Symbol: "ETHUSDT", Market: catalog.UM, Period: days(tb, "2025-01-10")[0], Status: Failed, ErrorMessage: "truncated", ProcessedAt: at.Add(time.Hour)},
		{FilePath: "/old/a.csv", Symbol: "BTCUSDT", Status: Success, RowCount: 1000, FileSize: 5000, ProcessedAt: at},
		{FilePath: "/old/b.csv", Symbol: "BTCUSDT", Status: Failed, ErrorMessage: "old", ProcessedAt: at.Add(-time.Hour)},
	}
	runs := []Run{
		{ID: "r1", StartedAt: at, EndedAt: at.Add(time.Minute), ExitCode: 1, FilesLoaded: 2, FilesFailed: 1, FilesSkipped: 3, Rows: 18, Bytes: 200, Seconds: 60.5},
		{ID: "r2", StartedAt: at.Add(time.Hour)},
	}
	return Build(entries, runs, Meta{
		Version: "1.2.3", RunID: "r2", WrittenAt: at.Add(2 * time.Hour).In(time.FixedZone("", 3600)), Database: "/db/x.duckdb",
		DatabaseSize: 12345, DatabaseMTime: at.Add(123456789 * time.Nanosecond), BytesDatabase: 999,
	})
}

func TestBuildEverything(t *testing.T) {
	t.Parallel()
	at := day(t, "2025-03-01").Time()
	state := func(series catalog.Series, period string, files int, first, last, rows int64, success time.Time) SeriesState {
		p := days(t, period)
		return SeriesState{
			Series: series, Loaded: p, Files: files, Rows: rows, FirstID: first, LastID: last, FirstAt: p[0].First.Time(),
			LastAt: p[0].End.Time().Add(-time.Microsecond), LastSuccess: success, DaysMissing: days(t), SourceBytes: int64(files) * 100,
		}
	}
	want := Snapshot{
		Schema: 1, Version: "1.2.3", RunID: "r2", WrittenAt: at.Add(2 * time.Hour), Database: "/db/x.duckdb",
		DatabaseSize: 12345, DatabaseMTime: at.Add(123456789 * time.Nanosecond), BytesDatabase: 999,
		Series: []SeriesState{
			state(catalog.Series{Market: catalog.Spot, Symbol: "BTCUSDT"}, "2025-01-01", 1, 7, 9, 3, day(t, "2025-01-02").Time().Add(time.Hour)),
			state(btc, "2025-01-01..2025-01-02", 2, 1, 20, 18, day(t, "2025-01-03").Time().Add(time.Hour)),
			state(catalog.Series{Market: catalog.UM, Symbol: "ETHUSDT"}, "2025-01-01", 1, 5, 6, 2, day(t, "2025-01-02").Time().Add(time.Hour)),
		},
		Scripts: ScriptsState{Files: 1, Rows: 1000, SourceBytes: 5000, LastSuccess: at},
		Failed: []FileState{
			{Path: "/data/bad later", Market: catalog.UM, Symbol: "ETHUSDT", Period: days(t, "2025-01-10")[0], Status: Failed, Error: "truncated", At: at.Add(time.Hour)},
			{Path: "/data/bad", Market: catalog.UM, Symbol: "ETHUSDT", Period: days(t, "2025-01-09")[0], Status: Failed, Error: "truncated", At: at, Attempts: 3},
			{Path: "/old/b.csv", Symbol: "BTCUSDT", Status: Failed, Error: "old", At: at.Add(-time.Hour)},
			{Path: "/data/2025-01-01", Market: catalog.UM, Symbol: "BTCUSDT", Period: days(t, "2025-01-01")[0], Status: Partial, Error: "2 rows in conflict", At: at, Attempts: 1, Conflict: 2},
		},
		FailedCount: 3, PartialCount: 1, BytesIn: 5400, BytesCSV: 5000 + CSVBytes("a.zip", 400), Rows: 1023,
		Runs: []Run{
			{ID: "r1", StartedAt: at, EndedAt: at.Add(time.Minute), ExitCode: 1, FilesLoaded: 2, FilesFailed: 1, FilesSkipped: 3, Rows: 18, Bytes: 200, Seconds: 60.5},
			{ID: "r2", StartedAt: at.Add(time.Hour)},
		},
	}
	got := full(t)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	path := PathFor(filepath.Join(t.TempDir(), "x.duckdb"))
	if filepath.Base(path) != "x.duckdb.ledger.json" {
		t.Errorf("path %s", path)
	}
	for range 2 { // absent, then present
		if err := got.Write(path); err != nil {
			t.Fatal(err)
		}
	}
	read, err := ReadSnapshot(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, read); diff != "" {
		t.Errorf("written and read (-want +got):\n%s", diff)
	}
}

func TestBuildOfNothing(t *testing.T) {
	t.Parallel()
	s := Build(nil, nil, Meta{DatabaseSize: 7})
	if s.BytesDatabase != 7 {
		t.Errorf("without a better figure, the data takes %d of 7 bytes", s.BytesDatabase)
	}
	data, err := json.Marshal(s)
	if err != nil || strings.Contains(string(data), "null") {
		t.Errorf("%s, %v", data, err)
	}
	if _, err := parseSnapshot(data); err != nil {
		t.Error(err)
	}
}

// A load of the future, since the clock was wrong, does not hide one of now.
func TestLastSuccessIsNotOfTheFuture(t *testing.T) {
	t.Parallel()
	written := day(t, "2025-03-01").Time()
	ahead := with(loaded(t, "2025-01-03", 21, 30), func(e *Entry) { e.ProcessedAt = written.AddDate(1, 0, 0) })
	now := with(loaded(t, "2025-01-02", 11, 20), func(e *Entry) { e.ProcessedAt = written.Add(-time.Minute) })
	for _, entries := range [][]Entry{{ahead, now}, {now, ahead}} {
		if got := Build(entries, nil, Meta{WrittenAt: written}).Series[0].LastSuccess; !got.Equal(now.ProcessedAt) {
			t.Errorf("last success %s, want %s", got, now.ProcessedAt)
		}
	}
	if got := Build([]Entry{ahead}, nil, Meta{WrittenAt: written}).Series[0].LastSuccess; !got.Equal(ahead.ProcessedAt) {
		t.Errorf("last success %s, want %s", got, ahead.ProcessedAt)
	}
}

func TestBuildLeavesItsInputAlone(t *testing.T) {
	t.Parallel()
	entries := []Entry{loaded(t, "2025-01-02", 11, 20), loaded(t, "2025-01-03", 1, 30), with(loaded(t, "2025-01-01", 1, 10), func(e *Entry) {
		e.Status, e.DaysMissing = Partial, []catalog.Day{day(t, "2025-01-01")}
	})}
	runs := []Run{{ID: "b", StartedAt: day(t, "2025-01-02").Time()}, {ID: "a"}}
	wantEntries := append([]Entry{}, entries...)
	wantRuns := append([]Run{}, runs...)
	Build(entries, runs, Meta{})
	if diff := cmp.Diff(wantEntries, entries) + cmp.Diff(wantRuns, runs); diff != "" {
		t.Error(diff)
	}
}

func TestASnapshotStaysSmall(t *testing.T) {
	t.Parallel()
	t.Run("2,000 files of 5 symbols", func(t *testing.T) {
		t.Parallel()
		var entries []Entry
		first := day(t, "2020-01-01")
		for symbol := range 5 {
			for i := range catalog.Day(2000) {
				e := loaded(t, (first + i).String(), int64(i)*1000, int64(i)*1000+999)
				e.Symbol = fmt.Sprintf("S%dUSDT", symbol)
				entries = append(entries, e)
			}
		}
		runs := make([]Run, 100)
		for i := range runs {
			runs[i] = Run{ID: fmt.Sprintf("20250101T%06d-0123abcd", i), StartedAt: first.Time().Add(time.Duration(i) * time.Hour), Rows: 1e9, Bytes: 1e11}
		}
		s := Build(entries, runs, Meta{})
		data, err := json.Marshal(s)
		if err != nil || len(data) > 50<<10 {
			t.Errorf("%d bytes, %v", len(data), err)
		}
		if len(s.Runs) != MaxRuns || s.Runs[MaxRuns-1].ID != runs[99].ID {
			t.Errorf("%d runs, the last is %v", len(s.Runs), s.Runs[len(s.Runs)-1])
		}
	})
	t.Run("with more failures than fit", func(t *testing.T) {
		t.Parallel()
		var entries []Entry
		for i := range 3000 {
			e := with(loaded(t, "2025-01-01", 1, 1), func(e *Entry) {
				e.FilePath, e.Status = fmt.Sprint(i), Partial
				e.ErrorMessage = strings.Repeat("é", 5000)
				e.ProcessedAt = e.ProcessedAt.Add(time.Duration(i) * time.Second)
			})
			if i%6 == 0 {
				e.Status = Failed
			}
			entries = append(entries, e)
		}
		s := Build(entries, nil, Meta{})
		if len(s.Failed) != MaxFailed || s.FailedCount != 500 || s.PartialCount != 2500 {
			t.Errorf("%d listed, %d failed, %d partial", len(s.Failed), s.FailedCount, s.PartialCount)
		}
		if s.Failed[0].Path != "2994" || s.Failed[499].Path != "0" || s.Failed[500].Path != "2999" || s.Failed[499].Status != Failed || s.Failed[500].Status != Partial {
			t.Errorf("order: %s %s %s", s.Failed[0].Path, s.Failed[499].Path, s.Failed[500].Path)
		}
		if text := s.Failed[0].Error; len(text) > maxErrorBytes || !utf8.ValidString(text) || !strings.HasSuffix(text, "é…") {
			t.Errorf("error of %d bytes: %q", len(text), text)
		}
		data, err := json.Marshal(s)
		if err != nil || len(data) > 1<<20 {
			t.Errorf("%d bytes, %v", len(data), err)
		}
		if _, err := parseSnapshot(data); err != nil {
			t.Error(err)
		}
	})
}

func TestStaleAgainst(t *testing.T) {
	t.Parallel()
	s := full(t)
	mtime := s.DatabaseMTime
	for name, test := range map[string]struct {
		size  int64
		mtime time.Time
		want  bool
	}{
		"the same file":                  {12345, mtime, false},
		"the same, in another time zone": {12345, mtime.In(time.FixedZone("", -3600)), false},
		"grown":                          {12346, mtime, true},
		"written since":                  {12345, mtime.Add(time.Nanosecond), true},
		"an older file put back":         {12345, mtime.Add(-time.Hour), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := s.StaleAgainst(test.size, test.mtime); got != test.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestWriteFails(t *testing.T) {
	t.Parallel()
	s := full(t)
	if err := s.Write(filepath.Join(t.TempDir(), "none", "x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	s.WrittenAt = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := s.Write(filepath.Join(t.TempDir(), "x")); err == nil {
		t.Error("a time that JSON cannot hold: no error")
	}
}

func TestReadSnapshotRefuses(t *testing.T) {
	t.Parallel()
	data, err := json.Marshal(full(t))
	if err != nil {
		t.Fatal(err)
	}
	edit := func(old, with string) string {
		s := strings.Replace(string(data), old, with, 1)
		if s == string(data) {
			t.Fatalf("%s has no %s", data, old)
		}
		return s
	}
	change := func(f func(*Snapshot)) string {
		s := full(t)
		f(&s)
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for name, in := range map[string]string{
		"nothing":                          "",
		"half of one":                      string(data[:len(data)/2]),
		"another object":                   `{"rows": 1}`,
		"a market there is not":            edit(`"market":"spot"`, `"market":"dark"`),
		"a null market":                    edit(`"market":"spot"`, `"market":null`),
		"a symbol that is a path":          edit(`"symbol":"BTCUSDT"`, `"symbol":"../x"`),
		"a day there is not":               edit(`"first":"2025-01-01"`, `"first":"2025-02-30"`),
		"a period without an end":          edit(`"end":"2025-01-02"`, `"x":1`),
		"a negative count of rows":         change(func(s *Snapshot) { s.Rows = -1 }),
		"a negative count of a series":     change(func(s *Snapshot) { s.Series[0].IDsMissing = -1 }),
		"a negative count of the scripts":  change(func(s *Snapshot) { s.Scripts.Rows = -1 }),
		"a negative count of a file":       change(func(s *Snapshot) { s.Failed[0].Attempts = -1 }),
		"a negative count of a run":        change(func(s *Snapshot) { s.Runs[0].Bytes = -1 }),
		"a run of negative length":         change(func(s *Snapshot) { s.Runs[0].Seconds = -1 }),
		"ids that run backwards":           change(func(s *Snapshot) { s.Series[0].FirstID = 10 }),
		"an id below all":                  change(func(s *Snapshot) { s.Series[0].FirstID = -2 }),
		"periods that run backwards":       change(func(s *Snapshot) { s.Series[0].Loaded = days(t, "2025-01-03", "2025-01-01") }),
		"periods that overlap":             change(func(s *Snapshot) { s.Series[0].DaysMissing = days(t, "2025-01-01..2025-01-03", "2025-01-02") }),
		"periods that touch":               change(func(s *Snapshot) { s.Series[0].Loaded = days(t, "2025-01-01", "2025-01-02") }),
		"the same series twice":            change(func(s *Snapshot) { s.Series[1] = s.Series[0] }),
		"a failed file that succeeded":     change(func(s *Snapshot) { s.Failed[0].Status = Success }),
		"a failed file's period backwards": change(func(s *Snapshot) { s.Failed[0].Period.End = 0 }),
		"more failed files than counted":   change(func(s *Snapshot) { s.FailedCount, s.PartialCount = 1, 2 }),
		"too many failed files":            change(func(s *Snapshot) { s.Failed, s.FailedCount = make([]FileState, MaxFailed+1), 5000 }),
		"too many runs":                    change(func(s *Snapshot) { s.Runs = make([]Run, MaxRuns+1) }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "s")
			if err := os.WriteFile(path, []byte(in), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := ReadSnapshot(path); !errors.Is(err, ErrSnapshot) {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("another version's", func(t *testing.T) {
		t.Parallel()
		var e *smallfile.SchemaError
		if _, err := parseSnapshot([]byte(edit(`"schema":1`, `"schema":2`))); !errors.As(err, &e) || e.Got != 2 || e.Known != SnapshotSchema {
			t.Errorf("got %v", err)
		}
	})
	t.Run("what is no file", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		if _, err := ReadSnapshot(dir); !errors.Is(err, smallfile.ErrNotRegular) {
			t.Errorf("folder: %v", err)
		}
		path := filepath.Join(dir, "s")
		if _, err := ReadSnapshot(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("absent: %v", err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, maxSnapshotBytes+1); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadSnapshot(path); !errors.Is(err, smallfile.ErrTooLarge) {
			t.Errorf("huge: %v", err)
		}
	})
}

func FuzzParseSnapshot(f *testing.F) {
	data, err := json.Marshal(full(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"schema":1}`))
	f.Add([]byte(`{"schema":1,"series":[{"market":"um","symbol":"X","first_id":-1,"last_id":-1,"loaded":[{"first":"0000-01-01","end":"9999-12-31"}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseSnapshot(data)
		if err != nil {
			if !errors.Is(err, ErrSnapshot) {
				t.Errorf("%v", err)
			}
			return
		}
		coverage := s.Coverage()
		for _, state := range s.Series {
			for _, p := range coverage.Ranges(state.Series) {
				if p.Days() <= 0 || !s.Covers(state.Series, p) || !coverage.Has(state.Series, p.First) || coverage.Has(state.Series, p.End) {
					t.Errorf("%v of %v", p, state)
				}
			}
			if state.MissingDays() < 0 {
				t.Errorf("%d days missing", state.MissingDays())
			}
		}
		again, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := parseSnapshot(again); err != nil || cmp.Diff(s, got) != "" {
			t.Errorf("became %+v, %v", got, err)
		}
	})
}
