package status

import (
	"time"

	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/store"
)

// Options are what is asked for.
type Options struct {
	Database string
	LockFile string
	DataDir  string // "" = files that are not loaded are not looked for
	Scope    store.Scope
	First    *catalog.Day // the days asked for, inclusive; nil for no bound
	Last     *catalog.Day
	Scan     bool // read every row of the table
	Version  string
}

// Facts are what was found out, of which [Build] makes a report.
type Facts struct {
	Options  Options
	At       time.Time
	Path     string // of the database, resolved
	Size     int64
	Modified time.Time

	Creating bool // a load creates the database just now
	Read     bool // the database was opened and read; where it was not, a writer holds it
	NoLedger bool // it has no table ingestion_log
	Rows     *int64
	Entries  []ledger.Entry   // the ledger, where it was read
	Days     []store.DayCount // rows by day, where the table was read
	Market   bool             // the table tells markets apart

	Snapshot    *ledger.Snapshot // that lies beside the database; nil where there is none that can be read
	SnapshotErr error            // why it cannot; nil where there is simply none

	Use     store.Use        // who has the database open
	Status  *runstate.Status // of the last run into this database that published one; nil where there is none
	End     runstate.RunEnd  // how that came to its end; 0 while it runs
	Holder  runstate.Holder  // of the lock, while it runs
	LockErr error            // why the lock cannot be looked at

	Disk    []source.File // in the data dir, with all their copies
	DiskErr error         // why they could not be listed
}
