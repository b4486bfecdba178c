// Command check_ingest_disk tells whether a load will fit.
package main

import (
	"os"

	"github.com/check-ingest/check-ingest/internal/checkcli"
	"github.com/check-ingest/check-ingest/plugins/diskcheck"
)

func main() { os.Exit(checkcli.Main[diskcheck.Cmd]("INGEST DISK", os.Args[1:], os.Stdout)) }
