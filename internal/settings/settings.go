package settings

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// EnvPrefix begins the name of every environment variable that sets a flag.
const EnvPrefix = "CHECK_INGEST_"

// EnvName is the variable that sets a flag: "data-dir" gives "CHECK_INGEST_DATA_DIR".
func EnvName(flag string) string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// Flag is the flag that names the file. A grammar that wants it embeds the struct.
type Flag struct {
	Config string `placeholder:"FILE" help:"Read settings from this YAML file, and from no other."`
}

// Source says where settings come from besides the command line.
type Source struct {
	App       string                      // the binary, one of [Apps]: its section counts
	LookupEnv func(string) (string, bool) // os.LookupEnv; HOME, XDG_CONFIG_HOME and CHECK_INGEST_* are asked for
	System    string                      // instead of [SystemFile]; "" = SystemFile
}

// Settings are what environment and files say. Make one with [New] for each command line that is parsed.
type Settings struct {
	source  Source
	loaded  bool
	files   []file // the later beats the earlier
	origins map[string]string
}

// New gives settings that are read when kong parses, or when [Settings.Load] is called.
func New(source Source) *Settings {
	if source.System == "" {
		source.System = SystemFile
	}
	return &Settings{source: source, origins: map[string]string{}}
}

// Option makes kong take each flag that is not on the command line from the environment, else from the files. A file
// or value that cannot be read fails the parse; the error names its place. Texts reach their flags byte by byte.
func (s *Settings) Option() kong.Option {
	return kong.OptionFunc(func(k *kong.Kong) error {
		return errors.Join(s.beforeResolve().Apply(k), kong.KindMapper(reflect.String, kong.MapperFunc(decodeString)).Apply(k))
	})
}

// decodeString takes a text as it is. Kong's own decoder sends it through JSON, which replaces what is no UTF-8: a path
// that has a name in another encoding would not be found.
func decodeString(ctx *kong.DecodeContext, target reflect.Value) error {
	token, err := ctx.Scan.PopValue("string")
	if err != nil {
		return err
	}
	text, ok := token.Value.(string)
	switch {
	case ok:
	case token.Value == nil: // the line ends here
		return errors.New("expected a value")
	default:
		return fmt.Errorf("expected a text, not %v", token.Value)
	}
	target.SetString(text)
	return nil
}

func (s *Settings) beforeResolve() kong.Option {
	return kong.WithBeforeResolve(func(ctx *kong.Context) error {
		if s.loaded {
			return nil // kong calls the hook once for each flag on the command line
		}
		if err := s.Load(configFlag(ctx)); err != nil {
			return err
		}
		ctx.AddResolver(kong.ResolverFunc(s.resolve))
		return nil
	})
}

// configFlag is what --config was given, "" if it was not.
func configFlag(ctx *kong.Context) string {
	path := ""
	for _, p := range ctx.Path {
		if p.Flag != nil && p.Flag.Name == "config" {
			path = ctx.Value(p).String()
		}
	}
	return path
}

// Load reads the files: the one named config or, where that is empty, by CHECK_INGEST_CONFIG, or else the default ones.
// It is for callers that need a setting where kong could not parse; [Settings.Option] calls it by itself.
func (s *Settings) Load(config string) error {
	if config == "" {
		config, _ = s.source.LookupEnv(EnvName("config"))
	}
	s.loaded, s.files = true, nil
	for _, c := range candidates(config, s.source.System, s.source.LookupEnv) {
		data, found, err := c.read()
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		f, err := parse(c.path, data, s.source.App)
		if err != nil {
			return fmt.Errorf("read settings: %w", err)
		}
		s.files = append(s.files, f)
	}
	return nil
}

// Text is the setting of a flag that takes one value, whatever its type, and "" where there is none.
func (s *Settings) Text(flag string) string {
	texts, _, _ := s.lookup(flag, false)
	return strings.Join(texts, ",")
}

// Origin says where a flag's value came from, such as "CHECK_INGEST_DB" or "/etc/check-ingest/config.yaml:3", for
// messages about it. It is "" for the command line and for defaults.
func (s *Settings) Origin(flag string) string { return s.origins[flag] }

// lookup finds the texts of a flag and where they came from; the origin is "" where there are none.
func (s *Settings) lookup(flag string, list bool) (texts []string, isList bool, origin string) {
	if text, ok := s.source.LookupEnv(EnvName(flag)); ok && text != "" {
		if list {
			return strings.Split(text, ","), true, EnvName(flag)
		}
		return []string{text}, false, EnvName(flag)
	}
	for _, f := range slices.Backward(s.files) {
		if e, ok := f.find(flag); ok {
			return e.texts, e.list, fmt.Sprintf("%s:%d", f.path, e.line)
		}
	}
	return nil, false, ""
}

// resolve is kong's question for the value of a flag that is not on the command line; nil means that there is none.
func (s *Settings) resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if slices.Contains(notKeys(), flag.Name) {
		return nil, nil //nolint:nilnil // kong's way of saying "not set"
	}
	// Not flag.IsSlice, which is false for a named type that decodes itself.
	repeatable := flag.Target.Kind() == reflect.Slice
	texts, isList, origin := s.lookup(flag.Name, repeatable)
	if origin == "" {
		return nil, nil //nolint:nilnil // likewise
	}
	s.origins[flag.Name] = origin
	if isList && !repeatable {
		return nil, fmt.Errorf("takes one value, not a list (%s)", origin)
	}
	for _, text := range texts {
		if err := try(flag, text); err != nil {
			return nil, fmt.Errorf("%w (%s)", err, origin)
		}
	}
	if !isList {
		return texts[0], nil
	}
	values := make([]any, len(texts)) // what kong's slice decoder takes as a list
	for i, text := range texts {
		values[i] = text
	}
	return values, nil
}

// try decodes text as the flag would, only to have an error that can be told where the text came from.
func try(flag *kong.Flag, text string) error {
	if text == "" {
		return errors.New("is empty")
	}
	scan := kong.ScanFromTokens(kong.Token{Value: text, Type: kong.FlagValueToken})
	target := reflect.New(flag.Target.Type()).Elem()
	if target.Kind() == reflect.Pointer { // to what decodes the text
		target.Set(reflect.New(target.Type().Elem()))
	}
	return flag.Mapper.Decode(&kong.DecodeContext{Value: flag.Value, Scan: scan}, target)
}
