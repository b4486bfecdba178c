package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/synth"
	"github.com/check-ingest/check-ingest/internal/testfs"
)

// view is what the five checks say at one moment: state and words of the first line, with "..." for what lies between. $D is the folder of the
// database. A check that is left out says OK.
type view struct{ lock, disk, db, csv, log string }

// stage is a step of a fault and what is seen after it.
type stage struct {
	when string
	do   step
	view view
}

// step is something that happens in a scene.
type step = func(t *testing.T, s *scene)

// scene is a world in which a fault takes place, and what its steps have to hand on to each other.
type scene struct {
	*world
	next   synth.Spec    // of the next download
	loader *exec.Cmd     // the load that runs
	more   []*exec.Cmd   // that run beside it
	traced int           // its PID, where loader is the strace that it runs under
	out    *bytes.Buffer // what the last program said
	holder *exec.Cmd     // another program that holds something
	nobody bool          // loader and checks are run by the user nobody
	disk   testfs.Disk   // that of the database
	undo   func()        // what a step did
}

// TestSeen asks all checks at the moment of each fault of a load, and after it: the state, the sentence and the exit code in both forms, in time.
func TestSeen(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes a minute")
	}
	see(t, faults())
}

// see has all checks asked at each stage of each scene.
func see(t *testing.T, scenes map[string][]stage) {
	t.Helper()
	for name, stages := range scenes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			for _, m := range stages {
				m.do(t, s)
				s.look(t, m)
				if t.Failed() {
					t.Fatalf("the load said: %s", s.out)
				}
			}
		})
	}
}

func newScene(t *testing.T) *scene {
	t.Helper()
	return &scene{world: newWorld(t), out: new(bytes.Buffer), next: spec(catalog.UM, "BTCUSDT", january, 1000, 1)}
}

// look has all checks asked at once.
func (s *scene) look(t *testing.T, m stage) {
	t.Helper()
	db := []string{"--db", s.db, "--lock-file", s.lock}
	var all sync.WaitGroup
	for _, c := range []struct {
		name, want string
		args       []string
	}{
		{"lock", m.view.lock, []string{"--lock-file", s.lock}},
		{"disk", m.view.disk, []string{"--db", s.db, "--data-dir", s.data, "-c", "free=1B:"}},
		{"db", m.view.db, db},
		{"csv", m.view.csv, []string{"--data-dir", s.data}},
		{"log", m.view.log, db},
	} {
		all.Go(func() {
			if c.want == "" {
				c.want = "OK: "
			}
			limit := "60s"
			if strings.Contains(c.want, "timed out") || strings.Contains(c.want, "does not answer") {
				limit = "2s"
			}
			s.oneSays(t, m.when, c.name, c.want, append(c.args, "-t", limit))
		})
	}
	all.Wait()
}

// oneSays has one check say what is wanted, in both forms.
func (s *scene) oneSays(t *testing.T, when, check, want string, args []string) {
	t.Helper()
	state, words, _ := strings.Cut(want, ": ")
	code := slices.Index([]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}, state)
	text, got := s.answer(t, check, args...)
	line, _, _ := strings.Cut(text, "\n")
	line, _, _ = strings.Cut(line, " | ")
	if name := "INGEST " + strings.ToUpper(check) + " "; got != code || !strings.HasPrefix(line, name+state+": ") || !says(line, s.words(words)) {
		t.Errorf("%s: exit code %d, %s\nwant %s", when, got, line, want)
	}
	text, got = s.answer(t, check, append(args, "-o", "json")...)
	var doc struct {
		State, Summary string
		ExitCode       int `json:"exit_code"`
		Problems       []struct{ State, Text, Remedy string }
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatalf("%s: %s: %v in %q", when, check, err, text)
	}
	if got != code || doc.ExitCode != code || doc.State != state || !says(doc.Summary, s.words(words)) {
		t.Errorf("%s: %s: exit code %d, JSON %+v\nwant %s", when, check, got, doc, want)
	}
	for _, p := range doc.Problems {
		if p.Remedy == "" {
			t.Errorf("%s: %s: nothing to do about %q", when, check, p.Text)
		}
	}
}

// words are what is looked for in a line.
func (s *scene) words(want string) []string {
	return strings.Split(strings.ReplaceAll(want, "$D", strings.ToValidUTF8(filepath.Dir(s.db), "?")), "...")
}

// says reports whether a line has these words, in their order. Plugin output has commas for semicolons.
func says(line string, words []string) bool {
	if !strings.Contains(line, ";") {
		words = strings.Split(strings.ReplaceAll(strings.Join(words, "..."), ";", ","), "...")
	}
	for _, w := range words {
		_, rest, found := strings.Cut(line, strings.TrimSpace(w))
		if !found {
			return false
		}
		line = rest
	}
	return true
}

// answer runs a check to its end, which has to come.
func (s *scene) answer(t *testing.T, check string, args ...string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.binary(t, "check_ingest_"+check), args...)
	cmd.Env = []string{"XDG_CONFIG_HOME=" + filepath.Join(s.dir, "no-config")}
	s.as(cmd)
	out, err := cmd.Output()
	if ctx.Err() != nil {
		t.Errorf("check_ingest_%s %q did not end", check, args)
	}
	return string(out), exitCode(t, err)
}

// binary is a program as the scene's user can run it: the test binary lies in a folder that only root may enter.
func (s *scene) binary(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatal(err)
	}
	if !s.nobody {
		return path
	}
	link := filepath.Join(s.dir, name)
	if err := os.Link(path, link); err != nil && !os.IsExist(err) {
		t.Skipf("put the binary where others may run it: %v", err)
	}
	return link
}

// as has a process run by the scene's user.
func (s *scene) as(cmd *exec.Cmd) {
	if s.nobody {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
}
