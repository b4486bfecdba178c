package near

import (
	"strings"
	"testing"
)

func TestHint(t *testing.T) {
	t.Parallel()
	flags := []string{"db", "data-dir", "lock-file", "symbol", "status", "verify"}
	for word, want := range map[string]string{
		"stauts":                 `, did you mean "status"?`,
		"datadir":                `, did you mean "data-dir"?`,
		"data_dir":               `, did you mean "data-dir"?`,
		"dbb":                    `, did you mean "db"?`,
		"symbols":                `, did you mean "symbol"?`,
		"":                       "",
		"x":                      "",
		"zz":                     "",
		"completely-different":   "",
		strings.Repeat("x", 1e5): "",
	} {
		if got := Hint(word, flags); got != want {
			t.Errorf("%.40q: got %q, want %q", word, got, want)
		}
	}
	if got := Hint("free", nil); got != "" {
		t.Errorf("no candidates: %q", got)
	}
}

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"kitten", "sitting", 3}, {"日本", "日本語", 1}} {
		if got, back := distance(tt.a, tt.b), distance(tt.b, tt.a); got != tt.want || back != tt.want {
			t.Errorf("%q, %q: %d and back %d, want %d", tt.a, tt.b, got, back, tt.want)
		}
	}
}
