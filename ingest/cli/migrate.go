package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/check-ingest/check-ingest/ingest/load"
	"github.com/check-ingest/check-ingest/internal/manual"
)

// migrateCmd is the flags of migrate.
type migrateCmd struct {
	Database      database `embed:""`
	WidenQuantity bool     `group:"what" help:"Let quantity hold more than ten digits before the point."`
	DryRun        bool     `group:"what" help:"Show what would be done, and change nothing."`
}

func (c *migrateCmd) run(ctx context.Context, p Program) error {
	show := newShow(p, c.Database, false)
	d := c.Database
	m, err := load.Migrate(ctx, load.Config{
		Database: d.DB, LockFile: d.LockFile, Wait: time.Duration(d.Wait), DryRun: c.DryRun,
		OpenPatience: time.Minute, RunID: p.RunID, Version: p.Build.Version, Log: show.log, Now: p.Now,
	}, c.WidenQuantity)
	if err != nil {
		return err
	}
	if d.Output == "json" {
		return p.writeJSON(m)
	}
	return p.writeText([]byte(migrationText(m)))
}

func (c *migrateCmd) manual() manual.Text {
	return manual.Text{
		Summary: "Bring an existing database's ledger up to date, or widen its quantity column.",
		Detail: `A database of the Python scripts is loaded as it is; migrate adds the ledger, or the columns that it lacks. What is there
is kept.`,
		Examples: []manual.Example{
			{Does: "what would be changed", Command: "ingest-aggtrades migrate --db=trades.duckdb --dry-run"},
		},
	}
}

// migrationText is the outcome for people.
func migrationText(m *load.Migration) string {
	var b strings.Builder
	switch {
	case len(m.Steps) == 0:
		fmt.Fprintf(&b, "%s needs no migration.\n", clean(m.Database))
	case m.DryRun:
		fmt.Fprintf(&b, "Dry run: nothing is changed. A migration of %s would\n", clean(m.Database))
	default:
		fmt.Fprintf(&b, "Migrated %s:\n", clean(m.Database))
	}
	for _, s := range m.Steps {
		fmt.Fprintf(&b, "  - %s\n", clean(s))
	}
	for _, n := range m.Notes {
		fmt.Fprintf(&b, "Note: %s.\n", clean(n))
	}
	return b.String()
}
