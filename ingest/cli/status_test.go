package cli

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestColorAndCharacters(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		env         map[string]string
		terminal    bool
		color, utf8 bool
	}{
		"a terminal":       {map[string]string{"TERM": "xterm-256color", "LANG": "en_US.UTF-8"}, true, true, true},
		"a pipe":           {map[string]string{"TERM": "xterm", "LANG": "C.utf8"}, false, false, true},
		"no colour wanted": {map[string]string{"TERM": "xterm", "NO_COLOR": "1"}, true, false, false},
		"NO_COLOR empty":   {map[string]string{"TERM": "xterm", "NO_COLOR": ""}, true, true, false},
		"a dumb terminal":  {map[string]string{"TERM": "dumb"}, true, false, false},
		"no TERM":          {nil, true, false, false},
		"another locale":   {map[string]string{"LC_ALL": "POSIX", "LANG": "en_US.UTF-8"}, true, false, false},
		"LC_ALL empty":     {map[string]string{"LC_ALL": "", "LC_CTYPE": "de_DE.UTF-8@euro", "LANG": "C.UTF-8"}, true, false, true},
	} {
		p := Program{
			LookupEnv: func(key string) (string, bool) { v, ok := tt.env[key]; return v, ok },
			Terminal:  func(io.Writer) bool { return tt.terminal },
		}
		if p.color() != tt.color || p.utf8() != tt.utf8 {
			t.Errorf("%s: colour %t, UTF-8 %t", name, p.color(), p.utf8())
		}
	}
}

func TestWritePage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, link := filepath.Join(dir, "page.html"), filepath.Join(dir, "link.html")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	content := func(path string) string {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	for _, text := range []string{"new", "replaced"} {
		if err := writePage(file, []byte(text)); err != nil || content(file) != text {
			t.Errorf("%v, %q", err, content(file))
		}
	}
	if err := writePage(link, []byte("by link")); err != nil || content(file) != "by link" {
		t.Errorf("%v, %q", err, content(file))
	}
	if info, err := os.Lstat(link); err != nil || info.Mode().IsRegular() {
		t.Error("the link was replaced")
	}
	if err := writePage(os.DevNull, []byte("x")); err != nil {
		t.Error(err)
	}
	if info, err := os.Lstat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Fatal("the device was replaced")
	}
	for _, path := range []string{dir, filepath.Join(dir, "none", "page.html")} {
		if err := writePage(path, []byte("x")); err == nil || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), ".tmp") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestStatusUsage(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"no database":      {[]string{"status"}, "--db"},
		"days backwards":   {[]string{"status", "--db=x", "--start-date=2024-02-01", "--end-date=2024-01-01"}, "--end-date 2024-01-01 is before --start-date 2024-02-01"},
		"no such form":     {[]string{"status", "--db=x", "-o", "xml"}, "xml"},
		"no such table":    {[]string{"status", "--db=x", "-o", "csv", "--table=x"}, "--table"},
		"two to one place": {[]string{"status", "--db=x", "-o", "csv", "--html=-"}, "both write to stdout"},
	} {
		if code, stdout, stderr := run(t, tt.args...); code != 2 || stdout != "" || !strings.Contains(stderr, tt.want) {
			t.Errorf("%s: %d, %q, %q", name, code, stdout, stderr)
		}
	}
	if !bytes.Contains([]byte(helpOf(t, "status")), []byte("--scan")) {
		t.Error("no help")
	}
}
