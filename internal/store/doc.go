// Package store is the only package that links DuckDB and holds SQL. It opens and creates databases, tells what
// their tables look like, writes files' rows together with their ledger entries, and answers the questions the checks ask.
//
// Three rules come from measured behaviour of DuckDB 1.5 and hold everywhere in here:
//
//   - Every commit is a checkpoint (see [writerSettings]). In its default mode a kill in the middle of COMMIT can leave
//     a file's rows without its ledger entry; TestKillDuringCommit shows both.
//   - After an error in a transaction comes Rollback, never Commit: Commit would return nil and keep nothing.
//   - While a database is open for writing, nothing else in the process opens the file: closing any other descriptor
//     of it drops DuckDB's lock. What must be known about the file is asked before ([Open]).
package store
