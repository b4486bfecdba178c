package status

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/golden"
	"github.com/check-ingest/check-ingest/internal/ledger"
)

// kept compares output with a file of testdata.
func kept(t *testing.T, name string, got []byte) {
	t.Helper()
	golden.Compare(t, filepath.Join("testdata", name), string(got))
}

func encoded(t *testing.T, r Report) []byte {
	t.Helper()
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(data, '\n')
}

func paged(t *testing.T, r Report) string {
	t.Helper()
	data, err := r.Page()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestGolden(t *testing.T) {
	t.Parallel()
	r := Build(planted(t))
	kept(t, "planted.txt", r.Text(Look{}))
	kept(t, "planted-unicode.txt", r.Text(Look{Unicode: true}))
	kept(t, "planted-color.txt", r.Text(Look{Unicode: true, Color: true}))
	kept(t, "planted.json", encoded(t, r))
	kept(t, "planted.html", []byte(paged(t, r)))
	for _, table := range Tables() {
		data, err := r.CSV(table)
		if err != nil {
			t.Fatal(err)
		}
		if table != "days" { // hundreds of lines, which the JSON's calendar pins
			kept(t, "planted-"+table+".csv", data)
		}
	}
	held := Build(snapshotOf(planted(t)))
	kept(t, "held.txt", held.Text(Look{}))
	kept(t, "held.json", encoded(t, held))
	kept(t, "empty.txt", Build(read()).Text(Look{}))
	kept(t, "brief.txt", r.Brief())
}

// TestFits: nothing but paths is wider than a terminal.
func TestFits(t *testing.T) {
	t.Parallel()
	wide := planted(t)
	for i := range wide.Entries { // as many rows as a database of four years has, and a long symbol
		e := &wide.Entries[i]
		if e.Market == catalog.UM {
			e.Symbol, e.RowsInserted = "1000000MOGUSDT", e.RowsInserted*2000
		}
	}
	for name, f := range map[string]Facts{"planted": planted(t), "held": snapshotOf(planted(t)), "wide": wide} {
		for line := range strings.Lines(string(Build(f).Text(Look{Unicode: true, All: true}))) {
			line = strings.TrimSuffix(line, "\n")
			if n := len([]rune(line)); n > width && strings.Contains(strings.TrimSpace(line), " ") {
				t.Errorf("%s: %d columns: %s", name, n, line)
			}
			if strings.HasSuffix(line, " ") {
				t.Errorf("%s: ends in a space: %q", name, line)
			}
		}
	}
}

// TestFourYearsOnOneScreen: a calendar of 48 months takes 24 lines and a heading.
func TestFourYearsOnOneScreen(t *testing.T) {
	t.Parallel()
	f := read(files(t, series(catalog.UM, "BTCUSDT"), "2020-03-05", "2024-02-28")...)
	text := string(Build(f).Text(Look{}))
	_, calendar, _ := strings.Cut(text, "\num BTCUSDT\n")
	if n := strings.Count(calendar, "\n"); n != 25 {
		t.Errorf("%d lines:\n%s", n, calendar)
	}
	if n := strings.Count(calendar, "#"); n != 1456 {
		t.Errorf("%d days, loaded are 1456", n)
	}
}

// TestEachStateHasItsCharacter: no colour is needed to tell one from another.
func TestEachStateHasItsCharacter(t *testing.T) {
	t.Parallel()
	for _, l := range []Look{{}, {Unicode: true}} {
		seen := map[string]State{}
		for _, g := range glyphs() {
			sign, _ := l.cell(g.state)
			if other, ok := seen[sign]; ok || sign == " " {
				t.Errorf("%q is %s and %s", sign, other, g.state)
			}
			seen[sign] = g.state
		}
	}
}

// hostile are texts that want to be something else.
func hostile() []string {
	return []string{
		"=HYPERLINK(\"http://x\")", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "  =1", "＝1", "\r\n=1", "a,b\"c\n=d",
		"<script>alert(1)</script>", "</script></style><b>", "\"><img src=x onerror=alert(1)>", "javascript:alert(1)", "{{.}}", "'", "`", "-->", "&lt;", "]]>",
		"\x1b[31mred\x1b]0;title\a", "line\nbreak\rreturn\x00nul", "\u202eright to left\u2066", "\u2028\u0085\u009b31m", "bad \xff utf-8", "|pipe;%s%d", "\u200binvisible\ufeff",
	}
}

// attacked is a report in which every text from outside is hostile.
func attacked(t *testing.T) Report {
	t.Helper()
	var entries []ledger.Entry
	for i, text := range hostile() {
		d := day0(t, "2024-01-01") + catalog.Day(i)
		entries = append(entries, file(series(catalog.UM, text), d, func(e *ledger.Entry) { e.FilePath, e.RunID, e.IDsMissing = text, text, 3 }))
		entries = append(entries, file(series(catalog.UM, text), d+1, failing(text), func(e *ledger.Entry) { e.FilePath = text + "1" }))
	}
	f := read(entries...)
	f.Path, f.Options.Version = "/db/"+strings.Join(hostile(), ""), "<i>"
	status := running(f.Path)
	status.CurrentFile = strings.Join(hostile(), "")
	f.Status = status
	f.Holder.Program = strings.Join(hostile(), "")
	f.LockErr = &os.PathError{Op: strings.Join(hostile(), ""), Path: "x", Err: os.ErrInvalid}
	return Build(f)
}

// TestHostileText: nothing from outside reaches the terminal but printable characters, no field of CSV is a formula, and nothing becomes markup.
func TestHostileText(t *testing.T) {
	t.Parallel()
	r := attacked(t)
	for _, text := range [][]byte{r.Text(Look{All: true, Unicode: true}), r.Brief()} {
		for _, c := range string(text) {
			if c != '\n' && !unicode.IsPrint(c) || c == unicode.ReplacementChar {
				t.Errorf("character %U reaches the terminal", c)
			}
		}
	}
	for _, table := range Tables() {
		data, err := r.CSV(table)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
		if err != nil {
			t.Errorf("%s: %v", table, err)
		}
		for _, row := range rows {
			for _, field := range row {
				if field = strings.TrimSpace(field); strings.IndexAny(field, "=+-@\t\r\n") == 0 || strings.HasPrefix(field, "＝") {
					t.Errorf("%s: field %q would be a formula", table, field)
				}
			}
		}
	}
	html := paged(t, r)
	clean := paged(t, Build(planted(t)))
	for _, tag := range []string{"<script", "</script", "<style", "</style", "<img", "<b>", "<i>", "-->", "onerror=alert(1)>"} {
		if got, want := strings.Count(html, tag), strings.Count(clean, tag); got != want {
			t.Errorf("%q is %d times on the page, expected %d", tag, got, want)
		}
	}
	var back map[string]any
	if err := json.Unmarshal(encoded(t, r), &back); err != nil {
		t.Error(err)
	}
}

// TestPageNeedsNothingElse: no address of anything outside is on the page, and its policy forbids to load any.
func TestPageNeedsNothingElse(t *testing.T) {
	t.Parallel()
	html := paged(t, Build(planted(t)))
	for _, text := range []string{"http:", "https:", "//cdn", "@import", "url(", "fetch(", "XMLHttpRequest", "src="} {
		if strings.Contains(html, text) {
			t.Errorf("the page holds %q", text)
		}
	}
	if !strings.Contains(html, `content="default-src &#39;none&#39;;`) {
		t.Error("no policy")
	}
}

// TestPageLinks: each link leads to something on the page, and no id is given twice.
func TestPageLinks(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]Report{"planted": Build(planted(t)), "held": Build(snapshotOf(planted(t))), "empty": Build(read()), "hostile": attacked(t)} {
		html := paged(t, r)
		ids := map[string]int{}
		for _, part := range strings.Split(html, " id=\"")[1:] {
			id, _, _ := strings.Cut(part, "\"")
			ids[id]++
		}
		for id, n := range ids {
			if n != 1 {
				t.Errorf("%s: id %q %d times", name, id, n)
			}
		}
		for _, attribute := range []string{"href=\"#", "aria-labelledby=\""} {
			for _, part := range strings.Split(html, attribute)[1:] {
				id, _, _ := strings.Cut(part, "\"")
				if ids[id] == 0 {
					t.Errorf("%s: %s%s leads nowhere", name, attribute, id)
				}
			}
		}
	}
}

func TestUnknownTable(t *testing.T) {
	t.Parallel()
	if _, err := Build(read()).CSV("x"); err == nil || err.Error() != `table "x": expected one of series, days, gaps, files, runs` {
		t.Errorf("%v", err)
	}
}
