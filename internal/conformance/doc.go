// Package conformance holds tests of the checks as their users meet them: the built binaries, run as processes, against real files, real holders
// of locks and databases that the loader made. It has no code but tests.
package conformance
