package ledger

import "strings"

// What loading costs in space, as far as it can be known before: bytes of database for each byte of CSV. The default is
// what a new database takes (docs/performance.md) with room to spare; it stands until enough was loaded to measure.
const (
	defaultRatio  = 0.18
	ratioFromSize = 256 << 20 // bytes of CSV from which the measured ratio is believed
)

// Compressed files are counted as the CSV they hold, by what such files usually compress to: a zip of COIN-M or USD-M trades to a fifth.
const packedToCSV = 5.2

// CSVBytes is how many bytes of CSV the file at path holds, estimated from its name and size.
func CSVBytes(path string, size int64) int64 {
	if strings.HasSuffix(strings.ToLower(path), ".csv") {
		return size
	}
	return int64(float64(size) * packedToCSV)
}

// Ratio is bytes of database for each byte of CSV: measured, from the CSV bytes of the files that were loaded and the size of the database
// they made, or a default where too little was loaded to tell.
func Ratio(csvBytes, databaseBytes int64) float64 {
	if csvBytes < ratioFromSize || databaseBytes <= 0 {
		return defaultRatio
	}
	return float64(databaseBytes) / float64(csvBytes)
}

// LoadedCSVBytes is the CSV bytes of all files whose rows are in the database; see [Ratio].
func LoadedCSVBytes(entries []Entry) int64 {
	var n int64
	for _, e := range entries {
		if e.Loaded() {
			n += CSVBytes(e.FilePath, e.FileSize)
		}
	}
	return n
}
