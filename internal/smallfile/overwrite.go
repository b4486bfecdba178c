package smallfile

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Overwrite makes data the content of path where [Replace] finds no space: in place, in the blocks that the file has. What is shorter than the
// old content is padded with spaces, so that a reader never sees the end of it; data is one line and fits into a page, which the kernel writes at once.
//
// It overwrites nothing but a file of this user that has no other name and holds what ours accepts: where others may write into its folder,
// they may have put another file of this user there.
func Overwrite(path string, data []byte, ours func(old []byte) bool) error {
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.Mode().IsRegular() {
		return fmt.Errorf("overwrite %s: %w", path, ErrNotRegular)
	}
	room := min(st.Blocks*512, int64(os.Getpagesize()))
	length := max(info.Size(), int64(len(data)))
	if length > room {
		return fmt.Errorf("overwrite %s: %d bytes, where there is room for %d: %w", path, length, room, ErrTooLarge)
	}
	old, err := io.ReadAll(io.LimitReader(f, room))
	if err != nil {
		return err
	}
	if int(st.Uid) != os.Geteuid() || st.Nlink != 1 || !ours(old) {
		return fmt.Errorf("overwrite %s: it is not known to be this program's", path)
	}
	line := append(bytes.TrimSuffix(bytes.Clone(data), []byte("\n")), bytes.Repeat([]byte(" "), int(length)-len(data))...)
	_, err = f.WriteAt(append(line, '\n'), 0)
	return err
}
