// Package proctest starts second processes for tests: programs that hold something until they are told to end.
package proctest

import (
	"bufio"
	"os/exec"
	"sync"
	"testing"
)

// Start starts cmd with a standard input that stays open, and returns when it has printed the line ready. end closes that input, which is to end the
// process, and waits until it has; it is called when the test ends, if not before, and gives the same error each time.
func Start(tb testing.TB, cmd *exec.Cmd, ready string) (end func() error) {
	tb.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	end = sync.OnceValue(func() error {
		_ = stdin.Close() // a process that has ended has closed it
		return cmd.Wait()
	})
	tb.Cleanup(func() { _ = end() }) // the test may have killed it
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != ready+"\n" {
		tb.Fatalf("%v says %q, %v", cmd.Args, line, err)
	}
	return end
}
