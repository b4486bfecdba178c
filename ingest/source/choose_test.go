package source_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/ingest/source"
)

func TestChoose(t *testing.T) {
	t.Parallel()
	const stem = "BTCUSDT-aggTrades-2024-02-29"
	tests := map[string]struct {
		files map[string]string // path and content
		want  []string          // paths
		why   map[string]string // reasons hold this
	}{
		"one of each":                       {map[string]string{"um/" + stem + ".zip": "z", "spot/" + stem + ".zip": "z"}, []string{"spot/" + stem + ".zip", "um/" + stem + ".zip"}, nil},
		"a whole csv beside its zip":        {map[string]string{stem + ".csv": "1\n", stem + ".zip": "z"}, []string{stem + ".csv"}, map[string]string{stem + ".zip": stem + ".csv: the .csv is read"}},
		"a csv cut short beside its zip":    {map[string]string{stem + ".csv": "1\n2", stem + ".zip": "z"}, []string{stem + ".zip"}, map[string]string{stem + ".csv": "ends in the middle of a line, so the .zip is read"}},
		"an empty csv beside its zip":       {map[string]string{stem + ".csv": "", stem + ".zip": "z"}, []string{stem + ".zip"}, map[string]string{stem + ".csv": "so the .zip is read"}},
		"a csv cut short, alone":            {map[string]string{stem + ".csv": "1\n2"}, []string{stem + ".csv"}, nil},
		"two csv, of which one is whole":    {map[string]string{"a/" + stem + ".csv": "1", "b/" + stem + ".csv": "1\n"}, []string{"b/" + stem + ".csv"}, map[string]string{"a/" + stem + ".csv": "the .csv is read"}},
		"two csv, none whole":               {map[string]string{"a/" + stem + ".csv": "1", "b/" + stem + ".csv": "1"}, []string{"a/" + stem + ".csv"}, map[string]string{"b/" + stem + ".csv": "the first path is read"}},
		"zip before zstd before gzip":       {map[string]string{stem + ".csv.gz": "", stem + ".csv.zst": "", stem + ".zip": ""}, []string{stem + ".zip"}, map[string]string{stem + ".csv.gz": "the .zip is read", stem + ".csv.zst": "the .zip is read"}},
		"zstd before gzip":                  {map[string]string{stem + ".csv.gz": "", stem + ".csv.zst": ""}, []string{stem + ".csv.zst"}, map[string]string{stem + ".csv.gz": "the .csv.zst is read"}},
		"gzip before a broken csv":          {map[string]string{stem + ".csv.gz": "", stem + ".csv": "1"}, []string{stem + ".csv.gz"}, map[string]string{stem + ".csv": "so the .csv.gz is read"}},
		"two layouts":                       {map[string]string{"b/" + stem + ".zip": "", "a/" + stem + ".zip": "", "c/" + stem + ".zip": ""}, []string{"a/" + stem + ".zip"}, map[string]string{"b/" + stem + ".zip": "a/" + stem + ".zip: the first path is read", "c/" + stem + ".zip": "the first path"}},
		"a day and its month are no copies": {map[string]string{stem + ".zip": "", "BTCUSDT-aggTrades-2024-02.zip": ""}, []string{stem + ".zip", "BTCUSDT-aggTrades-2024-02.zip"}, nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for path, text := range tc.files {
				write(t, filepath.Join(dir, path), text)
			}
			chosen, dropped := source.Choose(find(t, dir, source.Options{}).Files)
			var got []string
			for _, f := range chosen {
				path, err := filepath.Rel(dir, f.Path)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, path)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			why := reasons(t, dir, dropped)
			if len(why) != len(tc.why) {
				t.Errorf("dropped %v, want %v", why, tc.why)
			}
			for path, want := range tc.why {
				if !strings.Contains(why[path], want) {
					t.Errorf("%s dropped for %q, want %q", path, why[path], want)
				}
			}
		})
	}
}

func TestWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tests := map[string]struct {
		make func(path string) error
		want bool
		err  bool
	}{
		"ends in a newline":   {func(p string) error { return os.WriteFile(p, []byte("a\nb\n"), 0o644) }, true, false},
		"ends in a line":      {func(p string) error { return os.WriteFile(p, []byte("a\nb"), 0o644) }, false, false},
		"empty":               {func(p string) error { return os.WriteFile(p, nil, 0o644) }, false, false},
		"a folder":            {func(p string) error { return os.Mkdir(p, 0o755) }, false, true},
		"not there":           {func(string) error { return nil }, false, true},
		"one newline":         {func(p string) error { return os.WriteFile(p, []byte("\n"), 0o644) }, true, false},
		"a link to no device": {func(p string) error { return os.Symlink("/dev/null", p) }, false, true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
			if err := tc.make(path); err != nil {
				t.Fatal(err)
			}
			if got, err := source.Whole(path); got != tc.want || (err != nil) != tc.err {
				t.Errorf("Whole = %v, %v; want %v, error %v", got, err, tc.want, tc.err)
			}
		})
	}
}
