package diskcheck

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// target is a path whose file system is looked at.
type target struct {
	path   string
	suffix string // of its metrics' labels, "" where it is the only one
	db     bool   // path is the database: it may be absent, and its folder counts
}

// targets are the database, if there is one, and the paths, in this order.
func (c *Cmd) targets() ([]target, error) {
	var out []target
	if c.DB != "" {
		out = append(out, target{path: c.DB, suffix: "_" + labelOf(filepath.Dir(c.DB)), db: true})
	}
	for _, p := range c.Path {
		path, alias := splitAlias(p)
		if path == "" {
			return nil, fmt.Errorf("--path %q: is empty", p)
		}
		if alias == "" {
			alias = labelOf(path)
		}
		out = append(out, target{path: path, suffix: "_" + alias})
	}
	if len(out) == 1 {
		out[0].suffix = ""
		return out, nil
	}
	seen := map[string]string{}
	for _, t := range out {
		if other, clash := seen[t.suffix]; clash {
			return nil, fmt.Errorf("%s and %s would both be called %q in the metrics: give one --path an alias, as in --path=%s=other",
				other, t.path, t.suffix[1:], t.path)
		}
		seen[t.suffix] = t.path
	}
	return out, nil
}

// splitAlias cuts a value of --path at its last '=' if what follows is fit for a label.
func splitAlias(s string) (path, alias string) {
	i := strings.LastIndexByte(s, '=')
	if i < 0 || !regexp.MustCompile(`^[a-z0-9_]+$`).MatchString(s[i+1:]) {
		return s, ""
	}
	return s[:i], s[i+1:]
}

// labelOf maps a path to what may stand in a label: /var/lib is var_lib, / is root. It depends on nothing but the path as
// it was given, so that a metric keeps its name whatever else is mounted or asked for.
func labelOf(path string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(filepath.Clean(path)) {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			b.WriteRune(r)
		} else {
			b.WriteByte('_')
		}
	}
	switch label := strings.Trim(b.String(), "_"); {
	case label != "":
		return label
	case filepath.Clean(path) == "/":
		return "root"
	default:
		return "path"
	}
}
