package checkcli

import (
	"encoding"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/check-ingest/check-ingest/internal/nagios"
	"github.com/check-ingest/check-ingest/internal/settings"
	"github.com/check-ingest/check-ingest/internal/usage"
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
		kong.Vars{"timeout": settings.Duration(defaultTimeout).String()},
		kong.WithHyphenPrefixedParameters(true),
	)
	return kong.New(check, options...)
}

// parse fills the flags of the check and the shared ones. Help and version are set, without an error, wherever they
// stand among the arguments; on any error the output form is as good as it can be known.
func (p Program) parse(check Check) parsed {
	f, s, err := p.parseFlags(check)
	if err != nil || f.Help || f.Version {
		return parsed{flags: f, err: err}
	}
	t, err := nagios.ParseThresholds(check.Metrics(), f.Warning, f.Critical)
	var wrong *nagios.ThresholdError
	if errors.As(err, &wrong) && s.Origin(wrong.Option) != "" {
		err = fmt.Errorf("%w (%s)", err, s.Origin(wrong.Option))
	}
	return parsed{f, t, err}
}

func (p Program) parseFlags(check Check) (flags, *settings.Settings, error) {
	if given(p.Args, "h", "--help") {
		f := p.guessWithFiles()
		f.Help = true
		return f, nil, nil
	}
	if given(p.Args, "V", "--version") {
		f := p.guessWithFiles()
		f.Version = true
		return f, nil, nil
	}
	var f flags
	s := settings.New(p.source())
	k, err := p.parser(check, &f, s.Option())
	if err != nil {
		return p.guessWithFiles(), nil, fmt.Errorf("internal error: %w", err)
	}
	if _, err = k.Parse(p.Args); err == nil {
		err = f.Validate() // kong validates the grammar's root, not what is embedded with an option
	}
	if err != nil {
		return p.guessWithFiles(), nil, tidy(err)
	}
	return f, s, nil
}

// tidy gives kong's message without its own wording for what a check never takes.
func tidy(err error) error {
	if text, ok := strings.CutPrefix(err.Error(), "unexpected argument "); ok {
		return fmt.Errorf("unexpected argument %q: there are only flags; was a value with spaces or * not quoted?", text)
	}
	return usage.Plain(err)
}

// guess is what the flags for time and output are meant to be, found without a grammar because there may be no valid one.
// Files of settings are not read.
func (p Program) guess() flags { return p.guessFrom(settings.New(p.source())) }

// guessWithFiles is guess with the files of settings. It may hang where they do.
func (p Program) guessWithFiles() flags {
	s := settings.New(p.source())
	// A file that cannot be read says nothing about the flags; its error is told by whoever parses.
	_ = s.Load(valueOf(p.Args, "", "--config"))
	return p.guessFrom(s)
}

func (p Program) guessFrom(s *settings.Settings) flags {
	f := flags{Output: outputPlugin, Timeout: settings.Duration(defaultTimeout)}
	read := func(flag encoding.TextUnmarshaler, short, name string) {
		text := valueOf(p.Args, short, "--"+name)
		if text == "" {
			text = s.Text(name)
		}
		// What does not parse leaves the default, and is told by whoever parses.
		_ = flag.UnmarshalText([]byte(text))
	}
	read(&f.Output, "-o", "output")
	read(&f.Timeout, "-t", "timeout")
	read(&f.TimeoutState, "", "timeout-state")
	if f.Timeout == 0 {
		f.Timeout = settings.Duration(defaultTimeout)
	}
	return f
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
