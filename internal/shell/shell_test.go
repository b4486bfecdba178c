package shell_test

import (
	"os/exec"
	"testing"

	"github.com/check-ingest/check-ingest/internal/shell"
)

// TestQuote: a shell gives back the very word.
func TestQuote(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "/data/in", "a b", "a'b", "''", `"`, `\`, "$(id)", "`id`", "$HOME", "a\nb", "a;b|c&d", "*?[a]{b,c}", "~", "#", "!", "é", "\xff", "-n", "100%"} {
		got, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+shell.Quote("_"+s)).Output()
		if err != nil || string(got) != "_"+s {
			t.Errorf("%q becomes %q, %v", s, got, err)
		}
	}
}

func TestQuoteLeavesPlainWords(t *testing.T) {
	t.Parallel()
	if got := shell.Quote("/srv/data-1/trades_2024.duckdb"); got != "/srv/data-1/trades_2024.duckdb" {
		t.Error(got)
	}
}
