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

	"github.com/check-ingest/check-ingest/ingest/aggtrades"
	"github.com/check-ingest/check-ingest/ingest/load"
)

// reported is a load that prints its report as JSON.
func reported(c contestant) contestant {
	c.command = append(c.command, "-o", "json")
	c.outputOnly = true
	return c
}

// firstAndLast compares the time that the first tenth of the files took with that of the last.
func firstAndLast(output []byte) (string, error) {
	var r load.Report
	if err := json.Unmarshal(output, &r); err != nil {
		return "", err
	}
	n := len(r.Files) / 10
	if n == 0 {
		return "", errors.New("too few files")
	}
	var first, last int64
	for i := range n {
		first += r.Files[i].Milliseconds
		last += r.Files[len(r.Files)-1-i].Milliseconds
	}
	return fmt.Sprintf("The first %d files took %.2f s, the last %d %.2f s: %.2f times as long.", n, float64(first)/1e3, n, float64(last)/1e3, float64(last)/float64(first)), nil
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
