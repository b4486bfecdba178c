package ledger

import (
	"errors"
	"fmt"
	"slices"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/smallfile"
)

// ErrSnapshot is the kind of error of a file that does not hold a snapshot.
var ErrSnapshot = errors.New("not a ledger snapshot")

// ReadSnapshot reads a snapshot file. What it returns is sound: series and periods are in order, periods have days, counts are not negative.
// A symbolic link, FIFO or folder is [smallfile.ErrNotRegular], more than 64 MiB [smallfile.ErrTooLarge], anything that is no snapshot
// [ErrSnapshot], of which another version's is a [*smallfile.SchemaError] as well, and an absent file satisfies errors.Is(err, fs.ErrNotExist).
func ReadSnapshot(path string) (Snapshot, error) {
	data, _, err := smallfile.Read(path, maxSnapshotBytes)
	if err != nil {
		return Snapshot{}, fmt.Errorf("read ledger snapshot: %w", err)
	}
	s, err := parseSnapshot(data)
	if err != nil {
		return Snapshot{}, fmt.Errorf("read ledger snapshot %s: %w", path, err)
	}
	return s, nil
}

// parseSnapshot decodes and checks what a snapshot file holds.
func parseSnapshot(data []byte) (Snapshot, error) {
	var s Snapshot
	if err := smallfile.Decode(data, SnapshotSchema, &s); err != nil {
		return Snapshot{}, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	if err := s.check(); err != nil {
		return Snapshot{}, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	return s, nil
}

// check says what is impossible about the snapshot.
func (s Snapshot) check() error {
	if len(s.Failed) > MaxFailed || len(s.Runs) > MaxRuns {
		return fmt.Errorf("%d failed files and %d runs, at most %d and %d", len(s.Failed), len(s.Runs), MaxFailed, MaxRuns)
	}
	err := notNegative(
		s.DatabaseSize, int64(s.FailedCount), int64(s.PartialCount), s.BytesIn, s.BytesCSV, s.BytesDatabase, s.Rows,
		int64(s.Scripts.Files), s.Scripts.Rows, s.Scripts.SourceBytes,
	)
	if err != nil {
		return err
	}
	if s.Settled != nil && s.Settled.Files < 0 {
		return fmt.Errorf("negative count %d", s.Settled.Files)
	}
	if len(s.Failed) > s.FailedCount+s.PartialCount {
		return fmt.Errorf("%d failed files listed, %d counted", len(s.Failed), s.FailedCount+s.PartialCount)
	}
	for i, state := range s.Series {
		if err := state.check(); err != nil {
			return fmt.Errorf("series %d: %w", i+1, err)
		}
		if i > 0 && s.Series[i-1].Compare(state.Series) >= 0 {
			return fmt.Errorf("series %s is out of order", state.Series)
		}
	}
	for _, f := range s.Failed {
		if err := f.check(); err != nil {
			return fmt.Errorf("failed file %q: %w", f.Path, err)
		}
	}
	for _, r := range s.Runs {
		if err := r.check(); err != nil {
			return fmt.Errorf("run %q: %w", r.ID, err)
		}
	}
	return nil
}

// check says what is impossible about the series.
func (s SeriesState) check() error {
	if _, err := catalog.ParseMarket(string(s.Market)); err != nil {
		return err
	}
	if err := catalog.CheckSymbol(s.Symbol); err != nil {
		return err
	}
	if err := notNegative(int64(s.Files), s.Rows, s.IDsMissing, s.SourceBytes); err != nil {
		return fmt.Errorf("%s: %w", s.Series, err)
	}
	if s.FirstID < -1 || s.LastID < s.FirstID {
		return fmt.Errorf("%s: ids from %d to %d", s.Series, s.FirstID, s.LastID)
	}
	if !ordered(s.Loaded) || !ordered(s.DaysMissing) || !ordered(s.DaysEmpty) {
		return fmt.Errorf("%s: periods are empty or out of order", s.Series)
	}
	return nil
}

// check says what is impossible about the file.
func (f FileState) check() error {
	if f.Status != Failed && f.Status != Partial {
		return fmt.Errorf("status %q", f.Status)
	}
	if f.Period.End < f.Period.First {
		return fmt.Errorf("period ends before it begins")
	}
	return notNegative(f.Attempts, f.Conflict)
}

// check says what is impossible about the run.
func (r Run) check() error {
	if r.Seconds < 0 {
		return fmt.Errorf("%g seconds", r.Seconds)
	}
	return notNegative(int64(r.ExitCode), int64(r.FilesLoaded), int64(r.FilesFailed), int64(r.FilesSkipped), r.Rows, r.Bytes)
}

// ordered reports whether periods are as merge returns them.
func ordered(periods []catalog.Period) bool {
	for i, p := range periods {
		if p.First >= p.End || i > 0 && periods[i-1].End >= p.First {
			return false
		}
	}
	return true
}

// notNegative is an error that names the first negative count.
func notNegative(counts ...int64) error {
	if i := slices.IndexFunc(counts, func(n int64) bool { return n < 0 }); i >= 0 {
		return fmt.Errorf("negative count %d", counts[i])
	}
	return nil
}
