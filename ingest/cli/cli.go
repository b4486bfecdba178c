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
	"github.com/check-ingest/check-ingest/internal/buildinfo"
	"github.com/check-ingest/check-ingest/internal/near"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/settings"
	"github.com/check-ingest/check-ingest/internal/usage"
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
	Build     buildinfo.Info
	RunID     string
	// Terminal reports whether a stream is one; a progress bar is drawn where stderr is.
	Terminal func(io.Writer) bool
}

// patience is how long Main waits, once ctx ended, for what it does to end too: longer than a run takes to record that it was stopped, and short
// enough that the process ends within five seconds.
const patience = 4 * time.Second

// Main runs the command line and returns the exit code. It returns soon after ctx ends, even if nobody reads what it writes to a full pipe or the
// system does not return from a call; the process has to end then.
func Main(ctx context.Context, p Program) int {
	done := make(chan int, 1)
	go func() { done <- p.main(ctx) }()
	select {
	case code := <-done:
		return code
	case <-ctx.Done():
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case code := <-done:
		return code
	case <-late.C:
		return load.ExitCodeOf(context.Cause(ctx))
	}
}

func (p Program) main(ctx context.Context) int {
	if slices.Contains(p.Args, "--version") || slices.Contains(p.Args, "-V") {
		return p.end(p.writeText(fmt.Appendf(nil, "%s %s\n", name, p.Build)))
	}
	var g grammar
	var help bytes.Buffer
	exited := false
	s := settings.New(settings.Source{App: name, LookupEnv: p.LookupEnv})
	parser, err := newParser(&g, s.Option(), kong.Writers(&help, &help), kong.Exit(func(int) { exited = true }))
	if err != nil {
		p.tell("internal error: " + err.Error())
		return load.ExitUsage
	}
	parsed, err := parser.Parse(p.Args)
	if exited { // help was asked for
		return p.end(p.writeText(help.Bytes()))
	}
	if err != nil {
		return p.usage(misspelt(err, parser.Model), commandNames(parser.Model))
	}
	c, err := selected(parsed)
	if err == nil {
		err = c.run(ctx, p)
	}
	if stopped := context.Cause(ctx); stopped != nil && errors.Is(err, context.Canceled) {
		err = stopped // it says by which signal
	}
	return p.end(err)
}

// newParser makes a parser of the command line into g.
func newParser(g *grammar, options ...kong.Option) (*kong.Kong, error) {
	options = append(options, kong.Name(name), kong.Help(printHelp), kong.WithHyphenPrefixedParameters(true),
		kong.Vars{"lock_file": runstate.DefaultLockFile}, groups())
	k, err := kong.New(g, options...)
	if err == nil {
		k.Model.HelpFlag.Help, k.Model.HelpFlag.Group = "Print this help.", &kong.Group{Title: "Other:"}
	}
	return k, err
}

// end tells how the sub-command ended, unless it told that itself, and gives the exit code.
func (p Program) end(err error) int {
	var shown *shownError
	var bad *findingsError
	switch {
	case errors.As(err, &bad):
		if bad.written != nil {
			p.tell(bad.written.Error())
		}
		return bad.code
	case err == nil, errors.As(err, &shown):
	default:
		p.tell(strings.TrimPrefix(err.Error(), load.ErrUsage.Error()+": "))
	}
	return load.ExitCodeOf(err)
}

// usage tells what is wrong with the command line, and whose help tells what is right.
func (p Program) usage(err error, commands []string) int {
	command := name
	if len(p.Args) > 0 && slices.Contains(commands, p.Args[0]) {
		command += " " + p.Args[0]
	}
	p.tell(usage.Plain(err, commands...).Error())
	fmt.Fprintf(p.Stderr, "Try: %s --help\n", command)
	return load.ExitUsage
}

// tell says on stderr what went wrong, in one line that is fit for a terminal whatever names and values it repeats.
func (p Program) tell(message string) {
	const most = 4096 // bytes
	message = clean(strings.ReplaceAll(message, "\n", "; "))
	if len(message) > most {
		message = strings.ToValidUTF8(message[:most], "") + "..."
	}
	fmt.Fprintf(p.Stderr, "%s: %s\n", name, message)
}

func groups() kong.Option {
	return kong.ExplicitGroups([]kong.Group{
		{Key: "what", Title: "What to load:"},
		{Key: "look", Title: "What to look at:"},
		{Key: "change", Title: "What to change:"},
		{Key: "how", Title: "How:"},
		{Key: "show", Title: "What to show:"},
		{Key: "other", Title: "Other:"},
	})
}

// misspelt adds to an error about a word that is no sub-command the one that was probably meant.
func misspelt(err error, app *kong.Application) error {
	word, ok := strings.CutPrefix(err.Error(), "unexpected argument ")
	if !ok || strings.Contains(word, "did you mean") {
		return err
	}
	commands := commandNames(app)
	hint := near.Hint(word, commands)
	if hint == "" {
		hint = "; the commands are " + strings.Join(commands, ", ")
	}
	return fmt.Errorf("no command %q%s", word, hint)
}

// commandNames are those of the sub-commands for people.
func commandNames(app *kong.Application) []string {
	var names []string
	for _, n := range app.Children {
		if !n.Hidden {
			names = append(names, n.Name)
		}
	}
	return names
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
