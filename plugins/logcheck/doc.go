// Package logcheck is check_ingest_log: what did the last loads do?
//
// Which files failed is told by the ledger in the database or, while the loader holds that and nobody else can open it, by the
// snapshot beside it. How the last run ended is told by the status that the loader publishes beside its lock and by the runs that the
// snapshot lists; a run that neither says has ended, and whose lock is free, has died.
package logcheck
