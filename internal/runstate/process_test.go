package runstate

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// statLine is a line of /proc/PID/stat with that name and start time.
func statLine(comm string, start uint64) string {
	return fmt.Sprintf("7 (%s) S 1 7 7 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 %d 16990208 3361 18446744073709551615\n", comm, start)
}

func TestParseStat(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		in   string
		want stat
		err  error
	}{
		"a plain name":                       {statLine("python3", 5000), stat{"python3", false, 5000}, nil},
		"a name with spaces and parentheses": {statLine("a) S (b 1 2", 5000), stat{"a) S (b 1 2", false, 5000}, nil},
		"a name with a newline":              {statLine("a\nb", 5000), stat{"a\nb", false, 5000}, nil},
		"one that has ended":                 {strings.Replace(statLine("x) Z", 5000), ") S", ") Z", 1), stat{"x) Z", true, 5000}, nil},
		"an empty name":                      {statLine("", 0), stat{"", false, 0}, nil},
		"a start past the end of time":       {statLine("x", math.MaxUint64), stat{}, errSyntax},
		"nothing":                            {"", stat{}, errSyntax},
		"parentheses the wrong way round":    {"7 )( S 1", stat{}, errSyntax},
		"too few fields":                     {"7 (x) S 1 2 3", stat{}, errSyntax},
		"a start that is no number":          {strings.Replace(statLine("x", 5000), "5000", "-1", 1), stat{}, errSyntax},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := parseStat([]byte(test.in)); got != test.want || !errors.Is(err, test.err) {
				t.Errorf("got %+v, %v; want %+v, %v", got, err, test.want, test.err)
			}
		})
	}
}

func TestParseIDs(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		in   string
		want ids
		err  error
	}{
		"the effective user and the inner PID": {"Name:\tx\nPid:\t123\nPPid:\t5\nUid:\t1\t2\t3\t4\nNSpid:\t123\t9\t8\n", ids{2, 8}, nil},
		"a kernel without NSpid":               {"Pid:\t123\nUid:\t1\t2\t3\t4", ids{2, 123}, nil},
		"a name that looks like a field":       {"Name:\tUid:\t9\t9\t9\t9\nPid:\t1\nUid:\t1\t2\t3\t4", ids{2, 1}, nil},
		"the largest user id":                  {"Pid:\t1\nUid:\t1\t4294967295\t3\t4", ids{math.MaxUint32, 1}, nil},
		"no user":                              {"Pid:\t123\n", ids{}, errSyntax},
		"three users":                          {"Pid:\t1\nUid:\t1\t2\t3\n", ids{}, errSyntax},
		"a user that is no number":             {"Pid:\t1\nUid:\t1\tx\t3\t4\n", ids{}, errSyntax},
		"no PID":                               {"Uid:\t1\t2\t3\t4\n", ids{}, errSyntax},
		"a PID that is no number":              {"Uid:\t1\t2\t3\t4\nNSpid:\t-1\n", ids{}, errSyntax},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := parseIDs([]byte(test.in)); got != test.want || !errors.Is(err, test.err) {
				t.Errorf("got %+v, %v; want %+v, %v", got, err, test.want, test.err)
			}
		})
	}
}

func TestProgramName(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ comm, cmdline, want string }{
		"a program longer than comm":     {"ingest-aggtrade", "/usr/bin/ingest-aggtrades\x00run\x00", "ingest-aggtrades"},
		"a script":                       {"python3", "python3\x00ingest_aggtrades.py\x00--x\x00", "python3 ingest_aggtrades.py"},
		"a script of a certain python":   {"python3.11", "/usr/bin/python3.11\x00-u\x00-W\x00ignore\x00/opt/a.py\x00", "python3.11 a.py"},
		"a module":                       {"python3", "python3\x00-m\x00pkg.ingest\x00", "python3 -m pkg.ingest"},
		"code on the command line":       {"bash", "bash\x00-c\x00rm -rf /\x00", "bash -c"},
		"an interactive interpreter":     {"python3", "python3\x00", "python3"},
		"an option without its value":    {"python3", "python3\x00-m\x00", "python3"},
		"a login shell":                  {"bash", "-bash\x00", "bash"},
		"a kernel thread":                {"kworker/0:1", "", "kworker/0:1"},
		"a title instead of arguments":   {"postgres", "postgres: writer process   \x00", "postgres"},
		"an empty argv[0]":               {"x", "\x00a\x00", "x"},
		"a name that is no fit to print": {"x", "/bin/a\x01\x1b[31mb\xff\u202e|\x00", "a\ufffd\ufffd[31mb\ufffd\ufffd|"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := programName(test.comm, parseCmdline([]byte(test.cmdline))); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestReadHolder(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if h, err := ReadHolder(f.proc, 123); !errors.Is(err, fs.ErrNotExist) || h.Known || h.PID != 123 || h.UID != -1 {
		t.Errorf("no such process: %+v, %v", h, err)
	}
	f.process(123, 8)
	want := pythonHolder()
	want.InnerPID = 8
	if got, err := ReadHolder(f.proc, 123); err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, damage := range []string{"status", "stat"} {
		f.file("123/"+damage, "damaged")
		if h, err := ReadHolder(f.proc, 123); !errors.Is(err, errSyntax) || h.Known {
			t.Errorf("damaged %s: %+v, %v", damage, h, err)
		}
	}
	f.process(123, 123)
	f.file("stat", "btime x\n")
	if h, err := ReadHolder(f.proc, 123); err != nil || !h.Since.IsZero() || !h.Known {
		t.Errorf("no time of boot: %+v, %v", h, err)
	}
	if h, err := ReadHolder(DefaultProcRoot, os.Getpid()); err != nil || !h.Known || h.UID != os.Geteuid() || h.Since.IsZero() {
		t.Errorf("this process: %+v, %v", h, err)
	}
}

func TestParseLocks(t *testing.T) {
	t.Parallel()
	const line = "1: FLOCK  ADVISORY  WRITE 10070 fe:00:9978051 0 EOF\n"
	good := tableLock{"FLOCK", "WRITE", 10070, 0xfe00, 9978051}
	for name, test := range map[string]struct {
		in   string
		want []tableLock
		err  error
	}{
		"nothing":                       {"", nil, nil},
		"a lock, one that waits, a gap": {line + "1: -> FLOCK  ADVISORY  WRITE 1 fe:00:9978051 0 EOF\n1:  -> FLOCK  ADVISORY  WRITE 1 fe:00:9978051 0 EOF\n\n", []tableLock{good}, nil},
		"a lock on no file":             {"1: POSIX  ADVISORY  WRITE 1 <none>:0 0 EOF\n", nil, nil},
		"ranges and wide device number": {"9: OFDLCK ADVISORY  READ  -1 103:fffff:18446744073709551615 10 19\n", []tableLock{{"OFDLCK", "READ", -1, 0xfff103ff, math.MaxUint64}}, nil},
		"a short line":                  {"1: FLOCK ADVISORY", nil, errSyntax},
		"a PID that is no number":       {strings.Replace(line, "10070", "x", 1), nil, errSyntax},
		"a device that is no number":    {strings.Replace(line, "fe:", "xx:", 1), nil, errSyntax},
		"no inode":                      {strings.Replace(line, ":9978051", "", 1), nil, errSyntax},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseLocks([]byte(test.in))
			if !errors.Is(err, test.err) {
				t.Fatalf("error %v, want %v", err, test.err)
			}
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(tableLock{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// printable reports whether s may stand in any message.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) && r != utf8.RuneError }) && len(s) <= maxText
}

func FuzzProgramName(f *testing.F) {
	f.Add("python3", "python3\x00-m\x00x\x00")
	f.Add("a\x00", "\x00\x00\xff\n")
	f.Add("x", "-\x00-W\x00")
	f.Fuzz(func(t *testing.T, comm, cmdline string) {
		if got := programName(comm, parseCmdline([]byte(cmdline))); !printable(got) {
			t.Errorf("%q", got)
		}
	})
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte(statLine("a) b", 5000)))
	f.Add([]byte(strings.Replace(statLine("a", 5000), ") S ", ") Z ", 1)))
	f.Add([]byte(strings.Replace(statLine("a", 5000), ") S ", ") xyz ", 1)))
	f.Add([]byte(")("))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := parseStat(data)
		if err != nil {
			return
		}
		again, err := parseStat([]byte(statLine(got.comm, got.startTicks)))
		again.ended = got.ended // the line made of it says that it sleeps
		if err != nil || again != got {
			t.Errorf("%+v became %+v, %v", got, again, err)
		}
	})
}

func FuzzParseIDs(f *testing.F) {
	f.Add([]byte("Pid:\t1\nUid:\t1\t2\t3\t4\nNSpid:\t1\t2\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := parseIDs(data)
		if err == nil && (got.uid < 0 || got.uid > math.MaxUint32 || got.innerPID < 0) {
			t.Errorf("%+v", got)
		}
	})
}

func FuzzParseLocks(f *testing.F) {
	f.Add([]byte("1: FLOCK  ADVISORY  WRITE 10070 fe:00:9978051 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 1 fe:00:9978051 0 EOF\n"))
	f.Add([]byte("1: POSIX  ADVISORY  WRITE -1 <none>:0 0 EOF"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := parseLocks(data)
		if err != nil && (!errors.Is(err, errSyntax) || got != nil) {
			t.Errorf("%v, %v", got, err)
		}
		if len(got) > strings.Count(string(data), "\n")+1 {
			t.Errorf("%d locks of fewer lines", len(got))
		}
	})
}

func FuzzParseMount(f *testing.F) {
	f.Add([]byte("22 27 0:21 / /proc rw,relatime shared:5 - proc proc rw\n"), uint64(22))
	f.Add([]byte("22 27 0:21 / /proc rw,relatime -"), uint64(22))
	f.Fuzz(func(_ *testing.T, data []byte, id uint64) { parseMount(data, id) })
}
