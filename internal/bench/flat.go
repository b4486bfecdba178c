package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/check-ingest/check-ingest/ingest/aggtrades"
)

// loadLog keeps what a contestant writes to stderr, and when the loader said that it had committed a file. The times in the log itself are too coarse.
type loadLog struct {
	text    bytes.Buffer
	commits []time.Time
}

func (l *loadLog) Write(p []byte) (int, error) {
	now := time.Now()
	for range bytes.Count(p, []byte("file committed")) {
		l.commits = append(l.commits, now)
	}
	return l.text.Write(p)
}

// firstAndLast compares how long a file took, commits included, in about a tenth of the files at the beginning and in the last tenth.
func firstAndLast(commits []time.Time) (string, float64, error) {
	// Files that share a transaction are told at once. When the first file was begun is not known, so both spans begin and end with a transaction.
	const atOnce = 100 * time.Millisecond
	var ends []int // the last file of each transaction
	for i := range commits {
		if i+1 == len(commits) || commits[i+1].Sub(commits[i]) > atOnce {
			ends = append(ends, i)
		}
	}
	n := len(commits) / 10
	if n == 0 || len(ends) < 3 {
		return "", 0, errors.New("too few files")
	}
	end := len(commits) - 1
	early, late := ends[slices.IndexFunc(ends, func(e int) bool { return e-ends[0] >= n })], ends[0]
	for _, e := range ends {
		if end-e >= n {
			late = e
		}
	}
	per := func(from, to int) float64 { return commits[to].Sub(commits[from]).Seconds() / float64(to-from) }
	first, last := per(ends[0], early), per(late, end)
	return fmt.Sprintf("A file took %.3f s in the first %d files after the first transaction, and %.3f s in the last %d: %.2f times as long.",
		first, early-ends[0], last, end-late, last/first), last / first, nil
}

// decodeOnly decodes the text of the first file as often as there are files, on all cores, and does nothing with the rows.
func decodeOnly(files []string) error {
	text, err := os.ReadFile(files[0])
	if err != nil {
		return err
	}
	format, skip, err := aggtrades.Sniff(text, true)
	if err != nil {
		return err
	}
	blocks := make(chan []byte)
	var decoders sync.WaitGroup
	for range runtime.NumCPU() {
		decoders.Go(func() {
			d, rows := aggtrades.NewDecoder(aggtrades.Options{Format: format}), aggtrades.NewRows(2048)
			for block := range blocks {
				d.Reset(block, 1)
				for {
					more, err := d.Next(rows)
					if err != nil {
						panic(err) // files of our own making
					}
					if !more {
						break
					}
				}
			}
		})
	}
	for range files {
		for rest := text[skip:]; len(rest) > 0; {
			end := bytes.LastIndexByte(rest[:min(len(rest), 1<<20)], '\n') + 1
			blocks <- rest[:end]
			rest = rest[end:]
		}
	}
	close(blocks)
	decoders.Wait()
	return nil
}
