package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/e2e/olddb"
	"github.com/check-ingest/check-ingest/internal/ledger"
)

// recorded commits ledger entries.
func recorded(tb testing.TB, db *DB, entries ...ledger.Entry) {
	tb.Helper()
	tx := begun(tb, db)
	if err := tx.Record(tb.Context(), entries...); err != nil {
		tb.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		tb.Fatal(err)
	}
}

// dayFile is the entry of one day's file, with a change.
func dayFile(s catalog.Series, day catalog.Day, change func(*ledger.Entry)) ledger.Entry {
	e := oneFile(s, catalog.DayPeriod(day), int64(day)*1000, int64(day)*1000+999)
	e.LastTradeAt, e.ProcessedAt = (day + 1).Time().Add(-time.Second), (day + 2).Time()
	if change != nil {
		change(&e)
	}
	return e
}

func TestWhatTheLedgerTells(t *testing.T) {
	t.Parallel()
	db := created(t)
	d := firstDay()
	spot := catalog.Series{Market: catalog.Spot, Symbol: "BTCUSDT"}
	failed := dayFile(um("BTCUSDT"), d+1, func(e *ledger.Entry) {
		e.Status, e.ErrorMessage, e.RowCount, e.RowsInserted, e.FirstID, e.LastID, e.LastTradeAt, e.Attempts = ledger.Failed, "zip: broken", 0, 0, -1, -1, time.Time{}, 3
	})
	partial := dayFile(spot, d, func(e *ledger.Entry) {
		e.Status, e.ErrorMessage, e.RowsInserted, e.RowsConflict, e.RunID = ledger.Partial, "2 rows left out", 998, 2, "r2"
		e.ProcessedAt = (d + 9).Time()
	})
	scripts := ledger.Entry{FilePath: "/old.csv", Symbol: "ETHUSDT", Status: ledger.Success, RowCount: 50, FirstID: -1, LastID: -1, ProcessedAt: (d + 1).Time()}
	scripts.Period = catalog.Period{First: 0, End: 0}
	recorded(t, db, dayFile(um("BTCUSDT"), d, nil), dayFile(um("BTCUSDT"), d+3, nil), failed, partial, scripts)
	if _, err := db.conn.ExecContext(t.Context(), "UPDATE ingestion_log SET period_start = NULL, period_end = NULL, market = NULL, run_id = NULL WHERE file_path = '/old.csv'"); err != nil {
		t.Fatal(err)
	}
	loaded, err := db.LoadedSeries(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantLoaded := []Loaded{
		{Series: catalog.Series{Symbol: "ETHUSDT"}, Files: 1, Rows: 50, HasRows: true},
		{Series: spot, Files: 1, Rows: 998, HasRows: true, Span: catalog.DayPeriod(d), Newest: (d + 1).Time().Add(-time.Second)},
		{Series: um("BTCUSDT"), Files: 2, Rows: 2000, HasRows: true, Span: catalog.Period{First: d, End: d + 4}, Newest: (d + 4).Time().Add(-time.Second)},
	}
	if diff := cmp.Diff(wantLoaded, loaded); diff != "" {
		t.Errorf("loaded series (-want +got):\n%s", diff)
	}
	failedState := ledger.FileState{Path: failed.FilePath, Market: "um", Symbol: "BTCUSDT", Status: ledger.Failed, Error: "zip: broken", At: failed.ProcessedAt, Attempts: 3}
	partialState := ledger.FileState{Path: partial.FilePath, Market: "spot", Symbol: "BTCUSDT", Status: ledger.Partial, Error: "2 rows left out", At: partial.ProcessedAt, Attempts: 1, Conflict: 2}
	for name, tc := range map[string]struct {
		scope Scope
		most  int
		want  Outcomes
	}{
		"everything":  {Scope{}, 10, Outcomes{Success: 3, Failed: 1, Partial: 1, LastSuccess: (d + 5).Time(), Files: []ledger.FileState{partialState, failedState}}},
		"the latest":  {Scope{}, 1, Outcomes{Success: 3, Failed: 1, Partial: 1, LastSuccess: (d + 5).Time(), Files: []ledger.FileState{partialState}}},
		"a market":    {Scope{Market: catalog.UM}, 10, Outcomes{Success: 3, Failed: 1, LastSuccess: (d + 5).Time(), Files: []ledger.FileState{failedState}}},
		"a symbol":    {Scope{Symbols: []string{"ETHUSDT"}}, 10, Outcomes{Success: 1, LastSuccess: (d + 1).Time()}},
		"two symbols": {Scope{Symbols: []string{"ETHUSDT", "X"}, Market: catalog.CM}, 10, Outcomes{Success: 1, LastSuccess: (d + 1).Time()}},
		"no file":     {Scope{Symbols: []string{"' OR 1=1 --"}}, 10, Outcomes{}},
	} {
		got, err := db.Outcomes(t.Context(), tc.scope, tc.most, (d + 30).Time())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: outcomes (-want +got):\n%s", name, diff)
		}
	}
	// The clock was set back since, or was wrong before: what is in the future counts where there is nothing else.
	for name, tc := range map[string]struct {
		now     time.Time
		success time.Time
		run     LastRun
	}{
		"all is past":        {(d + 30).Time(), (d + 5).Time(), LastRun{ID: "r2", Files: 1, Rows: 998, At: (d + 9).Time()}},
		"a run is future":    {(d + 6).Time(), (d + 5).Time(), LastRun{ID: "r1", Files: 3, Rows: 2000, At: (d + 5).Time()}},
		"a file is as well":  {(d + 2).Time(), (d + 2).Time(), LastRun{ID: "r2", Files: 1, Rows: 998, At: (d + 9).Time()}},
		"all is future":      {(d - 30).Time(), (d + 5).Time(), LastRun{ID: "r2", Files: 1, Rows: 998, At: (d + 9).Time()}},
		"now is before 1970": {time.Unix(-1e9, 0), (d + 5).Time(), LastRun{ID: "r2", Files: 1, Rows: 998, At: (d + 9).Time()}},
	} {
		got, err := db.Outcomes(t.Context(), Scope{}, 1, tc.now)
		if err != nil || !got.LastSuccess.Equal(tc.success) {
			t.Errorf("%s: last success %s, %v, want %s", name, got.LastSuccess, err, tc.success)
		}
		if last, known, err := db.LastRun(t.Context(), tc.now); err != nil || !known || last != tc.run {
			t.Errorf("%s: last run %+v, %t, %v, want %+v", name, last, known, err, tc.run)
		}
	}
}

func TestWhatTheScriptsLedgerTells(t *testing.T) {
	t.Parallel()
	d := firstDay()
	db := opened(t, written(t, append(olddb.Shapes()[0].Statements(),
		"INSERT INTO ingestion_log VALUES ('/a.csv', 'BTCUSDT', TIMESTAMP '2024-01-01', 10, 'success', NULL, 1, 1), ('/b.csv', 'BTCUSDT', TIMESTAMP '2024-01-02', 0, 'failed', 'no', 1, 1), ('/c.csv', NULL, NULL, NULL, 'skipped', NULL, NULL, NULL)",
	)...))
	loaded, err := db.LoadedSeries(t.Context())
	if diff := cmp.Diff([]Loaded{{Series: catalog.Series{Symbol: "BTCUSDT"}, Files: 1, Rows: 10, HasRows: true}}, loaded); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	got, err := db.Outcomes(t.Context(), Scope{Symbols: []string{"BTCUSDT"}, Market: catalog.UM}, 10, (d + 30).Time())
	want := Outcomes{Success: 1, Failed: 1, LastSuccess: d.Time(), Files: []ledger.FileState{{Path: "/b.csv", Symbol: "BTCUSDT", Status: ledger.Failed, Error: "no", At: (d + 1).Time()}}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, known, err := db.LastRun(t.Context(), d.Time()); known || err != nil {
		t.Errorf("a run, %v", err)
	}
}

func TestLedgersThatCannotBeRead(t *testing.T) {
	t.Parallel()
	none := opened(t, written(t, "CREATE TABLE aggtrades_history (agg_trade_id BIGINT)"))
	other := opened(t, written(t, "CREATE TABLE ingestion_log (file_path VARCHAR, loaded TIMESTAMP)"))
	if loaded, err := none.LoadedSeries(t.Context()); loaded != nil || err != nil {
		t.Errorf("%v, %v", loaded, err)
	}
	if o, err := none.Outcomes(t.Context(), Scope{}, 1, time.Now()); err != nil || o.Success != 0 {
		t.Errorf("%v, %v", o, err)
	}
	_, loadedErr := other.LoadedSeries(t.Context())
	_, outcomesErr := other.Outcomes(t.Context(), Scope{}, 1, time.Now())
	for _, err := range []error{loadedErr, outcomesErr} {
		if KindOf(err) != KindSchema || err.Error() != other.Path()+": its table ingestion_log has no column symbol" {
			t.Errorf("%v", err)
		}
	}
}

func TestNewest(t *testing.T) {
	t.Parallel()
	for _, shape := range shapes() {
		t.Run(shape.Name, func(t *testing.T) {
			t.Parallel()
			db := shaped(t, shape)
			if at, known, err := db.Newest(t.Context()); known || err != nil {
				t.Fatalf("%v, %t, %v of no rows", at, known, err)
			}
			inserted(t, db, um("BTCUSDT"), trades(1, 10))
			inserted(t, db, um("ETHUSDT"), trades(1000, 10))
			newest := func(rows []trade) time.Time { return time.UnixMicro(rows[len(rows)-1].us).UTC() }
			if at, known, err := db.Newest(t.Context()); !known || err != nil || !at.Equal(newest(trades(1000, 10))) {
				t.Errorf("%v, %t, %v", at, known, err)
			}
			for name, tc := range map[string]struct {
				scope Scope
				since time.Time
				want  time.Time
			}{
				"of one symbol":  {Scope{Symbols: []string{"BTCUSDT"}}, firstDay().Time(), newest(trades(1, 10))},
				"of its market":  {Scope{Symbols: []string{"BTCUSDT"}, Market: catalog.UM}, firstDay().Time(), newest(trades(1, 10))},
				"of another":     {Scope{Symbols: []string{"SOLUSDT"}}, firstDay().Time(), time.Time{}},
				"none so recent": {Scope{Symbols: []string{"BTCUSDT"}}, newest(trades(1, 10)).Add(time.Microsecond), time.Time{}},
				"just as recent": {Scope{Symbols: []string{"BTCUSDT"}}, newest(trades(1, 10)), newest(trades(1, 10))},
			} {
				at, known, err := db.NewestSince(t.Context(), tc.scope, tc.since)
				if err != nil || known == tc.want.IsZero() || known && !at.Equal(tc.want) {
					t.Errorf("%s: %v, %t, %v, want %v", name, at, known, err, tc.want)
				}
			}
		})
	}
}
