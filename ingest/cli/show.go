package cli

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"

	"github.com/check-ingest/check-ingest/ingest/load"
	"github.com/check-ingest/check-ingest/internal/amount"
)

// show is how a run tells what it does while it lasts: a progress bar on a terminal, log lines elsewhere.
type show struct {
	log      *slog.Logger
	progress func(load.Progress) // nil where there is no bar
	stop     func()
}

func newShow(p Program, w writing, bar bool) show {
	level := slog.LevelInfo
	if w.Verbose {
		level = slog.LevelDebug
	}
	out := p.Stderr
	s := show{stop: func() {}}
	if bar && w.LogFormat == "text" && p.Terminal(p.Stderr) {
		pw, tracker := newBar(p.Stderr)
		level = max(level, slog.LevelWarn) // the bar stands for the lines about single files
		if w.Verbose {
			level = slog.LevelDebug
		}
		out = barLog{pw}
		s.progress, s.stop = showIn(pw, tracker)
	}
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: plainTime}
	if w.LogFormat == "json" {
		s.log = slog.New(slog.NewJSONHandler(out, options))
	} else {
		s.log = slog.New(slog.NewTextHandler(out, options))
	}
	return s
}

// plainTime writes log times in UTC to the second, and durations as seconds with milliseconds.
func plainTime(_ []string, a slog.Attr) slog.Attr {
	switch {
	case a.Key == slog.TimeKey:
		return slog.String(slog.TimeKey, a.Value.Time().UTC().Format(time.RFC3339))
	case a.Key == "seconds" && a.Value.Kind() == slog.KindFloat64:
		return slog.String(a.Key, fmt.Sprintf("%.3f", a.Value.Float64()))
	}
	return a
}

func newBar(w io.Writer) (progress.Writer, *progress.Tracker) {
	pw := progress.NewWriter()
	pw.SetOutputWriter(w)
	pw.SetTrackerLength(10)
	pw.SetMessageLength(27)
	pw.SetUpdateFrequency(200 * time.Millisecond)
	pw.SetTrackerPosition(progress.PositionRight)
	pw.SetStyle(progress.StyleBlocks)
	style := pw.Style()
	style.Visibility.ETA = true
	style.Visibility.Percentage = true
	style.Visibility.Speed = true
	style.Visibility.Time = true
	style.Visibility.Value = false
	style.Options.ETAPrecision = time.Second
	style.Options.ETAString = "ETA"
	style.Options.TimeInProgressPrecision = time.Second
	style.Options.PercentFormat = "%3.0f%%"
	style.Options.Separator = " "
	tracker := &progress.Tracker{Message: "planning", Units: progress.UnitsBytes}
	return pw, tracker
}

// showIn draws the bar from the first sign of progress on.
func showIn(w progress.Writer, tracker *progress.Tracker) (tell func(load.Progress), stop func()) {
	started := false
	done := make(chan struct{})
	tell = func(p load.Progress) {
		if p.FilesTotal == 0 {
			return
		}
		if !started {
			started = true
			tracker.UpdateTotal(p.BytesTotal)
			w.AppendTracker(tracker)
			go func() { w.Render(); close(done) }()
		}
		failed := ""
		if p.FilesFailed > 0 {
			failed = fmt.Sprintf(", %d failed", p.FilesFailed)
		}
		tracker.UpdateMessage(fmt.Sprintf("%d/%d files%s, %s rows", p.FilesDone, p.FilesTotal, failed, amount.Short(p.Rows)))
		tracker.SetValue(p.BytesDone)
	}
	stop = func() {
		if !started {
			return
		}
		tracker.MarkAsDone()
		w.Stop()
		<-done
	}
	return tell, stop
}

// barLog writes log lines above the bar.
type barLog struct{ w progress.Writer }

func (b barLog) Write(p []byte) (int, error) {
	b.w.Log("%s", strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}
