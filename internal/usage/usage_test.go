package usage_test

import (
	"errors"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/check-ingest/check-ingest/internal/usage"
)

type command struct {
	Form   string `enum:"text,json,csv" default:"text"`
	Number int
	Dry    bool
}

func (c *command) Validate() error {
	if c.Number < 0 {
		return errors.New("--number -1: must not be negative")
	}
	return nil
}

// TestPlain takes real errors of the parser, so that other words of a newer one are noticed.
func TestPlain(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"no word for a word":     {[]string{"print"}, "give <what>"},
		"a word of another list": {[]string{"go", "--form=xml"}, `--form "xml": expected text, json or csv`},
		"no number":              {[]string{"go", "--number=many"}, `--number "many": expected a whole number`},
		"neither yes nor no":     {[]string{"go", "--dry=maybe"}, `--dry "maybe": expected true or false`},
		"a check of its own":     {[]string{"go", "--number=-1"}, "--number -1: must not be negative"},
		"a flag there is not":    {[]string{"go", "--nope"}, "unknown flag --nope"},
	} {
		var g struct {
			Go    command `cmd:""`
			Print struct {
				What string `arg:""`
			} `cmd:""`
		}
		parser, err := kong.New(&g)
		if err != nil {
			t.Fatal(err)
		}
		_, err = parser.Parse(tc.args)
		if err == nil {
			t.Fatalf("%s: no error", name)
		}
		if got := usage.Plain(err, "go", "print"); got.Error() != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
