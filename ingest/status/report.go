package status

import (
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
)

// ReportSchema is the version of [Report]'s JSON. It changes when a field changes its meaning; new fields alone do not change it.
const ReportSchema = 1

// Report is what is known of a database and the loads into it. Times are UTC, days are dates such as "2024-02-29".
type Report struct {
	Schema   int       `json:"schema"`
	Version  string    `json:"version"`
	At       time.Time `json:"at"` // when it was asked
	Database Database  `json:"database"`
	Source   Source    `json:"source"`
	Asked    Asked     `json:"asked"`
	Load     *Load     `json:"load"`   // what runs now; null where nothing does
	Holder   string    `json:"holder"` // another process that holds the database, so that it cannot be read; "" where there is none
	Totals   Totals    `json:"totals"` // of Series
	Series   []Series  `json:"series"` // by market, then symbol
	Gaps     []Gap     `json:"gaps"`   // by series, then day
	Files    []File    `json:"files"`  // failed, then partial ones, the latest first; at most 1,000
	Runs     []Run     `json:"runs"`   // the latest last
	Rates    []Rate    `json:"rates"`  // how fast the last run that loaded two files or more was; empty where only a snapshot is known
	Notes    []string  `json:"notes"`  // what to know about the figures

	files    int  // failed and partial ones, also those that are not listed
	narrowed bool // to some series or days
}

// Database is the file.
type Database struct {
	Path       string    `json:"path"`
	SizeBytes  int64     `json:"size_bytes"`
	ModifiedAt time.Time `json:"modified_at,omitzero"`
	Rows       *int64    `json:"rows"` // that the table holds; null where it could not be opened
}

// Origin is where the figures come from.
type Origin string

// The origins.
const (
	FromLedger   Origin = "ledger"   // the table ingestion_log
	FromTable    Origin = "table"    // ingestion_log and every row of aggtrades_history
	FromSnapshot Origin = "snapshot" // the snapshot that a load leaves beside the database
	FromNothing  Origin = "none"     // the database is held, and there is no snapshot
)

// Source tells where the figures come from and how old they are.
type Source struct {
	Origin     Origin    `json:"origin"`
	Why        string    `json:"why"`                  // it is not the ledger itself; "" where it is
	WrittenAt  time.Time `json:"written_at,omitzero"`  // the snapshot was
	AgeSeconds float64   `json:"age_seconds,omitzero"` // of the snapshot
	Changed    bool      `json:"changed"`              // the database, since the snapshot was written
}

// Asked is what the report was narrowed to; empty fields do not narrow it.
type Asked struct {
	Symbols []string       `json:"symbols"`
	Market  catalog.Market `json:"market"`
	First   string         `json:"first_day"`
	Last    string         `json:"last_day"`
	DataDir string         `json:"data_dir"` // where files that are not loaded were looked for
}

// Totals add up all series.
type Totals struct {
	Series       int   `json:"series"`
	Days         int   `json:"days"`
	DaysMissing  int   `json:"days_missing"`
	Rows         int64 `json:"rows"`
	IDsMissing   int64 `json:"ids_missing"`
	Files        int   `json:"files"`
	FilesFailed  int   `json:"files_failed"`
	FilesPartial int   `json:"files_partial"`
	SourceBytes  int64 `json:"source_bytes"`
}

// Series is what is loaded of one symbol of one market, which is "" where only the Python scripts loaded it.
type Series struct {
	catalog.Series
	First        string    `json:"first_day"` // "" where no day is known
	Last         string    `json:"last_day"`
	Days         int       `json:"days"`         // that have rows
	DaysMissing  int       `json:"days_missing"` // that have none, from the first day known or asked for to the last
	Rows         int64     `json:"rows"`
	IDsMissing   int64     `json:"ids_missing"` // where files overlap, an upper bound
	Files        int       `json:"files"`       // loaded
	FilesFailed  int       `json:"files_failed"`
	FilesPartial int       `json:"files_partial"`
	LastSuccess  time.Time `json:"last_success,omitzero"`
	SourceBytes  int64     `json:"source_bytes"` // of the loaded files as they lie on disk
	Calendar     []Span    `json:"calendar"`     // days that follow one another in the same state

	span catalog.Period
	days []day // of span
}

// State is what became of a day.
type State string

// The states, the good ones first.
const (
	Loaded  State = "loaded"
	Partial State = "partial" // rows were left out: the database held others with their ids
	Hole    State = "hole"    // loaded, but ids are missing
	Empty   State = "empty"   // a file that was loaded stands for it and has no row of it
	Failed  State = "failed"
	Waiting State = "waiting" // its file is in the data dir, and no load has tried it
	Absent  State = "absent"  // no file of it is known
)

// Span is days of one state.
type Span struct {
	First string `json:"first_day"`
	Last  string `json:"last_day"`
	State State  `json:"state"`
}

// Reason is why days or ids are likely missing.
type Reason string

// The reasons.
const (
	FileAbsent    Reason = "file_absent"
	FileNotLoaded Reason = "file_not_loaded" // it is in the data dir, and no load has tried it
	FileFailed    Reason = "file_failed"
	FileTruncated Reason = "file_truncated" // it failed because it ends too early, or was loaded and ends long before its day does
	HoleInFile    Reason = "hole_in_file"
	PublishedHole Reason = "published_hole" // files that are whole leave it out
	RowsAbsent    Reason = "rows_absent"    // the ledger has it as loaded, and the table has no row of it
)

// Gap is days or ids that are missing.
type Gap struct {
	catalog.Series
	First      string `json:"first_day"`
	Last       string `json:"last_day"`
	Days       int    `json:"days"` // that are missing; 0 where only ids are
	IDsMissing int64  `json:"ids_missing"`
	Reason     Reason `json:"reason"`
	Detail     string `json:"detail"`
	File       string `json:"file"`  // the (first) file that it is about; "" where there is none
	Files      int    `json:"files"` // how many it is about

	period catalog.Period
}

// File is a file whose latest outcome is failed or partial.
type File struct {
	Path     string         `json:"path"`
	Market   catalog.Market `json:"market"`
	Symbol   string         `json:"symbol"`
	First    string         `json:"first_day"`
	Last     string         `json:"last_day"`
	Status   ledger.Status  `json:"status"`
	Error    string         `json:"error"`
	At       time.Time      `json:"at"`
	Attempts int64          `json:"attempts"`
	Conflict int64          `json:"rows_conflict"`
}

// Load is a load that runs now.
type Load struct {
	State         LoadState `json:"state"`
	Process       string    `json:"process"` // such as "PID 123 (ingest-aggtrades, user bob)"
	PID           int       `json:"pid"`
	RunID         string    `json:"run_id"`
	StartedAt     time.Time `json:"started_at,omitzero"`
	HeartbeatAt   time.Time `json:"heartbeat_at,omitzero"`
	Phase         string    `json:"phase"`
	FilesDone     int64     `json:"files_done"`
	FilesTotal    int64     `json:"files_total"`
	FilesFailed   int64     `json:"files_failed"`
	Rows          int64     `json:"rows"`
	RowsPerSecond float64   `json:"rows_per_second"`
	Percent       *float64  `json:"percent"`     // null where it is not known yet
	ETASeconds    *float64  `json:"eta_seconds"` // likewise
	CurrentFile   string    `json:"current_file"`
}

// LoadState is how a load that runs is.
type LoadState string

// The states of a load.
const (
	Running LoadState = "running"
	Hung    LoadState = "hung"   // it gave no sign of life for too long
	Silent  LoadState = "silent" // it publishes nothing about itself (yet)
)

// Run is one execution of the loader.
type Run struct {
	ID            string    `json:"run_id"`
	Outcome       Outcome   `json:"outcome"`
	ExitCode      *int      `json:"exit_code"` // null where it did not end or its end is not known
	StartedAt     time.Time `json:"started_at,omitzero"`
	EndedAt       time.Time `json:"ended_at,omitzero"` // or its last sign of life
	Seconds       float64   `json:"seconds"`
	FilesLoaded   int64     `json:"files_loaded"`
	FilesFailed   int64     `json:"files_failed"`
	FilesSkipped  int64     `json:"files_skipped"`
	Rows          int64     `json:"rows"`
	RowsPerSecond float64   `json:"rows_per_second"` // 0 where it is not known
}

// Outcome is what became of a run.
type Outcome string

// The outcomes.
const (
	RunEnded   Outcome = "ended"
	RunRunning Outcome = "running"
	RunDied    Outcome = "died"    // without saying that it ended: killed, or the machine went down
	RunUnknown Outcome = "unknown" // it recorded files, and nothing tells how it ended
)

// Rate is how many rows were loaded in a stretch of time.
type Rate struct {
	From          time.Time `json:"from"`
	To            time.Time `json:"to"`
	Rows          int64     `json:"rows"`
	RowsPerSecond float64   `json:"rows_per_second"`
}

// day is one cell of a calendar.
type day struct {
	state State // "" outside the days that are expected
	rows  int64 // -1 where it is not known
	about bool  // rows is the average of a file of several days
	ids   int64 // missing
	gap   int   // index in Report.Gaps, -1 where there is none
}
