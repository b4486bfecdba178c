package csvcheck

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/checkcli"
	"github.com/check-ingest/check-ingest/internal/nagios"
)

// Cmd is the command line of check_ingest_csv.
type Cmd struct {
	DataDir   string         `placeholder:"DIR" help:"The folder that holds the downloads, in any layout."`
	Symbol    []string       `placeholder:"SYMBOL" help:"Look only at this symbol's files, of which there must be some. May be repeated."`
	Market    catalog.Market `placeholder:"MARKET" help:"spot, um or cm: the market of files whose path does not tell. Default: um."`
	StartDate *catalog.Day   `placeholder:"YYYY-MM-DD" help:"First day that should be there, UTC. Default: that of each symbol's first file."`
	EndDate   *catalog.Day   `placeholder:"YYYY-MM-DD" help:"Last day that should be there, UTC. Default: that of its last file."`

	Sample   int  `placeholder:"N" help:"Look at no more than N files of each symbol, spread from its first to its last: 3 are the first, the middle and the last, 1 is the last. Default: all."`
	Checksum bool `help:"Read all of each file that has a .CHECKSUM beside it, and compare."`
	Full     bool `help:"Decode every row on all cores, as the loader does, and verify CRC and .CHECKSUM. Give it time with --timeout."`
	Widened  bool `help:"The database's quantity column was widened: accept numbers of any width."`

	// Fixed says that who reads the result has no flags for thresholds, as that of ingest-aggtrades preflight has not: no remedy names one.
	Fixed bool `kong:"-"`
}

// Validate checks what no single flag can.
func (c *Cmd) Validate() error {
	switch {
	case c.DataDir == "":
		return errors.New("give --data-dir=DIR, the folder that holds the downloads")
	case c.StartDate != nil && c.EndDate != nil && *c.EndDate < *c.StartDate:
		return fmt.Errorf("--end-date %s is before --start-date %s", c.EndDate, c.StartDate)
	case c.Sample < 0:
		return fmt.Errorf("--sample %d: must not be negative", c.Sample)
	}
	for _, s := range c.Symbol {
		if err := catalog.CheckSymbol(s); err != nil {
			return fmt.Errorf("--symbol: %w", err)
		}
	}
	return nil
}

// Manual is the help's prose.
func (c *Cmd) Manual() checkcli.Manual {
	return checkcli.Manual{
		Summary: "Are the downloads whole, and what has to be fetched again?",
		Detail: `Every file is looked at: its size, the first and last rows of a .csv, an archive's directory, its member's name and
first rows, with the decoder that the loader uses. A file that it would refuse is bad: empty, cut off, a web page saved as
data, rows of another day. Damage in the middle shows with --full, which decodes all rows and comes to the loader's
verdict, or with --checksum, which is faster.

Days are missing where neither a daily nor a monthly file stands for them. No file at all is CRITICAL. What to fetch again
is listed with -v or -o table, oldest first, with the command that does it.

newest_age has no default threshold, since how far you keep up is your choice. Binance publishes a day's file the next day,
sometimes later: -w newest_age=2d -c newest_age=4d suits daily downloads.`,
		Examples: []checkcli.Example{
			{Does: "all files, quickly; do not alarm for three known holes", Command: "check_ingest_csv --data-dir=/data/in -w days_missing=3"},
			{Does: "is the newest day of BTCUSDT there?", Command: "check_ingest_csv --data-dir=/data/in --symbol=BTCUSDT -w newest_age=2d"},
			{Does: "decode every row, in a nightly job", Command: "check_ingest_csv --data-dir=/data/in --full --timeout=2h -o table"},
		},
	}
}

// The metrics' labels.
const (
	labelBad            = "bad"
	labelFiles          = "files"
	labelEmpty          = "empty"
	labelDaysMissing    = "days_missing"
	labelChecksumFailed = "checksum_failed"
	labelNewestAge      = "newest_age"
	labelBytes          = "bytes"
)

// Metrics declares what the check measures.
func (c *Cmd) Metrics() []nagios.Spec {
	needs := ""
	if !c.Checksum && !c.Full {
		needs = "--checksum or --full"
	}
	return []nagios.Spec{
		{Label: labelBad, Help: "Files that the loader would refuse, as far as was looked.", Critical: "0"},
		{Label: labelFiles, Help: "Files there are; copies of one file count once."},
		{Label: labelEmpty, Help: "Of the bad files, those without any row."},
		{Label: labelDaysMissing, Help: "Days without a file, of all symbols together.", Warning: "0"},
		{Label: labelChecksumFailed, Help: "Of the bad files, those that do not agree with their .CHECKSUM.", Needs: needs},
		{Label: labelNewestAge, Unit: nagios.Seconds, Help: "Since the end of the newest file's day or month, of the symbol that is furthest behind."},
		{Label: labelBytes, Unit: nagios.Bytes, Help: "Size of all files on disk."},
	}
}

// Check looks at the files and judges them.
func (c *Cmd) Check(ctx context.Context, now time.Time) (nagios.Result, error) {
	o, err := c.gather(ctx, now)
	if err != nil {
		return nagios.Result{}, err
	}
	return evaluate(o, now), nil
}
