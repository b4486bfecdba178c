package nagios

import (
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
)

// Table renders the report for a person at a shell: the first line of plugin output, a table of the metrics, and the
// problems with their remedies.
func (rep Report) Table() []byte {
	var b strings.Builder
	line := func(prefix, text string) { b.WriteString(prefix + cut(strings.TrimSpace(Clean(text)), maxText) + "\n") }
	b.WriteString(cut(rep.head(), maxText) + "\n")
	if len(rep.Metrics) > 0 {
		t := table.NewWriter()
		t.SuppressTrailingSpaces()
		t.SetStyle(table.StyleLight)
		t.AppendHeader(table.Row{"metric", "value", "warning", "critical", "state"})
		for _, m := range rep.Metrics {
			t.AppendRow(table.Row{m.Spec.Label, m.Text(), m.limitText(m.Limits.Warning), m.limitText(m.Limits.Critical), m.State.String()})
		}
		b.WriteString(t.Render() + "\n")
	}
	for _, p := range rep.Problems {
		line("["+p.State.String()+"] ", p.Text)
		if p.Remedy != "" {
			line("    ", p.Remedy)
		}
	}
	for _, l := range rep.Lines {
		line("", l)
	}
	return []byte(b.String())
}
