package manual

import (
	"fmt"
	"strings"
)

// Title is what stands at the top and the bottom of a manual page.
type Title struct {
	Section string // "1"
	Day     string // "2026-01-31"
	Version string // "1.2.3"
}

// Roff is the manual page of a program in the man macros, with sections for its sub-commands.
func Roff(p Page, commands []Page, t Title) string {
	var r roff
	fmt.Fprintf(&r, ".TH %s %s %q %q check-ingest\n", strings.ToUpper(p.Name), t.Section, t.Day, "check-ingest "+t.Version)
	r.section("NAME")
	r.line(escape(p.Name) + ` \- ` + escape(strings.TrimRight(lowerFirst(p.Summary), ".")))
	r.section("SYNOPSIS")
	r.synopsis(p)
	for _, c := range commands {
		r.WriteString(".br\n")
		r.synopsis(c)
	}
	r.section("DESCRIPTION")
	r.paragraphs(p.Summary + "\n\n" + p.Detail)
	r.group("COMMANDS", Group{Items: p.Commands})
	r.flags("OPTIONS", p.Flags)
	for _, g := range p.Notes {
		r.group(strings.ToUpper(g.Title), g)
	}
	for _, c := range commands {
		r.section(strings.ToUpper(c.Name))
		r.paragraphs(c.Summary + "\n\n" + c.Detail)
		r.flagGroups(c.Flags)
		r.exitCodes(c.ExitCodes, ".SS Exit status\n")
		r.examples(c.Examples, ".SS Examples\n")
	}
	r.exitCodes(p.ExitCodes, ".SH EXIT STATUS\n")
	r.group("ENVIRONMENT", Group{Outro: p.Settings, Items: p.Env})
	r.group("FILES", Group{Items: p.Files})
	r.examples(p.Examples, ".SH EXAMPLES\n")
	return r.String()
}

// roff collects the text of a manual page.
type roff struct{ strings.Builder }

func (r *roff) section(title string) { r.WriteString(".SH " + quote(title) + "\n") }

// line writes a line of text that is escaped already.
func (r *roff) line(s string) {
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	r.WriteString(s + "\n")
}

func (r *roff) synopsis(p Page) { r.line(`\fB` + escape(p.Name) + `\fR ` + escape(p.Usage)) }

func (r *roff) paragraphs(text string) {
	for i, p := range paragraphs(text) {
		if i > 0 {
			r.WriteString(".PP\n")
		}
		r.line(escape(strings.Join(strings.Fields(p), " ")))
	}
}

func (r *roff) flags(title string, groups []Group) {
	if len(groups) > 0 {
		r.section(title)
		r.flagGroups(groups)
	}
}

func (r *roff) flagGroups(groups []Group) {
	for _, g := range groups {
		r.WriteString(".SS " + quote(g.Title) + "\n")
		r.items(g.Items)
	}
}

func (r *roff) group(title string, g Group) {
	if len(g.Items) == 0 && g.Outro == "" {
		return
	}
	r.section(title)
	if g.Intro != "" {
		r.line(escape(upperFirst(g.Intro)) + ":")
	}
	r.items(g.Items)
	if g.Outro != "" {
		if len(g.Items) > 0 {
			r.WriteString(".PP\n")
		}
		r.line(escape(g.Outro))
	}
}

func (r *roff) items(items []Item) {
	for _, i := range items {
		r.WriteString(".TP\n")
		term := `\fB` + escape(strings.TrimSpace(i.Term)) + `\fR`
		switch arg, isValue := strings.CutPrefix(i.Arg, "="); {
		case isValue:
			term += `=\fI` + escape(arg) + `\fR`
		case strings.TrimSpace(arg) != "":
			term += " " + escape(strings.TrimSpace(arg))
		}
		r.line(term)
		r.line(escape(i.Text))
	}
}

func (r *roff) exitCodes(codes []ExitCode, heading string) {
	if len(codes) == 0 {
		return
	}
	r.WriteString(heading)
	for _, e := range codes {
		fmt.Fprintf(r, ".TP\n\\fB%d\\fR\n", e.Code)
		r.line(escape(e.Meaning))
	}
}

func (r *roff) examples(examples []Example, heading string) {
	if len(examples) == 0 {
		return
	}
	r.WriteString(heading)
	for i, e := range examples {
		if i > 0 {
			r.WriteString(".PP\n")
		}
		does := upperFirst(e.Does)
		if !strings.HasSuffix(does, "?") {
			does += ":"
		}
		r.line(escape(does))
		r.WriteString(".PP\n.RS 4\n.EX\n")
		for _, l := range commandLines(e.Command) {
			r.line(escape(l))
		}
		r.WriteString(".EE\n.RE\n")
	}
}

// escape makes text mean itself in roff. A hyphen is the ASCII character, so that commands can be copied.
func escape(s string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(s)
}

// quote makes one argument of a macro of s.
func quote(s string) string { return `"` + strings.ReplaceAll(escape(s), `"`, `\(dq`) + `"` }

func lowerFirst(s string) string { return changeFirst(s, strings.ToLower) }
func upperFirst(s string) string { return changeFirst(s, strings.ToUpper) }

func changeFirst(s string, change func(string) string) string {
	if s == "" {
		return s
	}
	return change(s[:1]) + s[1:]
}
