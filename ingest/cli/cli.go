package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/check-ingest/check-ingest/ingest/load"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/settings"
)

// name is the program's.
const name = "ingest-aggtrades"

// Program is what the command line runs in.
type Program struct {
	Args      []string // without the program's name
	Stdout    io.Writer
	Stderr    io.Writer
	LookupEnv func(string) (string, bool)
	Now       func() time.Time
	Version   string // one line, without the program's name
	RunID     string
	// Terminal reports whether a stream is one; a progress bar is drawn where stderr is.
	Terminal func(io.Writer) bool
}

// Main runs the command line and returns the exit code.
func Main(ctx context.Context, p Program) int {
	if slices.Contains(p.Args, "--version") || slices.Contains(p.Args, "-V") {
		fmt.Fprintf(p.Stdout, "%s %s\n", name, p.Version)
		return load.ExitOK
	}
	var g grammar
	var help bytes.Buffer
	exited := false
	s := settings.New(settings.Source{App: name, LookupEnv: p.LookupEnv})
	parser, err := kong.New(&g, kong.Name(name), kong.Description(description()), kong.Writers(&help, &help), kong.Exit(func(int) { exited = true }),
		kong.ConfigureHelp(kong.HelpOptions{WrapUpperBound: 80, Compact: true, NoExpandSubcommands: true}), kong.WithHyphenPrefixedParameters(true),
		kong.Help(helpWithExitCodes), kong.Vars{"lock_file": runstate.DefaultLockFile}, kong.ValueFormatter(helpText), groups(), s.Option())
	if err != nil {
		fmt.Fprintf(p.Stderr, "%s: internal error: %v\n", name, err)
		return load.ExitUsage
	}
	parsed, err := parser.Parse(p.Args)
	if exited { // help was asked for
		_, werr := p.Stdout.Write(help.Bytes())
		return p.end(werr)
	}
	if err != nil {
		return p.usage(err)
	}
	c, err := selected(parsed)
	if err == nil {
		err = c.run(ctx, p)
	}
	return p.end(err)
}

// end tells how the sub-command ended, unless it told that itself, and gives the exit code.
func (p Program) end(err error) int {
	var shown *shownError
	var bad *findingsError
	switch {
	case errors.As(err, &bad):
		return bad.code
	case err == nil, errors.As(err, &shown):
	case errors.Is(err, load.ErrUsage):
		return p.usage(err)
	default:
		fmt.Fprintf(p.Stderr, "%s: %v\n", name, err)
	}
	return load.ExitCodeOf(err)
}

// usage tells what is wrong with the command line.
func (p Program) usage(err error) int {
	text := strings.TrimPrefix(err.Error(), load.ErrUsage.Error()+": ")
	fmt.Fprintf(p.Stderr, "%s: %s\nTry: %s --help\n", name, text, name)
	return load.ExitUsage
}

func description() string {
	return "Load Binance aggTrades files (.csv, .zip, .csv.gz, .csv.zst; daily or monthly) into one DuckDB file, each exactly once.\n\n" +
		"Example: ingest-aggtrades --db trades.duckdb --data-dir ~/downloads"
}

func groups() kong.Option {
	return kong.ExplicitGroups([]kong.Group{
		{Key: "what", Title: "What to load:"},
		{Key: "how", Title: "How:"},
		{Key: "show", Title: "What to show:"},
	})
}

// helpText is the help of a flag with its default.
func helpText(v *kong.Value) string {
	if v.HasDefault && v.Default != "" && !v.IsBool() {
		return v.Help + " Default: " + v.Default + "."
	}
	return v.Help
}

// helpWithExitCodes is kong's help followed by the table of exit codes.
func helpWithExitCodes(o kong.HelpOptions, ctx *kong.Context) error {
	if err := kong.DefaultHelpPrinter(o, ctx); err != nil {
		return err
	}
	w := ctx.Stdout
	fmt.Fprintf(w, "\nEvery flag can be set by a variable (%s for --data-dir) or in\n%s. Flag beats environment beats file.\n", settings.EnvName("data-dir"), settings.SystemFile)
	fmt.Fprint(w, "\nExit codes:\n")
	for _, e := range load.ExitCodes() {
		fmt.Fprintf(w, "  %3d  %s\n", e.Code, e.Meaning)
	}
	return nil
}

// IsTerminal reports whether w is a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && isatty(f.Fd())
}
