package conformance

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/check-ingest/check-ingest/internal/nagiostest"
)

// verbs are what remedies begin with: something that the reader can do.
func verbs() []string {
	return strings.Fields(`Add Allow Check Complete Compress Correct Create Delete Fetch Find Free Keep Leave Let Load Look Mend Mount Name Open Put
		Raise Remount Remove Rename Report Restore Run See Start Try Upgrade Wait Widen`)
}

// pasted matches what a remedy without a full stop ends in: a command, or a path.
var pasted = regexp.MustCompile(`: (\(cd |/|[a-z_-]+ \S|systemctl|[a-z_-]+$)`)

// proper are words that have a capital wherever they stand.
var proper = regexp.MustCompile(`^(DuckDB|Python|Binance|[A-Z]{2,})\b`)

// voice says what is wrong with how a problem is worded, "" where nothing is: it begins in lower case after the state and has no full stop; its
// remedy begins with a verb, and ends in a full stop or in what can be pasted.
func voice(text, remedy string) string {
	first, _, _ := strings.Cut(remedy, " ")
	switch {
	case text == "":
		return "no text"
	case unicode.IsUpper([]rune(text)[0]) && !proper.MatchString(text):
		return "the text begins with a capital"
	case strings.HasSuffix(text, ".") && !strings.HasSuffix(text, "..."):
		return "the text ends in a full stop"
	case remedy == "":
		return ""
	case !slices.Contains(verbs(), strings.TrimRight(first, ":,;")):
		return "the remedy does not begin with a verb"
	case !strings.HasSuffix(remedy, ".") && !pasted.MatchString(remedy):
		return "the remedy ends in neither a full stop nor a command"
	case strings.HasSuffix(remedy, "..") || strings.Contains(remedy, "<nil>"):
		return "the remedy is not in order"
	}
	return ""
}

// TestVoice looks at all that the golden files of the checks have of problems and remedies.
func TestVoice(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob(filepath.Join(nagiostest.Root(t), "plugins", "*", "testdata", "*.golden"))
	if err != nil {
		t.Fatal(err)
	}
	problem := regexp.MustCompile(`(?m)^\[(?:WARNING|CRITICAL|UNKNOWN)\] (.*)$`)
	ends := regexp.MustCompile(`\. [A-Z][a-z]+\b`) // where a remedy may begin; a text of several sentences has others before it
	seen := 0
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range problem.FindAllStringSubmatch(string(data), -1) {
			seen++
			text, remedy := m[1], ""
			if all := ends.FindAllStringIndex(text, -1); len(all) > 0 {
				at := all[len(all)-1][0]
				text, remedy = m[1][:at], m[1][at+len(". "):]
			}
			if wrong := voice(text, remedy); wrong != "" {
				t.Errorf("%s: %s: %s", filepath.Base(filepath.Dir(filepath.Dir(path))), wrong, m[0])
			}
		}
	}
	if seen < 100 {
		t.Errorf("only %d problems were found", seen)
	}
}

// TestVoiceNotices: what would be out of tune is told.
func TestVoiceNotices(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string][2]string{
		"a capital":            {"Free space is low", ""},
		"a full stop":          {"free space is low.", ""},
		"a statement":          {"it failed", "The next run tries again."},
		"a program as subject": {"it failed", "check_ingest_db tells more."},
		"no end":               {"it failed", "Look at the log"},
	} {
		if voice(tc[0], tc[1]) == "" {
			t.Errorf("%s is not noticed: %v", name, tc)
		}
	}
	for name, tc := range map[string][2]string{
		"a command": {"held by PID 7", "Wait for it to end, or look at it with: ps -fp 7"},
		"a file":    {"DuckDB needs more memory", "Put the download itself in its place: /in/a.zip"},
		"a PID":     {"PID 7 loads", "Start no load before it has ended."},
	} {
		if wrong := voice(tc[0], tc[1]); wrong != "" {
			t.Errorf("%s: %s: %v", name, wrong, tc)
		}
	}
}
