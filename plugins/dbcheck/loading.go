package dbcheck

import (
	"fmt"
	"strings"
	"time"

	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/nagios"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/store"
)

// loading is a database that the loader writes to: nobody can look inside, so what it holds is told by the ledger snapshot of the last commit.
func (c *Cmd) loading(o observation, now time.Time) nagios.Result {
	r := nagios.Result{Summary: "being loaded by " + progress(o.use)}
	if o.creating {
		r.Summary = "being created by " + progress(o.use)
	}
	if content := c.fromSnapshot(&r, o, now); content != "" {
		r.Summary += ". " + content
	}
	if c.Blocks || c.Deep {
		r.Summary += ". Rows and blocks cannot be read meanwhile"
	}
	if o.use.Mode == runstate.DBReaders {
		r.Lines = append(r.Lines, "the load waits until "+o.use.Reader.String()+" has read it")
	}
	p := nagios.Problem{
		State: c.IngestBusy, Text: r.Summary, Path: o.path,
		Remedy: "Wait for the load to end; check_ingest_lock tells how far it is.",
	}
	if run := o.use.Run; run != nil {
		r.Metrics = append(r.Metrics, nagios.Metric{
			Label: labelHeartbeatAge, Value: run.HeartbeatAge(now).Seconds(), Phrase: "last sign of life {} ago from " + o.use.Holder.String(),
		})
		if run.Hung(now) {
			p.State = c.Busy
			p.Text = fmt.Sprintf("%s is held by a loader that hangs: %s gave no sign of life %s", o.path, o.use.Holder, nagios.Silence(run.HeartbeatAt, now))
			p.Remedy = fmt.Sprintf("Look at what it waits for (cat /proc/%d/wchan; dmesg); stop it with: kill %[1]d", o.use.Holder.PID)
		}
	}
	if p.State != nagios.OK {
		r.Problems = append([]nagios.Problem{p}, r.Problems...)
	}
	return r
}

// progress says who loads and how far it is.
func progress(u store.Use) string {
	var b strings.Builder
	b.WriteString(u.Holder.String())
	run := u.Run
	if run == nil {
		return b.String()
	}
	if run.FilesTotal > 0 {
		fmt.Fprintf(&b, ", %s of %s", amount.Text(run.FilesDone), amount.Of(run.FilesTotal, "file"))
	} else {
		fmt.Fprintf(&b, ", phase %s", run.Phase)
	}
	if p, ok := run.Percent(); ok {
		fmt.Fprintf(&b, " (%s)", nagios.Human(p, nagios.Percent))
	}
	if run.Rows > 0 {
		b.WriteString(", " + amount.Of(run.Rows, "row"))
	}
	if eta, ok := run.Remaining(); ok {
		b.WriteString(", ETA " + human(eta))
	}
	return b.String()
}

// fromSnapshot adds what the ledger snapshot tells, and says it in a few words.
func (c *Cmd) fromSnapshot(r *nagios.Result, o observation, now time.Time) string {
	if o.snapshotErr != nil {
		r.Lines = append(r.Lines, "the ledger snapshot beside it cannot be used: "+o.snapshotErr.Error())
	}
	if o.snapshot == nil {
		return "What it holds is not known, since there is no ledger snapshot yet"
	}
	s := *o.snapshot
	if s.StaleAgainst(o.size, o.mtime) {
		r.Lines = append(r.Lines, "the database has changed since the ledger snapshot was written, as it does while a load runs")
	}
	series := c.seriesOf(s.Series)
	var rows int64
	var loaded []store.Loaded
	for _, state := range series {
		rows += state.Rows
		loaded = append(loaded, loadedOf(state))
		r.Lines = append(r.Lines, seriesLine(loadedOf(state)))
	}
	var gaps []ledger.SeriesState
	if c.Gaps {
		gaps = series
	}
	r.Details = details(loaded, gaps, now)
	if c.scope().All() {
		rows += s.Scripts.Rows
	}
	r.AddAge(nagios.Metric{Label: labelSnapshotAge, Phrase: "the ledger snapshot is {} old", Path: ledger.PathFor(o.path)}, "the ledger snapshot", s.WrittenAt, now)
	r.Metrics = append(r.Metrics, c.metricRows(rows, o.path), metricSymbols(len(series), o.path))
	parts := []string{amount.Of(rows, "row"), amount.Of(len(series), "symbol")}
	if newest, of, _ := c.worst(c.newestBySymbol(loaded)); !newest.IsZero() {
		parts = append(parts, addAge(r, o.path, of, newest, now, "Wait for the load that runs; if it brings no newer files, look for what keeps them from coming, with check_ingest_csv."))
	}
	if c.Gaps {
		parts = append(parts, addGaps(r, o.path, series))
	}
	return "By the ledger snapshot of " + nagios.Ago(s.WrittenAt, now) + ": " + join(parts)
}

// loadedOf is a series of a snapshot as the ledger would sum it up.
func loadedOf(s ledger.SeriesState) store.Loaded {
	l := store.Loaded{Series: s.Series, Files: s.Files, Rows: s.Rows, HasRows: s.FirstID >= 0, Newest: s.LastAt}
	if n := len(s.Loaded); n > 0 {
		l.Span = catalog.Period{First: s.Loaded[0].First, End: s.Loaded[n-1].End}
	}
	return l
}
