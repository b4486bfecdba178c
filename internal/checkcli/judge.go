package checkcli

import (
	"context"
	"time"

	"github.com/check-ingest/check-ingest/internal/buildinfo"
	"github.com/check-ingest/check-ingest/internal/nagios"
	"github.com/check-ingest/check-ingest/internal/settings"
)

// Terms are what a check is run with where there is no command line to say so.
type Terms struct {
	Warning, Critical []string // as -w and -c take them
	Now               time.Time
	Timeout           time.Duration
}

// Judge runs a check whose flags the caller has set, and gives its result. As on the command line, a panic, a check that
// does not come back in time and the end of ctx make a report of state UNKNOWN, at once. An error is a mistake in the thresholds.
func Judge(ctx context.Context, name string, check Check, terms Terms) (nagios.Report, error) {
	begin := time.Now()
	t, err := nagios.ParseThresholds(check.Metrics(), terms.Warning, terms.Critical)
	if err != nil {
		return nagios.Report{}, err
	}
	a := parsed{flags: flags{Timeout: settings.Duration(terms.Timeout), TimeoutState: nagios.Unknown}, thresholds: t}
	rep := Program{Name: name}.execute(ctx, check, a, terms.Now, begin)
	rep.Seconds, rep.Version = time.Since(begin).Seconds(), buildinfo.Read().Version
	return rep, nil
}
