package status

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/check-ingest/check-ingest/internal/golden"
)

const docsPage = "../../docs/status.md"

// TestDocsHaveTheOutput keeps the example in the documentation what the program writes.
func TestDocsHaveTheOutput(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(docsPage)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(data), "<!-- output -->\n")
	_, after, ended := strings.Cut(rest, "\n<!-- end -->\n")
	if !ok || !ended {
		t.Fatal("the page has no place for the output")
	}
	page := before + "<!-- output -->\n```\n" + string(Build(planted(t)).Text(Look{Unicode: true})) + "```\n\n<!-- end -->\n" + after
	golden.Compare(t, docsPage, page)
}

// TestReadmeShowsTheOutput: what the README shows of it are lines of the output, in its order.
func TestReadmeShowsTheOutput(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), "```\n$ ingest-aggtrades status --db trades.duckdb\n")
	shown, _, ended := strings.Cut(rest, "```")
	if !ended {
		t.Fatal("the README does not show the output")
	}
	output := strings.Split(string(Build(planted(t)).Text(Look{Unicode: true})), "\n")
	for line := range strings.Lines(shown) {
		line = strings.TrimSuffix(line, "\n")
		if line == "..." {
			continue
		}
		i := slices.Index(output, line)
		if i < 0 {
			t.Fatalf("%q is not in the rest of the output:\n%s", line, strings.Join(output, "\n"))
		}
		output = output[i+1:]
	}
}

// TestDocsHaveTheFields: each field that JSON output has is explained, in the line of the field that it is in.
func TestDocsHaveTheFields(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(docsPage)
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| (`[a-z_]+`(?:, `[a-z_]+`)*) \\|(.*)$").FindAllStringSubmatch(string(data), -1) {
		for _, name := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(m[1], -1) {
			lines[name[1]] = m[2]
		}
	}
	for _, f := range []Facts{planted(t), snapshotOf(planted(t))} {
		var doc map[string]any
		if err := json.Unmarshal(encoded(t, Build(f)), &doc); err != nil {
			t.Fatal(err)
		}
		for field, value := range doc {
			line, ok := lines[field]
			if !ok {
				t.Errorf("field %s is not in the table", field)
			}
			for _, inner := range fieldsOf(value) {
				if !strings.Contains(line, "`"+inner+"`") {
					t.Errorf("field %s.%s is not in the table", field, inner)
				}
			}
		}
	}
}

// fieldsOf are the names of the fields in a value of JSON.
func fieldsOf(v any) []string {
	var names []string
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			names = append(append(names, name), fieldsOf(inner)...)
		}
	case []any:
		for _, inner := range v {
			names = append(names, fieldsOf(inner)...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
