package nagiostest

import (
	"math"
	"strings"
	"testing"
)

func TestIcinga2ReproducesItsTests(t *testing.T) {
	t.Parallel()
	type metric struct {
		Label   string
		Value   *float64
		Unit    *string
		Counter *bool
	}
	var parse struct {
		Vectors []struct {
			Input   string
			Valid   bool
			Metrics []metric
		}
	}
	model := NewIcinga2(t)
	Vectors(t, "perfdata_parse_icinga2.json", &parse)
	known := 0
	for _, v := range parse.Vectors {
		m, err := model.Parse(v.Input)
		if (err == nil) != v.Valid {
			t.Errorf("%q: error %v, want valid %v", v.Input, err, v.Valid)
			continue
		}
		if err != nil || len(v.Metrics) == 0 || v.Metrics[0].Value == nil {
			continue
		}
		want := v.Metrics[0]
		if want.Unit != nil && *want.Unit != m.Unit {
			continue // electrical, mass and volume units are not in the table
		}
		known++
		if m.Label != want.Label || math.Abs(m.Value-*want.Value) > 1e-9*math.Abs(m.Value) {
			t.Errorf("%q: %+v, want %s %v", v.Input, m, want.Label, *want.Value)
		}
	}
	if known < 15 {
		t.Errorf("only %d vectors were compared", known)
	}
}

func TestIcinga2SplitsAsItsTestsSay(t *testing.T) {
	t.Parallel()
	var split struct {
		Vectors []struct {
			Input string
			Count *int
			Items []string
		}
	}
	Vectors(t, "perfdata_split_icinga2.json", &split)
	for _, v := range split.Vectors {
		items := Icinga2{}.Split(v.Input)
		if v.Count != nil && len(items) != *v.Count {
			t.Errorf("%q splits into %q, want %d", v.Input, items, *v.Count)
		}
		if v.Items != nil && strings.Join(items, " ") != strings.Join(v.Items, " ") {
			t.Errorf("%q splits into %q, want %q", v.Input, items, v.Items)
		}
	}
}
