// Package packaging has the tests of what is shipped beside the binaries: the units for systemd, the script for cron and, where
// CHECK_INGEST_DIST names a folder with them, the packages that make packages builds.
package packaging
