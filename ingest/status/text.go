package status

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/check-ingest/check-ingest/internal/amount"
)

// Look is what the text form may use.
type Look struct {
	Color   bool // terminal sequences
	Unicode bool // characters beyond ASCII
	All     bool // lists in full
}

// width is how many columns the text form has.
const width = 80

// How much of each list the text form shows unless all was asked for.
const (
	shownGaps      = 20
	shownFiles     = 10
	shownRuns      = 5
	shownCalendars = 4
)

// Text is the report for people.
func (r Report) Text(l Look) []byte {
	var b bytes.Buffer
	paint := painter(l.Color)
	fmt.Fprintf(&b, "%s\n", clean(r.Database.Path))
	wrap(&b, "", r.lead())
	wrap(&b, "", r.from())
	wrap(&b, "", clean(r.now()))
	if r.Load != nil && r.Load.CurrentFile != "" {
		fmt.Fprintf(&b, "  %s\n", clean(r.Load.CurrentFile))
	}
	for _, n := range r.Notes {
		wrap(&b, "Note: ", clean(n)+".")
	}
	r.seriesTable(&b)
	r.gapList(&b, l, paint)
	r.fileList(&b, l, paint)
	r.runTable(&b, l)
	r.calendars(&b, l, paint)
	return b.Bytes()
}

// Brief is the report in the few lines that go with a page.
func (r Report) Brief() []byte {
	var b bytes.Buffer
	wrap(&b, "", r.lead())
	wrap(&b, "", r.from())
	wrap(&b, "", clean(r.now()))
	return b.Bytes()
}

// wrap writes a text in lines that fit, the first with a prefix. Words that are too long, such as paths, stay whole.
func wrap(b *bytes.Buffer, prefix, s string) {
	line, indent := prefix, strings.Repeat(" ", len(prefix))
	empty := true
	for word := range strings.FieldsSeq(s) {
		if !empty && text.StringWidth(line)+1+text.StringWidth(word) > width {
			b.WriteString(line + "\n")
			line, empty = indent, true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	b.WriteString(line + "\n")
}

// newTable is a table without lines, the columns from n on to the right.
func newTable(header table.Row, right ...int) table.Writer {
	w := table.NewWriter()
	w.SuppressTrailingSpaces()
	w.SetStyle(table.StyleLight)
	w.Style().Format.Header = text.FormatDefault
	w.Style().Options = table.OptionsNoBordersAndSeparators
	w.Style().Box.PaddingLeft, w.Style().Box.PaddingRight = "", " "
	w.AppendHeader(header)
	configs := make([]table.ColumnConfig, 0, len(right))
	for _, n := range right {
		configs = append(configs, table.ColumnConfig{Number: n, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	w.SetColumnConfigs(configs)
	return w
}

// trimmed is a table without spaces at the ends of lines.
func trimmed(s string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(s, "\n") {
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

// seriesTable is the table of what is loaded. Where it would be too wide rows are shortened.
func (r Report) seriesTable(b *bytes.Buffer) {
	if len(r.Series) == 0 {
		return
	}
	render := func(rows func(int64) string) string {
		w := newTable(table.Row{"Series", "First day", "Last day", "Days", "Miss", "Rows", "IDs miss", "Last ok", "Size"}, 4, 5, 6, 7, 8, 9)
		for _, s := range r.Series {
			days, missing := amount.Text(s.Days), amount.Text(s.DaysMissing)
			if s.First == "" {
				days, missing = "?", "?"
			}
			w.AppendRow(table.Row{
				clean(name(s.Series)), dash(s.First), dash(s.Last), days, missing, rows(s.Rows), rows(s.IDsMissing), ago(r.At, s.LastSuccess), strings.ReplaceAll(amount.Bytes(s.SourceBytes), " ", ""),
			})
		}
		return trimmed(w.Render())
	}
	out := render(amount.Text)
	if widest(out) > width {
		out = render(func(n int64) string { return amount.Short(float64(n)) })
	}
	b.WriteString("\n" + out)
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func widest(s string) int {
	most := 0
	for line := range strings.SplitSeq(s, "\n") {
		most = max(most, text.StringWidth(line))
	}
	return most
}

// more says how many lines of a list are not shown.
func more(b *bytes.Buffer, n, shown int) {
	if n > shown {
		fmt.Fprintf(b, "  and %s more; -v shows all\n", amount.Text(n-shown))
	}
}

func (r Report) gapList(b *bytes.Buffer, l Look, paint painted) {
	if len(r.Gaps) == 0 {
		return
	}
	b.WriteString("\nGaps:\n")
	shown := len(r.Gaps)
	if !l.All {
		shown = min(shown, shownGaps)
	}
	for _, g := range r.Gaps[:shown] {
		fmt.Fprintf(b, "  %s %s: %s, %s\n", clean(name(g.Series)), dates(g.First, g.Last), paint(colorOf(g.Reason), g.Reason.String()), g.missing())
		if about := g.about(); about != "" {
			wrap(b, "    ", clean(about))
		}
	}
	more(b, len(r.Gaps), shown)
}

func (r Report) fileList(b *bytes.Buffer, l Look, paint painted) {
	if len(r.Files) == 0 {
		return
	}
	b.WriteString("\nFailed or partial files, times in UTC:\n")
	shown := len(r.Files)
	if !l.All {
		shown = min(shown, shownFiles)
	}
	for _, f := range r.Files[:shown] {
		color := colorBad
		if f.Status == "partial" {
			color = colorOdd
		}
		fmt.Fprintf(b, "  %s %s", paint(color, string(f.Status)), utc(f.At))
		if f.Attempts > 1 {
			fmt.Fprintf(b, ", tried %d times", f.Attempts)
		}
		fmt.Fprintf(b, "\n    %s\n", clean(f.Path))
		wrap(b, "    ", clean(f.problem()))
	}
	more(b, r.files, shown)
}

func (r Report) runTable(b *bytes.Buffer, l Look) {
	if len(r.Runs) == 0 {
		return
	}
	b.WriteString("\nLast runs, times in UTC:\n")
	runs := r.Runs
	if !l.All {
		runs = runs[max(0, len(runs)-shownRuns):]
	}
	w := newTable(table.Row{"  Began", "Took", "Loaded", "Failed", "Skipped", "Rows", "Rows/s", "End"}, 2, 3, 4, 5, 6, 7)
	for _, run := range runs {
		speed := "-"
		if run.RowsPerSecond > 0 {
			speed = amount.Short(run.RowsPerSecond)
		}
		w.AppendRow(table.Row{
			"  " + utc(run.began()), took(run.Seconds), amount.Text(run.FilesLoaded), amount.Text(run.FilesFailed), amount.Text(run.FilesSkipped), amount.Text(run.Rows), speed, run.end(),
		})
	}
	b.WriteString(trimmed(w.Render()))
	if n := len(r.Runs) - len(runs); n > 0 {
		fmt.Fprintf(b, "  and %s before; -v shows all\n", amount.Text(n))
	}
}
