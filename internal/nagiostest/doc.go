// Package nagiostest is what tests of plugin output need: the conformance vectors, and a model of how Icinga 2 reads what a plugin prints.
package nagiostest
