package nagios

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes text that came from outside (file names, error messages, process names) safe to print in one line of
// plugin output. What could start performance data, a line, a tag or a terminal sequence is replaced:
//
//	|                         !    would start performance data
//	line breaks, tabs         a space
//	NUL                       left out; Nagios cuts the output there
//	other control characters  ?    also invisible ones that change the direction of text
//	< >                       ( )  Icinga DB Web would take a word between them for HTML and drop it
//	\                         /    Naemon and Icinga DB Web read \n as a line break
//	invalid UTF-8             ?
//
// It is applied to whole texts when they are rendered, so checks put raw strings into a [Result].
func Clean(s string) string {
	safe := func(r rune) bool {
		return r >= ' ' && r < utf8.RuneSelf && !strings.ContainsRune("|<>\\\x7f", r)
	}
	if strings.IndexFunc(s, func(r rune) bool { return !safe(r) }) < 0 {
		return s
	}
	return strings.Map(cleanRune, strings.ToValidUTF8(s, "?"))
}

func cleanRune(r rune) rune {
	switch r {
	case '|':
		return '!'
	case '\n', '\r', '\t', '\u2028', '\u2029', '\u0085':
		return ' '
	case 0:
		return -1
	case '<':
		return '('
	case '>':
		return ')'
	case '\\':
		return '/'
	}
	if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Co, r) {
		return '?'
	}
	return r
}

// cut shortens s to at most n bytes, never inside a character, and marks the place with "...".
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	n -= len("...")
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "..."
}
