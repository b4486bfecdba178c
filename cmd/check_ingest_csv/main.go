// Command check_ingest_csv tells whether the downloads are whole, and what to fetch again.
package main

import (
	"os"

	"github.com/check-ingest/check-ingest/internal/checkcli"
	"github.com/check-ingest/check-ingest/plugins/csvcheck"
)

func main() { os.Exit(checkcli.Main[csvcheck.Cmd]("INGEST CSV", os.Args[1:], os.Stdout)) }
