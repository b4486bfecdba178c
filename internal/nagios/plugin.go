package nagios

import (
	"fmt"
	"strings"

	"github.com/check-ingest/check-ingest/internal/amount"
)

// Limits of plugin output, in bytes, its final newline included. Nagios Core truncates beyond 8 KB in places, Icinga
// DB Web stores 10,000 characters, older NRPE agents 1,024.
const (
	softLimit   = 4 << 10 // with -vv and less
	hardLimit   = 8 << 10 // never more
	maxFirst    = 1000    // the first line
	maxSentence = 320     // one problem in it
	maxLine     = 500     // one line below it
	maxLines    = 50
)

// Plugin renders the report as plugin output:
//
//	NAME STATE: summary | label=value;warn;crit;min;max ...
//
// in one line. With verbosity 1 the problems and their remedies follow, each in a line, with 2 also the metrics, with
// 3 debug lines; performance data is then in a last line of its own that begins with "|", the only one in the output.
// Where it would be too long, lines between the first and the last are left out and counted. Only if performance data alone
// would exceed 8 KB, metrics at its end are left out too, whole ones.
func (rep Report) Plugin(verbosity int) []byte {
	limit := softLimit
	if verbosity >= 3 {
		limit = hardLimit
	}
	head := cut(rep.head(), maxFirst)
	perf := rep.perfdata(hardLimit - len(head) - len(" | \n"))
	lines := rep.long(verbosity)
	lines = fit(lines, limit-len(head)-len(perf)-len("\n| \n"))

	var b strings.Builder
	b.WriteString(head)
	for _, l := range lines {
		b.WriteString("\n" + l)
	}
	switch {
	case perf == "":
	case len(lines) > 0:
		b.WriteString("\n| " + perf)
	default:
		b.WriteString(" | " + perf)
	}
	b.WriteByte('\n')
	return []byte(b.String())
}

// head is the first line without performance data. Nagios turns ';' there into ':'.
func (rep Report) head() string {
	summary := strings.ReplaceAll(Clean(rep.Summary), ";", ",")
	return fmt.Sprintf("%s %s: %s", rep.Name, rep.State, strings.TrimSpace(summary))
}

// perfdata joins as many metrics as fit into size bytes.
func (rep Report) perfdata(size int) string {
	var b strings.Builder
	for _, m := range rep.Metrics {
		p := m.Perfdata()
		if b.Len()+len(" ")+len(p) > size {
			break
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(p)
	}
	return b.String()
}

// long lists what verbosity adds below the first line, each line safe and short.
func (rep Report) long(verbosity int) []string {
	var lines []string
	add := func(s string) {
		if s = strings.TrimSpace(Clean(s)); s != "" {
			lines = append(lines, cut(s, maxLine))
		}
	}
	if verbosity >= 1 {
		for _, p := range rep.Problems {
			add(p.line())
		}
		for _, l := range rep.Lines {
			add(l)
		}
	}
	if verbosity >= 2 {
		for _, m := range rep.Metrics {
			add(m.line())
		}
	}
	if verbosity >= 3 {
		for _, l := range rep.Debug {
			add("debug: " + l)
		}
		add(fmt.Sprintf("debug: version %s, took %s", rep.Version, Human(rep.Seconds, Seconds)))
	}
	return lines
}

// line is the problem with its remedy in one line.
func (p Problem) line() string {
	s := fmt.Sprintf("[%s] %s", p.State, p.Text)
	if p.Remedy != "" {
		s += ". " + p.Remedy
	}
	return s
}

// line is the metric with its thresholds in one line.
func (j Judged) line() string {
	s := fmt.Sprintf("[%s] %s: %s", j.State, j.Spec.Label, j.Text())
	if w := j.limitText(j.Limits.Warning); w != "" {
		s += ", warning " + w
	}
	if c := j.limitText(j.Limits.Critical); c != "" {
		s += ", critical " + c
	}
	return s
}

// limitText is a threshold of the metric with numbers for people, empty where there is none.
func (j Judged) limitText(r *Range) string {
	if r == nil {
		return ""
	}
	return r.format(func(v float64) string { return Human(v, j.Spec.Unit) })
}

// fit drops lines from the end until the rest, each with its newline, is within size bytes and maxLines, and says how
// many it dropped.
func fit(lines []string, size int) []string {
	const room = len("\n... 1,234,567,890 more")
	used, kept := 0, 0
	for _, l := range lines {
		next := used + len(l) + 1
		last := kept == len(lines)-1
		if kept == maxLines || next > size || !last && next+room > size {
			break
		}
		used, kept = next, kept+1
	}
	if kept == len(lines) || room > size {
		return lines[:kept]
	}
	return append(lines[:kept:kept], "... "+amount.Text(len(lines)-kept)+" more")
}
