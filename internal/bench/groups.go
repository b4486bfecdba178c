package main

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// rowsADay is what a day of BTCUSDT futures has.
const rowsADay = 1_200_000

// groups are all that is measured.
func groups(s settings) []group {
	days, smallFiles, largeDays, monthRows := 8, 2000, 84, 31_000_000
	if s.quick {
		days, smallFiles, largeDays, monthRows = 4, 400, 8, 3_000_000
	}
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	path := func(name string) string { return filepath.Join(s.dir, name) }
	csv, zip, small := path(fmt.Sprintf("csv-%d", days)), path(fmt.Sprintf("zip-%d", days)), path(fmt.Sprintf("small-%d", smallFiles))
	rows := int64(days) * rowsADay
	ours := func(name, data string) contestant {
		return contestant{name: name, command: []string{filepath.Join(s.bin, "ingest-aggtrades"), "--db", "{db}", "--data-dir", data, "--lock-file", path("bench.lock"), "--no-progress"}}
	}
	check := func(name string, args ...string) contestant {
		return contestant{name: "check_ingest_" + name, command: append([]string{filepath.Join(s.bin, "check_ingest_"+name)}, args...), anyExit: true}
	}
	recorded, big, large := path(fmt.Sprintf("recorded-%d.duckdb", smallFiles)), path("month"), path(fmt.Sprintf("large-%d.duckdb", largeDays))
	again := contestant{name: "ingest-aggtrades", command: []string{filepath.Join(s.bin, "ingest-aggtrades"), "--db", recorded, "--data-dir", small, "--lock-file", path("bench.lock")}}
	legacy := ours("ingest-aggtrades, table of the scripts", csv)
	legacy.prepare = makeScriptsTable
	return []group{
		{
			name: "csv", title: fmt.Sprintf("%d daily CSV files, %d rows", days, rows), rows: rows, bytes: int64(days) * csvBytesADay,
			setup: func() error { return makeDays(csv, days, rowsADay, synth.Plain) },
			contestants: []contestant{
				ours("ingest-aggtrades", csv),
				{name: "the scripts' SQL", command: []string{self, "peer", "scripts", "{db}", csv}},
				{name: "the best plain SQL", command: []string{self, "peer", "expert", "{db}", csv}},
				{name: "floor: INSERT of as many rows from memory", command: []string{self, "peer", "floor", "{db}", csv}},
			},
		},
		{
			name: "zip", title: fmt.Sprintf("The same files as zips, %d rows", rows), rows: rows, bytes: int64(days) * csvBytesADay,
			setup: func() error { return makeDays(zip, days, rowsADay, synth.Zip) },
			contestants: []contestant{
				ours("ingest-aggtrades", zip),
				{name: "unzip -p of the files to nothing", command: []string{"sh", "-c", "find " + zip + " -name '*.zip' -exec unzip -p {} \\; > /dev/null"}},
			},
		},
		{
			name: "legacy", title: "Into a table of the Python scripts, with its key and indexes", rows: rows, bytes: int64(days) * csvBytesADay,
			setup:       func() error { return makeDays(csv, days, rowsADay, synth.Plain) },
			contestants: []contestant{legacy, {name: "the scripts' SQL", command: []string{self, "peer", "scripts", "{db}", csv}}},
		},
		{
			name: "small", title: fmt.Sprintf("%d files of 5,000 rows", smallFiles), rows: int64(smallFiles) * 5000, bytes: int64(smallFiles) * 5000 * csvBytesADay / rowsADay,
			setup:       func() error { return makeDays(small, smallFiles, 5000, synth.Plain) },
			contestants: []contestant{ours("ingest-aggtrades", small)},
		},
		{
			name: "nothing", title: fmt.Sprintf("Nothing to do: %d files, all recorded", smallFiles),
			setup: func() error {
				return loadOnce(s, recorded, small, func() error { return makeDays(small, smallFiles, 5000, synth.Plain) })
			},
			contestants: []contestant{again},
		},
		{
			name: "month", title: fmt.Sprintf("One monthly file of %d rows", monthRows), rows: int64(monthRows), bytes: int64(monthRows) * csvBytesADay / rowsADay,
			setup: func() error {
				return errors.Join(makeMonth(big+"-csv", monthRows, synth.Plain), makeMonth(big+"-zip", monthRows, synth.Zip))
			},
			contestants: []contestant{ours("ingest-aggtrades, CSV", big+"-csv"), ours("ingest-aggtrades, zip", big+"-zip")},
		},
		{
			name: "checks", title: fmt.Sprintf("The checks: a database of %d rows, a data dir of %d files", largeDays*rowsADay, smallFiles),
			setup: func() error {
				data := path(fmt.Sprintf("large-%d", largeDays))
				return errors.Join(makeDays(small, smallFiles, 5000, synth.Plain),
					loadOnce(s, large, data, func() error { return makeDays(data, largeDays, rowsADay, synth.Plain) }))
			},
			contestants: []contestant{
				check("lock", "--lock-file", path("bench.lock")),
				check("disk", "--db", large, "--data-dir", small),
				check("csv", "--data-dir", small),
				check("db", "--db", large, "--lock-file", path("bench.lock")),
				check("log", "--db", large, "--lock-file", path("bench.lock")),
			},
		},
	}
}

// loadOnce makes a database of a data dir, unless an earlier run did.
func loadOnce(s settings, db, data string, makeData func() error) error {
	if _, err := os.Stat(db); err == nil {
		return nil
	}
	if err := makeData(); err != nil {
		return err
	}
	load := contestant{name: "load", command: []string{filepath.Join(s.bin, "ingest-aggtrades"), "--db", db + ".part", "--data-dir", data, "--lock-file", filepath.Join(s.dir, "bench.lock")}}
	if _, err := load.run(s); err != nil {
		return err
	}
	return errors.Join(os.Rename(db+".part.ledger.json", db+".ledger.json"), os.Rename(db+".part", db))
}

// makeMonth makes one monthly file, unless an earlier run did.
func makeMonth(dir string, rows int, p synth.Packing) error {
	return once(dir, func() error {
		_, err := synth.WriteFile(dir, synth.Mirror, synth.Spec{
			Series: catalog.Series{Market: catalog.UM, Symbol: "BTCUSDT"}, Period: catalog.MonthPeriod(2025, time.March), Rows: rows, FirstID: 1_000_000_000, Seed: 7,
		}, p)
		return err
	})
}

// makeScriptsTable makes the database that the scripts would.
func makeScriptsTable(path string) (err error) {
	db, err := sql.Open("duckdb", path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return execAll(db, scriptsSchema...)
}

// csvBytesADay is about what a day's CSV takes.
const csvBytesADay = 80_000_000

// firstDay is the day of the first file that is made.
const firstDay catalog.Day = 18628 // 2021-01-01

// makeDays makes daily files, unless an earlier run did.
func makeDays(dir string, days, rows int, p synth.Packing) error {
	return once(dir, func() error {
		for i := range days {
			spec := synth.Spec{
				Series: catalog.Series{Market: catalog.UM, Symbol: "BTCUSDT"}, Period: catalog.DayPeriod(firstDay + catalog.Day(i)),
				Rows: rows, FirstID: 1_000_000_000 + int64(i)*int64(rows), Seed: uint64(i), Shape: synth.UMHeader,
			}
			if _, err := synth.WriteFile(dir, synth.Mirror, spec, p); err != nil {
				return err
			}
		}
		return nil
	})
}

// once calls fill unless it filled the folder before.
func once(dir string, fill func() error) error {
	done := filepath.Join(dir, ".complete")
	if _, err := os.Stat(done); err == nil {
		return nil
	}
	if err := fill(); err != nil {
		return err
	}
	return os.WriteFile(done, nil, 0o600)
}
