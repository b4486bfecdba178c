package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/check-ingest/check-ingest/ingest/load"
	"github.com/check-ingest/check-ingest/ingest/status"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/manual"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/smallfile"
	"github.com/check-ingest/check-ingest/internal/store"
)

// statusCmd is the flags of status.
type statusCmd struct {
	DB        string         `group:"look" name:"db" required:"" placeholder:"FILE" help:"The DuckDB file."`
	Symbol    []string       `group:"look" placeholder:"SYMBOL" help:"Show only this symbol. May be repeated."`
	Market    catalog.Market `group:"look" placeholder:"MARKET" help:"Show only this market: spot, um or cm."`
	StartDate *catalog.Day   `group:"look" placeholder:"YYYY-MM-DD" help:"First day to show, UTC; days from it on count as missing. Default: the first known."`
	EndDate   *catalog.Day   `group:"look" placeholder:"YYYY-MM-DD" help:"Last day to show, UTC; days up to it, but not today, count as missing. Default: the last known."`
	DataDir   string         `group:"look" placeholder:"DIR" help:"Tell files that lie there and are not loaded yet from those that are absent."`
	Scan      bool           `group:"look" help:"Count the rows of each day in the table itself. Exact where monthly files or the Python scripts loaded them; takes some seconds for 100 million rows, and keeps a load from starting meanwhile."`
	LockFile  string         `group:"look" default:"${lock_file}" placeholder:"FILE" help:"The lock that keeps loaders apart; beside it a load says how far it is."`

	Output  string `group:"show" short:"o" enum:"text,json,csv" default:"text" placeholder:"FORMAT" help:"Form of the output: text, json or csv."`
	Table   string `group:"show" enum:"series,days,gaps,files,runs" default:"series" placeholder:"TABLE" help:"What csv holds: series, days, gaps, files or runs."`
	HTML    string `group:"show" name:"html" placeholder:"FILE" help:"Write a page for a browser to FILE, or to stdout for -; text output is then a few lines."`
	Verbose bool   `group:"show" short:"v" help:"Show lists and calendars in full."`
}

// Validate checks what no single flag can.
func (c *statusCmd) Validate() error {
	if err := needed(flagValue{"--db=FILE", c.DB}, flagValue{"--lock-file=FILE", c.LockFile}); err != nil {
		return err
	}
	if c.StartDate != nil && c.EndDate != nil && *c.EndDate < *c.StartDate {
		return fmt.Errorf("--end-date %s is before --start-date %s", c.EndDate, c.StartDate)
	}
	if c.HTML == "-" && c.Output != "text" {
		return fmt.Errorf("--html=- and -o %s both write to stdout: name a file", c.Output)
	}
	for _, s := range c.Symbol {
		if err := catalog.CheckSymbol(s); err != nil {
			return fmt.Errorf("--symbol: %w", err)
		}
	}
	return nil
}

func (c *statusCmd) run(ctx context.Context, p Program) error {
	facts, err := status.Gather(ctx, runstate.DefaultProcRoot, status.Options{
		Database: c.DB, LockFile: c.LockFile, DataDir: c.DataDir, Scope: store.Scope{Symbols: c.Symbol, Market: c.Market},
		First: c.StartDate, Last: c.EndDate, Scan: c.Scan, Version: p.Build.Version,
	}, p.Now())
	if err != nil {
		return err
	}
	report := status.Build(facts)
	if c.HTML == "-" {
		page, err := report.Page()
		if err != nil {
			return err
		}
		return p.writeText(page)
	}
	out, err := c.output(p, report)
	if err != nil {
		return err
	}
	if c.HTML != "" {
		page, err := report.Page()
		if err != nil {
			return err
		}
		if err := writePage(c.HTML, page); err != nil {
			return err
		}
	}
	return p.writeText(out)
}

// writePage puts a page into a file, so that a web server never sees half of one. Of a symbolic link the file that it leads to is replaced; what is no
// file, such as /dev/stdout, is written to.
func writePage(path string, page []byte) error {
	target := path
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		target = resolved
	}
	var err error
	if info, serr := os.Stat(target); serr == nil && !info.Mode().IsRegular() {
		var f *os.File
		if f, err = os.OpenFile(target, os.O_WRONLY, 0); err == nil {
			_, err = f.Write(page)
			err = errors.Join(err, f.Close())
		}
	} else {
		err = smallfile.Replace(target, page, smallfile.Mode{Perm: 0o644})
	}
	var cause *fs.PathError
	if errors.As(err, &cause) { // it may name a temporary file
		err = cause.Err
	}
	if err != nil {
		return fmt.Errorf("write page %q: %w", path, err)
	}
	return nil
}

// output is what goes to standard output.
func (c *statusCmd) output(p Program, report status.Report) ([]byte, error) {
	switch {
	case c.Output == "json":
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetIndent("", "  ")
		if err := e.Encode(report); err != nil {
			return nil, fmt.Errorf("encode report: %w", err)
		}
		return b.Bytes(), nil
	case c.Output == "csv":
		return report.CSV(c.Table)
	case c.HTML != "":
		return append(report.Brief(), "Wrote "+clean(c.HTML)+".\n"...), nil
	default:
		return report.Text(status.Look{Color: p.color(), Unicode: p.utf8(), All: c.Verbose}), nil
	}
}

// color reports whether stdout is to be coloured: it is a terminal that can, and nobody asked for none (no-color.org).
func (p Program) color() bool {
	no, _ := p.LookupEnv("NO_COLOR")
	term, _ := p.LookupEnv("TERM")
	return no == "" && term != "" && term != "dumb" && p.Terminal(p.Stdout)
}

// utf8 reports whether the locale's characters are UTF-8. The first of these variables that is set to something decides, locale(7).
func (p Program) utf8() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value, _ := p.LookupEnv(name); value != "" {
			value, _, _ = strings.Cut(strings.ToLower(value), "@")
			return strings.HasSuffix(value, "utf-8") || strings.HasSuffix(value, "utf8")
		}
	}
	return false
}

func (c *statusCmd) manual() manual.Text {
	return manual.Text{
		Summary: "Show what is loaded, what is missing and why, what failed, how fast it went, and what runs now.",
		Detail: `While a load runs nobody else can open the database; what is shown then comes from the ledger snapshot beside it and from what the
load says about itself, and the output tells how old that is. The database is only read, and closed before anything is shown.

Rows a day come from the ledger, by file: the average of its days for a monthly one. --scan counts them in the table.`,
		Examples: []manual.Example{
			{Does: "all there is to see", Command: "ingest-aggtrades status --db=trades.duckdb"},
			{Does: "one symbol since a day, and which downloads wait to be loaded", Command: "ingest-aggtrades status --db=trades.duckdb --symbol=BTCUSDT --start-date=2024-01-01 --data-dir=downloads"},
			{Does: "a page to look at or to print", Command: "ingest-aggtrades status --db=trades.duckdb --html=status.html"},
			{Does: "the gaps for a spreadsheet", Command: "ingest-aggtrades status --db=trades.duckdb -o csv --table=gaps"},
		},
		ExitCodes: append([]manual.ExitCode{
			{Code: load.ExitOK, Meaning: "it could be shown, whatever it shows"},
			{Code: load.ExitUsage, Meaning: "usage error"},
			{Code: load.ExitDatabase, Meaning: "the database does not exist or cannot be used, or the page cannot be written"},
		}, exitCodes(load.ExitOutput, load.ExitInterrupted, load.ExitTerminated)...),
	}
}
