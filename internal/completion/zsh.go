package completion

import (
	"fmt"
	"strings"
)

// zsh is the script for zsh 5. It may be a file _<program> in a folder of $fpath, or be sourced.
func (p program) zsh() string {
	var b strings.Builder
	fmt.Fprintf(&b, "#compdef %[1]s\n# zsh completion for %[1]s\n\n_%[1]s() {\n", p.name)
	b.WriteString(`  local command word
  integer skip
  # Which sub-command stands on the line.
  for word in "${(@Q)words[2,CURRENT-1]}"; do
    if (( skip )); then
      skip=0
      continue
    fi
    case $word in
`)
	fmt.Fprintf(&b, "      (%s) skip=1 ;;\n", strings.Join(p.takeValue(), "|"))
	if len(p.commands) > 0 {
		fmt.Fprintf(&b, "      (%s) command=$word; break ;;\n", strings.Join(p.commandNames(), "|"))
	}
	b.WriteString("    esac\n  done\n  case $command in\n")
	p.scopes(func(names []string, c command) {
		for _, n := range names {
			fmt.Fprintf(&b, "    (%s)\n      _arguments -s -S : \\\n", orEmpty(n))
			for _, o := range c.options {
				b.WriteString("        " + zshOption(o) + " \\\n")
			}
			switch {
			case n != "":
				fmt.Fprintf(&b, "        %s", single("1: :("+n+")"))
			case len(p.commands) > 0:
				b.WriteString("        " + single("1:command:(("+zshCommands(p.commands)+"))"))
			default:
				b.WriteString("        ")
			}
			for i, a := range c.args {
				if n != "" {
					fmt.Fprintf(&b, " \\\n        %s", single(fmt.Sprintf("%d:%s:%s", i+2, zshText(a.name), zshAction(a))))
				}
			}
			b.WriteString("\n      ;;\n")
		}
	})
	b.WriteString("  esac\n}\n\n")
	fmt.Fprintf(&b, "if [[ $funcstack[1] == _%[1]s ]]; then\n  _%[1]s \"$@\"\nelse\n  compdef _%[1]s %[1]s\nfi\n", p.name)
	return b.String()
}

func orEmpty(name string) string {
	if name == "" {
		return "''"
	}
	return name
}

// zshOption is an option in the words of _arguments.
func zshOption(o option) string {
	value := ""
	long, short := "--"+o.long, "-"+o.short
	if o.kind != none {
		value = ":" + zshText(o.name) + ":" + zshAction(o.argument)
		long, short = long+"=", short+"+"
	}
	rest := single("[" + zshText(o.help) + "]" + value)
	switch {
	case o.short == "" && o.many:
		return "'*'" + long + rest
	case o.short == "":
		return long + rest
	case o.many:
		return "'*'{" + short + "," + long + "}" + rest
	default:
		return fmt.Sprintf("'(-%s --%s)'{%s,%s}%s", o.short, o.long, short, long, rest)
	}
}

func zshAction(a argument) string {
	switch a.kind {
	case choice:
		return "(" + strings.Join(a.choices, " ") + ")"
	case begin:
		words := make([]string, len(a.choices))
		for i, c := range a.choices {
			words[i] = strings.TrimSuffix(c, "=")
		}
		return " compadd -S = -- " + strings.Join(words, " ")
	case file:
		return "_files"
	case folder:
		return "_files -/"
	case none, text:
	}
	return " "
}

func zshCommands(commands []command) string {
	var words []string
	for _, c := range commands {
		words = append(words, c.name+`\:"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", "$", `\$`, "(", `\(`, ")", `\)`).Replace(zshText(c.help))+`"`)
	}
	return strings.Join(words, " ")
}

// zshText makes text mean itself where brackets and colons have a meaning.
func zshText(s string) string {
	return strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`, ":", `\:`).Replace(s)
}
