package status

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
)

// Tables are the tables that [Report.CSV] can write.
func Tables() []string { return []string{"series", "days", "gaps", "files", "runs"} }

// CSV is one table of the report, with a heading. Times are RFC 3339 in UTC, fields that are not known are empty.
//
// A field with text from outside that a spreadsheet would take for a formula gets a ' in front, and control characters become '?'; see [cell].
func (r Report) CSV(table string) ([]byte, error) {
	var rows [][]string
	switch table {
	case "series":
		rows = r.csvSeries()
	case "days":
		rows = r.csvDays()
	case "gaps":
		rows = r.csvGaps()
	case "files":
		rows = r.csvFiles()
	case "runs":
		rows = r.csvRuns()
	default:
		return nil, fmt.Errorf("table %q: expected one of %s", table, strings.Join(Tables(), ", "))
	}
	var b bytes.Buffer
	if err := csv.NewWriter(&b).WriteAll(rows); err != nil {
		return nil, fmt.Errorf("write CSV: %w", err)
	}
	return b.Bytes(), nil
}

// cell makes a text fit for a field: what begins like a formula would be run by a spreadsheet that opens the file.
func cell(s string) string {
	s = clean(s)
	for _, sign := range []string{"=", "+", "-", "@", "＝", "＋", "－", "＠"} {
		if strings.HasPrefix(strings.TrimLeft(s, " "), sign) {
			return "'" + s
		}
	}
	return s
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

func seconds(s float64) string { return strconv.FormatFloat(s, 'f', -1, 64) }

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func (r Report) csvSeries() [][]string {
	rows := [][]string{{
		"market", "symbol", "first_day", "last_day", "days", "days_missing", "rows", "ids_missing", "files", "files_failed", "files_partial", "last_success", "source_bytes",
	}}
	for _, s := range r.Series {
		days, missing := "", ""
		if s.First != "" {
			days, missing = number(int64(s.Days)), number(int64(s.DaysMissing))
		}
		rows = append(rows, []string{
			cell(string(s.Market)), cell(s.Symbol), s.First, s.Last, days, missing, number(s.Rows), number(s.IDsMissing),
			number(int64(s.Files)), number(int64(s.FilesFailed)), number(int64(s.FilesPartial)), stamp(s.LastSuccess), number(s.SourceBytes),
		})
	}
	return rows
}

func (r Report) csvDays() [][]string {
	rows := [][]string{{"market", "symbol", "day", "state", "rows", "rows_are", "ids_missing", "reason", "file", "detail"}}
	for _, s := range r.Series {
		for i, d := range s.days {
			count, are := "", ""
			switch {
			case d.rows < 0:
			case d.about:
				count, are = number(d.rows), "average"
			default:
				count, are = number(d.rows), "exact"
			}
			row := []string{cell(string(s.Market)), cell(s.Symbol), (s.span.First + catalog.Day(i)).String(), string(d.state), count, are, number(d.ids), "", "", ""}
			if d.gap >= 0 {
				g := r.Gaps[d.gap]
				row[7], row[8], row[9] = string(g.Reason), cell(g.File), cell(g.Detail)
			}
			rows = append(rows, row)
		}
	}
	return rows
}

func (r Report) csvGaps() [][]string {
	rows := [][]string{{"market", "symbol", "first_day", "last_day", "days", "ids_missing", "reason", "detail", "file", "files"}}
	for _, g := range r.Gaps {
		rows = append(rows, []string{
			cell(string(g.Market)), cell(g.Symbol), g.First, g.Last, number(int64(g.Days)), number(g.IDsMissing), string(g.Reason),
			cell(g.Detail), cell(g.File), number(int64(g.Files)),
		})
	}
	return rows
}

func (r Report) csvFiles() [][]string {
	rows := [][]string{{"path", "market", "symbol", "first_day", "last_day", "status", "error", "at", "attempts", "rows_conflict"}}
	for _, f := range r.Files {
		rows = append(rows, []string{
			cell(f.Path), cell(string(f.Market)), cell(f.Symbol), f.First, f.Last, string(f.Status), cell(f.Error), stamp(f.At), number(f.Attempts), number(f.Conflict),
		})
	}
	return rows
}

func (r Report) csvRuns() [][]string {
	rows := [][]string{{"run_id", "outcome", "exit_code", "started_at", "ended_at", "seconds", "files_loaded", "files_failed", "files_skipped", "rows", "rows_per_second"}}
	for _, run := range r.Runs {
		exit := ""
		if run.ExitCode != nil {
			exit = strconv.Itoa(*run.ExitCode)
		}
		rows = append(rows, []string{
			cell(run.ID), string(run.Outcome), exit, stamp(run.StartedAt), stamp(run.EndedAt), seconds(run.Seconds),
			number(run.FilesLoaded), number(run.FilesFailed), number(run.FilesSkipped), number(run.Rows), seconds(run.RowsPerSecond),
		})
	}
	return rows
}
