package dbcheck

import (
	"slices"
	"time"

	"github.com/check-ingest/check-ingest/internal/ledger"
	"github.com/check-ingest/check-ingest/internal/nagios"
	"github.com/check-ingest/check-ingest/internal/store"
)

// maxDetails is how many series are told to machines, those of a database of every symbol that there is.
const maxDetails = 2000

// details are the series, with what is loaded of each and, where --gaps was given, what is missing.
func details(loaded []store.Loaded, gaps []ledger.SeriesState, now time.Time) []nagios.Detail {
	var out []nagios.Detail
	for _, l := range loaded[:min(len(loaded), maxDetails)] {
		d := nagios.Detail{
			Kind:  "series",
			Names: []nagios.DetailName{{Key: "market", Value: string(l.Market)}, {Key: "symbol", Value: l.Symbol}},
			Values: []nagios.DetailValue{
				{Label: labelRows, Help: "Rows of the series, by the ledger.", Value: float64(l.Rows)},
				{Label: "files", Help: "Loaded files of the series.", Value: float64(l.Files)},
			},
		}
		if !l.Newest.IsZero() {
			d.Values = append(d.Values, nagios.DetailValue{
				Label: labelAge, Unit: nagios.Seconds, Help: "Since the newest trade of the series.", Value: max(now.Sub(l.Newest).Seconds(), 0),
			})
		}
		if i := slices.IndexFunc(gaps, func(s ledger.SeriesState) bool { return s.Series == l.Series }); i >= 0 {
			d.Values = append(d.Values,
				nagios.DetailValue{Label: labelDays, Help: "Days without a row between the first and the last of the series.", Value: float64(gaps[i].MissingDays())},
				nagios.DetailValue{Label: labelIDs, Help: "Trade ids that no row of the series has between the first and the last.", Value: float64(gaps[i].IDsMissing)},
			)
		}
		out = append(out, d)
	}
	return out
}
