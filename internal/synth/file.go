package synth

import (
	"archive/zip"
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/check-ingest/check-ingest/internal/catalog"
)

// Layout is a way people arrange their downloads.
type Layout uint8

// The layouts, with the folder a file gets below the data dir.
const (
	Mirror Layout = iota // data/futures/um/daily/aggTrades/BTCUSDT: as on data.binance.vision
	Flat                 // BTCUSDT/aggTrades: the market is not told
	One                  // none: all files in one folder
)

// Packing is how a file lies on disk.
type Packing uint8

// The packings, with what follows the name.
const (
	Plain Packing = iota // .csv
	Zip                  // .zip, with its .CHECKSUM beside it
	Gzip                 // .csv.gz
	Zstd                 // .csv.zst
)

func (p Packing) suffix() string {
	switch p {
	case Zip:
		return ".zip"
	case Gzip:
		return ".csv.gz"
	case Zstd:
		return ".csv.zst"
	case Plain:
	}
	return ".csv"
}

// Name is the file's name without folder, such as "BTCUSDT-aggTrades-2024-02-29.zip".
func (s Spec) Name(p Packing) string { return s.stem() + p.suffix() }

func (s Spec) stem() string { return s.Series.Symbol + "-aggTrades-" + s.Period.String() }

// Folder is the folder the file has in a layout, relative to the data dir.
func (s Spec) Folder(l Layout) string {
	switch l {
	case Mirror:
		market, span := string(s.Series.Market), "daily"
		if s.Series.Market != catalog.Spot {
			market = filepath.Join("futures", market)
		}
		if s.Period.Monthly() {
			span = "monthly"
		}
		return filepath.Join("data", market, span, "aggTrades", s.Series.Symbol)
	case Flat:
		return filepath.Join(s.Series.Symbol, "aggTrades")
	case One:
	}
	return ""
}

// WriteFile makes the file below dir, with the folders the layout needs, and returns its path. A file that is there is
// replaced. The period must be a day or a month, since others have no name.
func WriteFile(dir string, l Layout, s Spec, p Packing) (string, error) {
	if s.Period.Days() != 1 && !s.Period.Monthly() {
		return "", fmt.Errorf("name a file for %s: expected a day or a calendar month", s.Period)
	}
	if err := catalog.CheckSymbol(s.Series.Symbol); err != nil {
		return "", err
	}
	folder := filepath.Join(dir, s.Folder(l))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	path := filepath.Join(folder, s.Name(p))
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	err = pack(io.MultiWriter(f, sum), s, p)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return "", fmt.Errorf("make %s: %w", path, err)
	}
	if p == Zip {
		// Two spaces and no line end, as Binance writes it.
		line := hex.EncodeToString(sum.Sum(nil)) + "  " + s.Name(p)
		if err := os.WriteFile(path+".CHECKSUM", []byte(line), 0o644); err != nil {
			return "", err
		}
	}
	return path, nil
}

// pack writes the CSV as p has it.
func pack(w io.Writer, s Spec, p Packing) error {
	b := bufio.NewWriterSize(w, writeSize)
	var err error
	switch p {
	case Zip:
		err = packZip(b, s)
	case Gzip:
		z := gzip.NewWriter(b)
		err = finish(WriteCSV(z, s), z)
	case Zstd:
		z, zerr := zstd.NewWriter(b, zstd.WithEncoderConcurrency(1))
		if zerr != nil {
			return zerr
		}
		err = finish(WriteCSV(z, s), z)
	case Plain:
		err = WriteCSV(b, s)
	}
	if err != nil {
		return err
	}
	return b.Flush()
}

// finish closes c and returns the first error.
func finish(err error, c io.Closer) error {
	if closeErr := c.Close(); err == nil {
		err = closeErr
	}
	return err
}

// packZip writes an archive with one deflated member in its root. Its time is that of the period's end, so that the archive
// depends on the spec alone.
func packZip(w io.Writer, s Spec) error {
	z := zip.NewWriter(w)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.DefaultCompression)
	})
	member, err := z.CreateHeader(&zip.FileHeader{
		Name:     s.stem() + ".csv",
		Method:   zip.Deflate,
		Modified: s.Period.End.Time().Add(6 * time.Hour),
	})
	if err != nil {
		return err
	}
	return finish(WriteCSV(member, s), z)
}
