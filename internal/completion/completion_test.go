package completion

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/internal/ptytest"
)

// level is the type of a flag that takes one of a few values.
type level string

func (level) Choices() []string { return []string{"low", "high"} }

// tool is a grammar with sub-commands, of which the first is meant where none is given.
type tool struct {
	Load struct {
		DB      string   `short:"d" placeholder:"FILE" help:"The database's [file]: \"it\" costs $5, or 'nothing' \\ at all. And more."`
		DataDir string   `placeholder:"DIR" help:"The folder."`
		Symbol  []string `placeholder:"SYMBOL" help:"A symbol."`
		Output  string   `short:"o" enum:"text,json" default:"text" placeholder:"FORMAT" help:"The form."`
		Secret  bool     `hidden:"" help:"Not shown."`
	} `cmd:"" default:"withargs" help:"Load $(things); it's the default."`
	Status struct {
		Output string `short:"o" enum:"text,csv" default:"text" placeholder:"FORMAT" help:"The form."`
		Level  level  `placeholder:"LEVEL" help:"The level."`
	} `cmd:"" help:"Show \"things\"."`
	Completion struct {
		Shell Shell `arg:""`
	} `cmd:"" help:"Print a script."`
	Hidden  struct{} `cmd:"" hidden:"" help:"Not shown."`
	Verbose int      `short:"v" type:"counter" help:"Say more."`
}

// check is a grammar without.
type check struct {
	Warning []string `short:"w" placeholder:"[METRIC=]RANGE" help:"A threshold."`
	Path    string   `placeholder:"PATH[=ALIAS]" help:"A path."`
	Gate    bool     `help:"A gate."`
}

// cases are what stands on the command line, with the last word cut off where it is completed, and all that it can become.
var cases = map[string][]string{
	"a-tool ":                           {"completion", "load", "status"},
	"a-tool st":                         {"status"},
	"a-tool --d":                        {"--data-dir", "--db"},
	"a-tool -o ":                        {"json", "text"},
	"a-tool --output j":                 {"json"},
	"a-tool --output=":                  {"json", "text"},
	"a-tool --output=te":                {"text"},
	"a-tool load --output ":             {"json", "text"},
	"a-tool status --output ":           {"csv", "text"},
	"a-tool status --output=c":          {"csv"},
	"a-tool status --level ":            {"high", "low"},
	"a-tool status --d":                 nil,
	"a-tool status --l":                 {"--level"},
	"a-tool status --verb":              {"--verbose"},
	"a-tool --db status -o ":            {"json", "text"}, // the database is called status
	"a-tool completion ":                {"bash", "fish", "zsh"},
	"a-tool completion z":               {"zsh"},
	"a-tool --db t":                     {"tra des.duckdb", "t's"},
	"a-tool -d tra":                     {"tra des.duckdb"},
	"a-tool --db=tra":                   {"tra des.duckdb"},
	"a-tool --data-dir t":               {"t's"},
	"a-tool --data-dir=t":               {"t's"},
	"a-tool --sec":                      nil,
	"a-tool --symbol x":                 nil,
	"a-tool --symbol A --symbol B --sy": {"--symbol"},
	"check_it --g":                      {"--gate"},
	"check_it --path tra":               {"tra des.duckdb"},
	"check_it -w fr":                    {"free=", "free_pct="},
	"check_it -w ag":                    {"age="},
	"check_it --warning=ag":             {"age="},
	"check_it -w free=1 -w a":           {"age="},
	"check_it t":                        nil,
}

// scripts writes the scripts of both programs into a folder, beside what file names are completed from, and gives the scripts' paths.
func scripts(t *testing.T, shell Shell) (dir string, paths []string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "tra des.duckdb"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "t's"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, grammar := range map[string]any{"a-tool": new(tool), "check_it": new(check)} {
		k, err := kong.New(grammar, kong.Name(name))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "."+name)
		begins := map[string][]string{"warning": {"free=", "free_pct=", "age="}}
		if err := os.WriteFile(path, []byte(Script(shell, k.Model, begins)), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return dir, paths
}

func lookFor(t *testing.T, shell Shell) {
	t.Helper()
	if _, err := exec.LookPath(string(shell)); err != nil {
		t.Skipf("completion was not tried: %v", err)
	}
}

func TestFish(t *testing.T) {
	t.Parallel()
	lookFor(t, Fish)
	dir, paths := scripts(t, Fish)
	for line, want := range cases {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		c := exec.CommandContext(ctx, "fish", "--no-config", "-c", "source $argv[1]; source $argv[2]; complete -C $argv[3]", paths[0], paths[1], line)
		c.Dir = dir
		var errs bytes.Buffer
		c.Stderr = &errs
		out, err := c.Output()
		cancel()
		if err != nil || errs.Len() > 0 {
			t.Errorf("%q: %v %s", line, err, &errs)
		}
		var got []string
		for l := range strings.Lines(string(out)) {
			word, _, _ := strings.Cut(strings.TrimSpace(l), "\t")
			if flag, value, ok := strings.Cut(word, "="); ok && strings.HasPrefix(flag, "--") {
				word = value // fish gives the flag along with its value
			}
			got = append(got, strings.ReplaceAll(word, `\`, ""))
		}
		compare(t, line, want, got)
	}
}

// patience is how long a shell may take; it ends tests that hang.
const patience = 2 * time.Minute

// TestBash and TestZsh type the beginning of a line and a key that inserts all completions, and have a function that bears the program's
// name write down the words that it was called with.
func TestBash(t *testing.T) {
	t.Parallel()
	lookFor(t, Bash)
	for mode, setup := range map[string]string{"as it is": "", "= breaks no words": "COMP_WORDBREAKS=${COMP_WORDBREAKS//=}; "} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			dir, paths := scripts(t, Bash)
			typed(t, dir, paths, setup+`bind '"\C-t": insert-completions'`, "bash", "--norc", "--noprofile", "-i")
		})
	}
}

func TestZsh(t *testing.T) {
	t.Parallel()
	lookFor(t, Zsh)
	dir, paths := scripts(t, Zsh)
	before := `autoload -Uz compinit; compinit -D -u; zle -C all-matches complete-word _generic; bindkey '^T' all-matches; ` +
		`zstyle ':completion:all-matches::::' completer _all_matches _complete; zstyle ':completion:all-matches:*' insert true; unsetopt list_beep`
	typed(t, dir, paths, before, "zsh", "-f", "-i")
}

// typed tries all cases in a shell on a terminal.
func typed(t *testing.T, dir string, scripts []string, setup string, shell ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	screen, terminal := ptytest.Open(t)
	c := exec.CommandContext(ctx, shell[0], shell[1:]...)
	c.Dir, c.Stdin, c.Stdout, c.Stderr = dir, terminal, terminal, terminal
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TERM=dumb", "PS1=> ", "LC_ALL=C.UTF-8"}
	c.SysProcAttr = ownTerminal()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	_ = terminal.Close()
	defer func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	}()
	s := &session{t: t, screen: screen}
	words := filepath.Join(dir, ".words")
	s.send(setup + "\n")
	for _, path := range scripts {
		s.send("source " + path + "\n")
	}
	for _, name := range []string{"a-tool", "check_it"} {
		s.send(name + `() { printf '%s\0' "$@" > ` + words + `; echo do''ne; }` + "\n")
	}
	for line, want := range cases {
		before := strings.Fields(line)
		s.send(line + "\x14\n")
		s.wait("done")
		data, err := os.ReadFile(words)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Split(strings.TrimSuffix(string(data), "\x00"), "\x00")
		compare(t, line, want, completed(got, before[1:], strings.HasSuffix(line, " ")))
	}
}

// completed are the words that were inserted after those that stood on the line before.
func completed(got, before []string, fresh bool) []string {
	cut := len(before)
	last := ""
	if !fresh {
		cut--
		last = before[cut]
	}
	got = got[min(cut, len(got)):]
	if len(got) == 1 && (got[0] == last || got[0] == "") {
		return nil // nothing was completed
	}
	if flag, _, ok := strings.Cut(last, "="); ok {
		for i := range got {
			got[i] = strings.TrimPrefix(got[i], flag+"=")
		}
	}
	return got
}

func compare(t *testing.T, line string, want, got []string) {
	t.Helper()
	for i, word := range got {
		got[i] = strings.TrimSuffix(word, "/") // of a folder, which not every way of completion appends
	}
	slices.Sort(got)
	want = slices.Clone(want)
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Compact(got)); diff != "" {
		t.Errorf("%q (-want +got)\n%s", line, diff)
	}
}

// session is a shell on a terminal.
type session struct {
	t      *testing.T
	screen io.ReadWriter
	seen   []byte
}

func (s *session) send(text string) {
	s.t.Helper()
	if _, err := fmt.Fprint(s.screen, text); err != nil {
		s.t.Fatal(err)
	}
}

// wait reads until a line is just that word.
func (s *session) wait(word string) {
	s.t.Helper()
	buf := make([]byte, 4096)
	for !bytes.Contains(s.seen, []byte("\n"+word+"\r\n")) {
		n, err := s.screen.Read(buf)
		if err != nil {
			s.t.Fatalf("%v; seen: %q", err, s.seen)
		}
		s.seen = append(s.seen, buf[:n]...)
	}
	s.seen = nil
}
