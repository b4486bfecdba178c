package load

import (
	"log/slog"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
)

// Config says what to load, from where, into what, and how.
type Config struct {
	Database string
	DataDir  string
	LockFile string
	Wait     time.Duration // how long to wait for a lock that is held

	Symbols []string       // all found if empty
	First   *catalog.Day   // the days to load, inclusive; nil for no bound
	Last    *catalog.Day   // likewise
	Market  catalog.Market // of files whose path does not tell

	DryRun  bool
	Replace bool
	Strict  bool // the first bad file ends the run

	Retries       int           // of what may pass, such as a read error of a network file system
	RetryDelay    time.Duration // before the first retry; doubled before each further one
	MaxRetryDelay time.Duration // which it does not exceed, unless the first one does
	Throttle      time.Duration // pause after each commit
	Threads       int           // 0 = one a core
	MemoryLimit   int64         // bytes DuckDB may use; 0 = half of what this process may
	StreamMemory  int64         // bytes of these for each thread while rows only stream; 0 = a default
	BatchRows     int64         // rows that may share a transaction; 0 = a default each for small and for large files
	MaxUnpacked   int64         // bytes a zip's content may have; 0 = the default

	OpenPatience time.Duration // how long to wait for a reader of the database to go away
	Heartbeat    time.Duration // of the published status

	RunID   string
	Version string
	Log     *slog.Logger
	Now     func() time.Time
	// Ready, if not nil, is called once the lock is held and the database is open or does not exist yet.
	Ready func()
	// Progress is told how far the load is, from one goroutine. It must not block.
	Progress func(Progress)
	// Retrying, if not nil, is called before each wait for a retry, from any goroutine. It must not block.
	Retrying func()
}

// retryDelay is how long to wait before a file is tried again that has failed so often.
func (c Config) retryDelay(failed int64) time.Duration {
	delay := c.RetryDelay
	for ; failed > 1 && delay < c.MaxRetryDelay; failed-- {
		delay *= 2
	}
	return max(c.RetryDelay, min(delay, c.MaxRetryDelay))
}

// Progress is how far a load is.
type Progress struct {
	FilesDone, FilesTotal, FilesFailed int64
	BytesDone, BytesTotal              int64 // of the files as they lie on disk
	Rows                               int64 // inserted
	Current                            string
}

// What is decoded in memory before it is written, and how much of that at a time. A file that may hold more streams.
const (
	smallCSVBytes    = 16 << 20
	batchFiles       = 512
	defaultBatchRows = 1_000_000 // of small files
	largeWeight      = 4         // of a file that streams, where a small one weighs 1
	window           = 2 * largeWeight
	streamAhead      = 16 // blocks read ahead for a file that streams
)
