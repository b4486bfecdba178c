package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// overlap is the group that loads one more day into a database of some: a file whose ids are all new, one of which the table has a tenth, and one of
// which it has them all. Times lie in the file's own day, so the rows that meet are conflicts, which cost what duplicates cost.
func (d data) overlap() []group {
	base := d.path("base-%d.duckdb", d.days)
	dir := func(percent int) string { return d.path("overlap-%d-%d", d.days, percent) }
	load := func(name string, percent int) contestant {
		c := d.ours("ingest-aggtrades, "+name, dir(percent))
		c.prepare = func(db string) error { return copyFile(db, base) }
		return c
	}
	return []group{{
		name: "overlap", title: fmt.Sprintf("One more day into a database of %d rows", d.days*rowsADay), rows: rowsADay, bytes: csvBytesADay,
		setup: func() error {
			err := loadOnce(d.settings, base, d.csv(), d.makeCSV)
			for _, percent := range []int{0, 10, 100} {
				err = errors.Join(err, makeOverlap(dir(percent), d.days, percent))
			}
			return err
		},
		contestants: []contestant{load("no id is loaded", 0), load("a tenth of the ids is", 10), load("all ids are", 100)},
	}}
}

// makeOverlap makes the file of the day after so many days, with a percentage of its ids from the days before.
func makeOverlap(dir string, days, percent int) error {
	return once(dir, func() error {
		_, err := synth.WriteFile(dir, synth.Mirror, synth.Spec{
			Series: catalog.Series{Market: catalog.UM, Symbol: "BTCUSDT"}, Period: catalog.DayPeriod(firstDay + catalog.Day(days)),
			Rows: rowsADay, FirstID: 1_000_000_000 + int64(days)*rowsADay - int64(percent)*rowsADay/100, Seed: uint64(days), Shape: synth.UMHeader,
		}, synth.Plain)
		return err
	})
}

// copyFile copies a database, with nothing beside it.
func copyFile(to, from string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}

// dropCache has the kernel forget the content of a folder's files. What it knows of the folders themselves it keeps.
func dropCache(dir string) error {
	unix.Sync() // what was not written yet cannot be dropped
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	})
}
