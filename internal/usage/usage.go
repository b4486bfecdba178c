// Package usage says in plain words what is wrong with a command line: the parser's own speak of types and of its grammar.
package usage

import (
	"errors"
	"regexp"
	"strings"
)

// Plain is an error of the parser in other words, or the error itself where its words are fine. commands are the program's sub-commands, whose
// names the parser puts before what their flags' checks say.
func Plain(err error, commands ...string) error {
	text := err.Error()
	for _, c := range commands {
		text = strings.TrimPrefix(text, c+": ")
	}
	for _, p := range phrases() {
		if m := p.pattern.FindStringSubmatch(text); m != nil {
			text = p.says(m[1:])
		}
	}
	if text == err.Error() {
		return err
	}
	return errors.New(text)
}

// phrase is one of the parser's, and what to say instead.
type phrase struct {
	pattern *regexp.Regexp
	says    func(parts []string) string
}

func phrases() []phrase {
	of := func(pattern string, says func(parts []string) string) phrase {
		return phrase{regexp.MustCompile(pattern), says}
	}
	expected := func(what string) func([]string) string {
		return func(parts []string) string { return parts[0] + " " + parts[1] + ": expected " + what }
	}
	return []phrase{
		of(`^<[a-z]+>: (.*)$`, func(parts []string) string { return parts[0] }), // what is expected follows
		of(`^(--[a-z-]+) must be one of (.*) but got (".*")$`, func(parts []string) string {
			return parts[0] + " " + parts[2] + ": expected " + either(strings.Split(strings.ReplaceAll(parts[1], `"`, ""), ","))
		}),
		of(`^(--[a-z-]+): expected a valid \d+ bit int but got (".*")$`, expected("a whole number")),
		of(`^(--[a-z-]+): bool value must be .* but got (".*")$`, expected("true or false")),
		of(`^expected "(<[a-z]+>)"$`, func(parts []string) string { return "give " + parts[0] }),
	}
}

// either is a choice: "a, b or c".
func either(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
