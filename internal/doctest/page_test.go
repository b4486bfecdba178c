package doctest

import "testing"

// TestPatterns: a difference that a reader would trip over is one, and one in numbers is none.
func TestPatterns(t *testing.T) {
	t.Parallel()
	const shown = "3 of 12 files loaded: 6,000 rows in 920ms (6.4k rows/s).\n...\nheld by PID 12 (python3 a.py)\n"
	tests := map[string]struct {
		output string
		same   bool
	}{
		"other numbers":  {"1 of 2 files loaded: 60 rows in 1.92s (500 rows/s).\nheld by PID 9 (x)\n", true},
		"more lines":     {"1 of 2 files loaded: 60 rows in 1.92s (500 rows/s).\nand\nso\nheld by PID 9 (x)\n", true},
		"another word":   {"1 of 2 files failed: 60 rows in 1.92s (500 rows/s).\nheld by PID 9 (x)\n", false},
		"a missing line": {"1 of 2 files loaded: 60 rows in 1.92s (500 rows/s).\n", false},
		"a line more":    {"1 of 2 files loaded: 60 rows in 1.92s (500 rows/s).\nheld by PID 9 (x)\nexit\n", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := pattern(shown).MatchString(bare(tt.output)); got != tt.same {
				t.Errorf("%t: %q", got, bare(tt.output))
			}
		})
	}
}
