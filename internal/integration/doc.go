// Package integration tests what contrib has for monitoring systems against the systems themselves: each test starts a real daemon on
// the loopback interface, with the files from contrib, and looks at what it makes of good, held, full and broken loads. They have the build
// tag integration; make integration runs them. Where a daemon is not installed its test is skipped, but fails where CI is set.
package integration
