package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/check-ingest/check-ingest/ingest/load"
	"github.com/check-ingest/check-ingest/ingest/preflight"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/manual"
	"github.com/check-ingest/check-ingest/internal/nagios"
	"github.com/check-ingest/check-ingest/internal/settings"
)

// exitNotReady is the exit code of a preflight that a load should not follow.
const exitNotReady = 1

// preflightCmd is the flags of preflight; those that it shares with run mean the same.
type preflightCmd struct {
	DB        string         `group:"what" name:"db" required:"" placeholder:"FILE" help:"The DuckDB file; a load creates it if it does not exist."`
	DataDir   string         `group:"what" required:"" placeholder:"DIR" help:"The folder that holds the downloads, in any layout."`
	Symbol    []string       `group:"what" placeholder:"SYMBOL" help:"Ask about this symbol only. May be repeated."`
	StartDate *catalog.Day   `group:"what" placeholder:"YYYY-MM-DD" help:"First day to load, UTC."`
	EndDate   *catalog.Day   `group:"what" placeholder:"YYYY-MM-DD" help:"Last day to load, UTC, that day included."`
	Market    catalog.Market `group:"what" default:"um" placeholder:"MARKET" help:"Market of files whose folder does not tell: spot, um or cm."`

	LockFile string            `group:"how" default:"${lock_file}" placeholder:"FILE" help:"The lock that keeps loaders apart."`
	MinFree  bytesFlag         `group:"how" default:"0B" placeholder:"SIZE" help:"Space that the load must leave free, such as 50GB."`
	Timeout  settings.Duration `group:"how" short:"t" default:"30s" placeholder:"DURATION" help:"Answer within this time; a bare number is seconds. A check without an answer is UNKNOWN."`

	Output  string `group:"show" short:"o" enum:"text,json" default:"text" placeholder:"FORMAT" help:"Form of the report on stdout: text or json."`
	Verbose bool   `group:"show" short:"v" help:"Show what else the checks found."`
}

// Validate checks what no single flag can.
func (c *preflightCmd) Validate() error {
	if err := needed(flagValue{"--db=FILE", c.DB}, flagValue{"--data-dir=DIR", c.DataDir}, flagValue{"--lock-file=FILE", c.LockFile}); err != nil {
		return err
	}
	switch {
	case c.StartDate != nil && c.EndDate != nil && *c.EndDate < *c.StartDate:
		return fmt.Errorf("--end-date %s is before --start-date %s", c.EndDate, c.StartDate)
	case c.Timeout <= 0:
		return errors.New("--timeout: must be above 0")
	}
	for _, s := range c.Symbol {
		if err := catalog.CheckSymbol(s); err != nil {
			return fmt.Errorf("--symbol: %w", err)
		}
	}
	return nil
}

func (c *preflightCmd) manual() manual.Text {
	return manual.Text{
		Summary: "Is everything ready for a load? Asks before it begins, and changes nothing.",
		Detail: `Four checks run at the same time: is the lock free, will the files that are not loaded yet fit on the disk, is the
database sound and may this user write it, are the downloads whole? They are those of check_ingest_lock, _disk, _db and _csv, but
for their limits: the disk is enough if the load fits and leaves --min-free, and a database that does not exist is fine,
since the load creates it. Less than 1 GB left after the load is a warning. Warnings are shown and let pass; what could not be found out
does not.`,
		Examples: []manual.Example{
			{Does: "before a load by hand", Command: "ingest-aggtrades preflight --db=trades.duckdb --data-dir=downloads"},
			{Does: "load only if all is well", Command: "ingest-aggtrades preflight --db=trades.duckdb --data-dir=downloads && ingest-aggtrades --db=trades.duckdb --data-dir=downloads"},
		},
		ExitCodes: append([]manual.ExitCode{
			{Code: load.ExitOK, Meaning: "ready, maybe with warnings"},
			{Code: exitNotReady, Meaning: "something stands in the way, or could not be found out"},
			{Code: load.ExitUsage, Meaning: "usage error"},
		}, exitCodes(load.ExitOutput, load.ExitInterrupted, load.ExitTerminated)...),
	}
}

func (c *preflightCmd) run(ctx context.Context, p Program) error {
	r, err := preflight.Run(ctx, preflight.Request{
		Database: c.DB, DataDir: c.DataDir, LockFile: c.LockFile, Symbols: c.Symbol, First: c.StartDate, Last: c.EndDate, Market: c.Market,
		MinFree: int64(c.MinFree), Timeout: time.Duration(c.Timeout), Now: p.Now(),
	})
	if err != nil {
		return err
	}
	code := 0
	if !r.Ready() {
		code = exitNotReady
	}
	err = p.writeReport(c.Output, r, func() []byte { return preflightText(r, p.color(), c.Verbose) }, code)
	if stopped := context.Cause(ctx); stopped != nil {
		return stopped
	}
	return err
}

// The columns of the table and what is between them are 80 wide.
const (
	wideColumn  = manual.Width - len("check  CRITICAL  ")
	foundColumn = 32
	doColumn    = wideColumn - foundColumn - len("  ")
)

// preflightText is the report for people. Commands that no column could hold in one piece stand below the table, to be copied.
func preflightText(r preflight.Report, colors, verbose bool) []byte {
	w := table.NewWriter()
	w.SuppressTrailingSpaces()
	w.SetStyle(table.StyleLight)
	w.Style().Format.Header = text.FormatDefault
	w.Style().Options = table.OptionsNoBordersAndSeparators
	w.Style().Box.PaddingLeft, w.Style().Box.PaddingRight = "", "  "
	header, found := table.Row{"Check", "State", "Found"}, wideColumn
	if hasRemedies(r) {
		header, found = append(header, "What to do"), foundColumn
	}
	w.AppendHeader(header)
	w.SetColumnConfigs([]table.ColumnConfig{
		{Number: 2, WidthMin: len("CRITICAL")}, {Number: 3, WidthMax: found, WidthMaxEnforcer: text.WrapSoft}, {Number: 4, WidthMax: doColumn, WidthMaxEnforcer: text.WrapSoft},
	})
	var commands []string
	for _, c := range r.Checks {
		name := c.Name
		if len(c.Report.Problems) == 0 {
			w.AppendRow(table.Row{name, state(c.Report.State, colors), clean(c.Report.Summary)})
		}
		for _, p := range c.Report.Problems {
			remedy, command := cutCommand(clean(p.Remedy))
			if command != "" {
				commands = append(commands, command)
				remedy += fmt.Sprintf(", see [%d]", len(commands))
			}
			w.AppendRow(table.Row{name, state(p.State, colors), clean(p.Text), remedy})
			name = ""
		}
	}
	var b bytes.Buffer
	for line := range strings.Lines(w.Render()) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	b.WriteByte('\n')
	for i, command := range commands {
		fmt.Fprintf(&b, "[%d] %s\n\n", i+1, command)
	}
	if verbose {
		writeLines(&b, r)
	}
	fmt.Fprintln(&b, r.Summary())
	return b.Bytes()
}

func hasRemedies(r preflight.Report) bool {
	for _, c := range r.Checks {
		for _, p := range c.Report.Problems {
			if p.Remedy != "" {
				return true
			}
		}
	}
	return false
}

// writeLines writes what else the checks found.
func writeLines(b *bytes.Buffer, r preflight.Report) {
	some := false
	for _, c := range r.Checks {
		for _, l := range c.Report.Lines {
			some = true
			fmt.Fprintf(b, "%s: %s\n", c.Name, clean(l))
		}
	}
	if some {
		b.WriteByte('\n')
	}
}

// cutCommand takes the command from the end of a remedy that has a word too long for its column.
func cutCommand(remedy string) (rest, command string) {
	before, after, ok := strings.Cut(remedy, ": ")
	if ok {
		for _, word := range strings.Fields(after) {
			if text.StringWidthWithoutEscSequences(word) > doColumn {
				return before, after
			}
		}
	}
	return remedy, ""
}

// state is a state's name, coloured where that is wanted.
func state(s nagios.Status, colors bool) string {
	if !colors {
		return s.String()
	}
	color := text.FgMagenta
	switch s {
	case nagios.OK:
		color = text.FgGreen
	case nagios.Warning:
		color = text.FgYellow
	case nagios.Critical:
		color = text.FgRed
	case nagios.Unknown:
	}
	return color.EscapeSeq() + s.String() + text.Reset.EscapeSeq()
}
