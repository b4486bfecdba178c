package status

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page's parts
	"encoding/base64"
	"fmt"
	"html/template"
	"path/filepath"

	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/catalog"
)

var (
	//go:embed page/page.tmpl
	pageTemplate string
	//go:embed page/page.css
	pageStyle string
	//go:embed page/page.js
	pageScript string
)

// shownOnPage is how many gaps the page lists.
const shownOnPage = 1000

// page is what the template shows: texts that are clean, and ids that lead from one row to another.
type page struct {
	Policy        string
	Style, Script template.HTML
	Title         string
	Base, Path    string
	Lead, From    string
	Now, Current  string
	Alarm         bool
	Progress      string
	Notes         []string
	Links         []link
	Series        []pageSeries
	HasDays       bool
	Legend        []pageCell
	Ruler         []rulerDay
	Gaps          []pageGap
	MoreGaps      string
	Files         []pageFile
	MoreFiles     string
	Charts        []chart
	Left          int
	Runs          []pageRun
	At, Version   string
}

type link struct{ ID, Text string }

type rulerDay struct {
	Day   int
	Quiet bool // for screen readers alone
}

type pageSeries struct {
	ID, Days                           string // of its row and of its calendar
	Name, First, Last                  string
	Loaded, Missing, Rows, IDs, Failed string
	Success, Size                      string
	Summary                            string
	Years                              []pageYear
}

type pageYear struct {
	Year   int
	Months []pageMonth
}

type pageMonth struct {
	Name  string
	Cells []pageCell
}

type pageCell struct{ Class, Glyph, Text, Title, Gap string }

type pageGap struct{ ID, SeriesID, Name, Dates, Missing, Reason, Class, Detail, FileID string }

type pageFile struct{ ID, SeriesID, Name, Path, Status, Class, At, Attempts, Problem string }

type pageRun struct{ Began, Took, Loaded, Failed, Skipped, Rows, Rate, End, ID string }

// Page is the report as one HTML page that needs nothing else and no network. What came from outside is escaped, and a policy in the page keeps the
// browser from running or loading anything but the page's own style and script.
func (r Report) Page() ([]byte, error) {
	t, err := template.New("page").Parse(pageTemplate)
	if err != nil {
		return nil, fmt.Errorf("read the page's template: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, r.page()); err != nil {
		return nil, fmt.Errorf("make page: %w", err)
	}
	return b.Bytes(), nil
}

func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func (r Report) page() page {
	base := clean(filepath.Base(r.Database.Path))
	p := page{
		Policy: "default-src 'none'; style-src " + hashOf(pageStyle) + "; script-src " + hashOf(pageScript) + "; img-src data:; base-uri 'none'; form-action 'none'",
		Style:  template.HTML("<style>" + pageStyle + "</style>"),    //nolint:gosec // a constant
		Script: template.HTML("<script>" + pageScript + "</script>"), //nolint:gosec // a constant
		Title:  base + ": " + r.lacks(), Base: base, Path: clean(r.Database.Path), Lead: r.lead(),
		From: r.from(), Now: clean(r.now()), Alarm: r.Holder != "" || r.Load != nil && r.Load.State == Hung,
		At: utc(r.At), Version: clean(r.Version), Left: chartLeft,
	}
	if r.Load != nil {
		p.Current = clean(r.Load.CurrentFile)
		if r.Load.Percent != nil {
			p.Progress = fmt.Sprintf("%.1f", *r.Load.Percent)
		}
	}
	for _, n := range r.Notes {
		p.Notes = append(p.Notes, clean(n))
	}
	for d := 1; d <= 31; d++ {
		p.Ruler = append(p.Ruler, rulerDay{d, d != 1 && d%5 != 0})
	}
	files := r.pageFiles(&p)
	r.pageGaps(&p, files)
	r.pageSeries(&p)
	p.Charts = r.charts()
	for i := len(r.Runs) - 1; i >= 0; i-- { // the latest first, since a page is read from the top
		p.Runs = append(p.Runs, pageRunOf(r.Runs[i]))
	}
	for _, l := range []struct {
		link
		there bool
	}{
		{link{"series", "What is loaded"}, len(p.Series) > 0},
		{link{"gaps", "Gaps"}, len(p.Gaps) > 0},
		{link{"files", "Failed and partial files"}, len(p.Files) > 0},
		{link{"calendar", "Days"}, p.HasDays},
		{link{"runs", "Last runs"}, len(p.Runs) > 0},
	} {
		if l.there {
			p.Links = append(p.Links, l.link)
		}
	}
	return p
}

func pageRunOf(run Run) pageRun {
	out := pageRun{
		Began: utc(run.began()), Took: took(run.Seconds), Loaded: amount.Text(run.FilesLoaded), Failed: amount.Text(run.FilesFailed), Skipped: amount.Text(run.FilesSkipped),
		Rows: amount.Text(run.Rows), Rate: "-", End: run.end(), ID: clean(run.ID),
	}
	if run.RowsPerSecond > 0 {
		out.Rate = amount.Text(int64(run.RowsPerSecond))
	}
	return out
}

// rowID is where a series' row is on the page; "" where it has none.
func (r Report) rowID(s catalog.Series) string {
	for i := range r.Series {
		if r.Series[i].Series == s {
			return fmt.Sprintf("series-%d", i+1)
		}
	}
	return ""
}

// pageFiles adds the failed and partial files, and tells the row of each.
func (r Report) pageFiles(p *page) map[string]string {
	ids := map[string]string{}
	for i, f := range r.Files {
		series := catalog.Series{Market: f.Market, Symbol: f.Symbol}
		row := pageFile{
			ID: fmt.Sprintf("file-%d", i+1), SeriesID: r.rowID(series), Name: clean(name(series)), Path: clean(f.Path), Status: string(f.Status), Class: "bad",
			At: utc(f.At), Attempts: amount.Text(f.Attempts), Problem: clean(f.problem()),
		}
		if f.Status == "partial" {
			row.Class = "odd"
		}
		ids[f.Path] = row.ID
		p.Files = append(p.Files, row)
	}
	if n := r.files - len(r.Files); n > 0 {
		p.MoreFiles = amount.Text(n)
	}
	return ids
}

func (r Report) pageGaps(p *page, files map[string]string) {
	for i, g := range r.Gaps[:min(len(r.Gaps), shownOnPage)] {
		row := pageGap{
			ID: gapID(i), SeriesID: r.rowID(g.Series), Name: clean(name(g.Series)), Dates: dates(g.First, g.Last), Missing: g.missing(),
			Reason: g.Reason.String(), Class: "bad", Detail: clean(g.about()), FileID: files[g.File],
		}
		switch g.Reason {
		case HoleInFile, FileNotLoaded:
			row.Class = "odd"
		case PublishedHole:
			row.Class = "empty"
		case FileAbsent:
			row.Class = "none"
		case FileFailed, FileTruncated, RowsAbsent:
		}
		p.Gaps = append(p.Gaps, row)
	}
	if n := len(r.Gaps) - len(p.Gaps); n > 0 {
		p.MoreGaps = amount.Text(n)
	}
}

func gapID(i int) string { return fmt.Sprintf("gap-%d", i+1) }
