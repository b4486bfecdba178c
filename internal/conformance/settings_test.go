package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/check-ingest/check-ingest/internal/nagiostest"
)

// settingsFile writes a file of settings.
func settingsFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(folder(t), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// unlimited is the arguments of a healthy run without thresholds.
func (c check) unlimited() []string {
	return slices.DeleteFunc(slices.Clone(c.fine), func(a string) bool { return a == "-c" || strings.Contains(a, "=1B:") })
}

// flagsOf are the flags that the help of a program tells of, with whether they take a value.
func flagsOf(t *testing.T, program string, args ...string) map[string]bool {
	t.Helper()
	o := call{args: append(args, "--help")}.run(t, program)
	flags := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^  (?:-\w, |    )?--([a-z-]+)(=?)`).FindAllStringSubmatch(o.stdout, -1) {
		flags[m[1]] = m[2] != ""
	}
	if len(flags) < 8 {
		t.Fatalf("flags %v in %s", flags, o.stdout)
	}
	return flags
}

// TestEveryFlagIsASetting: what the help tells of can stand in the file that all programs share, and in no other way is a key accepted.
func TestEveryFlagIsASetting(t *testing.T) {
	t.Parallel()
	onlyOnTheLine := []string{"help", "version", "config", "completion"}
	for _, c := range checks(t) {
		t.Run(c.binary, func(t *testing.T) {
			t.Parallel()
			for flag := range flagsOf(t, c.binary) {
				value := "1"
				if strings.HasSuffix(flag, "-date") {
					value = "2024-01-01"
				}
				config := settingsFile(t, c.binary+":\n  "+flag+": "+value+"\n")
				o := call{args: []string{"--config", config, "-t2"}}.run(t, c.binary)
				if known := !strings.Contains(o.stdout, "unknown key"); known == slices.Contains(onlyOnTheLine, flag) || strings.Contains(o.stdout, "internal error") {
					t.Errorf("key %s: %q", flag, o.stdout)
				}
			}
		})
	}
	t.Run("ingest-aggtrades", func(t *testing.T) {
		t.Parallel()
		for _, command := range []string{"run", "migrate"} {
			for flag := range flagsOf(t, "ingest-aggtrades", command) {
				config := settingsFile(t, "ingest-aggtrades:\n  "+flag+": [[]]\n")
				o := call{args: []string{"--config", config}}.run(t, "ingest-aggtrades")
				if known := !strings.Contains(o.stderr, "unknown key"); o.code != 2 || known == slices.Contains(onlyOnTheLine, flag) {
					t.Errorf("key %s: exit code %d, %q", flag, o.code, o.stderr)
				}
			}
		}
	})
}

// TestPrecedence: flag beats environment beats the program's section of the file beats the rest of the file.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	for _, c := range checks(t) {
		t.Run(c.binary, func(t *testing.T) {
			t.Parallel()
			// A threshold in which each place has a number of its own.
			limit := func(n int) string { return fmt.Sprintf("%s=~:9%d00000000000000", c.metric, n) }
			top := fmt.Sprintf("critical: [%q]\n", limit(1))
			section := fmt.Sprintf("%s:\n  critical: %q\n", c.binary, limit(2))
			other := "check_ingest_disk"
			if c.binary == other {
				other = "check_ingest_lock"
			}
			others := fmt.Sprintf("%s:\n  critical: %q\n", other, "held_for=5")
			tests := map[string]struct {
				text string
				env  []string
				args []string
				want int
			}{
				"the file":                      {top, nil, nil, 1},
				"its section, before":           {section + top, nil, nil, 2},
				"its section, after":            {top + section, nil, nil, 2},
				"not another section":           {others + top, nil, nil, 1},
				"the environment":               {top + section, []string{"CHECK_INGEST_CRITICAL=" + limit(3)}, nil, 3},
				"an empty variable is not set":  {top, []string{"CHECK_INGEST_CRITICAL="}, nil, 1},
				"the command line":              {top + section, []string{"CHECK_INGEST_CRITICAL=" + limit(3)}, []string{"-c", limit(4)}, 4},
				"the command line, not nothing": {"", nil, []string{"--critical=" + limit(4)}, 4},
			}
			for name, tc := range tests {
				config := settingsFile(t, tc.text)
				for way, base := range map[string]call{
					"--config":            {args: []string{"--config", config}},
					"CHECK_INGEST_CONFIG": {env: []string{"CHECK_INGEST_CONFIG=" + config}},
				} {
					base.args = append(append(base.args, c.unlimited()...), tc.args...)
					base.env = append(base.env, tc.env...)
					o := base.run(t, c.binary)
					o.verify(t, c, nagiostest.SoftLimit)
					// Below zero is no value of these metrics, so the range is printed as a plain number.
					if want := fmt.Sprintf(";9%d00000000000000;", tc.want); !strings.Contains(o.stdout, want) {
						t.Errorf("%s by %s: %q lacks %q", name, way, o.stdout, want)
					}
				}
			}
		})
	}
}

// TestUsersOwnFile: $XDG_CONFIG_HOME and ~/.config are where a user's settings lie.
func TestUsersOwnFile(t *testing.T) {
	t.Parallel()
	for _, c := range checks(t) {
		t.Run(c.binary, func(t *testing.T) {
			t.Parallel()
			home := folder(t)
			if err := os.MkdirAll(filepath.Join(home, ".config", "check-ingest"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(home, ".config", "check-ingest", "config.yaml"), []byte("verbose: 9\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			for _, env := range []string{"HOME=" + home, "XDG_CONFIG_HOME=" + filepath.Join(home, ".config")} {
				o := call{args: c.fine, bare: true, env: []string{env}}.run(t, c.binary)
				verifyUsage(t, c, o, "--verbose: 9")
			}
			if os.Geteuid() != 0 {
				return
			}
			if err := os.Chmod(home, 0o700); err != nil {
				t.Fatal(err)
			}
			// Another user's, as after a daemon dropped its rights: no reason to fail.
			o := call{args: c.fine, bare: true, env: []string{"HOME=" + home}, nobody: true}.run(t, c.binary)
			if o.verify(t, c, nagiostest.SoftLimit); o.code != 0 {
				t.Errorf("exit code %d, %q", o.code, o.stdout)
			}
		})
	}
}

// TestAllFromTheEnvironment runs a check without any argument.
func TestAllFromTheEnvironment(t *testing.T) {
	t.Parallel()
	for _, c := range checks(t) {
		t.Run(c.binary, func(t *testing.T) {
			t.Parallel()
			args := c.unlimited()
			if c.binary == "check_ingest_disk" {
				args = append(args, "--critical", "free=1B:")
			}
			env := []string{"CHECK_INGEST_OUTPUT=json", "CHECK_INGEST_GATE=true", "CHECK_INGEST_TIMEOUT=20", "CHECK_INGEST_VERBOSE=2"}
			var yaml strings.Builder
			for i := 0; i+1 < len(args); i += 2 {
				name := strings.TrimPrefix(args[i], "--")
				env = append(env, "CHECK_INGEST_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))+"="+args[i+1])
				fmt.Fprintf(&yaml, "%s: %q\n", name, args[i+1])
			}
			o := call{env: env}.run(t, c.binary)
			if o.parse(t, c, 0); o.code != 0 {
				t.Errorf("environment: exit code %d, %q", o.code, o.stdout)
			}
			o = call{args: []string{"--config", settingsFile(t, yaml.String()+"output: json\ngate: true\ntimeout: 20s\nverbose: 2\n")}}.run(t, c.binary)
			if o.parse(t, c, 0); o.code != 0 {
				t.Errorf("file: exit code %d, %q", o.code, o.stdout)
			}
		})
	}
}

// TestBadSettings: each is a usage error that says where it stands, in every form of output.
func TestBadSettings(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		env  []string
		want []string // $F is the file
	}{
		"an unknown key":                  {"db: /x\ntimeot: 5\n", nil, []string{"$F:2", `unknown key "timeot"`, `"timeout"`}},
		"an unknown key in a section":     {"check_ingest_lock:\n  dbs: /x\n", nil, []string{"$F:2", `unknown key "dbs"`}},
		"an unknown section":              {"check_ingest_lok:\n  held: ok\n", nil, []string{"$F:1", `"check_ingest_lock"`}},
		"a key twice":                     {"db: /x\ndb: /y\n", nil, []string{"$F:2", `"db"`}},
		"no YAML":                         {"a: [b\n", nil, []string{"$F"}},
		"a list at the top":               {"- a\n", nil, []string{"$F:1"}},
		"two documents":                   {"verbose: 1\n---\nverbose: 2\n", nil, []string{"$F", "more than one"}},
		"keys below a key":                {"timeout:\n  a: 1\n", nil, []string{"$F:1", "timeout"}},
		"a list where there is one value": {"timeout: [1, 2]\n", nil, []string{"timeout", "not a list", "$F:1"}},
		"a value of another kind":         {"timeout: soon\n", nil, []string{"timeout", `"soon"`, "$F:1"}},
		"a bad range":                     {"warning: 20:10\n", nil, []string{"start 20 is above end 10", "$F:1"}},
		"an anchor that is not there":     {"db: *x\n", nil, []string{"$F"}},
		"a bomb of aliases":               {"a: &a [x,x]\nb: &b [*a,*a]\ndb: *b\n", nil, []string{"$F"}},
		"binary rubbish":                  {"\x00\x01\xff|\x1b[31m", nil, []string{"$F"}},
		"a megabyte in one line":          {"db: " + strings.Repeat("x", 1<<20) + "\n", nil, []string{"$F", "limit 1048576"}},
		"a bad range in the environment":  {"", []string{"CHECK_INGEST_WARNING=20:10"}, []string{"CHECK_INGEST_WARNING", "start 20 is above end 10"}},
		"bad time in the environment":     {"", []string{"CHECK_INGEST_TIMEOUT=|\x1b[0m\nsoon"}, []string{"CHECK_INGEST_TIMEOUT"}},
		"a gate that is neither":          {"", []string{"CHECK_INGEST_GATE=maybe"}, []string{"CHECK_INGEST_GATE"}},
		"a path that is not there":        {"", []string{"CHECK_INGEST_CONFIG=/nonexistent/c.yaml"}, []string{"/nonexistent/c.yaml"}},
	}
	for _, c := range checks(t) {
		t.Run(c.binary, func(t *testing.T) {
			t.Parallel()
			for name, tc := range tests {
				config := settingsFile(t, tc.text)
				base := call{args: slices.Clone(c.unlimited()), env: tc.env}
				if tc.text != "" {
					base.args = append(base.args, "--config", config)
				}
				o := base.run(t, c.binary)
				for _, want := range tc.want {
					want = strings.ReplaceAll(want, "$F", config)
					verifyUsage(t, c, o, want)
				}
				if t.Failed() {
					t.Fatalf("%s: %q", name, o.stdout)
				}
				base.args = append(base.args, "-o", "json")
				o = base.run(t, c.binary)
				o.parse(t, c, 3)
			}
		})
	}
}

// TestSettingsThatOthersMayWrite are refused: they decide what is looked at.
func TestSettingsThatOthersMayWrite(t *testing.T) {
	t.Parallel()
	config := settingsFile(t, "verbose: 0\n")
	if err := os.Chmod(config, 0o666); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(folder(t), "link.yaml")
	if err := os.Symlink(config, link); err != nil {
		t.Fatal(err)
	}
	for _, c := range checks(t) {
		t.Run(c.binary, func(t *testing.T) {
			t.Parallel()
			for _, path := range []string{config, link} {
				verifyUsage(t, c, call{args: append(slices.Clone(c.fine), "--config", path)}.run(t, c.binary), "run: chmod go-w "+path)
			}
		})
	}
}
