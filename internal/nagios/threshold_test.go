package nagios

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestThresholds(t *testing.T) {
	t.Parallel()
	specs := append(testSpecs(), Spec{Label: "free_a", Of: "free", Unit: Bytes}, Spec{Label: "free_b", Of: "free", Unit: Bytes},
		Spec{Label: "needed", Needs: "--data-dir"})
	limits := func(w, c string) Limits {
		var l Limits
		for _, side := range []struct {
			text string
			into **Range
		}{{w, &l.Warning}, {c, &l.Critical}} {
			if side.text == "" {
				continue
			}
			r, err := ParseRangeIn(side.text, Bytes)
			if err != nil {
				t.Fatal(err)
			}
			*side.into = &r
		}
		return l
	}
	tests := map[string]struct {
		warning, critical []string
		label             string
		want              Limits
		given             bool
	}{
		"defaults hold where nothing is given":             {label: "free", want: limits("150GB:", "100GB:")},
		"one given side removes both defaults":             {critical: []string{"1GB:"}, label: "free", want: limits("", "1GB:"), given: true},
		"a threshold on another metric leaves them":        {critical: []string{"bad=3"}, label: "free", want: limits("150GB:", "100GB:"), given: true},
		"the first metric needs no name":                   {warning: []string{"free=1GB:"}, critical: []string{"2GB:"}, label: "free", want: limits("1GB:", "2GB:"), given: true},
		"members inherit the family's defaults":            {label: "free_a", want: limits("150GB:", "100GB:")},
		"members inherit what is given to the family":      {warning: []string{"7GB:"}, label: "free_b", want: limits("7GB:", ""), given: true},
		"a member's own threshold beats the family's":      {warning: []string{"7GB:", "free_a=8GB:"}, label: "free_a", want: limits("8GB:", ""), given: true},
		"and leaves its sisters alone":                     {warning: []string{"7GB:", "free_a=8GB:"}, label: "free_b", want: limits("7GB:", ""), given: true},
		"white space around name and range is not counted": {warning: []string{" free = 7GB: "}, label: "free", want: limits("7GB:", ""), given: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			th := mustThresholds(t, specs, tc.warning, tc.critical)
			if th.Given() != tc.given {
				t.Errorf("Given() = %v", th.Given())
			}
			for _, s := range specs {
				if s.Label == tc.label {
					if diff := cmp.Diff(tc.want, th.For(s)); diff != "" {
						t.Fatalf("(-want +got)\n%s", diff)
					}
				}
			}
		})
	}
	rejects := map[string]struct {
		warning, critical []string
		want              string
	}{
		"a metric that does not exist":       {warning: []string{"fre=1"}, want: `--warning: no metric "fre", did you mean "free"?`},
		"a unit of another kind":             {critical: []string{"age=1GB"}, want: "--critical: metric age: range"},
		"the same metric twice":              {critical: []string{"bad=1", "bad=2"}, want: "has one already"},
		"the main metric twice":              {critical: []string{"1GB:", "free=2GB:"}, want: "has one already"},
		"a metric that will not be measured": {critical: []string{"needed=1"}, want: "only with --data-dir"},
	}
	for name, tc := range rejects {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseThresholds(specs, tc.warning, tc.critical)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestCheckSpecs(t *testing.T) {
	t.Parallel()
	tests := map[string][]Spec{
		"an upper-case label":      {{Label: "Free"}},
		"a label with a dot":       {{Label: "free.a"}},
		"an empty label":           {{}},
		"a label that comes twice": {{Label: "a"}, {Label: "a"}},
		"a bad default":            {{Label: "a", Warning: "1GB:"}},
		"a family that is not":     {{Label: "a", Of: "b"}},
	}
	for name, specs := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := CheckSpecs(specs); err == nil {
				t.Fatal("no error")
			}
		})
	}
}
