package checkcli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/check-ingest/check-ingest/internal/nagios"
	"github.com/check-ingest/check-ingest/internal/settings"
)

// groups are the headings of the shared flags in the help; a check's own flags come before them.
func groups() kong.Option {
	return kong.ExplicitGroups([]kong.Group{
		{Key: "thresholds", Title: "Thresholds:"},
		{Key: "running", Title: "Running and output:"},
	})
}

// parser builds the grammar of a check: its own flags, then the shared ones.
func (p Program) parser(check Check, f *flags, options ...kong.Option) (*kong.Kong, error) {
	options = append(options,
		kong.Name(p.binary()), groups(), kong.Embed(f),
		kong.NoDefaultHelp(), kong.Writers(io.Discard, io.Discard), kong.Exit(func(int) {}),
		kong.WithHyphenPrefixedParameters(true),
	)
	return kong.New(check, options...)
}

// parse fills the flags of the check and the shared ones. Help and version are set, without an error, wherever they
// stand among the arguments; on any error the output form is as good as it can be known.
func (p Program) parse(check Check) (flags, nagios.Thresholds, error) {
	f, s, err := p.parseFlags(check)
	if err != nil || f.Help || f.Version {
		return f, nagios.Thresholds{}, err
	}
	t, err := nagios.ParseThresholds(check.Metrics(), f.Warning, f.Critical)
	var wrong *nagios.ThresholdError
	if errors.As(err, &wrong) && s.Origin(wrong.Option) != "" {
		err = fmt.Errorf("%w (%s)", err, s.Origin(wrong.Option))
	}
	return f, t, err
}

func (p Program) parseFlags(check Check) (flags, *settings.Settings, error) {
	var f flags
	if given(p.Args, "-h", "--help") {
		return flags{Help: true, Output: p.guessOutput()}, nil, nil
	}
	if given(p.Args, "-V", "--version") {
		return flags{Version: true, Output: p.guessOutput()}, nil, nil
	}
	s := settings.New(p.source())
	k, err := p.parser(check, &f, s.Option())
	if err != nil {
		return flags{Output: p.guessOutput()}, nil, fmt.Errorf("internal error: %w", err)
	}
	if _, err = k.Parse(p.Args); err == nil {
		err = f.Validate() // kong validates the grammar's root, not what is embedded with an option
	}
	if err != nil {
		return flags{Output: p.guessOutput()}, nil, tidy(err)
	}
	return f, s, nil
}

// tidy gives kong's message without its own wording for what a check never takes.
func tidy(err error) error {
	if text, ok := strings.CutPrefix(err.Error(), "unexpected argument "); ok {
		return fmt.Errorf("unexpected argument %q: there are only flags; was a value with spaces or * not quoted?", text)
	}
	return err
}

// guessOutput is the output form that is asked for, found without a grammar because there may be no valid one.
func (p Program) guessOutput() output {
	var o output
	s := settings.New(p.source())
	text := valueOf(p.Args, "-o", "--output")
	if text == "" {
		// A file that cannot be read says nothing about the form; its error is told by whoever parses.
		_ = s.Load(valueOf(p.Args, "", "--config"))
		text = s.Text("output")
	}
	if err := o.UnmarshalText([]byte(text)); err != nil {
		return outputPlugin
	}
	return o
}

// Model is the grammar of the check C, for its documentation and for tests that compare it with other lists of flags.
func Model[C any, P interface {
	*C
	Check
}](name string) (*kong.Application, error) {
	var f flags
	k, err := Program{Name: name}.parser(P(new(C)), &f)
	if err != nil {
		return nil, err
	}
	return k.Model, nil
}
