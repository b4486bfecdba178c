package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// contestant is one way to do a job, as a command line. {db} in it is a database that does not exist yet.
type contestant struct {
	name    string
	command []string
	prepare func(db string) error // what has to be done before, not measured; nil for nothing. The database does not exist then
	anyExit bool                  // checks exit with their state
	rounds  int                   // at most, for what takes long; 0 = as many as the group
}

// group is contestants at the same job. The first one is ours, and what the others are divided by.
type group struct {
	name        string
	title       string
	rows, bytes int64 // that a contestant goes through; 0 where it means nothing
	rounds      int   // 0 = as the flags say
	setup       func() error
	remark      func(commits []time.Time) (string, float64, error) // on the last contestant in the last round, with a figure for the targets
	contestants []contestant
}

// sample is one run of a contestant.
type sample struct {
	wall, cpu float64 // seconds
	memory    int64   // peak, bytes
	database  int64   // size, bytes
}

// result is the medians of a group.
type result struct {
	group
	medians  []sample
	remarked string
	figure   float64 // the remark's
}

// run measures a group: in each round every contestant once.
func (g group) run(s settings) (result, error) {
	fmt.Fprintf(os.Stderr, "== %s\n", g.title)
	if g.setup != nil {
		if err := g.setup(); err != nil {
			return result{}, err
		}
	}
	samples := make([][]sample, len(g.contestants))
	if g.rounds == 0 {
		g.rounds = s.rounds
	}
	var commits []time.Time
	for round := range g.rounds {
		for i, c := range g.contestants {
			if c.rounds > 0 && round >= c.rounds {
				continue
			}
			measured, when, err := c.run(s)
			commits = when
			if err != nil {
				return result{}, fmt.Errorf("%s: %w", c.name, err)
			}
			fmt.Fprintf(os.Stderr, "   %d  %-44s %8.3f s  %8.3f s CPU  %6.0f MB\n", round+1, c.name, measured.wall, measured.cpu, float64(measured.memory)/1e6)
			samples[i] = append(samples[i], measured)
		}
	}
	r := result{group: g}
	if g.remark != nil {
		var err error
		if r.remarked, r.figure, err = g.remark(commits); err != nil {
			return result{}, err
		}
	}
	for _, of := range samples {
		r.medians = append(r.medians, median(of))
	}
	return r, nil
}

// run runs a contestant once, on a fresh database, and tells when it committed files, where it says so.
func (c contestant) run(s settings) (sample, []time.Time, error) {
	db := filepath.Join(s.dir, "bench.duckdb")
	if err := removeDatabase(db); err != nil {
		return sample{}, nil, err
	}
	if c.prepare != nil {
		if err := c.prepare(db); err != nil {
			return sample{}, nil, err
		}
	}
	args := make([]string, len(c.command))
	for i, a := range c.command {
		args[i] = strings.ReplaceAll(a, "{db}", db)
	}
	cmd := exec.CommandContext(context.Background(), args[0], args[1:]...)
	var out bytes.Buffer
	var log loadLog
	cmd.Stdout, cmd.Stderr = &out, &log
	began := time.Now()
	err := cmd.Run()
	wall := time.Since(began).Seconds()
	exited := cmd.ProcessState != nil && cmd.ProcessState.Exited()
	if err != nil && (!c.anyExit || !exited) {
		return sample{}, nil, fmt.Errorf("%w: %s%s", err, tail(out.Bytes()), tail(log.text.Bytes()))
	}
	usage, _ := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	m := sample{wall: wall, cpu: (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), memory: usage.Maxrss * 1024}
	if info, err := os.Stat(db); err == nil {
		m.database = info.Size()
	}
	return m, log.commits, nil
}

// tail is the last of what a contestant that failed has said.
func tail(b []byte) []byte { return b[max(0, len(b)-2000):] }

func removeDatabase(db string) error {
	for _, suffix := range []string{"", ".wal", ".ledger.json", ".tmp"} {
		if err := os.RemoveAll(db + suffix); err != nil {
			return err
		}
	}
	return nil
}

func median(of []sample) sample {
	pick := func(value func(sample) float64) float64 {
		values := make([]float64, len(of))
		for i, s := range of {
			values[i] = value(s)
		}
		slices.Sort(values)
		n := len(values)
		return (values[(n-1)/2] + values[n/2]) / 2
	}
	return sample{
		wall: pick(func(s sample) float64 { return s.wall }), cpu: pick(func(s sample) float64 { return s.cpu }),
		memory: int64(pick(func(s sample) float64 { return float64(s.memory) })), database: int64(pick(func(s sample) float64 { return float64(s.database) })),
	}
}

// markdown is the table of a result.
func (r result) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n### %s\n\n", r.title)
	b.WriteString("| | wall s | CPU s | times ours | rows/s | MB/s | peak MB | database MB |\n|---|---|---|---|---|---|---|---|\n")
	for i, c := range r.contestants {
		m := r.medians[i]
		fmt.Fprintf(&b, "| %s | %s | %s | %.2f | %s | %s | %.0f | %s |\n", c.name, seconds(m.wall), seconds(m.cpu), m.wall/r.medians[0].wall,
			rate(r.rows, m.wall, 1e6, "M"), rate(r.bytes, m.wall, 1e6, ""), float64(m.memory)/1e6, megabytes(m.database))
	}
	if r.remarked != "" {
		b.WriteString("\n" + r.remarked + "\n")
	}
	return b.String()
}

func seconds(s float64) string {
	if s < 1 {
		return fmt.Sprintf("%.4f", s)
	}
	return fmt.Sprintf("%.2f", s)
}

func rate(n int64, wall, unit float64, suffix string) string {
	if n == 0 {
		return ""
	}
	v := float64(n) / wall / unit
	return fmt.Sprintf("%.*f%s", max(0, 2-int(math.Log10(max(v, 1)))), v, suffix)
}

func megabytes(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f", float64(n)/1e6)
}
