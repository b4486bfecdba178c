package logcheck

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/checkcli"
	"github.com/check-ingest/check-ingest/internal/nagios"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/store"
)

// Cmd is the command line of check_ingest_log.
type Cmd struct {
	DB       string         `placeholder:"FILE" help:"The database whose ledger is read."`
	LockFile string         `default:"/tmp/liquidation_heatmap_ingestion.lock" placeholder:"FILE" help:"The loader's lock file, beside which it publishes its run."`
	Symbol   []string       `placeholder:"SYMBOL" help:"Count only this symbol's files. May be repeated."`
	Market   catalog.Market `placeholder:"MARKET" help:"Count only this market's files: spot, um or cm."`

	thresholds nagios.Thresholds
}

// Validate checks what no single flag can.
func (c *Cmd) Validate() error {
	if c.DB == "" {
		return errors.New("give --db=FILE, the database whose ledger is to be read")
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
		Summary: "What did the last loads do?",
		Detail: `A file counts by its latest outcome, so one that failed and was loaded later is a success. Failed files are CRITICAL and
partial ones (rows were left out because the database held others with their ids) WARNING, unless thresholds say otherwise. -v
lists them, the latest first, at most 50.

The last run is CRITICAL if it died, hangs, or ended because the database could not be used or the space did not suffice, and WARNING if it was
stopped, found nothing to load, or found the database in use. A load that runs is OK, and so is a database that nothing was ever loaded
into.

The answer comes from the snapshot of the ledger beside the database where nobody wrote to that since the last load, and while the
loader writes, since nobody else can open it then. With --symbol or --market, failed, partial, success and success_age are of these alone.`,
		Examples: []checkcli.Example{
			{Does: "as a service: a file should be loaded every day", Command: "check_ingest_log --db=/data/trades.duckdb -w success_age=26h -c success_age=50h"},
			{Does: "failed files are no reason to get up at night, more than 10 are", Command: "check_ingest_log --db=/data/trades.duckdb -w 0 -c 10"},
			{Does: "what failed and what to do about it, for a person", Command: "check_ingest_log --db=/data/trades.duckdb -v"},
		},
	}
}

// The metrics' labels.
const (
	labelFailed      = "failed"
	labelPartial     = "partial"
	labelSuccess     = "success"
	labelSuccessAge  = "success_age"
	labelRunAge      = "run_age"
	labelRows        = "rows"
	labelRate        = "rows_per_second"
	labelSnapshotAge = "snapshot_age"
)

// Metrics declares what the check measures.
func (c *Cmd) Metrics() []nagios.Spec {
	return []nagios.Spec{
		{Label: labelFailed, Help: "Files whose latest outcome is failed.", Critical: "0"},
		{Label: labelPartial, Help: "Files of which rows were left out, since others have their ids.", Warning: "0"},
		{Label: labelSuccess, Help: "Files that are loaded wholly."},
		{Label: labelSuccessAge, Unit: nagios.Seconds, Help: "Since a file was loaded wholly last."},
		{Label: labelRunAge, Unit: nagios.Seconds, Help: "Since the last run ended; 0 while one runs."},
		{Label: labelRows, Help: "Rows that the last run loaded, so far where it still runs."},
		{Label: labelRate, Help: "Rows a second of that run."},
		{Label: labelSnapshotAge, Unit: nagios.Seconds, Help: "Age of the ledger snapshot, where the answer comes from it."},
	}
}

// UseThresholds keeps the limits of what may turn out not to be measurable.
func (c *Cmd) UseThresholds(t nagios.Thresholds) { c.thresholds = t }

// Check reads the ledger and what is published about runs, and judges both.
func (c *Cmd) Check(ctx context.Context, now time.Time) (nagios.Result, error) {
	o, err := c.gather(ctx, runstate.DefaultProcRoot, now)
	if err != nil {
		return nagios.Result{}, err
	}
	return c.evaluate(o, now), nil
}

// scope is the series that were asked for.
func (c *Cmd) scope() store.Scope { return store.Scope{Symbols: c.Symbol, Market: c.Market} }
