// Command check_ingest_lock tells whether a load may start and, if not, who is in the way.
package main

import (
	"os"

	"github.com/check-ingest/check-ingest/internal/checkcli"
	"github.com/check-ingest/check-ingest/plugins/lockcheck"
)

func main() { os.Exit(checkcli.Main[lockcheck.Cmd]("INGEST LOCK", os.Args[1:], os.Stdout)) }
