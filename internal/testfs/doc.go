// Package testfs makes file systems that misbehave, for tests: small ones that fill up, one that never answers, and one whose files fail or hang when
// they are read. A test that may not mount, or lacks what that needs, is skipped and says why.
package testfs
