// Package dbcheck is check_ingest_db: is the database there, sound, current and free to write?
//
// The kernel tells who holds the file before DuckDB opens it; DuckDB then opens it read-only for milliseconds, since a
// reader keeps a writer out. While the loader holds it nobody can look inside, and the answer comes from the ledger
// snapshot beside the database and from what the run publishes. Nothing is written, created or waited for.
package dbcheck
