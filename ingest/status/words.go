package status

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/nagios"
)

// String is the reason in words.
func (r Reason) String() string { return strings.ReplaceAll(string(r), "_", " ") }

// String is the state in words.
func (s State) String() string {
	switch s {
	case Loaded:
		return "loaded"
	case Partial:
		return "rows left out"
	case Hole:
		return "ids missing"
	case Empty:
		return "its file has no row of it"
	case Failed:
		return "file failed"
	case Waiting:
		return "file not loaded yet"
	case Absent:
		return "no file"
	default:
		return string(s)
	}
}

// name is a series' name, also where its market or symbol is not known.
func name(s catalog.Series) string {
	switch {
	case s.Symbol == "":
		return "(of the scripts)"
	case s.Market == "":
		return s.Symbol
	default:
		return s.String()
	}
}

// clean keeps what came from outside, such as file names and error messages, from breaking a terminal or the layout: control characters, invisible
// ones and those that change the direction of text become '?'.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, strings.ToValidUTF8(s, "?"))
}

// took is a duration for people.
func took(seconds float64) string { return nagios.Human(math.Round(seconds*10)/10, nagios.Seconds) }

// ago is how long ago something was, in the largest unit; "-" for no time.
func ago(now, t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	if catalog.InFuture(t, now) {
		return "future"
	}
	age := max(now.Sub(t), 0)
	switch {
	case age >= 48*time.Hour:
		return fmt.Sprintf("%dd", age/(24*time.Hour))
	case age >= 2*time.Hour:
		return fmt.Sprintf("%dh", age/time.Hour)
	case age >= 2*time.Minute:
		return fmt.Sprintf("%dm", age/time.Minute)
	default:
		return fmt.Sprintf("%ds", age/time.Second)
	}
}

// utc is a time to the second, which headings and sentences say is UTC; "-" for none.
func utc(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return clock(t)
}

// dates is a range of days in as few characters as it takes.
func dates(first, last string) string {
	if first == last {
		return first
	}
	return first + ".." + last
}

// missing says how much a gap lacks.
func (g Gap) missing() string {
	var parts []string
	if g.Days > 0 {
		parts = append(parts, amount.Of(g.Days, "day"))
	}
	if g.IDsMissing > 0 {
		parts = append(parts, amount.Of(g.IDsMissing, "id"))
	}
	return strings.Join(parts, ", ")
}

// about is what is known of a gap's cause: the file and how many more, and what is wrong with it.
func (g Gap) about() string {
	text := g.Detail
	if base := filepath.Base(g.File); g.File != "" && !strings.Contains(text, base) {
		text = strings.TrimSuffix(base+": "+text, ": ")
	}
	if g.Files > 1 {
		text += fmt.Sprintf(" (and %s)", amount.Of(g.Files-1, "more file"))
	}
	return text
}

// problem is what is wrong with a file, without its name.
func (f File) problem() string { return strings.TrimPrefix(f.Error, filepath.Base(f.Path)+": ") }

// summary is the database in one line.
func (r Report) summary() string {
	t := r.Totals
	var parts []string
	switch {
	case r.Database.Rows != nil && r.narrowed:
		parts = append(parts, amount.Text(t.Rows)+" of "+amount.Of(*r.Database.Rows, "row"))
	case r.Database.Rows != nil:
		parts = append(parts, amount.Of(*r.Database.Rows, "row"))
	case r.Source.Origin == FromSnapshot:
		parts = append(parts, amount.Of(t.Rows, "row"))
	}
	if r.Source.Origin != FromNothing {
		parts = append(parts, amount.Of(t.Series, "series"))
	}
	if r.Database.SizeBytes > 0 {
		parts = append(parts, amount.Bytes(r.Database.SizeBytes))
	}
	return strings.Join(parts, ", ")
}

// lead is what the database holds and lacks.
func (r Report) lead() string {
	return strings.TrimPrefix(r.summary()+"; "+r.lacks()+".", "; ")
}

// lacks is what is missing in one line.
func (r Report) lacks() string {
	t := r.Totals
	var parts []string
	if t.DaysMissing > 0 {
		parts = append(parts, amount.Of(t.DaysMissing, "day")+" missing")
	}
	if t.IDsMissing > 0 {
		parts = append(parts, amount.Of(t.IDsMissing, "id")+" missing")
	}
	if t.FilesFailed > 0 {
		parts = append(parts, amount.Of(t.FilesFailed, "file")+" failed")
	}
	if t.FilesPartial > 0 {
		parts = append(parts, amount.Of(t.FilesPartial, "file")+" partial")
	}
	switch {
	case len(parts) > 0:
		return strings.Join(parts, ", ")
	case r.Source.Origin == FromNothing:
		return "what it holds is not known"
	case t.Days > 0:
		return "nothing missing, nothing failed"
	case t.Files > 0:
		return "nothing failed"
	case r.narrowed:
		return "nothing of what was asked for is loaded"
	default:
		return "nothing is loaded yet"
	}
}

// from says where the figures come from.
func (r Report) from() string {
	s := r.Source
	switch s.Origin {
	case FromLedger:
		return "From the database's ledger."
	case FromTable:
		return "From the database's ledger and every row of its table."
	case FromSnapshot:
		text := fmt.Sprintf("From the ledger snapshot of %s UTC, %s old, since %s.", utc(s.WrittenAt), took(math.Round(s.AgeSeconds)), s.Why)
		if catalog.InFuture(s.WrittenAt, r.At) {
			text = fmt.Sprintf("From the ledger snapshot of %s UTC, which is in the future, since %s.", utc(s.WrittenAt), s.Why)
		}
		if s.Changed {
			text += " The database has changed since."
		}
		return text
	default:
		return fmt.Sprintf("What is loaded is not known: %s, and there is no ledger snapshot yet.", s.Why)
	}
}

// now says what runs.
func (r Report) now() string {
	l := r.Load
	switch {
	case l == nil && r.Holder != "":
		return "The database is held by " + r.Holder + ", which is no load that is known."
	case l == nil:
		return "No load is running."
	case l.State == Silent:
		return "A load runs: " + l.Process + ", which says nothing about itself yet."
	}
	text := "A load runs: " + l.Process
	if l.State == Hung {
		text = fmt.Sprintf("A load hangs: %s gave no sign of life %s", l.Process, nagios.Silence(l.HeartbeatAt, r.At))
	}
	if l.FilesTotal > 0 {
		text += fmt.Sprintf(", %s of %s", amount.Text(l.FilesDone), amount.Of(l.FilesTotal, "file"))
	} else {
		text += ", phase " + l.Phase
	}
	if l.Percent != nil {
		text += fmt.Sprintf(" (%.0f%%)", *l.Percent)
	}
	if l.FilesFailed > 0 {
		text += fmt.Sprintf(", %s failed", amount.Text(l.FilesFailed))
	}
	if l.Rows > 0 {
		text += ", " + amount.Of(l.Rows, "row")
	}
	if l.RowsPerSecond > 0 {
		text += fmt.Sprintf(" (%s/s)", amount.Short(l.RowsPerSecond))
	}
	if l.ETASeconds != nil {
		text += ", ETA " + took(math.Round(*l.ETASeconds))
	}
	if !l.StartedAt.IsZero() {
		text += ", since " + strings.TrimSuffix(nagios.Ago(l.StartedAt, r.At), " ago")
	}
	return text + "."
}

// end says how a run came out.
func (r Run) end() string {
	switch {
	case r.Outcome == RunEnded && r.ExitCode != nil && *r.ExitCode == 0:
		return "ok"
	case r.Outcome == RunEnded && r.ExitCode != nil && *r.ExitCode == 1:
		return "some failed"
	case r.Outcome == RunEnded && r.ExitCode != nil:
		return fmt.Sprintf("exit code %d", *r.ExitCode)
	case r.Outcome == RunUnknown:
		return "end not known"
	default:
		return string(r.Outcome)
	}
}
