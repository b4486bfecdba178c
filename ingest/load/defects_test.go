package load_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/ingest/load"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// defect is a file with something odd about it, and what becomes of it.
type defect struct {
	name   string // of the file
	text   string // its bytes
	sample string // or the sample that has them
	beside map[string]string

	// ledger is its entry but for the name: see world.ledger. Empty for a file that is left aside.
	ledger string
	rows   string // the CSV text of the rows that are in the database afterwards
	failed bool
	market string // "spot" where its folder says so, else USD-M
}

const header = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n"

// Three plain rows of 2024-02-28, and what their ledger entry says.
const (
	row1   = "11,61000.1,0.5,21,22,1709078400000,true\n"
	row2   = "12,61000.2,0.25,23,23,1709078400001,false\n"
	row3   = "13,61000.3,1.0,24,29,1709164799999,true\n"
	plain  = row1 + row2 + row3
	btcDay = "BTCUSDT-aggTrades-2024-02-28.csv"

	loaded3 = "um|BTCUSDT|2024-02-28|2024-02-28|success|rows 3 = 3 inserted + 0 duplicate + 0 conflict + 0 voided|ids 11..13 missing 0|days |"
)

// failedDay is the ledger entry of a file of 2024-02-28 of which nothing is loaded. The first %s is what is wrong with it.
func failedDay(problem string) string {
	return "um|BTCUSDT|2024-02-28|2024-02-28|failed|rows 0 = 0 inserted + 0 duplicate + 0 conflict + 0 voided|ids .. missing 0|days |" + problem
}

// archive is a zip with these members, in pairs of name and text.
func archive(members ...string) string {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(members); i += 2 {
		w, err := z.Create(members[i])
		if err == nil {
			_, err = w.Write([]byte(members[i+1]))
		}
		if err != nil {
			panic(err)
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.String()
}

// wrongCRC is a zip whose member's CRC is not that of its content.
func wrongCRC(name, text string) string {
	var packed, b bytes.Buffer
	f, _ := flate.NewWriter(&packed, 6) // errs only for levels that do not exist
	_, _ = f.Write([]byte(text))
	_ = f.Close()
	z := zip.NewWriter(&b)
	w, err := z.CreateRaw(&zip.FileHeader{
		Name: name, Method: zip.Deflate, CRC32: crc32.ChecksumIEEE([]byte(text)) ^ 1, CompressedSize64: uint64(packed.Len()), UncompressedSize64: uint64(len(text)),
	})
	if err == nil {
		_, err = w.Write(packed.Bytes())
	}
	if err = errors.Join(err, z.Close()); err != nil {
		panic(err)
	}
	return b.String()
}

func sum(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

const page = "<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>\n"

// distant is a file of three thousand rows of which one comes again a thousand rows later, and another twice.
func distant() (text, distinct string) {
	var lines []string
	for i := range 3000 {
		lines = append(lines, fmt.Sprintf("%d,61000.%d,0.5,%d,%d,%d,true\n", 100+i, i%7, 200+i, 200+i, 1709078400000+i))
	}
	distinct = strings.Join(lines, "")
	again := strings.Join(lines[:1500], "") + lines[400] + lines[500] + strings.Join(lines[1500:2900], "") + lines[500] + strings.Join(lines[2900:], "")
	return again, distinct
}

func defects() map[string]defect {
	zipped := "BTCUSDT-aggTrades-2024-02-28.zip"
	distantText, distantRows := distant()
	return map[string]defect{
		"voided rows": {
			name: btcDay, market: "spot",
			text:   "11,61000.10000000,0.50000000,21,22,1709078400000,True,True\n12,0,0,-1,-1,1709078399000,False,True\n13,0.00000000,0.00000000,-1,-1,1709078400001,False,True\n14,61000.20000000,0.50000000,23,23,1709078400001,False,True\n",
			ledger: "spot|BTCUSDT|2024-02-28|2024-02-28|success|rows 4 = 2 inserted + 0 duplicate + 0 conflict + 2 voided|ids 11..14 missing 0|days |",
			rows:   "11,61000.1,0.5,21,22,1709078400000,True,True\n14,61000.2,0.5,23,23,1709078400001,False,True\n",
		},
		"nothing but voided rows": {
			name: btcDay, text: "12,0,0,-1,-1,1709078400000,false\n",
			ledger: "um|BTCUSDT|2024-02-28|2024-02-28|success|rows 1 = 0 inserted + 0 duplicate + 0 conflict + 1 voided|ids .. missing 0|days 2024-02-28|",
		},
		"each row twice (issue 203)": {
			name: "BTCUSDT-aggTrades-2022-09.csv", sample: "um-BTCUSDT-2022-09-consecutive-duplicates.csv",
			ledger: "um|BTCUSDT|2022-09-01|2022-09-30|success|rows 12 = 6 inserted + 6 duplicate + 0 conflict + 0 voided|ids 1446230265..1446230270 missing 0|days " + days("2022-09", "2022-09-12") + "|",
		},
		"rows that come again a thousand rows later, twice and three times": {
			name: btcDay, text: distantText, rows: distantRows,
			ledger: "um|BTCUSDT|2024-02-28|2024-02-28|success|rows 3003 = 3000 inserted + 3 duplicate + 0 conflict + 0 voided|ids 100..3099 missing 0|days |",
		},
		"an id with two trades": {
			name: btcDay, text: row1 + row2 + "12,61000.2,0.26,23,23,1709078400001,false\n" + row3, rows: plain,
			ledger: "um|BTCUSDT|2024-02-28|2024-02-28|partial|rows 4 = 3 inserted + 0 duplicate + 1 conflict + 0 voided|ids 11..13 missing 0|days |1 row left out: the database holds other trades with their ids, the first is agg_trade_id 12",
		},
		"two date ranges line by line, with header (issue 339)": {
			name: "BTCUSDT-aggTrades-2023-05.csv", sample: "um-BTCUSDT-2023-05-interleaved-header.csv",
			ledger: "um|BTCUSDT|2023-05-01|2023-05-31|success|rows 10 = 10 inserted + 0 duplicate + 0 conflict + 0 voided|ids 1715206948..1750606765 missing 35399808|days " + days("2023-05", "2023-05-01", "2023-05-30") + "|",
		},
		"two date ranges line by line, without header (issue 288)": {
			name: "BTCUSDT-aggTrades-2023-10.csv", sample: "um-BTCUSDT-2023-10-interleaved.csv",
			ledger: "um|BTCUSDT|2023-10-01|2023-10-31|success|rows 12 = 12 inserted + 0 duplicate + 0 conflict + 0 voided|ids 1862715434..1896999307 missing 34283862|days " + days("2023-10", "2023-10-01", "2023-10-27") + "|",
		},
		"quantities of zero (issue 342)": {
			name: "ETHUSDT-aggTrades-2023-05.csv", sample: "um-ETHUSDT-2023-05-zero-quantity.csv",
			ledger: "um|ETHUSDT|2023-05-01|2023-05-31|success|rows 8 = 8 inserted + 0 duplicate + 0 conflict + 0 voided|ids 1290241731..1303870286 missing 13628548|days " + days("2023-05", "2023-05-01", "2023-05-13") + "|",
		},
		"a day missing in a month (issue 140)": {
			name: "BTCUSDT-aggTrades-2022-04.csv", sample: "um-BTCUSDT-2022-04-monthly-missing-day.csv",
			ledger: "um|BTCUSDT|2022-04-01|2022-04-30|success|rows 11 = 11 inserted + 0 duplicate + 0 conflict + 0 voided|ids 1181756327..1182560647 missing 804310|days " + days("2022-04", "2022-04-23", "2022-04-25") + "|",
		},
		"gaps in trade ids (issue 378)": {
			name: "BTCUSDT-aggTrades-2024-07-04.csv", sample: "um-BTCUSDT-2024-07-04-trade-id-gaps.csv",
			ledger: "um|BTCUSDT|2024-07-04|2024-07-04|success|rows 4 = 4 inserted + 0 duplicate + 0 conflict + 0 voided|ids 2228503268..2228503271 missing 0|days |",
		},
		"ids beyond 31 bits": {
			name: "BTCUSDT-aggTrades-2025-10-22.csv", sample: "um-BTCUSDT-2025-10-22-head.csv",
			ledger: "um|BTCUSDT|2025-10-22|2025-10-22|success|rows 6 = 6 inserted + 0 duplicate + 0 conflict + 0 voided|ids 2907604449..2907604454 missing 0|days |",
		},
		"a day that ends in the morning (issue 354)": {
			name: "BTCUSDT-aggTrades-2021-12-14.csv", sample: "spot-BTCUSDT-2021-12-14-truncated-tail.csv", market: "spot",
			ledger: "spot|BTCUSDT|2021-12-14|2021-12-14|success|rows 10 = 10 inserted + 0 duplicate + 0 conflict + 0 voided|ids 1031427002..1031427011 missing 0|days |",
		},
		"a quantity wider than the column": {
			name: btcDay, text: row1 + "12,61000.2,12345678901.0,23,23,1709078400001,false\n" + row3, failed: true,
			ledger: failedDay(btcDay + ": line 2: quantity \"12345678901.0\": number too large, expected at most 9999999999.99999999; widen the column with: ingest-aggtrades migrate --widen-quantity"),
		},
		"a price wider than the column": {
			name: btcDay, text: row1 + "12,12345678901.0,1.0,23,23,1709078400001,false\n" + row3, failed: true,
			ledger: failedDay(btcDay + ": line 2: price \"12345678901.0\": number too large, expected at most 9999999999.99999999"),
		},
		"cut inside a field": {
			name: btcDay, text: row1 + "12,61000.2,0.25,23,23,1709078400001,fa", failed: true,
			ledger: failedDay(btcDay + ": line 2: \"12,61000.2,0.25,23,23,1709078400001,fa\": the file ends in the middle of a line"),
		},
		"cut inside a number": {
			name: btcDay, text: row1 + "12,61000.2,0.25,23,23,17090784", failed: true,
			ledger: failedDay(btcDay + ": line 2: \"12,61000.2,0.25,23,23,17090784\": the file ends in the middle of a line"),
		},
		"cut inside a number, with a line end": {
			name: btcDay, text: row1 + "12,61000.2,0.25,23,23,17090784\n", failed: true,
			ledger: failedDay(btcDay + ": line 2: \"12,61000.2,0.25,23,23,17090784\": wrong number of columns, expected 7, got 6"),
		},
		"cut after the last field, before its line end": {
			name: btcDay, text: strings.TrimSuffix(plain, "\n"), failed: true,
			ledger: failedDay(btcDay + ": line 3: \"13,61000.3,1.0,24,29,1709164799999,true\": the file ends in the middle of a line"),
		},
		"a time that lost a digit": {
			name: btcDay, text: row1 + "12,61000.2,0.25,23,23,170907840000,true\n", failed: true,
			ledger: failedDay(btcDay + ": line 2: transact_time \"170907840000\": not a time at which trades were made, expected milliseconds or microseconds since 1970, of a time from 2009 to 2099"),
		},
		"a day cut at another hour": {
			name: btcDay, text: row1 + row2 + "14,61000.2,0.25,23,23,1709164800000,true\n", failed: true,
			ledger: failedDay(btcDay + ": line 3: transact_time \"1709164800000\": outside the file's period, expected a time in 2024-02-28 UTC, got 2024-02-29T00:00:00Z"),
		},
		"an error page as .csv": {
			name: btcDay, text: page, failed: true,
			ledger: failedDay(btcDay + ": an HTML or XML page, not CSV: the server's answer was \"NoSuchKey\""),
		},
		"a web page as .csv": {
			name: btcDay, text: "<!DOCTYPE html>\n<html><body>Not found</body></html>\n", failed: true,
			ledger: failedDay(btcDay + ": an HTML or XML page, not CSV: it begins \"<!DOCTYPE html>\\n<html><body>Not found</body></html>\\n\""),
		},
		"an error page as .zip": {
			name: zipped, text: page, failed: true, ledger: failedDay(zipped + ": an HTML or XML page, not zip: \"NoSuchKey\""),
		},
		"a CSV file as .zip": {
			name: zipped, text: plain, failed: true, ledger: failedDay(zipped + ": not zip: begins with \"11,61000.1,0.5,2\""),
		},
		"a zip as .csv": {
			name: btcDay, text: archive(btcDay, plain), failed: true, ledger: failedDay(btcDay + ": compressed data under the name of a CSV file: it begins like a zip file"),
		},
		"an empty file":    {name: btcDay, failed: true, ledger: failedDay(btcDay + ": the file is empty")},
		"an empty zip":     {name: zipped, failed: true, ledger: failedDay(zipped + ": the file is empty")},
		"an empty gzip":    {name: btcDay + ".gz", failed: true, ledger: failedDay(btcDay + ".gz: the file is empty")},
		"a zip of nothing": {name: zipped, text: archive(btcDay, ""), failed: true, ledger: failedDay(zipped + ": holds an empty file")},
		"only a header":    {name: btcDay, text: header, failed: true, ledger: failedDay(btcDay + ": the file has no rows")},
		"a second, nested copy": {
			name: zipped, text: archive(btcDay, plain, "fsx-data/collector_data/data/spot/"+btcDay, plain), ledger: loaded3, rows: plain,
		},
		"a nested copy that differs": {
			name: zipped, text: archive("fsx-data/"+btcDay, row1, btcDay, plain), ledger: loaded3, rows: plain,
		},
		"only a nested copy": {
			name: zipped, text: archive("fsx-data/"+btcDay, plain), failed: true,
			ledger: failedDay(zipped + ": the archive has no member \"" + btcDay + "\" in its root, only \"fsx-data/" + btcDay + "\"; a nested copy is not read"),
		},
		"another file's member": {
			name: zipped, text: archive("ETHUSDT-aggTrades-2024-02-28.csv", plain), failed: true,
			ledger: failedDay(zipped + ": the archive has no member \"" + btcDay + "\" in its root, only \"ETHUSDT-aggTrades-2024-02-28.csv\""),
		},
		"a member that leads out of the folder": {
			name: zipped, text: archive("../../etc/passwd", "root", btcDay, plain), ledger: loaded3, rows: plain,
		},
		"a wrong CRC": {
			name: zipped, text: wrongCRC(btcDay, plain), failed: true,
			ledger: failedDay(fmt.Sprintf("%s: its content has CRC-32 %08x, the archive's directory says %08x", zipped, crc32.ChecksumIEEE([]byte(plain)), crc32.ChecksumIEEE([]byte(plain))^1)),
		},
		"a zip cut in half": {
			name: zipped, text: archive(btcDay, strings.Repeat(plain, 100))[:300], failed: true,
			ledger: failedDay(zipped + ": the archive's directory, at its end, is missing or damaged (zip: not a valid zip file)"),
		},
		"a checksum that agrees": {
			name: zipped, text: archive(btcDay, plain), ledger: loaded3, rows: plain,
			beside: map[string]string{zipped + ".CHECKSUM": sum(archive(btcDay, plain)) + "  " + zipped},
		},
		"a checksum that does not agree": {
			name: zipped, text: archive(btcDay, plain), failed: true,
			ledger: failedDay(zipped + ": its SHA-256 is " + sum(archive(btcDay, plain)) + ", its .CHECKSUM says " + sum("another")),
			beside: map[string]string{zipped + ".CHECKSUM": sum("another") + "  " + zipped},
		},
		"a checksum of another file": {
			name: zipped, text: archive(btcDay, plain), failed: true,
			ledger: failedDay(zipped + ": its .CHECKSUM is of no use: it is about \"other.zip\""),
			beside: map[string]string{zipped + ".CHECKSUM": sum(archive(btcDay, plain)) + "  other.zip"},
		},
		"a checksum that is an error page": {
			name: zipped, text: archive(btcDay, plain), failed: true,
			ledger: failedDay(zipped + ": its .CHECKSUM is of no use: an HTML or XML page (\"NoSuchKey\")"),
			beside: map[string]string{zipped + ".CHECKSUM": page},
		},
		"a checksum beside a .csv that was extracted": {
			name: btcDay, text: plain, ledger: loaded3, rows: plain, beside: map[string]string{zipped + ".CHECKSUM": sum("x") + "  " + zipped},
		},
		"a left-over of Spark":       {name: "monthly/aggTrades/BTCUSDT/part-00000-0fae7358-a956-4804-a6d4-1682c07a5127-c000.zip", text: "PK"},
		"an unfinished download":     {name: zipped + ".part", text: "PK"},
		"a date that does not exist": {name: "BTCUSDT-aggTrades-2023-02-29.csv", text: plain},
		"a month without its zero":   {name: "BTCUSDT-aggTrades-2020-8.zip", text: "PK"},
		"a carriage return and a byte order mark": {
			name: btcDay, text: "\xef\xbb\xbf" + strings.ReplaceAll(header+plain, "\n", "\r\n"), ledger: loaded3, rows: plain,
		},
		"exponents": {
			name: btcDay, text: strings.Replace(plain, "0.25", "4.4e-16", 1), ledger: loaded3, rows: strings.Replace(plain, "0.25", "0", 1),
		},
		"truth in capitals":     {name: btcDay, text: strings.Replace(strings.Replace(plain, "true", "TRUE", 1), "false", "FALSE", 1), ledger: loaded3, rows: plain},
		"the names of the REST": {name: btcDay, text: "a,p,q,f,l,T,m\n" + plain, ledger: loaded3, rows: plain},
		"tabs": {
			name: btcDay, text: strings.ReplaceAll(plain, ",", "\t"), failed: true,
			ledger: failedDay(btcDay + ": line 1: \"" + strings.ReplaceAll(strings.TrimSuffix(row1, "\n"), ",", "\\t") + "\": wrong number of columns, expected 7 or 8 separated by commas, got 1"),
		},
		"a header in the middle": {
			name: btcDay, text: row1 + header + row2, failed: true, ledger: failedDay(btcDay + ": line 2: agg_trade_id \"agg_trade_id\": invalid number, expected digits only, at most 9223372036854775807"),
		},
		"a negative price": {
			name: btcDay, text: row1 + "12,-1.0,0.25,23,23,1709078400001,false\n", failed: true,
			ledger: failedDay(btcDay + ": line 2: price \"-1.0\": invalid number, expected an unsigned decimal such as 61234.5 or 1e-05"),
		},
		"ids that go back": {
			name: btcDay, text: row2 + row1 + row3, ledger: loaded3, rows: plain,
		},
	}
}

// days are all days of a month but some, as the ledger lists them.
func days(month string, but ...string) string {
	var list []string
	for d := 1; d <= 31; d++ {
		date := fmt.Sprintf("%s-%02d", month, d)
		if (month[5:] == "04" || month[5:] == "09") && d == 31 || strings.Contains(strings.Join(but, " "), date) {
			continue
		}
		list = append(list, date)
	}
	return strings.Join(list, ",")
}

// TestDefects loads each odd file beside a good one. Whatever becomes of it, the good one is loaded, what is in the database is accounted for, and
// another run changes nothing.
func TestDefects(t *testing.T) {
	t.Parallel()
	for name, d := range defects() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			series, folder := um("BTCUSDT"), "futures/um"
			if d.market == "spot" {
				series, folder = spot("BTCUSDT"), "spot"
			}
			if strings.HasPrefix(d.name, "ETHUSDT") {
				series.Symbol = "ETHUSDT"
			}
			text, rows := d.text, d.rows
			if d.sample != "" {
				text = read(t, filepath.Join(samples(t), "defects", d.sample))
				rows = distinct(text)
			}
			w.put(t, filepath.Join(folder, d.name), text)
			for name, text := range d.beside {
				w.put(t, filepath.Join(folder, name), text)
			}
			mate := daily(t, um("SOLUSDT"), "2024-02-28", 20, 5)
			w.make(t, mate, synth.Plain)
			want := append(rowsOf(t, um("SOLUSDT"), string(synth.CSV(mate))), rowsOf(t, series, rows)...)
			wantLedger := []string{"SOLUSDT-aggTrades-2024-02-28.csv|um|SOLUSDT|2024-02-28|2024-02-28|success|rows 20 = 20 inserted + 0 duplicate + 0 conflict + 0 voided|ids 5..24 missing 0|days |"}
			if d.ledger != "" {
				wantLedger = append(wantLedger, filepath.Base(d.name)+"|"+d.ledger)
			}

			for _, when := range []string{"first run", "second run"} {
				r, err := w.run(t)
				if wantErr := d.failed; errors.Is(err, load.ErrSomeFailed) != wantErr || err != nil && !wantErr {
					t.Fatalf("%s: %v\n%s", when, err, w.log)
				}
				same(t, want, w.rows(t))
				if diff := cmp.Diff(sorted(wantLedger), sorted(w.ledger(t))); diff != "" {
					t.Errorf("%s: ledger (-want +got):\n%s", when, diff)
				}
				status := statuses(r)[filepath.Base(d.name)]
				wantStatus, _, _ := strings.Cut(after(d.ledger, 4), "|")
				if when == "second run" && !d.failed && d.ledger != "" {
					wantStatus = "skipped"
				}
				if status != wantStatus {
					t.Errorf("%s: reported as %q, expected %q", when, status, wantStatus)
				}
				if listed := len(r.Ignored) == 1 && filepath.Base(r.Ignored[0].Path) == filepath.Base(d.name); d.ledger == "" && !listed && r.Unmatched != 1 {
					t.Errorf("%s: left aside are %v and %d others", when, r.Ignored, r.Unmatched)
				}
			}
			if _, err := os.Stat(w.db + ".wal"); err == nil {
				t.Error("a write-ahead log is left")
			}
		})
	}
}

// after is what follows the n-th '|'.
func after(s string, n int) string {
	for range n {
		_, s, _ = strings.Cut(s, "|")
	}
	return s
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

// distinct is CSV text with each line once.
func distinct(text string) string {
	seen := map[string]bool{}
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !seen[line] {
			b.WriteString(line)
		}
		seen[line] = true
	}
	return b.String()
}
