package nagiostest

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Limits of plugin output in bytes: with -vv and less, and with -vvv.
const (
	SoftLimit = 4 << 10
	HardLimit = 8 << 10
)

// CheckOutput reports the first rule that plugin output breaks: it begins with name and state, ends in one line end, is at most limit bytes of
// valid UTF-8 without anything that means more than text to a consumer, and has no more than one '|', in its last line, before metrics
// in the form of [PerfdataForm], each label once.
func CheckOutput(out, name, state string, limit int) error {
	first, _, _ := strings.Cut(out, "\n")
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	text, perfdata, piped := strings.Cut(out, "|")
	switch {
	case !strings.HasPrefix(first, name+" "+state+": "):
		return fmt.Errorf("first line %q does not begin with %s %s", first, name, state)
	case len(out) > limit:
		return fmt.Errorf("%d bytes, limit %d", len(out), limit)
	case !utf8.ValidString(out):
		return errors.New("invalid UTF-8")
	case strings.ContainsFunc(out, unsafe):
		return errors.New("a character that is not safe")
	case strings.Contains(strings.SplitN(text, "\n", 2)[0], ";"):
		return errors.New("a ; in the text of the first line, where Nagios makes it a colon")
	case !strings.HasSuffix(out, "\n") || strings.Contains(out, "\n\n"):
		return errors.New("bad line ends")
	case strings.Contains(perfdata, "|"):
		return errors.New("more than one |")
	case piped && !strings.Contains(lines[len(lines)-1], "|"):
		return errors.New("the | is not in the last line")
	case piped:
		return checkPerfdata(perfdata)
	}
	return nil
}

func checkPerfdata(perfdata string) error {
	form := PerfdataForm()
	seen := map[string]bool{}
	for _, item := range strings.Split(strings.TrimSuffix(strings.TrimPrefix(perfdata, " "), "\n"), " ") {
		if !form.MatchString(item) {
			return fmt.Errorf("metric %q has not the form %s", item, form)
		}
		label, _, _ := strings.Cut(item, "=")
		if seen[label] {
			return fmt.Errorf("metric %q comes twice", label)
		}
		seen[label] = true
	}
	return nil
}

// unsafe reports whether a consumer takes r for more than text: a control character, one that changes the direction of text, part of a tag, an
// escape.
func unsafe(r rune) bool {
	return r < ' ' && r != '\n' || 0x7f <= r && r < 0xa0 || strings.ContainsRune("<>\\\u2028\u2029\u200b\ufeff", r) || 0x202a <= r && r <= 0x202e || 0x2066 <= r && r <= 0x2069
}

// PerfdataForm is the form that every metric has.
func PerfdataForm() *regexp.Regexp {
	const number = `-?[0-9]+(\.[0-9]+)?`
	const rng = `(@?(~:|` + number + `:)?(` + number + `)?)?`
	return regexp.MustCompile(`^[a-z][a-z0-9_]*=` + number + `(s|B|%|c)?(;` + rng + `(;` + rng + `(;(` + number + `)?(;(` + number + `)?)?)?)?)?$`)
}
