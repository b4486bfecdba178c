package verify

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/store"
)

// Config says what to look at and how.
type Config struct {
	Database string
	LockFile string // the loader's, which tells whether a writer is the loader

	Symbols []string       // none: all
	Market  catalog.Market // "": all; does not narrow a table without a market column
	First   *catalog.Day   // nil: from the first on
	Last    *catalog.Day   // nil: to the last
	Sample  int            // look at so many days only, spread from first to last; 0: at all

	Threads     int   // 0: one a core
	MemoryLimit int64 // bytes that DuckDB may use; 0: 512 MiB

	Version  string
	Now      func() time.Time
	Progress func(Progress) // nil: nobody is told
}

// Progress is how far a verification is. Done and Total are in rows, each of which is counted as often as it is gone through.
type Progress struct {
	Step        string
	Done, Total int64
	Defects     int64 // found so far
}

// ErrDefects is that the database is not sound; the report says why.
var ErrDefects = errors.New("defects found")

// defaultMemory is what DuckDB may use: enough for two threads with room to spare, see TestMemoryIsBounded.
const defaultMemory = 512 << 20

func (c Config) options() store.Options {
	o := store.Options{Threads: c.Threads, MemoryLimit: c.MemoryLimit}
	if o.Threads == 0 {
		o.Threads = runtime.NumCPU()
	}
	if o.MemoryLimit == 0 {
		o.MemoryLimit = defaultMemory
	}
	return o
}

// Validate says what is wrong with the configuration, in terms of the flags.
func (c Config) Validate() error {
	switch {
	case c.First != nil && c.Last != nil && *c.Last < *c.First:
		return fmt.Errorf("--end-date %s is before --start-date %s", c.Last, c.First)
	case c.Sample < 0:
		return fmt.Errorf("--sample %d: must not be negative", c.Sample)
	case c.Threads < 0:
		return fmt.Errorf("--threads %d: must not be negative", c.Threads)
	case c.MemoryLimit != 0 && c.MemoryLimit < leastMemory:
		return fmt.Errorf("--memory-limit %s: must be at least 256MiB", humanize.IBytes(uint64(max(0, c.MemoryLimit))))
	}
	for _, s := range c.Symbols {
		if err := catalog.CheckSymbol(s); err != nil {
			return fmt.Errorf("--symbol: %w", err)
		}
	}
	return nil
}

// leastMemory is what opening a database with a write-ahead log may take.
const leastMemory = 256 << 20

func (c Config) scope() store.Scope { return store.Scope{Symbols: c.Symbols, Market: c.Market} }
