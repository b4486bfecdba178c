package nagios

import "testing"

func TestAdvice(t *testing.T) {
	t.Parallel()
	for remedy, want := range map[string]string{
		"":                            "",
		"restore it from a backup":    "Restore it from a backup.",
		"create it: mkdir -p /data":   "Create it: mkdir -p /data",
		"remove it: a load makes one": "Remove it: a load makes one.",
		"fetch it again: (cd /in && curl -fL -O https://host/x.zip)": "Fetch it again: (cd /in && curl -fL -O https://host/x.zip)",
	} {
		if got := Advice(remedy); got != want {
			t.Errorf("Advice(%q) = %q, want %q", remedy, got, want)
		}
	}
}
