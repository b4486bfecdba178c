// Package runstate is the state of a run as others see it: the lock that keeps two loaders apart, the process that
// holds it, and what the holder publishes about itself.
//
// The lock is an flock(2) on a file that is never removed, the same one that the Python scripts take with fcntl.flock.
// Whoever only wants to know who holds it asks the kernel's lock table ([Inspect]) and never opens the file: a probe that
// locks, be it for a microsecond, can make a load that starts at that moment fail.
//
// Everything here is Linux. The place where proc is mounted is a parameter, so that tests can use fixtures.
package runstate

// DefaultLockFile is the file that the Python scripts lock as well, so that both sides keep each other out.
const DefaultLockFile = "/tmp/liquidation_heatmap_ingestion.lock"

// DefaultProcRoot is where the kernel's process table is mounted.
const DefaultProcRoot = "/proc"

// StatusPath is where the holder of a lock publishes what it does, see [Status].
func StatusPath(lockFile string) string { return lockFile + ".status" }
