package cli

import "golang.org/x/sys/unix"

// isatty reports whether fd answers as a terminal does; /dev/null, also a character device, does not.
func isatty(fd uintptr) bool {
	_, err := unix.IoctlGetTermios(int(fd), unix.TCGETS)
	return err == nil
}
