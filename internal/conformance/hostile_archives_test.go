package conformance

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	bytesof "encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// giant is what a bomb unpacks to: more than the programs may have of memory here.
const giant = 8 << 30

// download is a file that somebody hostile made.
type download struct {
	make func(t *testing.T, path, member string, s synth.Spec) // path ends in .zip, member in .csv
	says string                                                // of it; "" where it is loaded
}

// downloads are one for each day. outside is a path that nobody may write to because an archive names it.
func downloads(outside string) map[string]download {
	raw := func(h zip.FileHeader, text string, times int) func(*testing.T, string, string, synth.Spec) {
		return func(t *testing.T, path, member string, _ synth.Spec) {
			t.Helper()
			h := h
			if h.Name == "" {
				h.Name = member
			}
			packed, size := pieces(t, text, times)
			if h.UncompressedSize64 == 0 {
				h.UncompressedSize64 = uint64(size)
			}
			h.CompressedSize64, h.Method = uint64(len(packed)), max(h.Method, zip.Deflate)
			archive(t, path, func(z *zip.Writer) error {
				w, err := z.CreateRaw(&h)
				if err == nil {
					_, err = w.Write(packed)
				}
				return err
			})
		}
	}
	members := func(names ...string) func(*testing.T, string, string, synth.Spec) {
		return func(t *testing.T, path, _ string, s synth.Spec) {
			t.Helper()
			archive(t, path, func(z *zip.Writer) error {
				for _, name := range names {
					w, err := z.Create(name)
					if err == nil {
						_, err = w.Write(synth.CSV(s))
					}
					if err != nil {
						return err
					}
				}
				return nil
			})
		}
	}
	const piece = 1 << 20
	const row = "1,60000.0,0.1,1,1,1704067200000,true\n"
	var many []string
	for i := range 1001 {
		many = append(many, fmt.Sprint(i))
	}
	return map[string]download{
		"a line without an end":      {raw(zip.FileHeader{}, strings.Repeat("x", piece), giant/piece), "line 1"},
		"NULs":                       {raw(zip.FileHeader{}, strings.Repeat("\x00", piece), giant/piece), "line 1"},
		"empty lines":                {raw(zip.FileHeader{}, strings.Repeat("\n", piece), 10), "line 1"},
		"more than it announces":     {raw(zip.FileHeader{UncompressedSize64: 10}, strings.Repeat(row, 1000), 10_000), "more than the 10 bytes"},
		"more than is allowed":       {raw(zip.FileHeader{UncompressedSize64: 100 << 30}, row, 1), "bytes unpacked"},
		"a size beyond 63 bits":      {raw(zip.FileHeader{UncompressedSize64: 1 << 63}, row, 1), "impossible sizes"},
		"encrypted":                  {raw(zip.FileHeader{Flags: 1}, row, 1), "is encrypted"},
		"an unknown method":          {raw(zip.FileHeader{Method: 93}, row, 1), "method 93"},
		"an archive in the archive":  {raw(zip.FileHeader{}, "PK\x03\x04"+strings.Repeat("x", 1000), 1), "CRC-32"},
		"only a path that leads out": {members("../../../../../../../../../.."+outside, outside), "no member"},
		"only a nested one":          {members("data/BTCUSDT.csv"), "no member"},
		"a thousand and one members": {members(many...), "more than 1,000 members"},
		"entries that overlap":       {overlapping, ""},
		"a data descriptor": {func(t *testing.T, path, member string, s synth.Spec) {
			t.Helper()
			members(member)(t, path, member, s)
		}, ""},
		"a file of NULs, plain": {func(t *testing.T, path, _ string, _ synth.Spec) {
			t.Helper()
			path = strings.TrimSuffix(path, ".zip") + ".csv"
			file(t, path, "")
			if err := os.Truncate(path, giant); err != nil {
				t.Skip(err)
			}
		}, "line 1"},
		"a row that speaks as a full disk does, to the database": {func(t *testing.T, path, _ string, _ synth.Spec) {
			t.Helper()
			const large = 20 << 20 // what streams into the database
			row := "1,No space left on device,0.1,1,1,1704067200000,true\n"
			file(t, strings.TrimSuffix(path, ".zip")+".csv", synth.Header+"\n"+strings.Repeat(row, large/len(row)))
		}, "No space left on device"},
		"a gzip bomb": {func(t *testing.T, path, _ string, _ synth.Spec) {
			t.Helper()
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			for range 1000 {
				if _, err := z.Write(bytes.Repeat([]byte("x"), piece)); err != nil {
					t.Fatal(err)
				}
			}
			if err := z.Close(); err != nil {
				t.Fatal(err)
			}
			file(t, strings.TrimSuffix(path, ".zip")+".csv.gz", b.String())
		}, "line 1"},
	}
}

// pieces is a text so many times, deflated; each time takes the same bytes, so that gigabytes are made in a moment.
func pieces(t *testing.T, text string, times int) (packed []byte, size int) {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err := errors.Join(err, w.Flush()); err != nil {
		t.Fatal(err)
	}
	return append(bytes.Repeat(b.Bytes(), times), 0x03, 0x00), times * len(text) // and an empty last block
}

// archive writes a zip.
func archive(t *testing.T, path string, fill func(*zip.Writer) error) {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	if err := errors.Join(fill(z), z.Close()); err != nil {
		t.Fatal(err)
	}
	file(t, path, b.String())
}

// overlapping is an archive whose directory names one piece of data a hundred times.
func overlapping(t *testing.T, path, member string, s synth.Spec) {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create(member)
	if err == nil {
		_, err = w.Write(synth.CSV(s))
	}
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	whole := b.Bytes()
	const endSize = 22
	end := bytes.Clone(whole[len(whole)-endSize:])
	at := bytesof.LittleEndian.Uint32(end[16:])
	entry := whole[at : len(whole)-endSize]
	out := bytes.Clone(whole[:len(whole)-endSize])
	for i := range 99 {
		other := bytes.Replace(entry, []byte("BTC"), fmt.Appendf(nil, "%03d", i), 1)
		out = append(out, other...)
	}
	bytesof.LittleEndian.PutUint16(end[8:], 100)
	bytesof.LittleEndian.PutUint16(end[10:], 100)
	bytesof.LittleEndian.PutUint32(end[12:], uint32(100*len(entry)))
	file(t, path, string(append(out, end...)))
}

// TestHostileArchives has all of them in one data dir: each that is bad is named, with the reason, and the others are loaded, with memory that does not suffice
// to unpack any of the bombs.
func TestHostileArchives(t *testing.T) {
	t.Parallel()
	const little = `ulimit -v 6000000; exec "$@"` // kB of addresses, of which DuckDB reserves most
	w := emptyWorld(t)
	in := filepath.Join(w.data, "data/futures/um/daily/aggTrades/BTCUSDT")
	if err := os.MkdirAll(in, 0o755); err != nil {
		t.Fatal(err)
	}
	s := sceneSpec()
	s.Period, s.Rows = catalog.DayPeriod(s.Period.First), 50
	outside := filepath.Join(w.dir, "outside")
	all := downloads(outside)
	bad := map[string]string{} // what is said, by the day of the file
	for _, name := range slices.Sorted(maps.Keys(all)) {
		all[name].make(t, filepath.Join(in, s.Name(synth.Zip)), s.Name(synth.Plain), s)
		if all[name].says != "" {
			bad[s.Period.String()] = all[name].says
		}
		s = s.Next()
	}
	named := func(t *testing.T, what, text string) {
		t.Helper()
		for day, says := range bad {
			if !slices.ContainsFunc(strings.Split(text, "\n"), func(line string) bool { return strings.Contains(line, "-"+day+".") && strings.Contains(line, says) }) {
				t.Errorf("%s: the file of %s is not said to be: %s, in %.6000s", what, day, says, text)
			}
		}
	}

	o := call{args: []string{"run", "--threads=2", "-o", "json", "--memory-limit=256MiB"}, env: w.settings(), shell: little}.run(t, "ingest-aggtrades")
	var report struct {
		Files []struct{ Path, Status, Error string }
	}
	if err := json.Unmarshal([]byte(o.stdout), &report); err != nil || o.code != 1 {
		t.Fatalf("exit code %d, %v: %.2000q, %.4000q", o.code, err, o.stdout, o.stderr)
	}
	var lines, loaded []string
	for _, f := range report.Files {
		if f.Status == "success" {
			loaded = append(loaded, f.Path)
		} else {
			lines = append(lines, f.Path+" "+f.Error)
		}
	}
	for _, line := range lines {
		if strings.Contains(line, w.db) {
			t.Errorf("a bad file is told as a fault of the database: %s", line)
		}
	}
	if named(t, "load", strings.Join(lines, "\n")); len(loaded) != len(all)-len(bad) {
		t.Errorf("loaded: %q", loaded)
	}
	everyForm(t, "after the load", w.settings()...)
	for _, c := range checks(t) {
		switch c.binary {
		case "check_ingest_csv":
			quick := observe(t, c, call{args: []string{"--data-dir", w.data, "-t60"}, shell: little})
			full := observe(t, c, call{args: []string{"--data-dir", w.data, "--full", "-t60"}, shell: little})
			if !strings.Contains(quick.first, " are bad") || !strings.Contains(full.first, fmt.Sprintf("%d of %d files are bad", len(bad), len(all))) {
				t.Errorf("%s\n%s", quick.first, full.first)
			}
			named(t, "check_ingest_csv --full", strings.Join(full.doc.Lines, "\n"))
		case "check_ingest_disk":
			observe(t, c, call{args: []string{"--db", w.db, "--data-dir", w.data, "-c", "free=1B:"}, shell: little})
		}
	}
	if _, err := os.Lstat(outside); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an archive's path was written to: %v", err)
	}
}
