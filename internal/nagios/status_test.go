package nagios

import "testing"

func TestZeroStatusIsUnknown(t *testing.T) {
	t.Parallel()
	var forgotten Status
	if forgotten.String() != "UNKNOWN" || forgotten.ExitCode() != 3 {
		t.Fatalf("zero status is %s, exit code %d", forgotten, forgotten.ExitCode())
	}
	if got := Worst(OK, forgotten); got != Unknown {
		t.Fatalf("worst of OK and a forgotten verdict is %s", got)
	}
}

func TestWorst(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		states []Status
		want   Status
	}{
		"of nothing is unknown":             {nil, Unknown},
		"ok alone":                          {[]Status{OK}, OK},
		"warning is worse than ok":          {[]Status{OK, Warning}, Warning},
		"unknown is worse than warning":     {[]Status{Unknown, Warning}, Unknown},
		"critical is worse than unknown":    {[]Status{Unknown, Critical, OK}, Critical},
		"a number that is no state counts":  {[]Status{Status(77), Warning}, Status(77)},
		"the order of the states is nobody": {[]Status{Critical, Unknown, Warning, OK}, Critical},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Worst(tc.states...); got != tc.want {
				t.Fatalf("Worst(%v) = %s, want %s", tc.states, got, tc.want)
			}
		})
	}
}

func TestStatusText(t *testing.T) {
	t.Parallel()
	for code, s := range []Status{OK, Warning, Critical, Unknown} {
		if s.ExitCode() != code {
			t.Errorf("%s has exit code %d, want %d", s, s.ExitCode(), code)
		}
		text, err := s.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var again Status
		if err := again.UnmarshalText(text); err != nil || again != s {
			t.Errorf("%q reads as %s, %v", text, again, err)
		}
	}
	if _, err := ParseStatus("critical"); err != nil {
		t.Error("lower case is refused:", err)
	}
	for _, bad := range []string{"", "crit", "0", "OK "} {
		if s, err := ParseStatus(bad); err == nil {
			t.Errorf("ParseStatus(%q) = %s, want an error", bad, s)
		}
	}
}
