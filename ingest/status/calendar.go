package status

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/catalog"
)

// colors are those of the terminal's own palette, so that they go with light and dark ones.
type color string

const (
	colorGood    color = "32"   // green
	colorOdd     color = "33"   // yellow
	colorBad     color = "1;31" // bold red
	colorNeutral color = "36"   // cyan
)

// painted colours a text.
type painted func(c color, s string) string

func painter(on bool) painted {
	return func(c color, s string) string {
		if !on || s == "" {
			return s
		}
		return "\x1b[" + string(c) + "m" + s + "\x1b[0m"
	}
}

func colorOf(r Reason) color {
	switch r {
	case FileFailed, FileTruncated, FileAbsent, RowsAbsent:
		return colorBad
	case HoleInFile, FileNotLoaded:
		return colorOdd
	case PublishedHole:
		return colorNeutral
	default:
		return colorBad
	}
}

// glyph is one cell of a calendar, with a character of its own for each state, so that no colour is needed to read it.
type glyph struct {
	state State
	plain string // ASCII
	nice  string
	says  string // in the legend
	color color
}

func glyphs() []glyph {
	return []glyph{
		{Loaded, "#", "■", "loaded", colorGood},
		{Partial, "p", "p", "partly", colorOdd},
		{Hole, "h", "h", "ids missing", colorOdd},
		{Empty, "o", "o", "no rows", colorNeutral},
		{Failed, "F", "F", "failed", colorBad},
		{Waiting, "w", "w", "waiting", colorOdd},
		{Absent, ".", "·", "no file", colorBad},
	}
}

// cell is a day as one character.
func (l Look) cell(s State) (string, color) {
	for _, g := range glyphs() {
		if g.state == s {
			if l.Unicode {
				return g.nice, g.color
			}
			return g.plain, g.color
		}
	}
	return " ", colorGood
}

// legend explains the states that occur.
func (r Report) legend(l Look, paint painted) string {
	occurs := map[State]bool{}
	for _, s := range r.Series {
		for _, span := range s.Calendar {
			occurs[span.State] = true
		}
	}
	var parts []string
	for _, g := range glyphs() {
		if occurs[g.state] {
			sign, c := l.cell(g.state)
			parts = append(parts, paint(c, sign)+" "+g.says)
		}
	}
	return strings.Join(parts, "  ")
}

// calendars shows each series' days, one cell a day, one line a month.
func (r Report) calendars(b *bytes.Buffer, l Look, paint painted) {
	shown, left := 0, 0
	for _, s := range r.Series {
		switch {
		case s.span.Days() == 0:
		case !l.All && shown == shownCalendars:
			left++
		default:
			if shown == 0 {
				fmt.Fprintf(b, "\nDays:\n  %s\n", r.legend(l, paint))
			}
			shown++
			s.calendar(b, l, paint)
		}
	}
	if left > 0 {
		fmt.Fprintf(b, "\nCalendars of %s more: name one with --symbol, or -v shows all, or --html=FILE.\n", amount.Of(left, "series"))
	}
}

// ruler marks days of the month.
const ruler = "1   5    10   15   20   25   30"

// column is how wide a month's line is: its name, 31 cells, and how many days are missing.
const column = 5 + 31 + 3

// months are those of the series' days.
func (s Series) months() []catalog.Period {
	var months []catalog.Period
	for p := monthOf(s.span.First); p.First < s.span.End; p = monthOf(p.End) {
		months = append(months, p)
	}
	return months
}

func monthOf(d catalog.Day) catalog.Period {
	t := d.Time()
	return catalog.MonthPeriod(t.Year(), t.Month())
}

// calendar shows the series' days. Beyond a year the months stand in two columns, each from top to bottom, so that four years take 24 lines. A heading
// tells the year of the month below it, and a January further down bears the number of its year.
func (s Series) calendar(b *bytes.Buffer, l Look, paint painted) {
	fmt.Fprintf(b, "\n%s\n", clean(name(s.Series)))
	months := s.months()
	rows := max(12, (len(months)+1)/2)
	left, right := months[:min(rows, len(months))], months[min(rows, len(months)):]
	head := heading(left)
	if len(right) > 0 {
		head = fmt.Sprintf("%-*s  %s", column, head, heading(right))
	}
	b.WriteString(head + "\n")
	for i, p := range left {
		line, wide := s.month(p, i == 0, l, paint)
		if i < len(right) {
			second, _ := s.month(right[i], i == 0, l, paint)
			line += strings.Repeat(" ", column+2-wide) + second
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

func heading(months []catalog.Period) string {
	return fmt.Sprintf("%d %s", months[0].First.Time().Year(), ruler)
}

// month is a line of a calendar, and how wide it is. Below a heading, which tells the year, a January has its name.
func (s Series) month(p catalog.Period, first bool, l Look, paint painted) (line string, wide int) {
	var b, run strings.Builder // run is cells of one colour
	of := colorGood
	flush := func() {
		b.WriteString(paint(of, run.String()))
		run.Reset()
	}
	missing := 0
	for d := p.First; d < p.First+31; d++ {
		sign, c := " ", of
		if p.Contains(d) && s.span.Contains(d) {
			state := s.days[d-s.span.First].state
			if !state.hasRows() {
				missing++
			}
			sign, c = l.cell(state)
		}
		if c != of {
			flush()
			of = c
		}
		run.WriteString(sign)
	}
	flush()
	label := p.First.Time().Month().String()[:3]
	if label == "Jan" && !first {
		label = p.First.Time().Format("2006")
	}
	line, wide = fmt.Sprintf("%-5s%s", label, b.String()), column-3
	if missing > 0 {
		line, wide = line+fmt.Sprintf("%3d", missing), column
	}
	return line, wide
}
