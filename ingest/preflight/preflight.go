// Package preflight asks, before a load, what could stand in its way. It runs the checks' own code, so that a gate and the monitoring that
// watches the same machine come to the same verdict.
package preflight

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/check-ingest/check-ingest/internal/buildinfo"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/checkcli"
	"github.com/check-ingest/check-ingest/internal/nagios"
	"github.com/check-ingest/check-ingest/plugins/csvcheck"
	"github.com/check-ingest/check-ingest/plugins/dbcheck"
	"github.com/check-ingest/check-ingest/plugins/diskcheck"
	"github.com/check-ingest/check-ingest/plugins/lockcheck"
)

// Request is the load that is planned.
type Request struct {
	Database, DataDir, LockFile string
	Symbols                     []string // all where empty
	First, Last                 *catalog.Day
	Market                      catalog.Market // of files whose folder does not tell

	MinFree int64 // bytes that the load must leave free
	Timeout time.Duration
	Now     time.Time
}

// lowHeadroom is the space left after a load that is worth a warning, since what a load takes is an estimate.
const lowHeadroom = "headroom=1GB:"

// Check is one question and its answer.
type Check struct {
	Name   string // "lock", "disk", "db" or "csv"
	Report nagios.Report
}

// Passed reports whether the check lets the load begin: a warning does, what is not known does not.
func (c Check) Passed() bool { return c.Report.State == nagios.OK || c.Report.State == nagios.Warning }

// Report is all the answers.
type Report struct {
	Checks  []Check
	Seconds float64
}

// Run asks all questions at the same time. What has no answer in time is UNKNOWN; it does not keep the others from theirs.
func Run(ctx context.Context, r Request) (Report, error) {
	return ask(ctx, r.questions(), r)
}

// question is a check and its thresholds.
type question struct {
	name              string
	check             checkcli.Check
	warning, critical []string
}

// questions are the checks, with this load's terms. The disk check's own thresholds are for a machine that is watched for months; here one
// load is asked about, which must fit and leave what is wanted free.
func (r Request) questions() []question {
	return []question{
		{name: "lock", check: &lock{Cmd: &lockcheck.Cmd{LockFile: r.LockFile, Held: nagios.Critical, Unseen: nagios.Warning}}},
		{
			name:     "disk",
			check:    &diskcheck.Cmd{DB: r.Database, DataDir: r.DataDir, Symbol: r.Symbols, Market: r.Market, StartDate: r.First, EndDate: r.Last},
			warning:  []string{lowHeadroom},
			critical: []string{"free=~:", fmt.Sprintf("headroom=%dB:", r.MinFree)},
		},
		{name: "db", check: &database{Cmd: &dbcheck.Cmd{
			DB: r.Database, LockFile: r.LockFile, Missing: nagios.OK, Busy: nagios.Critical, IngestBusy: nagios.Critical,
		}}},
		{name: "csv", check: &csvcheck.Cmd{DataDir: r.DataDir, Symbol: r.Symbols, Market: r.Market, StartDate: r.First, EndDate: r.Last, Fixed: true}},
	}
}

func ask(ctx context.Context, questions []question, r Request) (Report, error) {
	type answer struct {
		i   int
		rep nagios.Report
		err error
	}
	begin := time.Now() //nolint:forbidigo // only measures; what is judged is judged by the time in the request
	answers := make(chan answer, len(questions))
	for i, q := range questions {
		go func() {
			rep, err := checkcli.Judge(ctx, "INGEST "+strings.ToUpper(q.name), q.check,
				checkcli.Terms{Warning: q.warning, Critical: q.critical, Now: r.Now, Timeout: r.Timeout})
			answers <- answer{i, rep, err}
		}()
	}
	out := Report{Checks: make([]Check, len(questions))}
	for range questions {
		a := <-answers // each comes in time, see Judge
		if a.err != nil {
			return Report{}, fmt.Errorf("internal error: %w", a.err)
		}
		out.Checks[a.i] = Check{questions[a.i].name, a.rep}
	}
	out.Seconds = time.Since(begin).Seconds()
	return out, nil
}

// Ready reports whether the load may begin.
func (r Report) Ready() bool { return r.passed() == len(r.Checks) }

func (r Report) passed() int {
	n := 0
	for _, c := range r.Checks {
		if c.Passed() {
			n++
		}
	}
	return n
}

// Summary is the verdict in a line.
func (r Report) Summary() string {
	var failed, warned []string
	for _, c := range r.Checks {
		switch {
		case !c.Passed():
			failed = append(failed, c.Name)
		case c.Report.State == nagios.Warning:
			warned = append(warned, c.Name)
		}
	}
	text := fmt.Sprintf("%d/%d checks passed, ", r.passed(), len(r.Checks))
	switch {
	case len(failed) > 0:
		return text + "not ready to load: " + strings.Join(failed, ", ")
	case len(warned) > 0:
		return text + "ready to load; warning: " + strings.Join(warned, ", ")
	default:
		return text + "ready to load"
	}
}

// Schema is the version of the JSON form of a report. It grows when a field changes its meaning or goes.
const Schema = 1

// MarshalJSON gives the report as docs/preflight.md documents it.
func (r Report) MarshalJSON() ([]byte, error) {
	doc := struct {
		Schema  int               `json:"schema"`
		Ready   bool              `json:"ready"`
		Summary string            `json:"summary"`
		Passed  int               `json:"passed"`
		Total   int               `json:"total"`
		Checks  []json.RawMessage `json:"checks"`
		Seconds float64           `json:"seconds"`
		Version string            `json:"version"`
	}{Schema, r.Ready(), r.Summary(), r.passed(), len(r.Checks), nil, r.Seconds, buildinfo.Read().Version}
	for _, c := range r.Checks {
		doc.Checks = append(doc.Checks, c.Report.JSON())
	}
	return json.Marshal(doc)
}
