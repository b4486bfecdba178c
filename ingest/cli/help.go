package cli

import (
	"fmt"
	"io"
	"slices"

	"github.com/alecthomas/kong"

	"github.com/check-ingest/check-ingest/ingest/load"
	"github.com/check-ingest/check-ingest/internal/manual"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/settings"
)

// about is the program's own manual; the sub-commands have theirs.
func about() manual.Text {
	return manual.Text{
		Summary: "Load Binance aggTrades files into one DuckDB file, each exactly once.",
		Detail: `Files are .csv, .zip, .csv.gz or .csv.zst, daily or monthly, in any layout. What is loaded already is skipped, a file that
is broken is left out as a whole, and a load that was killed is finished by the next one. All dates and times are UTC.`,
		Examples: []manual.Example{
			{Does: "load all that is not loaded yet", Command: "ingest-aggtrades --db=trades.duckdb --data-dir=downloads"},
			{Does: "what would it do?", Command: "ingest-aggtrades --db=trades.duckdb --data-dir=downloads --dry-run"},
		},
	}
}

// printHelp is what kong calls for --help.
func printHelp(_ kong.HelpOptions, ctx *kong.Context) error {
	p := topPage(ctx.Model)
	if n := ctx.Selected(); n != nil && namesCommand(ctx) {
		p = commandPage(ctx.Model, n)
	}
	_, err := io.WriteString(ctx.Stdout, p.Help())
	return err
}

// namesCommand reports whether the arguments name a sub-command: the default one is selected without that, too.
func namesCommand(ctx *kong.Context) bool {
	for _, path := range ctx.Path {
		if path.Command != nil {
			for _, arg := range ctx.Args {
				if arg == path.Command.Name {
					return true
				}
			}
		}
	}
	return false
}

// topPage is the page of the program: its sub-commands, and the flags of the one that is meant where none is named.
func topPage(app *kong.Application) manual.Page {
	p := manual.Page{Name: app.Name, Usage: "[command] [flags]", Text: about(), Settings: howToSet("data-dir")}
	for _, n := range app.Children {
		if !n.Hidden {
			p.Commands = append(p.Commands, manual.Item{Term: n.Name, Text: n.Help})
		}
	}
	p.Flags = manual.Flags(flagsOf(app, app.DefaultCmd))
	p.ExitCodes = exitCodes()
	return p
}

// commandPage is the page of a sub-command.
func commandPage(app *kong.Application, n *kong.Node) manual.Page {
	p := manual.Page{Name: app.Name + " " + n.Name, Usage: "[flags]", Flags: manual.Flags(flagsOf(app, n))}
	if len(n.Flags) > 0 {
		p.Settings = howToSet(n.Flags[0].Name)
	}
	for _, a := range n.Positional {
		p.Usage = "<" + a.Name + "> [flags]"
	}
	if c, ok := n.Target.Addr().Interface().(command); ok {
		p.Text = c.manual()
	}
	if p.ExitCodes == nil {
		p.ExitCodes = exitCodes()
	}
	return p
}

// flagsOf are the flags of a sub-command and those of all.
func flagsOf(app *kong.Application, n *kong.Node) []*kong.Flag {
	var flags []*kong.Flag
	if n != nil {
		flags = append(flags, n.Flags...)
	}
	return append(flags, app.Flags...)
}

// exitCodes are those of a load, or some of them.
func exitCodes(only ...int) []manual.ExitCode {
	var codes []manual.ExitCode
	for _, e := range load.ExitCodes() {
		if len(only) == 0 || slices.Contains(only, e.Code) {
			codes = append(codes, manual.ExitCode{Code: e.Code, Meaning: e.Meaning})
		}
	}
	return codes
}

// howToSet says how flags can be set, with one as the example.
func howToSet(flag string) string {
	return fmt.Sprintf("Every flag can be set by a variable (%s for --%s) or in %s. Flag beats environment beats file.", settings.EnvName(flag), flag, settings.SystemFile)
}

// files are those that the program reads and writes besides the ones that flags name.
func files() []manual.Item {
	return []manual.Item{
		{Term: settings.SystemFile, Text: "Settings of all users."},
		{Term: "$XDG_CONFIG_HOME/check-ingest/config.yaml", Text: "Settings of one user, ~/.config where the variable is not set; they beat those of all users."},
		{Term: runstate.DefaultLockFile, Text: "The lock, which the Python scripts take too; see --lock-file."},
		{Term: "LOCK-FILE.status", Text: "What the running load says of itself, for the checks."},
		{Term: "DATABASE.ledger.json", Text: "What is loaded, for those who cannot open the database while it is written to."},
	}
}

// environment are the variables besides those of flags.
func environment() []manual.Item {
	return []manual.Item{
		{Term: "CHECK_INGEST_*", Text: "Flags; a flag that may be repeated takes a list separated by commas."},
		{Term: "NO_COLOR", Text: "No colours, unless it is empty."},
	}
}
