package diskcheck

import (
	"errors"
	"io/fs"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/ingest/plan"
	"github.com/check-ingest/check-ingest/internal/nagios"
)

// TestEvaluate has a row for every state of a volume and of what is pending.
func TestEvaluate(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	data := func(change func(*volume)) volume {
		v := volume{
			target: target{path: "/data/t.duckdb", db: true}, measured: true, mount: mount{"/data", "ext4"},
			size: 1e12, used: 4e11, free: 5e11, inodes: 1000, inodesUnused: 250,
		}
		if change != nil {
			change(&v)
		}
		return v
	}
	pathErr := func(err error) error { return &fs.PathError{Op: "statfs", Path: "/data/t.duckdb", Err: err} }
	const perf = "free=500000000000B;150000000000:;100000000000:;0;1000000000000 free_pct=55.555556%;;;0;100 inodes_free_pct=25%;;;0;100 used=400000000000B;;;0;1000000000000 size=1000000000000B;;;0"
	tests := map[string]struct {
		cmd         Cmd
		observation observation
		critical    []string
		want        string // plugin output with -v
	}{
		"enough": {
			observation: observation{volumes: []volume{data(nil)}},
			want:        "INGEST DISK OK: 500 GB free on /data (ext4) | " + perf + "\n",
		},
		"too little by the default threshold": {
			observation: observation{volumes: []volume{data(func(v *volume) { v.free = 61203283968 })}},
			want: "INGEST DISK CRITICAL: 61.2 GB free on /data (ext4), limit 100 GB\n" +
				"[CRITICAL] 61.2 GB free on /data (ext4), limit 100 GB. Free space there, or move what grows to another file system.\n" +
				"| free=61203283968B;150000000000:;100000000000:;0;1000000000000 free_pct=13.270349%;;;0;100 inodes_free_pct=25%;;;0;100 used=400000000000B;;;0;1000000000000 size=1000000000000B;;;0\n",
		},
		"too few inodes": {
			observation: observation{volumes: []volume{data(func(v *volume) { v.inodesUnused = 3 })}}, critical: []string{"inodes_free_pct=1%:"},
			want: "INGEST DISK CRITICAL: 0.3% of inodes free on /data (ext4), limit 1%\n" +
				"[CRITICAL] 0.3% of inodes free on /data (ext4), limit 1%. Free space there, or move what grows to another file system.\n" +
				"| free=500000000000B;150000000000:;100000000000:;0;1000000000000 free_pct=55.555556%;;;0;100 inodes_free_pct=0.3%;;1:;0;100 used=400000000000B;;;0;1000000000000 size=1000000000000B;;;0\n",
		},
		"no fixed number of inodes": {
			observation: observation{volumes: []volume{data(func(v *volume) { v.inodes, v.inodesUnused, v.mount = 0, 0, mount{} })}},
			want:        "INGEST DISK OK: 500 GB free on /data/t.duckdb | free=500000000000B;150000000000:;100000000000:;0;1000000000000 free_pct=55.555556%;;;0;100 used=400000000000B;;;0;1000000000000 size=1000000000000B;;;0\n",
		},
		"read-only, however much is free": {
			observation: observation{volumes: []volume{data(func(v *volume) { v.readOnly = true })}},
			want: "INGEST DISK CRITICAL: /data (ext4) is mounted read-only\n" +
				"[CRITICAL] /data (ext4) is mounted read-only. Look for I/O errors (dmesg), after which the kernel mounts so, then: mount -o remount,rw /data\n| " + perf + "\n",
		},
		"a database that does not exist yet": {
			observation: observation{volumes: []volume{data(func(v *volume) { v.missing = "t.duckdb" })}},
			want: "INGEST DISK OK: 500 GB free on /data (ext4)\n" +
				"/data/t.duckdb does not exist yet; the file system of the folder above was looked at\n| " + perf + "\n",
		},
		"a path that does not exist": {
			observation: observation{volumes: []volume{{target: target{path: "/nope"}, err: pathErr(fs.ErrNotExist)}}},
			want: "INGEST DISK CRITICAL: /nope does not exist\n" +
				"[CRITICAL] /nope does not exist. Mount or create it, or correct --path.\n",
		},
		"a path that may not be looked at": {
			observation: observation{volumes: []volume{{target: target{path: "/root/x"}, err: pathErr(fs.ErrPermission)}}},
			want: "INGEST DISK UNKNOWN: cannot look at /root/x: permission denied\n" +
				"[UNKNOWN] cannot look at /root/x: permission denied. Let the check's user search the folders above it.\n",
		},
		"a file system without a size": {
			observation: observation{volumes: []volume{{target: target{path: "/proc"}, measured: true, mount: mount{"/proc", "proc"}}}},
			want: "INGEST DISK UNKNOWN: /proc is on /proc (proc), which tells no size\n" +
				"[UNKNOWN] /proc is on /proc (proc), which tells no size. Name a path on a file system that stores data.\n",
		},
		"one of two does not answer": {
			cmd: Cmd{DB: "/data/t.duckdb", Path: []string{"/mnt/nfs"}},
			observation: observation{volumes: []volume{
				data(func(v *volume) { v.target.suffix = "_data" }), {target: target{path: "/mnt/nfs", suffix: "_mnt_nfs"}},
			}},
			want: "INGEST DISK UNKNOWN: the file system of /mnt/nfs does not answer\n" +
				"[UNKNOWN] the file system of /mnt/nfs does not answer. Look at the server if it is a network mount; umount -l frees what hangs on it.\n" +
				"| free_data=500000000000B;150000000000:;100000000000:;0;1000000000000 free_pct_data=55.555556%;;;0;100 inodes_free_pct_data=25%;;;0;100 used_data=400000000000B;;;0;1000000000000 size_data=1000000000000B;;;0\n",
		},
		"pending files fit": {
			cmd:         Cmd{DB: "/data/t.duckdb", DataDir: "/in"},
			observation: observation{volumes: []volume{data(nil)}, pending: &pending{dataDir: "/in", known: true, space: plan.Space{Files: 12, Needed: 3e9}, snapshot: now.Add(-time.Hour)}},
			want: "INGEST DISK OK: 500 GB free on /data (ext4), 12 pending files need about 3 GB\n" +
				"ledger snapshot of 2026-01-02 11:00:00 UTC, 1h old\n| " + perf + " needed=3000000000B;;;0 headroom=497000000000B\n",
		},
		"nothing is pending": {
			cmd:         Cmd{DB: "/data/t.duckdb", DataDir: "/in"},
			observation: observation{volumes: []volume{data(nil)}, pending: &pending{dataDir: "/in", known: true}},
			want:        "INGEST DISK OK: 500 GB free on /data (ext4), nothing is pending | " + perf + " needed=0B;;;0 headroom=500000000000B\n",
		},
		"pending files do not fit, whatever the thresholds": {
			cmd: Cmd{DB: "/data/t.duckdb", DataDir: "/in"}, critical: []string{"free=1B:"},
			observation: observation{volumes: []volume{data(nil)}, pending: &pending{
				dataDir: "/in", known: true, space: plan.Space{Files: 2000, Needed: 700e9},
				doubt: "without a ledger snapshot every file counts", detail: "it is not there",
			}},
			want: "INGEST DISK CRITICAL: will not fit: 2,000 pending files need about 700 GB (without a ledger snapshot every file counts), 500 GB are free on /data (ext4)\n" +
				"[CRITICAL] will not fit: 2,000 pending files need about 700 GB (without a ledger snapshot every file counts), 500 GB are free on /data (ext4). Free 200 GB there, or load less with --symbol or --end-date.\n" +
				"it is not there\n" +
				"| free=500000000000B;;1:;0;1000000000000 free_pct=55.555556%;;;0;100 inodes_free_pct=25%;;;0;100 used=400000000000B;;;0;1000000000000 size=1000000000000B;;;0 needed=700000000000B;;;0 headroom=-200000000000B\n",
		},
		"a data dir that does not answer": {
			cmd:         Cmd{DB: "/data/t.duckdb", DataDir: "/in"},
			observation: observation{volumes: []volume{data(nil)}, pending: &pending{dataDir: "/in"}},
			want: "INGEST DISK UNKNOWN: the data dir /in does not answer\n" +
				"[UNKNOWN] the data dir /in does not answer. Look at the server if it is a network mount; for very many files, raise --timeout.\n| " + perf + "\n",
		},
		"a data dir that cannot be read": {
			cmd:         Cmd{DB: "/data/t.duckdb", DataDir: "/in"},
			observation: observation{volumes: []volume{data(nil)}, pending: &pending{dataDir: "/in", err: errors.New("it is dark")}},
			want: "INGEST DISK UNKNOWN: cannot tell what is pending: it is dark\n" +
				"[UNKNOWN] cannot tell what is pending: it is dark\n| " + perf + "\n",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			specs := tc.cmd.Metrics()
			th, err := nagios.ParseThresholds(specs, nil, tc.critical)
			if err != nil {
				t.Fatal(err)
			}
			got := string(nagios.Judge("INGEST DISK", evaluate(tc.observation, now), specs, th).Plugin(1))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Fatalf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestLabels(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ path, want string }{
		"the root":               {"/", "root"},
		"a folder":               {"/var/lib", "var_lib"},
		"a trailing slash":       {"/var/lib/", "var_lib"},
		"capitals and dashes":    {"/srv/Big-Disk", "srv_big_disk"},
		"letters beyond ASCII":   {"/データ", "path"},
		"a relative path":        {"data/in", "data_in"},
		"the folder one is in":   {".", "path"},
		"what breaks the format": {"/a|b=c\n;d", "a_b_c__d"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := labelOf(tc.path); got != tc.want {
				t.Fatalf("labelOf(%q) = %q, want %q", tc.path, got, tc.want)
			}
		})
	}
}

func TestFindMount(t *testing.T) {
	t.Parallel()
	const mountinfo = `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
36 22 98:0 /x /mnt/my\040disk rw,noatime master:1 propagate_from:2 - xfs /dev/sdb rw
37 22 0:40 / /mnt rw - tmpfs tmpfs rw
38 22 0:41 / /mnt ro - nfs4 server:/x rw
39 22 broken
40 22 0:42 / /no-type rw
`
	id := func(want string) func(string, string) bool { return func(got, _ string) bool { return got == want } }
	tests := map[string]struct {
		fits func(id, point string) bool
		want mount
	}{
		"by its id, escaped":           {id("36"), mount{"/mnt/my disk", "xfs"}},
		"by path, the longest":         {func(_, p string) bool { return p == "/" || p == "/mnt" }, mount{"/mnt", "nfs4"}},
		"none":                         {id("99"), mount{}},
		"a line that is cut":           {id("39"), mount{}},
		"a line without a file system": {id("40"), mount{}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := findMount(mountinfo, tc.fits); got != tc.want {
				t.Fatalf("%+v, want %+v", got, tc.want)
			}
		})
	}
}

// FuzzFindMount proves that no line of mountinfo makes the parser panic, and that what it finds has a type.
func FuzzFindMount(f *testing.F) {
	f.Add("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n")
	f.Add(`1 2 3 4 \04 - \ -` + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		if m := findMount(text, func(_, _ string) bool { return true }); m != (mount{}) && m.fsType == "" {
			t.Fatalf("%+v", m)
		}
	})
}

func TestFill(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		st                              unix.Statfs_t
		size, used, free, inodes, spare float64
		readOnly                        bool
	}{
		"blocks kept for root are not free":       {unix.Statfs_t{Blocks: 100, Bfree: 40, Bavail: 35, Frsize: 10, Bsize: 99, Files: 8, Ffree: 2}, 1000, 600, 350, 8, 2, false},
		"an old kernel tells only one block size": {unix.Statfs_t{Blocks: 100, Bfree: 40, Bavail: 35, Bsize: 10}, 1000, 600, 350, 0, 0, false},
		"more free than there is":                 {unix.Statfs_t{Blocks: 10, Bfree: 40, Bavail: 40, Frsize: 1}, 10, 0, 40, 0, 0, false},
		"above 8 EiB":                             {unix.Statfs_t{Blocks: 1 << 62, Bfree: 1 << 62, Bavail: 1 << 61, Frsize: 1 << 12}, 1 << 74, 0, 1 << 73, 0, 0, false},
		"read-only":                               {unix.Statfs_t{Blocks: 1, Frsize: 1, Flags: unix.ST_RDONLY | unix.ST_NODEV}, 1, 1, 0, 0, 0, true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var v volume
			v.fill(tc.st)
			if !v.measured || v.size != tc.size || v.used != tc.used || v.free != tc.free || v.inodes != tc.inodes || v.inodesUnused != tc.spare || v.readOnly != tc.readOnly {
				t.Fatalf("%+v", v)
			}
		})
	}
}
