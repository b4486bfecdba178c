package source_test

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/check-ingest/check-ingest/ingest/source"
)

// TestUnhashed: without a SHA-256 everything else is as it was, and a .CHECKSUM is compared all the same.
func TestUnhashed(t *testing.T) {
	t.Parallel()
	text := rows(100)
	wrong := strings.Repeat("0", 64) + "  "
	tests := map[string]struct {
		file source.File
		sum  string // in a .CHECKSUM, "" for none
	}{
		"csv":                  {file(t, source.CSV, []byte(text)), ""},
		"zip":                  {zipFile(t, archive{}.bytes(t, entry{name: csvName, text: text})), ""},
		"zip with a .CHECKSUM": {zipFile(t, archive{}.bytes(t, entry{name: csvName, text: text})), wrong},
		"gzip":                 {file(t, source.GZIP, gzipped(t, text)), ""},
		"zstd":                 {file(t, source.ZSTD, zstandard(t, text)), ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tc.sum != "" {
				base := tc.file.Path[strings.LastIndexByte(tc.file.Path, '/')+1:]
				if err := os.WriteFile(tc.file.Path+".CHECKSUM", []byte(tc.sum+base), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			read := func(o source.OpenOptions) (string, source.Info, string) {
				r, err := source.Open(t.Context(), tc.file, o)
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				got, err := io.ReadAll(r)
				if err != nil {
					return string(got), r.Info(), err.Error()
				}
				return string(got), r.Info(), ""
			}
			want, hashed, wantErr := read(source.OpenOptions{Checksum: true})
			got, unhashed, gotErr := read(source.OpenOptions{Checksum: true, Unhashed: true})
			if got != want || gotErr != wantErr || (gotErr == "") != (tc.sum == "") {
				t.Errorf("%d bytes and %q, want %d and %q", len(got), gotErr, len(want), wantErr)
			}
			if (unhashed.SHA256 != "") != (tc.sum != "") || hashed.SHA256 == "" {
				t.Errorf("SHA-256 %q, with a hash %q", unhashed.SHA256, hashed.SHA256)
			}
			hashed.SHA256, unhashed.SHA256 = "", ""
			if hashed != unhashed {
				t.Errorf("info %+v, want %+v", unhashed, hashed)
			}
		})
	}
}
