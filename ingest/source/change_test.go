package source_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/check-ingest/check-ingest/ingest/source"
)

// Somebody writes to the file while it is read: that is said, whatever else is wrong because of it.
func TestOpenNoticesChanges(t *testing.T) {
	t.Parallel()
	text := rows(20_000)
	var noise strings.Builder // what does not shrink, so that only a part of the archive is read at first
	rng := sha256.Sum256([]byte("noise"))
	for noise.Len() < 2<<20 {
		rng = sha256.Sum256(rng[:])
		noise.WriteString(hex.EncodeToString(rng[:]) + "\n")
	}
	contents := map[source.Format][]byte{
		source.CSV:  []byte(text),
		source.ZIP:  archive{}.bytes(t, entry{name: csvName, text: noise.String()}),
		source.GZIP: gzipped(t, noise.String()),
		source.ZSTD: zstandard(t, noise.String()),
	}
	changes := map[string]func(path string, size int64) error{
		"grows": func(path string, _ int64) error {
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteString("more")
			return errors.Join(err, f.Close())
		},
		"grows under its old time": func(path string, size int64) error {
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			return errors.Join(os.Truncate(path, size+1), os.Chtimes(path, time.Time{}, info.ModTime()))
		},
		"shrinks":    func(path string, size int64) error { return os.Truncate(path, size-10) },
		"is emptied": func(path string, _ int64) error { return os.Truncate(path, 0) },
		"is overwritten in place": func(path string, size int64) error {
			return errors.Join(os.Truncate(path, 0), os.Truncate(path, size), os.Chtimes(path, time.Unix(1, 0), time.Unix(1, 0)))
		},
		"is touched": func(path string, _ int64) error { return os.Chtimes(path, time.Unix(1, 0), time.Unix(1, 0)) },
	}
	for format, content := range contents {
		for name, change := range changes {
			t.Run(format.String()+" "+name, func(t *testing.T) {
				t.Parallel()
				f := found(t, file(t, format, content))
				r, err := source.Open(t.Context(), f, source.OpenOptions{})
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				if err := f.Unchanged(); err != nil {
					t.Errorf("before it changed: %v", err)
				}
				if _, err := io.ReadFull(r, make([]byte, 1000)); err != nil {
					t.Fatal(err)
				}
				if err := change(f.Path, int64(len(content))); err != nil {
					t.Fatal(err)
				}
				_, err = io.Copy(io.Discard, r)
				if !errors.Is(err, source.ErrChanged) || !source.Transient(err) {
					t.Errorf("error %v, want ErrChanged, to be tried again", err)
				}
				if err := f.Unchanged(); !errors.Is(err, source.ErrChanged) {
					t.Errorf("after it changed: %v, want ErrChanged", err)
				}
			})
		}
		t.Run(format.String()+" is replaced by rename", func(t *testing.T) {
			t.Parallel()
			f := file(t, format, content)
			r, err := source.Open(t.Context(), f, source.OpenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			write(t, f.Path+".new", "other")
			if err := os.Rename(f.Path+".new", f.Path); err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, r); err != nil {
				t.Errorf("the file that was opened is still whole: %v", err)
			}
		})
	}
}

func TestOpenWatchesItsContext(t *testing.T) {
	t.Parallel()
	text := rows(100_000)
	for format, content := range map[source.Format][]byte{
		source.CSV: []byte(text), source.ZIP: archive{}.bytes(t, entry{name: csvName, text: text}), source.GZIP: gzipped(t, text), source.ZSTD: zstandard(t, text),
	} {
		t.Run(format.String(), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			f := file(t, format, content)
			r, err := source.Open(ctx, f, source.OpenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if _, err := io.ReadFull(r, make([]byte, 100)); err != nil {
				t.Fatal(err)
			}
			cancel()
			n, err := io.Copy(io.Discard, r)
			if !errors.Is(err, context.Canceled) || n > 1<<20 {
				t.Errorf("%d bytes, %v; want it to stop", n, err)
			}
			var fe *source.FileError
			if errors.As(err, &fe) {
				t.Errorf("%v blames the file", err)
			}
			if _, err := source.Open(ctx, f, source.OpenOptions{}); !errors.Is(err, context.Canceled) {
				t.Errorf("Open with a context that is done: %v", err)
			}
		})
	}
}

// countdown is a context that ends after some looks at it.
type countdown struct {
	context.Context
	left *int
}

func (c countdown) Err() error {
	if *c.left--; *c.left < 0 {
		return context.Canceled
	}
	return nil
}

// What is only read for its hash, because the member lies behind or before it, may be long too.
func TestOpenWatchesItsContextBesideTheMember(t *testing.T) {
	t.Parallel()
	one := entry{name: csvName, text: rows(1)}
	long := entry{name: "x", text: strings.Repeat("x", 4<<20), stored: true}
	for name, entries := range map[string][]entry{"before": {long, one}, "behind": {one, long}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			looks := 8 // four megabytes take sixteen
			r, err := source.Open(countdown{t.Context(), &looks}, zipFile(t, archive{}.bytes(t, entries...)), source.OpenOptions{})
			if err == nil {
				_, err = io.Copy(io.Discard, r)
				r.Close()
			}
			if !errors.Is(err, context.Canceled) {
				t.Errorf("error %v, want it to stop", err)
			}
		})
	}
}

// found is a file with its size and time, as a listing has it.
func found(t *testing.T, f source.File) source.File {
	t.Helper()
	info, err := os.Stat(f.Path)
	if err != nil {
		t.Fatal(err)
	}
	f.Size, f.ModTime = info.Size(), info.ModTime().UTC().Truncate(time.Microsecond)
	return f
}
