package settings

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
)

// grammar has a flag of every kind that a binary uses.
type grammar struct {
	Flag

	DB      string   `name:"db" default:"default.duckdb"`
	Symbol  []string `name:"symbol"`
	Path    []string `name:"path" sep:"none"`
	Threads int      `name:"threads"`
	Gate    bool     `name:"gate"`
	Verbose int      `name:"verbose" type:"counter" short:"v"`
	Wait    Duration `name:"wait" default:"1s"`
	Kind    kind     `name:"output" default:"text"`
	Start   *kind    `name:"start-date"` // nil where it is not given
	Version bool     `name:"version"`
}

// kind stands for a flag that parses itself.
type kind string

func (k *kind) UnmarshalText(text []byte) error {
	if s := string(text); s != "text" && s != "json" {
		return &kindError{s}
	}
	*k = kind(text)
	return nil
}

type kindError struct{ got string }

func (e *kindError) Error() string { return "expected text or json, not " + e.got }

// world is what a parse takes from outside: arguments, variables, files. In texts $T is the test's folder.
type world struct {
	args []string
	env  map[string]string
	file map[string]string // path below the folder -> content
}

// parse runs the grammar in a world whose system file is $T/etc.yaml and whose home is $T/home.
func (w world) parse(t *testing.T) (grammar, *Settings, error) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range w.file {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	expand := func(s string) string { return strings.ReplaceAll(s, "$T", dir) }
	s := New(Source{App: "ingest-aggtrades", System: filepath.Join(dir, "etc.yaml"), LookupEnv: func(key string) (string, bool) {
		if v, ok := w.env[key]; ok {
			return expand(v), true
		}
		if key == "HOME" {
			return filepath.Join(dir, "home"), true
		}
		return "", false
	}})
	var g grammar
	k, err := kong.New(&g, s.Option())
	if err != nil {
		t.Fatal(err)
	}
	args := make([]string, len(w.args))
	for i, a := range w.args {
		args[i] = expand(a)
	}
	_, err = k.Parse(args)
	return g, s, err
}

const userFile = "home/.config/check-ingest/config.yaml"

func TestPrecedence(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		world world
		want  string // of --db
	}{
		"nothing anywhere is the default":        {world{}, "default.duckdb"},
		"the system's file beats the default":    {world{file: map[string]string{"etc.yaml": "db: etc"}}, "etc"},
		"the user's file beats the system's":     {world{file: map[string]string{"etc.yaml": "ingest-aggtrades: {db: etc}", userFile: "db: user"}}, "user"},
		"a section beats what stands outside it": {world{file: map[string]string{"etc.yaml": "ingest-aggtrades:\n  db: section\ndb: outside"}}, "section"},
		"another's section is not ours":          {world{file: map[string]string{"etc.yaml": "check_ingest_disk:\n  db: theirs"}}, "default.duckdb"},
		"the environment beats files":            {world{env: map[string]string{"CHECK_INGEST_DB": "env"}, file: map[string]string{"etc.yaml": "db: etc"}}, "env"},
		"an empty variable is not set":           {world{env: map[string]string{"CHECK_INGEST_DB": ""}, file: map[string]string{"etc.yaml": "db: etc"}}, "etc"},
		"the flag beats the environment":         {world{args: []string{"--db=flag"}, env: map[string]string{"CHECK_INGEST_DB": "env"}}, "flag"},
		"--config reads that file and no other":  {world{args: []string{"--config=$T/my.yaml"}, file: map[string]string{"etc.yaml": "db: etc", "my.yaml": "threads: 2"}}, "default.duckdb"},
		"--config as two words":                  {world{args: []string{"--config", "$T/my.yaml"}, file: map[string]string{"my.yaml": "db: mine"}}, "mine"},
		"CHECK_INGEST_CONFIG does the same":      {world{env: map[string]string{"CHECK_INGEST_CONFIG": "$T/my.yaml"}, file: map[string]string{"my.yaml": "db: mine"}}, "mine"},
		"and --config beats it":                  {world{args: []string{"--config=$T/my.yaml"}, env: map[string]string{"CHECK_INGEST_CONFIG": "/nonexistent"}, file: map[string]string{"my.yaml": "db: mine"}}, "mine"},
		"XDG_CONFIG_HOME moves the user's file":  {world{env: map[string]string{"XDG_CONFIG_HOME": "$T/xdg"}, file: map[string]string{"xdg/check-ingest/config.yaml": "db: xdg", userFile: "db: user"}}, "xdg"},
		"unless it is relative":                  {world{env: map[string]string{"XDG_CONFIG_HOME": "xdg"}, file: map[string]string{userFile: "db: user"}}, "user"},
		"a home that is a file is no home":       {world{file: map[string]string{"home": ""}}, "default.duckdb"},
		"an empty file says nothing":             {world{file: map[string]string{"etc.yaml": ""}}, "default.duckdb"},
		"nor does one of comments":               {world{file: map[string]string{"etc.yaml": "# db: x\n"}}, "default.duckdb"},
		"nor a key without a value":              {world{file: map[string]string{"etc.yaml": "db:\ningest-aggtrades:\n"}}, "default.duckdb"},
		"an alias is what it points to":          {world{file: map[string]string{"etc.yaml": "data-dir: &d /data\ndb: *d"}}, "/data"},
		"a number is text where text is wanted":  {world{file: map[string]string{"etc.yaml": "db: 007"}}, "007"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, _, err := tc.world.parse(t)
			if err != nil || g.DB != tc.want {
				t.Fatalf("--db = %q, %v; want %q", g.DB, err, tc.want)
			}
		})
	}
}

func TestEveryKindOfFlag(t *testing.T) {
	t.Parallel()
	want := grammar{
		DB: "d", Symbol: []string{"A", "B"}, Path: []string{"/x", "/y"}, Threads: 3, Gate: true, Verbose: 2,
		Wait: Duration(90 * time.Second), Kind: "json", Start: new(kind),
	}
	*want.Start = "json"
	tests := map[string]world{
		"from the environment": {env: map[string]string{
			"CHECK_INGEST_DB": "d", "CHECK_INGEST_SYMBOL": "A,B", "CHECK_INGEST_PATH": "/x,/y", "CHECK_INGEST_THREADS": "3",
			"CHECK_INGEST_GATE": "true", "CHECK_INGEST_VERBOSE": "2", "CHECK_INGEST_WAIT": "90", "CHECK_INGEST_OUTPUT": "json", "CHECK_INGEST_START_DATE": "json",
			"CHECK_INGEST_VERSION": "true", "CHECK_INGEST_HELP": "true", // only for command lines
		}},
		"from the file": {file: map[string]string{"etc.yaml": `
db: d
symbol: [A, B]
ingest-aggtrades:
  threads: 3
  verbose: 2
  wait: 90
  output: json
  start-date: json
check_ingest_disk:
  path: [/z]
`}},
		"from the command line": {args: []string{"--db=d", "--symbol=A,B", "--threads=3", "-vv", "--wait=90", "--output=json", "--start-date=json"}},
	}
	for name, w := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := want
			if name != "from the environment" { // these two are no keys of ingest-aggtrades
				want.Path, want.Gate = nil, false
			}
			got, _, err := w.parse(t)
			if err != nil {
				t.Fatal(err)
			}
			got.Flag = Flag{}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestTextsReachTheirFlagsByteByByte: names of files need not be UTF-8, nor anything else.
func TestTextsReachTheirFlagsByteByByte(t *testing.T) {
	t.Parallel()
	const text = "/a\xff\xfe|\n\x01\u2028<b>\\'\"$~ =;"
	tests := map[string]world{
		"from an argument":     {args: []string{"--db=" + text, "--path=" + text}},
		"from separate words":  {args: []string{"--db", text, "--path", text}},
		"from the environment": {args: []string{"--path=" + text}, env: map[string]string{"CHECK_INGEST_DB": text}},
	}
	for name, w := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, _, err := w.parse(t)
			if err != nil || g.DB != text || len(g.Path) != 1 || g.Path[0] != text {
				t.Fatalf("%q, %q, %v", g.DB, g.Path, err)
			}
		})
	}
}

func TestErrorsNameTheirPlace(t *testing.T) {
	t.Parallel()
	in := func(content string) world { return world{file: map[string]string{"etc.yaml": content}} }
	tests := map[string]struct {
		world world
		want  []string // parts of the message
	}{
		"a misspelt key":                       {in("db: x\ndata_dri: /data"), []string{"etc.yaml:2", `unknown key "data_dri"`, `"data-dir"`}},
		"a misspelt binary":                    {in("check_ingest_dsk: {db: x}"), []string{"etc.yaml:1", `"check_ingest_disk"`}},
		"a key of another binary in a section": {in("db: x\ningest-aggtrades:\n  held: ok"), []string{"etc.yaml:3", `unknown key "held"`}},
		"an error in another's section":        {in("check_ingest_disk:\n  threads: 2"), []string{"etc.yaml:2", `unknown key "threads"`}},
		"a key twice":                          {in("db: x\n# no\ndb: y"), []string{"etc.yaml:3", `key "db" stands in line 1 already`}},
		"keys below a key":                     {in("db: {path: x}"), []string{"etc.yaml:1", "db: expected a value or a list"}},
		"a section with a value":               {in("check_ingest_disk: 5"), []string{"etc.yaml:1", "expected the keys of that program below it"}},
		"a list in a list":                     {in("symbol:\n  - [a]"), []string{"etc.yaml:2", "list of plain values"}},
		"a list for one value":                 {in("ingest-aggtrades:\n  db: [a, b]"), []string{"--db", "takes one value", "etc.yaml:2"}},
		"a list at the top":                    {in("- db"), []string{"etc.yaml:1", "expected keys and values"}},
		"a key that is a list":                 {in("[a, b]: c"), []string{"etc.yaml:1", "expected a key"}},
		"no YAML":                              {in("db: [x\n"), []string{"etc.yaml: yaml: line"}},
		"two documents":                        {in("db: x\n---\ndb: y"), []string{"more than one YAML document"}},
		"a value that does not parse":          {in("ingest-aggtrades: {threads: many}"), []string{"--threads", `"many"`, "etc.yaml:1"}},
		"a value that refuses itself":          {in("output: xml"), []string{"--output", "expected text or json, not xml", "etc.yaml:1"}},
		"an empty value":                       {in("output: ''"), []string{"--output", "is empty", "etc.yaml:1"}},
		"a bad variable":                       {world{env: map[string]string{"CHECK_INGEST_OUTPUT": "xml"}}, []string{"--output", "not xml (CHECK_INGEST_OUTPUT)"}},
		"an absent --config":                   {world{args: []string{"--config=$T/none.yaml"}}, []string{"read settings", "none.yaml", "no such file"}},
		"an absent CHECK_INGEST_CONFIG":        {world{env: map[string]string{"CHECK_INGEST_CONFIG": "$T/none.yaml"}}, []string{"none.yaml", "no such file"}},
		"a folder":                             {world{args: []string{"--config=$T"}}, []string{"not a regular file"}},
		"a device":                             {world{args: []string{"--config=/dev/zero"}}, []string{"not a regular file"}},
		"more than a mebibyte":                 {in("# " + strings.Repeat("x", maxFileSize)), []string{"etc.yaml", "limit 1048576"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := tc.world.parse(t)
			if err == nil {
				t.Fatal("no error")
			}
			for _, part := range tc.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q lacks %q", err, part)
				}
			}
		})
	}
}

func TestWhoMayWriteTheFile(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		mode os.FileMode
		uid  int
		ok   bool
	}{
		"ours":                                   {0o644, -1, true},
		"ours and our group's":                   {0o664, -1, true},
		"anybody's":                              {0o646, -1, false},
		"another's":                              {0o644, 1234, true},
		"another's, and his group may write":     {0o664, 1234, false},
		"another's, and the world may write too": {0o666, 1234, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "config.yaml")
			if err := os.WriteFile(path, []byte("db: x"), 0o600); err != nil {
				t.Fatal(err)
			}
			if tc.uid >= 0 {
				if os.Geteuid() != 0 {
					t.Skip("only root may give files away")
				}
				if err := os.Chown(path, tc.uid, tc.uid); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(path, tc.mode); err != nil {
				t.Fatal(err)
			}
			_, _, err := world{args: []string{"--config", path}}.parse(t)
			if (err == nil) != tc.ok {
				t.Fatalf("error %v, want ok = %v", err, tc.ok)
			}
			if err != nil && !strings.Contains(err.Error(), "chmod go-w "+path) {
				t.Errorf("%q does not say what to do", err)
			}
		})
	}
}

func TestLinksToAFileAreFollowed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "real.yaml"), []byte("db: x"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link.yaml")
	if err := os.Symlink("real.yaml", link); err != nil {
		t.Fatal(err)
	}
	g, s, err := world{args: []string{"--config", link}}.parse(t)
	if err != nil || g.DB != "x" {
		t.Fatalf("--db = %q, %v", g.DB, err)
	}
	if got, want := s.Origin("db"), link+":1"; got != want {
		t.Errorf("origin %q, want %q", got, want)
	}
}

func TestOriginOfFlags(t *testing.T) {
	t.Parallel()
	_, s, err := world{
		args: []string{"--threads=1"}, env: map[string]string{"CHECK_INGEST_DB": "x"},
		file: map[string]string{"etc.yaml": "\nsymbol: [A]"},
	}.parse(t)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Origin("db"); got != "CHECK_INGEST_DB" {
		t.Errorf("db came from %q", got)
	}
	if got := s.Origin("symbol"); !strings.HasSuffix(got, "/etc.yaml:2") {
		t.Errorf("symbol came from %q", got)
	}
	for _, flag := range []string{"threads", "wait"} {
		if got := s.Origin(flag); got != "" {
			t.Errorf("%s came from %q", flag, got)
		}
	}
}

func TestDrift(t *testing.T) {
	t.Parallel()
	k, err := kong.New(&struct {
		Flag

		Held string
		New  bool
		Sub  struct {
			Deeper bool
		} `cmd:""`
	}{})
	if err != nil {
		t.Fatal(err)
	}
	missing, extra := Drift("check_ingest_lock", k.Model)
	if diff := cmp.Diff([]string{"new", "deeper"}, missing); diff != "" {
		t.Errorf("missing (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"warning", "critical", "timeout", "timeout-state", "verbose", "output", "gate", "lock-file"}, extra); diff != "" {
		t.Errorf("extra (-want +got)\n%s", diff)
	}
}

func TestDuration(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		want time.Duration
		back string // what it prints; "" where the text is refused
	}{
		"a bare number is seconds": {"30", 30 * time.Second, "30s"},
		"with a fraction too":      {"0.5", 500 * time.Millisecond, "500ms"},
		"milliseconds":             {"500ms", 500 * time.Millisecond, "500ms"},
		"minutes":                  {"2m", 2 * time.Minute, "2m"},
		"hours":                    {"26h", 26 * time.Hour, "26h"},
		"hours and minutes":        {"1h30m", 90 * time.Minute, "1h30m"},
		"days":                     {"2d", 48 * time.Hour, "48h"},
		"zero":                     {"0", 0, "0s"},
		"negative":                 {"-5s", 0, ""},
		"empty":                    {"", 0, ""},
		"a point":                  {".", 0, ""},
		"words":                    {"soon", 0, ""},
		"days with a fraction":     {"1.5d", 0, ""},
		"more days than fit":       {"99999999d", 0, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var d Duration
			err := d.UnmarshalText([]byte(tc.text))
			if tc.back == "" {
				if err == nil {
					t.Fatalf("%q is %v, want an error", tc.text, time.Duration(d))
				}
				return
			}
			if err != nil || time.Duration(d) != tc.want || d.String() != tc.back {
				t.Fatalf("%q is %v, prints %q, %v; want %v, %q", tc.text, time.Duration(d), d, err, tc.want, tc.back)
			}
			var again Duration
			if err := again.UnmarshalText([]byte(d.String())); err != nil || again != d {
				t.Fatalf("%q reads back as %v, %v", d, again, err)
			}
		})
	}
}

// FuzzParse proves that no file makes the parser panic, and that what it accepts are known keys.
func FuzzParse(f *testing.F) {
	f.Add("db: x\nsymbol: [A, B]\ncheck_ingest_disk: {critical: ['free=1GB:']}\n")
	f.Add("a: &a [*a]\ndb: *a")
	f.Add("? [x]\n: y")
	f.Add("<<: {db: x}")
	f.Add("db: !!binary aGVsbG8=\n--- \n")
	f.Add("db: |\n  a\n  b\n")
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := parse("f", []byte(text), "check_ingest_disk")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f:") {
				t.Fatalf("%q does not name the file", err)
			}
			return
		}
		for key, e := range parsed.section {
			if !slices.Contains(Keys("check_ingest_disk"), key) || e.line < 1 {
				t.Fatalf("%q: %+v", key, e)
			}
		}
		for key := range parsed.top {
			if !slices.Contains(knownTop(), key) {
				t.Fatalf("%q", key)
			}
		}
	})
}
