package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/check-ingest/check-ingest/internal/near"
)

// entry is the value of one key as it stands in a file.
type entry struct {
	texts []string // one for a scalar
	list  bool
	line  int // of the key
}

// file is a parsed file: what it says outside sections and in the section of one binary.
type file struct {
	path    string
	top     map[string]entry
	section map[string]entry
}

// find is the file's value for a flag: the section's, else the one outside.
func (f file) find(flag string) (entry, bool) {
	if e, ok := f.section[flag]; ok {
		return e, true
	}
	e, ok := f.top[flag]
	return e, ok
}

// parse reads the text of a file for the binary app. Every section is checked, not only app's.
func parse(path string, data []byte, app string) (file, error) {
	f := file{path: path, top: map[string]entry{}, section: map[string]entry{}}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return f, nil
	} else if err != nil {
		return file{}, fmt.Errorf("%s: %w", path, err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return file{}, fmt.Errorf("%s: holds more than one YAML document", path)
	}
	root := doc.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return f, nil
	}
	if root.Kind != yaml.MappingNode {
		return file{}, fmt.Errorf("%s:%d: expected keys and values, as in \"db: /data/trades.duckdb\"", path, root.Line)
	}
	err := pairs(path, root, func(key, value *yaml.Node) error {
		if !slices.Contains(Apps(), key.Value) {
			return f.add(f.top, key, value, knownTop(), Apps())
		}
		into := f.section
		if key.Value != app {
			into = map[string]entry{}
		}
		return f.addSection(into, key, value)
	})
	return f, err
}

// addSection reads the section of the binary key.Value.
func (f file) addSection(into map[string]entry, key, value *yaml.Node) error {
	if value.Kind == yaml.ScalarNode && value.Tag == "!!null" {
		return nil
	}
	if value.Kind != yaml.MappingNode {
		return fmt.Errorf("%s:%d: %s: expected the keys of that program below it, indented", f.path, key.Line, key.Value)
	}
	return pairs(f.path, value, func(k, v *yaml.Node) error { return f.add(into, k, v, Keys(key.Value), nil) })
}

// add puts one key into a map, if it is one of known. alsoNear are names that are no keys but may have been meant.
func (f file) add(into map[string]entry, key, value *yaml.Node, known, alsoNear []string) error {
	if !slices.Contains(known, key.Value) {
		return fmt.Errorf("%s:%d: unknown key %q%s", f.path, key.Line, key.Value, near.Hint(key.Value, slices.Concat(known, alsoNear)))
	}
	if value.Kind == yaml.AliasNode {
		value = value.Alias
	}
	e := entry{line: key.Line}
	switch {
	case value.Kind == yaml.ScalarNode && value.Tag == "!!null":
		return nil // a key whose value is left out or commented out
	case value.Kind == yaml.ScalarNode:
		e.texts = []string{value.Value}
	case value.Kind == yaml.SequenceNode:
		e.list = true
		for _, item := range value.Content {
			if item.Kind != yaml.ScalarNode || item.Tag == "!!null" {
				return fmt.Errorf("%s:%d: %s: expected a list of plain values", f.path, item.Line, key.Value)
			}
			e.texts = append(e.texts, item.Value)
		}
	default:
		return fmt.Errorf("%s:%d: %s: expected a value or a list, not keys below it", f.path, key.Line, key.Value)
	}
	into[key.Value] = e
	return nil
}

// pairs calls do for each key and value of a mapping. A key that is no scalar or comes twice is an error.
func pairs(path string, mapping *yaml.Node, do func(key, value *yaml.Node) error) error {
	seen := map[string]int{}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			return fmt.Errorf("%s:%d: expected a key", path, key.Line)
		}
		if line, twice := seen[key.Value]; twice {
			return fmt.Errorf("%s:%d: key %q stands in line %d already", path, key.Line, key.Value, line)
		}
		seen[key.Value] = key.Line
		if err := do(key, value); err != nil {
			return err
		}
	}
	return nil
}
