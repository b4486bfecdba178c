package cli

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"

	"github.com/check-ingest/check-ingest/ingest/load"
	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/nagios"
)

// notifyEvery is how often systemd is told what a run does.
const notifyEvery = time.Second

// keyError is the log's attribute for errors.
const keyError = "error"

// notifier tells systemd how a run fares, in the words of sd_notify(3): READY=1 once the run has its lock and database, STATUS= while it
// loads, WATCHDOG=1 while it gets on, STOPPING=1 when it ends. Where no unit with Type=notify started the program it does nothing.
//
// It sends from a goroutine of its own, so that a service manager that does not listen never holds up a load.
type notifier struct {
	log      *slog.Logger
	now      func() time.Time
	watchdog time.Duration // how long systemd waits for a sign of life; 0 = for ever
	cancel   context.CancelFunc
	done     chan struct{} // closed by the goroutine when it has ended

	mu       sync.Mutex // guards what the run tells
	ready    bool
	ended    string // how the run ended, "" while it lasts
	progress load.Progress
	began    time.Time // when the first progress was told
	retries  int64

	// What the goroutine has sent.
	saidReady bool
	status    string
	alive     signs
	failed    bool
}

// startNotifier begins to tell, until end is called or ctx ends.
func startNotifier(ctx context.Context, p Program, log *slog.Logger) *notifier {
	n := &notifier{log: log, now: p.Now, done: make(chan struct{}), alive: signsNow(load.Progress{}, 0, p.Now())}
	ctx, n.cancel = context.WithCancel(ctx)
	if sent, err := daemon.SdNotify(false, "STATUS=Waiting for the lock and the database"); !sent {
		if err != nil {
			log.Warn("systemd could not be notified", keyError, err)
		}
		close(n.done)
		return n
	}
	var err error
	if n.watchdog, err = daemon.SdWatchdogEnabled(false); err != nil {
		log.Warn("systemd's watchdog is not served", keyError, err)
	}
	go n.loop(ctx)
	return n
}

// checkThrottle refuses a pause so long that systemd would take it for a hang.
func checkThrottle(throttle time.Duration) error {
	watchdog, err := daemon.SdWatchdogEnabled(false)
	if err != nil || watchdog == 0 || throttle < watchdog/2 {
		return nil //nolint:nilerr // startNotifier tells of a WATCHDOG_USEC that cannot be read
	}
	return fmt.Errorf("%w: --throttle %s: systemd kills a unit that does nothing for %s; pause for less than half of that, or set WatchdogSec= to more",
		load.ErrUsage, throttle, watchdog)
}

// maxRetryDelay is how long a load may wait before it tries a file again. It is short enough for systemd, which is told of each try.
func maxRetryDelay() time.Duration {
	const limit = 30 * time.Second
	if watchdog, err := daemon.SdWatchdogEnabled(false); err == nil && watchdog > 0 {
		return min(limit, watchdog/4)
	}
	return limit
}

// isReady is told that lock and database are there.
func (n *notifier) isReady() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ready = true
}

// retrying notes that a file is about to be tried again.
func (n *notifier) retrying() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.retries++
}

// tell notes how far the load is.
func (n *notifier) tell(p load.Progress) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.began.IsZero() {
		n.began = n.now()
	}
	n.progress = p
}

// end tells how the run ended and waits until that is sent.
func (n *notifier) end(report *load.Report, err error) {
	text := fmt.Sprintf("%s loaded, %s rows", amount.Of(report.Totals.Loaded, "file"), amount.Short(report.Totals.Rows))
	if err != nil {
		text = err.Error()
	}
	n.mu.Lock()
	n.ended = text
	n.ready = n.ready || err == nil // systemd counts as failed what ends well and was never ready
	n.mu.Unlock()
	n.cancel()
	<-n.done
}

// loop looks at the run and sends what is new.
func (n *notifier) loop(ctx context.Context) {
	defer close(n.done)
	every := notifyEvery
	if n.watchdog > 0 {
		every = min(every, n.watchdog/4)
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			n.send(n.news())
		case <-ctx.Done():
			n.send(n.lateReady()) // apart: of what stands in one message systemd takes only the last, STOPPING=1
			n.send(n.last(context.Cause(ctx)))
			return
		}
	}
}

// news is what systemd does not know yet of a run that goes on.
func (n *notifier) news() (lines []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.ready {
		return nil
	}
	if !n.saidReady {
		n.saidReady = true
		lines = append(lines, "READY=1")
	}
	now := n.now()
	if status := statusOf(n.progress, now.Sub(n.began)); status != n.status {
		n.status = status
		lines = append(lines, "STATUS="+status)
	}
	if s := signsNow(n.progress, n.retries, now); n.watchdog > 0 && s.since(n.alive) {
		n.alive = s
		lines = append(lines, "WATCHDOG=1")
	}
	return lines
}

// lateReady is READY=1 of a run that ended before news could say it. Without it systemd calls the unit failed, however the run ended.
func (n *notifier) lateReady() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.ready || n.saidReady {
		return nil
	}
	n.saidReady = true
	return []string{"READY=1"}
}

// last is what systemd is told of a run that has ended, or that was told to.
func (n *notifier) last(cause error) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	text := n.ended
	if text == "" {
		text = "Stopping: " + cause.Error()
	}
	return []string{"STOPPING=1", "STATUS=" + nagios.Clean(text)}
}

func (n *notifier) send(lines []string) {
	if len(lines) == 0 {
		return
	}
	if _, err := daemon.SdNotify(false, strings.Join(lines, "\n")); err != nil && !n.failed {
		n.failed = true
		n.log.Warn("systemd could not be notified", keyError, err)
	}
}

// statusOf is what systemctl status shows of a load after that time.
func statusOf(p load.Progress, took time.Duration) string {
	if p.FilesTotal == 0 {
		return "Planning"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s of %s", amount.Text(p.FilesDone), amount.Of(p.FilesTotal, "file"))
	if p.BytesTotal > 0 {
		fmt.Fprintf(&b, ", %d%%", 100*p.BytesDone/p.BytesTotal)
	}
	if p.FilesFailed > 0 {
		fmt.Fprintf(&b, ", %s failed", amount.Text(p.FilesFailed))
	}
	fmt.Fprintf(&b, ", %s rows", amount.Short(p.Rows))
	if p.BytesDone > 0 && p.BytesDone < p.BytesTotal {
		left := took.Seconds() * float64(p.BytesTotal-p.BytesDone) / float64(p.BytesDone)
		fmt.Fprintf(&b, ", %s left", nagios.Human(max(1, left), nagios.Seconds))
	}
	if p.Current != "" {
		fmt.Fprintf(&b, ": %s", nagios.Clean(filepath.Base(p.Current)))
	}
	return b.String()
}

// signs are the signs of life of a load.
type signs struct {
	at       time.Time
	progress load.Progress
	retries  int64
	cpu      time.Duration // used by all threads
	read     int64         // blocks read from disks
}

func signsNow(p load.Progress, retries int64, now time.Time) signs {
	s := signs{at: now, progress: p, retries: retries}
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) == nil {
		s.cpu = time.Duration(u.Utime.Nano() + u.Stime.Nano())
		s.read = u.Inblock
	}
	return s
}

// since reports whether the load got on: its figures moved, it tries a file again, or, for matching and committing a large file move none for minutes, it read from a
// disk or used a twentieth of a core, which is far more than looking at itself costs.
func (s signs) since(before signs) bool {
	return s.progress != before.progress || s.retries != before.retries || s.read != before.read || s.cpu-before.cpu > s.at.Sub(before.at)/20
}
