package conformance

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/runstate"
)

// loaderForms are the loader's commands in every form of their output.
func loaderForms() [][]string {
	return [][]string{
		{"run", "--wait=0"},
		{"run", "--wait=0", "-o", "json"},
		{"run", "--dry-run"},
		{"run", "--wait=0", "--log-format=json", "--verbose"},
		{"status"},
		{"status", "-o", "json"},
		{"status", "-o", "csv"},
		{"preflight"},
		{"preflight", "-o", "json"},
		{"verify"},
		{"verify", "-o", "json"},
		{"migrate", "--wait=0", "--dry-run"},
		{"migrate", "--wait=0", "-o", "json"},
	}
}

// everyForm runs the loader's commands in every form, with settings from the environment, and fails the test where one breaks its output.
func everyForm(t *testing.T, what string, env ...string) {
	t.Helper()
	for _, args := range loaderForms() {
		o := call{args: args, env: env}.run(t, "ingest-aggtrades")
		verifyLoader(t, what, args, o)
		if t.Failed() {
			t.FailNow()
		}
	}
}

// verifyLoader fails the test where the loader ended in no way that it knows, or where its output is not what was asked for or does something to a terminal.
func verifyLoader(t *testing.T, what string, args []string, o outcome) {
	t.Helper()
	if !slices.Contains([]int{0, 1, 2, 3, 4, 5, 75}, o.code) {
		t.Errorf("%s: %q: exit code %d: %.2000q", what, args, o.code, o.stderr)
	}
	if o.stdout == "" && o.stderr == "" {
		t.Errorf("%s: %q: exit code %d, and not a word", what, args, o.code)
	}
	form := ""
	if i := slices.Index(args, "-o"); i >= 0 && i+1 < len(args) {
		form = args[i+1]
	}
	for i, text := range []string{o.stdout, o.stderr} {
		forPeople := i == 1 && !slices.Contains(args, "--log-format=json") || i == 0 && form != "json" // JSON's strings hold any character
		if !utf8.ValidString(text) || forPeople && strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) {
			t.Errorf("%s: %q: a character that is not safe in %.2000q", what, args, text)
		}
		if strings.Contains(text, "goroutine ") || strings.Contains(text, "panic") {
			t.Errorf("%s: %q: %.2000q", what, args, text)
		}
	}
	switch {
	case o.stdout == "":
	case form == "json" && !json.Valid([]byte(o.stdout)):
		t.Errorf("%s: %q: no JSON: %.2000q", what, args, o.stdout)
	case form == "csv":
		if _, err := csv.NewReader(strings.NewReader(o.stdout)).ReadAll(); err != nil {
			t.Errorf("%s: %q: %v in %.2000q", what, args, err, o.stdout)
		}
	}
}

// settingsOf are the paths of a world, as the environment has them.
func (w world) settings() []string {
	return []string{"CHECK_INGEST_DB=" + w.db, "CHECK_INGEST_DATA_DIR=" + w.data, "CHECK_INGEST_LOCK_FILE=" + w.lock}
}

// TestHostileLoaderPaths: what is loaded, into what, and behind which lock may be called anything.
func TestHostileLoaderPaths(t *testing.T) {
	t.Parallel()
	base := healthy(t)
	long := strings.Repeat("n", 255) // as long as a name can be
	for name, change := range map[string]func(w *world){
		"the database":          func(w *world) { w.db = filepath.Join(w.dir, strings.ToValidUTF8(poison, "")+".duckdb") },
		"no UTF-8":              func(w *world) { w.db = filepath.Join(w.dir, poison+".duckdb") },
		"the data dir":          func(w *world) { w.data = filepath.Join(w.dir, poison) },
		"the lock":              func(w *world) { w.lock = filepath.Join(w.dir, poison) },
		"a long database":       func(w *world) { w.db = filepath.Join(w.dir, long) },
		"a long lock":           func(w *world) { w.lock = filepath.Join(w.dir, long) },
		"a folder for all":      func(w *world) { w.db, w.data, w.lock = w.dir, w.dir, w.dir },
		"far too long":          func(w *world) { w.db = "/" + strings.Repeat("|\n/", 3000) },
		"no folder":             func(w *world) { w.db, w.lock = filepath.Join(w.dir, "no", poison), filepath.Join(w.dir, "no", poison) },
		"above the folder":      func(w *world) { w.db = w.dir + "/../" + poison + "/../x.duckdb" },
		"a query, and a minus":  func(w *world) { w.db, w.lock = w.dir+"/a?b=c&d", "-"+poison },
		"SQL":                   func(w *world) { w.db = filepath.Join(w.dir, "x'; DROP TABLE aggtrades_history; --.duckdb") },
		"a shell's command":     func(w *world) { w.db = filepath.Join(w.dir, "$(touch "+filepath.Base(w.dir)+");`touch x`") },
		"nothing but the names": func(*world) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := base.copy(t)
			w.data = base.data
			change(&w)
			before := names(t, w.dir)
			everyForm(t, name, w.settings()...)
			for _, made := range names(t, w.dir) {
				if !slices.Contains(before, made) && !strings.HasPrefix(made, filepath.Base(w.db)) && !strings.HasPrefix(made, filepath.Base(w.lock)) && made != "ingest.lock.status" {
					t.Errorf("it made %q", made)
				}
			}
		})
	}
}

// names are the names in a folder.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// TestHostileSymbolsAndDates: they are refused by every program that takes them, and repeated in the message.
func TestHostileSymbolsAndDates(t *testing.T) {
	t.Parallel()
	w := healthy(t)
	values := map[string]string{
		"poison": poison, "SQL": "BTC' OR 1=1 --", "a shell's command": "$(reboot)", "a path": "../../etc/passwd", "long": strings.Repeat("X", 10_000), "a NUL's place": "\x01", "empty": "",
	}
	for _, c := range checks(t) {
		t.Run(c.binary, func(t *testing.T) {
			t.Parallel()
			flags := flagsOf(t, c.binary)
			for _, flag := range []string{"symbol", "market", "start-date", "end-date"} {
				if !flags[flag] {
					continue
				}
				args := c.unlimited()
				if c.binary == "check_ingest_disk" {
					args = []string{"--db", w.db, "--data-dir", w.data}
				}
				for name, value := range values {
					if value == "" {
						continue // is not set
					}
					verifyUsage(t, c, call{args: append(slices.Clone(args), "--"+flag+"="+value)}.run(t, c.binary), flag)
					call{args: append(slices.Clone(args), "--"+flag+"="+value, "-o", "json")}.run(t, c.binary).parse(t, c, 3)
					if t.Failed() {
						t.Fatalf("--%s: %s", flag, name)
					}
				}
			}
		})
	}
	t.Run("ingest-aggtrades", func(t *testing.T) {
		t.Parallel()
		for _, command := range []string{"run", "status", "preflight", "verify"} {
			flags := flagsOf(t, "ingest-aggtrades", command)
			for _, flag := range []string{"symbol", "market", "start-date", "end-date"} {
				if !flags[flag] {
					continue
				}
				for name, value := range values {
					if value == "" {
						continue
					}
					for _, form := range []string{"text", "json"} {
						args := []string{command, "--" + flag + "=" + value, "-o", form}
						o := call{args: args, env: w.settings()}.run(t, "ingest-aggtrades")
						verifyLoader(t, name, []string{command, flag}, o)
						if o.code != 2 || !strings.Contains(o.stdout+o.stderr, "--"+flag) || len(o.stderr) > 8192 {
							t.Fatalf("%s --%s, %s: exit code %d, %.1000q, %.1000q", command, flag, name, o.code, o.stdout, o.stderr)
						}
					}
				}
			}
		}
	})
}

// TestHostileLoaderArguments: a usage error of the loader repeats what was given.
func TestHostileLoaderArguments(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("|\n<b>", 20_000)
	for _, args := range [][]string{
		{"--" + poison},
		{poison},
		{"run", poison},
		{"status", "--" + poison},
		{"-o", poison},
		{"--wait=" + poison},
		{"--memory-limit", poison},
		{"--config", poison},
		{"--threads", poison},
		{"--" + long},
		{long},
		{"verify", long},
		{"--wait", long},
		{"--config", "/" + long},
		{"-" + poison},
		{"completion", poison},
	} {
		o := call{args: args, env: healthy(t).settings()}.run(t, "ingest-aggtrades")
		verifyLoader(t, "argument", []string{args[0][:min(len(args[0]), 100)]}, o)
		if o.code != 2 || o.stdout != "" || len(o.stderr) > 8192 {
			t.Errorf("%.200q: exit code %d, %d bytes, %.500q", args, o.code, len(o.stderr), o.stderr)
		}
	}
}

// TestHostileLoaderSettings: the loader refuses a file of settings as the checks do, and names it.
func TestHostileLoaderSettings(t *testing.T) {
	t.Parallel()
	w := healthy(t)
	open := settingsFile(t, "throttle: 1s\n")
	if err := os.Chmod(open, 0o666); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(folder(t), "link.yaml")
	if err := os.Symlink(open, link); err != nil {
		t.Fatal(err)
	}
	loop := filepath.Join(folder(t), "loop.yaml")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	paths := map[string]string{
		"writable by everybody": open, "a link to one": link, "a link to itself": loop, "a folder": w.dir, "a device": "/dev/zero", "missing": "/nonexistent/" + poison,
		"too large": settingsFile(t, "db: "+strings.Repeat("x", 1<<20)), "a bomb of aliases": settingsFile(t, "a: &a [x,x]\nb: &b [*a,*a]\ndb: *b\n"),
		"two documents": settingsFile(t, "verbose: true\n---\nverbose: false\n"), "an unknown key": settingsFile(t, "thottle: 1s\n"), "a key that is poison": settingsFile(t, "\""+strings.Repeat("\\u001b[31m|", 100)+"\": 1\n"),
	}
	for name, text := range texts() {
		if strings.TrimSpace(text) != "" {
			paths[name] = settingsFile(t, text[:min(len(text), 1<<19)])
		}
	}
	for name, path := range paths {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, command := range []string{"run", "status", "preflight", "verify", "migrate"} {
				o := call{args: []string{command, "--config", path}, env: w.settings()}.run(t, "ingest-aggtrades")
				verifyLoader(t, name, []string{command}, o)
				if o.code != 2 || o.stdout != "" || len(o.stderr) > 8192 {
					t.Errorf("%s: exit code %d, %.300q, %.500q", command, o.code, o.stdout, o.stderr)
				}
			}
		})
	}
}

// TestHostileStateOfLoads: what lies beside the lock and the database may be anything, to the loader's commands as to the checks.
func TestHostileStateOfLoads(t *testing.T) {
	t.Parallel()
	base := healthy(t)
	snapshot, err := ledger.ReadSnapshot(ledger.PathFor(base.db))
	if err != nil {
		t.Fatal(err)
	}
	const mark = "MARK"
	snapshot.RunID, snapshot.Version, snapshot.Database = mark, mark, mark
	snapshot.Failed = []ledger.FileState{{Path: "/in/" + mark, Symbol: "BTCUSDT", Market: "um", Status: ledger.Failed, Error: mark, At: time.Now()}}
	snapshot.FailedCount = 1
	for name, text := range texts() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := base.copy(t)
			w.data = base.data
			p := holding{lock: w.lock, db: w.db, program: []string{"ingest-aggtrades"}}.start(t)
			holder, err := runstate.ReadHolder(runstate.DefaultProcRoot, p.Pid)
			if err != nil {
				t.Fatal(err)
			}
			now := time.Now()
			status := runstate.Status{
				Schema: 1, RunID: mark, PID: p.Pid, PIDStart: holder.StartTicks, Host: mark, User: mark, Program: mark, Version: mark, Database: w.db, DataDir: mark,
				StartedAt: now, HeartbeatAt: now, HeartbeatEvery: 60, Phase: runstate.PhaseLoad, CurrentFile: mark, FilesTotal: 3, Rows: 5, Outcome: mark,
			}
			for _, s := range []string{poisoned(t, status, mark, text[:min(len(text), 2<<10)]), text, "{}", "null", "[]", `{"schema":1,"pid":` + strings.Repeat("9", 400) + "}"} {
				file(t, runstate.StatusPath(w.lock), s)
				file(t, ledger.PathFor(w.db), poisoned(t, snapshot, mark, text[:min(len(text), 10<<10)]))
				everyForm(t, name, w.settings()...)
				file(t, ledger.PathFor(w.db), s)
				everyForm(t, name, w.settings()...)
			}
		})
	}
}
