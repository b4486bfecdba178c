// Package catalog holds the words that every part of check-ingest shares: markets, series, UTC days
// and the periods files stand for. It does no I/O and imports nothing of the project.
package catalog
