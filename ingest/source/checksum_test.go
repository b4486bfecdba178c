package source

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	testSum  = "8bfbaa4cd0dfd49cc9e6cdede78e0b2851f42f1dbb7d917bc0847ce1eac4afbe"
	testName = "BTCUSDT-aggTrades-2024-02-29.zip"
)

func TestParseChecksum(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		want string // "" for an error
		why  string
	}{
		"as Binance writes it":          {testSum + "  " + testName, testSum, ""},
		"with a line end":               {testSum + "  " + testName + "\n", testSum, ""},
		"after Windows":                 {testSum + "  " + testName + "\r\n", testSum, ""},
		"sha256sum -b":                  {testSum + " *" + testName + "\n", testSum, ""},
		"upper case":                    {strings.ToUpper(testSum) + "  " + testName, testSum, ""},
		"empty":                         {"", "", "expected 64 hex digits"},
		"the sum alone":                 {testSum, "", "expected 64 hex digits"},
		"the sum and spaces":            {testSum + "  ", "", "expected 64 hex digits"},
		"one space":                     {testSum + " " + testName, "", "expected 64 hex digits"},
		"a digit missing":               {testSum[1:] + "  " + testName, "", "expected 64 hex digits"},
		"a digit too many":              {"0" + testSum + "  " + testName, "", "expected 64 hex digits"},
		"a letter that is no digit":     {"g" + testSum[1:] + "  " + testName, "", "expected 64 hex digits"},
		"MD5":                           {testSum[:32] + "  " + testName, "", "expected 64 hex digits"},
		"about another file":            {testSum + "  ETHUSDT-aggTrades-2024-02-29.zip", "", `it is about "ETHUSDT-aggTrades-2024-02-29.zip"`},
		"about a path":                  {testSum + "  ./" + testName, "", "it is about"},
		"about two files":               {testSum + "  " + testName + "\n" + testSum + "  x\n", "", "it is about"},
		"about the file in BSD's words": {"SHA256 (" + testName + ") = " + testSum, "", "expected 64 hex digits"},
		"a page":                        {"<Error><Code>NoSuchKey</Code></Error>", "", `an HTML or XML page ("NoSuchKey")`},
		"more than can be":              {testSum + "  " + testName + strings.Repeat("\n", 4096), "", "more than 4,096 bytes"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseChecksum([]byte(tc.text), testName)
			if got != tc.want || (err == nil) != (tc.want != "") || err != nil && !strings.Contains(err.Error(), tc.why) {
				t.Errorf("parseChecksum = %q, %v; want %q, %q", got, err, tc.want, tc.why)
			}
		})
	}
}

func TestOpenVerifiesTheChecksum(t *testing.T) {
	t.Parallel()
	const name = "BTCUSDT-aggTrades-2024-02-29.csv"
	// printf '1\n' | sha256sum
	const good = "4355a46b19d348dc2f57c046f8ef63d4538ebb936000f3c9ee954a27460dd865"
	put := func(text string) func(string) error {
		return func(p string) error { return os.WriteFile(p, []byte(text), 0o644) }
	}
	tests := map[string]struct {
		make  func(path string) error
		state string
		kind  error
		want  string
		fix   string
	}{
		"right":        {put(good + "  " + name), ChecksumOK, nil, "", ""},
		"absent":       {func(string) error { return nil }, ChecksumAbsent, nil, "", ""},
		"wrong":        {put(testSum + "  " + name), "", ErrChecksum, "its SHA-256 is " + good + ", its .CHECKSUM says " + testSum, "fetch it again"},
		"no checksum":  {put("<html>"), "", ErrChecksum, "its .CHECKSUM is of no use: an HTML or XML page", "fetch the .CHECKSUM again"},
		"of another":   {put(good + "  x"), "", ErrChecksum, `its .CHECKSUM is of no use: it is about "x"`, "fetch the .CHECKSUM again"},
		"endless":      {func(p string) error { return errors.Join(put("x")(p), os.Truncate(p, 1<<40)) }, "", ErrChecksum, "more than 4,096 bytes", "fetch the .CHECKSUM again"},
		"a FIFO":       {func(p string) error { return unix.Mkfifo(p, 0o600) }, "", ErrNotRegular, "its .CHECKSUM is of no use: is a FIFO", "put the download"},
		"a device":     {func(p string) error { return os.Symlink("/dev/zero", p) }, "", ErrNotRegular, "its .CHECKSUM is of no use: is a device", "put the download"},
		"a link to it": {func(p string) error { return errors.Join(put(good+"  "+name)(p+".x"), os.Symlink(p+".x", p)) }, ChecksumOK, nil, "", ""},
	}
	for title, tc := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(path, []byte("1\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := tc.make(path + checksumSuffix); err != nil {
				t.Fatal(err)
			}
			open := func(o OpenOptions) (Info, error) {
				r, err := Open(t.Context(), File{Path: path}, o)
				if err != nil {
					return Info{}, err
				}
				defer r.Close()
				var p [10]byte
				for err == nil {
					_, err = r.Read(p[:])
				}
				if isEOF(err) {
					err = nil
				}
				return r.Info(), err
			}
			info, err := open(OpenOptions{Checksum: true})
			if tc.kind == nil {
				if err != nil || info.Checksum != tc.state {
					t.Errorf("checksum %q, %v; want %q", info.Checksum, err, tc.state)
				}
			} else {
				var fe *FileError
				if !errors.As(err, &fe) || !errors.Is(err, tc.kind) || !strings.Contains(fe.Problem, tc.want) || !strings.Contains(fe.Remedy, tc.fix) || fe.Path != path {
					t.Errorf("error %+v, want %v, %q, %q", fe, tc.kind, tc.want, tc.fix)
				}
			}
			if info, err := open(OpenOptions{}); err != nil || info.Checksum != "" {
				t.Errorf("not asked for: checksum %q, %v", info.Checksum, err)
			}
		})
	}
}

// The grammar as a regular expression is the specification.
func FuzzChecksumFile(f *testing.F) {
	f.Add([]byte(testSum + "  " + testName))
	f.Add([]byte(testSum + " *" + testName + "\r\n"))
	f.Add([]byte("<Code>"))
	grammar := regexp.MustCompile(`\A([0-9a-fA-F]{64}) [ *]` + regexp.QuoteMeta(testName) + `\r?\n?\z`)
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := parseChecksum(text, testName)
		m := grammar.FindSubmatch(text)
		if (err == nil) != (m != nil) || m != nil && got != strings.ToLower(string(m[1])) {
			t.Fatalf("parseChecksum(%q) = %q, %v; grammar %q", text, got, err, m)
		}
	})
}
