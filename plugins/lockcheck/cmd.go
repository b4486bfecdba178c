package lockcheck

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/check-ingest/check-ingest/internal/checkcli"
	"github.com/check-ingest/check-ingest/internal/nagios"
	"github.com/check-ingest/check-ingest/internal/runstate"
)

// Cmd is the command line of check_ingest_lock.
type Cmd struct {
	LockFile string        `default:"/tmp/liquidation_heatmap_ingestion.lock" placeholder:"FILE" help:"The lock file, which the loader and the Python scripts share."`
	Held     nagios.Status `default:"critical" placeholder:"STATE" help:"State of a held lock where no threshold is given."`

	// Unseen is the state of a lock of which neither the kernel nor a status tells whether it is held: UNKNOWN for a check. The zero value is that.
	Unseen nagios.Status `kong:"-"`

	thresholds nagios.Thresholds
}

// Validate refuses an empty path.
func (c *Cmd) Validate() error {
	if c.LockFile == "" {
		return errors.New("--lock-file: is empty")
	}
	return nil
}

// Manual is the help's prose.
func (c *Cmd) Manual() checkcli.Manual {
	return checkcli.Manual{
		Summary: "May a load start, and if not, who is in the way?",
		Detail: `A free or absent lock file is OK, a held one CRITICAL. With a threshold on any metric a held lock alone is no
problem and only the thresholds decide, which is how a monitoring service uses it. A holder that published a status and
has given no sign of life for too long is CRITICAL either way.

The lock is never taken: the kernel's lock table tells who holds it. From inside a container that table does not show the
processes outside; the check then says so and judges by the status that the loader publishes beside the lock file.`,
		Examples: []checkcli.Example{
			{Does: "as a gate before a load, in a unit file or a script", Command: "check_ingest_lock --gate"},
			{Does: "as a service: a load may take 2 hours, 6 at the very most", Command: "check_ingest_lock -w 2h -c 6h"},
			{Does: "who holds the lock, for a person", Command: "check_ingest_lock -o table"},
		},
	}
}

// Metrics declares what the check measures.
func (c *Cmd) Metrics() []nagios.Spec {
	return []nagios.Spec{
		{Label: labelHeldFor, Unit: nagios.Seconds, Help: "How long the lock has been held; 0 if it is free."},
		{Label: labelHeld, Help: "1 if the lock is held, 0 if it is free."},
		{Label: labelHeartbeatAge, Unit: nagios.Seconds, Help: "Since the loader's last sign of life."},
		{Label: labelFilesDone, Help: "Files that the running load is through with."},
		{Label: labelFilesTotal, Help: "Files that it has to do."},
		{Label: labelPercent, Unit: nagios.Percent, Help: "How much of it is done, by bytes."},
		{Label: labelRows, Help: "Rows that it has loaded."},
	}
}

// UseThresholds keeps whether thresholds decide about a held lock.
func (c *Cmd) UseThresholds(t nagios.Thresholds) { c.thresholds = t }

// Check looks at the lock and judges it.
func (c *Cmd) Check(ctx context.Context, now time.Time) (nagios.Result, error) {
	o, err := gather(ctx, runstate.DefaultProcRoot, c.LockFile, now)
	if err != nil {
		return nagios.Result{}, err
	}
	return evaluate(o, now, verdict{held: c.Held, unseen: c.Unseen, byThresholds: c.thresholds.Given()}), nil
}

// observation is the state of a lock file as it was found.
type observation struct {
	path  string // absolute
	state runstate.State
	fault error // why nothing is known about it
}

// gather finds out about the lock without touching it.
func gather(ctx context.Context, procRoot, path string, now time.Time) (observation, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return observation{}, err
	}
	checkcli.Stage(ctx, "looking at the lock file "+abs)
	state, err := runstate.Inspect(procRoot, abs, now)
	return observation{path: abs, state: state, fault: err}, nil
}
