// Command samples writes made-up aggTrades files into a folder, for a first look at the loader: daily zips of two futures symbols and daily
// CSVs of a spot symbol, as Binance publishes them. The same arguments always give the same files.
//
//	go run ./internal/synth/samples -dir data [-days 4] [-rows 200000]
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/synth"
)

func main() {
	dir := flag.String("dir", "", "folder to write into")
	days := flag.Int("days", 4, "days of each symbol")
	rows := flag.Int("rows", 200_000, "rows a day")
	end := flag.String("end", "2026-01-31", "last day")
	flag.Parse()
	if err := write(*dir, *end, *days, *rows); err != nil {
		fmt.Fprintln(os.Stderr, "samples:", err)
		os.Exit(1)
	}
}

func write(dir, end string, days, rows int) error {
	last, err := catalog.ParseDay(end)
	if err != nil {
		return err
	}
	if dir == "" || days < 1 || rows < 1 {
		return fmt.Errorf("usage: samples -dir DIR [-days N] [-rows N] [-end YYYY-MM-DD]")
	}
	series := []struct {
		catalog.Series
		packing synth.Packing
		price   int64
	}{
		{catalog.Series{Market: catalog.UM, Symbol: "BTCUSDT"}, synth.Zip, 93_000e8},
		{catalog.Series{Market: catalog.UM, Symbol: "ETHUSDT"}, synth.Zip, 3_200e8},
		{catalog.Series{Market: catalog.Spot, Symbol: "BTCUSDT"}, synth.Plain, 93_000e8},
	}
	for n, s := range series {
		for i := range days {
			day := last - catalog.Day(days-1-i)
			spec := synth.Spec{
				Series: s.Series, Period: catalog.DayPeriod(day), Rows: rows, FirstID: int64(n+1)*1_000_000_000 + int64(i*rows),
				Seed: uint64(n*1000 + int(day)), StartPrice: s.price,
			}
			if _, err := synth.WriteFile(dir, synth.Mirror, spec, s.packing); err != nil {
				return err
			}
		}
	}
	_, err = fmt.Fprintf(os.Stdout, "made %d files of %d rows in %s (made-up trades, as of %s)\n", days*len(series), rows, dir, last.Time().Format(time.DateOnly))
	return err
}
