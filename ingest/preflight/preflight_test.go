package preflight

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/check-ingest/check-ingest/internal/checkcli"
	"github.com/check-ingest/check-ingest/internal/nagios"
)

// fake is a check that answers with a state, hangs, or panics.
type fake struct {
	state nagios.Status
	does  string
}

func (*fake) Manual() checkcli.Manual { return checkcli.Manual{} }

func (*fake) Metrics() []nagios.Spec { return []nagios.Spec{{Label: "value"}} }

func (f *fake) Check(context.Context, time.Time) (nagios.Result, error) {
	switch f.does {
	case "hang":
		select {}
	case "panic":
		panic("ouch")
	case "error":
		return nagios.Result{}, errors.New("it is dark")
	}
	r := nagios.Result{Summary: "fine", Metrics: []nagios.Metric{{Label: "value"}}}
	if f.state != nagios.OK {
		r.Problems = []nagios.Problem{{State: f.state, Text: "odd"}}
	}
	return r, nil
}

// TestOneThatHangsKeepsNobodyWaiting: each check has its own end, and the others are shown.
func TestOneThatHangsKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	r, err := ask(t.Context(), []question{
		{name: "hangs", check: &fake{does: "hang"}},
		{name: "fine", check: &fake{state: nagios.OK}},
		{name: "panics", check: &fake{does: "panic"}},
		{name: "fails", check: &fake{does: "error"}},
		{name: "warns", check: &fake{state: nagios.Warning}},
	}, Request{Timeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		state nagios.Status
		text  string
	}{
		{nagios.Unknown, "timed out after 2s"}, {nagios.OK, "fine"}, {nagios.Unknown, "internal error: ouch"}, {nagios.Unknown, "it is dark"}, {nagios.Warning, "odd"},
	} {
		if rep := r.Checks[i].Report; rep.State != want.state || rep.Summary != want.text {
			t.Errorf("%s: %s %q, want %s %q", r.Checks[i].Name, rep.State, rep.Summary, want.state, want.text)
		}
	}
	if want := "2/5 checks passed, not ready to load: hangs, panics, fails"; r.Ready() || r.Summary() != want {
		t.Errorf("%q, want %q", r.Summary(), want)
	}
}

// TestASignalEndsItAtOnce: long before the time limit.
func TestASignalEndsItAtOnce(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("stopped by SIGINT"))
	r, err := ask(ctx, []question{{name: "hangs", check: &fake{does: "hang"}}}, Request{Timeout: 24 * time.Hour})
	if err != nil || r.Ready() || !strings.Contains(r.Checks[0].Report.Summary, "stopped by SIGINT") {
		t.Errorf("%v, %+v", err, r)
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()
	of := func(states ...nagios.Status) Report {
		var r Report
		for i, s := range states {
			r.Checks = append(r.Checks, Check{string(rune('a' + i)), nagios.Report{State: s}})
		}
		return r
	}
	for want, r := range map[string]Report{
		"2/2 checks passed, ready to load":             of(nagios.OK, nagios.OK),
		"2/2 checks passed, ready to load; warning: b": of(nagios.OK, nagios.Warning),
		"1/2 checks passed, not ready to load: b":      of(nagios.Warning, nagios.Critical),
		"0/2 checks passed, not ready to load: a, b":   of(nagios.Unknown, nagios.Critical),
	} {
		if got := r.Summary(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		var doc struct {
			Schema  int
			Ready   bool
			Summary string
			Checks  []struct {
				State string
			}
		}
		data, err := json.Marshal(r)
		if err == nil {
			err = json.Unmarshal(data, &doc)
		}
		if err != nil || doc.Schema != 1 || doc.Ready != r.Ready() || doc.Summary != want || len(doc.Checks) != 2 || doc.Checks[0].State != r.Checks[0].Report.State.String() {
			t.Errorf("%v: %s", err, data)
		}
	}
}

// TestWhoMayNotLoad: a user who may read everything, and could so pass the checks, but not write.
func TestWhoMayNotLoad(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root may do everything; the words are tested by TestRefused")
	}
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	if err := errors.Join(os.Mkdir(data, 0o755), os.Chmod(dir, 0o555)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o755) })
	r, err := Run(t.Context(), Request{Database: filepath.Join(dir, "t.duckdb"), DataDir: data, LockFile: filepath.Join(dir, "lock"), Timeout: time.Minute, Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range r.Checks {
		if c.Name != "lock" && c.Name != "db" {
			continue
		}
		if want := "this user may not write " + dir; c.Passed() || !strings.Contains(c.Report.Summary, want) {
			t.Errorf("%s: %s %q, want %q", c.Name, c.Report.State, c.Report.Summary, want)
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	if got := refused(nil, t.TempDir(), "write", 2); got != nil {
		t.Errorf("%+v", got)
	}
	missing := filepath.Join(t.TempDir(), "no")
	got := refused(nil, missing, "write", 2)
	if len(got) != 1 || got[0].State != nagios.Critical || got[0].Text != missing+" does not exist" || got[0].Remedy != "Create it: mkdir -p "+missing {
		t.Errorf("%+v", got)
	}
	got = refused(nil, "/proc/version", "write", 1) // nobody may execute it, not even root
	if len(got) != 1 || !strings.HasPrefix(got[0].Text, "this user may not write /proc/version: permission denied") || !strings.Contains(got[0].Remedy, "ls -ld") {
		t.Errorf("%+v", got)
	}
}
