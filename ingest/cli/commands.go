package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/check-ingest/check-ingest/ingest/load"
	"github.com/check-ingest/check-ingest/internal/manual"
	"github.com/check-ingest/check-ingest/internal/settings"
)

// grammar is the command line. A sub-command is a field here, of a type that implements [command] on its pointer and
// whose exported fields are its flags; help, manual page, completion and settings are made from that.
type grammar struct {
	Run       runCmd       `cmd:"" default:"withargs" help:"Load what is not loaded yet. The default command."`
	Preflight preflightCmd `cmd:"" help:"Is everything ready for a load? Lock, disk, database and files."`
	Status    statusCmd    `cmd:"" help:"Show what is loaded, what is missing and why, what failed, and what runs now."`
	Verify    verifyCmd    `cmd:"" help:"Look at every row of a database, and say what is wrong with it."`
	Migrate   migrateCmd   `cmd:"" help:"Bring an existing database's ledger up to date, or widen its quantity column."`

	// Sub-commands about the program itself.
	Completion completionCmd `cmd:"" help:"Print a completion script for bash, zsh or fish."`
	Man        manCmd        `cmd:"" hidden:"" help:"Print the manual page."`

	Config  settings.Flag `embed:"" group:"other"`
	Version bool          `group:"other" short:"V" help:"Print the version."`
}

// command is one sub-command with its flags filled in.
type command interface {
	// run does what the sub-command is for. It writes its results to p.Stdout. An error is told on p.Stderr, and gives
	// the exit code by [load.ExitCodeOf]; see [shownError] and [findingsError] for the others.
	run(ctx context.Context, p Program) error

	// manual is what help and manual page say besides flags. Without exit codes of its own, those of a load hold.
	manual() manual.Text
}

// selected is the sub-command that was asked for.
func selected(parsed *kong.Context) (command, error) {
	node := parsed.Selected()
	if node == nil {
		return nil, fmt.Errorf("%w: expected a command", load.ErrUsage)
	}
	c, ok := node.Target.Addr().Interface().(command)
	if !ok {
		return nil, fmt.Errorf("internal error: %s is no command", node.Name)
	}
	return c, nil
}

// shownError is an error that the report has told already; only its exit code is left to give.
type shownError struct{ error }

func (e *shownError) Unwrap() error { return e.error }

// findingsError ends a sub-command that did its work and found something bad, which its output has told unless that could not be written.
type findingsError struct {
	code    int
	written error // why it could not
}

func (e *findingsError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// writeJSON writes v to stdout for machines.
func (p Program) writeJSON(v any) error {
	e := json.NewEncoder(p.Stdout)
	e.SetIndent("", "  ")
	return outputError(e.Encode(v))
}

// writeText writes text to stdout.
func (p Program) writeText(text []byte) error {
	_, err := p.Stdout.Write(text)
	return outputError(err)
}

// writeReport writes a report in the form that was asked for, and ends a sub-command with code where it says something bad.
func (p Program) writeReport(form string, v any, text func() []byte, code int) error {
	var err error
	if form == "json" {
		err = p.writeJSON(v)
	} else {
		err = p.writeText(text())
	}
	if code != 0 {
		return &findingsError{code, err}
	}
	return err
}

// outputError is what to make of an error of writing to stdout. Whoever closes a pipe, such as head, has read enough.
func outputError(err error) error {
	if err == nil || errors.Is(err, syscall.EPIPE) {
		return nil
	}
	return fmt.Errorf("%w: %w", load.ErrOutput, cause(err))
}

// cause is an I/O error without the operation and the path.
func cause(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}
