package diskcheck

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/checkcli"
	"github.com/check-ingest/check-ingest/internal/checktest"
	"github.com/check-ingest/check-ingest/internal/ledger"
)

// run runs the check as its binary does, without settings from outside.
func run(args ...string) (int, string) {
	return checktest.Run(checkcli.Run[Cmd], "INGEST DISK", time.Now, args...)
}

// tmpfs mounts a file system of that many bytes and gives its folder. The test is skipped where it may not.
func tmpfs(t *testing.T, bytes int, flags uintptr, options string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", flags, fmt.Sprintf("size=%d%s", bytes, options)); err != nil {
		t.Skipf("may not mount: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestFileSystem(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	dir := tmpfs(t, 64*mib, 0, ",nr_inodes=1000")
	if err := os.WriteFile(filepath.Join(dir, "fill"), make([]byte, 16*mib), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		args []string
		code int
		want string // the output's beginning; $D is the folder
	}{
		"a path":                          {[]string{"--path=$D", "-c", "free=40MiB:"}, 0, "INGEST DISK OK: 50.3 MB free on $D (tmpfs) | free=50331648B;;41943040:;0;67108864 free_pct=75%;;;0;100 inodes_free_pct=99.8%;;;0;100 used=16777216B;;;0;67108864 size=67108864B;;;0\n"},
		"below a limit":                   {[]string{"--path=$D", "-c", "free=48.5MiB:"}, 2, "INGEST DISK CRITICAL: 50.3 MB free on $D (tmpfs), limit 50.9 MB | "},
		"a database that is there":        {[]string{"--db=$D/fill", "-c1B:"}, 0, "INGEST DISK OK: 50.3 MB free on $D (tmpfs) | "},
		"a database that will be there":   {[]string{"--db=$D/a/b/t.duckdb", "-c1B:"}, 0, "INGEST DISK OK: 50.3 MB free on $D (tmpfs) | "},
		"percent":                         {[]string{"--path=$D", "-c1B:", "-w", "free_pct=80%:"}, 1, "INGEST DISK WARNING: 75% free on $D (tmpfs), limit 80% | "},
		"two, one with an alias":          {[]string{"--path=$D=one", "--path=/=two", "-c1B:", "-w", "free_one=60MB:"}, 1, "INGEST DISK WARNING: 50.3 MB free on $D (tmpfs), limit 60 MB | free_one=50331648B;60000000:;;0;67108864 "},
		"one that is not there":           {[]string{"--path=$D=one", "--path=$D/none", "-c1B:"}, 2, "INGEST DISK CRITICAL: $D/none does not exist | free_one=50331648B;;1:;0;67108864 "},
		"a path below a file":             {[]string{"--path=$D/fill/x"}, 3, "INGEST DISK UNKNOWN: cannot look at $D/fill/x: not a directory\n"},
		"the proc file system":            {[]string{"--path=/proc"}, 3, "INGEST DISK UNKNOWN: /proc is on /proc (proc), which tells no size\n"},
		"the default limit":               {[]string{"--path=$D"}, 2, "INGEST DISK CRITICAL: 50.3 MB free on $D (tmpfs), limit 100 GB | "},
		"nothing to look at":              {nil, 3, "INGEST DISK UNKNOWN: usage: give --db=FILE or --path=PATH"},
		"a data dir without a database":   {[]string{"--path=/", "--data-dir=/"}, 3, "INGEST DISK UNKNOWN: usage: --data-dir: needs --db"},
		"needed without a data dir":       {[]string{"--path=/", "-c", "needed=1GB"}, 3, "INGEST DISK UNKNOWN: usage: --critical: metric needed is measured only with --data-dir"},
		"two paths of one label":          {[]string{"--path=/a-b", "--path=/a_b"}, 3, "INGEST DISK UNKNOWN: usage: /a-b and /a_b would both be called \"a_b\" in the metrics: give one --path an alias, as in --path=/a_b=other"},
		"a metric of another path":        {[]string{"--path=/", "-c", "free_x=1GB:"}, 3, "INGEST DISK UNKNOWN: usage: --critical: no metric \"free_x\""},
		"a symbol that is none":           {[]string{"--db=/x", "--symbol=../x"}, 3, "INGEST DISK UNKNOWN: usage: --symbol: symbol \"../x\": character '.'"},
		"a market that is none":           {[]string{"--db=/x", "--market=usdm"}, 3, "INGEST DISK UNKNOWN: usage: --market: market \"usdm\": expected spot, um or cm"},
		"a limit of another kind":         {[]string{"--path=/", "-c", "10%:"}, 3, "INGEST DISK UNKNOWN: usage: --critical: metric free: range \"10%:\": unit \"%\" does not fit a metric in bytes"},
		"an empty path":                   {[]string{"--path="}, 3, "INGEST DISK UNKNOWN: usage: --path"},
		"a data dir that is not there":    {[]string{"--db=$D/t", "--data-dir=$D/none", "-c1B:"}, 3, "INGEST DISK UNKNOWN: cannot tell what is pending: "},
		"everything pending, and it fits": {[]string{"--db=$D/t", "--data-dir=$D", "-c1B:"}, 0, "INGEST DISK OK: 50.3 MB free on $D (tmpfs), nothing is pending | "},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := make([]string, len(tc.args))
			for i, a := range tc.args {
				args[i] = strings.ReplaceAll(a, "$D", dir)
			}
			code, out := run(args...)
			if want := strings.ReplaceAll(tc.want, "$D", dir); code != tc.code || !strings.HasPrefix(out, want) {
				t.Fatalf("exit code %d, want %d; output\n%s\nshould begin with\n%s", code, tc.code, out, want)
			}
		})
	}
}

func TestReadOnlyMount(t *testing.T) {
	t.Parallel()
	dir := tmpfs(t, 1<<20, unix.MS_RDONLY, "")
	code, out := run("--db="+filepath.Join(dir, "t.duckdb"), "-c1B:")
	if want := "INGEST DISK CRITICAL: " + dir + " (tmpfs) is mounted read-only | "; code != 2 || !strings.HasPrefix(out, want) {
		t.Fatalf("exit code %d, %q, want %q", code, out, want)
	}
}

// deadFUSE mounts a file system whose server never answers: every system call on it hangs, as on a dead NFS server.
func deadFUSE(t *testing.T) string {
	t.Helper()
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("no FUSE: %v", err)
	}
	dir := t.TempDir()
	options := "fd=" + strconv.Itoa(fd) + ",rootmode=40000,user_id=0,group_id=0"
	if err := unix.Mount("fuse", dir, "fuse", 0, options); err != nil {
		_ = unix.Close(fd) // the error that counts is mount's
		t.Skipf("may not mount: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
		if err := unix.Close(fd); err != nil { // which ends the calls that hang
			t.Error(err)
		}
	})
	return dir
}

func TestDeadFileSystemDoesNotHideTheOthers(t *testing.T) {
	t.Parallel()
	dead := deadFUSE(t)
	tests := map[string]struct {
		args []string
		want []string
	}{
		"a path": {
			[]string{"--path=/=alive", "--path=" + dead + "=dead", "-c1B:"},
			[]string{"INGEST DISK UNKNOWN: the file system of " + dead + " does not answer | free_alive=", " size_alive="},
		},
		"the database's": {
			[]string{"--db=" + dead + "/x/t.duckdb"},
			[]string{"INGEST DISK UNKNOWN: the file system of " + dead + "/x/t.duckdb does not answer\n"},
		},
		"the data dir": {
			[]string{"--db=/t.duckdb", "--data-dir=" + dead, "-c1B:"},
			[]string{"INGEST DISK UNKNOWN: the data dir " + dead + " does not answer | free="},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, out := run(append(tc.args, "--timeout=1s")...)
			if code != 3 {
				t.Errorf("exit code %d", code)
			}
			for _, part := range tc.want {
				if !strings.Contains(out, part) {
					t.Errorf("%q lacks %q", out, part)
				}
			}
			if strings.Contains(out, "_dead=") {
				t.Errorf("%q has metrics of what was not measured", out)
			}
		})
	}
}

// download puts an empty file of that many bytes into the data dir, for the day.
func download(t *testing.T, dir, day string, size int64) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "BTCUSDT-aggTrades-"+day+".csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
}

func TestPendingAgainstTheSnapshot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db, in := filepath.Join(dir, "t.duckdb"), filepath.Join(dir, "in")
	if err := os.Mkdir(in, 0o755); err != nil {
		t.Fatal(err)
	}
	const gib = 1 << 30
	for _, day := range []string{"2024-01-01", "2024-01-02", "2024-01-03"} {
		download(t, in, day, gib)
	}
	args := []string{"--db", db, "--data-dir", in, "-c1B:", "-v"}
	expect := func(step string, parts ...string) {
		t.Helper()
		code, out := run(args...)
		if code != 0 {
			t.Errorf("%s: exit code %d", step, code)
		}
		for _, part := range parts {
			if !strings.Contains(out, part) {
				t.Errorf("%s: %q lacks %q", step, out, part)
			}
		}
	}
	needed := func(files, ratio float64) string { return fmt.Sprintf(" needed=%.0fB", files*gib*ratio*1.1+64<<20) }

	expect("without a database", "3 pending files need about", needed(3, ledger.Ratio(0, 0)))
	if err := os.WriteFile(db, []byte("database"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect("without a snapshot", "3 pending files need about", "(without a ledger snapshot every file counts)", ledger.PathFor(db)+" is not there")

	info, err := os.Stat(db)
	if err != nil {
		t.Fatal(err)
	}
	day, err := catalog.ParseDay("2024-01-02")
	if err != nil {
		t.Fatal(err)
	}
	snapshot := ledger.Build([]ledger.Entry{{
		FilePath: "x/BTCUSDT-aggTrades-2024-01-02.csv", Symbol: "BTCUSDT", Market: catalog.UM, Period: catalog.DayPeriod(day), Status: ledger.Success, FileSize: gib,
		FirstID: 1, LastID: 2, RowCount: 2, RowsInserted: 2,
	}}, nil, ledger.Meta{WrittenAt: time.Now(), Database: db, DatabaseSize: info.Size(), DatabaseMTime: info.ModTime(), BytesDatabase: gib / 4})
	if err := snapshot.Write(ledger.PathFor(db)); err != nil {
		t.Fatal(err)
	}
	expect("with a snapshot", "2 pending files need about 658 MB\n", needed(2, 0.25))

	if err := os.WriteFile(db, []byte("another database"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect("with a stale one", "2 pending files need about 658 MB (by a ledger snapshot older than the database)", "the database changed after its ledger snapshot was written")

	if err := os.WriteFile(ledger.PathFor(db), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect("with a broken one", "3 pending files", "(the ledger snapshot cannot be read, so every file counts)")
}

func TestLoadThatDoesNotFit(t *testing.T) {
	t.Parallel()
	disk, in := tmpfs(t, 1<<20, 0, ""), t.TempDir()
	download(t, in, "2024-01-01", 1<<30)
	code, out := run("--db", filepath.Join(disk, "t.duckdb"), "--data-dir", in, "-c1B:", "--gate")
	if code != 1 || !strings.HasPrefix(out, "INGEST DISK CRITICAL: will not fit: 1 pending file needs about ") || !strings.Contains(out, ", 1.05 MB are free on "+disk+" (tmpfs) | ") {
		t.Fatalf("exit code %d, %q", code, out)
	}
	if code, out := run("--db", filepath.Join(disk, "t.duckdb"), "--data-dir", in, "-c1B:", "--symbol=ETHUSDT"); code != 0 {
		t.Fatalf("another symbol: exit code %d, %q", code, out)
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	checktest.Help(t, run)
}

func TestSettings(t *testing.T) {
	t.Parallel()
	model, err := checkcli.Model[Cmd]("INGEST DISK")
	checktest.Settings(t, "check_ingest_disk", model, err)
}
