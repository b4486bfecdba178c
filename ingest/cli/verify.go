package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/progress"

	"github.com/check-ingest/check-ingest/ingest/load"
	"github.com/check-ingest/check-ingest/ingest/verify"
	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/manual"
)

// verifyCmd is the flags of verify.
type verifyCmd struct {
	DB        string         `group:"look" name:"db" required:"" placeholder:"FILE" help:"The DuckDB file. It is only read."`
	Symbol    []string       `group:"look" placeholder:"SYMBOL" help:"Look at this symbol only. May be repeated."`
	Market    catalog.Market `group:"look" placeholder:"MARKET" help:"Look at this market only: spot, um or cm."`
	StartDate *catalog.Day   `group:"look" placeholder:"YYYY-MM-DD" help:"First day to look at, UTC."`
	EndDate   *catalog.Day   `group:"look" placeholder:"YYYY-MM-DD" help:"Last day to look at, UTC, that day included."`
	Sample    int            `group:"look" placeholder:"N" help:"A quick look: only N days, spread from the first to the last."`

	LockFile    string    `group:"how" default:"${lock_file}" placeholder:"FILE" help:"The lock that keeps loaders apart; it tells a load from other programs."`
	Threads     int       `group:"how" placeholder:"N" help:"Threads that read. Default: one a core."`
	MemoryLimit bytesFlag `group:"how" placeholder:"SIZE" help:"Memory DuckDB may use, 256MiB or more. Default: 512MiB."`

	Output     string `group:"show" short:"o" enum:"text,json" default:"text" placeholder:"FORMAT" help:"Form of the report on stdout: text or json."`
	NoProgress bool   `group:"show" help:"No progress bar, even where stderr is a terminal."`
}

func (c *verifyCmd) config(p Program) verify.Config {
	return verify.Config{
		Database: c.DB, LockFile: c.LockFile, Symbols: c.Symbol, Market: c.Market, First: c.StartDate, Last: c.EndDate, Sample: c.Sample,
		Threads: c.Threads, MemoryLimit: int64(c.MemoryLimit), Version: p.Build.Version, Now: p.Now,
	}
}

// Validate checks what no single flag can.
func (c *verifyCmd) Validate() error {
	if err := needed(flagValue{"--db=FILE", c.DB}, flagValue{"--lock-file=FILE", c.LockFile}); err != nil {
		return err
	}
	return c.config(Program{}).Validate()
}

func (c *verifyCmd) run(ctx context.Context, p Program) error {
	config := c.config(p)
	stop := func() {}
	if !c.NoProgress && p.Terminal(p.Stderr) {
		config.Progress, stop = verifyBar(p.Stderr)
	}
	report, err := verify.Run(ctx, config)
	stop()
	report.ExitCode = load.ExitCodeOf(err)
	if errors.Is(err, verify.ErrDefects) {
		report.ExitCode = exitDefects
	}
	switch looked := report.Checked.Values != verify.Nothing; {
	case err == nil:
		return p.writeReport(c.Output, report, report.Text, 0)
	case errors.Is(err, verify.ErrDefects):
		return p.writeReport(c.Output, report, report.Text, exitDefects)
	case c.Output == "json":
		_ = p.writeJSON(report) // err counts for more, and is told
		return err
	case looked && p.writeText(report.Text()) == nil:
		return &shownError{err}
	default:
		return err
	}
}

// exitDefects is the exit code of a database that is not sound.
const exitDefects = 1

func (c *verifyCmd) manual() manual.Text {
	return manual.Text{
		Summary: "Look at every row of a database, and say what is wrong with it.",
		Detail: `Found are rows that come twice, ids with two contents, values that cannot be, days and ids that are missing, and whatever
differs from what the ledger has as loaded. What is only unusual, compared with the days beside it, is a warning.

It only reads and leaves nothing behind; it keeps loads out until it is done, and does not start while one runs. It can be
stopped at any time, and then says what it has looked at.`,
		Examples: []manual.Example{
			{Does: "everything", Command: "ingest-aggtrades verify --db=trades.duckdb"},
			{Does: "one symbol since the beginning of a year", Command: "ingest-aggtrades verify --db=trades.duckdb --symbol=BTCUSDT --start-date=2024-01-01"},
			{Does: "a quick look at ten days", Command: "ingest-aggtrades verify --db=trades.duckdb --sample=10"},
		},
		ExitCodes: append([]manual.ExitCode{
			{Code: load.ExitOK, Meaning: "sound: no defect in what was looked at"},
			{Code: exitDefects, Meaning: "defects were found"},
			{Code: load.ExitUsage, Meaning: "usage error"},
		}, exitCodes(load.ExitDatabase, load.ExitOutput, load.ExitHeld, load.ExitInterrupted, load.ExitTerminated)...),
	}
}

// verifyBar draws how far a verification is, from its first sign of progress on.
func verifyBar(w io.Writer) (tell func(verify.Progress), stop func()) {
	pw, tracker := newBar(w)
	tracker.Units = progress.UnitsDefault
	pw.Style().Visibility.Speed = false
	started, done := false, make(chan struct{})
	tell = func(p verify.Progress) {
		if !started {
			started = true
			tracker.UpdateTotal(p.Total)
			pw.AppendTracker(tracker)
			go func() { pw.Render(); close(done) }()
		}
		message := p.Step
		if p.Defects > 0 {
			message = fmt.Sprintf("%s bad rows, %s", amount.Short(p.Defects), p.Step)
		}
		tracker.UpdateMessage(message)
		tracker.SetValue(p.Done)
	}
	return tell, func() {
		if !started {
			return
		}
		tracker.MarkAsDone()
		pw.Stop()
		<-done
	}
}
