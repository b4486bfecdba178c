package ledger

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/smallfile"
)

// SnapshotSchema is the version of [Snapshot]'s JSON. It changes when a field changes its meaning; new fields alone do not change it.
const SnapshotSchema = 1

// What a snapshot holds at most, so that it stays small whatever happens to a ledger.
const (
	MaxFailed = 1000 // files in Failed
	MaxRuns   = 20   // runs in Runs

	maxSnapshotBytes = 64 << 20
	maxErrorBytes    = 300 // of one file's error message
)

// Snapshot is the ledger small enough to read in a millisecond: the file <database>.ledger.json, see [PathFor]. Times are UTC.
//
// The table ingestion_log is the truth. A snapshot is what was true of the database file that had DatabaseSize and
// DatabaseMTime, see StaleAgainst. Where it has DatabaseHeader, nobody wrote to the database since, as long as that is what the file has.
type Snapshot struct {
	Schema        int       `json:"schema"`
	Version       string    `json:"version"` // of the software that wrote it
	RunID         string    `json:"run_id"`
	WrittenAt     time.Time `json:"written_at"`
	Database      string    `json:"database"` // absolute path
	DatabaseSize  int64     `json:"database_size"`
	DatabaseMTime time.Time `json:"database_mtime"`
	// DatabaseHeader is what store.Fingerprint says of the database. Only a run that closed it in good order leaves one.
	DatabaseHeader string        `json:"database_header,omitempty"`
	Series         []SeriesState `json:"series"`  // by market, then symbol
	Scripts        ScriptsState  `json:"scripts"` // entries of the Python scripts, which are in no series
	Failed         []FileState   `json:"failed"`  // failed files, then partial ones, the latest first; at most MaxFailed
	FailedCount    int           `json:"failed_count"`
	PartialCount   int           `json:"partial_count"`
	BytesIn        int64         `json:"bytes_in"`       // of all loaded files as they lie on disk
	BytesCSV       int64         `json:"bytes_csv"`      // of their content, estimated; see [Ratio]
	BytesDatabase  int64         `json:"bytes_database"` // what they take in the database
	Rows           int64         `json:"rows"`           // that all loaded files put into the database
	Runs           []Run         `json:"runs"`           // the last MaxRuns, in the order in which they ended
	// Accounted is that the table is one that the loader made, had as many rows as Rows, and none newer than those of Series. It is told of a database with DatabaseHeader only.
	Accounted bool `json:"accounted,omitempty"`
	// Settled is what the last run found nothing to do for, nil where it found something or failed.
	Settled *Settled `json:"settled,omitempty"`
}

// Settled is what a run was asked for and the files that it found, all of which the ledger had as loaded. Where another run is asked for the same, finds the
// same, and the database is still the one of the snapshot, there is nothing to do again.
type Settled struct {
	Inputs string    `json:"inputs"` // a digest, which only the loader can make
	Files  int       `json:"files"`
	At     time.Time `json:"at"` // when the database was asked
}

// SeriesState is what is loaded of one series.
type SeriesState struct {
	catalog.Series
	Loaded      []catalog.Period `json:"loaded"` // days that loaded files stand for, whether they have rows of them or not; merged, in order
	Files       int              `json:"files"`  // loaded ones
	Rows        int64            `json:"rows"`   // in the database
	FirstID     int64            `json:"first_id"`
	LastID      int64            `json:"last_id"` // both -1 where there is no row
	FirstAt     time.Time        `json:"first_at,omitzero"`
	LastAt      time.Time        `json:"last_at,omitzero"`
	LastSuccess time.Time        `json:"last_success,omitzero"`
	DaysMissing []catalog.Period `json:"days_missing"`         // days without a row, from the first to the last day of Loaded; merged, in order
	DaysEmpty   []catalog.Period `json:"days_empty,omitempty"` // of these, the days whose own files are loaded and have no row; likewise
	IDsMissing  int64            `json:"ids_missing"`          // inside files and between them; where periods of files overlap, an upper bound
	SourceBytes int64            `json:"source_bytes"`         // of the loaded files as they lie on disk
}

// MissingDays is the number of days in DaysMissing.
func (s SeriesState) MissingDays() int {
	var n int
	for _, p := range s.DaysMissing {
		n += p.Days()
	}
	return n
}

// ScriptsState counts the loaded entries that the Python scripts wrote. They do not say which days they stand for.
type ScriptsState struct {
	Files       int       `json:"files"`
	Rows        int64     `json:"rows"`
	SourceBytes int64     `json:"source_bytes"`
	LastSuccess time.Time `json:"last_success,omitzero"`
}

// FileState is a file whose latest outcome is failed or partial.
type FileState struct {
	Path     string         `json:"path"`
	Market   catalog.Market `json:"market,omitempty"` // "" in entries of the Python scripts
	Symbol   string         `json:"symbol"`
	Period   catalog.Period `json:"period,omitzero"`
	Status   Status         `json:"status"`
	Error    string         `json:"error"` // at most 300 bytes
	At       time.Time      `json:"at"`
	Attempts int64          `json:"attempts"`
	Conflict int64          `json:"rows_conflict"`
}

// Run is one execution of the loader. EndedAt is zero while it lasts.
type Run struct {
	ID           string    `json:"id"`
	StartedAt    time.Time `json:"started_at"`
	EndedAt      time.Time `json:"ended_at,omitzero"`
	ExitCode     int       `json:"exit_code"`
	FilesLoaded  int       `json:"files_loaded"`
	FilesFailed  int       `json:"files_failed"`
	FilesSkipped int       `json:"files_skipped"`
	Rows         int64     `json:"rows"`
	Bytes        int64     `json:"bytes"`
	Seconds      float64   `json:"seconds"`
}

// PathFor is where the snapshot of a database lies: beside it.
func PathFor(database string) string { return database + ".ledger.json" }

// Write makes s the content of path, atomically and durably, with mode 0644 less the umask. After an error an older snapshot is unchanged.
func (s Snapshot) Write(path string) error {
	data, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode ledger snapshot: %w", err)
	}
	if err := smallfile.Replace(path, append(data, '\n'), smallfile.Mode{Perm: 0o644, Sync: true}); err != nil {
		return fmt.Errorf("write ledger snapshot: %w", err)
	}
	return nil
}

// StaleAgainst reports whether the database, which now has that size and modification time, is not the file that s was made of: it
// changed since, or was replaced by another. While a load runs that is so between two commits.
func (s Snapshot) StaleAgainst(size int64, mtime time.Time) bool {
	return s.DatabaseSize != size || !s.DatabaseMTime.Equal(mtime)
}

// Covers reports whether every day of p is loaded.
func (s Snapshot) Covers(series catalog.Series, p catalog.Period) bool {
	for _, state := range s.Series {
		if state.Series == series {
			return covers(state.Loaded, p)
		}
	}
	return false
}

// Coverage is the days that are loaded.
func (s Snapshot) Coverage() Coverage {
	c := Coverage{days: make(map[catalog.Series][]catalog.Period, len(s.Series)), holes: map[catalog.Series][]catalog.Period{}}
	for _, state := range s.Series {
		c.add(state.Series, daySets{state.Loaded, state.DaysMissing, state.DaysEmpty})
	}
	return c
}
