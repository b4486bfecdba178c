package dbcheck

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/nagios"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/store"
)

// evaluate judges what was observed. It is pure: the same observation at the same time gives the same result.
func (c *Cmd) evaluate(o observation, now time.Time) nagios.Result {
	var r nagios.Result
	switch {
	case o.fault != nil:
		p := c.problem(o)
		if p.State == nagios.OK { // the database is missing, and that is fine
			r = nagios.Result{Summary: p.Text, Metrics: []nagios.Metric{c.metricRows(0, o.path)}}
		} else {
			r.Problems = []nagios.Problem{p}
		}
	case o.use.Loading:
		r = c.loading(o, now)
	case o.use.Mode == runstate.DBWriter:
		r = c.busy(o)
	default:
		r = c.judge(o, now)
	}
	r.Metrics = append(r.Metrics, o.sizes()...)
	return r
}

// sizes are the numbers that need no look inside.
func (o observation) sizes() []nagios.Metric {
	var ms []nagios.Metric
	if o.sized {
		ms = append(ms, nagios.Metric{Label: labelSize, Value: float64(o.size), Phrase: "the database has {}", Path: o.path})
	}
	if o.sized && o.walSize >= 0 {
		ms = append(ms, nagios.Metric{
			Label: labelWAL, Value: float64(o.walSize), Phrase: "the write-ahead log has {}", Path: o.path + ".wal",
			Remedy: "Leave it there: the next program that writes to the database takes it in.",
		})
	}
	return ms
}

// problem is a database that cannot be looked into.
func (c *Cmd) problem(o observation) nagios.Problem {
	p := nagios.Problem{State: nagios.Unknown, Text: o.fault.Error(), Path: o.path}
	var e *store.Error
	if !errors.As(o.fault, &e) {
		return p
	}
	p.Text, p.Remedy = e.Sentence(), nagios.Advice(e.Remedy)
	switch {
	case p.Remedy != "":
	case e.Kind == store.KindPermission:
		p.Remedy = "Let the check's user search the folders above it, or run the check as another."
	default:
		p.Remedy = "Correct --db."
	}
	switch e.Kind {
	case store.KindMissing:
		p.State = nagios.Critical // a load would not create it: its folder is missing, or a link points nowhere
		if e.Remedy == "" {
			p.State = c.Missing
			_ = errors.As(store.Absent(e), &e) // an Error gives an Error
			p.Remedy = nagios.Advice(e.Remedy)
		}
	case store.KindHeld:
		p.State = c.Busy
	case store.KindNeedsWriter:
		p.State = nagios.Warning // the next load mends it, and must not be kept from it
	case store.KindPermission, store.KindMemory, store.KindOther:
		p.State = nagios.Unknown
	default:
		p.State = nagios.Critical
	}
	return p
}

// busy is a database that another program than the loader writes to.
func (c *Cmd) busy(o observation) nagios.Result {
	p := nagios.Problem{
		State: c.Busy, Path: o.path,
		Text:   fmt.Sprintf("%s is held open for writing by %s, so nobody else can read or load it", o.path, o.use.Holder),
		Remedy: "Wait for it to end; to see who it is, run the check as root on the host that runs it.",
	}
	if o.use.Holder.PID > 0 {
		p.Remedy = fmt.Sprintf("Wait for it to end, or look at it with: ps -fp %d", o.use.Holder.PID)
	}
	r := nagios.Result{Summary: p.Text}
	if o.use.Doubt != "" {
		r.Lines = append(r.Lines, "whether that is the loader cannot be told by its lock: "+o.use.Doubt)
	}
	if p.State != nagios.OK {
		r.Problems = []nagios.Problem{p}
	}
	return r
}

// judge is a database that was looked into.
func (c *Cmd) judge(o observation, now time.Time) nagios.Result {
	in := o.inside
	r := nagios.Result{Lines: c.notes(o, now)}
	r.Metrics = append(r.Metrics, nagios.Metric{
		Label: labelOpenTime, Value: in.openTime.Seconds(), Phrase: "took {} to look into", Path: o.path,
		Remedy: "Look whether a large write-ahead log (wal_size) or a busy disk makes it slow.",
	})
	if in.schema != nil {
		remedy := "Correct --db, or load into a new database: the loader makes one where there is none."
		if len(in.table.Columns) > 0 {
			remedy = "Mend its columns, or load into a new database: the loader refuses this table."
		}
		r.Problems = []nagios.Problem{{State: nagios.Critical, Text: o.path + " " + strings.TrimPrefix(in.schema.Error(), "its "), Remedy: remedy, Path: o.path}}
		if strings.HasPrefix(in.schema.Error(), "its ") {
			r.Problems[0].Text = o.path + ": " + in.schema.Error()
		}
		return r
	}
	parts := c.content(&r, o, now)
	var gaps []ledger.SeriesState
	if c.Gaps && in.ledgerErr == nil {
		parts, gaps = append(parts, c.gaps(&r, o.path, in, in.gaps)), in.gaps.Series
	}
	r.Details = details(c.loadedOf(in.loaded), gaps, now)
	if in.blocks != nil {
		parts = append(parts, blocks(&r, o.path, *in.blocks))
	}
	if in.deep != nil {
		parts = append(parts, deep(&r, o.path, *in.deep, in.found))
	}
	r.Summary = join(parts)
	return r
}

// join makes one line of what is not empty.
func join(parts []string) string {
	var given []string
	for _, p := range parts {
		if p != "" {
			given = append(given, p)
		}
	}
	return strings.Join(given, ", ")
}

// human is a duration for people, without more digits than they want.
func human(d time.Duration) string {
	return nagios.Human(max(d.Round(time.Second).Seconds(), 0), nagios.Seconds)
}
