package cli

import (
	"context"
	"fmt"

	"github.com/check-ingest/check-ingest/ingest/load"
	"github.com/check-ingest/check-ingest/internal/completion"
	"github.com/check-ingest/check-ingest/internal/manual"
)

// completionCmd is the arguments of completion.
type completionCmd struct {
	Shell completion.Shell `arg:"" help:"bash, zsh or fish."`
}

func (c *completionCmd) run(_ context.Context, p Program) error {
	parser, err := newParser(new(grammar))
	if err != nil {
		return fmt.Errorf("internal error: %w", err)
	}
	return p.writeText([]byte(completion.Script(c.Shell, parser.Model, nil)))
}

func (c *completionCmd) manual() manual.Text {
	return manual.Text{
		Summary: "Print a script that completes this program's command line in bash, zsh or fish.",
		Detail:  "Packages install it already. The checks print theirs with --completion=bash and so on.",
		Examples: []manual.Example{
			{Does: "bash, in ~/.bashrc", Command: "source <(ingest-aggtrades completion bash)"},
			{Does: "zsh, in ~/.zshrc after compinit", Command: "source <(ingest-aggtrades completion zsh)"},
			{Does: "fish, in ~/.config/fish/config.fish", Command: "ingest-aggtrades completion fish | source"},
		},
		ExitCodes: append([]manual.ExitCode{{Code: load.ExitOK, Meaning: "printed"}, {Code: load.ExitUsage, Meaning: "usage error"}}, exitCodes(load.ExitOutput)...),
	}
}

// manCmd prints the manual page.
type manCmd struct{}

func (c *manCmd) run(_ context.Context, p Program) error {
	parser, err := newParser(new(grammar))
	if err != nil {
		return fmt.Errorf("internal error: %w", err)
	}
	top := topPage(parser.Model)
	top.Files, top.Env = files(), environment()
	var commands []manual.Page
	for _, n := range parser.Model.Children {
		if !n.Hidden && n != parser.Model.DefaultCmd {
			page := commandPage(parser.Model, n)
			page.Flags = manual.Flags(n.Flags)
			commands = append(commands, page)
		}
	}
	return p.writeText([]byte(manual.Roff(top, commands, manual.Title{Section: "1", Day: p.Build.Day(), Version: p.Build.Version})))
}

func (c *manCmd) manual() manual.Text {
	return manual.Text{
		Summary:   "Print the manual page.",
		Examples:  []manual.Example{{Does: "read it", Command: "ingest-aggtrades man | man -l -"}},
		ExitCodes: append([]manual.ExitCode{{Code: load.ExitOK, Meaning: "printed"}, {Code: load.ExitUsage, Meaning: "usage error"}}, exitCodes(load.ExitOutput)...),
	}
}
