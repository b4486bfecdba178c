package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
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

// firstAndLast compares how long a tenth of the files took at the beginning with how long the last tenth took, commits included.
func firstAndLast(commits []time.Time) (string, float64, error) {
	n, end := len(commits)/10, len(commits)-1
	if n == 0 {
		return "", 0, errors.New("too few files")
	}
	// When the first file was begun is not known, so both spans begin and end with a commit.
	first, last := commits[n].Sub(commits[0]).Seconds(), commits[end].Sub(commits[end-n]).Seconds()
	return fmt.Sprintf("%d files near the beginning took %.2f s, the last %d %.2f s: %.2f times as long.", n, first, n, last, last/first), last / first, nil
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
