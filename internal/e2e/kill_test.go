package e2e

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// kills is how often loaders are killed in all: 50 times, or what CHECK_INGEST_KILLS says.
func kills(tb testing.TB) int {
	tb.Helper()
	text := os.Getenv("CHECK_INGEST_KILLS")
	if text == "" {
		return 50
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		tb.Fatalf("CHECK_INGEST_KILLS=%q: expected a number of kills", text)
	}
	return n
}

// TestKilled kills loaders, lets the next one go on where that left off, and so on until a load comes to its end; then it begins again. After each
// kill all files are there and recorded or neither, and at the end all rows are those of a load that nobody disturbed.
//
// Kills come at random moments, and at the system calls that write the database or have it written, of which there are few: random moments seldom
// fall between two of one commit.
func TestKilled(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("kills loaders dozens of times")
	}
	tests := map[string]struct {
		shape string // of the tables; "" for ours
		calls bool   // at system calls
		fifth int    // of the kills
		batch string // rows that share a transaction, 1500 where it is ""
	}{
		"at any moment": {"", false, 2, ""},
		"at any moment, large files share transactions": {"", false, 1, "400000"},
		"at any write": {"", true, 1, ""},
		"at any write, large files share transactions":         {"", true, 1, "400000"},
		"at any moment, tables of the scripts with a key":      {"primary key agg_trade_id, symbol, exchange", false, 1, ""},
		"at any write, tables of the scripts with row numbers": {"id from a sequence", true, 1, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			strace := ""
			if tt.calls {
				var err error
				if strace, err = exec.LookPath("strace"); err != nil {
					t.Skip("needs strace, which kills a process at the system call that it is told")
				}
			}
			v := newVictim(t, tt.shape, cmp.Or(tt.batch, "1500"))
			v.killAgainAndAgain(t, (kills(t)*tt.fifth+4)/5, v.killer(t, strace))
		})
	}
}

// killer starts a load and kills it, and reports false where the load was faster.
type killer func() (killed bool, when string)

// killer kills at random moments, or at random system calls where there is an strace.
func (v victim) killer(t *testing.T, strace string) killer {
	t.Helper()
	chance := random(t)
	v.begin(t, false)
	if strace != "" {
		calls := v.countCalls(t, strace)
		t.Logf("system calls of an undisturbed load: %v", calls)
		return func() (bool, string) {
			call := []string{"pwrite64", "fsync"}[chance.IntN(2)]
			n := 1 + chance.IntN(max(1, calls[call]/6))
			return v.killAt(t, strace, call, n), fmt.Sprintf("%s %d", call, n)
		}
	}
	started := time.Now()
	v.load(t)
	whole := time.Since(started)
	return func() (bool, string) {
		after := moment(chance, whole)
		return v.killAfter(t, after), after.String()
	}
}

// moment is one in the first half of a load, often an early one, when what was left behind is looked at and the first commits are made.
func moment(chance *rand.Rand, whole time.Duration) time.Duration {
	after := time.Duration(chance.Int64N(int64(whole) / 2))
	if chance.IntN(2) == 0 {
		after /= 4
	}
	return after
}

// killAgainAndAgain kills n times.
func (v victim) killAgainAndAgain(t *testing.T, n int, kill killer) {
	t.Helper()
	done, ended, midway := 0, 0, 0
	defer func() {
		t.Logf("%d kills of %d, %d of them with rows in the database; %d loads that came to their end and were compared", done, n, midway, ended)
	}()
	for ; done < n && timeLeft(t); ended++ {
		fromNothing := ended%3 == 2 // the creation of the database, or the completion of the scripts' ledger, is a moment, too
		v.begin(t, fromNothing)
		for done < n && timeLeft(t) {
			killed, when := kill()
			if !killed {
				break
			}
			done++
			if v.checkWhole(t, fromNothing) > 0 {
				midway++
			}
			if t.Failed() {
				t.Fatalf("after kill %d, at %s", done, when)
			}
		}
		v.load(t)
		v.compare(t, fromNothing)
		if t.Failed() {
			t.Fatalf("after %d kills and a clean run", done)
		}
	}
}

// timeLeft keeps a long run from being ended by its time limit (go test -timeout), which would keep its counts to itself.
func timeLeft(t *testing.T) bool {
	t.Helper()
	deadline, ok := t.Deadline()
	return !ok || time.Until(deadline) > 5*time.Minute
}

// straced is the load under strace with these options.
func (v victim) straced(t *testing.T, out *bytes.Buffer, strace string, options ...string) *exec.Cmd {
	t.Helper()
	binary, err := exec.LookPath(program)
	if err != nil {
		t.Fatal(err)
	}
	cmd := v.command(t.Context(), out, v.arguments()...)
	cmd.Path, cmd.Args = strace, slices.Concat([]string{"strace", "-f", "-qq"}, options, []string{binary}, cmd.Args[1:])
	return cmd
}

// countCalls counts an undisturbed load's system calls of the kinds that a kill is aimed at.
func (v victim) countCalls(t *testing.T, strace string) map[string]int {
	t.Helper()
	var out bytes.Buffer
	trace := v.db + ".trace"
	if code := exitCode(t, v.straced(t, &out, strace, "-o", trace, "-e", "trace=pwrite64,fsync").Run()); code != 1 {
		t.Skipf("strace does not work here: %s", &out)
	}
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]int{"pwrite64": strings.Count(string(text), " pwrite64("), "fsync": strings.Count(string(text), " fsync(")}
}

// killAt starts a load and kills it at its n-th call of that name.
func (v victim) killAt(t *testing.T, strace, call string, n int) bool {
	t.Helper()
	var out bytes.Buffer
	switch code := exitCode(t, v.straced(t, &out, strace, "-o", os.DevNull, "-e", "trace="+call, "-e", fmt.Sprintf("inject=%s:signal=SIGKILL:when=%d", call, n)).Run()); code {
	case -1, 137:
		return true
	case 1:
		return false
	default:
		t.Fatalf("a load that was not killed: exit code %d\n%s", code, &out)
		return false
	}
}

// killAfter starts a load and kills it.
func (v victim) killAfter(t *testing.T, after time.Duration) bool {
	t.Helper()
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), after) // at whose end CommandContext kills
	defer cancel()
	err := v.command(ctx, &out, v.arguments()...).Run()
	if errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil && err != nil && exitCode(t, err) == -1 {
		return true // before it could begin, or later
	}
	if err == nil || exitCode(t, err) != 1 {
		t.Fatalf("a load that was not killed: %v\n%s", err, &out)
	}
	return false
}
