package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// What checks say again and again. A load of four files of which one is done; and four that are loaded.
const (
	held    = "CRITICAL: held by PID ... (ingest-aggtrades, user root) for ..."
	writes  = "OK: being loaded by PID ... (ingest-aggtrades, user root)"
	runs    = "a load runs: PID ... (ingest-aggtrades, user root)"
	one     = ", 1 of 4 files (24"
	ended   = "OK: free, the last run ended ... ago: "
	fits    = "OK: ... free on "
	nothing = fits + "...nothing is pending"
	sound   = "OK: ... none bad"
	killed  = "the last run died (killed, or the machine went down), its last sign of life was ... ago"
)

// faults are the faults of docs/reliability.md.
func faults() map[string][]stage {
	return map[string][]stage{
		"killed in mid-load": {
			{"while it loads", then(downloads(4), startsAndPauses("1h")), view{
				lock: held + one + "...1,000 rows, ETA ..., last sign of life ... ago",
				disk: fits + "...3 pending files need about",
				db:   writes + one + "... By the ledger snapshot of ... ago: 1,000 rows, 1 symbol",
				csv:  sound,
				log:  "OK: 1 file loaded, none failed, ... " + runs + one,
			}},
			{"killed, and nobody has asked how it ended", isKilled, view{
				lock: "OK: free, the last run died, its last sign of life was ... ago",
				disk: fits + "...3 pending files need about",
				db:   "OK: 1,000 rows, 1 symbol",
				log:  "CRITICAL: " + killed,
			}},
			{"killed", isWaitedFor, view{
				lock: "OK: free, the last run died, its last sign of life was ... ago",
				db:   "OK: 1,000 rows, 1 symbol",
				log:  "CRITICAL: " + killed,
			}},
			{"after the next load", loads(0), view{
				lock: ended + "all files are loaded",
				disk: nothing,
				db:   "OK: 4,000 rows, 1 symbol",
				csv:  sound,
				log:  "OK: 4 files loaded, none failed, ... the last run ended ... ago: all files are loaded",
			}},
		},
		"killed in mid-commit": {
			{"stopped in mid-commit", then(downloads(1), loads(0), downloads(2), at("pwrite64", "3", "SIGSTOP")), view{
				lock: held + ", last sign of life ... ago",
				disk: fits + "...2 pending files need about",
				db:   writes + " ... By the ledger snapshot of ... ago: 1,000 rows",
				log:  "OK: 1 file loaded, none failed, ... " + runs,
			}},
			{"killed", tracedIsKilled, view{
				lock: "OK: free, the last run died", disk: fits + "...2 pending files need", db: "OK: 1,000 rows", log: "CRITICAL: " + killed,
			}},
			{"after the next load", loads(0), view{lock: ended + "all files are loaded", disk: nothing, db: "OK: 3,000 rows", log: "OK: 3 files loaded"}},
		},
		"killed while it creates the database": {
			{"killed", then(downloads(1), at("pwrite64", "3", "SIGKILL"), tracedIsKilled), view{
				lock: "OK: free, the last run died",
				disk: fits + "...1 pending file needs about",
				db:   "CRITICAL: $D/trades.duckdb does not exist",
				log:  "CRITICAL: " + killed,
			}},
			{"after the next load", loads(0), view{
				lock: ended + "all files are loaded", db: "OK: 1,000 rows", disk: nothing, log: "OK: 1 file loaded",
			}},
		},
		"told to stop": {
			{"by SIGTERM", then(downloads(4), startsAndPauses("1h"), isStopped(syscall.SIGTERM, 143)), view{
				lock: ended + "stopped by SIGTERM",
				disk: fits + "...3 pending files need about",
				db:   "OK: 1,000 rows",
				log:  "WARNING: the last run ended ... ago: stopped by SIGTERM (exit code 143)",
			}},
		},
		"hangs": {
			{"for five minutes", then(downloads(4), startsAndPauses("1h"), freezes, wasSilent), view{
				lock: "CRITICAL: hung: PID ... (ingest-aggtrades, user root) gave no sign of life for 5m... held by PID",
				disk: fits + "...3 pending files need about",
				db:   "CRITICAL: $D/trades.duckdb is held by a loader that hangs: PID ... (ingest-aggtrades, user root) gave no sign of life for 5m",
				log:  "CRITICAL: a load hangs: PID ... (ingest-aggtrades, user root) gave no sign of life for 5m",
			}},
			{"and goes on", goesOn, view{lock: held + one, db: writes + one, log: "OK: 1 file loaded, ... " + runs + one}},
			{"and is killed", then(isKilled, isWaitedFor), view{lock: "OK: free, the last run died", db: "OK: 1,000 rows", log: "CRITICAL: " + killed}},
		},
		"a data dir that does not answer": {
			{"while it waits", then(diesBelow, starts(isPlanning)), view{
				lock: held + ", phase plan, last sign of life",
				disk: "UNKNOWN: the data dir ... does not answer",
				db:   "OK: being created by PID ... (ingest-aggtrades, user root), phase plan. What it holds is not known, since there is no ledger snapshot yet",
				csv:  "UNKNOWN: timed out after 2s while listing the data dir",
				log:  "OK: 0 files loaded, none failed, " + runs + ", phase plan",
			}},
			{"stopped", isStopped(syscall.SIGTERM, 143), view{
				lock: ended + "stopped by SIGTERM, without waiting any longer for a file, a disk or a pipe that does not answer",
				disk: "UNKNOWN: the data dir ... does not answer",
				db:   "CRITICAL: $D/trades.duckdb does not exist",
				csv:  "UNKNOWN: timed out after 2s while listing the data dir",
				log:  "WARNING: the last run ended ... ago: stopped by SIGTERM, without waiting any longer",
			}},
		},
		"a file that hangs": {
			{"while it waits", hangsInTheMiddle, view{
				lock: held + ", 0 of 1 file (0%)",
				disk: fits + "...1 pending file needs about",
				db:   writes + ", 0 of 1 file",
				csv:  "UNKNOWN: timed out after 2s while looking at ...BTCUSDT-aggTrades-2024-01-01.csv, 0 of 1 file done",
				log:  "OK: what it has loaded before is not known, since there is no ledger snapshot yet, " + runs + ", 0 of 1 file",
			}},
			{"stopped", isStopped(syscall.SIGTERM, 143), view{
				lock: ended + "stopped by SIGTERM",
				db:   "OK: 0 rows, 0 symbols, no trade yet",
				csv:  "UNKNOWN: timed out after 2s while looking at ...BTCUSDT-aggTrades-2024-01-01.csv, 0 of 1 file done",
				log:  "WARNING: the last run ended ... ago: stopped by SIGTERM",
			}},
		},
		"the disk fills in mid-load, all of it tmpfs": diskFills(onTmpfs),
		"the disk fills in mid-load, all of it ext4":  diskFills(onExt4),
		"the disk fails in mid-load": {
			{"while the load does not know", then(onExt4, must(func(s *scene) error { s.lock = filepath.Join(s.dir, "lock"); return nil }), downloads(4), startsAndPauses("5s"), freezes, diskFails), view{
				lock: held + one,
				disk: fits + "...4 pending files need about ... (the ledger snapshot cannot be read, so every file counts)",
				db:   "CRITICAL: $D/trades.duckdb: input/output error",
				log:  "UNKNOWN: the ledger cannot be read: $D/trades.duckdb: input/output error",
			}},
			{"when it has ended", then(goesOn, ends(3)), view{
				lock: ended + "$D/trades.duckdb: input/output error; look at the disk (dmesg)",
				db:   "CRITICAL: $D/trades.duckdb: input/output error",
				log:  "CRITICAL: the last run ended ... ago: $D/trades.duckdb: input/output error; look at the disk (dmesg) (exit code 3)",
			}},
			{"when it is mounted again", diskRecovers, view{
				disk: fits + "...3 pending files need",
				db:   "OK: 1,000 rows",
				log:  "CRITICAL: the last run ended ... ago: $D/trades.duckdb: input/output error",
			}},
			{"after the next load", loads(0), view{disk: nothing, db: "OK: 4,000 rows", log: "OK: 4 files loaded"}},
		},
		"mounted read-only": {
			{"before the load", then(onTmpfs, must(func(s *scene) error { s.lock = filepath.Join(s.dir, "lock"); return nil }), downloads(1), loads(0), downloads(1), remounts), view{
				disk: "CRITICAL: $D (tmpfs) is mounted read-only", db: "OK: 1,000 rows", log: "OK: 1 file loaded",
			}},
			{"after it", loads(3), view{
				lock: ended + "$D/trades.duckdb lies on a file system that is mounted read-only; remount it read-write",
				disk: "CRITICAL: $D (tmpfs) is mounted read-only",
				db:   "OK: 1,000 rows",
				log:  "CRITICAL: the last run ended ... ago: $D/trades.duckdb lies on a file system that is mounted read-only; remount it read-write (exit code 3)",
			}},
			{"mended", then(undo, loads(0)), view{disk: nothing, db: "OK: 2,000 rows", log: "OK: 2 files loaded"}},
		},
		"limits": {
			{"to the size of files", then(downloads(1), loads(0), largeDownload, loadsWithin("ulimit -f 1000", 5)), view{
				lock: ended + "$D/trades.duckdb: the file may not grow further (file size limit); raise the limit (ulimit -f)",
				disk: fits + "...1 pending file needs",
				db:   "OK: 1,000 rows",
				log:  "CRITICAL: the last run ended ... ago: $D/trades.duckdb: the file may not grow further (file size limit); raise the limit (ulimit -f)",
			}},
			{"to addresses", loadsWithin("ulimit -v 2000000", 3), view{
				lock: ended + "$D/trades.duckdb: not opened, since this process may use no more than 1.9 GiB of addresses",
				db:   "OK: 1,000 rows",
				log:  "CRITICAL: the last run ended ... ago: $D/trades.duckdb: not opened, since this process may use no more than 1.9 GiB of addresses",
			}},
			{"a file in the place of the folder for temporary files", then(
				stagedDownload, must(func(s *scene) error { return os.WriteFile(s.db+".tmp", nil, 0o600) }), loads(3, "--memory-limit", "64MiB")), view{
				disk: fits + "...1 pending file needs",
				db:   "OK: 201,000 rows",
				log:  "CRITICAL: the last run ended ... ago: $D/trades.duckdb: temporary files cannot be written beside it; make trades.duckdb.tmp a folder",
			}},
			{"none", then(must(func(s *scene) error { return os.Remove(s.db + ".tmp") }), loads(0)), view{
				disk: nothing, db: "OK: 901,000 rows", log: "OK: 3 files loaded, none failed",
			}},
			{"a report that nobody can have", then(downloads(1), loadsWithin("exec >/dev/full", 74)), view{
				lock: ended + "all files are loaded", disk: nothing, db: "OK: 902,000 rows", log: "OK: 4 files loaded, none failed",
			}},
		},
		"downloads that are bad": {
			{"cut off", then(downloads(1), cutDownload, loads(1)), view{
				lock: ended + "some files failed: 1 of 2",
				disk: fits + "...1 pending file needs",
				db:   "OK: 1,000 rows",
				csv:  "CRITICAL: 1 of 2 files is bad (um BTCUSDT-aggTrades-2024-01-02.csv:...the file ends in the middle of a line), limit 0",
				log:  "CRITICAL: 1 file failed, the latest BTCUSDT-aggTrades-2024-01-02.csv:...the file ends in the middle of a line",
			}},
			{"gone", must(func(s *scene) error { return os.Remove(s.flat()) }), view{
				disk: nothing,
				csv:  sound,
				log:  "CRITICAL: 1 file failed, the latest BTCUSDT-aggTrades-2024-01-02.csv:",
			}},
			{"fetched again", then(downloads(1), loads(0)), view{disk: nothing, db: "OK: 2,000 rows", csv: sound, log: "OK: 2 files loaded, none failed"}},
			{"a FIFO", then(must(func(s *scene) error { return unix.Mkfifo(s.flat(), 0o644) }), loads(0)), view{
				disk: nothing, db: "OK: 2,000 rows", csv: "OK: 2 files looked at, none bad", log: "OK: 2 files loaded, none failed",
			}},
			{"an error of the disk", then(must(func(s *scene) error { return os.Remove(s.flat()) }), failsToRead, loads(1, "--retries=0")), view{
				disk: fits + "...1 pending file needs",
				csv:  "CRITICAL: 1 of 3 files is bad (um BTCUSDT-aggTrades-2024-01-03.csv: cannot read it: input/output error), limit 0",
				log:  "CRITICAL: 1 file failed, the latest BTCUSDT-aggTrades-2024-01-03.csv: cannot read it: input/output error, limit 0",
			}},
		},
		"a Python script holds the lock": {
			{"before the load", then(downloads(1), loads(0), downloads(1), holds(func(s *scene) []string {
				return []string{"python3", "-c", "import fcntl, sys, time; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); open(sys.argv[2], 'w'); time.sleep(3600)", s.lock}
			})), view{
				lock: "CRITICAL: held by PID ... (python3 -c, user root) for",
				disk: fits + "...1 pending file needs",
				db:   "OK: 1,000 rows",
				log:  "OK: 1 file loaded, none failed",
			}},
			{"after it", loads(75, "--wait=0"), view{
				lock: "CRITICAL: held by PID ... (python3 -c, user root) for", db: "OK: 1,000 rows", log: "OK: 1 file loaded, none failed",
			}},
			{"let go", letsGo, view{lock: ended + "all files are loaded", db: "OK: 1,000 rows", log: "OK: 1 file loaded"}},
		},
		"another program holds the database": {
			{"to write", then(downloads(1), loads(0), downloads(1), holds(func(s *scene) []string { return []string{"hold", s.db} })), view{
				lock: ended + "all files are loaded",
				disk: fits + "...1 pending file needs",
				db:   "CRITICAL: $D/trades.duckdb is held open for writing by PID ... (hold, user root), so nobody else can read or load it",
				log:  "OK: 1 file loaded, none failed",
			}},
			{"to write, after a load", loads(75), view{
				lock: ended + "$D/trades.duckdb is held open by PID",
				db:   "CRITICAL: $D/trades.duckdb is held open for writing by PID ... (hold, user root)",
				log:  "WARNING: the last run ended ... ago: $D/trades.duckdb is held open by PID ... (...); wait until that process is done (exit code 75)",
			}},
			{"no more", letsGo, view{
				db: "OK: 1,000 rows", log: "WARNING: the last run ended ... ago: $D/trades.duckdb is held open by PID",
			}},
			{"to read", then(must(func(s *scene) error { return os.Remove(filepath.Join(s.dir, "held")) }),
				holds(func(s *scene) []string { return []string{"hold", s.db + "?access_mode=READ_ONLY"} })), view{db: "OK: 1,000 rows", log: "WARNING: "}},
			{"to read, and a load waits", starts(isPlanning), view{
				lock: held + ", phase plan",
				db:   writes + ", phase plan. By the ledger snapshot of ... ago: 1,000 rows",
				log:  "OK: 1 file loaded, none failed, ... " + runs + ", phase plan",
			}},
			{"loaded", then(letsGo, ends(0)), view{lock: ended + "all files are loaded", disk: nothing, db: "OK: 2,000 rows", log: "OK: 2 files loaded"}},
		},
		"a damaged database": {
			{"cut in half", then(downloads(1), loads(0), downloads(1), becomes(func(db []byte) []byte { return db[:len(db)/2] })), view{
				disk: fits + "...1 pending file needs about ... (by a ledger snapshot older than the database)",
				db:   "CRITICAL: $D/trades.duckdb is damaged: it ends before its content does",
				log:  "UNKNOWN: the ledger cannot be read: $D/trades.duckdb is damaged: it ends before its content does",
			}},
			{"after a load", loads(3), view{
				lock: ended + "$D/trades.duckdb is damaged: it ends before its content does; restore it from a backup",
				db:   "CRITICAL: $D/trades.duckdb is damaged: it ends before its content does",
				log:  "CRITICAL: the last run ended ... ago: $D/trades.duckdb is damaged: it ends before its content does; restore it from a backup (exit code 3). the ledger cannot be read",
			}},
			{"no database at all", then(becomes(func([]byte) []byte { return []byte("no database\n") }), loads(3)), view{
				lock: ended + "$D/trades.duckdb is not a DuckDB database; correct --db",
				db:   "CRITICAL: $D/trades.duckdb is not a DuckDB database but text",
				log:  "CRITICAL: the last run ended ... ago: $D/trades.duckdb is not a DuckDB database",
			}},
			{"gone", must(func(s *scene) error { return os.Remove(s.db) }), view{
				disk: fits + "...2 pending files need",
				db:   "CRITICAL: $D/trades.duckdb does not exist",
				log:  "CRITICAL: the last run ended ... ago: $D/trades.duckdb is not a DuckDB database",
			}},
			{"made anew", loads(0), view{disk: nothing, db: "OK: 2,000 rows", log: "OK: 2 files loaded"}},
		},
		"a path that is not UTF-8": {
			{"after a load", then(downloads(1), must(func(s *scene) error {
				s.db = filepath.Join(s.dir, "caf\xe9", "trades.duckdb")
				return os.Mkdir(filepath.Dir(s.db), 0o755)
			}), loads(3)), view{
				lock: "OK: free, there is no lock file",
				disk: fits + "...1 pending file needs",
				db:   "CRITICAL: $D/trades.duckdb: its path is not valid UTF-8, as DuckDB needs it",
				log:  "UNKNOWN: the ledger cannot be read: $D/trades.duckdb: its path is not valid UTF-8, as DuckDB needs it",
			}},
		},
		"no permission": {
			{"to write", then(byNobody, downloads(1), must(func(s *scene) error { s.nobody = false; return nil }), loads(0), downloads(1), must(func(s *scene) error {
				s.nobody = true
				return os.Chmod(s.db, 0o644)
			}), loads(3)), view{
				lock: ended + "all files are loaded", disk: fits + "...1 pending file needs", db: "OK: 1,000 rows", log: "OK: 1 file loaded",
			}},
			{"to read the database", then(must(func(s *scene) error { return os.Chmod(s.db, 0o600) }), loads(3)), view{
				lock: ended + "all files are loaded",
				disk: fits + "...1 pending file needs",
				db:   "UNKNOWN: $D/trades.duckdb may not be read by user nobody: it belongs to root, with mode 0600",
				log:  "UNKNOWN: the ledger cannot be read: $D/trades.duckdb may not be read by user nobody",
			}},
			{"to read the downloads", must(func(s *scene) error { return errors.Join(os.Chmod(s.db, 0o644), os.Chmod(s.data, 0o700)) }), view{
				disk: "UNKNOWN: cannot tell what is pending: ... permission denied",
				db:   "OK: 1,000 rows",
				csv:  "UNKNOWN: the data dir ... cannot be read: permission denied",
				log:  "OK: 1 file loaded",
			}},
		},
		"the lock file is taken away in mid-load": {
			{"removed", then(downloads(4), startsAndPauses("1h"), must(func(s *scene) error { return os.Remove(s.lock) })), view{
				lock: "CRITICAL: PID ... (ingest-aggtrades) loads, but the lock file was removed and keeps nobody out",
				db:   writes + one,
				log:  "WARNING: a load runs whose lock file was replaced or removed, so nothing keeps a second one out: PID",
			}},
			{"made anew", must(func(s *scene) error { return os.WriteFile(s.lock, nil, 0o600) }), view{
				lock: "CRITICAL: PID ... (ingest-aggtrades) loads, but the lock file was replaced and keeps nobody out",
				db:   writes + one,
				log:  "WARNING: a load runs whose lock file was replaced or removed, so nothing keeps a second one out: PID",
			}},
		},
	}
}

// diskFills has the disk of all that a load writes fill up in mid-load.
func diskFills(on step) []stage {
	return []stage{
		{"while the load does not know", then(on, downloads(1), largeDownload, downloads(2), startsAndPauses("5s"), freezes, fills), view{
			lock: held + ", 1 of 4 files",
			disk: "CRITICAL: will not fit: 3 pending files need about ... free on $D (",
			db:   writes + ", 1 of 4 files ... By the ledger snapshot of ... ago: 1,000 rows",
			log:  "OK: 1 file loaded, none failed, ... " + runs + ", 1 of 4 files",
		}},
		{"when it has ended", then(goesOn, ends(5)), view{
			lock: ended + "$D/trades.duckdb: no space left on its file system; free space there and run again: nothing that was committed is lost",
			disk: "CRITICAL: will not fit: 3 pending files need about ... free on $D (",
			db:   "OK: 1,000 rows",
			log:  "CRITICAL: the last run ended ... ago: $D/trades.duckdb: no space left on its file system; free space there and run again: nothing that was committed is lost (exit code 5)",
		}},
		{"when there is space", undo, view{
			lock: ended + "$D/trades.duckdb: no space left on its file system",
			disk: fits + "$D ...3 pending files need about",
			db:   "OK: 1,000 rows",
			log:  "CRITICAL: the last run ended ... ago: $D/trades.duckdb: no space left on its file system",
		}},
		{"after the next load", loads(0), view{lock: ended + "all files are loaded", disk: nothing, db: "OK: 203,000 rows", log: "OK: 4 files loaded, none failed"}},
	}
}
