package smallfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func put(t *testing.T, path, content string, mode fs.FileMode) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// names are the files of a folder.
func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}

func TestRead(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		make func(path string) error
		want string
		err  error
	}{
		"a file of exactly the limit": {func(p string) error { return os.WriteFile(p, []byte("12345"), 0o600) }, "12345", nil},
		"an empty file":               {func(p string) error { return os.WriteFile(p, nil, 0o600) }, "", nil},
		"a byte too much":             {func(p string) error { return os.WriteFile(p, []byte("123456"), 0o600) }, "", ErrTooLarge},
		"no file":                     {func(string) error { return nil }, "", fs.ErrNotExist},
		"a folder":                    {func(p string) error { return os.Mkdir(p, 0o700) }, "", ErrNotRegular},
		"a FIFO nobody writes to":     {func(p string) error { return syscall.Mkfifo(p, 0o600) }, "", ErrNotRegular},
		"a link to a file":            {func(p string) error { return os.Symlink("other", p) }, "", ErrNotRegular},
		"a link to nothing":           {func(p string) error { return os.Symlink("none", p) }, "", ErrNotRegular},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			put(t, filepath.Join(dir, "other"), "x", 0o600)
			path := filepath.Join(dir, "f")
			if err := test.make(path); err != nil {
				t.Skip(err)
			}
			data, info, err := Read(path, 5)
			if string(data) != test.want || !errors.Is(err, test.err) || (info != nil) != (test.err == nil) {
				t.Errorf("got %q, %v, %v", data, info, err)
			}
		})
	}
	t.Run("a file without a size that does not end", func(t *testing.T) {
		t.Parallel()
		if _, _, err := Read("/proc/self/maps", 5); !errors.Is(err, ErrTooLarge) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a device", func(t *testing.T) {
		t.Parallel()
		if _, _, err := Read("/dev/zero", 5); !errors.Is(err, ErrNotRegular) {
			t.Errorf("got %v", err)
		}
	})
}

func TestReplace(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]Mode{
		"at once":                {Perm: 0o600},
		"durably":                {Perm: 0o640, Sync: true},
		"with an exact mode":     {Perm: 0o666, Exact: true},
		"with all the qualities": {Perm: 0o622, Exact: true, Sync: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "f")
			for _, content := range []string{"first", "second, and longer", ""} {
				if err := Replace(path, []byte(content), mode); err != nil {
					t.Fatal(err)
				}
				data, info, err := Read(path, 100)
				if err != nil || string(data) != content || info.Mode() != mode.Perm {
					t.Errorf("got %q, %v, %v", data, info.Mode(), err)
				}
			}
			if got := names(t, dir); got != "f" {
				t.Errorf("the folder holds %s", got)
			}
		})
	}
	t.Run("a link, and not what it leads to", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		victim, path := put(t, filepath.Join(dir, "victim"), "precious", 0o600), filepath.Join(dir, "f")
		if err := os.Symlink(victim, path); err != nil {
			t.Fatal(err)
		}
		if err := Replace(path, []byte("x"), Mode{Perm: 0o600}); err != nil {
			t.Fatal(err)
		}
		if data, err := os.ReadFile(victim); err != nil || string(data) != "precious" {
			t.Errorf("victim: %q, %v", data, err)
		}
	})
	t.Run("what cannot be replaced stays, and nothing else is left", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		path := filepath.Join(dir, "f")
		if err := os.MkdirAll(filepath.Join(path, "full"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := Replace(path, []byte("x"), Mode{Perm: 0o600}); err == nil {
			t.Error("no error")
		}
		if got := names(t, dir); got != "f" {
			t.Errorf("the folder holds %s", got)
		}
		if err := Replace(filepath.Join(dir, "none", "f"), nil, Mode{Perm: 0o600}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("no folder: %v", err)
		}
	})
	t.Run("on a full disk", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		if err := syscall.Mount("small", dir, "tmpfs", 0, "size=8k"); err != nil {
			t.Skipf("cannot mount a small file system: %v", err)
		}
		t.Cleanup(func() { syscall.Unmount(dir, 0) })
		path := put(t, filepath.Join(dir, "f"), "old", 0o600)
		if err := Replace(path, make([]byte, 1<<20), Mode{Perm: 0o600}); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("got %v", err)
		}
		if data, err := os.ReadFile(path); err != nil || string(data) != "old" || names(t, dir) != "f" {
			t.Errorf("%q, %v, %s", data, err, names(t, dir))
		}
	})
}

func TestOverwrite(t *testing.T) {
	t.Parallel()
	accept := func(old []byte) bool { return strings.HasPrefix(string(old), "old") }
	for name, test := range map[string]struct {
		make func(path string) error
		data string
		want string // "" where the file stays as it was
	}{
		"with as much":     {func(p string) error { return os.WriteFile(p, []byte("old\n"), 0o600) }, "new\n", "new\n"},
		"with more":        {func(p string) error { return os.WriteFile(p, []byte("old\n"), 0o600) }, "longer\n", "longer\n"},
		"with less":        {func(p string) error { return os.WriteFile(p, []byte("old text\n"), 0o600) }, "new\n", "new     \n"},
		"with too much":    {func(p string) error { return os.WriteFile(p, []byte("old\n"), 0o600) }, strings.Repeat("x", 1<<16) + "\n", ""},
		"what is not ours": {func(p string) error { return os.WriteFile(p, []byte("notes\n"), 0o600) }, "new\n", ""},
		"another user's file": {func(p string) error {
			return errors.Join(os.WriteFile(p, []byte("old\n"), 0o666), os.Chown(p, 65534, -1))
		}, "new\n", ""},
		"one with two names": {func(p string) error { return errors.Join(os.WriteFile(p, []byte("old\n"), 0o600), os.Link(p, p+"2")) }, "new\n", ""},
		"a link": {func(p string) error {
			return errors.Join(os.WriteFile(p+"2", []byte("old\n"), 0o600), os.Symlink(p+"2", p))
		}, "new\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "f")
			if err := test.make(path); err != nil {
				t.Skip(err)
			}
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			err = Overwrite(path, []byte(test.data), accept)
			want := test.want
			if want == "" {
				want = string(before)
			}
			if after, rerr := os.ReadFile(path); rerr != nil || string(after) != want || (err == nil) != (test.want != "") {
				t.Errorf("%q, %v, %v; want %q", after, err, rerr, want)
			}
		})
	}
	t.Run("no file", func(t *testing.T) {
		t.Parallel()
		if err := Overwrite(filepath.Join(t.TempDir(), "f"), []byte("new\n"), accept); !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
	})
	t.Run("a FIFO", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "f")
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Skip(err)
		}
		if err := Overwrite(path, []byte("new\n"), accept); !errors.Is(err, ErrNotRegular) {
			t.Error(err)
		}
	})
}

func TestReadersSeeOneFileOrTheOther(t *testing.T) {
	t.Parallel()
	path := put(t, filepath.Join(t.TempDir(), "f"), "a", 0o600)
	var wg sync.WaitGroup
	for _, content := range []string{"a", strings.Repeat("b", 1<<16)} {
		wg.Go(func() {
			for range 200 {
				if err := Replace(path, []byte(content), Mode{Perm: 0o600}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 400 {
		data, _, err := Read(path, 1<<20)
		if err != nil || len(data) != 1 && len(data) != 1<<16 {
			t.Fatalf("%d bytes, %v", len(data), err)
		}
	}
	wg.Wait()
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		in string
		ok bool
	}{
		"the known version":            {`{"schema": 2, "n": 5, "new": {}}`, true},
		"no version":                   {`{"n": 5}`, false},
		"a version that is no number":  {`{"schema": "2", "n": 5}`, false},
		"a null version":               {`{"schema": null, "n": 5}`, false},
		"a field of another type":      {`{"schema": 2, "n": "5"}`, false},
		"no object":                    {`null`, false},
		"nothing":                      {``, false},
		"something behind the object":  {`{"schema": 2, "n": 5} {}`, false},
		"a known version not at first": {`{"n": 5, "schema": 2}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var v struct{ N int }
			if err := Decode([]byte(test.in), 2, &v); (err == nil) != test.ok || test.ok && v.N != 5 {
				t.Errorf("got %+v, %v", v, err)
			}
		})
	}
	t.Run("another version, whatever else it holds", func(t *testing.T) {
		t.Parallel()
		var v struct{ N int }
		var e *SchemaError
		if err := Decode([]byte(`{"schema": 3, "n": "many"}`), 2, &v); !errors.As(err, &e) || e.Got != 3 || e.Known != 2 || err.Error() != "schema 3, this version knows 2" {
			t.Errorf("got %v", err)
		}
	})
}

func TestRemoveTemporary(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"f", ".f.0123abcd.tmp", ".f.ffffffff.tmp", ".f.0123abcd.tmp2", ".f.x.tmp", ".g.0123abcd.tmp", "f.0123abcd.tmp"} {
		put(t, filepath.Join(dir, name), "x", 0o600)
	}
	put(t, filepath.Join(dir, ".\xff.0123abcd.tmp"), "x", 0o600)
	RemoveTemporary(filepath.Join(dir, "f"))
	RemoveTemporary(filepath.Join(dir, "\xff")) // no UTF-8
	if got, want := names(t, dir), ".f.0123abcd.tmp2 .f.x.tmp .g.0123abcd.tmp f f.0123abcd.tmp"; got != want {
		t.Errorf("left are %s, expected %s", got, want)
	}
}
