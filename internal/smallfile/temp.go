package smallfile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// createBeside creates a new, hidden file in path's folder. os.CreateTemp would do but for its mode, which is
// always 0600: only open(2) can apply the umask, which a program cannot read without changing it.
func createBeside(path string, perm fs.FileMode) (*os.File, error) {
	const tries = 100
	dir, base := filepath.Split(path)
	for range tries {
		name := fmt.Sprintf("%s.%s.%08x.tmp", dir, base, rand.Uint32())
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, perm)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
	return nil, fmt.Errorf("create a temporary file beside %s: %w", path, fs.ErrExist)
}
