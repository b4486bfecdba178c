package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// verify are the groups that look at every row of a database: 300 million rows, or 12 million where it has to be quick.
func (d data) verify() []group {
	days := 250
	if d.quick {
		days = 10
	}
	db := d.path("verify-%d.duckdb", days)
	setup := func() error { return d.makeLong(db, days) }
	verify := func(args ...string) contestant {
		command := []string{filepath.Join(d.bin, "ingest-aggtrades"), "verify", "--db", db, "--lock-file", d.path("bench.lock")}
		return contestant{name: "ingest-aggtrades verify", command: append(command, args...)}
	}
	deep := d.check("db", "--db", db, "--lock-file", d.path("bench.lock"), "--deep", "--timeout", "30m")
	deep.name += " --deep"
	return []group{
		{
			name: "verify", title: fmt.Sprintf("Every row of a database of %d rows", days*rowsADay), rows: int64(days) * rowsADay,
			setup: setup, contestants: []contestant{verify(), deep},
		},
		{
			name: "verify-sample", title: "Ten days of the same database, verify --sample=10", rows: int64(min(10, days/2)) * 2 * rowsADay,
			setup: setup, contestants: []contestant{verify("--sample=10")},
		},
	}
}

// longStep is how many days of files lie on disk at a time while a long database is made.
const longStep = 10

// makeLong makes a database of two symbols, unless an earlier run did, without ever having all of its files on disk.
func (d data) makeLong(db string, days int) error {
	if _, err := os.Stat(db); err == nil {
		return nil
	}
	part, dir := db+".part", db+".files"
	for first := 0; first < days; first += longStep {
		for i := first; i < min(first+longStep, days); i++ {
			symbol, n := []string{"BTCUSDT", "ETHUSDT"}[i%2], i/2
			spec := synth.Spec{
				Series: catalog.Series{Market: catalog.UM, Symbol: symbol}, Period: catalog.DayPeriod(firstDay + catalog.Day(n)),
				Rows: rowsADay, FirstID: 1_000_000_000 + int64(n)*rowsADay, Seed: uint64(i), Shape: synth.UMHeader,
			}
			if _, err := synth.WriteFile(dir, synth.Mirror, spec, synth.Plain); err != nil {
				return err
			}
		}
		load := contestant{name: "load", command: []string{filepath.Join(d.bin, "ingest-aggtrades"), "--db", part, "--data-dir", dir, "--lock-file", d.path("bench.lock")}}
		if _, _, err := load.run(d.settings); err != nil {
			return err
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return errors.Join(os.Rename(part+".ledger.json", db+".ledger.json"), os.Rename(part, db))
}
