// Command check_ingest_log tells what the last loads did.
package main

import (
	"os"

	"github.com/check-ingest/check-ingest/internal/checkcli"
	"github.com/check-ingest/check-ingest/plugins/logcheck"
)

func main() { os.Exit(checkcli.Main[logcheck.Cmd]("INGEST LOG", os.Args[1:], os.Stdout)) }
