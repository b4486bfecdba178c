package runstate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/internal/smallfile"
)

func TestReadStatusRefuses(t *testing.T) {
	t.Parallel()
	good, err := json.Marshal(goodStatus())
	if err != nil {
		t.Fatal(err)
	}
	edit := func(old, with string) string {
		s := strings.Replace(string(good), old, with, 1)
		if s == string(good) {
			t.Fatalf("%s has no %s", good, old)
		}
		return s
	}
	for name, test := range map[string]struct {
		in  string
		err error
	}{
		"nothing":                 {"", ErrStatus},
		"half of one":             {string(good[:100]), ErrStatus},
		"two of them":             {string(good) + string(good), ErrStatus},
		"another object":          {`{"pid": 1}`, ErrStatus},
		"an array":                {`[]`, ErrStatus},
		"null":                    {`null`, ErrStatus},
		"another type":            {edit(`"pid":123`, `"pid":"123"`), ErrStatus},
		"no PID":                  {edit(`"pid":123`, `"pid":0`), ErrStatus},
		"a PID no kernel gives":   {edit(`"pid":123`, `"pid":99999999`), ErrStatus},
		"a negative count":        {edit(`"files_done":1`, `"files_done":-1`), ErrStatus},
		"a count that overflows":  {edit(`"files_done":1`, `"files_done":9223372036854775808`), ErrStatus},
		"a negative rate":         {edit(`"rows_per_second":0`, `"rows_per_second":-1`), ErrStatus},
		"no heartbeat":            {edit(`"heartbeat_every_seconds":2`, `"heartbeat_every_seconds":0`), ErrStatus},
		"a heartbeat once a year": {edit(`"heartbeat_every_seconds":2`, `"heartbeat_every_seconds":1e300`), ErrStatus},
		"no time":                 {edit(`"started_at":"2026-03-04T04:06:07Z",`, ``), ErrStatus},
		"a phase there is not":    {edit(`"phase":"load"`, `"phase":"lunch"`), ErrStatus},
		"an impossible exit code": {edit(`"files_done":1`, `"exit_code":256`), ErrStatus},
		"too much":                {edit(`"host":"h"`, `"host":"`+strings.Repeat("h", maxStatusBytes)+`"`), smallfile.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := ReadStatus(write(t, filepath.Join(t.TempDir(), "s"), test.in, 0o600)); !errors.Is(err, test.err) {
				t.Errorf("got %v, want %v", err, test.err)
			}
		})
	}
	t.Run("another version's, whatever it holds", func(t *testing.T) {
		t.Parallel()
		_, err := ReadStatus(write(t, filepath.Join(t.TempDir(), "s"), `{"schema":3,"pid":"many"}`, 0o600))
		var e *smallfile.SchemaError
		if !errors.As(err, &e) || e.Got != 3 || e.Known != StatusSchema || !errors.Is(err, ErrStatus) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("what is no file", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		path := filepath.Join(dir, "s")
		if _, err := ReadStatus(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("absent: %v", err)
		}
		if _, err := ReadStatus(dir); !errors.Is(err, smallfile.ErrNotRegular) {
			t.Errorf("folder: %v", err)
		}
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Skip(err)
		}
		if _, err := ReadStatus(path); !errors.Is(err, smallfile.ErrNotRegular) {
			t.Errorf("FIFO: %v", err)
		}
		if err := os.Symlink(write(t, filepath.Join(dir, "good"), string(good), 0o600), path+"l"); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadStatus(path + "l"); !errors.Is(err, smallfile.ErrNotRegular) {
			t.Errorf("link: %v", err)
		}
	})
}

func TestReadStatusMakesTextsFitToPrint(t *testing.T) {
	t.Parallel()
	s := goodStatus()
	s.Host, s.CurrentFile = "a\nb\x1b[2J|", strings.Repeat("\x01", maxText)
	end := now.In(time.FixedZone("", 3600))
	s.EndedAt = &end
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadStatus(write(t, filepath.Join(t.TempDir(), "s"), strings.Replace(string(data), "{", `{"new_field":[1],`, 1), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	s.Host, s.CurrentFile = "a\ufffdb\ufffd[2J|", strings.Repeat("\ufffd", maxText/3)
	if diff := cmp.Diff(s, got); diff != "" || got.EndedAt.Location() != time.UTC {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTheLargestStatusCanBeRead(t *testing.T) {
	t.Parallel()
	s := goodStatus()
	worst := strings.Repeat("\xff<", maxText) // both grow: in cleaning, and in JSON
	s.RunID, s.Host, s.User, s.Program, s.Version, s.Database, s.DataDir, s.CurrentFile, s.Outcome = worst, worst, worst, worst, worst, worst, worst, worst, worst
	data, err := json.Marshal(s.cleaned())
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > maxStatusBytes {
		t.Errorf("%d bytes, limit %d", len(data), maxStatusBytes)
	}
	if _, err := parseStatus(data); err != nil {
		t.Error(err)
	}
}

func TestProgressOfAStatus(t *testing.T) {
	t.Parallel()
	begin := now.Add(-time.Hour)
	for name, test := range map[string]struct {
		s         Status
		percent   float64
		known     bool
		remaining time.Duration
		guessed   bool
	}{
		"nothing planned yet":             {s: Status{StartedAt: begin, HeartbeatAt: now}},
		"by bytes rather than files":      {s: Status{StartedAt: begin, HeartbeatAt: now, BytesDone: 25, BytesTotal: 100, FilesDone: 1, FilesTotal: 2}, percent: 25, known: true, remaining: 3 * time.Hour, guessed: true},
		"by files where bytes are nought": {s: Status{StartedAt: begin, HeartbeatAt: now, FilesDone: 1, FilesTotal: 2}, percent: 50, known: true, remaining: time.Hour, guessed: true},
		"too early to tell":               {s: Status{StartedAt: begin, HeartbeatAt: now, BytesDone: 0, BytesTotal: 100}, known: true},
		"more done than there was":        {s: Status{StartedAt: begin, HeartbeatAt: now, BytesDone: 300, BytesTotal: 100}, percent: 100, known: true, guessed: true},
		"a clock that went back":          {s: Status{StartedAt: now, HeartbeatAt: begin, BytesDone: 25, BytesTotal: 100}, percent: 25, known: true},
		"a run that ended":                {s: Status{Phase: PhaseEnded, StartedAt: begin, HeartbeatAt: now, BytesDone: 25, BytesTotal: 100}, percent: 25, known: true},
		"the end of time":                 {s: Status{HeartbeatAt: now, BytesDone: 1, BytesTotal: 999}, percent: 100. / 999, known: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if percent, known := test.s.Percent(); percent != test.percent || known != test.known {
				t.Errorf("Percent() = %g, %v", percent, known)
			}
			if remaining, guessed := test.s.Remaining(); remaining != test.remaining || guessed != test.guessed {
				t.Errorf("Remaining() = %v, %v", remaining, guessed)
			}
		})
	}
}

func TestHung(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		every   float64
		age     time.Duration
		phase   Phase
		allowed time.Duration
		hung    bool
	}{
		"at the limit":             {2, 30 * time.Second, PhaseLoad, 30 * time.Second, false},
		"past the limit":           {2, 30*time.Second + 1, PhaseLoad, 30 * time.Second, true},
		"a slow heartbeat":         {60, 10 * time.Minute, PhaseLoad, 10 * time.Minute, false},
		"a slow heartbeat, late":   {60, 10*time.Minute + 1, PhaseLoad, 10 * time.Minute, true},
		"a clock that differs":     {2, -10 * time.Minute, PhaseLoad, 30 * time.Second, false},
		"a clock that went back":   {2, -time.Hour, PhaseLoad, 30 * time.Second, true},
		"and that has ended":       {2, -time.Hour, PhaseEnded, 30 * time.Second, false},
		"a run that ended is over": {2, time.Hour, PhaseEnded, 30 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := Status{HeartbeatEvery: test.every, HeartbeatAt: now.Add(-test.age), Phase: test.phase}
			if s.Hung(now) != test.hung || s.HeartbeatAllowed() != test.allowed || s.HeartbeatAge(now) != max(test.age, 0) {
				t.Errorf("hung %v, allowed %v, age %v", s.Hung(now), s.HeartbeatAllowed(), s.HeartbeatAge(now))
			}
		})
	}
}

func TestNamesOfEnumerations(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		got  fmt.Stringer
		want string
	}{
		{RunEnded, "ended"},
		{RunDied, "died"},
		{RunUnlocked, "unlocked"},
		{RunSilent, "silent"},
		{RunEnd(0), "RunEnd(0)"},
		{DBFree, "free"},
		{DBReaders, "readers"},
		{DBWriter, "writer"},
		{DBMode(9), "DBMode(9)"},
	} {
		if test.got.String() != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}

func FuzzParseStatus(f *testing.F) {
	good, err := json.Marshal(goodStatus())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"schema":1,"pid":1,"ended_at":null,"exit_code":-1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseStatus(data)
		if err != nil {
			return
		}
		for _, text := range []string{s.RunID, s.Host, s.User, s.Program, s.Version, s.Database, s.DataDir, s.CurrentFile, s.Outcome} {
			if !printable(text) {
				t.Errorf("%q", text)
			}
		}
		if percent, ok := s.Percent(); ok && (percent < 0 || percent > 100) {
			t.Errorf("%g %%", percent)
		}
		if rest, ok := s.Remaining(); ok && rest < 0 {
			t.Errorf("remaining %v", rest)
		}
		again, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := parseStatus(again); err != nil || cmp.Diff(s, got) != "" {
			t.Errorf("%+v became %+v, %v", s, got, err)
		}
	})
}
