package csvcheck

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/check-ingest/check-ingest/ingest/aggtrades"
	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/nagios"
	"github.com/check-ingest/check-ingest/internal/shell"
)

// archive is where Binance publishes its files.
const archive = "https://data.binance.vision/data/"

// remedy is a sentence that says what to do about a bad file, with a command where there is one.
func (f finding) remedy() string {
	var row *aggtrades.RowError
	if errors.Is(f.err, aggtrades.ErrTooWide) && errors.As(f.err, &row) && row.Field == "quantity" {
		return "Widen the column, then give --widened: ingest-aggtrades migrate --widen-quantity --db=FILE"
	}
	var known *source.FileError
	if errors.As(f.err, &known) && !f.replaceable() {
		return strings.TrimSuffix(nagios.Advice(known.Remedy), ".") + ": " + f.file.Path
	}
	return "Fetch it again: " + f.refetch()
}

// replaceable reports whether the file is bad in a way that another copy of it may not be.
func (f finding) replaceable() bool {
	return !errors.Is(f.err, source.ErrChanged) && !errors.Is(f.err, source.ErrNotRegular) && !errors.Is(f.err, source.ErrTooLarge) && !source.Transient(f.err)
}

// refetch is the command that replaces a file by the published archive. A .csv must go for that, since it would be read instead.
func (f finding) refetch() string {
	p := f.file.Period
	d := download{folder: filepath.Dir(f.file.Path), series: f.file.Series, monthly: p.Days() > 1, period: p.String()}
	d.checksum = errors.Is(f.err, source.ErrChecksum)
	if f.file.Format == source.CSV {
		d.remove = filepath.Base(f.file.Path)
	}
	return d.command()
}

// download is what curl is to fetch.
type download struct {
	folder   string // to put it in
	series   catalog.Series
	monthly  bool
	period   string // as in the file's name; for several, as curl's URLs have it: 2024-01-[02-09]
	checksum bool   // the .CHECKSUM too
	remove   string // a file in the folder that has to go afterwards
}

// command is what can be pasted into a shell. It leaves the shell in the folder it was in.
func (d download) command() string {
	market, span := "spot", "daily"
	if d.series.Market != catalog.Spot {
		market = "futures/" + string(d.series.Market)
	}
	if d.monthly {
		span = "monthly"
	}
	symbol := url.PathEscape(d.series.Symbol)
	address := archive + market + "/" + span + "/aggTrades/" + symbol + "/" + symbol + "-aggTrades-" + d.period + ".zip"
	command := "curl -fL " + d.save("") + shell.Quote(address)
	if d.checksum {
		command += " " + d.save(".CHECKSUM") + shell.Quote(address+".CHECKSUM")
	}
	if d.remove != "" {
		command += " && rm " + shell.Quote(d.remove)
	}
	return "(cd " + shell.Quote(d.folder) + " && " + command + ")"
}

// save is the option that names the file to write: the name in the address, unless that is an encoded one.
func (d download) save(suffix string) string {
	if url.PathEscape(d.series.Symbol) == d.series.Symbol {
		return "-O "
	}
	period := d.period
	if at := strings.IndexByte(period, '['); at >= 0 {
		period = period[:at] + "#1" // what the brackets stand for
	}
	return "-o " + shell.Quote(d.series.Symbol+"-aggTrades-"+period+".zip"+suffix) + " "
}

// stretch is days of one month that follow one another.
type stretch struct{ catalog.Period }

// String is "2024-01-02" or "2024-01-02..2024-01-09", also for a whole month.
func (r stretch) String() string {
	if r.Days() == 1 {
		return r.First.String()
	}
	return r.First.String() + ".." + r.Last().String()
}

// stretches joins days, which are in order, unless a month ends between them.
func stretches(days []catalog.Day) []stretch {
	var all []stretch
	for _, d := range days {
		if n := len(all); n > 0 && all[n-1].End == d && d.Time().Day() > 1 {
			all[n-1].End++
			continue
		}
		all = append(all, stretch{catalog.DayPeriod(d)})
	}
	return all
}

// hole is days that a series lacks.
type hole struct {
	stretch
	series series
}

// download fetches the days to where the series' other files are.
func (h hole) download() download {
	d := download{folder: filepath.Dir(h.series.nearest(h.First).Path), series: h.series.Series, period: h.First.String()}
	if h.Days() > 1 {
		d.period = fmt.Sprintf("%s[%02d-%02d]", h.First.Time().Format("2006-01-"), h.First.Time().Day(), h.Last().Time().Day())
	}
	return d
}

// holes are the missing days of all series, oldest first.
func (o observation) holes() []hole {
	var all []hole
	for _, s := range o.series {
		for _, r := range stretches(s.missing) {
			all = append(all, hole{r, s})
		}
	}
	slices.SortStableFunc(all, func(a, b hole) int { return cmp.Compare(a.First, b.First) })
	return all
}

// catchUp is the remedy of a series that is behind: the command that fetches the oldest days, up to yesterday, that follow its newest.
func (s series) catchUp(today catalog.Day) string {
	var days []catalog.Day
	for d := s.newest().Period.End; d < today; d++ {
		days = append(days, d)
	}
	if len(days) == 0 {
		return "Wait for the next file, which Binance publishes the day after its day."
	}
	return "Fetch what follows: " + hole{stretches(days)[0], s}.download().command()
}
