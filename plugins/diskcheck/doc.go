// Package diskcheck is check_ingest_disk: will the load fit?
//
// It asks each file system in a goroutine of its own, so that a dead network mount does not keep the others from being
// reported, and estimates what the pending files will take from the ledger snapshot beside the database. It opens
// neither the database nor any data file, and links no DuckDB.
package diskcheck
