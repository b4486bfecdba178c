package manual

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Width is what help fits into, in columns.
const Width = 80

// flagColumn is where the explanations of flags begin, as far as their terms leave room.
const flagColumn = 32

// Help is the page as text of at most [Width] columns.
func (p Page) Help() string {
	var b strings.Builder
	wrap(&b, "", "", p.Summary)
	fmt.Fprintf(&b, "\nUsage: %s %s\n", p.Name, p.Usage)
	if len(p.Examples) > 0 {
		b.WriteString("\nExamples:\n")
		for _, e := range p.Examples {
			wrap(&b, "  #", "  # ", e.Does)
			for _, line := range commandLines(e.Command) {
				b.WriteString("  " + line + "\n")
			}
		}
	}
	for _, paragraph := range paragraphs(p.Detail) {
		b.WriteByte('\n')
		wrap(&b, "", "", paragraph)
	}
	helpGroup(&b, Group{Title: "Commands", Items: p.Commands})
	for _, g := range p.Flags {
		g.Column = flagColumn
		helpGroup(&b, g)
	}
	for _, g := range p.Notes {
		helpGroup(&b, g)
	}
	if p.Settings != "" {
		b.WriteByte('\n')
		wrap(&b, "", "", p.Settings)
	}
	if len(p.ExitCodes) > 0 {
		b.WriteString("\nExit codes:\n")
		for _, e := range p.ExitCodes {
			wrap(&b, fmt.Sprintf("  %3d", e.Code), strings.Repeat(" ", 7), e.Meaning)
		}
	}
	return b.String()
}

func helpGroup(b *strings.Builder, g Group) {
	if len(g.Items) == 0 {
		return
	}
	b.WriteByte('\n')
	if g.Intro == "" {
		b.WriteString(g.Title + ":\n")
	} else {
		wrap(b, "", "", g.Title+", "+g.Intro+":")
	}
	column := g.Column
	if column == 0 {
		for _, i := range g.Items {
			column = max(column, utf8.RuneCountInString(i.Term+i.Arg)+4)
		}
	}
	for _, i := range g.Items {
		wrap(b, "  "+i.Term+i.Arg, strings.Repeat(" ", column), i.Text)
	}
	if g.Outro != "" {
		wrap(b, "", "", g.Outro)
	}
}

// paragraphs are the parts of a text that blank lines separate.
func paragraphs(text string) []string {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n\n")
}

// commandLines is a command as a shell reads it, in lines that end before a flag and leave room for an indent of two.
func commandLines(command string) []string {
	const room, more, next = Width - 2, " \\", "   "
	var lines []string
	flags := strings.Split(command, " -")
	line := flags[0]
	for i, f := range flags[1:] {
		need := len(line) + len(" -") + len(f)
		if i < len(flags)-2 {
			need += len(more)
		}
		if need > room {
			lines = append(lines, line+more)
			line = next
		}
		line += " -" + f
	}
	return append(lines, line)
}

// wrap writes text in lines of at most [Width] columns. The first begins with left, the others with indent; if left is
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
		if !fresh && len(line)+1+len(word) > Width {
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
