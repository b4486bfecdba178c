// Package e2e runs the loader's real binary: scripts in testdata/script for what a user sees, and Go where a process has to be stopped, killed or
// kept waiting at a moment that matters.
package e2e
