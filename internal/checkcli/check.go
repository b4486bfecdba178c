package checkcli

import (
	"context"
	"time"

	"github.com/check-ingest/check-ingest/internal/manual"
	"github.com/check-ingest/check-ingest/internal/nagios"
)

// Check is what a check's Cmd implements, on its pointer. Its exported fields are its flags, as kong reads them: help,
// default and placeholder in the tags, a group tag for the heading in the help, and rules between flags in Validate.
type Check interface {
	// Manual is what the help says besides flags and metrics.
	Manual() Manual

	// Metrics declares what the check can measure, the main metric first. It is asked before flags are set, for the
	// help, and after, for everything else, so that flags may add to it.
	Metrics() []nagios.Spec

	// Check gathers and evaluates. An error means that it could not find out, and makes the result UNKNOWN. ctx ends a
	// little before the time limit, so that a check which watches it can still tell what it found. A check that waits
	// for the kernel calls [Stage] first; goroutines are started with [Go].
	Check(ctx context.Context, now time.Time) (nagios.Result, error)
}

// ThresholdUser is implemented by a Cmd that needs to know the thresholds before it runs: where they are given they may
// decide instead of a verdict of its own.
type ThresholdUser interface {
	UseThresholds(t nagios.Thresholds)
}

// Manual is the prose of a check's help.
type Manual = manual.Text

// Example is a command line and what it is for.
type Example = manual.Example
