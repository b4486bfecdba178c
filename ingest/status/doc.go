// Package status tells what a database holds, what it lacks and why, what failed, and what loads did: the sub-command status.
//
// [Gather] reads, as quickly as it can, since while a database is open for reading no load can start; [Build] makes a [Report] of what was
// read and does no I/O; the rest shows a report: [Report.Text], [Report.CSV], [Report.Page], or its JSON.
package status
