package plan

import (
	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/ledger"
)

// Space is what a load of some files needs.
type Space struct {
	Files  int
	Source int64 // bytes on disk of the files to load
	Needed int64 // bytes that have to be free where the database lies, estimated; 0 where Files is
}

// What is added to the estimate.
const (
	margin = 1.1      // files differ
	spare  = 64 << 20 // bytes for the ledger, the checkpoint and temporary files
)

// Estimate is the space that loading files takes; ratio is bytes of database for each byte of CSV, see [ledger.Ratio]. It is what the loader
// refuses to start without and what check_ingest_disk calls needed.
func Estimate(files []source.File, ratio float64) Space {
	s := Space{Files: len(files)}
	var csv int64
	for _, f := range files {
		s.Source += f.Size
		csv += ledger.CSVBytes(f.Path, f.Size)
	}
	if len(files) > 0 {
		s.Needed = int64(float64(csv)*ratio*margin) + spare
	}
	return s
}

// Pending are the files that bring at least one day that is not loaded. It is what [Make] would load of files that did not change since, and
// needs to know no more of the ledger than which days are loaded.
func Pending(files []source.File, covered ledger.Coverage, first, last *catalog.Day) []source.File {
	p := planner{in: Input{Files: files, First: first, Last: last}, covered: covered, daily: dailyFiles(files)}
	var pending []source.File
	for _, f := range files {
		if i := p.item(f); i.Action == Load {
			pending = append(pending, f)
		}
	}
	return pending
}

// Pending are the plan's files that will be read.
func (p Plan) Pending() []source.File {
	var files []source.File
	for _, i := range p.Items {
		if i.Action == Load || i.Action == Replace {
			files = append(files, i.File)
		}
	}
	return files
}
