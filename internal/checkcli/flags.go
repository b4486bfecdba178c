package checkcli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/check-ingest/check-ingest/internal/completion"
	"github.com/check-ingest/check-ingest/internal/nagios"
	"github.com/check-ingest/check-ingest/internal/settings"
)

// defaultTimeout is the time limit that the guidelines suggest.
const defaultTimeout = 10 * time.Second

// flags are what all checks share.
type flags struct {
	Warning  ranges `group:"thresholds" short:"w" placeholder:"[METRIC=]RANGE" help:"WARNING outside RANGE. May be repeated, once for each metric."`
	Critical ranges `group:"thresholds" short:"c" placeholder:"[METRIC=]RANGE" help:"CRITICAL outside RANGE. Likewise."`

	Timeout      settings.Duration `group:"running" short:"t" default:"${timeout}" placeholder:"DURATION" help:"Answer within this time; a bare number is seconds. Use 8s under NRPE, 2s under Zabbix."`
	TimeoutState nagios.Status     `group:"running" default:"unknown" placeholder:"STATE" help:"State of a check that ran out of time: ok, warning, critical or unknown."`
	Output       output            `group:"running" short:"o" default:"plugin" placeholder:"FORMAT" help:"Form of the output: plugin, json, table or prom."`
	Verbose      int               `group:"running" short:"v" type:"counter" help:"-v remedies, -vv a line for each metric, -vvv debug text."`
	Gate         bool              `group:"running" help:"Exit 0 for OK and WARNING, 1 for CRITICAL and UNKNOWN: for ExecStartPre=, n8n and &&."`
	Config       settings.Flag     `embed:"" group:"running"`
	Version      bool              `group:"running" short:"V" help:"Print the version and exit 3."`
	Help         bool              `group:"running" short:"h" help:"Print this help and exit 3."`
	Completion   completion.Shell  `group:"running" placeholder:"SHELL" help:"Print a completion script for bash, zsh or fish and exit 0."`
	Man          bool              `hidden:"" help:"Print the manual page and exit 0."`
}

// Validate checks what no single flag can.
func (f *flags) Validate() error {
	if f.Timeout <= 0 {
		return errors.New("--timeout: must be above 0")
	}
	if f.Verbose < 0 || f.Verbose > 3 {
		return fmt.Errorf("--verbose: %d is outside 0 to 3", f.Verbose)
	}
	return nil
}

// ranges are the values of -w or -c, as they were given. It decodes itself because kong's own slices would take a value
// that begins with '-' for a flag, and one with a comma for two.
type ranges []string

// Decode takes one value from the command line, or the list that a file of settings has.
func (r *ranges) Decode(ctx *kong.DecodeContext) error {
	token := ctx.Scan.Pop()
	switch v := token.Value.(type) {
	case string:
		if strings.HasPrefix(v, "--") { // no range does; its value was forgotten
			return fmt.Errorf("expected [METRIC=]RANGE, not %q", v)
		}
		*r = append(*r, v)
	case []any:
		for _, item := range v {
			*r = append(*r, fmt.Sprint(item))
		}
	default: // the end of the line
		return errors.New("expected [METRIC=]RANGE")
	}
	return nil
}

// output is a form in which a report can be rendered.
type output string

const (
	outputPlugin output = "plugin"
	outputJSON   output = "json"
	outputTable  output = "table"
	outputProm   output = "prom"
)

// Choices are the names of the forms.
func (output) Choices() []string {
	return []string{string(outputPlugin), string(outputJSON), string(outputTable), string(outputProm)}
}

// UnmarshalText reads the name of a form.
func (o *output) UnmarshalText(text []byte) error {
	switch out := output(text); out {
	case outputPlugin, outputJSON, outputTable, outputProm:
		*o = out
		return nil
	default:
		return fmt.Errorf("output %q: expected plugin, json, table or prom", text)
	}
}

// render gives the bytes of a report in this form.
func (o output) render(rep nagios.Report, verbosity int) []byte {
	switch o {
	case outputJSON:
		return rep.JSON()
	case outputTable:
		return rep.Table()
	case outputProm:
		return rep.Prometheus()
	default:
		return rep.Plugin(verbosity)
	}
}

// given reports whether a flag without value is among the arguments, by its name, its letter, or its letter among others
// that take no value: -vh. letter may be "". It is for the flags that must work whatever is wrong with the others.
func given(args []string, letter, long string) bool {
	const noValue = "hvV"
	for _, a := range args {
		letters, short := strings.CutPrefix(a, "-")
		switch {
		case a == "--":
			return false
		case a == long, short && letter != "" && strings.Contains(letters, letter) && strings.Trim(letters, noValue) == "":
			return true
		}
	}
	return false
}

// valueOf is the last value that args give a flag, as far as that can be told without a grammar; "" for none.
func valueOf(args []string, short, long string) string {
	value := ""
	for i, a := range args {
		next := ""
		if i+1 < len(args) {
			next = args[i+1]
		}
		switch {
		case a == long || short != "" && a == short:
			value = next
		case strings.HasPrefix(a, long+"="):
			value = a[len(long)+1:]
		case short != "" && strings.HasPrefix(a, short) && !strings.HasPrefix(a, "--"):
			value = strings.TrimPrefix(a[len(short):], "=")
		}
	}
	return value
}
