package checkcli

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/check-ingest/check-ingest/internal/nagios"
	"github.com/check-ingest/check-ingest/internal/settings"
)

// width is what help fits into, in columns.
const width = 80

// help is the help text, as an outcome of state UNKNOWN: a service must not look OK because -h slipped into its command.
func (p Program) help(check Check) outcome {
	text, err := p.helpText(check)
	if err != nil {
		return p.usage(fmt.Errorf("internal error: %w", err))
	}
	return outcome{nagios.UnknownReport(p.Name, text), text}
}

// helpText is the whole help, made from the grammar, the metrics and the manual.
func (p Program) helpText(check Check) (string, error) {
	var f flags
	k, err := p.parser(check, &f)
	if err != nil {
		return "", err
	}
	m := check.Manual()
	var b strings.Builder
	wrap(&b, "", "", m.Summary)
	fmt.Fprintf(&b, "\nUsage: %s [flags]\n", p.binary())
	for _, paragraph := range strings.Split(strings.TrimSpace(m.Detail), "\n\n") {
		b.WriteByte('\n')
		wrap(&b, "", "", paragraph)
	}
	writeFlags(&b, k.Model.Flags)
	writeMetrics(&b, check.Metrics())
	writeClosing(&b, k.Model.Flags[0].Name, m.Examples)
	return b.String(), nil
}

// writeFlags writes the flags under the headings of their groups, in the order of the grammar.
func writeFlags(b *strings.Builder, all []*kong.Flag) {
	heading := func(f *kong.Flag) string {
		if f.Group == nil {
			return "Flags:"
		}
		return f.Group.Title
	}
	var headings []string
	byHeading := map[string][]*kong.Flag{}
	for _, f := range all {
		h := heading(f)
		if byHeading[h] == nil {
			headings = append(headings, h)
		}
		byHeading[h] = append(byHeading[h], f)
	}
	for _, h := range headings {
		b.WriteString("\n" + h + "\n")
		for _, f := range byHeading[h] {
			writeFlag(b, f)
		}
	}
}

const flagColumn = 32 // where the explanation of a flag begins

func writeFlag(b *strings.Builder, f *kong.Flag) {
	short := "    "
	if f.Short != 0 {
		short = "-" + string(f.Short) + ", "
	}
	left := "  " + short + "--" + f.Name
	if !f.IsBool() && !f.IsCounter() {
		left += "=" + f.FormatPlaceHolder()
	}
	help := f.Help
	if f.HasDefault && f.Default != "" {
		help += " Default: " + f.Default + "."
	}
	wrap(b, left, strings.Repeat(" ", flagColumn), help)
}

// writeMetrics lists the metrics: label, unit, meaning, defaults.
func writeMetrics(b *strings.Builder, specs []nagios.Spec) {
	b.WriteString("\nMetrics, the first being the one meant where a threshold names none:\n")
	for _, s := range specs {
		text := s.Help
		if s.Needs != "" {
			text += " Needs " + s.Needs + "."
		}
		if s.Warning != "" {
			text += " Default warning: " + s.Warning
		}
		if s.Critical != "" {
			text += " Default critical: " + s.Critical
		}
		left := fmt.Sprintf("  %-16s %s", s.Label, s.Unit)
		wrap(b, left, strings.Repeat(" ", 22), text)
	}
}

// writeClosing writes what is true of all checks, with the name of a flag to explain variables by, and the examples.
func writeClosing(b *strings.Builder, flag string, examples []Example) {
	b.WriteString("\nRANGE is [@][START:]END or START: and alerts outside it, with @ inside it:\n")
	for _, row := range [][2]string{
		{"10", "alert below 0 or above 10"},
		{"10:", "alert below 10"},
		{"~:10", "alert above 10 (quote it: shells expand an unquoted ~)"},
		{"@10:20", "alert from 10 to 20"},
	} {
		fmt.Fprintf(b, "  %-8s %s\n", row[0], row[1])
	}
	wrap(b, "", "", "Numbers may carry a unit that fits the metric: 100GB or 1.5TiB, 90s, 30m (minutes), 26h or 2d, 5%. "+
		"Giving -w or -c for a metric replaces both its defaults.")
	b.WriteByte('\n')
	wrap(b, "", "", "Every flag can be set by a variable ("+settings.EnvName(flag)+" for --"+flag+") or in "+
		settings.SystemFile+". Flag beats environment beats file.")
	b.WriteString("\nExit codes: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN, help, usage errors.\n")
	b.WriteString("\nExamples:\n")
	for _, e := range examples {
		wrap(b, "  #", "  # ", e.Does)
		writeCommand(b, e.Command)
	}
}

// writeCommand writes a command as a shell reads it, in lines of at most width columns that end before a flag.
func writeCommand(b *strings.Builder, command string) {
	const more = " \\"
	flags := strings.Split(command, " -")
	line := "  " + flags[0]
	for i, f := range flags[1:] {
		room := width - len(line) - len(" -")
		if i < len(flags)-2 {
			room -= len(more)
		}
		if len(f) > room {
			b.WriteString(line + more + "\n")
			line = "     "
		}
		line += " -" + f
	}
	b.WriteString(line + "\n")
}

// wrap writes text in lines of at most width columns. The first begins with left, the others with indent; if left is
// longer than the indent the text begins on a line of its own.
func wrap(b *strings.Builder, left, indent, text string) {
	line := left
	switch {
	case left == "":
	case len(left) < len(indent):
		line += strings.Repeat(" ", len(indent)-len(left))
	default:
		b.WriteString(left + "\n")
		line = indent
	}
	fresh := true // nothing of text is in the line yet
	for _, word := range strings.Fields(text) {
		if !fresh && len(line)+1+len(word) > width {
			b.WriteString(line + "\n")
			line, fresh = indent, true
		}
		if !fresh {
			line += " "
		}
		line += word
		fresh = false
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
}
