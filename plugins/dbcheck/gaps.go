package dbcheck

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/nagios"
)

// What is listed of holes.
const (
	maxPeriods = 8  // of one series in its line
	maxSeries  = 3  // in a sentence
	maxGapRows = 30 // lines
)

// gaps adds the missing days and ids that s, summed up from the ledger of an open database, tells.
func (c *Cmd) gaps(r *nagios.Result, path string, in *inside, s ledger.Snapshot) string {
	if len(s.Series) == 0 && in.rows > 0 {
		r.Problems = append(r.Problems, nagios.Problem{
			State: nagios.Unknown, Path: path, Text: "--gaps cannot tell: no file" + c.names() + " is in the loader's ledger",
			Remedy: "Load the same files with ingest-aggtrades once: rows that are there already are only recorded.",
		})
		return ""
	}
	if s.Scripts.Files > 0 {
		r.Lines = append(r.Lines, fmt.Sprintf("%s loaded by the scripts, which did not record their days: what they cover counts as missing", amount.Of(s.Scripts.Files, "file")))
	}
	return addGaps(r, path, s.Series)
}

// names are the series that were asked for, in a sentence.
func (c *Cmd) names() string {
	if len(c.Symbol) == 0 {
		return c.ofScope()
	}
	return c.of(strings.Join(c.Symbol, ", "))
}

// addGaps adds what is missing in the series, and the lines that name it, the worst first.
func addGaps(r *nagios.Result, path string, series []ledger.SeriesState) string {
	series = slices.DeleteFunc(slices.Clone(series), func(s ledger.SeriesState) bool { return s.MissingDays() == 0 && s.IDsMissing == 0 })
	slices.SortStableFunc(series, func(a, b ledger.SeriesState) int {
		return cmp.Or(cmp.Compare(b.MissingDays(), a.MissingDays()), cmp.Compare(b.IDsMissing, a.IDsMissing))
	})
	var days int
	var ids float64
	var worstDays, worstIDs []string
	for i, s := range series {
		days += s.MissingDays()
		ids += float64(s.IDsMissing)
		if n := s.MissingDays(); n > 0 {
			worstDays = append(worstDays, fmt.Sprintf("%s %s (%s)", s.Series, amount.Text(n), periods(s.DaysMissing, 2)))
		}
		if s.IDsMissing > 0 {
			worstIDs = append(worstIDs, fmt.Sprintf("%s %s", s.Series, amount.Text(s.IDsMissing)))
		}
		if i < maxGapRows {
			r.Lines = append(r.Lines, gapLine(s))
		}
	}
	if more := len(series) - maxGapRows; more > 0 {
		r.Lines = append(r.Lines, amount.Of(more, "more symbol")+" with holes")
	}
	r.Metrics = append(r.Metrics,
		nagios.Metric{
			Label: labelDays, Value: float64(days), Phrase: "{} " + amount.Noun(days, "day") + " missing: " + few(worstDays), Path: path,
			Remedy: "Fetch the files of these days and load them; -v lists them.",
		},
		nagios.Metric{
			Label: labelIDs, Value: ids, Phrase: "{} trade ids missing: " + few(worstIDs), Path: path,
			Remedy: "Fetch the files around the holes again; ids that Binance itself left out stay missing: allow for them with -w ids_missing=N.",
		},
	)
	if days == 0 && ids == 0 {
		return "no days and no ids missing"
	}
	return fmt.Sprintf("%s and %s ids missing", amount.Of(days, "day"), amount.Decimal(ids))
}

// gapLine is what is missing in one series.
func gapLine(s ledger.SeriesState) string {
	text := fmt.Sprintf("%s lacks %s", s.Series, amount.Of(s.IDsMissing, "id"))
	if n := s.MissingDays(); n > 0 {
		text = fmt.Sprintf("%s lacks %s and %s: %s", s.Series, amount.Of(n, "day"), amount.Of(s.IDsMissing, "id"), periods(s.DaysMissing, maxPeriods))
	}
	return text
}

// periods lists the first n of ps.
func periods(ps []catalog.Period, n int) string {
	var texts []string
	for _, p := range ps[:min(n, len(ps))] {
		texts = append(texts, p.String())
	}
	if more := len(ps) - n; more > 0 {
		texts = append(texts, amount.Text(more)+" more")
	}
	return strings.Join(texts, ", ")
}

// few lists the first of texts.
func few(texts []string) string {
	if more := len(texts) - maxSeries; more > 0 {
		texts = append(texts[:maxSeries:maxSeries], amount.Text(more)+" more")
	}
	return strings.Join(texts, ", ")
}
