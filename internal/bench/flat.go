package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/check-ingest/check-ingest/ingest/aggtrades"
)

// logged is a load whose log can be read by a program.
func logged(c contestant) contestant {
	c.command = append(c.command, "--log-format", "json")
	return c
}

// firstAndLast compares how long a tenth of the files took at the beginning with how long the last tenth took, commits included.
func firstAndLast(log []byte) (string, float64, error) {
	var commits []time.Time
	for line := range bytes.Lines(log) {
		var l struct {
			Time time.Time `json:"time"`
			Msg  string    `json:"msg"`
		}
		if err := json.Unmarshal(line, &l); err == nil && l.Msg == "file committed" {
			commits = append(commits, l.Time)
		}
	}
	n := len(commits) / 10
	if n == 0 {
		return "", 0, errors.New("too few files")
	}
	// Of the first file only the end is known, so both spans begin and end with a commit.
	first, last := commits[n].Sub(commits[0]).Seconds(), commits[len(commits)-1].Sub(commits[len(commits)-1-n]).Seconds()
	return fmt.Sprintf("%d files near the beginning took %.2f s, the last %d %.2f s: %.2f times as long.", n, first, n, last, last/first), last / first, nil
}

// decodeOnly decodes the text of the first file as often as there are files, on all cores, and does nothing with the rows.
func decodeOnly(_ *sql.DB, files []string) error {
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
