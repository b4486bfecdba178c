package cli

import (
	"testing"
	"time"

	"github.com/check-ingest/check-ingest/ingest/load"
)

func TestStatusForSystemd(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		progress load.Progress
		took     time.Duration
		want     string
	}{
		"before there is a plan": {load.Progress{}, time.Second, "Planning"},
		"nothing read yet": {
			load.Progress{FilesTotal: 3, BytesTotal: 1000, Current: "/data/BTCUSDT-aggTrades-2025-01-01.zip"},
			time.Second,
			"0 of 3 files, 0%, 0 rows: BTCUSDT-aggTrades-2025-01-01.zip",
		},
		"half-way": {
			load.Progress{FilesDone: 12, FilesTotal: 24, FilesFailed: 1, BytesDone: 500, BytesTotal: 1000, Rows: 12_345_678, Current: "b.csv"},
			90 * time.Minute,
			"12 of 24 files, 50%, 1 failed, 12.3M rows, 1h 30m left: b.csv",
		},
		"a name that could forge a message": {
			load.Progress{FilesTotal: 1, Current: "a\nREADY=1\n.csv"}, time.Second, "0 of 1 file, 0 rows: a READY=1 .csv",
		},
		"all done": {load.Progress{FilesDone: 2, FilesTotal: 2, BytesDone: 7, BytesTotal: 7, Rows: 9}, time.Hour, "2 of 2 files, 100%, 9 rows"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := statusOf(tt.progress, tt.took); got != tt.want {
				t.Errorf("%q, expected %q", got, tt.want)
			}
		})
	}
}

// TestSignsOfLife: the watchdog is fed by what the load does, not by the clock.
func TestSignsOfLife(t *testing.T) {
	t.Parallel()
	start := time.Unix(1_700_000_000, 0)
	before := signs{at: start, progress: load.Progress{FilesDone: 1, Rows: 10}, cpu: time.Minute, read: 5}
	minute := start.Add(time.Minute)
	tests := map[string]struct {
		now  signs
		want bool
	}{
		"time passes":                         {signs{minute, before.progress, 0, before.cpu, 5}, false},
		"looking at itself costs a little":    {signs{minute, before.progress, 0, before.cpu + 2*time.Second, 5}, false},
		"rows":                                {signs{minute, load.Progress{FilesDone: 1, Rows: 11}, 0, before.cpu, 5}, true},
		"a failed file":                       {signs{minute, load.Progress{FilesDone: 1, Rows: 10, FilesFailed: 1}, 0, before.cpu, 5}, true},
		"it tries a file again":               {signs{minute, before.progress, 1, before.cpu, 5}, true},
		"it computes, as a large match does":  {signs{minute, before.progress, 0, before.cpu + 4*time.Second, 5}, true},
		"it reads from a disk":                {signs{minute, before.progress, 0, before.cpu, 6}, true},
		"it computed in the time of one look": {signs{start.Add(time.Second), before.progress, 0, before.cpu + 51*time.Millisecond, 5}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tt.now.since(before); got != tt.want {
				t.Errorf("alive: %t, expected %t", got, tt.want)
			}
		})
	}
}
