package manual

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLongCommandsAreWrapped(t *testing.T) {
	t.Parallel()
	const flag = " --a-flag=with-a-value-of-28" // 28 columns
	for command, want := range map[string]string{
		"check": "check",
		"check" + flag + flag + " -w 5 -c 67890123":      "check" + flag + flag + " -w 5 -c 67890123",
		"check" + flag + flag + " -w 5 -c 678901234":     "check" + flag + flag + " -w 5 \\\n    -c 678901234",
		"check" + flag + flag + " -w 5" + flag + " -c 6": "check" + flag + flag + " -w 5 \\\n   " + flag + " -c 6",
	} {
		if diff := cmp.Diff(want, strings.Join(commandLines(command), "\n")); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
}
