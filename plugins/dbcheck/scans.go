package dbcheck

import (
	"errors"
	"fmt"
	"time"

	"github.com/check-ingest/check-ingest/internal/amount"
	"github.com/check-ingest/check-ingest/internal/nagios"
	"github.com/check-ingest/check-ingest/internal/store"
)

// remedyDeep is what to do about rows that are wrong.
const remedyDeep = "Find out what else writes to the database; delete these rows' days and their files' rows of ingestion_log, and load the files again."

// blocks judges what --blocks read.
func blocks(r *nagios.Result, path string, s scan) string {
	if s.err != nil {
		r.Problems = append(r.Problems, scanProblem("reading every block", path, s.err))
		return ""
	}
	return fmt.Sprintf("every block of %s read in %s", amount.Of(s.tables, "table"), took(s.took))
}

// deep judges what --deep found.
func deep(r *nagios.Result, path string, s scan, found store.Examination) string {
	if s.err != nil {
		r.Problems = append(r.Problems, scanProblem("examining the rows", path, s.err))
		return ""
	}
	var invalid int64
	var worst []string
	for _, f := range found.Findings {
		r.Lines = append(r.Lines, f.String())
		if f.Defect != store.Duplicate {
			invalid += f.Rows
			worst = append(worst, f.String())
		}
	}
	duplicates := found.Count(store.Duplicate)
	r.Metrics = append(r.Metrics,
		nagios.Metric{Label: labelDuplicates, Value: float64(duplicates), Phrase: "{} duplicate " + amount.Noun(duplicates, "row") + example(found, store.Duplicate), Path: path, Remedy: remedyDeep},
		nagios.Metric{Label: labelInvalid, Value: float64(invalid), Phrase: "{} invalid " + amount.Noun(invalid, "row") + ": " + few(worst), Path: path, Remedy: remedyDeep},
	)
	for _, d := range []struct {
		label  string
		defect store.Defect
	}{
		{labelNulls, store.Null},
		{labelPrice, store.BadPrice},
		{labelQuantity, store.BadQuantity},
		{labelSide, store.BadSide},
		{labelGross, store.BadGrossValue},
		{labelTime, store.BadTime},
		{labelOutside, store.OutsidePeriod},
	} {
		n := found.Count(d.defect)
		r.Metrics = append(r.Metrics, nagios.Metric{
			Label: d.label, Value: float64(n), Phrase: "{} " + amount.Noun(n, "row") + " with " + d.defect.String() + example(found, d.defect), Path: path, Remedy: remedyDeep,
		})
	}
	if duplicates == 0 && invalid == 0 {
		return fmt.Sprintf("%s examined in %s without a defect", amount.Of(found.Rows, "row"), took(s.took))
	}
	return fmt.Sprintf("%s examined in %s", amount.Of(found.Rows, "row"), took(s.took))
}

// example names one of the rows that have the defect.
func example(found store.Examination, d store.Defect) string {
	for _, f := range found.Findings {
		if f.Defect == d && f.Example >= 0 {
			return fmt.Sprintf(", such as id %d of %s", f.Example, f.Of())
		}
	}
	return ""
}

// scanProblem is a reading that could not be done to its end.
func scanProblem(doing, path string, err error) nagios.Problem {
	p := nagios.Problem{State: nagios.Unknown, Text: doing + ": " + err.Error(), Path: path}
	var e *store.Error
	if !errors.As(err, &e) {
		return p
	}
	p.Text, p.Remedy = doing+": "+e.Sentence(), nagios.Advice(e.Remedy)
	if e.Kind == store.KindCorrupt || e.Kind == store.KindIO {
		p.State = nagios.Critical
	}
	return p
}

// took is a duration for people, with parts of a second.
func took(d time.Duration) string { return nagios.Human(d.Seconds(), nagios.Seconds) }
