// Package checkcli is the command line that all checks share: the flags of thresholds, time and output, help, settings,
// the watchdog and the exit code. A binary's main is one line:
//
//	func main() { os.Exit(checkcli.Main[lockcheck.Cmd]("INGEST LOCK", os.Args[1:], os.Stdout)) }
//
// where Cmd is a struct with the check's own flags that implements [Check].
//
// Whatever happens, one Write of one result goes to stdout and nothing to stderr: usage errors, a panic in any goroutine
// started with [Go], a signal, and a check that does not come back in time all end in a result of state UNKNOWN.
package checkcli
