// Command check_ingest_db tells whether the database is there, sound, current and free to write.
package main

import (
	"os"

	"github.com/check-ingest/check-ingest/internal/checkcli"
	"github.com/check-ingest/check-ingest/plugins/dbcheck"
)

func main() { os.Exit(checkcli.Main[dbcheck.Cmd]("INGEST DB", os.Args[1:], os.Stdout)) }
