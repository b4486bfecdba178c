package dbcheck

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/checkcli"
	"github.com/check-ingest/check-ingest/internal/nagios"
	"github.com/check-ingest/check-ingest/internal/runstate"
)

// Cmd is the command line of check_ingest_db.
type Cmd struct {
	DB       string         `placeholder:"FILE" help:"The database."`
	LockFile string         `default:"/tmp/liquidation_heatmap_ingestion.lock" placeholder:"FILE" help:"The loader's lock file: who holds both it and the database is the loader."`
	Symbol   []string       `placeholder:"SYMBOL" help:"Only this symbol. May be repeated."`
	Market   catalog.Market `placeholder:"MARKET" help:"Only this market: spot, um or cm."`

	Missing    nagios.Status `default:"critical" placeholder:"STATE" help:"State of a database that does not exist; ok for a gate before the first load, which creates it."`
	Busy       nagios.Status `default:"critical" placeholder:"STATE" help:"State while another program than the loader writes to it."`
	IngestBusy nagios.Status `default:"ok" placeholder:"STATE" help:"State while the loader writes to it."`

	Gaps   bool `help:"Find missing days and trade ids, by the ledger: as fast as the files are few, however many rows there are."`
	Blocks bool `help:"Read every block and verify its checksum: about 1 s a GB. It keeps writers out meanwhile; raise --timeout."`
	Deep   bool `help:"Examine every row: about 5 s for 100 million. It keeps writers out meanwhile; raise --timeout."`

	thresholds nagios.Thresholds
}

// Validate checks what no single flag can.
func (c *Cmd) Validate() error {
	if c.DB == "" {
		return errors.New("give --db=FILE, the database to look at")
	}
	if c.LockFile == "" {
		return errors.New("--lock-file: is empty")
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
		Summary: "Is the database there, sound, current and free to write?",
		Detail: `CRITICAL, each with what to do: it is missing, no DuckDB database, written by a newer DuckDB, held open for writing
by another program, damaged, or without the table that is expected. The check only reads, creates no file, waits for no
lock, and holds the database for milliseconds, or not at all where nobody wrote to it since the loader did: then the
snapshot of the ledger tells what is in it, and only the metadata is read and verified. It works as a user who may only read it.

While the loader writes, nobody else can open the database: the answer then comes from the snapshot of the ledger beside
it and from the status of the run, says how old it is, and is OK. Databases of the Python scripts are understood; what
only the loader's ledger tells is left out for them.

DuckDB notices a damaged block only where it reads it, and what this check reads by default is very little: use
--blocks for that, once a day. With --symbol or --market, age, rows, symbols, days_missing, ids_missing and the counts of --deep are
of these alone; age is that of the symbol whose newest trade is the oldest, and rows is left out where the ledger does not
account for all of them.`,
		Examples: []checkcli.Example{
			{Does: "as a service: the newest trade may be 2 days old, 3 at the very most", Command: "check_ingest_db --db=/data/trades.duckdb -w 2d -c 3d"},
			{Does: "once a day: holes in two symbols, but not a few ids that Binance left out", Command: "check_ingest_db --db=/data/trades.duckdb --gaps --symbol=BTCUSDT --symbol=ETHUSDT -w ids_missing=1000"},
			{Does: "once a week, at night: every block and every row", Command: "check_ingest_db --db=/data/trades.duckdb --blocks --deep -t 30m -v"},
		},
	}
}

// The metrics' labels.
const (
	labelAge          = "age"
	labelRows         = "rows"
	labelSymbols      = "symbols"
	labelSize         = "size"
	labelWAL          = "wal_size"
	labelDays         = "days_missing"
	labelIDs          = "ids_missing"
	labelDuplicates   = "duplicates"
	labelInvalid      = "invalid"
	labelNulls        = "nulls"
	labelPrice        = "bad_price"
	labelQuantity     = "bad_quantity"
	labelSide         = "bad_side"
	labelGross        = "bad_gross_value"
	labelTime         = "bad_time"
	labelOutside      = "outside_period"
	labelOpenTime     = "open_time"
	labelSnapshotAge  = "snapshot_age"
	labelHeartbeatAge = "heartbeat_age"
)

// Metrics declares what the check measures.
func (c *Cmd) Metrics() []nagios.Spec {
	needs := func(given bool, flag string) string {
		if given {
			return ""
		}
		return flag
	}
	gaps, deep := needs(c.Gaps, "--gaps"), needs(c.Deep, "--deep")
	return []nagios.Spec{
		{Label: labelAge, Unit: nagios.Seconds, Help: "Since the newest trade."},
		{Label: labelRows, Help: "Rows, of which each is an aggregated trade."},
		{Label: labelSymbols, Help: "Symbols that have rows, by the ledger; one in two markets counts twice."},
		{Label: labelSize, Unit: nagios.Bytes, Help: "Size of the file."},
		{Label: labelWAL, Unit: nagios.Bytes, Help: "Size of the write-ahead log beside it; 0 without one."},
		{Label: labelDays, Help: "Days without a row between the first and the last.", Warning: "0", Needs: gaps},
		{Label: labelIDs, Help: "Trade ids that no row has between the first and the last.", Warning: "0", Needs: gaps},
		{Label: labelDuplicates, Help: "Rows that repeat the id of another.", Critical: "0", Needs: deep},
		{Label: labelInvalid, Help: "Defects of all the following kinds.", Critical: "0", Needs: deep},
		{Label: labelNulls, Help: "Rows that lack a value.", Needs: deep},
		{Label: labelPrice, Help: "Rows whose price is not above 0.", Needs: deep},
		{Label: labelQuantity, Help: "Rows whose quantity is below 0.", Needs: deep},
		{Label: labelSide, Help: "Rows whose side is neither buy nor sell.", Needs: deep},
		{Label: labelGross, Help: "Rows whose gross_value is not price x quantity.", Needs: deep},
		{Label: labelTime, Help: "Rows of before 2017 or of the future.", Needs: deep},
		{Label: labelOutside, Help: "Rows outside the period of the file they came from.", Needs: deep},
		{Label: labelOpenTime, Unit: nagios.Seconds, Help: "What it took to open the database, or to see that it can stay closed."},
		{Label: labelSnapshotAge, Unit: nagios.Seconds, Help: "Age of the ledger snapshot, where the answer comes from it."},
		{Label: labelHeartbeatAge, Unit: nagios.Seconds, Help: "Since the last sign of life of the loader that writes."},
	}
}

// UseThresholds keeps the limits of what may turn out not to be measurable.
func (c *Cmd) UseThresholds(t nagios.Thresholds) { c.thresholds = t }

// Check looks at the database and judges it.
func (c *Cmd) Check(ctx context.Context, now time.Time) (nagios.Result, error) {
	o, err := c.gather(ctx, runstate.DefaultProcRoot, now)
	if err != nil {
		return nagios.Result{}, err
	}
	return c.evaluate(o, now), nil
}
