// Package lockcheck is check_ingest_lock: may a load start, and if not, who is in the way?
//
// It never takes the lock, not for a microsecond, and never opens the lock file: a probe that locks can make a load that
// starts at that moment fail. What it knows comes from the kernel's lock table and from the status that the loader
// publishes; package runstate asks both.
package lockcheck
