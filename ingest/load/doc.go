// Package load is the loader: it plans a load, checks that it can be done, loads file after file, and reports what it did.
//
// [Run] reads as the five steps it takes: lock, plan, check, load, report. A small file is decoded into memory before anything of it is
// written, several at a time, and some of them share a transaction; a large one streams through DuckDB's threads in a transaction of
// its own. Either way a file's rows and its ledger entry are committed together or not at all.
package load
