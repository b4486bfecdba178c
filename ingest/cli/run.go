package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/check-ingest/check-ingest/ingest/load"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/manual"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/settings"
)

// writing is the flags of every sub-command that writes to a database.
type writing struct {
	LockFile string            `group:"how" default:"${lock_file}" placeholder:"FILE" help:"The lock that keeps loaders apart."`
	Wait     settings.Duration `group:"how" default:"1s" placeholder:"DURATION" help:"How long to wait for a lock that is held. A bare number is seconds."`

	LogFormat string `group:"show" enum:"text,json" default:"text" placeholder:"FORMAT" help:"Form of the log on stderr: text or json."`
	Output    string `group:"show" short:"o" enum:"text,json" default:"text" placeholder:"FORMAT" help:"Form of the report on stdout: text or json."`
	Verbose   bool   `group:"show" short:"v" help:"Log details, such as what is skipped and why."`
}

// runCmd is the flags of run.
type runCmd struct {
	DB        string         `group:"what" name:"db" required:"" placeholder:"FILE" help:"The DuckDB file; a load creates it if it does not exist."`
	DataDir   string         `group:"what" required:"" placeholder:"DIR" help:"The folder that holds the downloads, in any layout."`
	Symbol    []string       `group:"what" placeholder:"SYMBOL" help:"Load only this symbol. May be repeated."`
	StartDate *catalog.Day   `group:"what" placeholder:"YYYY-MM-DD" help:"First day to load, UTC."`
	EndDate   *catalog.Day   `group:"what" placeholder:"YYYY-MM-DD" help:"Last day to load, UTC, that day included."`
	Market    catalog.Market `group:"what" default:"um" placeholder:"MARKET" help:"Market of files whose folder does not tell: spot, um or cm."`
	Replace   bool           `group:"what" help:"Where a file changed since it was loaded, swap its rows."`
	DryRun    bool           `group:"what" help:"Show what would be done, and change nothing."`

	Writing writing `embed:""`

	Strict      bool              `group:"how" help:"End the run with the first bad file."`
	Retries     int               `group:"how" default:"3" placeholder:"N" help:"Try again what may pass, such as a read error. Never a bad file."`
	Throttle    settings.Duration `group:"how" default:"0s" placeholder:"DURATION" help:"Pause after each commit."`
	Threads     int               `group:"how" placeholder:"N" help:"Threads that decode and insert. Default: one a core."`
	MemoryLimit bytesFlag         `group:"how" placeholder:"SIZE" help:"Memory DuckDB may use, such as 2GB. Default: half of what the process may."`
	BatchRows   *int64            `group:"how" placeholder:"N" help:"How many rows may share a transaction. By default 1 million of small files, 8 million of large ones."`
	MaxUnpacked bytesFlag         `group:"how" default:"64GiB" placeholder:"SIZE" help:"Largest content of a compressed file."`

	NoProgress bool   `group:"show" help:"Log lines also where stderr is a terminal."`
	CPUProfile string `name:"cpuprofile" hidden:"" placeholder:"FILE" help:"Write a CPU profile."`
}

// flagValue is a flag and what it was given.
type flagValue struct{ name, value string }

// needed refuses flags that were not given, or given nothing, as by a variable of a script that is not set: the working folder would be meant.
func needed(flags ...flagValue) error {
	var names []string
	for _, f := range flags {
		if f.value == "" {
			names = append(names, f.name)
		}
	}
	if len(names) > 0 {
		return errors.New("give " + strings.Join(names, " and "))
	}
	return nil
}

// bytesFlag is a size such as 2GB, 512MiB or 1000000.
type bytesFlag int64

// UnmarshalText reads a size.
func (b *bytesFlag) UnmarshalText(text []byte) error {
	n, err := humanize.ParseBytes(string(text))
	if err != nil || n > 1<<62 {
		return fmt.Errorf("size %q: expected a number of bytes such as 2GB or 512MiB", text)
	}
	*b = bytesFlag(n)
	return nil
}

// Validate checks what no single flag can.
func (c *runCmd) Validate() error {
	if err := needed(flagValue{"--db=FILE", c.DB}, flagValue{"--data-dir=DIR", c.DataDir}, flagValue{"--lock-file=FILE", c.Writing.LockFile}); err != nil {
		return err
	}
	switch {
	case c.StartDate != nil && c.EndDate != nil && *c.EndDate < *c.StartDate:
		return fmt.Errorf("--end-date %s is before --start-date %s", c.EndDate, c.StartDate)
	case c.Retries < 0:
		return fmt.Errorf("--retries %d: must not be negative", c.Retries)
	case c.Threads < 0:
		return fmt.Errorf("--threads %d: must not be negative", c.Threads)
	case c.BatchRows != nil && *c.BatchRows < 1:
		return fmt.Errorf("--batch-rows %d: must be at least 1", *c.BatchRows)
	case c.MemoryLimit != 0 && c.MemoryLimit < 64<<20:
		return fmt.Errorf("--memory-limit %s: must be at least 64MiB", humanize.IBytes(uint64(max(0, c.MemoryLimit))))
	}
	for _, s := range c.Symbol {
		if err := catalog.CheckSymbol(s); err != nil {
			return fmt.Errorf("--symbol: %w", err)
		}
	}
	return nil
}

func (c *runCmd) config(p Program, log *slog.Logger) load.Config {
	w := c.Writing
	var batchRows int64 // the load's own
	if c.BatchRows != nil {
		batchRows = *c.BatchRows
	}
	return load.Config{
		Database: c.DB, DataDir: c.DataDir, LockFile: w.LockFile, Wait: time.Duration(w.Wait),
		Symbols: c.Symbol, First: c.StartDate, Last: c.EndDate, Market: c.Market,
		DryRun: c.DryRun, Replace: c.Replace, Strict: c.Strict,
		Retries: c.Retries, RetryDelay: 500 * time.Millisecond, MaxRetryDelay: maxRetryDelay(), Throttle: time.Duration(c.Throttle), Threads: c.Threads, MemoryLimit: int64(c.MemoryLimit),
		BatchRows: batchRows, MaxUnpacked: int64(c.MaxUnpacked),
		OpenPatience: time.Minute, Heartbeat: runstate.DefaultHeartbeat,
		RunID: p.RunID, Version: p.Build.Version, Log: log, Now: p.Now,
	}
}

func (c *runCmd) run(ctx context.Context, p Program) (err error) {
	if c.CPUProfile != "" {
		stop, err := startProfile(c.CPUProfile)
		if err != nil {
			return err
		}
		defer stop()
	}
	if err := checkThrottle(time.Duration(c.Throttle)); err != nil {
		return err
	}
	show := newShow(p, c.Writing, !c.NoProgress && !c.DryRun)
	config := c.config(p, show.log)
	notify := startNotifier(ctx, p, show.log)
	config.Ready = notify.isReady
	config.Retrying = notify.retrying
	config.Progress = func(now load.Progress) {
		notify.tell(now)
		if show.progress != nil {
			show.progress(now)
		}
	}
	report, err := load.Run(ctx, config)
	notify.end(report, err)
	show.stop()
	if errors.Is(err, load.ErrUsage) {
		return err // nothing was tried, so there is nothing to report
	}
	werr := writeReport(p, c.Writing.Output, report)
	if err != nil && werr == nil {
		return &shownError{err}
	}
	return cmp.Or(err, werr)
}

// manual is the program's own, since run is what it does by default.
func (c *runCmd) manual() manual.Text {
	return about()
}

// writeReport writes the report to stdout in the form that was asked for.
func writeReport(p Program, form string, report *load.Report) error {
	if form == "json" {
		return p.writeJSON(report)
	}
	return p.writeText(reportText(report))
}
