package packaging

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/check-ingest/check-ingest/internal/nagiostest"
)

// workflow is what a test looks at in a workflow for n8n.
type workflow struct {
	Nodes       []n8nNode
	Connections map[string]struct{ Main [][]connection }
}

// n8nNode is a node of a workflow.
type n8nNode struct {
	ID, Name, Type string
	TypeVersion    float64
	OnError        string
	Continue       bool `json:"continueOnFail"`
	Parameters     parameters
}

// connection leads to an input of a node.
type connection struct {
	Node, Type string
	Index      int
}

// parameters are those of a node that the tests know, and all of them as they stand.
type parameters struct {
	Command     string
	Assignments struct {
		Assignments []struct{ Name, Value string }
	}
	text string
}

// UnmarshalJSON keeps the text.
func (p *parameters) UnmarshalJSON(text []byte) error {
	type plain parameters // without this method
	p.text = string(text)
	return json.Unmarshal(text, (*plain)(p))
}

func readWorkflow(tb testing.TB) workflow {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join(nagiostest.Root(tb), "contrib/n8n/ingest_aggtrades.json"))
	if err != nil {
		tb.Fatal(err)
	}
	var w workflow
	if err := json.Unmarshal(data, &w); err != nil {
		tb.Fatal(err)
	}
	return w
}

// command is the command line of a node.
func (w workflow) command(tb testing.TB, name string) string {
	tb.Helper()
	for _, n := range w.Nodes {
		if n.Name == name && n.Type == "n8n-nodes-base.executeCommand" {
			return n.Parameters.Command
		}
	}
	tb.Fatalf("the workflow has no command %s", name)
	return ""
}

// TestN8nConnections: every connection joins nodes that there are, every node is reached from a trigger, and no node goes on after an error.
func TestN8nConnections(t *testing.T) {
	t.Parallel()
	w := readWorkflow(t)
	reached := map[string]bool{}
	var commands []string
	for _, n := range w.Nodes {
		if _, ok := reached[n.Name]; ok {
			t.Errorf("two nodes %q", n.Name)
		}
		reached[n.Name] = strings.HasSuffix(n.Type, "Trigger")
		if n.Continue || n.OnError != "" {
			t.Errorf("%s goes on after an error", n.Name)
		}
		if n.Parameters.Command != "" {
			commands = append(commands, n.Name)
		}
	}
	for from, c := range w.Connections {
		if _, ok := reached[from]; !ok {
			t.Errorf("a connection comes from %q, which is no node", from)
		}
		for _, output := range c.Main {
			for _, to := range output {
				if _, ok := reached[to.Node]; !ok || to.Type != "main" || to.Index != 0 {
					t.Errorf("%s is connected to %+v, which is no input of a node", from, to)
				}
				reached[to.Node] = true
			}
		}
	}
	for name, ok := range reached {
		if !ok {
			t.Errorf("nothing leads to %s", name)
		}
	}
	if want := []string{"Gate", "Load"}; !slices.Equal(commands, want) {
		t.Errorf("commands %q, want %q, which the other tests run", commands, want)
	}
}

// n8n runs a command as n8n does, with sh -c: the node shows stdout and stderr without white space at their ends, and fails where the exit code
// is not 0. The commands end with 0 and have the program's exit code as their last line.
func (p place) n8n(tb testing.TB, command string, env ...string) (code, answer, stderr string) {
	tb.Helper()
	cmd := exec.Command("/bin/sh", "-c", command)
	tmp := tb.TempDir()
	cmd.Env = append([]string{
		"PATH=" + binaries(tb, loader) + ":/usr/bin:/bin", "HOME=/nonexistent", "TMPDIR=" + tmp, "CHECK_INGEST_DB=" + p.db,
		"CHECK_INGEST_DATA_DIR=" + p.data, "CHECK_INGEST_LOCK_FILE=" + p.lock,
	}, env...)
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	if err := cmd.Run(); err != nil {
		tb.Fatalf("%s: %v\n%s", command, err, &log)
	}
	if left, _ := filepath.Glob(filepath.Join(tmp, "*")); len(left) > 0 {
		tb.Errorf("left behind: %v", left)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	last := len(lines) - 1
	return lines[last], strings.TrimSpace(strings.Join(lines[:last], "\n")), strings.TrimSpace(log.String())
}

// answer is what the workflow reads in the JSON of preflight and of a load.
type answer struct {
	Summary string
	Checks  []struct {
		Name    string
		Metrics []struct {
			Label string
			Value float64
		}
		Problems []struct{ Text, Remedy string }
	}
	Error string
	Files []struct{ Error string }
}

// held is how the workflow sees that another load runs.
func (a answer) held() bool {
	for _, c := range a.Checks {
		for _, m := range c.Metrics {
			if c.Name == "INGEST LOCK" && m.Label == "held" && m.Value == 1 {
				return true
			}
		}
	}
	return false
}

func readAnswer(tb testing.TB, text string) answer {
	tb.Helper()
	var a answer
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		tb.Fatalf("%v in %q", err, text)
	}
	return a
}

// TestN8nCommands takes the commands of the workflow through what the workflow tells apart.
func TestN8nCommands(t *testing.T) {
	t.Parallel()
	w := readWorkflow(t)
	gate, load := w.command(t, "Gate"), w.command(t, "Load")
	p := newPlace(t)

	release := p.hold(t)
	code, text, _ := p.n8n(t, gate)
	if a := readAnswer(t, text); code != "1" || !a.held() {
		t.Errorf("gate, the lock is held: %s, %+v", code, a)
	}
	if code, text, log := p.n8n(t, load, "CHECK_INGEST_WAIT=0"); code != "75" || readAnswer(t, text).Error == "" {
		t.Errorf("load, the lock is held: %s, %s, %s", code, text, log)
	}
	release()

	if code, text, _ := p.n8n(t, gate); code != "0" || readAnswer(t, text).held() {
		t.Errorf("gate, all is well: %s, %s", code, text)
	}
	for _, what := range []string{"the first load", "nothing to do"} {
		if code, text, log := p.n8n(t, load); code != "0" || readAnswer(t, text).Error != "" {
			t.Errorf("%s: %s, %s, %s", what, code, text, log)
		}
	}

	if err := os.WriteFile(filepath.Join(p.data, "BTCUSDT-aggTrades-2024-01-02.csv"), []byte("<html>"), 0o644); err != nil {
		t.Fatal(err)
	}
	code, text, _ = p.n8n(t, gate)
	if a := readAnswer(t, text); code != "1" || a.held() || !strings.Contains(a.Summary, "csv") || !strings.Contains(text, "Fetch it again") {
		t.Errorf("gate, a file is bad: %s, %s", code, text)
	}
	code, text, _ = p.n8n(t, load)
	a := readAnswer(t, text)
	if code != "1" || !strings.Contains(a.Error, "some files failed") || !strings.Contains(text, "BTCUSDT-aggTrades-2024-01-02.csv") {
		t.Errorf("load, a file is bad: %s, %s", code, text)
	}
}

// TestN8nWithoutJSON: where there is no JSON, or more of it than n8n should keep, the exit code and the log are there.
func TestN8nWithoutJSON(t *testing.T) {
	t.Parallel()
	w := readWorkflow(t)
	gate, load := w.command(t, "Gate"), w.command(t, "Load")
	p := newPlace(t)
	for name, command := range map[string]string{"gate": gate, "load": load} {
		if code, text, log := p.n8n(t, command, "CHECK_INGEST_DB="); code != "2" || text != "" || !strings.Contains(log, "--db") {
			t.Errorf("%s without a database: %s, %q, %q", name, code, text, log)
		}
		if code, text, log := p.n8n(t, command, "PATH=/usr/bin:/bin"); code != "127" || text != "" || !strings.Contains(log, loader) {
			t.Errorf("%s without the program: %s, %q, %q", name, code, text, log)
		}
	}
	// A report of more than half a megabyte: many files, all of them bad, with long paths.
	deep := filepath.Join(p.data, strings.Repeat("a", 200), strings.Repeat("b", 200))
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	day := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 800 {
		name := "BTCUSDT-aggTrades-" + day.AddDate(0, 0, i).Format(time.DateOnly) + ".csv"
		if err := os.WriteFile(filepath.Join(deep, name), []byte("<html>"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	code, text, log := p.n8n(t, load)
	if code != "1" || text != "" || strings.Count(log, "\n") != 4 || !strings.Contains(log, "run ended") {
		t.Errorf("a long report: %s, %d bytes, %q", code, len(text), log)
	}
}
