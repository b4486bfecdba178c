package csvcheck

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/check-ingest/check-ingest/ingest/aggtrades"
	"github.com/check-ingest/check-ingest/ingest/source"
	"github.com/check-ingest/check-ingest/internal/catalog"
	"github.com/check-ingest/check-ingest/internal/checkcli"
	"github.com/check-ingest/check-ingest/internal/checktest"
	"github.com/check-ingest/check-ingest/internal/synth"
)

// at is the moment at which every check of these tests runs: a Sunday, on which the file of Friday, the 8th, must be there.
func at() time.Time { return time.Date(2024, 3, 10, 12, 0, 0, 0, time.UTC) }

// run runs the check as its binary does, at the moment at, without settings from outside.
func run(args ...string) (int, string) { return runAt(at(), args...) }

func runAt(now time.Time, args ...string) (int, string) {
	return checktest.Run(checkcli.Run[Cmd], "INGEST CSV", func() time.Time { return now }, args...)
}

// data is a data dir in the making.
type data struct {
	tb  testing.TB
	dir string
}

func newData(tb testing.TB) data {
	tb.Helper()
	return data{tb, tb.TempDir()}
}

func (d data) must(err error) {
	d.tb.Helper()
	if err != nil {
		d.tb.Fatal(err)
	}
}

// spec is a file of um BTCUSDT: date is "2024-03-05" or, for a month, "2024-02".
func (d data) spec(date string) synth.Spec {
	d.tb.Helper()
	p, err := period(date)
	d.must(err)
	return synth.Spec{Series: catalog.Series{Market: catalog.UM, Symbol: "BTCUSDT"}, Period: p, Rows: 100, FirstID: 1_000_000}
}

// period reads the date in a file's name.
func period(date string) (catalog.Period, error) {
	if month, err := time.Parse("2006-01", date); err == nil {
		return catalog.MonthPeriod(month.Year(), month.Month()), nil
	}
	day, err := catalog.ParseDay(date)
	return catalog.DayPeriod(day), err
}

// write makes a file as the mirror of the archive has it.
func (d data) write(s synth.Spec, p synth.Packing) string {
	d.tb.Helper()
	path, err := synth.WriteFile(d.dir, synth.Mirror, s, p)
	d.must(err)
	return path
}

// csv makes a whole .csv of a hundred rows: more than is looked at of both ends.
func (d data) csv(date string) string { d.tb.Helper(); return d.write(d.spec(date), synth.Plain) }

// zip makes an archive with its .CHECKSUM.
func (d data) zip(date string) string { d.tb.Helper(); return d.write(d.spec(date), synth.Zip) }

// put writes a file of any name and content below the data dir.
func (d data) put(name, content string) string {
	d.tb.Helper()
	path := filepath.Join(d.dir, name)
	d.must(os.MkdirAll(filepath.Dir(path), 0o755))
	d.must(os.WriteFile(path, []byte(content), 0o644))
	return path
}

// named is put for um BTCUSDT's file of a day, with a suffix such as ".csv".
func (d data) named(date, suffix, content string) string {
	d.tb.Helper()
	return d.put("BTCUSDT-aggTrades-"+date+suffix, content)
}

// edit changes the text of a file.
func (d data) edit(path string, change func(string) string) {
	d.tb.Helper()
	text, err := os.ReadFile(path)
	d.must(err)
	d.must(os.WriteFile(path, []byte(change(string(text))), 0o644))
}

// line changes a line of a file, counted from 0 or, where negative, from the end.
func (d data) line(path string, n int, change func(string) string) {
	d.tb.Helper()
	d.edit(path, func(text string) string {
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		if n < 0 {
			n += len(lines)
		}
		lines[n] = change(lines[n])
		return strings.Join(lines, "\n") + "\n"
	})
}

// field changes a field of a line, both counted from 0.
func (d data) field(path string, line, column int, to string) {
	d.tb.Helper()
	d.line(path, line, func(s string) string {
		fields := strings.Split(s, ",")
		fields[column] = to
		return strings.Join(fields, ",")
	})
}

// member is one of an archive's.
type member struct{ name, text string }

// archive makes the bytes of an archive.
func (d data) archive(members ...member) string {
	d.tb.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, m := range members {
		w, err := z.Create(m.name)
		d.must(err)
		_, err = w.Write([]byte(m.text))
		d.must(err)
	}
	d.must(z.Close())
	return b.String()
}

// text is the content of a whole file.
func (d data) text(date string) string { d.tb.Helper(); return string(synth.CSV(d.spec(date))) }

// sum writes the .CHECKSUM of a file.
func (d data) sum(path string) {
	d.tb.Helper()
	content, err := os.ReadFile(path)
	d.must(err)
	hash := sha256.Sum256(content)
	d.must(os.WriteFile(path+".CHECKSUM", []byte(hex.EncodeToString(hash[:])+"  "+filepath.Base(path)), 0o644))
}

// listing is everything there is about the files, which no check may change. Times of access are not in it.
func (d data) listing() string {
	d.tb.Helper()
	var b strings.Builder
	err := filepath.Walk(d.dir, func(path string, info os.FileInfo, err error) error {
		if err == nil {
			fmt.Fprintln(&b, path, info.Mode(), info.Size(), info.ModTime().UnixNano())
		}
		return nil
	})
	d.must(err)
	return b.String()
}

// symlink makes a link of the same name in another folder.
func symlink(path, folder string) error {
	return os.Symlink(path, filepath.Join(folder, filepath.Base(path)))
}

// samples is the folder of real files, which lies beside the project.
func samples(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	for err == nil && dir != "/" {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	dir = filepath.Join(filepath.Dir(dir), "shared", "samples")
	if _, err := os.Stat(dir); err != nil {
		tb.Skip("no real files: ", err)
	}
	return dir
}

// oneFile is the only file there is, as the loader sees it.
func oneFile(t *testing.T, d data) source.File {
	t.Helper()
	l, err := source.Find(t.Context(), d.dir, source.Options{})
	d.must(err)
	if len(l.Files) != 1 {
		t.Fatalf("%d files", len(l.Files))
	}
	return l.Files[0]
}

// limits are those of a new database.
func limits() aggtrades.Limits { return (&Cmd{}).depth().limits }
