package runstate

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/smallfile"
)

// StatusSchema is the version of [Status]'s JSON. It changes when a field changes its meaning; new fields alone do not change it.
const StatusSchema = 1

// maxStatusBytes bounds a status file; one takes about 800 bytes.
const maxStatusBytes = 64 << 10

// Phase is the step that a run is in.
type Phase string

// The phases, in their order.
const (
	PhaseLock   Phase = "lock"
	PhasePlan   Phase = "plan"
	PhaseCheck  Phase = "check"
	PhaseLoad   Phase = "load"
	PhaseReport Phase = "report"
	PhaseEnded  Phase = "ended"
)

// Status is what the holder of a lock publishes about its run, at [StatusPath]. Times are UTC.
//
// It is a claim. Anybody may write such a file into a world-writable folder; [Believe] compares it with the facts.
type Status struct {
	Schema         int        `json:"schema"`
	RunID          string     `json:"run_id"`
	PID            int        `json:"pid"`       // in the holder's own PID namespace
	PIDStart       uint64     `json:"pid_start"` // field 22 of /proc/PID/stat: clock ticks since boot
	Host           string     `json:"host"`
	User           string     `json:"user"`
	Program        string     `json:"program"`
	Version        string     `json:"version"`
	Database       string     `json:"database"` // absolute path
	DataDir        string     `json:"data_dir"` // absolute path
	StartedAt      time.Time  `json:"started_at"`
	HeartbeatAt    time.Time  `json:"heartbeat_at"`
	HeartbeatEvery float64    `json:"heartbeat_every_seconds"`
	Phase          Phase      `json:"phase"`
	FilesDone      int64      `json:"files_done"` // loaded, failed or found to be loaded already, of FilesTotal
	FilesTotal     int64      `json:"files_total"`
	FilesFailed    int64      `json:"files_failed"`
	BytesDone      int64      `json:"bytes_done"` // of the files as they lie on disk, of BytesTotal
	BytesTotal     int64      `json:"bytes_total"`
	Rows           int64      `json:"rows"`
	CurrentFile    string     `json:"current_file"`
	RowsPerSecond  float64    `json:"rows_per_second"`
	EndedAt        *time.Time `json:"ended_at,omitempty"`
	ExitCode       *int       `json:"exit_code,omitempty"`
	Outcome        string     `json:"outcome,omitempty"` // one sentence on how the run ended
}

// Ended reports whether the run says that it is over.
func (s Status) Ended() bool { return s.Phase == PhaseEnded || s.EndedAt != nil }

// Percent is how much of the load is done, 0 to 100, by bytes or, where there are none, by files; false while that is not known.
func (s Status) Percent() (float64, bool) {
	done, total := s.BytesDone, s.BytesTotal
	if total == 0 {
		done, total = s.FilesDone, s.FilesTotal
	}
	if total <= 0 {
		return 0, false
	}
	return min(100*float64(done)/float64(total), 100), true
}

// Remaining is how long the rest of the load will take if it goes on as it went so far; false while that is not known.
func (s Status) Remaining() (time.Duration, bool) {
	const least = 0.1 // percent: what is guessed from less is worth nothing
	percent, ok := s.Percent()
	elapsed := s.HeartbeatAt.Sub(s.StartedAt)
	if !ok || s.Ended() || percent < least || elapsed <= 0 {
		return 0, false
	}
	rest := float64(elapsed) * (100 - percent) / percent
	if rest > math.MaxInt64/2 {
		return 0, false
	}
	return time.Duration(rest), true
}

// HeartbeatAge is the time since the last sign of life; 0 where clocks make it negative.
func (s Status) HeartbeatAge(now time.Time) time.Duration { return max(now.Sub(s.HeartbeatAt), 0) }

// HeartbeatAllowed is the age above which a run that has not ended counts as hung: ten heartbeats, and half a minute at
// least, since a machine under load may keep a process from running for seconds.
func (s Status) HeartbeatAllowed() time.Duration {
	const beats, least = 10, 30 * time.Second
	return max(time.Duration(beats*s.HeartbeatEvery*float64(time.Second)), least)
}

// Hung reports whether a run that has not ended gave no sign of life for longer than its heartbeat allows. One that is dated in the future was given
// before the clock was set back: a run that lives would have given another since.
func (s Status) Hung(now time.Time) bool {
	return !s.Ended() && (s.HeartbeatAge(now) > s.HeartbeatAllowed() || catalog.InFuture(s.HeartbeatAt, now))
}

// ErrStatus is the kind of error of a status file that does not hold a status.
var ErrStatus = errors.New("not a run status")

// ReadStatus reads a status file. It is treated as what a stranger wrote: a symbolic link, FIFO or folder is
// [smallfile.ErrNotRegular], more than 64 KiB [smallfile.ErrTooLarge], and anything that is no status [ErrStatus], of which another version's is
// a [*smallfile.SchemaError] as well. Characters that cannot be printed are replaced. An absent file satisfies errors.Is(err, fs.ErrNotExist).
func ReadStatus(path string) (Status, error) {
	s, _, err := readStatus(path)
	return s, err
}

// readStatus is ReadStatus and the file's owner.
func readStatus(path string) (Status, fs.FileInfo, error) {
	data, info, err := smallfile.Read(path, maxStatusBytes)
	if err != nil {
		return Status{}, nil, err
	}
	s, err := parseStatus(data)
	if err != nil {
		return Status{}, nil, fmt.Errorf("read %s: %w", path, err)
	}
	return s, info, nil
}

// parseStatus decodes and checks what a status file holds.
func parseStatus(data []byte) (Status, error) {
	var s Status
	if err := smallfile.Decode(data, StatusSchema, &s); err != nil {
		return Status{}, fmt.Errorf("%w: %w", ErrStatus, err)
	}
	s = s.cleaned()
	if problem := s.problem(); problem != "" {
		return Status{}, fmt.Errorf("%w: %s", ErrStatus, problem)
	}
	return s, nil
}

// cleaned is the status with its texts fit to print and its times in UTC.
func (s Status) cleaned() Status {
	for _, text := range []*string{
		&s.RunID, &s.Host, &s.User, &s.Program, &s.Version, &s.Database, &s.DataDir, &s.CurrentFile, &s.Outcome,
	} {
		*text = clean(*text)
	}
	s.StartedAt, s.HeartbeatAt = s.StartedAt.UTC(), s.HeartbeatAt.UTC()
	if s.EndedAt != nil {
		ended := s.EndedAt.UTC()
		s.EndedAt = &ended
	}
	return s
}

// problem says what is impossible about the status, "" where nothing is.
func (s Status) problem() string {
	const maxPID, day = 1 << 22, 86400 // PID_MAX_LIMIT in the kernel
	if s.PID <= 0 || s.PID > maxPID {
		return fmt.Sprintf("pid %d", s.PID)
	}
	if s.HeartbeatEvery <= 0 || s.HeartbeatEvery > day {
		return fmt.Sprintf("heartbeat every %g seconds", s.HeartbeatEvery)
	}
	if s.StartedAt.IsZero() || s.HeartbeatAt.IsZero() {
		return "no time of start or heartbeat"
	}
	if s.ExitCode != nil && (*s.ExitCode < 0 || *s.ExitCode > 255) {
		return fmt.Sprintf("exit code %d", *s.ExitCode)
	}
	if s.RowsPerSecond < 0 {
		return fmt.Sprintf("%g rows a second", s.RowsPerSecond)
	}
	for _, count := range []int64{s.FilesDone, s.FilesTotal, s.FilesFailed, s.BytesDone, s.BytesTotal, s.Rows} {
		if count < 0 {
			return fmt.Sprintf("negative count %d", count)
		}
	}
	switch s.Phase {
	case PhaseLock, PhasePlan, PhaseCheck, PhaseLoad, PhaseReport, PhaseEnded:
		return ""
	default:
		return fmt.Sprintf("phase %q", clean(string(s.Phase)))
	}
}
