package integration

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"github.com/check-ingest/check-ingest/internal/checkcli"
	"github.com/check-ingest/check-ingest/internal/nagios"
	"github.com/check-ingest/check-ingest/internal/nagiostest"
	"github.com/check-ingest/check-ingest/plugins/csvcheck"
	"github.com/check-ingest/check-ingest/plugins/dbcheck"
	"github.com/check-ingest/check-ingest/plugins/diskcheck"
	"github.com/check-ingest/check-ingest/plugins/lockcheck"
	"github.com/check-ingest/check-ingest/plugins/logcheck"
)

// These tests need no daemon: they keep the files of contrib and the flags of the checks from drifting apart.

// models are the grammars of the checks, by the name of the binary.
func models(t *testing.T) map[string]*kong.Application {
	t.Helper()
	all := map[string]*kong.Application{}
	add := func(m *kong.Application, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		all[m.Name] = m
	}
	add(checkcli.Model[lockcheck.Cmd]("INGEST LOCK"))
	add(checkcli.Model[diskcheck.Cmd]("INGEST DISK"))
	add(checkcli.Model[dbcheck.Cmd]("INGEST DB"))
	add(checkcli.Model[csvcheck.Cmd]("INGEST CSV"))
	add(checkcli.Model[logcheck.Cmd]("INGEST LOG"))
	return all
}

func readContrib(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(nagiostest.Root(t), "contrib", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestIcinga2HasEveryFlag: each CheckCommand has every flag of its check and no other, each with the variable that bears its name, as a
// switch where the flag takes no value.
func TestIcinga2HasEveryFlag(t *testing.T) {
	t.Parallel()
	text := readContrib(t, "icinga2/check_ingest_commands.conf")
	blocks := strings.Split(text, "object CheckCommand ")[1:]
	argument := regexp.MustCompile(`(?s)"--([a-z-]+)" = \{(.*?)\}`)
	var seen []string
	for _, block := range blocks {
		name := strings.Split(block, `"`)[1]
		model := models(t)[name]
		if model == nil || !strings.Contains(block, `command = [ PluginDir + "/`+name+`" ]`) {
			t.Errorf("%s: no check, or another's command", name)
			continue
		}
		seen = append(seen, name)
		var flags, arguments []string
		for _, f := range model.Flags {
			if slices.Contains([]string{"help", "version", "completion", "man"}, f.Name) {
				continue // they check nothing
			}
			variable := "$ingest_" + strings.ReplaceAll(f.Name, "-", "_") + "$"
			form := `value = "` + variable + `"`
			switch {
			case f.IsBool():
				form = `set_if = "` + variable + `"`
			case f.IsCounter():
				form = `value = "--` + f.Name + `=` + variable + `"`
			}
			flags = append(flags, f.Name+" "+form)
		}
		for _, m := range argument.FindAllStringSubmatch(block, -1) {
			form := regexp.MustCompile(`(value|set_if) = "[^"]*"`).FindString(m[2])
			arguments = append(arguments, m[1]+" "+form)
		}
		slices.Sort(flags)
		slices.Sort(arguments)
		if diff := cmp.Diff(flags, arguments); diff != "" {
			t.Errorf("%s (-flags of the check +arguments of the CheckCommand):\n%s", name, diff)
		}
	}
	if len(seen) != len(models(t)) {
		t.Errorf("CheckCommands %q", seen)
	}
}

// TestCommandLines: what the files of contrib run are checks with flags that they have.
func TestCommandLines(t *testing.T) {
	t.Parallel()
	all := models(t)
	root := nagiostest.Root(t)
	command := regexp.MustCompile(`(?:\$USER1\$|/usr/bin)/(check_ingest_[a-z]+)([^\n]*)`)
	for _, pattern := range []string{"nagios/*", "nrpe/*", "zabbix/*.conf", "prometheus/*"} {
		files, err := filepath.Glob(filepath.Join(root, "contrib", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range command.FindAllStringSubmatch(string(data), -1) {
				model := all[m[1]]
				if model == nil {
					t.Errorf("%s: %s is no check", filepath.Base(path), m[1])
					continue
				}
				for _, word := range strings.Fields(m[2]) {
					name, _, _ := strings.Cut(word, "=")
					if strings.HasPrefix(name, "-") && !hasFlag(model, strings.Trim(name, `"',`)) {
						t.Errorf("%s: %s has no %s", filepath.Base(path), m[1], name)
					}
				}
			}
		}
	}
}

// TestNoPluginFolder: the Debian package and the RPM put the checks into different folders, so nothing in contrib may name either: there
// are links in /usr/bin, and Nagios and Icinga have variables.
func TestNoPluginFolder(t *testing.T) {
	t.Parallel()
	root := filepath.Join(nagiostest.Root(t), "contrib")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte("nagios/plugins")) {
			t.Errorf("%s names the folder of the plugins", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func hasFlag(m *kong.Application, word string) bool {
	return slices.ContainsFunc(m.Flags, func(f *kong.Flag) bool {
		return word == "--"+f.Name || f.Short != 0 && word == "-"+string(f.Short)
	})
}

// metrics are the units of the metrics of all checks, each called as in "check_ingest_db age".
func metrics() map[string]nagios.Unit {
	known := map[string]nagios.Unit{}
	for name, c := range map[string]checkcli.Check{
		"check_ingest_lock": new(lockcheck.Cmd), "check_ingest_disk": new(diskcheck.Cmd), "check_ingest_db": new(dbcheck.Cmd),
		"check_ingest_csv": new(csvcheck.Cmd), "check_ingest_log": new(logcheck.Cmd),
	} {
		for _, spec := range c.Metrics() {
			known[name+" "+spec.Label] = spec.Unit
		}
	}
	return known
}
