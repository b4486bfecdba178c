package checkcli

import (
	"runtime/debug"
	"strings"
)

// Version is the version of the program, as the Go command stamped it into the binary: a tag, or a pseudo-version of
// the commit. It is "devel" in a binary built without version control, such as one of go test.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}

// stackLines are the lines of a stack trace, without tabs.
func stackLines(stack []byte) []string {
	return strings.Split(strings.TrimSpace(strings.ReplaceAll(string(stack), "\t", "  ")), "\n")
}
