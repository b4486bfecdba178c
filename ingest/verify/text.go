package verify

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/nagios"
	"github.com/check-ingest/check-ingest/internal/store"
)

// How much of each list the text shows; JSON has all of it.
const (
	shownFindings = 25
	shownSeries   = 50
	lineWidth     = 80
)

// Text is the report for people.
func (r *Report) Text() []byte {
	var b bytes.Buffer
	if len(r.Series) > 0 {
		r.seriesTable(&b)
	}
	r.findings(&b, "Defects", r.Defects)
	r.findings(&b, "Warnings", r.Warnings)
	for _, n := range r.Notes {
		wrap(&b, "Note: "+nagios.Clean(n)+".", "")
	}
	for _, s := range r.Series {
		if s.RowsNoLedger > 0 {
			wrap(&b, fmt.Sprintf("Note: %s: %s of days for which the ledger has no file.", r.name(s), amount.Of(s.RowsNoLedger, "row")), "")
		}
	}
	if b.Len() > 0 && !bytes.HasSuffix(b.Bytes(), []byte("\n\n")) {
		b.WriteByte('\n')
	}
	for _, line := range r.summary() {
		wrap(&b, line, "")
	}
	return b.Bytes()
}

func (r *Report) name(s Series) string {
	return nagios.Clean(store.Key{Series: catalog.Series{Market: s.Market, Symbol: s.Symbol}, Exchange: s.Exchange}.String())
}

// seriesTable shows a line for each series.
func (r *Report) seriesTable(b *bytes.Buffer) {
	w := table.NewWriter()
	w.SuppressTrailingSpaces()
	w.SetStyle(table.StyleLight)
	w.Style().Format.Header = text.FormatDefault
	w.Style().Options = table.OptionsNoBordersAndSeparators
	w.AppendHeader(table.Row{"Symbol", "First day", "Last day", "Days", "Rows", "Lowest", "Highest"})
	for i, s := range r.Series {
		if i == shownSeries {
			break
		}
		days := [2]string{"-", "-"}
		if s.FirstDay != nil {
			days = [2]string{s.FirstDay.String(), s.LastDay.String()}
		}
		w.AppendRow(table.Row{r.name(s), days[0], days[1], amount.Text(s.Days), amount.Text(s.Rows), shortPrice(s.LowPrice), shortPrice(s.HighPrice)})
	}
	var right []table.ColumnConfig
	for n := 4; n <= 7; n++ {
		right = append(right, table.ColumnConfig{Number: n, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	w.SetColumnConfigs(right)
	b.WriteString(w.Render())
	b.WriteByte('\n')
	if more := len(r.Series) - shownSeries; more > 0 {
		fmt.Fprintf(b, " and %s more; -o json lists all\n", amount.Text(more))
	}
	b.WriteByte('\n')
}

// shortPrice is a price with no more than eight significant digits.
func shortPrice(p float64) string { return strconv.FormatFloat(p, 'f', decimals(p), 64) }

func decimals(p float64) int {
	n := 8
	for limit := 1.0; n > 0 && p >= limit; limit *= 10 {
		n--
	}
	s := strconv.FormatFloat(p, 'f', n, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(s, "0")
		return len(s) - strings.IndexByte(s, '.') - 1
	}
	return 0
}

// findings lists what was found, and once for each kind what to do.
func (r *Report) findings(b *bytes.Buffer, title string, all []Finding) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(b, "%s:\n", title)
	var remedies []string
	for i, f := range all {
		if i == shownFindings {
			fmt.Fprintf(b, "  and %s more; -o json lists all\n", amount.Text(len(all)-i))
			break
		}
		wrap(b, "  "+nagios.Clean(f.Text), "    ")
		if f.Remedy != "" && !slices.Contains(remedies, f.Remedy) {
			remedies = append(remedies, f.Remedy)
		}
	}
	b.WriteString("What to do:\n")
	for _, remedy := range remedies {
		wrap(b, "  - "+remedy, "    ")
	}
	b.WriteByte('\n')
}

// summary says what was looked at and how it came out.
func (r *Report) summary() []string {
	var lines []string
	if s := r.Sample; s != nil && len(s.Days) > 0 {
		var days []string
		for i, d := range s.Days {
			if i == shownPlaces && len(s.Days) > shownPlaces+1 {
				days = append(days, "and "+amount.Text(len(s.Days)-i)+" more")
				break
			}
			days = append(days, d.String())
		}
		lines = append(lines, fmt.Sprintf("A sample of %s of %s, and nothing is known of the others: %s.", amount.Text(len(s.Days)), amount.Of(s.OfDays, "day"), strings.Join(days, ", ")))
	}
	looked := fmt.Sprintf("%s of %s looked at in %s", amount.Text(r.Rows), amount.Of(r.RowsInTable, "row"), nagios.Human(r.Seconds, nagios.Seconds))
	switch {
	case r.Error != "" && r.Checked.Values == Nothing:
	case r.Error != "":
		lines = append(lines, "Not verified to the end: "+looked+".", r.progress())
	case len(r.Defects) > 0:
		lines = append(lines, fmt.Sprintf("Not sound: %s, %s. %s.", count(len(r.Defects), "defect"), count(len(r.Warnings), "warning"), looked))
	case r.Rows == 0:
		lines = append(lines, "There is no row to verify.")
	case r.Sample != nil:
		lines = append(lines, fmt.Sprintf("No defect in the sample, %s. %s.", count(len(r.Warnings), "warning"), looked))
	default:
		lines = append(lines, fmt.Sprintf("Sound: no defect, %s. %s.", count(len(r.Warnings), "warning"), looked))
	}
	if r.Error != "" {
		lines = append(lines, fmt.Sprintf("%s.", nagios.Clean(r.Error)))
	}
	return lines
}

// progress says how far each part of a verification got that did not reach its end.
func (r *Report) progress() string {
	var texts []string
	for _, p := range []struct {
		what   string
		extent Extent
	}{
		{"values", r.Checked.Values},
		{"repeated ids", r.Checked.RepeatedIDs},
		{"the ledger", r.Checked.Ledger},
		{"missing days and ids", r.Checked.Holes},
		{"unusual days", r.Checked.Neighbours},
	} {
		extent := map[Extent]string{Nothing: "not at all", Partly: "partly", Wholly: "wholly"}[p.extent]
		texts = append(texts, p.what+" "+extent)
	}
	return "Verified: " + strings.Join(texts, ", ") + "."
}

func count(n int, what string) string {
	if n == 0 {
		return "no " + what
	}
	return amount.Of(n, what)
}

// wrap writes a line in lines of at most 80 columns, those after the first indented. A word that is longer, such as a path, is not broken.
func wrap(b *bytes.Buffer, line, indent string) {
	lead := line[:len(line)-len(strings.TrimLeft(line, " "))]
	at := 0
	for i, word := range strings.Fields(line) {
		width := text.StringWidthWithoutEscSequences(word)
		switch {
		case i == 0:
			b.WriteString(lead + word)
			at = len(lead) + width
		case at+1+width > lineWidth:
			b.WriteString("\n" + indent + word)
			at = len(indent) + width
		default:
			b.WriteString(" " + word)
			at += 1 + width
		}
	}
	b.WriteByte('\n')
}
