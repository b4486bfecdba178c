package conformance

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/internal/nagiostest"
)

var updateDocs = flag.Bool("update-docs", false, "write help texts and the output of examples into docs")

// page is a file of docs. Where it is not what is wanted the test fails, or the file is written.
type page struct{ name, text string }

func readPage(t *testing.T, name string) page {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(nagiostest.Root(t), "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return page{name, string(data)}
}

func (p page) want(t *testing.T, text string) {
	t.Helper()
	if *updateDocs {
		if err := os.WriteFile(filepath.Join(nagiostest.Root(t), "docs", p.name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(text, p.text); diff != "" {
		t.Errorf("docs/%s is not what the program says; go test ./internal/conformance -run Docs -update-docs rewrites it (-want +got):\n%s", p.name, diff)
	}
}

// TestDocsHaveTheHelp keeps the help text in a check's page what the check prints, and the page's metrics complete.
func TestDocsHaveTheHelp(t *testing.T) {
	for _, c := range checks(t) {
		t.Run(c.binary, func(t *testing.T) {
			p := readPage(t, c.binary+".md")
			help := call{args: []string{"-h"}}.run(t, c.binary).stdout
			block := regexp.MustCompile("(?s)```\n[^\n]+\n\nUsage: " + c.binary + " \\[flags\\]\n.*?\n```\n")
			if block.FindStringIndex(p.text) == nil {
				t.Fatal("the page has no help text")
			}
			p.want(t, block.ReplaceAllLiteralString(p.text, "```\n"+help+"```\n"))
			if !strings.Contains(p.text, "(check-output.md") {
				t.Error("the page does not link to check-output.md, which says what all checks share")
			}
			prose := block.ReplaceAllString(p.text, "")
			for _, label := range metricsOf(help) {
				if !regexp.MustCompile("(?m)^\\|[^|]*`" + label + "`[^|]*\\|").MatchString(prose) {
					t.Errorf("metric %s is in no table of the page", label)
				}
			}
		})
	}
}

// metricsOf are the labels that a help text lists.
func metricsOf(help string) []string {
	_, text, _ := strings.Cut(help, "\nMetrics, ")
	text, _, _ = strings.Cut(text, "\n\n")
	var labels []string
	for _, m := range regexp.MustCompile(`(?m)^  ([a-z][a-z0-9_]*) `).FindAllStringSubmatch(text, -1) {
		labels = append(labels, m[1])
	}
	return labels
}

// TestDocsJSON: the fields that docs/check-output.md explains are those that JSON output has.
func TestDocsJSON(t *testing.T) {
	w := healthy(t)
	p := readPage(t, "check-output.md")
	o := call{args: []string{"--lock-file", w.lock, "-c", "held_for=~:-1", "-w", "held_for=5", "-o", "json"}}.run(t, "check_ingest_lock")
	var doc map[string]any
	if err := json.Unmarshal([]byte(o.stdout), &doc); err != nil {
		t.Fatal(err)
	}
	fields := []string{"lines", "details", "problems[].remedy", "problems[].path"} // that this state does not have
	var collect func(prefix string, v any)
	collect = func(prefix string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, value := range v {
				fields = append(fields, prefix+key)
				collect(prefix+key, value)
			}
		case []any:
			for _, item := range v {
				collect(prefix+"[].", item)
			}
		}
	}
	collect("", doc)
	slices.Sort(fields)
	fields = slices.Compact(fields)
	var documented []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_.\\[\\]]+)` \\|").FindAllStringSubmatch(p.text, -1) {
		documented = append(documented, m[1])
	}
	slices.Sort(documented)
	if diff := cmp.Diff(fields, documented); diff != "" {
		t.Errorf("fields of JSON (-output +documented):\n%s", diff)
	}
}

// TestDocsExamples runs the examples of the pages whose blocks are marked with a scene, and compares their output but for numbers.
func TestDocsExamples(t *testing.T) {
	scenes := scenes()
	for _, name := range []string{"check_ingest_lock.md", "check_ingest_disk.md", "check-output.md"} {
		t.Run(name, func(t *testing.T) {
			p := readPage(t, name)
			block := regexp.MustCompile("(?s)```console ([a-z-]+)\n(.*?)```\n")
			if block.FindStringIndex(p.text) == nil {
				t.Fatal("no examples")
			}
			want := block.ReplaceAllStringFunc(p.text, func(b string) string {
				m := block.FindStringSubmatch(b)
				scene, ok := scenes[m[1]]
				if !ok {
					t.Errorf("no scene %q", m[1])
					return b
				}
				shown := b
				t.Run(m[1], func(t *testing.T) { shown = "```console " + m[1] + "\n" + rerun(t, scene, m[2]) + "```\n" })
				return shown
			})
			p.want(t, want)
		})
	}
}

// rerun runs the commands of a block, the lines after "$ ", in a scene, and gives the block with their output: that of the page where it
// differs in numbers only.
func rerun(t *testing.T, scene func(*testing.T) world, block string) string {
	t.Helper()
	w := scene(t)
	var b strings.Builder
	for _, part := range strings.SplitAfter("\n"+strings.TrimSuffix(block, "\n"), "\n$ ")[1:] {
		command, old, _ := strings.Cut(strings.TrimSuffix(part, "\n$ ")+"\n", "\n")
		args := strings.Fields(strings.ReplaceAll(command, "/data", w.dir))
		for i := range args {
			args[i] = strings.Trim(args[i], "'")
		}
		o := call{args: args[1:]}.run(t, args[0])
		output := strings.ReplaceAll(o.stdout, w.dir, "/data")
		if masked(output) == masked(old) {
			output = old
		}
		b.WriteString("$ " + command + "\n" + output)
	}
	return b.String()
}

// masked is output without what changes from run to run.
func masked(s string) string {
	for _, m := range []struct{ pattern, with string }{
		{`on /[^ ,|]* \([a-z0-9]+\)`, "on / (fs)"},
		{`\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d`, "TIME"},
		{`user [a-z]+`, "user U"},
		{`\b\d{8}T\d{6}Z-[0-9a-f]+`, "ID"},
		{`-?\d+(,\d{3})*(\.\d+)?(e-\d+)?( ?([kMGTPE]?B|ms|[smhd])\b( \d+[smhd]\b)?)?`, "N"},
		{`"version":"[^"]*"`, `"version":"V"`},
		{`(ingest-aggtrades|version) v?[^ ,]+`, "$1 V"},
		{`[ ─]+`, " "},
	} {
		s = regexp.MustCompile(m.pattern).ReplaceAllString(s, m.with)
	}
	return s
}
