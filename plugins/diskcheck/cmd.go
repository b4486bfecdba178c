package diskcheck

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/checkcli"
	"github.com/check-ingest/check-ingest/internal/nagios"
)

// Cmd is the command line of check_ingest_disk.
type Cmd struct {
	DB      string         `placeholder:"FILE" help:"The database: the file system that holds it, or will hold it, is looked at."`
	Path    []string       `sep:"none" placeholder:"PATH[=ALIAS]" help:"Another folder or file whose file system is looked at. May be repeated; ALIAS names it in the metrics' labels."`
	DataDir string         `placeholder:"DIR" help:"The downloads. With it, the space that pending files need is estimated. Needs --db."`
	Symbol  []string       `placeholder:"SYMBOL" help:"Count only this symbol's files as pending. May be repeated."`
	Market  catalog.Market `placeholder:"MARKET" help:"spot, um or cm: the market of files whose path does not tell. Default: um."`

	StartDate *catalog.Day `placeholder:"YYYY-MM-DD" help:"Count only files of this day and later as pending, UTC."`
	EndDate   *catalog.Day `placeholder:"YYYY-MM-DD" help:"Count only files of this day and before as pending, UTC."`
}

// Validate checks what no single flag can.
func (c *Cmd) Validate() error {
	if c.DB == "" && len(c.Path) == 0 {
		return errors.New("give --db=FILE or --path=PATH, so that there is something to look at")
	}
	if c.DataDir != "" && c.DB == "" {
		return errors.New("--data-dir: needs --db, since what is pending depends on what the database has")
	}
	if c.StartDate != nil && c.EndDate != nil && *c.EndDate < *c.StartDate {
		return fmt.Errorf("--end-date %s is before --start-date %s", c.EndDate, c.StartDate)
	}
	for _, s := range c.Symbol {
		if err := catalog.CheckSymbol(s); err != nil {
			return fmt.Errorf("--symbol: %w", err)
		}
	}
	_, err := c.targets()
	return err
}

// Manual is the help's prose.
func (c *Cmd) Manual() checkcli.Manual {
	return checkcli.Manual{
		Summary: "Will the load fit?",
		Detail: `Free space is what df calls available: without the blocks that are kept for root. Percentages are df's too. A file
system that is mounted read-only is CRITICAL, and so is a path that does not exist.

With --data-dir, the files that the database does not have yet are counted, and what they will take in it is estimated
from what the loaded ones took, as the snapshot that the loader leaves beside the database tells. Without a snapshot
everything counts as pending, with a ratio that new databases have. A load that would not fit is CRITICAL
whatever the thresholds.

With several paths, labels end in _ and the path's name: free_var_lib for /var/lib, free_root for /. A threshold on free
holds for all of them, one on free_var_lib for that one alone. needed and headroom are always those of the database.`,
		Examples: []checkcli.Example{
			{Does: "will the pending files fit? As a gate before a load", Command: "check_ingest_disk --db=/data/trades.duckdb --data-dir=/data/in --gate"},
			{Does: "other limits, in bytes and percent", Command: "check_ingest_disk --db=/data/trades.duckdb -w 300GB: -c 200GB: -c free_pct=5%:"},
			{Does: "two file systems, one with an alias and a limit of its own", Command: "check_ingest_disk --path=/data --path=/srv/in=in -c free_in=20GB:"},
		},
	}
}

// The metrics' labels. All but the last two get a suffix where there are several paths.
const (
	labelFree     = "free"
	labelFreePct  = "free_pct"
	labelInodes   = "inodes_free_pct"
	labelUsed     = "used"
	labelSize     = "size"
	labelNeeded   = "needed"
	labelHeadroom = "headroom"
)

// volumeSpecs are the metrics of one file system.
func volumeSpecs() []nagios.Spec {
	return []nagios.Spec{
		{Label: labelFree, Unit: nagios.Bytes, Help: "Space available to users other than root.", Warning: "150GB:", Critical: "100GB:"},
		{Label: labelFreePct, Unit: nagios.Percent, Help: "The same in percent of used and available."},
		{Label: labelInodes, Unit: nagios.Percent, Help: "Free inodes; not measured where there is no fixed number."},
		{Label: labelUsed, Unit: nagios.Bytes, Help: "Space in use."},
		{Label: labelSize, Unit: nagios.Bytes, Help: "Size of the file system."},
	}
}

// Metrics declares what the check measures. Where there are several paths, the plain labels stay as names for thresholds
// on all of them, and each path has its own.
func (c *Cmd) Metrics() []nagios.Spec {
	specs := volumeSpecs()
	if targets, err := c.targets(); err == nil && len(targets) > 1 {
		plain := specs
		for _, t := range targets {
			for _, s := range plain {
				specs = append(specs, nagios.Spec{Label: s.Label + t.suffix, Of: s.Label, Unit: s.Unit, Help: s.Help})
			}
		}
	}
	needs := ""
	if c.DataDir == "" {
		needs = "--data-dir"
	}
	return append(specs,
		nagios.Spec{Label: labelNeeded, Unit: nagios.Bytes, Help: "What pending files will take in the database, estimated.", Needs: needs},
		nagios.Spec{Label: labelHeadroom, Unit: nagios.Bytes, Help: "free less needed; negative where the load will not fit.", Signed: true, Needs: needs},
	)
}

// Check asks the file systems and, with --data-dir, what is pending, and judges both.
func (c *Cmd) Check(ctx context.Context, now time.Time) (nagios.Result, error) {
	targets, err := c.targets()
	if err != nil {
		return nagios.Result{}, err
	}
	return evaluate(c.gather(ctx, targets), now), nil
}
