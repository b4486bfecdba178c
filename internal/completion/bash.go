package completion

import (
	"fmt"
	"strings"
)

// bash is the script for bash 4.4 and later, with or without the package bash-completion.
func (p program) bash() string {
	function := "_" + strings.ReplaceAll(p.name, "-", "_")
	var b strings.Builder
	fmt.Fprintf(&b, "# bash completion for %s\n\n%s() {\n", p.name, function)
	b.WriteString(`    local cur=${COMP_WORDS[COMP_CWORD]} prefix= flag= command= word i
    COMPREPLY=()
    # Which sub-command stands on the line, and which flag waits for its value. bash makes three words of --flag=value.
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $flag ]]; then
            [[ $word == '=' ]] || flag=
            continue
        fi
        case $word in
`)
	fmt.Fprintf(&b, "        %s) flag=$word ;;\n", strings.Join(p.takeValue(), " | "))
	if len(p.commands) > 0 {
		fmt.Fprintf(&b, "        %s) command=${command:-$word} ;;\n", strings.Join(p.commandNames(), " | "))
	}
	b.WriteString(`        esac
    done
    if [[ $flag && $cur == '=' ]]; then
        cur=
    elif [[ ! $flag && $cur == --*=* ]]; then # '=' is not in COMP_WORDBREAKS
        flag=${cur%%=*} prefix=${cur%%=*}= cur=${cur#*=}
    fi
    case "$command $flag" in
`)
	p.scopes(func(names []string, c command) { bashScope(&b, names, c, p.commandNames()) })
	b.WriteString("    esac\n}\n\n")
	fmt.Fprintf(&b, "complete -F %s %s\n", function, p.name)
	return b.String()
}

func bashScope(b *strings.Builder, names []string, c command, commands []string) {
	patterns := func(words []string) string {
		var all []string
		for _, n := range names {
			for _, w := range words {
				all = append(all, single(n+" "+w))
			}
		}
		return strings.Join(all, " | ")
	}
	var flags []string
	for _, o := range c.options {
		flags = append(flags, o.words()...)
		if o.kind != none {
			fmt.Fprintf(b, "    %s)\n%s        ;;\n", patterns(o.words()), bashValue(o.argument))
		}
	}
	fmt.Fprintf(b, "    %s)\n", patterns([]string{""}))
	fmt.Fprintf(b, "        if [[ $cur == -* ]]; then\n            mapfile -t COMPREPLY < <(compgen -W %s -- \"$cur\")\n", single(strings.Join(flags, " ")))
	for _, n := range names {
		if n == "" && len(commands) > 0 {
			fmt.Fprintf(b, "        elif [[ ! $command ]]; then\n            mapfile -t COMPREPLY < <(compgen -W %s -- \"$cur\")\n", single(strings.Join(commands, " ")))
		}
	}
	b.WriteString("        else\n            :\n")
	for _, a := range c.args {
		b.WriteString(bashValue(a))
	}
	b.WriteString("        fi\n        ;;\n")
}

// bashValue completes a value. Names of files are left to readline, which knows how to quote them, unless it takes the
// flag for a part of the name.
func bashValue(a argument) string {
	switch a.kind {
	case choice:
		return fmt.Sprintf("        mapfile -t COMPREPLY < <(compgen -P \"$prefix\" -W %s -- \"$cur\")\n", single(strings.Join(a.choices, " ")))
	case begin:
		return fmt.Sprintf("        compopt -o nospace\n        mapfile -t COMPREPLY < <(compgen -P \"$prefix\" -W %s -- \"$cur\")\n", single(strings.Join(a.choices, " ")))
	case file, folder:
		how, option := "-f", "default"
		if a.kind == folder {
			how, option = "-d", "dirnames"
		}
		return fmt.Sprintf("        if [[ $prefix ]]; then\n            compopt -o filenames\n            mapfile -t COMPREPLY < <(compgen -P \"$prefix\" %s -- \"$cur\")\n"+
			"        else\n            compopt -o %s\n        fi\n", how, option)
	case none, text:
	}
	return "        :\n"
}
