package conformance

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/nagiostest"
	"github.com/check-ingest/check-ingest/internal/runstate"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// poison holds everything that means more than text to some consumer of plugin output, as far as it can be in a file's name.
const poison = "a|b=9c\n[OK] x\r\t\x01\x1b[31mred\x07\x7f\xff\xfe<b>bold<i x=1>\\n;`$~'\"\u0085\u202e\u2028=1;2"

// texts are what hostile strings from outside look like.
func texts() map[string]string {
	return map[string]string{
		"poison":             poison,
		"poison and a NUL":   "\x00" + poison + "\x00",
		"only separators":    "|||\n\n\n|\r\r",
		"nothing but spaces": "  \n ",
		"a megabyte":         strings.Repeat("x", 1<<20),
		"a megabyte of |":    strings.Repeat("|\n<b>", 1<<18),
		"many characters":    strings.Repeat("成", 1<<18),
		"cut inside one":     strings.Repeat("x", 998) + strings.Repeat("成", 100),
	}
}

// file writes a file and gives its path.
func file(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestHostilePaths: what is looked at may be called anything.
func TestHostilePaths(t *testing.T) {
	t.Parallel()
	w := healthy(t)
	for _, c := range checks(t) {
		t.Run(c.binary, func(t *testing.T) {
			t.Parallel()
			dir := folder(t)
			there := filepath.Join(dir, poison)
			if c.binary == "check_ingest_csv" {
				if err := os.Mkdir(there, 0o755); err != nil {
					t.Fatal(err)
				}
			} else {
				file(t, there, "no database")
			}
			data, err := os.ReadFile(w.db)
			if err != nil {
				t.Fatal(err)
			}
			database := file(t, filepath.Join(dir, strings.ToValidUTF8(poison, "")+".duckdb"), string(data))
			for name, path := range map[string]string{
				"there":         there,
				"a database":    database,
				"not UTF-8":     file(t, filepath.Join(dir, poison+".duckdb"), string(data)),
				"not there":     filepath.Join(dir, "no", poison),
				"below a file":  filepath.Join(file(t, filepath.Join(dir, "file"), ""), poison),
				"far too long":  "/" + strings.Repeat("|\n/", 3000),
				"a query":       dir + "/a?b=c&d",
				"a percent":     dir + "/100%|",
				"a minus":       "-" + poison,
				"only a poison": poison,
			} {
				args := []string{c.path + "=" + path, "-t20"}
				switch c.binary {
				case "check_ingest_db", "check_ingest_log":
					args = append(args, "--lock-file", w.lock)
				case "check_ingest_disk":
					args = append(args, "-c", "free=1B:")
				}
				if s := observe(t, c, call{args: args}); s.doc.State == "OK" && name != "a database" && c.binary != "check_ingest_disk" && c.binary != "check_ingest_lock" && c.binary != "check_ingest_log" {
					t.Errorf("%s: %q", name, s.first)
				}
				if t.Failed() {
					t.Fatal(name)
				}
			}
		})
	}
}

// TestPastedRemedy: a remedy does what it says where it is pasted, whatever the name of the path in it.
func TestPastedRemedy(t *testing.T) {
	t.Parallel()
	for _, c := range checks(t) {
		if c.binary != "check_ingest_db" {
			continue
		}
		dir := t.TempDir()
		missing := filepath.Join(dir, "it's $(touch planted) & `touch planted` \"#1\"")
		s := observe(t, c, call{args: []string{"--db", filepath.Join(missing, "x.duckdb")}})
		_, command, found := strings.Cut(s.doc.Problems[0].Remedy, ": ")
		if !found {
			t.Fatalf("%+v", s.doc.Problems)
		}
		sh := exec.CommandContext(t.Context(), "sh", "-c", command)
		sh.Dir = dir
		if out, err := sh.CombinedOutput(); err != nil {
			t.Errorf("%s: %v, %s", command, err, out)
		}
		if there, err := os.ReadDir(dir); err != nil || len(there) != 1 || there[0].Name() != filepath.Base(missing) {
			t.Errorf("%s made %v, %v", command, there, err)
		}
	}
}

// TestHostileArguments: a usage error repeats what was given.
func TestHostileArguments(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("|\n<b>", 20_000)
	for _, c := range checks(t) {
		t.Run(c.binary, func(t *testing.T) {
			t.Parallel()
			for _, args := range [][]string{
				{"--" + poison},
				{poison},
				{"-w", poison},
				{"-c", poison + "=5"},
				{"-t", poison},
				{"-o", poison},
				{"--timeout-state=" + poison},
				{"--config", poison},
				{"--" + long},
				{long},
				{"-w", long},
				{"-t", long},
				{"--config", "/" + long},
				{"-" + poison},
				{"--gate=" + poison},
			} {
				verifyUsage(t, c, call{args: append(slices.Clone(c.fine), args...)}.run(t, c.binary), "")
				o := call{args: append(append(slices.Clone(c.fine), args...), "--output=json")}.run(t, c.binary)
				if args[0] != "-o" {
					o.parse(t, c, 3)
				}
			}
			for _, name := range []string{"WARNING", "TIMEOUT", "OUTPUT", "CONFIG", "VERBOSE", "GATE"} {
				for _, value := range []string{poison, long} {
					o := call{args: c.unlimited(), env: []string{"CHECK_INGEST_" + name + "=" + value}}.run(t, c.binary)
					verifyUsage(t, c, o, "")
				}
			}
		})
	}
}

// TestHostileSettings: a file of settings may hold anything.
func TestHostileSettings(t *testing.T) {
	t.Parallel()
	for _, c := range checks(t) {
		t.Run(c.binary, func(t *testing.T) {
			t.Parallel()
			for name, text := range texts() {
				text = text[:min(len(text), 1<<19)]
				for _, yaml := range []string{strconv.Quote(text) + ": 1\n", "timeout: " + strconv.Quote(text) + "\n", "warning: [" + strconv.Quote(text) + "]\n", text} {
					o := call{args: append(c.unlimited(), "--config", settingsFile(t, yaml))}.run(t, c.binary)
					if !strings.Contains(o.stdout, "usage: ") && strings.TrimSpace(yaml) == "" {
						continue // spaces are an empty file
					}
					verifyUsage(t, c, o, "")
					if t.Failed() {
						t.Fatalf("%s: %.200q", name, yaml)
					}
				}
			}
		})
	}
}

// withHolder are the checks that tell who holds the lock, and how they are asked.
func (w world) withHolder() map[string][]string {
	return map[string][]string{
		"check_ingest_lock": {"--lock-file", w.lock},
		"check_ingest_db":   {"--db", w.db, "--lock-file", w.lock},
		"check_ingest_log":  {"--db", w.db, "--lock-file", w.lock},
	}
}

// observeAll observes the checks that are among args.
func observeAll(t *testing.T, args map[string][]string) map[string]seen {
	t.Helper()
	all := map[string]seen{}
	for _, c := range checks(t) {
		if a, ok := args[c.binary]; ok {
			all[c.binary] = observe(t, c, call{args: append(slices.Clone(a), "-t30")})
		}
	}
	return all
}

// TestHostileHolder: a process may call itself anything.
func TestHostileHolder(t *testing.T) {
	t.Parallel()
	base := healthy(t)
	for name, program := range map[string][]string{
		"a name":     {poison},
		"a script":   {"python3", "/x/" + strings.ReplaceAll(poison, "/", "_") + ".py"},
		"a module":   {"python3", "-m", poison},
		"a title":    {"postgres: " + poison},
		"a long one": {strings.Repeat("|\n<b>", 20_000)},
		"none":       {""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := base.copy(t)
			p := holding{lock: w.lock, db: w.db, program: program}.start(t)
			for binary, s := range observeAll(t, w.withHolder()) {
				// The log's answer is not about who holds the lock, unless that is a load into its database.
				if binary != "check_ingest_log" && !strings.Contains(s.first, "PID "+strconv.Itoa(p.Pid)) {
					t.Errorf("%s: %q", binary, s.first)
				}
			}
		})
	}
}

// copy is a world with the same database, and a lock file and snapshot of its own.
func (w world) copy(t *testing.T) world {
	t.Helper()
	n := emptyWorld(t)
	for from, to := range map[string]string{w.db: n.db, ledger.PathFor(w.db): ledger.PathFor(n.db)} {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		file(t, to, string(data))
	}
	return n
}

// TestHostileStatus: the status file beside the lock may hold anything, whether its run is believed to hold the lock or not.
func TestHostileStatus(t *testing.T) {
	t.Parallel()
	base := healthy(t)
	for name, text := range texts() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := base.copy(t)
			p := holding{lock: w.lock, db: w.db, program: []string{"ingest-aggtrades"}}.start(t)
			holder, err := runstate.ReadHolder(runstate.DefaultProcRoot, p.Pid)
			if err != nil {
				t.Fatal(err)
			}
			now := time.Now()
			// The file takes 64 KiB at most.
			const mark = "MARK"
			status := runstate.Status{
				Schema: 1, RunID: mark, PID: p.Pid, PIDStart: holder.StartTicks, Host: mark, User: mark, Program: mark, Version: mark, Database: w.db, DataDir: mark,
				StartedAt: now, HeartbeatAt: now, HeartbeatEvery: 60, Phase: runstate.PhaseLoad, CurrentFile: mark, FilesTotal: 3, Rows: 5, Outcome: mark,
			}
			write := func(s runstate.Status, text string) { file(t, runstate.StatusPath(w.lock), poisoned(t, s, mark, text)) }
			short := text[:min(len(text), 2<<10)]
			write(status, short)
			for binary, s := range observeAll(t, w.withHolder()) {
				if !strings.Contains(s.first, "0 of 3 files") {
					t.Errorf("%s does not believe the status: %q", binary, s.first)
				}
			}
			write(status, text)
			observeAll(t, w.withHolder())
			status.Phase = runstate.Phase(mark)
			write(status, short)
			observeAll(t, w.withHolder())
			file(t, runstate.StatusPath(w.lock), text)
			observeAll(t, w.withHolder())

			// Nobody holds the lock any more, and the run said how it ended.
			if err := p.Kill(); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Wait(); err != nil {
				t.Fatal(err)
			}
			code := 3
			status.Phase, status.EndedAt, status.ExitCode = runstate.PhaseEnded, &now, &code
			write(status, short)
			observeAll(t, w.withHolder())
		})
	}
}

// poisoned is v as JSON with a text, whatever its bytes, in the place of mark.
func poisoned(t *testing.T, v any, mark, text string) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b.WriteString(`\` + string(c))
		case c < ' ':
			b.WriteString(`\u00` + string("0123456789abcdef"[c>>4]) + string("0123456789abcdef"[c&15]))
		default:
			b.WriteByte(c)
		}
	}
	return string(bytes.ReplaceAll(data, []byte(mark), []byte(b.String())))
}

// TestHostileSnapshot: so may the ledger snapshot beside the database, from which the checks answer while a load runs.
func TestHostileSnapshot(t *testing.T) {
	t.Parallel()
	base := healthy(t)
	for name, text := range texts() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := base.copy(t)
			snapshot, err := ledger.ReadSnapshot(ledger.PathFor(w.db))
			if err != nil {
				t.Fatal(err)
			}
			const mark = "MARK"
			snapshot.RunID, snapshot.Version, snapshot.Database = mark, mark, mark
			snapshot.Runs = append(snapshot.Runs, ledger.Run{ID: mark, StartedAt: time.Now()})
			for i := range 60 {
				at := time.Now().Add(-time.Duration(i) * time.Hour)
				snapshot.Failed = append(snapshot.Failed, ledger.FileState{Path: "/in/" + mark, Symbol: "BTCUSDT", Market: catalog.UM, Status: ledger.Failed, Error: mark, At: at, Attempts: 3})
			}
			snapshot.FailedCount = len(snapshot.Failed)
			p := holding{lock: w.lock, db: w.db, program: []string{"ingest-aggtrades"}}.start(t)
			holder, err := runstate.ReadHolder(runstate.DefaultProcRoot, p.Pid)
			if err != nil {
				t.Fatal(err)
			}
			now := time.Now()
			file(t, runstate.StatusPath(w.lock), poisoned(t, runstate.Status{
				Schema: 1, RunID: "r", PID: p.Pid, PIDStart: holder.StartTicks, Program: "ingest-aggtrades", Database: w.db, StartedAt: now, HeartbeatAt: now, HeartbeatEvery: 60,
				Phase: runstate.PhaseLoad,
			}, mark, ""))
			args := w.withHolder()
			args["check_ingest_disk"] = []string{"--db", w.db, "--data-dir", base.data, "-c", "free=1B:"}
			// Sixty errors of 40 KB each.
			file(t, ledger.PathFor(w.db), poisoned(t, snapshot, mark, text[:min(len(text), 40<<10)]))
			all := observeAll(t, args)
			if s, ok := all["check_ingest_log"]; ok && !strings.Contains(s.first, "60 files failed") {
				t.Errorf("the snapshot was not used: %q", s.first)
			}
			snapshot.Failed[0].Status = ledger.Status(mark)
			file(t, ledger.PathFor(w.db), poisoned(t, snapshot, mark, text[:min(len(text), 10<<10)]))
			observeAll(t, args)
			file(t, ledger.PathFor(w.db), text)
			observeAll(t, args)
		})
	}
}

// TestHostileNumbers: whatever numbers and times status and snapshot have, the checks answer, and in order.
func TestHostileNumbers(t *testing.T) {
	t.Parallel()
	base := healthy(t)
	number := regexp.MustCompile(`("[a-z_]+":)-?[0-9][-+.0-9eE]*`)
	moment := regexp.MustCompile(`"20[0-9-]+T[0-9:.]+Z"`)
	identity := regexp.MustCompile(`^"(schema|pid|pid_start|heartbeat_every_seconds)":`)
	for literal, pattern := range map[string]*regexp.Regexp{
		"0": number, "-1": number, "1.5": number, "1e308": number, "1e999": number, "9223372036854775807": number, "9223372036854775808": number, `"7"`: number, "null": number,
		`"0001-01-01T00:00:01Z"`: moment, `"9999-12-31T23:59:59Z"`: moment, `"2024-02-30T00:00:00Z"`: moment,
	} {
		t.Run(literal, func(t *testing.T) {
			t.Parallel()
			w := base.copy(t)
			p := holding{lock: w.lock, db: w.db, program: []string{"ingest-aggtrades"}}.start(t)
			holder, err := runstate.ReadHolder(runstate.DefaultProcRoot, p.Pid)
			if err != nil {
				t.Fatal(err)
			}
			snapshot, err := ledger.ReadSnapshot(ledger.PathFor(w.db))
			if err != nil {
				t.Fatal(err)
			}
			now := time.Now().UTC()
			snapshot.Failed = []ledger.FileState{{Path: "/in/x", Symbol: "BTCUSDT", Market: catalog.UM, Status: ledger.Failed, At: now, Attempts: 3}}
			snapshot.FailedCount = 1
			status := runstate.Status{
				Schema: 1, RunID: "r", PID: p.Pid, PIDStart: holder.StartTicks, Program: "ingest-aggtrades", Database: w.db, StartedAt: now, HeartbeatAt: now, HeartbeatEvery: 60,
				Phase: runstate.PhaseLoad, FilesDone: 1, FilesTotal: 2, BytesDone: 1, BytesTotal: 2, Rows: 1, RowsPerSecond: 1,
			}
			lie := func(v any) string {
				data, err := json.Marshal(v)
				if err != nil {
					t.Fatal(err)
				}
				return pattern.ReplaceAllStringFunc(string(data), func(found string) string {
					name, _, isNumber := strings.Cut(found, ":")
					switch {
					case identity.MatchString(found):
						return found
					case isNumber && pattern == number:
						return name + ":" + literal
					default:
						return literal
					}
				})
			}
			args := w.withHolder()
			args["check_ingest_disk"] = []string{"--db", w.db, "--data-dir", base.data, "-c", "free=1B:"}
			file(t, runstate.StatusPath(w.lock), lie(status))
			glance(t, args)
			honest, err := json.Marshal(status)
			if err != nil {
				t.Fatal(err)
			}
			file(t, runstate.StatusPath(w.lock), string(honest))
			file(t, ledger.PathFor(w.db), lie(snapshot))
			glance(t, args)
		})
	}
}

// glance looks at what the checks that are among args say, in two forms only.
func glance(t *testing.T, args map[string][]string) {
	t.Helper()
	for _, c := range checks(t) {
		if a, ok := args[c.binary]; ok {
			o := call{args: append(slices.Clone(a), "-v")}.run(t, c.binary)
			o.verify(t, c, nagiostest.SoftLimit)
			call{args: append(slices.Clone(a), "--output=json")}.run(t, c.binary).parse(t, c, o.code)
		}
	}
}

// TestHostileDownloads: names and contents of downloads are what somebody else wrote, and so are the loader's messages about them.
func TestHostileDownloads(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	w.data = filepath.Join(w.data, strings.ToValidUTF8(poison, "")) // the ledger takes no other paths
	in := filepath.Join(w.data, "data", "futures", "um", "daily", "aggTrades", "BTCUSDT")
	if err := os.MkdirAll(in, 0o755); err != nil {
		t.Fatal(err)
	}
	day := synth.Spec{Series: catalog.Series{Market: catalog.UM, Symbol: "BTCUSDT"}, Period: catalog.DayPeriod(catalog.DayOf(time.Now()) - 20), Rows: 10, FirstID: 1}
	w.put(t, lot{spec: day, files: 1, packing: synth.Zip, spoiled: true})
	next := day.Next()
	for _, text := range []string{
		poison, "<html>" + poison, `<?xml version="1.0"?>` + poison, synth.Header + "\n" + poison + "\n", synth.Header + "\n1,2,3,4,5," + strings.Repeat("|", 1<<20) + ",true\n",
		"PK\x03\x04" + poison, strings.Repeat("x|", 1<<20), "",
	} {
		next = next.Next()
		file(t, filepath.Join(in, next.Name(synth.Plain)), text)
	}
	zipped := next.Next()
	w.put(t, lot{spec: zipped, files: 1, packing: synth.Zip})
	file(t, filepath.Join(in, zipped.Name(synth.Zip)+".CHECKSUM"), poison)
	file(t, filepath.Join(in, "BTC|\n<b>-aggTrades-2024-01-01.csv"), "")
	file(t, filepath.Join(in, "BTCUSDT-aggTrades-"+strings.ReplaceAll(poison, "/", "")+".zip"), "")
	if err := os.Symlink("/nowhere/"+poison, filepath.Join(in, "BTCUSDT-aggTrades-2024-01-02.csv")); err != nil {
		t.Fatal(err)
	}
	w.mustLoad(t, 1)
	args := map[string][]string{
		"check_ingest_csv":  {"--data-dir", w.data, "--checksum"},
		"check_ingest_disk": {"--db", w.db, "--data-dir", w.data, "-c", "free=1B:"},
		"check_ingest_db":   {"--db", w.db, "--lock-file", w.lock, "--gaps"},
		"check_ingest_log":  {"--db", w.db, "--lock-file", w.lock},
	}
	want := map[string]string{"check_ingest_csv": "bad", "check_ingest_log": "failed"}
	for binary, s := range observeAll(t, args) {
		if part := want[binary]; !strings.Contains(s.first, part) {
			t.Errorf("%s: %q", binary, s.first)
		}
	}
	args["check_ingest_csv"] = append(args["check_ingest_csv"], "--full")
	observeAll(t, map[string][]string{"check_ingest_csv": args["check_ingest_csv"]})
}

// TestHostileMount: a file system may be mounted on a folder called anything.
func TestHostileMount(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(folder(t), poison)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_RDONLY, "size=1048576"); err != nil {
		t.Skipf("may not mount: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	all := observeAll(t, map[string][]string{"check_ingest_disk": {"--path", dir + "=here", "--path=/=root"}})
	if s := all["check_ingest_disk"]; !strings.Contains(s.first, "(tmpfs) is mounted read-only") {
		t.Errorf("%q", s.first)
	}
}
