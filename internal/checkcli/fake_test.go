package checkcli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/check-ingest/check-ingest/internal/nagios"
)

// fake is a check that does what its --do says.
type fake struct {
	Do    string  `default:"ok" help:"What to do."`
	Value float64 `default:"5" placeholder:"NUMBER" help:"The main metric's value, which is explained here in rather more words than one line of help has room for."`
	Quiet bool    `help:"Say less."`

	given bool
}

// hung never ends: what a call into a dead file system looks like.
func hung() { select {} }

func (f *fake) Manual() Manual {
	return Manual{
		Summary:  "Does it do what it is told?",
		Detail:   "It is a check for tests. Its paragraphs are wrapped at eighty columns, whatever\nthe lines in the source are.\n\nThis is the second.",
		Examples: []Example{{Does: "as it is", Command: "check_ingest_fake"}, {Does: "with a limit", Command: "check_ingest_fake -w 5"}, {Does: "slowly", Command: "check_ingest_fake --do=hang"}},
	}
}

func (f *fake) Metrics() []nagios.Spec {
	return []nagios.Spec{
		{Label: "value", Help: "The value.", Warning: "100"},
		{Label: "size", Unit: nagios.Bytes, Help: "A size that nobody measures, and that is explained at length here.", Critical: "1GB:", Needs: "--do=size"},
	}
}

func (f *fake) UseThresholds(t nagios.Thresholds) { f.given = t.Given() }

func (f *fake) Check(ctx context.Context, _ time.Time) (nagios.Result, error) {
	result := nagios.Result{Summary: "done", Metrics: []nagios.Metric{{Label: "value", Value: f.Value}}}
	if f.given {
		result.Summary = "done with thresholds"
	}
	switch f.Do {
	case "error":
		return nagios.Result{}, errors.New("cannot look: it is dark")
	case "panic":
		panic("the sky\nfell")
	case "panic-in-goroutine":
		Go(ctx, func() { panic("elsewhere") })
		hung()
	case "two-panics":
		Go(ctx, func() { panic("elsewhere") })
		panic("here")
	case "hang":
		Stage(ctx, "knocking")
		Found(ctx, nagios.Problem{State: nagios.Critical, Text: "the bell is broken"})
		Stage(ctx, "waiting at the door")
		hung()
	case "announce":
		if err := os.NewFile(3, "ready").Close(); err != nil {
			return nagios.Result{}, err
		}
		hung()
	case "polite":
		Stage(ctx, "waiting politely")
		<-ctx.Done()
		return nagios.Result{}, ctx.Err()
	case "cancelled": // as a statement is that the database's driver says was interrupted
		Stage(ctx, "asking")
		<-ctx.Done()
		return nagios.Result{}, fmt.Errorf("ask: %w", context.Canceled)
	case "partial":
		<-ctx.Done()
		result.Problems = []nagios.Problem{{State: nagios.Warning, Text: "half of it did not answer"}}
	case "nothing":
		return nagios.Result{}, nil
	}
	return result, nil
}

// run runs the fake check and gives its exit code and output. No file of settings is read and no variable is set but env's.
func run(env map[string]string, args ...string) (int, string) {
	var out bytes.Buffer
	code := program(env, &out, args...).run(func() Check { return new(fake) })
	return code, out.String()
}

func program(env map[string]string, out *bytes.Buffer, args ...string) Program {
	return Program{
		Name: "INGEST FAKE", Args: args, Stdout: out, Now: func() time.Time { return time.Unix(0, 0) }, System: os.DevNull + "/none",
		Env: func(key string) (string, bool) { v, ok := env[key]; return v, ok },
	}
}
