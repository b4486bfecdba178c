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
	DB            string `group:"change" name:"db" required:"" placeholder:"FILE" help:"The DuckDB file."`
	WidenQuantity bool   `group:"change" help:"Let quantity hold more than ten digits before the point."`
	DryRun        bool   `group:"change" help:"Show what would be done, and change nothing."`

	Writing writing `embed:""`
}

// Validate checks what no single flag can.
func (c *migrateCmd) Validate() error {
	return needed(flagValue{"--db=FILE", c.DB}, flagValue{"--lock-file=FILE", c.Writing.LockFile})
}

func (c *migrateCmd) run(ctx context.Context, p Program) error {
	show := newShow(p, c.Writing, false)
	w := c.Writing
	m, err := load.Migrate(ctx, load.Config{
		Database: c.DB, LockFile: w.LockFile, Wait: time.Duration(w.Wait), DryRun: c.DryRun,
		OpenPatience: time.Minute, RunID: p.RunID, Version: p.Build.Version, Log: show.log, Now: p.Now,
	}, c.WidenQuantity)
	if err != nil {
		return err
	}
	if w.Output == "json" {
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
			{Does: "for a file whose quantities are too large", Command: "ingest-aggtrades migrate --db=trades.duckdb --widen-quantity"},
		},
		ExitCodes: append([]manual.ExitCode{
			{Code: load.ExitOK, Meaning: "migrated, or nothing had to be"},
			{Code: load.ExitUsage, Meaning: "usage error"},
		}, exitCodes(load.ExitDatabase, load.ExitNoSpace, load.ExitOutput, load.ExitHeld, load.ExitInterrupted, load.ExitTerminated)...),
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
