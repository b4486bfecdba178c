package checkcli

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/check-ingest/check-ingest/internal/buildinfo"
	"github.com/check-ingest/check-ingest/internal/completion"
	"github.com/check-ingest/check-ingest/internal/manual"
	"github.com/check-ingest/check-ingest/internal/nagios"
	"github.com/check-ingest/check-ingest/internal/settings"
)

// help is the help text, as an outcome of state UNKNOWN: a service must not look OK because -h slipped into its command.
func (p Program) help(check Check) outcome {
	page, _, err := p.page(check)
	if err != nil {
		return p.usage(fmt.Errorf("internal error: %w", err))
	}
	text := page.Help()
	return outcome{nagios.UnknownReport(p.Name, text), text}
}

// document is a manual page or a completion script, and whether args ask for one. Either is for a file, so that it needs no state.
func (p Program) document(newCheck func() Check) (text string, asked bool, err error) {
	man := given(p.Args, "", "--man")
	name := valueOf(p.Args, "", "--completion")
	if !man && name == "" || given(p.Args, "h", "--help") {
		return "", false, nil
	}
	page, model, err := p.page(newCheck())
	if err != nil {
		return "", true, err
	}
	if man {
		b := buildinfo.Read()
		page.Env, page.Files = environment(), files()
		return manual.Roff(page, nil, manual.Title{Section: "1", Day: b.Day(), Version: b.Version}), true, nil
	}
	var shell completion.Shell
	if err := shell.UnmarshalText([]byte(name)); err != nil {
		return "", true, fmt.Errorf("--completion: %w", err)
	}
	var labels []string
	for _, s := range newCheck().Metrics() {
		labels = append(labels, s.Label+"=")
	}
	return completion.Script(shell, model, map[string][]string{"warning": labels, "critical": labels}), true, nil
}

// page is all that is said of a check, made from the grammar, the metrics and the manual.
func (p Program) page(check Check) (manual.Page, *kong.Application, error) {
	var f flags
	k, err := p.parser(check, &f)
	if err != nil {
		return manual.Page{}, nil, err
	}
	page := manual.Page{Name: p.binary(), Usage: "[flags]", Text: check.Manual(), Flags: manual.Flags(k.Model.Flags)}
	page.Notes = []manual.Group{metricNotes(check.Metrics()), rangeNotes()}
	page.Settings = "Every flag can be set by a variable (" + settings.EnvName(k.Model.Flags[0].Name) + " for --" + k.Model.Flags[0].Name + ") or in " +
		settings.SystemFile + ". Flag beats environment beats file."
	page.ExitCodes = []manual.ExitCode{
		{Code: 0, Meaning: "OK; with --gate also WARNING"},
		{Code: 1, Meaning: "WARNING; with --gate CRITICAL and UNKNOWN"},
		{Code: 2, Meaning: "CRITICAL"},
		{Code: 3, Meaning: "UNKNOWN, help, version and usage errors"},
	}
	return page, k.Model, nil
}

// metricNotes lists the metrics: label, unit, meaning, defaults.
func metricNotes(specs []nagios.Spec) manual.Group {
	const column = 22
	g := manual.Group{Title: "Metrics", Intro: "the first being the one meant where a threshold names none", Column: column}
	for i, s := range specs {
		text := s.Help
		if s.Needs != "" {
			text += " Needs " + s.Needs + "."
		}
		label := s.Label + "="
		if i == 0 {
			label = ""
		}
		var defaults []string // as they would be given
		if s.Warning != "" {
			defaults = append(defaults, "--warning="+label+s.Warning)
		}
		if s.Critical != "" {
			defaults = append(defaults, "--critical="+label+s.Critical)
		}
		if len(defaults) > 0 {
			text += " Default: " + strings.Join(defaults, " ")
		}
		item := manual.Item{Term: s.Label, Text: text}
		if s.Unit != nagios.None {
			item.Arg = strings.Repeat(" ", max(1, 17-len(s.Label))) + string(s.Unit)
		}
		g.Items = append(g.Items, item)
	}
	return g
}

// rangeNotes explain thresholds.
func rangeNotes() manual.Group {
	return manual.Group{
		Title: "Ranges", Intro: "which are [@][START:]END or START: and alert outside, with @ inside", Column: 11,
		Items: []manual.Item{
			{Term: "10", Text: "alert below 0 or above 10"},
			{Term: "10:", Text: "alert below 10"},
			{Term: "~:10", Text: "alert above 10 (quote it: shells expand an unquoted ~)"},
			{Term: "@10:20", Text: "alert from 10 to 20"},
		},
		Outro: "Numbers may carry a unit that fits the metric: 100GB or 1.5TiB, 90s, 30m (minutes), 26h or 2d, 5%. " +
			"Giving -w or -c for a metric replaces both its defaults.",
	}
}

func files() []manual.Item {
	return []manual.Item{
		{Term: settings.SystemFile, Text: "Settings of all users."},
		{Term: "$XDG_CONFIG_HOME/check-ingest/config.yaml", Text: "Settings of one user, ~/.config where the variable is not set; they beat those of all users."},
	}
}

func environment() []manual.Item {
	return []manual.Item{{Term: "CHECK_INGEST_*", Text: "Flags; a flag that may be repeated takes a list separated by commas."}}
}
