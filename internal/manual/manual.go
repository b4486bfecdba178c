// Package manual is what the programs say about themselves besides their flags, written once and shown by --help and in
// the manual pages.
package manual

// Text is the prose of a program or of one of its sub-commands.
type Text struct {
	Summary   string // one sentence: what it does, or the question that it answers
	Detail    string // a paragraph or more, separated by blank lines
	Examples  []Example
	ExitCodes []ExitCode
}

// Example is a command line and what it is for.
type Example struct {
	Does    string // "as a gate before a load"
	Command string
}

// ExitCode is an exit code and what it means.
type ExitCode struct {
	Code    int
	Meaning string
}
