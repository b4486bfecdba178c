package packaging

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// n8nFields are the kinds of nodes that the workflow may have, with the version with which an n8n 2.40 has executed it, and the fields that the
// next node finds in $json: nil for a node that passes on what it gets.
func n8nFields() map[string]struct {
	version float64
	fields  []string
} {
	return map[string]struct {
		version float64
		fields  []string
	}{
		"n8n-nodes-base.scheduleTrigger": {1.2, []string{}},
		"n8n-nodes-base.manualTrigger":   {1, []string{}},
		"n8n-nodes-base.executeCommand":  {1, []string{"exitCode", "stderr", "stdout"}},
		"n8n-nodes-base.set":             {3.4, []string{}}, // its assignments
		"n8n-nodes-base.switch":          {3.2, nil},
		"n8n-nodes-base.noOp":            {1, nil},
		"n8n-nodes-base.httpRequest":     {4.2, []string{}},
		"n8n-nodes-base.stopAndError":    {1, []string{}},
	}
}

// fields are what a node finds in $json: what each node gives that leads to it.
func (w workflow) fields(name string, seen map[string]bool) (fields []string) {
	for _, from := range w.Nodes {
		leads := slices.ContainsFunc(w.Connections[from.Name].Main, func(output []connection) bool {
			return slices.ContainsFunc(output, func(to connection) bool { return to.Node == name })
		})
		if !leads || seen[from.Name] {
			continue
		}
		seen[from.Name] = true
		given := n8nFields()[from.Type].fields
		if given == nil {
			given = w.fields(from.Name, seen)
		}
		for _, a := range from.Parameters.Assignments.Assignments {
			given = append(slices.Clone(given), a.Name)
		}
		fields = append(fields, given...)
	}
	return fields
}

// TestN8nNodes: kinds and versions are those that an n8n has executed, no two nodes have one id, and expressions refer to nodes that there are
// and to fields that the nodes before give.
func TestN8nNodes(t *testing.T) {
	t.Parallel()
	w := readWorkflow(t)
	names, ids := map[string]bool{}, map[string]bool{}
	for _, n := range w.Nodes {
		if ids[n.ID] || n.ID == "" {
			t.Errorf("%s: the id %q is another's", n.Name, n.ID)
		}
		ids[n.ID], names[n.Name] = true, true
		if known, ok := n8nFields()[n.Type]; !ok || known.version != n.TypeVersion {
			t.Errorf("%s: %s, version %v, was not executed", n.Name, n.Type, n.TypeVersion)
		}
	}
	used := 0
	for _, n := range w.Nodes {
		given := w.fields(n.Name, map[string]bool{})
		for _, m := range regexp.MustCompile(`\$json\.([A-Za-z_]+)`).FindAllStringSubmatch(n.Parameters.text, -1) {
			used++
			if !slices.Contains(given, m[1]) {
				t.Errorf("%s: %s is not among %q", n.Name, m[0], given)
			}
		}
		for _, m := range regexp.MustCompile(`\$\('([^']*)'\)`).FindAllStringSubmatch(n.Parameters.text, -1) {
			used++
			if !names[m[1]] {
				t.Errorf("%s: %s is no node", n.Name, m[0])
			}
		}
	}
	if used < 10 {
		t.Errorf("only %d references were found", used)
	}
}

// n8nAnswers are what the commands of the workflow answer where a download is bad: the output of a node, by its name.
func n8nAnswers(t *testing.T) map[string]map[string]string {
	t.Helper()
	w, p := readWorkflow(t), newPlace(t)
	if err := os.WriteFile(filepath.Join(p.data, "BTCUSDT-aggTrades-2024-01-02.csv"), []byte("<html>"), 0o644); err != nil {
		t.Fatal(err)
	}
	answers := map[string]map[string]string{}
	for _, name := range []string{"Gate", "Load"} {
		code, text, log := p.n8n(t, w.command(t, name))
		answers[name] = map[string]string{"stdout": text + "\n" + code, "stderr": log}
	}
	release := p.hold(t)
	defer release()
	code, text, log := p.n8n(t, w.command(t, "Gate"))
	answers["Gate, the lock is held"] = map[string]string{"stdout": text + "\n" + code, "stderr": log}
	return answers
}

// TestN8nFields: what the expressions read in the JSON of preflight and of a load is there.
func TestN8nFields(t *testing.T) {
	t.Parallel()
	answers, w := n8nAnswers(t), readWorkflow(t)
	// The variables of the expressions, and the objects that they stand for.
	paths := map[string][]string{
		"answer": {}, "report": {}, "lock": {"checks"}, "c": {"checks"}, "m": {"checks", "metrics"}, "p": {"checks", "problems"}, "f": {"files"},
	}
	property := regexp.MustCompile(`\b(answer|report|lock|[cmpf])\.([a-z_]+)`)
	for node, command := range map[string]string{"Answer of the gate": "Gate", "Report of the load": "Load"} {
		stdout := answers[command]["stdout"]
		text := stdout[:strings.LastIndex(stdout, "\n")] // the exit code follows
		var doc any
		if err := json.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(w.Nodes, func(n n8nNode) bool { return n.Name == node })
		found := property.FindAllStringSubmatch(w.Nodes[i].Parameters.text, -1)
		for _, m := range found {
			if !has(doc, append(slices.Clone(paths[m[1]]), m[2])) {
				t.Errorf("%s reads %s, which the JSON of %s has not: %s", node, m[0], command, text)
			}
		}
		if len(found) < 3 {
			t.Errorf("%s: only %d properties were found", node, len(found))
		}
	}
}

// has tells whether some object on a path through objects and arrays has the last name of the path.
func has(doc any, path []string) bool {
	switch doc := doc.(type) {
	case []any:
		return slices.ContainsFunc(doc, func(element any) bool { return has(element, path) })
	case map[string]any:
		value, ok := doc[path[0]]
		return ok && (len(path) == 1 || has(value, path[1:]))
	}
	return false
}

// TestN8nExpressions has a JavaScript engine, where there is one, compute what the nodes after the commands make of their answers.
func TestN8nExpressions(t *testing.T) {
	t.Parallel()
	engine, err := exec.LookPath("node")
	if err != nil {
		t.Skipf("the expressions were not computed: %v", err)
	}
	answers, w := n8nAnswers(t), readWorkflow(t)
	compute := func(node, assignment string, input map[string]string) string {
		t.Helper()
		i := slices.IndexFunc(w.Nodes, func(n n8nNode) bool { return n.Name == node })
		for _, a := range w.Nodes[i].Parameters.Assignments.Assignments {
			if a.Name != assignment {
				continue
			}
			json, err := json.Marshal(input)
			if err != nil {
				t.Fatal(err)
			}
			expression := strings.TrimSuffix(strings.TrimPrefix(a.Value, "={{"), "}}")
			cmd := exec.Command(engine, "-e", "const $json = "+string(json)+"; process.stdout.write(String("+expression+"))")
			code, out := run(t, cmd)
			if code != 0 {
				t.Fatalf("%s, %s: %s", node, assignment, out)
			}
			return out
		}
		t.Fatalf("%s assigns no %s", node, assignment)
		return ""
	}
	for name, tt := range map[string]struct {
		node, assignment string
		input            map[string]string
		want             string // a pattern
	}{
		"a bad download shuts the gate": {"Answer of the gate", "code", answers["Gate"], `^1$`},
		"and is told with its remedy":   {"Answer of the gate", "text", answers["Gate"], `(?s)^The load was not begun, preflight ended with exit code 1\.\n.*not ready to load: csv\n- .*BTCUSDT-aggTrades-2024-01-02\.csv.*Fetch it again`},
		"a lock that is held":           {"Answer of the gate", "code", answers["Gate, the lock is held"], `^75$`},
		"a gate without JSON":           {"Answer of the gate", "text", map[string]string{"stdout": "127", "stderr": "not found"}, `exit code 127\.\nnot found$`},
		"a bad download fails a load":   {"Report of the load", "code", answers["Load"], `^1$`},
		"and is told with its reason":   {"Report of the load", "text", answers["Load"], `(?s)^The load ended with exit code 1\.\n.*\n- .*BTCUSDT-aggTrades-2024-01-02\.csv`},
		"a load without JSON":           {"Report of the load", "text", map[string]string{"stdout": "2", "stderr": "wrong flag"}, `exit code 2\.\nwrong flag$`},
	} {
		if got := compute(tt.node, tt.assignment, tt.input); !regexp.MustCompile(tt.want).MatchString(got) {
			t.Errorf("%s: %q is not like %q", name, got, tt.want)
		}
	}
}
