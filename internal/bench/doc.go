package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// The table stands between these lines of the page.
const (
	begin = "<!-- made by make bench -->"
	end   = "<!-- end of what make bench made -->"
)

// writeDoc puts the results into the page.
func writeDoc(s settings, results []result, targets string) error {
	path := s.doc
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := bytes.Cut(page, []byte(begin))
	_, after, ok2 := bytes.Cut(rest, []byte(end))
	if !ok || !ok2 {
		return fmt.Errorf("%s has no lines %q and %q", path, begin, end)
	}
	var b bytes.Buffer
	b.Write(before)
	fmt.Fprintf(&b, "%s\n\nMade by `%s` on %s: %s, %d cores, %s. Medians of %d rounds (fewer for the largest files); \"times ours\" is wall time divided by that of the first line.\n",
		begin, s.commandLine(), time.Now().UTC().Format(time.DateOnly), processor(), runtime.NumCPU(), runtime.Version(), results[0].rounds)
	b.WriteString(targets)
	for _, r := range results {
		b.WriteString(r.markdown())
	}
	b.WriteString("\n" + end)
	b.Write(after)
	return os.WriteFile(path, b.Bytes(), 0o644)
}

// commandLine is how to make the same table.
func (s settings) commandLine() string {
	command := "make bench"
	if s.quick {
		command += " QUICK=1"
	}
	if s.only != "" {
		command += fmt.Sprintf(" BENCHFLAGS='-only %s -doc %s'", s.only, s.doc)
	}
	return command
}

// processor is the machine's, as the kernel names it.
func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if name, value, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
