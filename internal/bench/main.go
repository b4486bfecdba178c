// Command bench measures the loader beside the ways people load such files otherwise, all in one run: every contestant is a process of its
// own, rounds are interleaved, and what counts are the ratios of the medians. It makes the data it needs, the same on every machine.
//
//	make bench            # about 20 minutes and 27 GB of disk; writes the table into docs/performance.md
//	make bench QUICK=1    # about three minutes; prints it
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	if err := bench(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// settings are what the flags say.
type settings struct {
	quick  bool
	dir    string // of the data and the databases
	bin    string // of the binaries
	doc    string // the page the table goes into; empty for none
	rounds int
	only   string // the name of a contestant or group; empty for all
}

func bench(args []string) error {
	if len(args) > 0 && args[0] == "peer" { // a contestant, started by run
		return peer(args[1:])
	}
	var s settings
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.BoolVar(&s.quick, "quick", false, "less data, fewer rounds")
	flags.StringVar(&s.dir, "dir", filepath.Join(os.TempDir(), "check-ingest-bench"), "folder for data and databases; kept, so that the next run finds the data")
	flags.StringVar(&s.bin, "bin", "bin", "folder of the binaries")
	flags.StringVar(&s.doc, "doc", "", "page to write the tables into, even of some groups only; all groups go into docs/performance.md by themselves")
	flags.IntVar(&s.rounds, "rounds", 0, "rounds; 0 = 5, or 3 with -quick")
	flags.StringVar(&s.only, "only", "", "run only the groups of these names, separated by commas")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if s.rounds == 0 {
		s.rounds = 5
		if s.quick {
			s.rounds = 3
		}
	}
	if s.doc == "" && !s.quick && s.only == "" {
		s.doc = "docs/performance.md"
	}
	groups := groups(s)
	var results []result
	byName := measured{}
	for _, g := range groups {
		if s.only != "" && !slices.Contains(strings.Split(s.only, ","), g.name) {
			continue
		}
		result, err := g.run(s)
		if err != nil {
			return fmt.Errorf("%s: %w", g.name, err)
		}
		results = append(results, result)
		byName[g.name] = result
		fmt.Print(result.markdown())
	}
	table := targetTable(byName)
	fmt.Print(table)
	if s.doc == "" {
		return nil
	}
	return writeDoc(s, results, table)
}
