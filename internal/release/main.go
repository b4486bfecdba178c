// Command release makes what a release ships beside the programs: the licence texts of everything that is linked in, and the list of it.
//
//	go run ./internal/release licenses -dir DIR    the texts, a folder a module
//	go run ./internal/release sbom -in FILE -out FILE    adds to a CycloneDX list of Go modules what no go.mod knows: DuckDB and its parts, the C and C++ libraries
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("expected a command: licenses or sbom")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	parts := flags.String("parts", "contrib/package/licenses/duckdb/PARTS", "the table of DuckDB's parts")
	switch args[0] {
	case "licenses":
		dir := flags.String("dir", "", "where the texts go; emptied first")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		if *dir == "" {
			return errors.New("licenses: expected -dir")
		}
		return writeLicenses(*dir, *parts)
	case "sbom":
		in := flags.String("in", "", "the list that cyclonedx-gomod made")
		out := flags.String("out", "", "the list with the rest")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		if *in == "" || *out == "" {
			return errors.New("sbom: expected -in and -out")
		}
		return completeSBOM(*in, *out, *parts)
	default:
		return fmt.Errorf("unknown command %q: expected licenses or sbom", args[0])
	}
}
