package runstate

import (
	"fmt"
	"strings"
	"time"

	"github.com/check-ingest/check-ingest/internal/amount"
)

// timeLayout is how times appear in sentences; they are always UTC.
const timeLayout = "2006-01-02 15:04:05 UTC"

// HeldError says that another process holds the lock, and who as far as that can be known.
type HeldError struct {
	Path   string
	Holder Holder
	Status *Status // what the holder publishes about itself; nil where it publishes nothing that can be believed
}

// newHeldError looks at who holds the lock that could not be taken a moment ago.
func newHeldError(path string) *HeldError {
	e := &HeldError{Path: path, Holder: Holder{UID: -1}}
	// That somebody holds it is certain, so a status needs no fresh heartbeat to count.
	state, err := inspect(DefaultProcRoot, path, nil)
	if err == nil && state.Held {
		e.Holder, e.Status = state.Holder, state.Status
	}
	return e
}

// Error is one sentence, such as
// "lock held by PID 123 (ingest-aggtrades, user bob) since 2026-01-02 03:04:05 UTC, 12 of 40 files done (31%)".
func (e *HeldError) Error() string {
	var b strings.Builder
	b.WriteString("lock held by " + e.Holder.String())
	if !e.Holder.Since.IsZero() {
		b.WriteString(" since " + e.Holder.Since.UTC().Format(timeLayout))
	}
	if e.Status != nil {
		fmt.Fprintf(&b, ", %s of %s done", amount.Text(e.Status.FilesDone), amount.Of(e.Status.FilesTotal, "file"))
		if percent, ok := e.Status.Percent(); ok {
			fmt.Fprintf(&b, " (%.0f%%)", percent)
		}
	}
	return b.String()
}

// Holder is a process that holds a lock, as far as this user may see it.
type Holder struct {
	PID        int       // 0 where the kernel names none that this process can see
	InnerPID   int       // its PID in its own PID namespace: another number than PID where it runs in a container
	Program    string    // "ingest-aggtrades", or interpreter and script: "python3 ingest_aggtrades.py"
	User       string    // name, or "uid 1234"
	UID        int       // effective user id, -1 if unknown
	Since      time.Time // when it took the lock, at the earliest: its run's start, else its process's; zero if unknown
	StartTicks uint64    // process start in clock ticks since boot; with PID it names one process for ever
	Known      bool      // the process was seen in the process table
	Ended      bool      // it has ended and is there only because its parent has not asked how (a zombie)
}

// String is "PID 123 (python3 ingest.py, user bob)", or as much of it as is known.
func (h Holder) String() string {
	var about []string
	if h.Program != "" {
		about = append(about, h.Program)
	}
	if h.User != "" {
		about = append(about, "user "+h.User)
	}
	name := "a process that cannot be seen from here"
	if h.PID > 0 {
		name = fmt.Sprintf("PID %d", h.PID)
	}
	if len(about) == 0 {
		return name
	}
	return name + " (" + strings.Join(about, ", ") + ")"
}
