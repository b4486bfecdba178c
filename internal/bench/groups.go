package main

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// rowsADay is what a day of BTCUSDT futures has.
const rowsADay = 1_200_000

// data is what the contestants work on, and where it lies.
type data struct {
	settings
	self                                             string // this program
	days, smallFiles, largeDays, flatDays, monthRows int
	legacyDays, scriptsRounds                        int // fewer: the scripts' SQL takes ten times as long as all others, and its times differ little
}

// groups are all that is measured.
func groups(s settings) []group {
	d := data{settings: s, days: 8, smallFiles: 2000, largeDays: 84, flatDays: 200, monthRows: 78_000_000, legacyDays: 4, scriptsRounds: 2}
	if s.quick {
		d = data{settings: s, days: 4, smallFiles: 400, largeDays: 8, flatDays: 20, monthRows: 3_000_000, legacyDays: 1, scriptsRounds: 1}
	}
	d.self = os.Args[0]
	if self, err := os.Executable(); err == nil {
		d.self = self
	}
	return slices.Concat(d.daily(), d.other(), d.overlap(), d.checks(), d.verify())
}

func (d data) path(format string, args ...any) string {
	return filepath.Join(d.dir, fmt.Sprintf(format, args...))
}

func (d data) csv() string   { return d.path("csv-%d", d.days) }
func (d data) small() string { return d.path("small-%d", d.smallFiles) }
func (d data) flat() string  { return d.path("flat-%d", d.flatDays) }

// ours is a load by the loader.
func (d data) ours(name, dir string) contestant {
	return contestant{name: name, command: []string{filepath.Join(d.bin, "ingest-aggtrades"), "--db", "{db}", "--data-dir", dir, "--lock-file", d.path("bench.lock"), "--no-progress"}}
}

// peer is a load of a folder's CSV files by other means.
func (d data) peer(name, kind, dir string) contestant {
	return contestant{name: name, command: []string{d.self, "peer", kind, "{db}", dir}}
}

// opens is the floor of what looks into a database.
func (d data) opens(db string) contestant {
	return contestant{name: "floor: DuckDB opens the database and closes it", command: []string{d.self, "peer", "open", db, db}}
}

// scripts is the slowest of them.
func (d data) scripts(dir string) contestant {
	c := d.peer("the scripts' SQL", "scripts", dir)
	c.rounds = d.scriptsRounds
	return c
}

func (d data) check(name string, args ...string) contestant {
	return contestant{name: "check_ingest_" + name, command: append([]string{filepath.Join(d.bin, "check_ingest_"+name)}, args...), anyExit: true}
}

func (d data) makeCSV() error   { return makeDays(d.csv(), d.days, rowsADay, synth.Plain) }
func (d data) makeSmall() error { return makeDays(d.small(), d.smallFiles, 5000, synth.Plain) }
func (d data) makeFlat() error  { return makeDays(d.flat(), d.flatDays, rowsADay, synth.Plain) }

// daily are the groups that load the same days by different means.
func (d data) daily() []group {
	rows, zip := int64(d.days)*rowsADay, d.path("zip-%d", d.days)
	old := d.path("csv-%d", d.legacyDays)
	legacy := d.ours("ingest-aggtrades, table of the scripts", old)
	legacy.prepare = makeScriptsTable
	return []group{
		{
			name: "csv", title: fmt.Sprintf("%d daily CSV files, %d rows", d.days, rows), rows: rows, bytes: int64(d.days) * csvBytesADay, setup: d.makeCSV,
			contestants: []contestant{
				d.ours("ingest-aggtrades", d.csv()), d.scripts(d.csv()), d.peer("the best plain SQL", "expert", d.csv()),
				d.peer("floor: INSERT of as many rows from memory", "floor", d.csv()),
			},
		},
		{
			name: "zip", title: fmt.Sprintf("The same files as zips, %d rows", rows), rows: rows, bytes: int64(d.days) * csvBytesADay,
			setup: func() error { return makeDays(zip, d.days, rowsADay, synth.Zip) },
			contestants: []contestant{
				d.ours("ingest-aggtrades", zip),
				{name: "unzip -p of the files to nothing", command: []string{"sh", "-c", "find " + zip + " -name '*.zip' -exec unzip -p {} \\; > /dev/null"}},
			},
		},
		{
			name: "legacy", title: "Into a table of the Python scripts, with its key and indexes", rounds: d.scriptsRounds,
			rows: int64(d.legacyDays) * rowsADay, bytes: int64(d.legacyDays) * csvBytesADay,
			setup:       func() error { return makeDays(old, d.legacyDays, rowsADay, synth.Plain) },
			contestants: []contestant{legacy, d.scripts(old)},
		},
	}
}

// other are the groups that have no peer but another load of ours.
func (d data) other() []group {
	month, recorded, smallZips := d.path("month-%d", d.monthRows), d.path("recorded-%d.duckdb", d.smallFiles), d.path("small-zip-%d", d.smallFiles)
	small := int64(d.smallFiles) * 5000
	again := contestant{name: "ingest-aggtrades", command: []string{filepath.Join(d.bin, "ingest-aggtrades"), "--db", recorded, "--data-dir", d.small(), "--lock-file", d.path("bench.lock")}}
	return []group{
		{
			name: "small", title: fmt.Sprintf("%d files of 5,000 rows", d.smallFiles), rows: small, bytes: small * csvBytesADay / rowsADay,
			setup:       func() error { return errors.Join(d.makeSmall(), makeDays(smallZips, d.smallFiles, 5000, synth.Zip)) },
			contestants: []contestant{d.ours("ingest-aggtrades", d.small()), d.ours("ingest-aggtrades, zips", smallZips)},
		},
		{
			name: "nothing", title: fmt.Sprintf("Nothing to do: %d files, all recorded", d.smallFiles),
			setup:       func() error { return loadOnce(d.settings, recorded, d.small(), d.makeSmall) },
			contestants: []contestant{again, d.opens(recorded)},
		},
		{
			name: "month", title: fmt.Sprintf("One monthly file of %d rows", d.monthRows), rounds: 2, rows: int64(d.monthRows), bytes: int64(d.monthRows) * csvBytesADay / rowsADay,
			setup: func() error {
				return errors.Join(makeMonth(month+"-csv", d.monthRows, synth.Plain), makeMonth(month+"-zip", d.monthRows, synth.Zip))
			},
			contestants: []contestant{d.ours("ingest-aggtrades, CSV", month+"-csv"), d.ours("ingest-aggtrades, zip", month+"-zip")},
		},
		{
			name: "flat", title: fmt.Sprintf("%d daily files, the first tenth against the last", d.flatDays), rounds: 1, rows: int64(d.flatDays) * rowsADay, bytes: int64(d.flatDays) * csvBytesADay,
			setup:       d.makeFlat,
			contestants: []contestant{d.ours("ingest-aggtrades", d.flat())},
			remark:      firstAndLast,
		},
	}
}

// checks are the groups about the checks.
func (d data) checks() []group {
	large, lock := d.path("large-%d.duckdb", d.largeDays), d.path("bench.lock")
	cold := d.check("csv", "--data-dir", d.small())
	cold.name += ", no file in the page cache"
	cold.prepare = func(string) error { return dropCache(d.small()) }
	return []group{
		{
			name: "full", title: "Every row of the CSV files decoded by check_ingest_csv --full", rows: int64(d.days) * rowsADay, bytes: int64(d.days) * csvBytesADay, setup: d.makeCSV,
			contestants: []contestant{d.check("csv", "--data-dir", d.csv(), "--full", "--timeout", "5m"), d.peer("the decoder by itself, on all cores", "decode", d.csv())},
		},
		{
			name: "checks", title: fmt.Sprintf("The checks: a database of %d rows, a data dir of %d files", d.largeDays*rowsADay, d.smallFiles),
			setup: func() error {
				return errors.Join(d.makeSmall(), loadOnce(d.settings, large, d.flat(), d.makeFlat, "--end-date", (firstDay+catalog.Day(d.largeDays)-1).String()))
			},
			contestants: []contestant{
				d.check("lock", "--lock-file", lock), d.check("disk", "--db", large, "--data-dir", d.small()), d.check("csv", "--data-dir", d.small()), cold,
				d.check("db", "--db", large, "--lock-file", lock), d.check("log", "--db", large, "--lock-file", lock), d.opens(large),
			},
		},
	}
}

// loadOnce makes a database of a data dir, unless an earlier run did.
func loadOnce(s settings, db, data string, makeData func() error, flags ...string) error {
	if _, err := os.Stat(db); err == nil {
		return nil
	}
	if err := makeData(); err != nil {
		return err
	}
	load := contestant{name: "load", command: []string{filepath.Join(s.bin, "ingest-aggtrades"), "--db", db + ".part", "--data-dir", data, "--lock-file", filepath.Join(s.dir, "bench.lock")}}
	load.command = append(load.command, flags...)
	if _, _, err := load.run(s); err != nil {
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
