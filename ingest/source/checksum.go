package source

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/check-ingest/check-ingest/internal/amount"
)

// maxChecksum is how much of a .CHECKSUM is read; Binance's have about a hundred bytes.
const maxChecksum = 4 << 10

// readChecksum reads the SHA-256 in the .CHECKSUM beside a file; "" where there is none. Errors are about the file, since it cannot
// be verified.
func readChecksum(path string) (string, error) {
	f, _, err := openRegular(path + checksumSuffix)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		var known *FileError
		if errors.As(err, &known) {
			return "", badChecksum(path, known.Problem, known.Err)
		}
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxChecksum+1))
	if err != nil {
		return "", badChecksum(path, "cannot read it: "+cause(err).Error(), cause(err))
	}
	sum, err := parseChecksum(text, filepath.Base(path))
	if err != nil {
		return "", badChecksum(path, err.Error(), ErrChecksum)
	}
	return sum, nil
}

func badChecksum(path, problem string, kind error) *FileError {
	e := fault(path, kind, "its .CHECKSUM is of no use: "+problem)
	if e.Remedy = remedy(kind); errors.Is(kind, ErrChecksum) {
		e.Remedy = "fetch the .CHECKSUM again"
	}
	return e
}

// parseChecksum reads what sha256sum writes about the one file called name: 64 hex digits, two spaces (or a space and an asterisk) and the name,
// with or without a line end.
func parseChecksum(text []byte, name string) (string, error) {
	if len(text) > maxChecksum {
		return "", fmt.Errorf("it has more than %s", amount.Of(maxChecksum, "byte"))
	}
	if code, ok := markup(text); ok {
		return "", fmt.Errorf("an HTML or XML page (%q)", code)
	}
	line := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	sum, of, found := strings.Cut(line, " ")
	if _, err := hex.DecodeString(sum); err != nil || len(sum) != 64 || !found || len(of) < 2 || of[0] != ' ' && of[0] != '*' {
		return "", fmt.Errorf("%.100q: expected 64 hex digits, two spaces and the file's name", text)
	}
	if of[1:] != name {
		return "", fmt.Errorf("it is about %.300q", of[1:])
	}
	return strings.ToLower(sum), nil
}
