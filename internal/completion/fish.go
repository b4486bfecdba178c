package completion

import (
	"fmt"
	"strings"
)

// fish is the script for fish 3.
func (p program) fish() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# fish completion for %s\n\n", p.name)
	at := "__" + strings.ReplaceAll(p.name, "-", "_") + "_at"
	if len(p.commands) > 0 {
		fmt.Fprintf(&b, `# Whether the sub-command on the line is one of the arguments; '' is none.
function %s
    set -l command ''
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
            continue
        end
        switch $word
            case %s
                set skip 1
            case %s
                set command $word
                break
        end
    end
    contains -- "$command" $argv
end

`, at, strings.Join(p.takeValue(), " "), strings.Join(p.commandNames(), " "))
	}
	fmt.Fprintf(&b, "complete -c %s -f\n", p.name)
	for _, c := range p.commands {
		fmt.Fprintf(&b, "complete -c %s -n \"%s ''\" -a %s -d %s\n", p.name, at, c.name, fishQuote(c.help))
	}
	p.scopes(func(names []string, c command) {
		when := ""
		if len(p.commands) > 0 {
			quoted := make([]string, len(names))
			for i, n := range names {
				quoted[i] = orEmpty(n)
			}
			when = fmt.Sprintf(" -n %q", at+" "+strings.Join(quoted, " "))
		}
		for _, a := range c.args {
			if len(a.choices) > 0 {
				fmt.Fprintf(&b, "complete -c %s%s -a %s\n", p.name, when, fishQuote(strings.Join(a.choices, " ")))
			}
		}
		for _, o := range c.options {
			fmt.Fprintf(&b, "complete -c %s%s%s\n", p.name, when, fishOption(o))
		}
	})
	return b.String()
}

func fishOption(o option) string {
	s := " -l " + o.long
	if o.short != "" {
		s = " -s " + o.short + s
	}
	switch o.kind {
	case none:
	case text:
		s += " -x"
	case choice, begin:
		s += " -x -a " + fishQuote(strings.Join(o.choices, " "))
	case file:
		s += " -r -F"
	case folder:
		s += " -x -a '(__fish_complete_directories)'"
	}
	return s + " -d " + fishQuote(o.help)
}

// fishQuote is s in single quotes, in which fish knows \' and \\.
func fishQuote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}
