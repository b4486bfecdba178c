package csvcheck

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/check-ingest/check-ingest/internal/checkcli"
	"github.com/check-ingest/check-ingest/internal/checktest"
	"github.com/check-ingest/check-ingest/internal/golden"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// TestMain makes the test binary the check, or a curl, where a variable asks for that.
func TestMain(m *testing.M) {
	if os.Getenv("CSVCHECK_TEST_CURL") != "" {
		if err := curl(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, "curl:", err)
			os.Exit(22)
		}
		os.Exit(0)
	}
	if os.Getenv("CSVCHECK_TEST_RUN") != "" {
		code, out := run(os.Args[1:]...)
		_, _ = io.WriteString(os.Stdout, out)
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// TestDataDir: a data dir that is none.
func TestDataDir(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	loop := filepath.Join(dir, "loop")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		path string
		code int
		want string
	}{
		"does not exist":  {filepath.Join(dir, "none"), 2, "INGEST CSV CRITICAL: the data dir " + dir + "/none does not exist\n"},
		"is a file":       {file, 2, "INGEST CSV CRITICAL: the data dir " + dir + "/file is not a folder\n"},
		"lies below one":  {file + "/x", 2, "INGEST CSV CRITICAL: the data dir " + dir + "/file/x is not a folder\n"},
		"is an idle link": {loop, 3, "INGEST CSV UNKNOWN: the data dir " + loop + " cannot be read: too many levels of symbolic links\n"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, out := run("--data-dir", tc.path)
			if code != tc.code || out != tc.want {
				t.Errorf("exit code %d, %q, want %d, %q", code, out, tc.code, tc.want)
			}
			code, out = run("--data-dir", tc.path, "-o", "json")
			if code != tc.code || !strings.Contains(out, `"remedy":`) || !strings.Contains(out, `"metrics":[]`) {
				t.Errorf("exit code %d, %s", code, out)
			}
		})
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		want string
	}{
		"no data dir":                     {nil, "give --data-dir=DIR, the folder that holds the downloads"},
		"the last day before the first":   {[]string{"--data-dir=x", "--start-date=2024-03-02", "--end-date=2024-03-01"}, "--end-date 2024-03-01 is before --start-date 2024-03-02"},
		"a day that does not exist":       {[]string{"--data-dir=x", "--start-date=2023-02-29"}, `date "2023-02-29": expected YYYY-MM-DD, a day that exists`},
		"fewer than no samples":           {[]string{"--data-dir=x", "--sample=-1"}, "--sample -1: must not be negative"},
		"a symbol that is a path":         {[]string{"--data-dir=x", "--symbol=../x"}, `--symbol: symbol "../x": character '.', expected letters, digits and '_'`},
		"a market that is none":           {[]string{"--data-dir=x", "--market=us"}, `market "us": expected spot, um or cm`},
		"a metric that is not measured":   {[]string{"--data-dir=x", "-c", "checksum_failed=0"}, "metric checksum_failed is measured only with --checksum or --full"},
		"a metric that is none":           {[]string{"--data-dir=x", "-c", "rows=0"}, `no metric "rows", this check has bad, files, empty, days_missing, checksum_failed, newest_age, bytes`},
		"a glob that was not quoted":      {[]string{"--data-dir", "a", "b"}, `unexpected argument "b"`},
		"a size where a number should be": {[]string{"--data-dir=x", "-c", "bad=1GB"}, "metric bad: "},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, out := run(tc.args...)
			if code != 3 || !strings.HasPrefix(out, "INGEST CSV UNKNOWN: usage: ") || !strings.Contains(out, tc.want) {
				t.Errorf("exit code %d, %q, want %q", code, out, tc.want)
			}
		})
	}
}

func TestGate(t *testing.T) {
	t.Parallel()
	for want, set := range map[string]func(d data){
		"0 OK": days("07", "08"), "0 WARNING": days("06", "08"), "1 CRITICAL": func(d data) { d.named(badDay, ".csv", "") },
	} {
		d := newData(t)
		set(d)
		code, out := run("--data-dir", d.dir, "--gate")
		if got := fmt.Sprint(code, " ", strings.Fields(out)[2]); got != want+":" {
			t.Errorf("exit code and state %q, want %q", got, want)
		}
	}
}

// unprivileged runs the check as nobody where this process is root, and otherwise as it is.
func unprivileged(t *testing.T, args ...string) (int, string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	if os.Geteuid() == 0 {
		// The binary of a test lies where only its user may go.
		cmd.Path = filepath.Join(public(t), "check")
		content, err := os.ReadFile(self)
		if err == nil {
			err = executable(cmd.Path, content)
		}
		if err != nil {
			t.Fatal(err)
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	cmd.Env = append(os.Environ(), "CSVCHECK_TEST_RUN=1")
	cmd.Dir = "/"
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || len(exit.Stderr) > 0 && testing.CoverMode() == "") { // which complains on stderr
		t.Fatalf("%v, %s", err, out)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// executable makes a file that can be run at once: a process that is started while the file is open would keep it open for a moment, and
// the kernel runs no file that somebody may write.
func executable(path string, content []byte) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return os.WriteFile(path, content, 0o755)
}

// public is a folder that everybody may enter.
func public(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestUnreadable: what the check's user may not read is neither good nor bad.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	if os.Getenv("TMPDIR") != "" {
		t.Skip("another user may not be able to go where TMPDIR is")
	}
	tests := map[string]struct {
		shut string // what may not be read
		mode os.FileMode
		bad  bool // a file besides
		code int
		want string // of the first line
		perf string
	}{
		"the data dir":         {"", 0, false, 3, "UNKNOWN: the data dir DIR cannot be read: permission denied", ""},
		"a file":               {"um/BTCUSDT-aggTrades-2024-03-07.zip", 0, false, 3, "UNKNOWN: 1 of 3 files may not be read, the first is DIR/um/BTCUSDT-aggTrades-2024-03-07.zip", "bad=0;;0;0;3 files=3"},
		"a file, with one bad": {"um/BTCUSDT-aggTrades-2024-03-07.zip", 0, true, 2, "CRITICAL: 1 of 4 files is bad (spot BTCUSDT-aggTrades-2024-03-08.zip: the file is empty), limit 0. 1 of 4 files may not be read", "bad=1;;0;0;4 files=4"},
		"a folder":             {"um", 0, false, 3, "UNKNOWN: 1 place cannot be looked at, the first is DIR/um: folder cannot be read: permission denied", "bad=0;;0;0 files=0"},
		"what is in a folder":  {"um", 0o444, false, 3, "UNKNOWN: 3 places cannot be looked at, the first is DIR/um/BTCUSDT-aggTrades-2024-03-06.zip: permission denied", "bad=0;;0;0 files=0"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := data{t, public(t)}
			for _, day := range []string{"06", "07", "08"} {
				name := "BTCUSDT-aggTrades-2024-03-" + day
				d.put("um/"+name+".zip", d.archive(member{name + ".csv", d.text("2024-03-" + day)}))
			}
			if tc.bad {
				d.put("spot/"+badZIP, "")
			}
			d.must(os.Chmod(filepath.Join(d.dir, tc.shut), tc.mode))
			t.Cleanup(func() { _ = os.Chmod(filepath.Join(d.dir, tc.shut), 0o755) })
			code, out := unprivileged(t, "--data-dir", d.dir)
			out = strings.ReplaceAll(out, d.dir, "DIR")
			if code != tc.code || !strings.HasPrefix(out, "INGEST CSV "+tc.want) || !strings.Contains(out, tc.perf) {
				t.Errorf("exit code %d, %q, want %d, %q, %q", code, out, tc.code, tc.want, tc.perf)
			}
		})
	}
}

// endless makes a file whose checksum takes longer to compute than any test lasts, and takes no space.
func endless(d data) {
	path := d.named("2024-03-07", ".csv", d.text("2024-03-07"))
	d.sum(path)
	tail := d.text("2024-03-07")
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	d.must(err)
	_, err = f.WriteAt([]byte(tail), 8<<40)
	d.must(errors.Join(err, f.Close()))
}

// TestTimeout: what was found before time ran out is told, and where the check was.
func TestTimeout(t *testing.T) {
	t.Parallel()
	d := newData(t)
	days("08")(d)
	d.named("2024-03-06", ".csv", "")
	endless(d)
	if code, out := run("--data-dir", d.dir); code != 2 || !strings.Contains(out, "1 of 3 files is bad (um BTCUSDT-aggTrades-2024-03-06.csv: the file is empty)") {
		t.Fatalf("both ends of a large file: exit code %d, %s", code, out)
	}
	code, out := run("--data-dir", d.dir, "--checksum", "-t", "300ms", "-v")
	first := "INGEST CSV UNKNOWN: timed out after 300ms while comparing the checksum of " + d.dir + "/BTCUSDT-aggTrades-2024-03-07.csv, 2 of 3 files done\n"
	if code != 3 || !strings.HasPrefix(out, first) || !strings.Contains(out, "[CRITICAL] um BTCUSDT-aggTrades-2024-03-06.csv: the file is empty. Fetch it again: (cd ") || strings.Contains(out, "bad=") {
		t.Errorf("exit code %d, %s", code, out)
	}
	if code, _ := run("--data-dir", d.dir, "--checksum", "-t", "300ms", "--timeout-state=warning"); code != 1 {
		t.Errorf("exit code %d", code)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	model, err := checkcli.Model[Cmd]("INGEST CSV")
	checktest.Settings(t, "check_ingest_csv", model, err)
}

// TestGolden fixes help and output. The data dir has something of everything.
func TestGolden(t *testing.T) {
	t.Parallel()
	code, help := run("--help")
	if code != 3 {
		t.Errorf("exit code of help %d", code)
	}
	golden.Compare(t, "testdata/help.golden", help)
	if page, err := os.ReadFile("../../docs/check_ingest_csv.md"); err != nil || !strings.Contains(string(page), "```\n"+help+"```\n") {
		t.Errorf("docs/check_ingest_csv.md does not end in this help, %v", err)
	}
	d := newData(t)
	days("01", "02", "05", "07", "08")(d)
	d.edit(d.zip("2024-03-06"), half)
	d.write(func() synth.Spec { s := d.spec("2024-02"); s.Series.Symbol = "币安人生USDT"; return s }(), synth.Zstd)
	d.put("data/futures/um/daily/aggTrades/币安人生USDT/币安人生USDT-aggTrades-2024-03-02.zip", xmlPage)
	d.put("it's here/spot/BTCUSDT-aggTrades-2024-03-08.csv", d.text(badDay)+"1,")
	d.field(d.csv("2024-03-03"), 1, 2, "12345678901.0")
	d.put("notes.txt", "x")
	d.put("BTCUSDT-aggTrades-2024-02-30.zip", "x")
	for name, args := range map[string][]string{
		"plugin": nil, "verbose": {"-v"}, "table": {"-o", "table"}, "full": {"--full", "-o", "table"}, "json": {"-o", "json"},
	} {
		code, out := run(append([]string{"--data-dir", d.dir}, args...)...)
		if code != 2 {
			t.Errorf("%s: exit code %d", name, code)
		}
		golden.Compare(t, "testdata/"+name+".golden", strings.ReplaceAll(out, d.dir, "/data/in"))
	}
}
