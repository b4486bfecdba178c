package smallfile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"
)

// RemoveTemporary removes the temporary files beside path of processes that were killed while they replaced it. The caller sees to it that
// none replaces it now.
func RemoveTemporary(path string) {
	dir, base := filepath.Split(path)
	entries, err := os.ReadDir(filepath.Clean(dir))
	if err != nil {
		return // they do no harm but take space
	}
	// A name need not be UTF-8, so only the part that was made up here is matched with a pattern.
	random := regexp.MustCompile(`^[0-9a-f]{8}\.tmp$`)
	for _, e := range entries {
		if end, ok := strings.CutPrefix(e.Name(), "."+base+"."); ok && random.MatchString(end) && e.Type().IsRegular() {
			_ = os.Remove(filepath.Join(dir, e.Name())) // in a sticky folder another user's stays
		}
	}
}

// createBeside creates a new, hidden file in path's folder. os.CreateTemp would do but for its mode, which is
// always 0600: only open(2) can apply the umask, which a program cannot read without changing it.
func createBeside(path string, perm fs.FileMode) (*os.File, error) {
	const tries = 100
	dir, base := filepath.Split(path)
	for range tries {
		name := fmt.Sprintf("%s.%s.%08x.tmp", dir, base, rand.Uint32()) //nolint:gosec // O_EXCL keeps a name that was guessed from being used
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, perm)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
	return nil, fmt.Errorf("create a temporary file beside %s: %w", path, fs.ErrExist)
}
