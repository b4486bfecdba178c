package load

import (
	"context"
	"fmt"
	"slices"

	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/store"
)

// Migration is what [Migrate] did, or would do.
type Migration struct {
	Schema   int      `json:"schema"`
	Database string   `json:"database"`
	DryRun   bool     `json:"dry_run"`
	Steps    []string `json:"steps"` // in sentences; empty where there is nothing to do
	Notes    []string `json:"notes"` // what is worth knowing about the database
}

// Migrate completes an existing database's ledger and, if asked to, widens its quantity column. Of c it uses Database, LockFile, Wait,
// DryRun, OpenPatience, MemoryLimit, Threads and Log.
func Migrate(ctx context.Context, c Config, widenQuantity bool) (*Migration, error) {
	r := &run{Config: c, report: newReport(c)}
	m := &Migration{Schema: ReportSchema, DryRun: c.DryRun, Database: c.Database, Steps: []string{}, Notes: []string{}}
	var err error
	if r.path, err = store.Resolve(c.Database); err != nil {
		return m, err
	}
	m.Database = r.path
	open := store.OpenReadOnly
	if !c.DryRun {
		lock, err := r.acquire(ctx)
		if err != nil {
			return m, causeOf(ctx, err)
		}
		defer func() {
			if err := lock.Release(); err != nil {
				r.Log.Warn("lock could not be released", keyError, err)
			}
		}()
		open = store.Open
	}
	if err := r.openDatabase(ctx, open); err != nil {
		return m, causeOf(ctx, store.Absent(err))
	}
	defer func() {
		if err := r.db.Close(); err != nil {
			r.Log.Warn("database did not close cleanly", keyError, err)
		}
	}()
	return m, causeOf(ctx, r.migrate(ctx, m, widenQuantity))
}

func (r *run) migrate(ctx context.Context, m *Migration, widenQuantity bool) error {
	t := r.db.Table()
	m.Notes = notes(t)
	missing := t.LedgerMissing()
	switch {
	case len(t.Ledger) == 0:
		m.Steps = append(m.Steps, "create the table ingestion_log")
	case len(missing) > 0:
		names := make([]string, len(missing))
		for i, c := range missing {
			names[i] = c.Name
		}
		m.Steps = append(m.Steps, fmt.Sprintf("add %s to ingestion_log: %v", amount.Of(len(names), "column"), names))
	}
	quantity, _ := t.Column("quantity")
	widen := widenQuantity && quantity.Type != store.WideQuantity
	if widen {
		rows, err := r.db.CountAll(ctx)
		if err != nil {
			return err
		}
		m.Steps = append(m.Steps, fmt.Sprintf("change quantity of %s from %s to %s", amount.Of(rows, "row"), quantity.Type, store.WideQuantity))
	}
	if r.DryRun {
		return nil
	}
	if err := r.db.CompleteLedger(ctx); err != nil {
		return err
	}
	if widen {
		return r.db.WidenQuantity(ctx)
	}
	return nil
}

// notes say what a database made by the Python scripts can and cannot do.
func notes(t store.Table) []string {
	notes := []string{}
	if !t.HasMarket() {
		notes = append(notes, "aggtrades_history has no column market: it holds one market of each symbol, and a load of another is refused")
	}
	if t.OneSymbolOnly() {
		notes = append(notes, "aggtrades_history has a key on agg_trade_id alone: it holds one symbol, and a load of another is refused")
	} else if t.Keyed() {
		notes = append(notes, "aggtrades_history has a key: loading into it is slower, and takes memory for each row in it; a new database has none")
	}
	if c, ok := t.Column("gross_value"); ok && !c.Computed {
		notes = append(notes, "gross_value is stored, which takes about as much space as all the other columns; a new database computes it")
	}
	return slices.Clip(notes)
}
