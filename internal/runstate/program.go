package runstate

import (
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText bounds one string that comes from another process.
const maxText = 1024

// parseCmdline splits /proc/PID/cmdline, where every argument ends in a NUL byte.
func parseCmdline(data []byte) []string {
	s := strings.TrimRight(string(data), "\x00")
	if s == "" {
		return nil // a kernel thread, or a process that has ended
	}
	return strings.Split(s, "\x00")
}

// programName says what a process is to the person who reads it: the program's name and, for an interpreter, its
// script. comm alone is cut to 15 bytes and says only "python3" for a script. Processes may write both as they like, so it is no proof of anything.
func programName(comm string, args []string) string {
	if len(args) == 0 {
		return clean(comm)
	}
	name := filepath.Base(strings.TrimPrefix(args[0], "-")) // a login shell's name begins with '-'
	if args[0] == "" || strings.ContainsFunc(name, unicode.IsSpace) {
		name = comm // a title such as "postgres: writer" set by the process itself
	}
	if isInterpreter(name) {
		if script := scriptOf(args[1:]); script != "" {
			name += " " + script
		}
	}
	return clean(name)
}

// isInterpreter knows the interpreters by name, with or without a version: python3.11.
func isInterpreter(name string) bool {
	switch strings.TrimRight(name, "0123456789.") {
	case "python", "pypy", "sh", "bash", "dash", "zsh", "ksh", "perl", "ruby", "node", "php":
		return true
	default:
		return false
	}
}

// scriptOf finds the script among an interpreter's arguments: "ingest.py", "-m package.module", or "-c" for code on the command line.
func scriptOf(args []string) string {
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; {
		case arg == "-m" && i+1 < len(args):
			return "-m " + args[i+1]
		case arg == "-c", arg == "-e":
			return arg
		case arg == "-W", arg == "-X":
			i++ // Python's options with a value in the next argument
		case arg != "" && arg[0] != '-':
			return filepath.Base(arg)
		}
	}
	return ""
}

// clean makes text of another process fit to print: at most maxText bytes, and U+FFFD for what is invalid or not printable.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s[:min(len(s), maxText)])
	for len(s) > maxText { // replacing makes it longer
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}
