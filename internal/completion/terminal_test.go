package completion

import "syscall"

// ownTerminal makes a process the leader of a session whose terminal is its stdin, as shells that edit lines want it.
func ownTerminal() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true, Setctty: true} }
