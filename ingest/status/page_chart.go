package status

import (
	"fmt"
	"math"

	"github.com/check-ingest/check-ingest/internal/amount"
)

// The charts' measures, in units of their view box.
const (
	chartWidth  = 960
	chartHeight = 190
	chartLeft   = 70
	chartTop    = 10
	chartBottom = 160
	shownBars   = 60
)

// chart is a bar chart of rows a second over time.
type chart struct {
	Title, Label  string
	Width, Height int
	Lines         []chartText
	Bars          []bar
	Ticks         []chartText
}

type bar struct{ Class, X, Y, W, H, Title string }

type chartText struct{ X, X2, Y, TextY, Anchor, Text string }

// speed is one bar: how fast, and in which words.
type speed struct {
	rate  float64
	odd   bool
	title string
	tick  string
}

// charts show how fast runs were, and the latest of them from beginning to end.
func (r Report) charts() []chart {
	var runs, steps []speed
	for _, run := range r.Runs {
		if run.RowsPerSecond > 0 {
			runs = append(runs, speed{
				run.RowsPerSecond, run.end() != "ok", fmt.Sprintf("%s UTC: %s rows/s, %s, %s", utc(run.began()), amount.Text(int64(run.RowsPerSecond)), amount.Of(run.Rows, "row"), run.end()),
				utc(run.began())[:10],
			})
		}
	}
	for _, s := range r.Rates {
		steps = append(steps, speed{
			s.RowsPerSecond, false, fmt.Sprintf("%s to %s UTC: %s rows/s", utc(s.From), utc(s.To)[11:], amount.Text(int64(s.RowsPerSecond))), utc(s.From)[11:],
		})
	}
	var charts []chart
	if len(runs) > 1 {
		charts = append(charts, newChart("Rows a second, a bar a run", runs[max(0, len(runs)-shownBars):]))
	}
	if len(steps) > 1 {
		charts = append(charts, newChart("Rows a second from the beginning to the end of the last run of more than one file", steps))
	}
	return charts
}

func newChart(title string, speeds []speed) chart {
	var most, sum float64
	for _, s := range speeds {
		most, sum = max(most, s.rate), sum+s.rate
	}
	c := chart{Title: title, Width: chartWidth, Height: chartHeight}
	c.Label = fmt.Sprintf("%s: %d bars, %s on average, %s at most", title, len(speeds), amount.Short(sum/float64(len(speeds))), amount.Short(most))
	top := niceAbove(most)
	height := func(v float64) float64 { return (chartBottom - chartTop) * v / top }
	for _, part := range []float64{0, 0.5, 1} {
		y := chartBottom - height(top*part)
		c.Lines = append(c.Lines, chartText{X: number(chartLeft - 6), X2: number(chartWidth), Y: f1(y), TextY: f1(y + 4), Text: amount.Short(top * part)})
	}
	step := float64(chartWidth-chartLeft) / float64(max(len(speeds), 12))
	for i, s := range speeds {
		b := bar{Class: "bar", X: f1(chartLeft + step*(float64(i)+0.1)), W: f1(step * 0.8), H: f1(height(s.rate)), Y: f1(chartBottom - height(s.rate)), Title: clean(s.title)}
		if s.odd {
			b.Class = "bar-odd"
		}
		c.Bars = append(c.Bars, b)
	}
	first, last := speeds[0], speeds[len(speeds)-1]
	c.Ticks = []chartText{
		{X: number(chartLeft), Y: number(chartHeight - 8), Anchor: "start", Text: first.tick},
		{X: f1(chartLeft + step*float64(len(speeds))), Y: number(chartHeight - 8), Anchor: "end", Text: last.tick},
	}
	if len(speeds) < 4 {
		c.Ticks = c.Ticks[:1]
	}
	return c
}

// niceAbove is the next number above v that is one, two or five times a power of ten.
func niceAbove(v float64) float64 {
	if v <= 0 {
		return 1
	}
	base := math.Pow(10, math.Floor(math.Log10(v)))
	for _, times := range []float64{1, 2, 5} {
		if v <= times*base {
			return times * base
		}
	}
	return 10 * base
}

func f1(v float64) string { return fmt.Sprintf("%.1f", v) }
