package load

import (
	"time"

	"github.com/check-ingest/check-ingest/ingest/plan"
	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/catalog"
)

// ReportSchema is the version of [Report]'s JSON. It changes when a field changes its meaning; new fields alone do not change it.
const ReportSchema = 1

// Report is what a run did. Times are UTC.
type Report struct {
	Schema    int       `json:"schema"`
	RunID     string    `json:"run_id"`
	Version   string    `json:"version"`
	Database  string    `json:"database"`
	DataDir   string    `json:"data_dir"`
	DryRun    bool      `json:"dry_run"`
	StartedAt time.Time `json:"started_at"`
	EndedAt   time.Time `json:"ended_at"`
	Seconds   float64   `json:"seconds"`
	ExitCode  int       `json:"exit_code"`
	Error     string    `json:"error,omitempty"` // why the run did not do all that was asked
	Totals    Totals    `json:"totals"`
	// Files has an entry for each file of the data dir that was asked for, in the order of the plan.
	Files   []FileReport     `json:"files"`
	Missing []MissingReport  `json:"missing_days"`
	Ignored []source.Skipped `json:"ignored"`
	// Unmatched counts the other files of the data dir, whose names are not those of trades.
	Unmatched int      `json:"unmatched_files"`
	Warnings  []string `json:"warnings"`

	SpaceNeeded int64 `json:"space_needed_bytes"` // estimated before the load
	SpaceFree   int64 `json:"space_free_bytes"`   // before the load; 0 where nothing was to be loaded

	loadStarted time.Time
	byPath      map[string]int
}

// Totals add up a run. Rows, Bytes and their rates are of the files that were loaded.
type Totals struct {
	Files         int     `json:"files"`
	Loaded        int     `json:"loaded"`  // success or partial
	Partial       int     `json:"partial"` // of those
	Skipped       int     `json:"skipped"`
	Changed       int     `json:"changed"`
	Failed        int     `json:"failed"`
	Rows          int64   `json:"rows"` // inserted
	Duplicates    int64   `json:"rows_duplicate"`
	Conflicts     int64   `json:"rows_conflict"`
	Voided        int64   `json:"rows_voided"`
	Outside       int64   `json:"rows_outside"`
	Bytes         int64   `json:"bytes"`     // as the files lie on disk
	BytesCSV      int64   `json:"bytes_csv"` // unpacked
	LoadSeconds   float64 `json:"load_seconds"`
	RowsPerSecond float64 `json:"rows_per_second"`
}

// FileReport is what became of one file.
type FileReport struct {
	Path   string         `json:"path"`
	Market catalog.Market `json:"market"`
	Symbol string         `json:"symbol"`
	Period string         `json:"period"`
	// Status is success, partial, failed, skipped or changed; in a dry run what would be done: load, replace, standby, skip, changed.
	Status       string `json:"status"`
	Reason       string `json:"reason,omitempty"` // why it was skipped
	Rows         int64  `json:"rows"`             // inserted
	Duplicates   int64  `json:"rows_duplicate"`
	Conflicts    int64  `json:"rows_conflict"`
	Voided       int64  `json:"rows_voided"`
	Outside      int64  `json:"rows_outside"`
	IDsMissing   int64  `json:"ids_missing"`
	Bytes        int64  `json:"bytes"`
	Attempts     int64  `json:"attempts"`
	Error        string `json:"error,omitempty"`
	Milliseconds int64  `json:"milliseconds"`
}

// MissingReport is the days of one series that neither a file nor the database has.
type MissingReport struct {
	Market catalog.Market   `json:"market"`
	Symbol string           `json:"symbol"`
	Days   int              `json:"days"`
	Ranges []catalog.Period `json:"ranges"` // half-open
}

func newReport(c Config) *Report {
	return &Report{
		Schema: ReportSchema, RunID: c.RunID, Version: c.Version, Database: c.Database, DataDir: c.DataDir, DryRun: c.DryRun, StartedAt: c.Now(),
		Files: []FileReport{}, Missing: []MissingReport{}, Ignored: []source.Skipped{}, Warnings: []string{}, byPath: map[string]int{},
	}
}

// planned notes what is to be done with each file.
func (r *Report) planned(p *planned) {
	for _, i := range p.Items {
		f := i.File
		status := string(i.Action)
		if !r.DryRun {
			switch i.Action {
			case plan.Skip:
				status = "skipped"
			case plan.Load, plan.Replace, plan.Standby:
				status = "pending"
			case plan.Changed:
			}
		}
		r.byPath[f.Path] = len(r.Files)
		r.Files = append(r.Files, FileReport{
			Path: f.Path, Market: f.Series.Market, Symbol: f.Series.Symbol, Period: f.Period.String(), Status: status, Reason: i.Reason, Bytes: f.Size,
		})
		switch i.Action {
		case plan.Skip:
			r.Totals.Skipped++
		case plan.Changed:
			r.Totals.Changed++
		case plan.Load, plan.Replace, plan.Standby:
		}
	}
	for _, m := range p.Missing {
		r.Missing = append(r.Missing, MissingReport{Market: m.Series.Market, Symbol: m.Series.Symbol, Days: len(m.Days), Ranges: ranges(m.Days)})
	}
	r.Totals.Files = len(p.Items)
	r.SpaceNeeded = p.space.Needed
}

// ranges joins days that follow one another.
func ranges(days []catalog.Day) []catalog.Period {
	var out []catalog.Period
	for _, d := range days {
		if n := len(out); n > 0 && out[n-1].End == d {
			out[n-1].End++
			continue
		}
		out = append(out, catalog.DayPeriod(d))
	}
	return out
}

func (r *Report) ignore(s source.Skipped) { r.Ignored = append(r.Ignored, s) }

// skip notes a file that turned out to have nothing to load.
func (r *Report) skip(i plan.Item, reason string) {
	f := &r.Files[r.byPath[i.File.Path]]
	f.Status, f.Reason = "skipped", reason
	r.Totals.Skipped++
}

// add notes what became of a file that was tried.
func (r *Report) add(j *job) {
	f := &r.Files[r.byPath[j.item.File.Path]]
	f.Attempts, f.Milliseconds = j.attempts, j.took.Milliseconds()
	t := &r.Totals
	if j.err != nil {
		f.Status, f.Error = "failed", explainRow(j.err)
		t.Failed++
		return
	}
	f.Status = "success"
	if j.conflict > 0 {
		f.Status = "partial"
		t.Partial++
	}
	f.Rows, f.Duplicates, f.Conflicts, f.Voided, f.Outside, f.IDsMissing = j.inserted, j.duplicate, j.conflict, j.facts.All.Voided, j.facts.Outside, j.idsMissing()
	t.Loaded++
	t.Rows += f.Rows
	t.Duplicates += f.Duplicates
	t.Conflicts += f.Conflicts
	t.Voided += f.Voided
	t.Outside += f.Outside
	t.Bytes += f.Bytes
	t.BytesCSV += j.facts.BytesOut
}

// end closes the report. Files that were not reached say so.
func (r *Report) end(now time.Time, err error) {
	r.EndedAt = now
	r.Seconds = now.Sub(r.StartedAt).Seconds()
	r.ExitCode = ExitCodeOf(err)
	if err != nil {
		r.Error = err.Error()
	}
	if !r.loadStarted.IsZero() {
		r.Totals.LoadSeconds = now.Sub(r.loadStarted).Seconds()
	}
	if r.Totals.LoadSeconds > 0 {
		r.Totals.RowsPerSecond = float64(r.Totals.Rows) / r.Totals.LoadSeconds
	}
	for i := range r.Files {
		if r.Files[i].Status == "pending" {
			r.Files[i].Status, r.Files[i].Reason = "not reached", "the run ended before"
		}
	}
}
