// Command ingest-aggtrades loads Binance aggTrades files into DuckDB; see docs/ingest-aggtrades.md.
package main

import (
	"context"
	"os"
	"time"

	"github.com/check-ingest/check-ingest/ingest/cli"
	"github.com/check-ingest/check-ingest/internal/buildinfo"
)

func main() {
	ctx, stop := cli.WithSignals(context.Background())
	code := cli.Main(ctx, cli.Program{
		Args: os.Args[1:], Stdout: os.Stdout, Stderr: os.Stderr, LookupEnv: os.LookupEnv, Now: time.Now, Build: buildinfo.Read(), RunID: cli.NewRunID(time.Now()),
		Terminal: cli.IsTerminal,
	})
	stop()
	os.Exit(code)
}
