package status

import (
	"fmt"
	"slices"
	"time"

	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/catalog"
)

// pageSeries adds the series, each with its calendar.
func (r Report) pageSeries(p *page) {
	occurs := map[string]pageCell{}
	for i, s := range r.Series {
		out := pageSeries{
			ID: fmt.Sprintf("series-%d", i+1), Days: fmt.Sprintf("days-%d", i+1), Name: clean(name(s.Series)), First: dash(s.First), Last: dash(s.Last),
			Loaded: "?", Missing: "?", Rows: amount.Text(s.Rows), IDs: amount.Text(s.IDsMissing), Failed: amount.Text(s.FilesFailed),
			Success: utc(s.LastSuccess), Size: amount.Bytes(s.SourceBytes),
		}
		if s.First != "" {
			out.Loaded, out.Missing = amount.Text(s.Days), amount.Text(s.DaysMissing)
			out.Summary = fmt.Sprintf("%s to %s: %s with rows, %s without; %s missing.", s.First, s.Last,
				amount.Of(s.Days, "day"), amount.Of(s.DaysMissing, "day"), amount.Of(s.IDsMissing, "id"))
			out.Years = s.pageYears(occurs)
			p.HasDays = true
		}
		p.Series = append(p.Series, out)
	}
	for _, g := range glyphs() {
		if c, ok := occurs[string(g.state)]; ok {
			p.Legend = append(p.Legend, c)
		}
	}
}

// pageYears are the years of a series, and what occurs in them.
func (s Series) pageYears(occurs map[string]pageCell) []pageYear {
	shade := shades(s.days)
	var years []pageYear
	for y := s.span.First.Time().Year(); y <= s.span.Last().Time().Year(); y++ {
		year := pageYear{Year: y}
		for m := time.January; m <= time.December; m++ {
			p := catalog.MonthPeriod(y, m)
			if !p.Overlaps(s.span) {
				continue
			}
			month := pageMonth{Name: m.String()[:3], Cells: make([]pageCell, 0, 31)}
			for date := p.First; date < p.First+31; date++ {
				var c pageCell
				if p.Contains(date) && s.span.Contains(date) {
					d := s.days[date-s.span.First]
					c = d.pageCell(date, shade)
					occurs[string(d.state)] = pageCell{Class: legendClass(c.Class), Glyph: c.Glyph, Text: d.state.String()}
				}
				month.Cells = append(month.Cells, c)
			}
			year.Months = append(year.Months, month)
		}
		years = append(years, year)
	}
	return years
}

// shades are up to how many rows a day has the first, second and third of four shades, so that each is of a quarter of the days.
func shades(days []day) []int64 {
	var rows []int64
	for _, d := range days {
		if d.rows > 0 {
			rows = append(rows, d.rows)
		}
	}
	slices.Sort(rows)
	if len(rows) == 0 {
		return nil
	}
	return []int64{rows[len(rows)/4], rows[len(rows)/2], rows[len(rows)*3/4]}
}

// pageCell is a day, shaded by how many rows it has.
func (d day) pageCell(date catalog.Day, shade []int64) pageCell {
	c := pageCell{Title: date.String() + ": " + d.state.String()}
	switch {
	case d.rows < 0:
	case d.about:
		c.Title += ", about " + amount.Of(d.rows, "row") + " (average of its file)"
	case d.rows > 0:
		c.Title += ", " + amount.Of(d.rows, "row")
	}
	if d.ids > 0 {
		c.Title += ", " + amount.Of(d.ids, "id") + " missing"
	}
	if d.gap >= 0 && d.gap < shownOnPage {
		c.Gap = gapID(d.gap)
	}
	switch d.state {
	case Loaded:
		c.Class = "l0" // how many rows is not known
		if d.rows > 0 {
			n, _ := slices.BinarySearch(shade, d.rows) // those at a limit have the paler shade
			if shade[0] == shade[2] {
				n = 1 // most days have as many rows as others
			}
			c.Class = fmt.Sprintf("l%d", n+1)
		}
		return c
	case Partial, Hole, Waiting:
		c.Class = "odd"
	case Empty:
		c.Class = "empty"
	case Failed:
		c.Class = "bad"
	default:
		c.Class = "none"
	}
	c.Glyph, _ = Look{Unicode: true}.cell(d.state)
	return c
}

// legendClass stands for a state in the legend: of the shades the second strongest.
func legendClass(class string) string {
	if len(class) == 2 && class[0] == 'l' {
		return "l3"
	}
	return class
}
