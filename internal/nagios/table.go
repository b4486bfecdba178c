package nagios

import (
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
)

// Table renders the report for a person at a shell: the first line of plugin output, a table of the metrics, and the
// problems with their remedies.
func (rep Report) Table() []byte {
	var b strings.Builder
	b.WriteString(rep.head() + "\n")
	if len(rep.Metrics) > 0 {
		t := table.NewWriter()
		t.SetStyle(table.StyleLight)
		t.AppendHeader(table.Row{"metric", "value", "warning", "critical", "state"})
		for _, m := range rep.Metrics {
			t.AppendRow(table.Row{m.Spec.Label, m.Text(), m.limitText(m.Limits.Warning), m.limitText(m.Limits.Critical), m.State.String()})
		}
		b.WriteString(t.Render() + "\n")
	}
	for _, p := range rep.Problems {
		b.WriteString(Clean("["+p.State.String()+"] "+p.Text) + "\n")
		if p.Remedy != "" {
			b.WriteString("    " + Clean(p.Remedy) + "\n")
		}
	}
	for _, l := range rep.Lines {
		b.WriteString(Clean(l) + "\n")
	}
	return []byte(b.String())
}
