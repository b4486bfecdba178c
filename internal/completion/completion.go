// Package completion makes scripts that let bash, zsh and fish complete a program's command line. They are made from the
// grammar that also parses it, so that neither has what the other lacks, and hold all they need: the program is not
// run when a key is pressed.
package completion

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"
)

// Shell is a shell there is a script for.
type Shell string

// The shells.
const (
	Bash Shell = "bash"
	Zsh  Shell = "zsh"
	Fish Shell = "fish"
)

// Choices are the names of the shells.
func (Shell) Choices() []string { return []string{string(Bash), string(Zsh), string(Fish)} }

// UnmarshalText reads a shell's name.
func (s *Shell) UnmarshalText(text []byte) error {
	switch shell := Shell(text); shell {
	case Bash, Zsh, Fish:
		*s = shell
		return nil
	default:
		return fmt.Errorf("shell %q: expected bash, zsh or fish", text)
	}
}

// Chooser is implemented by the type of a flag that takes one of a few values.
type Chooser interface{ Choices() []string }

// Script is the script of a program for a shell. begins are what values of some flags begin with, by the flags' names:
// names of metrics with their '=', say.
func Script(shell Shell, model *kong.Application, begins map[string][]string) string {
	p := program{name: model.Name, top: commandOf(model.Node, begins)}
	for _, n := range model.Children {
		if n.Type != kong.CommandNode || n.Hidden {
			continue
		}
		c := commandOf(n, begins)
		c.options = append(c.options, p.top.options...)
		p.commands = append(p.commands, c)
		if model.DefaultCmd == n {
			p.standIn = n.Name
		}
	}
	switch shell {
	case Zsh:
		return p.zsh()
	case Fish:
		return p.fish()
	default:
		return p.bash()
	}
}

// program is a command line as far as completion needs it.
type program struct {
	name     string
	top      command // what holds where there are no sub-commands
	commands []command
	standIn  string // the sub-command that is meant where none is given, or ""
}

// command is a sub-command.
type command struct {
	name, help string
	options    []option
	args       []argument
}

// option is a flag.
type option struct {
	long, short string // without hyphens; short may be ""
	help        string
	many        bool // may be repeated
	argument         // its value; the zero argument where it has none
}

// words are what stands for the option on the command line.
func (o option) words() []string {
	if o.short == "" {
		return []string{"--" + o.long}
	}
	return []string{"-" + o.short, "--" + o.long}
}

// argument is a value.
type argument struct {
	kind    kind
	name    string   // what stands for it in the help
	choices []string // of the kinds choice and begin
}

// kind says how a value is completed.
type kind int

const (
	none   kind = iota // there is no value
	text               // not at all
	choice             // one of a few words
	begin              // as choice, but more follows
	file
	folder
)

func commandOf(n *kong.Node, begins map[string][]string) command {
	c := command{name: n.Name, help: oneLine(n.Help)}
	for _, f := range n.Flags {
		if f.Hidden {
			continue
		}
		o := option{long: f.Name, help: oneLine(f.Help), many: f.IsCumulative() || f.Target.Kind() == reflect.Slice || f.IsCounter()}
		if f.Short != 0 {
			o.short = string(f.Short)
		}
		if !f.IsBool() && !f.IsCounter() {
			o.argument = argumentOf(f.Value, f.FormatPlaceHolder())
			if words := begins[f.Name]; words != nil {
				o.kind, o.choices = begin, words
			}
		}
		c.options = append(c.options, o)
	}
	for _, a := range n.Positional {
		c.args = append(c.args, argumentOf(a, a.Name))
	}
	return c
}

// argumentOf tells from its type what a value can be, or from the placeholder that stands for it.
func argumentOf(v *kong.Value, placeholder string) argument {
	a := argument{kind: text, name: placeholder}
	if v.Enum != "" {
		a.kind, a.choices = choice, v.EnumSlice()
	} else if chooser, ok := v.Target.Addr().Interface().(Chooser); ok {
		a.kind, a.choices = choice, chooser.Choices()
	} else if word := regexp.MustCompile(`^[A-Z]*`).FindString(placeholder); word == "FILE" || word == "PATH" {
		a.kind = file
	} else if word == "DIR" {
		a.kind = folder
	}
	return a
}

// oneLine is the first sentence of a help text without its end.
func oneLine(help string) string {
	sentence, _, _ := strings.Cut(help, ". ")
	return strings.TrimSuffix(sentence, ".")
}

// scopes calls do for every state of a command line: before a sub-command, with the names of it and of the one that is meant, and then
// for each other sub-command.
func (p program) scopes(do func(names []string, c command)) {
	if p.standIn == "" {
		do([]string{""}, p.top)
	}
	for _, c := range p.commands {
		if c.name == p.standIn {
			do([]string{"", c.name}, c)
		} else {
			do([]string{c.name}, c)
		}
	}
}

// commandNames are the names of the sub-commands.
func (p program) commandNames() []string {
	var names []string
	for _, c := range p.commands {
		names = append(names, c.name)
	}
	return names
}

// takeValue are the words after which a value follows, each once.
func (p program) takeValue() []string {
	var words []string
	seen := map[string]bool{}
	p.scopes(func(_ []string, c command) {
		for _, o := range c.options {
			for _, w := range o.words() {
				if o.kind != none && !seen[w] {
					seen[w] = true
					words = append(words, w)
				}
			}
		}
	})
	return words
}

// single is s in single quotes, for a shell that ends them with another.
func single(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
