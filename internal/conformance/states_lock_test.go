package conformance

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/internal/runstate"
)

// Labels of the lock check: of any lock, of one that is held, and of one that a loader holds.
const (
	lockFree    = "held_for held"
	lockLoading = "held_for held heartbeat_age files_done files_total percent rows"
)

// In another namespace the lock table has nothing of the processes outside.
const otherPIDs = `exec unshare --fork --pid --mount-proc "$@"`

func TestLockStates(t *testing.T) {
	t.Parallel()
	const loader = "PID 0 (ingest-aggtrades, user root)"
	const loading = "held by " + loader + " for 0s, 0 of 0 files (0%), 0 rows, ETA 0s, last sign of life 0s ago"
	const inside = "this process runs in a PID namespace (a container) to which the kernel does not show the locks of processes outside it"
	lock := []string{"--lock-file", "$D/ingest.lock"}
	with := func(args ...string) []string { return append(lock[:2:2], args...) }
	testStates(t, "check_ingest_lock", map[string]state{
		"no file":                             {scene: emptyScene, args: lock, code: 0, first: "free, there is no lock file $D/ingest.lock", labels: lockFree},
		"no folder":                           {scene: emptyScene, args: []string{"--lock-file=$D/no/ingest.lock"}, code: 0, first: "free, there is no lock file $D/no/ingest.lock", labels: lockFree},
		"a file, and nothing beside it":       {scene: lockFileScene, args: lock, code: 0, first: "free", labels: lockFree},
		"free after a load":                   {scene: freeScene, args: lock, code: 0, first: "free, the last run ended 0s ago: all files are loaded", labels: lockFree},
		"free after one in which files fail":  {scene: failedScene, args: lock, code: 0, first: "free, the last run ended 0s ago: some files failed: 0 of 0", labels: lockFree},
		"free after a kill":                   {scene: diedScene, args: lock, code: 0, first: "free, the last run died, its last sign of life was 0s ago", labels: lockFree},
		"free after a kill, with a threshold": {scene: diedScene, args: with("-w2h"), code: 0, first: "free, the last run died, its last sign of life was 0s ago", labels: lockFree},
		"free, and the status is garbage":     {scene: garbageStatusScene, args: lock, code: 0, first: "free", labels: lockFree},
		"free, in a sticky folder of others":  {scene: stickyScene, args: lock, nobody: true, code: 0, first: "free", labels: lockFree},
		"free, and may not be read":           {scene: privateScene, args: lock, nobody: true, code: 0, first: "free", labels: lockFree},

		"held by the loader":                      {scene: loadingScene, args: lock, code: 2, first: loading, labels: lockLoading, remedy: "or stop it with: kill "},
		"held, as a warning":                      {scene: loadingScene, args: with("--held=warning"), code: 1, first: loading, labels: lockLoading, remedy: "Wait for it to end"},
		"held, as unknown":                        {scene: loadingScene, args: with("--held=unknown"), code: 3, first: loading, labels: lockLoading, remedy: "Wait for it to end"},
		"held, and fine":                          {scene: loadingScene, args: with("--held=ok"), code: 0, first: loading, labels: lockLoading, remedy: "Wait for it to end"},
		"held, below the threshold":               {scene: loadingScene, args: with("-w2h", "-c6h"), code: 0, first: loading, labels: lockLoading},
		"held for too long":                       {scene: loadingScene, args: with("-w1ms", "-c2h"), code: 1, first: "held for 0s by " + loader + ", 0 of 0 files (0%), 0 rows, ETA 0s, last sign of life 0s ago, limit 0s", labels: lockLoading, remedy: "Wait for it to end"},
		"held, where nobody should":               {scene: loadingScene, args: with("-c", "held=0"), code: 2, first: "held by " + loader + ", limit 0", labels: lockLoading, remedy: "Wait for it to end"},
		"held, and silent":                        {scene: loadingScene, args: with("-w", "heartbeat_age=@0:1d"), code: 1, first: "last sign of life 0s ago from " + loader + ", must not be within 0s to 0s", labels: lockLoading, remedy: "/wchan"},
		"held, with few files done":               {scene: loadingScene, args: with("-c", "files_done=2:"), code: 2, first: "0 of 0 files done, limit 0", labels: lockLoading, remedy: "Wait for it to end"},
		"held, with many files to do":             {scene: loadingScene, args: with("-c", "files_total=3"), code: 2, first: "0 files to do, limit 0", labels: lockLoading, remedy: "Wait for it to end"},
		"held, with little of it done":            {scene: loadingScene, args: with("-w", "percent=50%:"), code: 1, first: "0% done, limit 0%", labels: lockLoading, remedy: "Wait for it to end"},
		"held, with few rows":                     {scene: loadingScene, args: with("-w", "rows=1000000:"), code: 1, first: "0 rows loaded, limit 0", labels: lockLoading, remedy: "Wait for it to end"},
		"held by the loader, seen by nobody":      {scene: loadingScene, args: lock, nobody: true, code: 2, first: loading, labels: lockLoading, remedy: "kill "},
		"held by a script":                        {scene: pythonScene, args: lock, code: 2, first: "held by PID 0 (python0 ingest_aggtrades.py, user root) for 0s, which says nothing about itself", labels: lockFree, remedy: "ps -fp "},
		"held by a script, below the threshold":   {scene: pythonScene, args: with("-w1h"), code: 0, first: "held by PID 0 (python0 ingest_aggtrades.py, user root) for 0s, which says nothing about itself", labels: lockFree},
		"held by something else":                  {scene: strangerScene, args: lock, code: 2, first: "held by PID 0 (backup, user root) for 0s, which says nothing about itself", labels: lockFree, remedy: "ps -fp "},
		"held by another, beside an old status":   {scene: oldStatusScene, args: lock, code: 2, first: "held by PID 0 (backup, user root) for 0s", labels: lockFree, remedy: "ps -fp "},
		"held by a loader that hangs":             {scene: hungScene, args: lock, code: 2, first: "hung: " + loader + " gave no sign of life for 0s. held by " + loader + " for 0s, 0 of 0 files (0%), 0 rows, ETA 0s, last sign of life 0s ago", labels: lockLoading, remedy: "/wchan"},
		"that, whatever the thresholds":           {scene: hungScene, args: with("-w2h"), code: 2, first: "hung: " + loader + " gave no sign of life for 0s", labels: lockLoading, remedy: "/wchan"},
		"held by a stopped process":               {scene: stoppedScene, args: lock, code: 2, first: "held by PID 0 (backup, user root) for 0s, which says nothing about itself", labels: lockFree, remedy: "ps -fp "},
		"replaced while a loader runs":            {scene: replacedScene, args: lock, code: 2, first: "PID 0 (ingest-aggtrades) loads, but the lock file was replaced and keeps nobody out", labels: lockFree, remedy: "find out what removes $D/ingest.lock"},
		"replaced, whatever the thresholds":       {scene: replacedScene, args: with("-w2h"), code: 2, first: "PID 0 (ingest-aggtrades) loads, but the lock file was replaced and keeps nobody out", labels: lockFree, remedy: "Start no load"},
		"a FIFO":                                  {scene: fifoScene, args: lock, code: 2, first: "the lock file $D/ingest.lock is a FIFO, and the loader refuses to use it", remedy: "remove it, or name another path"},
		"a folder":                                {scene: lockFolderScene, args: lock, code: 2, first: "the lock file $D/ingest.lock is a folder, and the loader refuses to use it", remedy: "remove it"},
		"a link to a file":                        {scene: lockLinkScene, args: lock, code: 2, first: "the lock file $D/ingest.lock is a symlink, and the loader refuses to use it", remedy: "remove it"},
		"a link to nothing":                       {scene: danglingScene, args: lock, code: 2, first: "the lock file $D/ingest.lock is a symlink, and the loader refuses to use it", remedy: "remove it"},
		"a socket":                                {scene: socketScene, args: lock, code: 2, first: "the lock file $D/ingest.lock is a socket, and the loader refuses to use it", remedy: "remove it"},
		"a device":                                {scene: emptyScene, args: []string{"--lock-file=/dev/null"}, code: 2, first: "the lock file /dev/null is a device, and the loader refuses to use it", remedy: "remove it"},
		"a folder that may not be searched":       {scene: closedScene, args: []string{"--lock-file=$D/closed/ingest.lock"}, nobody: true, code: 3, first: "the lock file $D/closed/ingest.lock cannot be looked at: permission denied", remedy: "Let the check's user search"},
		"below a file":                            {scene: lockFileScene, args: []string{"--lock-file=$D/ingest.lock/x"}, code: 3, first: "the lock file $D/ingest.lock/x cannot be looked at: not a directory", remedy: "Correct --lock-file"},
		"in a container, held outside":            {scene: loadingScene, args: lock, shell: otherPIDs, root: true, code: 2, first: loading, labels: lockLoading, remedy: "Wait for it to end"},
		"in a container, held by a silent loader": {scene: hungScene, args: lock, shell: otherPIDs, root: true, code: 1, first: "the last run gave no sign of life for 0s and did not say that it ended: killed or hung", labels: lockFree, remedy: "if it is gone, a load may start"},
		"in a container, free after a load":       {scene: freeScene, args: lock, shell: otherPIDs, root: true, code: 0, first: "free, the last run ended 0s ago: all files are loaded (judged by its status alone: " + inside + ")", labels: lockFree},
		"in a container, without a status":        {scene: lockFileScene, args: lock, shell: otherPIDs, root: true, code: 3, first: "cannot tell whether the lock is held, and no run has published a status: " + inside, remedy: "Run the check where the loader runs"},
		"a holder that may not be seen":           {scene: strangerScene, args: lock, shell: hiddenPIDs, root: true, code: 2, first: "held by PID 0, which says nothing about itself", labels: "held", remedy: "ps -fp "},
		"that, with a threshold on its age":       {scene: strangerScene, args: with("-w2h"), shell: hiddenPIDs, root: true, code: 3, first: "held by PID 0, for how long cannot be known: process 0 is hidden from this user (/proc is mounted with hidepid)", labels: "held", remedy: "as root"},
	})
}

// hiddenPIDs shows nobody only processes of its own.
const hiddenPIDs = `exec unshare --mount sh -c 'mount -t proc -o hidepid=2 proc /proc && exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"' sh "$@"`

func emptyScene(t *testing.T) world {
	t.Helper()
	return emptyWorld(t)
}

func lockFileScene(t *testing.T) world {
	t.Helper()
	w := emptyWorld(t)
	file(t, w.lock, "")
	return w
}

func failedScene(t *testing.T) world {
	t.Helper()
	w := emptyWorld(t)
	w.put(t, lot{spec: sceneSpec(), files: 1, spoiled: true})
	w.mustLoad(t, 1)
	return w
}

func garbageStatusScene(t *testing.T) world {
	t.Helper()
	w := lockFileScene(t)
	file(t, runstate.StatusPath(w.lock), "{")
	return w
}

func stickyScene(t *testing.T) world {
	t.Helper()
	w := lockFileScene(t)
	if err := os.Chmod(w.dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	return w
}

func privateScene(t *testing.T) world {
	t.Helper()
	w := lockFileScene(t)
	if err := os.Chmod(w.lock, 0); err != nil {
		t.Fatal(err)
	}
	return w
}

func closedScene(t *testing.T) world {
	t.Helper()
	w := emptyWorld(t)
	if err := os.Mkdir(filepath.Join(w.dir, "closed"), 0o700); err != nil {
		t.Fatal(err)
	}
	return w
}

func strangerScene(t *testing.T) world {
	t.Helper()
	w := emptyWorld(t)
	holding{lock: w.lock, program: []string{"backup"}}.start(t)
	return w
}

func stoppedScene(t *testing.T) world {
	t.Helper()
	w := emptyWorld(t)
	p := holding{lock: w.lock, program: []string{"backup"}}.start(t)
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Signal(syscall.SIGCONT) })
	return w
}

// oldStatusScene is a lock held by a process that publishes nothing, beside what an earlier run left.
func oldStatusScene(t *testing.T) world {
	t.Helper()
	w := emptyWorld(t)
	now := time.Now()
	data, err := json.Marshal(runstate.Status{Schema: 1, PID: 1, PIDStart: 1, Phase: runstate.PhaseLoad, StartedAt: now, HeartbeatAt: now, HeartbeatEvery: 2})
	if err != nil {
		t.Fatal(err)
	}
	file(t, runstate.StatusPath(w.lock), string(data))
	holding{lock: w.lock, program: []string{"backup"}}.start(t)
	return w
}

func replacedScene(t *testing.T) world {
	t.Helper()
	w := loadingScene(t)
	if err := os.Remove(w.lock); err != nil {
		t.Fatal(err)
	}
	file(t, w.lock, "")
	return w
}

func lockFolderScene(t *testing.T) world {
	t.Helper()
	w := emptyWorld(t)
	if err := os.Mkdir(w.lock, 0o755); err != nil {
		t.Fatal(err)
	}
	return w
}

func lockLinkScene(t *testing.T) world {
	t.Helper()
	w := emptyWorld(t)
	if err := os.Symlink(file(t, filepath.Join(w.dir, "file"), ""), w.lock); err != nil {
		t.Fatal(err)
	}
	return w
}

func danglingScene(t *testing.T) world {
	t.Helper()
	w := emptyWorld(t)
	if err := os.Symlink("nowhere", w.lock); err != nil {
		t.Fatal(err)
	}
	return w
}

func socketScene(t *testing.T) world {
	t.Helper()
	w := emptyWorld(t)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: w.lock, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return w
}

// TestNamespaces: without them, rows above would say nothing.
func TestNamespaces(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	for name, script := range map[string]string{"pid": otherPIDs, "hidepid": hiddenPIDs} {
		cmd := exec.Command("/bin/sh", "-c", script, "sh", "/bin/true")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Skipf("%s: %v: %s", name, err, out)
		}
	}
	if err := unix.Access("/proc/locks", unix.R_OK); err != nil {
		t.Error(err)
	}
}
