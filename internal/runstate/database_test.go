package runstate

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"
)

func TestDatabaseHolder(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		mode string
		want DBMode
	}{
		"a writer":          {"write", DBWriter},
		"a reader":          {"read", DBReaders},
		"nobody":            {"", DBFree},
		"an flock, no more": {"flock", DBFree},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := write(t, filepath.Join(openDir(t), "x.duckdb"), "", 0o644)
			want := DBLock{Mode: test.want}
			switch test.mode {
			case "":
			case "flock":
				start(t, nil, "hold", path).expect(t, "held")
			default:
				want.PID = start(t, nil, "posix", path, test.mode).expect(t, "held").pid()
			}
			if got, err := DatabaseHolder(path); err != nil || got != want {
				t.Errorf("got %+v, %v; want %+v", got, err, want)
			}
			start(t, asNobody(t), "database", path).expect(t, fmt.Sprint(want.Mode, " ", want.PID))
		})
	}
	t.Run("no file", func(t *testing.T) {
		t.Parallel()
		if _, err := DatabaseHolder(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a FIFO, without waiting for its writer", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "fifo")
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Skip(err)
		}
		if _, err := DatabaseHolder(path); !errors.Is(err, ErrNotRegular) {
			t.Errorf("got %v", err)
		}
	})
}
