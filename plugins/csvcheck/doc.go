// Package csvcheck is check_ingest_csv: are the downloads whole, and which have to be fetched again?
//
// It looks at every file, and opens each for a moment only: both ends of a .csv, an archive's directory and the first rows in it. What it finds
// there it judges with the decoder that the loader uses, so whatever it calls bad the loader refuses. The reverse holds with --full, which
// takes all files through the loader's own scan; see package scan.
package csvcheck
