package csvcheck

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/internal/nagios"
)

// row is a state that a data dir can be in, and what the check says of it.
type row struct {
	make func(d data)
	args []string // besides --data-dir
	code int
	want string // the first line after "INGEST CSV STATE: ", up to the performance data; DIR is the data dir
	perf string // the performance data; N stands for the sum of sizes
}

// measured is performance data where no threshold was given and the newest file is that of the 8th.
func measured(files, bad, empty, missing int) string {
	return fmt.Sprintf("bad=%[2]d;;0;0;%[1]d files=%[1]d;;;0 empty=%[3]d;;;0;%[1]d days_missing=%[4]d;0;;0 newest_age=129600s;;;0 bytes=NB;;;0", files, bad, empty, missing)
}

// summed is measured with the checksums compared.
func summed(files, bad, empty, missing, failed int) string {
	return strings.Replace(measured(files, bad, empty, missing), " newest_age", fmt.Sprintf(" checksum_failed=%d;;;0;%d newest_age", failed, files), 1)
}

// healthy ends the first line where the newest file is that of the 8th.
const healthy = ", none bad, newest is 2024-03-08, which ended 1d 12h ago"

// rows runs a table of states, each in plugin and in JSON form.
func rows(t *testing.T, table map[string]row) {
	t.Helper()
	for name, tc := range table {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newData(t)
			tc.make(d)
			before := d.listing()
			args := append([]string{"--data-dir", d.dir}, tc.args...)
			code, out := run(args...)
			out = strings.ReplaceAll(out, d.dir, "DIR")
			first, perf, _ := strings.Cut(strings.TrimSuffix(out, "\n"), " | ")
			perf = regexp.MustCompile(`bytes=[1-9][0-9]*B`).ReplaceAllString(perf, "bytes=NB")
			state := map[int]string{0: "OK", 1: "WARNING", 2: "CRITICAL", 3: "UNKNOWN"}[tc.code]
			if diff := cmp.Diff("INGEST CSV "+state+": "+tc.want, first); code != tc.code || diff != "" {
				t.Errorf("exit code %d, want %d; (-want +got)\n%s", code, tc.code, diff)
			}
			if diff := cmp.Diff(tc.perf, perf); diff != "" {
				t.Errorf("performance data (-want +got)\n%s", diff)
			}
			code, doc := run(append(args, "-o", "json")...)
			jsonAgrees(t, code, strings.ReplaceAll(doc, d.dir, "DIR"), out)
			if after := d.listing(); after != before {
				t.Errorf("the check changed what it looks at (-before +after)\n%s", cmp.Diff(before, after))
			}
		})
	}
}

// jsonAgrees compares the JSON form of a report with its plugin form, and sees that every problem comes with a remedy.
func jsonAgrees(t *testing.T, code int, document, plugin string) {
	t.Helper()
	var doc struct {
		Name     string
		State    nagios.Status
		ExitCode int `json:"exit_code"`
		Summary  string
		Metrics  []struct {
			Label string
			Value json.Number
			Unit  nagios.Unit
		}
		Problems []nagios.Problem
	}
	if err := json.Unmarshal([]byte(document), &doc); err != nil {
		t.Fatalf("%v in %q", err, document)
	}
	if doc.ExitCode != code || doc.State.ExitCode() != code {
		t.Errorf("state %s and exit code %d in JSON, %d of the process", doc.State, doc.ExitCode, code)
	}
	first, perf, _ := strings.Cut(plugin, " | ")
	summary := strings.ReplaceAll(nagios.Clean(doc.Summary), ";", ",")
	if got := doc.Name + " " + doc.State.String() + ": " + summary; got != strings.TrimSpace(first) {
		t.Errorf("summary %q, in plugin form %q", got, first)
	}
	var values []string
	for _, m := range doc.Metrics {
		values = append(values, m.Label+"="+m.Value.String()+string(m.Unit))
	}
	var want []string
	for _, m := range strings.Fields(perf) {
		want = append(want, strings.SplitN(m, ";", 2)[0])
	}
	if diff := cmp.Diff(want, values); diff != "" {
		t.Errorf("metrics (-plugin +JSON)\n%s", diff)
	}
	for _, p := range doc.Problems {
		if p.Remedy == "" {
			t.Errorf("no remedy for %q", p.Text)
		}
	}
}
