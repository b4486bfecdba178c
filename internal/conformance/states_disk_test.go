package conformance

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// Labels of the disk check: of one file system, and with what is pending.
const (
	diskPlain   = "free free_pct inodes_free_pct used size"
	diskPending = diskPlain + " needed headroom"
)

func TestDiskStates(t *testing.T) {
	t.Parallel()
	const here = "0 free on $D (tmpfs)"
	path := []string{"--path=$D", "-c1B:"}
	db := []string{"--db=$D/trades.duckdb", "-c1B:"}
	in := []string{"--db=$D/trades.duckdb", "--data-dir=$D/in", "-c1B:"}
	with := func(base []string, args ...string) []string { return append(base[:len(base):len(base)], args...) }
	testStates(t, "check_ingest_disk", map[string]state{
		"a path":                             {scene: tmpfsScene, args: path, code: 0, first: here, labels: diskPlain},
		"a database that is there":           {scene: freeScene, args: db, code: 0, first: "0 free on FS", labels: diskPlain},
		"a database that will be there":      {scene: tmpfsScene, args: []string{"--db=$D/a/b/trades.duckdb", "-c1B:"}, code: 0, first: here, labels: diskPlain},
		"a database behind a link":           {scene: linkedScene, args: db, code: 0, first: "0 free on $D/other (tmpfs)", labels: diskPlain},
		"bytes below the default":            {scene: tmpfsScene, args: []string{"--path=$D"}, code: 2, first: here + ", limit 0", labels: diskPlain, remedy: "Free space there"},
		"bytes below a warning":              {scene: tmpfsScene, args: []string{"--path=$D", "-w1TB:", "-c1B:"}, code: 1, first: here + ", limit 0", labels: diskPlain, remedy: "Free space there"},
		"percent below a limit":              {scene: tmpfsScene, args: with(path, "-c", "free_pct=100.5%:"), code: 2, first: "0% free on $D (tmpfs), limit 0%", labels: diskPlain, remedy: "Free space there"},
		"inodes below a limit":               {scene: tmpfsScene, args: with(path, "-w", "inodes_free_pct=100.5:"), code: 1, first: "0% of inodes free on $D (tmpfs), limit 0%", labels: diskPlain, remedy: "Free space there"},
		"used above a limit":                 {scene: tmpfsScene, args: with(path, "-c", "used=@0:1TB"), code: 2, first: "0 used on $D (tmpfs), must not be within 0 to 0", labels: diskPlain, remedy: "Free space there"},
		"smaller than expected":              {scene: tmpfsScene, args: with(path, "-c", "size=1TB:"), code: 2, first: "0 in all on $D (tmpfs), limit 0", labels: diskPlain, remedy: "Free space there"},
		"without a fixed number of inodes":   {scene: noInodesScene, args: path, code: 0, first: here, labels: "free free_pct used size"},
		"mounted read-only":                  {scene: readOnlyScene, args: path, code: 2, first: "$D (tmpfs) is mounted read-only", labels: diskPlain, remedy: "mount -o remount,rw $D"},
		"a read-only bind mount":             {scene: bindScene, args: []string{"--path=$D/bound", "-c1B:"}, code: 2, first: "$D/bound (FS) is mounted read-only", labels: diskPlain, remedy: "mount -o remount,rw $D/bound"},
		"a path that is not there":           {scene: emptyScene, args: []string{"--path=$D/none"}, code: 2, first: "$D/none does not exist", remedy: "Mount or create it"},
		"a path below a file":                {scene: lockFileScene, args: []string{"--path=$D/ingest.lock/x"}, code: 3, first: "cannot look at $D/ingest.lock/x: not a directory", remedy: "Correct --path"},
		"a folder that may not be searched":  {scene: closedScene, args: []string{"--path=$D/closed/x"}, nobody: true, code: 3, first: "cannot look at $D/closed/x: permission denied", remedy: "Let the check's user search"},
		"a file system without a size":       {scene: emptyScene, args: []string{"--path=/proc"}, code: 3, first: "/proc is on /proc (proc), which tells no size", remedy: "Name a path on a file system that stores data"},
		"two, both well":                     {scene: tmpfsScene, args: []string{"--path=$D=a", "--path=/=b", "-c1B:"}, code: 0, first: here + ", 0 free on FS", labels: "free_a free_pct_a inodes_free_pct_a used_a size_a free_b free_pct_b inodes_free_pct_b used_b size_b"},
		"two, one below its own limit":       {scene: tmpfsScene, args: []string{"--path=$D=a", "--path=/=b", "-c1B:", "-c", "free_a=1TB:"}, code: 2, first: here + ", limit 0", labels: "free_a free_pct_a inodes_free_pct_a used_a size_a free_b free_pct_b inodes_free_pct_b used_b size_b", remedy: "Free space there"},
		"two, one is not there":              {scene: tmpfsScene, args: []string{"--path=$D=a", "--path=$D/none=b", "-c1B:"}, code: 2, first: "$D/none does not exist", labels: "free_a free_pct_a inodes_free_pct_a used_a size_a", remedy: "Mount or create it"},
		"two, one does not answer":           {scene: deadScene, args: []string{"--path=$D=a", "--path=/=b", "-c1B:", "-t1.5"}, code: 3, first: "the file system of $D does not answer", labels: "free_b free_pct_b inodes_free_pct_b used_b size_b", remedy: "umount -l"},
		"nothing is pending":                 {scene: freeScene, args: in, code: 0, first: "0 free on FS, nothing is pending", labels: diskPending},
		"everything is pending":              {scene: firstLoadScene, args: in, code: 0, first: "0 free on FS, 0 pending files need about 0", labels: diskPending},
		"something is pending":               {scene: moreFilesScene, args: in, code: 0, first: "0 free on FS, 0 pending files need about 0", labels: diskPending},
		"one file is pending":                {scene: oneFileScene, args: in, code: 0, first: "0 free on FS, 0 pending file needs about 0", labels: diskPending},
		"another symbol is asked for":        {scene: moreFilesScene, args: with(in, "--symbol=ETHUSDT"), code: 0, first: "0 free on FS, nothing is pending", labels: diskPending},
		"more is needed than a limit":        {scene: moreFilesScene, args: with(in, "-w", "needed=1MB"), code: 1, first: "0 needed to load 0 files, limit 0", labels: diskPending, remedy: "load less with --symbol"},
		"less is left than a limit":          {scene: moreFilesScene, args: with(in, "-w", "headroom=900PB:"), code: 1, first: "0 left on FS after loading what is pending, limit 0", labels: diskPending, remedy: "Free space there, or load less"},
		"it will not fit":                    {scene: tooSmallScene, args: in, code: 2, first: "will not fit: 0 pending file needs about 0, 0 are free on $D (tmpfs)", labels: diskPending, remedy: "or load less with --symbol or --end-date"},
		"a snapshot that is not there":       {scene: noSnapshotScene, args: in, code: 0, first: "0 free on FS, 0 pending files need about 0 (without a ledger snapshot every file counts)", labels: diskPending},
		"a snapshot that is broken":          {scene: brokenSnapshotScene, args: in, code: 0, first: "0 free on FS, 0 pending files need about 0 (the ledger snapshot cannot be read, so every file counts)", labels: diskPending},
		"a snapshot that may not be read":    {scene: closedSnapshotScene, args: in, nobody: true, code: 0, first: "0 free on FS, 0 pending files need about 0 (the ledger snapshot cannot be read, so every file counts)", labels: diskPending},
		"a snapshot of before the last load": {scene: staleSnapshotScene, args: in, code: 0, first: "0 free on FS, 0 pending files need about 0 (by a ledger snapshot older than the database)", labels: diskPending},
		"a data dir that is not there":       {scene: emptyScene, args: []string{"--db=$D/trades.duckdb", "--data-dir=$D/none", "-c1B:"}, code: 3, first: "cannot tell what is pending: the data dir $D/none does not exist", labels: diskPlain, remedy: "correct --data-dir"},
		"a data dir that may not be read":    {scene: closedScene, args: []string{"--db=$D/trades.duckdb", "--data-dir=$D/closed", "-c1B:"}, nobody: true, code: 3, first: "cannot tell what is pending: the data dir $D/closed cannot be read: permission denied", labels: diskPlain, remedy: "Let the check's user read it"},
		"a data dir that does not answer":    {scene: deadScene, args: []string{"--db=/trades.duckdb", "--data-dir=$D", "-c1B:", "-t1.5"}, code: 3, first: "the data dir $D does not answer", labels: diskPlain, remedy: "if it is a network mount"},
		"as nobody, beside a busy loader":    {scene: loadingScene, args: in, nobody: true, code: 0, first: "0 free on FS, 0 pending files need about 0", labels: diskPending},
	})
}

func tmpfsScene(t *testing.T) world {
	t.Helper()
	return emptyWorld(t).mounted(t, 0)
}

func noInodesScene(t *testing.T) world {
	t.Helper()
	w := emptyWorld(t)
	if err := unix.Mount("tmpfs", w.dir, "tmpfs", 0, "mode=755,size=64M,nr_inodes=0"); err != nil {
		t.Skipf("may not mount: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(w.dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return w
}

// bindScene has a folder that is bound to another place, read-only, on a file system that is not.
func bindScene(t *testing.T) world {
	t.Helper()
	w := emptyWorld(t)
	bound := filepath.Join(w.dir, "bound")
	if err := os.Mkdir(bound, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(w.data, bound, "", unix.MS_BIND, ""); err != nil {
		t.Skipf("may not mount: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(bound, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	if err := unix.Mount("", bound, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	return w
}

// linkedScene has a database that is a link to one on another file system.
func linkedScene(t *testing.T) world {
	t.Helper()
	w := emptyWorld(t)
	other := world{dir: filepath.Join(w.dir, "other")}
	if err := os.Mkdir(other.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	other.mounted(t, 0)
	if err := os.Symlink(file(t, filepath.Join(other.dir, "trades.duckdb"), "database"), w.db); err != nil {
		t.Fatal(err)
	}
	return w
}

func deadScene(t *testing.T) world {
	t.Helper()
	return world{dir: deadFileSystem(t)}
}

func oneFileScene(t *testing.T) world {
	t.Helper()
	w := emptyWorld(t)
	w.put(t, lot{spec: sceneSpec(), files: 1, packing: synth.Zip})
	return w
}

func noSnapshotScene(t *testing.T) world {
	t.Helper()
	w := freeScene(t)
	if err := os.Remove(ledger.PathFor(w.db)); err != nil {
		t.Fatal(err)
	}
	return w
}

func brokenSnapshotScene(t *testing.T) world {
	t.Helper()
	w := freeScene(t)
	file(t, ledger.PathFor(w.db), "{")
	return w
}

func closedSnapshotScene(t *testing.T) world {
	t.Helper()
	w := freeScene(t)
	if err := os.Chmod(ledger.PathFor(w.db), 0); err != nil {
		t.Fatal(err)
	}
	return w
}

// staleSnapshotScene is a database that somebody changed after its snapshot was written.
func staleSnapshotScene(t *testing.T) world {
	t.Helper()
	w := moreFilesScene(t)
	if err := os.Chtimes(w.db, sceneSpec().Period.First.Time(), sceneSpec().Period.First.Time()); err != nil {
		t.Fatal(err)
	}
	return w
}
