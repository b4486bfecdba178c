package conformance

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/check-ingest/check-ingest/internal/nagiostest"
)

// TestFine: in a healthy world every check is OK, in every form.
func TestFine(t *testing.T) {
	t.Parallel()
	for _, c := range checks(t) {
		t.Run(c.binary, func(t *testing.T) {
			t.Parallel()
			binary(t, c.binary) // where it does not build, one test says so
			if s := observe(t, c, call{args: c.fine}); s.code != 0 || len(s.labels) == 0 || s.labels[0] != c.metric {
				t.Errorf("exit code %d, %q, metrics %q", s.code, s.first, s.labels)
			}
		})
	}
}

// TestSurroundings: what a process is started with does not change what it says.
func TestSurroundings(t *testing.T) {
	t.Parallel()
	tests := map[string]call{
		"nothing in the environment":    {bare: true},
		"no home":                       {bare: true, env: []string{"PATH=/usr/bin:/bin"}},
		"a home that is not there":      {env: []string{"HOME=/nonexistent"}},
		"a relative home":               {env: []string{"HOME=somewhere"}},
		"a German locale":               {env: []string{"LC_ALL=de_DE.UTF-8", "LANG=de_DE.UTF-8"}},
		"another time zone":             {env: []string{"TZ=Pacific/Kiritimati"}},
		"a time zone that is none":      {env: []string{"TZ=Nowhere/Never"}},
		"a narrow terminal":             {env: []string{"COLUMNS=10", "TERM=dumb"}},
		"no descriptor 0":               {shell: `exec "$@" <&-`},
		"no descriptor 2":               {shell: `exec "$@" 2>&-`},
		"descriptors 0 and 2 closed":    {shell: `exec "$@" <&- 2>&-`},
		"the user nobody":               {nobody: true},
		"a folder that is gone":         {shell: `d=$(mktemp -d) && cd "$d" && rmdir "$d" && exec "$@"`},
		"low limits":                    {shell: `ulimit -n 64 && ulimit -c 0 && exec "$@"`},
		"stdin that is never read":      {shell: `yes | exec "$@"`},
		"a background group":            {shell: `setsid "$@"`},
		"signals that are ignored":      {shell: `trap '' PIPE HUP INT TERM; exec "$@"`},
		"settings that nobody mentions": {env: []string{"CHECK_INGEST_UNHEARD_OF=1", "KONG_DEBUG=1"}},
	}
	for _, c := range checks(t) {
		t.Run(c.binary, func(t *testing.T) {
			t.Parallel()
			binary(t, c.binary) // where it does not build, one test says so
			for name, base := range tests {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					if base.nobody && os.Geteuid() != 0 {
						t.Skip("only root can become another user")
					}
					base.args = c.fine
					o := base.run(t, c.binary)
					if labels := o.verify(t, c, nagiostest.SoftLimit); o.code != 0 || len(labels) == 0 {
						t.Errorf("exit code %d, %q", o.code, o.stdout)
					}
				})
			}
		})
	}
}

// TestTimesAreUTC: what is printed does not depend on where the user is.
func TestTimesAreUTC(t *testing.T) {
	t.Parallel()
	stamp := regexp.MustCompile(`20\d\d-\d\d-\d\d(?:[ T]\d\d:\d\d)?[^,|]{0,9}`)
	for _, c := range checks(t) {
		t.Run(c.binary, func(t *testing.T) {
			t.Parallel()
			binary(t, c.binary) // where it does not build, one test says so
			var all [][]string
			for _, zone := range []string{"UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"} {
				o := call{args: append(slices.Clone(c.fine), "-vv"), env: []string{"TZ=" + zone}}.run(t, c.binary)
				all = append(all, stamp.FindAllString(o.stdout, -1))
			}
			if !slices.Equal(all[0], all[1]) || !slices.Equal(all[0], all[2]) {
				t.Errorf("times %q", all)
			}
		})
	}
}

// TestStdout: a result that cannot be delivered is UNKNOWN, but a CRITICAL stays one.
func TestStdout(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		open func(*testing.T) *os.File
		lost bool // the check can tell that nobody gets its result
	}{
		"a pipe whose reader is gone": {brokenPipe, true},
		"a pipe that nobody reads":    {fullPipe, true},
		"a full disk":                 {fullDisk, true},
		"closed":                      {nil, false},
	}
	for _, c := range checks(t) {
		t.Run(c.binary, func(t *testing.T) {
			t.Parallel()
			binary(t, c.binary) // where it does not build, one test says so
			for name, tc := range tests {
				for state, args := range map[string][]string{"ok": {"-t5"}, "critical": {"-t5", "-c", c.metric + "=@~:"}} {
					t.Run(name+", "+state, func(t *testing.T) {
						t.Parallel()
						fine := c.fine
						if state == "critical" {
							fine = slices.DeleteFunc(slices.Clone(fine), func(a string) bool { return a == "-c" || a == "free=1B:" })
						}
						base := call{args: append(slices.Clone(fine), args...)}
						if tc.open == nil {
							base.shell = `exec "$@" >&-`
						} else {
							base.stdout = tc.open(t)
							defer base.stdout.Close()
						}
						want := map[string]int{"ok": 0, "critical": 2}[state]
						if tc.lost && want == 0 {
							want = 3
						}
						if o := base.run(t, c.binary); o.code != want || o.stderr != "" {
							t.Errorf("exit code %d after %s, want %d; stderr %q", o.code, o.took, want, o.stderr)
						}
					})
				}
			}
		})
	}
	// A descriptor 1 that is closed must not become the next file that is opened, which would then be written to.
	w := healthy(t)
	for _, path := range []string{w.db, w.lock} {
		if data, err := os.ReadFile(path); err != nil || strings.Contains(string(data), "INGEST ") {
			t.Errorf("%s holds output of a check, %v", path, err)
		}
	}
}

func brokenPipe(t *testing.T) *os.File {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := read.Close(); err != nil {
		t.Fatal(err)
	}
	return write
}

func fullPipe(t *testing.T) *os.File {
	t.Helper()
	fds := make([]int, 2)
	if err := syscall.Pipe2(fds, syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fds[0]) }) // which ends what waits on the other end
	for {
		if _, err := syscall.Write(fds[1], make([]byte, 4096)); err != nil {
			break
		}
	}
	if err := syscall.SetNonblock(fds[1], false); err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(fds[1]), "full pipe")
}

func fullDisk(t *testing.T) *os.File {
	t.Helper()
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	return f
}

// TestNothingIsLeftBehind: checks change no file and make none, whatever they are asked, and whoever runs them.
func TestNothingIsLeftBehind(t *testing.T) {
	t.Parallel()
	w := healthy(t)
	before := inventory(t, w.dir)
	for _, c := range checks(t) {
		t.Run(c.binary, func(t *testing.T) {
			t.Parallel()
			binary(t, c.binary) // where it does not build, one test says so
			for _, args := range [][]string{nil, {"-vvv"}, {"-o", "json"}, {"--nonsense"}} {
				call{args: append(slices.Clone(c.fine), args...)}.run(t, c.binary)
			}
			if after := inventory(t, w.dir); !slices.Equal(before, after) {
				t.Errorf("before %q\nafter %q", before, after)
			}
		})
	}
}

// inventory lists a folder: names, sizes, times of change, modes.
func inventory(t *testing.T, dir string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			t.Fatal("no stat")
		}
		list = append(list, strings.Join([]string{path, info.Mode().String(), info.ModTime().String(), itoa(info.Size()), itoa(st.Ctim.Nano())}, " "))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
