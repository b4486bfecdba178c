package csvcheck

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/nagios"
	"github.com/check-ingest/check-ingest/internal/shell"
)

// evaluate judges what was observed. It is pure: the same observation at the same time gives the same result.
func evaluate(o observation, now time.Time) nagios.Result {
	if o.dirErr != nil {
		return nagios.Result{Problems: []nagios.Problem{unlisted(o)}}
	}
	var r nagios.Result
	r.Problems = slices.Concat(o.absent(), o.unreadable(), o.premature(now))
	t := o.count()
	r.Metrics = o.metrics(t, now)
	r.Summary = o.summary(t, now)
	r.Lines = append(todo(t), o.notes(t, now)...)
	return r
}

// unlisted is a data dir that cannot be listed.
func unlisted(o observation) nagios.Problem {
	p := nagios.Problem{State: nagios.Unknown, Path: o.dir, Text: o.dirErr.Error()}
	var e *source.DirError
	if errors.As(o.dirErr, &e) {
		p.Text, p.Remedy = e.Problem, nagios.Advice(e.Remedy)
	}
	switch {
	case errors.Is(o.dirErr, fs.ErrNotExist), errors.Is(o.dirErr, syscall.ENOTDIR):
		p.State = nagios.Critical
	case errors.Is(o.dirErr, fs.ErrPermission):
		p.Remedy = letRead(o.dir)
	}
	return p
}

// letRead is what to do about a folder with something in it that may not be read.
func letRead(dir string) string {
	return "Let the check's user read it, for instance: chmod -R a+rX " + shell.Quote(dir)
}

// absent are the symbols that have no file, or that there is none at all. Where folders are closed that cannot be known.
func (o observation) absent() []nagios.Problem {
	if len(o.closed) > 0 {
		return nil
	}
	has := map[string]bool{}
	for _, s := range o.series {
		has[s.Symbol] = true
	}
	missing := func(what string) nagios.Problem {
		p := nagios.Problem{
			State: nagios.Critical, Path: o.dir, Text: fmt.Sprintf("no %s in %s%s", what, o.dir, o.asked.days()),
			Remedy: "Correct --data-dir, or see what became of the downloads.",
		}
		switch n := len(o.passed) + o.others; {
		case o.aside > 0:
			p.Text += ", but " + amount.Of(o.aside, "file") + " of other symbols or days"
			p.Remedy = "Correct --symbol, --start-date or --end-date, or see what became of the downloads."
		case n > 0:
			p.Text += ", but " + amount.Of(n, "file") + " with other names"
			p.Remedy = "Correct --data-dir, or name the files as Binance does: SYMBOL-aggTrades-DATE.zip, DATE being a day (2024-01-31) or a month (2024-01)."
		}
		return p
	}
	if len(o.asked.symbols) == 0 && len(o.files) == 0 {
		return []nagios.Problem{missing("file of trades")}
	}
	var problems []nagios.Problem
	for _, symbol := range o.asked.symbols {
		if !has[symbol] {
			problems = append(problems, missing("file of "+symbol))
		}
	}
	return problems
}

// days is the days asked for, as words that follow a sentence.
func (a asked) days() string {
	var b strings.Builder
	if a.first != nil {
		b.WriteString(" from " + a.first.String())
	}
	if a.last != nil {
		b.WriteString(" to " + a.last.String())
	}
	return b.String()
}

// unreadable is what this process may not look at. Nothing is known of it, good or bad.
func (o observation) unreadable() []nagios.Problem {
	var problems []nagios.Problem
	if len(o.closed) > 0 {
		problems = append(problems, nagios.Problem{
			State: nagios.Unknown, Path: o.closed[0].Path,
			Text:   fmt.Sprintf("%s cannot be looked at, the first is %s: %s", amount.Of(len(o.closed), "place"), o.closed[0].Path, o.closed[0].Reason),
			Remedy: letRead(o.dir),
		})
	}
	if files := o.filter(finding.unreadable); len(files) > 0 {
		problems = append(problems, nagios.Problem{
			State: nagios.Unknown, Path: files[0].file.Path,
			Text:   fmt.Sprintf("%s of %s may not be read, the first is %s", amount.Text(len(files)), o.subject(), files[0].file.Path),
			Remedy: letRead(o.dir),
		})
	}
	return problems
}

// filter are the findings for which is holds.
func (o observation) filter(is func(finding) bool) []finding {
	var kept []finding
	for _, f := range o.looked {
		if is(f) {
			kept = append(kept, f)
		}
	}
	return kept
}

// totals are what the findings add up to.
type totals struct {
	bad     []finding // oldest first
	empty   int       // files
	failed  int       // files that do not agree with their .CHECKSUM
	agreed  int       // files that do
	unsure  int       // files that have none
	missing int       // days
	rows    int64
	bytes   int64
	holes   []hole  // the same days
	lagging *series // whose newest file is the oldest; nil where there is no file
}

func (o observation) count() totals {
	t := totals{bad: o.filter(finding.bad), holes: o.holes()}
	slices.SortStableFunc(t.bad, func(a, b finding) int { return cmp.Compare(a.file.Period.First, b.file.Period.First) })
	for _, f := range o.looked {
		if f.bad() && f.empty() {
			t.empty++
		}
		switch f.sum {
		case checksumFailed:
			t.failed++
		case source.ChecksumOK:
			t.agreed++
		case source.ChecksumAbsent:
			t.unsure++
		}
		t.rows += f.rows
	}
	for _, f := range o.files {
		t.bytes += f.Size
	}
	for i, s := range o.series {
		t.missing += len(s.missing)
		if t.lagging == nil || s.newest().Period.End < t.lagging.newest().Period.End {
			t.lagging = &o.series[i]
		}
	}
	return t
}

// metrics are the numbers. Where there is no file there are no days to miss and nothing that ages.
func (o observation) metrics(t totals, now time.Time) []nagios.Metric {
	files := float64(len(o.files))
	ms := []nagios.Metric{
		o.badMetric(t),
		{Label: labelFiles, Value: files, Path: o.dir, Phrase: "{} " + amount.Noun(len(o.files), "file") + " in " + o.dir, Remedy: unexpected},
		{Label: labelEmpty, Value: float64(t.empty), Max: files, Phrase: "{} " + amount.Noun(t.empty, "file") + " without any row", Remedy: listed},
		{Label: labelBytes, Value: float64(t.bytes), Path: o.dir, Phrase: "{} of files in " + o.dir, Remedy: unexpected},
	}
	if o.depth.checksum || o.depth.full {
		ms = append(ms, nagios.Metric{
			Label: labelChecksumFailed, Value: float64(t.failed), Max: files, Phrase: "{} " + amount.Noun(t.failed, "file") + " not as in the .CHECKSUM", Remedy: listed,
		})
	}
	if t.lagging == nil {
		return ms
	}
	newest := t.lagging.newest()
	return append(ms, o.missingMetric(t), nagios.Metric{
		Label: labelNewestAge, Value: age(newest, now), Path: newest.Path,
		Phrase: fmt.Sprintf("the newest file of %s is %s, which ended {} ago", t.lagging, newest.Period),
		Remedy: t.lagging.catchUp(catalog.DayOf(now)),
	})
}

// age is how long ago a file's period ended, in whole seconds.
func age(f source.File, now time.Time) float64 {
	return max(now.Sub(f.Period.End.Time()).Truncate(time.Second).Seconds(), 0)
}

// ended says when a file's period ended.
func ended(f source.File, now time.Time) string {
	if now.Before(f.Period.End.Time()) {
		return "has not ended yet"
	}
	return "ended " + nagios.Human(age(f, now), nagios.Seconds) + " ago"
}

// premature are the series whose newest file is of a day that has not come yet: whether newer ones still arrive cannot be told by it.
func (o observation) premature(now time.Time) []nagios.Problem {
	var problems []nagios.Problem
	for _, s := range o.series {
		if f := s.newest(); f.Period.First > catalog.DayOf(now) {
			problems = append(problems, nagios.Problem{
				State: nagios.Warning, Path: f.Path, Text: fmt.Sprintf("the newest file of %s is %s, which has not begun yet", s, f.Period),
				Remedy: "Check the clock of this machine (timedatectl); if it is right, see where that file comes from: " + f.Path,
			})
		}
	}
	return problems
}

const (
	listed     = "Mend each; -v lists them with what to do." // where there are several
	unexpected = "See what became of the downloads."
)

// badMetric is the number of bad files, with the oldest of them.
func (o observation) badMetric(t totals) nagios.Metric {
	m := nagios.Metric{Label: labelBad, Value: float64(len(t.bad)), Max: float64(len(o.files)), Phrase: "{} of " + o.subject() + " are bad"}
	switch len(t.bad) {
	case 0:
	case 1:
		m.Phrase = "{} of " + o.subject() + " is bad (" + short(t.bad[0].text()) + ")"
		m.Path, m.Remedy = t.bad[0].file.Path, t.bad[0].remedy()
	default:
		m.Phrase += ", the oldest is " + short(t.bad[0].text())
		m.Path, m.Remedy = t.bad[0].file.Path, listed
	}
	return m
}

// missingMetric is the number of days missing, with the first of them.
func (o observation) missingMetric(t totals) nagios.Metric {
	m := nagios.Metric{Label: labelDaysMissing, Value: float64(t.missing), Phrase: "{} " + amount.Noun(t.missing, "day") + " missing"}
	if t.missing == 0 {
		return m
	}
	first := t.holes[0]
	m.Path = first.download().folder
	m.Phrase += fmt.Sprintf(" (%s %s)", first.series, first.stretch)
	it, how := "it", ": "+first.download().command()
	if t.missing > 1 {
		it = "them"
	}
	if len(t.holes) > 1 {
		m.Phrase = fmt.Sprintf("{} days missing, the first is %s %s", first.series, first.First)
		how = "; -v lists each with its command."
	}
	m.Remedy = fmt.Sprintf("Allow for %s with -w days_missing=%d if Binance has none, else fetch %[1]s%[3]s", it, t.missing, how)
	if o.fixed {
		m.Remedy = fmt.Sprintf("Fetch %s, unless Binance has none%s", it, how)
	}
	return m
}

// subject is what was looked at: "730 files", or "6 of 730 files" where that is not all.
func (o observation) subject() string {
	switch all, looked := len(o.files), len(o.looked); {
	case looked < all:
		return amount.Of(looked, "file") + " looked at"
	default:
		return amount.Of(all, "file")
	}
}

// short is as much of a text as the first line has room for.
func short(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
