package main

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// rowsADay is what a day of BTCUSDT futures has.
const rowsADay = 1_200_000

// groups are all that is measured.
func groups(s settings) []group {
	days, smallFiles := 8, 2000
	if s.quick {
		days, smallFiles = 4, 400
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
	}
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
	done := filepath.Join(dir, ".complete")
	if _, err := os.Stat(done); err == nil {
		return nil
	}
	for i := range days {
		spec := synth.Spec{
			Series: catalog.Series{Market: catalog.UM, Symbol: "BTCUSDT"}, Period: catalog.DayPeriod(firstDay + catalog.Day(i)),
			Rows: rows, FirstID: 1_000_000_000 + int64(i)*int64(rows), Seed: uint64(i), Shape: synth.UMHeader,
		}
		if _, err := synth.WriteFile(dir, synth.Mirror, spec, p); err != nil {
			return err
		}
	}
	return os.WriteFile(done, nil, 0o600)
}
