package cli

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/check-ingest/check-ingest/ingest/load"
	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/shell"
)

// How much of each list the report shows; JSON has all of it.
const (
	shownFiles   = 25
	shownMissing = 10
)

// reportText is the report for people.
func reportText(r *load.Report) []byte {
	var b bytes.Buffer
	if r.DryRun && r.Error == "" {
		b.WriteString("Dry run: nothing is changed.\n\n")
	}
	files := seriesTable(&b, r)
	listFiles(&b, r, "failed", "Failed", func(f load.FileReport) string { return strings.TrimPrefix(f.Error, filepath.Base(f.Path)+": ") })
	failedRemedy(&b, r)
	listFiles(&b, r, "partial", "Loaded with conflicts", func(f load.FileReport) string {
		return fmt.Sprintf("%s left out, the database holds other trades with their ids", amount.Of(f.Conflicts, "row"))
	})
	listFiles(&b, r, "changed", "Changed and left alone", func(f load.FileReport) string { return f.Reason })
	listFiles(&b, r, "not reached", "Not reached", func(load.FileReport) string { return "" })
	if r.DryRun {
		listFiles(&b, r, "standby", "Only if a daily file fails", func(f load.FileReport) string { return f.Reason })
		listFiles(&b, r, "replace", "To be replaced", func(f load.FileReport) string { return f.Reason })
	}
	missingDays(&b, r)
	ignored(&b, r)
	for _, w := range r.Warnings {
		fmt.Fprintf(&b, "Warning: %s.\n", w)
	}
	if files && b.Len() > 0 && !bytes.HasSuffix(b.Bytes(), []byte("\n\n")) {
		b.WriteByte('\n')
	}
	b.WriteString(summary(r))
	return b.Bytes()
}

// seriesRow adds up the files of one series.
type seriesRow struct {
	series                catalog.Series
	first, last           string
	load, skipped, failed int
	rows, bytes           int64
}

// seriesTable shows a line for each series, and reports whether there was any.
func seriesTable(b *bytes.Buffer, r *load.Report) bool {
	var rows []*seriesRow
	find := map[catalog.Series]*seriesRow{}
	for _, f := range r.Files {
		s := catalog.Series{Market: f.Market, Symbol: f.Symbol}
		row := find[s]
		if row == nil {
			row = &seriesRow{series: s, first: f.Period}
			find[s] = row
			rows = append(rows, row)
		}
		row.add(f)
	}
	if len(rows) == 0 {
		return false
	}
	w := table.NewWriter()
	w.SuppressTrailingSpaces()
	w.SetStyle(table.StyleLight)
	w.Style().Format.Header = text.FormatDefault
	w.Style().Options = table.OptionsNoBordersAndSeparators
	verb := "Loaded"
	if r.DryRun {
		verb = "To load"
	}
	w.Style().Box.PaddingLeft, w.Style().Box.PaddingRight = "", "  "
	w.AppendHeader(table.Row{"Market", "Symbol", "From", "To", verb, "Skip", "Fail", "Rows", "Size"})
	for _, s := range rows {
		w.AppendRow(table.Row{s.series.Market, s.series.Symbol, s.first, s.last, amount.Text(s.load), amount.Text(s.skipped), amount.Text(s.failed), amount.Text(s.rows), amount.Bytes(s.bytes)})
	}
	right := make([]table.ColumnConfig, 0, 5)
	for n := 5; n <= 9; n++ {
		right = append(right, table.ColumnConfig{Number: n, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	w.SetColumnConfigs(right)
	b.WriteString(w.Render())
	b.WriteString("\n\n")
	return true
}

func (s *seriesRow) add(f load.FileReport) {
	s.last = f.Period
	switch f.Status {
	case "success", "partial", "load", "replace":
		s.load++
		s.bytes += f.Bytes
	case "failed":
		s.failed++
	case "not reached": // they are listed below
	default:
		s.skipped++
	}
	s.rows += f.Rows
}

// listFiles lists the files of one status with what there is to say about them.
func listFiles(b *bytes.Buffer, r *load.Report, status, title string, says func(load.FileReport) string) {
	n := 0
	for _, f := range r.Files {
		if f.Status != status {
			continue
		}
		n++
		if n == 1 {
			fmt.Fprintf(b, "%s:\n", title)
		}
		if n <= shownFiles {
			line := "  " + clean(f.Path)
			if what := clean(says(f)); what != "" {
				line += "\n    " + what
			}
			b.WriteString(line + "\n")
		}
	}
	if n > shownFiles {
		fmt.Fprintf(b, "  and %s more; -o json lists all\n", amount.Text(n-shownFiles))
	}
	if n > 0 {
		b.WriteByte('\n')
	}
}

// mostSymbols is how many symbols a command that is to be pasted names.
const mostSymbols = 3

// failedRemedy is the command that tells what to do about bad files.
func failedRemedy(b *bytes.Buffer, r *load.Report) {
	var symbols []string
	for _, f := range r.Files {
		if f.Status == "failed" && !slices.Contains(symbols, f.Symbol) {
			symbols = append(symbols, f.Symbol)
		}
	}
	if len(symbols) == 0 {
		return
	}
	command := "check_ingest_csv --data-dir=" + shell.Quote(r.DataDir)
	if len(symbols) <= mostSymbols {
		for _, s := range symbols {
			command += " --symbol=" + shell.Quote(s)
		}
	}
	fmt.Fprintf(b, "For the commands that fetch bad files again:\n  %s --full -v\n\n", clean(command))
}

// missingDays names the days that neither a file nor the database has.
func missingDays(b *bytes.Buffer, r *load.Report) {
	if len(r.Missing) == 0 {
		return
	}
	b.WriteString("Missing days, for which there is no file:\n")
	for i, m := range r.Missing {
		if i == shownMissing {
			fmt.Fprintf(b, "  and of %s; -o json lists all\n", amount.Of(len(r.Missing)-i, "more symbol"))
			break
		}
		var spans []string
		for j, p := range m.Ranges {
			if j == shownMissing {
				spans = append(spans, "and "+amount.Of(len(m.Ranges)-j, "more span"))
				break
			}
			spans = append(spans, p.String())
		}
		fmt.Fprintf(b, "  %s %s, %s: %s\n", m.Market, m.Symbol, amount.Text(m.Days), strings.Join(spans, ", "))
	}
	b.WriteByte('\n')
}

// ignored counts what was found in the data dir and is no file of trades.
func ignored(b *bytes.Buffer, r *load.Report) {
	if len(r.Ignored) > 0 {
		fmt.Fprintf(b, "Left aside in the data dir: %s\n", clean(r.Ignored[0].Path))
		fmt.Fprintf(b, "    %s\n", clean(r.Ignored[0].Reason))
		if n := len(r.Ignored) - 1; n > 0 {
			fmt.Fprintf(b, "  and %s more; -o json lists all\n", amount.Text(n))
		}
	}
	if r.Unmatched > 0 {
		fmt.Fprintf(b, "Other files in the data dir, whose names are not those of trades: %s\n", amount.Text(r.Unmatched))
	}
	if len(r.Ignored) > 0 || r.Unmatched > 0 {
		b.WriteByte('\n')
	}
}

// summary is the last line.
func summary(r *load.Report) string {
	t := r.Totals
	if r.Error != "" && t.Files == 0 {
		return clean(r.Error) + "\n"
	}
	var s strings.Builder
	switch {
	case r.DryRun:
		toLoad := t.Files - t.Skipped - t.Changed
		fmt.Fprintf(&s, "%s to load, %s skipped; about %s of space needed, %s free.", amount.Of(toLoad, "file"), amount.Text(t.Skipped+t.Changed), amount.Bytes(r.SpaceNeeded), amount.Bytes(r.SpaceFree))
	case t.Loaded == 0 && t.Failed == 0 && r.Error == "" && t.Changed > 0:
		fmt.Fprintf(&s, "Nothing loaded: %s of %s changed since loaded, and left as it was.", amount.Text(t.Changed), amount.Of(t.Files, "file"))
	case t.Loaded == 0 && t.Failed == 0 && r.Error == "":
		fmt.Fprintf(&s, "Nothing to do: all %s are loaded.", amount.Of(t.Skipped+t.Changed, "file"))
	default:
		fmt.Fprintf(&s, "%s of %s loaded, %s skipped, %s failed", amount.Text(t.Loaded), amount.Of(t.Files, "file"), amount.Text(t.Skipped+t.Changed), amount.Text(t.Failed))
		if rest := t.Files - t.Loaded - t.Skipped - t.Changed - t.Failed; rest > 0 {
			fmt.Fprintf(&s, ", %s not reached", amount.Text(rest))
		}
		fmt.Fprintf(&s, ": %s in %s", amount.Of(t.Rows, "row"), seconds(t.LoadSeconds))
		if t.Rows > 0 {
			fmt.Fprintf(&s, " (%s rows/s)", amount.Short(int64(t.RowsPerSecond)))
		}
		s.WriteByte('.')
		for _, left := range []struct {
			n    int64
			what string
		}{{t.Duplicates, "duplicate rows"}, {t.Conflicts, "rows in conflict"}, {t.Voided, "rows voided by Binance"}, {t.Outside, "rows of other days"}} {
			if left.n > 0 {
				fmt.Fprintf(&s, "\nLeft out: %s %s.", amount.Text(left.n), left.what)
			}
		}
	}
	if r.Error != "" {
		fmt.Fprintf(&s, "\nExit code %d: %s.", r.ExitCode, clean(r.Error))
	}
	s.WriteByte('\n')
	return s.String()
}

// seconds is a duration for people.
func seconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	switch {
	case d < 10*time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	default:
		return d.Round(time.Second).String()
	}
}

// clean keeps what came from outside, such as file names, from breaking the terminal or the layout.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u2028' || r == '\u2029' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}
