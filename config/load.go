package config

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// configFlag is the one flag that is no setting: it names the configuration file.
const configFlag = "config"

// keyDelimiter parts nested keys; no setting is nested, so a nested key is an unknown one.
const keyDelimiter = "."

// Value is a setting's effective value and where it comes from.
type Value struct {
	Setting Setting
	// Text is the value as a flag takes it, without its secrets.
	Text string
	// Source is "default", "file <name>", "environment PINNACLE_…" or "flag --…".
	Source string
}

// Loaded is a configuration with the origin of each value, in the order of the table.
type Loaded struct {
	Config Config
	// File is the configuration file that was read, "" for none.
	File   string
	Values []Value
}

// AddFlags adds --config and a flag for each setting.
func AddFlags(flags *pflag.FlagSet) {
	flags.String(configFlag, "", "YAML file with settings; flags and PINNACLE_… variables go before it")
	for _, s := range Settings() {
		usage, _, _ := strings.Cut(s.Doc, ". ")
		usage = strings.TrimSuffix(usage, ".")
		if s.Unit != "" {
			usage += " (" + s.Unit + ")"
		}
		flag := flags.VarPF(&flagValue{setting: s, text: s.Default}, s.Name, "", usage)
		if s.Kind() == "true or false" {
			flag.NoOptDefVal = "true"
		}
	}
}

// flagValue is a setting on the command line. It implements pflag.Value.
type flagValue struct {
	setting Setting
	text    string
	set     bool
}

// String is the value's text, without its secrets.
func (f *flagValue) String() string {
	if f.setting.Secret {
		return RedactURI(f.text)
	}
	return f.text
}

// Set checks a text and keeps it; a list that is given again grows.
func (f *flagValue) Set(text string) error {
	if f.setting.Kind() == "list" && f.set {
		text = f.text + "," + text
	}
	if err := f.setting.set(new(Config), text); err != nil {
		return err
	}
	f.text, f.set = text, true
	return nil
}

// Type is the word for the value in the help.
func (f *flagValue) Type() string {
	if f.setting.Kind() == "true or false" {
		return "bool"
	}
	return f.setting.Kind()
}

// layer is what one place sets.
type layer struct {
	values *koanf.Koanf
	source func(Setting) string
}

// Load puts the settings together: flags go before environment variables (environ is as os.Environ gives it), these
// before the file, that before the defaults. An error is an *Error.
func Load(flags *pflag.FlagSet, environ []string) (*Loaded, error) {
	fromFlags, path, err := flagLayer(flags)
	if err != nil {
		return nil, err
	}
	fromEnv, envPath, err := environmentLayer(environ)
	if err != nil {
		return nil, err
	}
	if path == "" {
		path = envPath
	}
	fromFile, err := fileLayer(path)
	if err != nil {
		return nil, err
	}
	l := &Loaded{File: path}
	for _, s := range Settings() {
		text, source := s.Default, "default"
		for _, layer := range []layer{fromFlags, fromEnv, fromFile} {
			if layer.values.Exists(s.Key()) {
				text, source = layer.values.String(s.Key()), layer.source(s)
				break
			}
		}
		if err := s.set(&l.Config, text); err != nil {
			return nil, &Error{Message: fmt.Sprintf("setting %s, from %s: %v", s.Key(), source, err), Hint: s.Doc}
		}
		l.Values = append(l.Values, Value{Setting: s, Text: s.text(&l.Config), Source: source})
	}
	return l, l.Config.check()
}

// flagLayer is what the command line sets, and the file it names.
func flagLayer(flags *pflag.FlagSet) (layer, string, error) {
	l := layer{koanf.New(keyDelimiter), func(s Setting) string { return "flag --" + s.Name }}
	path := ""
	each := func(f *pflag.Flag) (string, any) {
		if f.Name == configFlag {
			path = f.Value.String()
		}
		value, ok := f.Value.(*flagValue)
		if !ok {
			return "", nil
		}
		return value.setting.Key(), value.text
	}
	if err := l.values.Load(posflag.ProviderWithFlag(flags, keyDelimiter, nil, each), nil); err != nil {
		return l, "", fmt.Errorf("flags: %w", err)
	}
	return l, path, nil
}

// serviceLink matches what Kubernetes sets in every container beside a service named pinnacle.
var serviceLink = regexp.MustCompile(`^PINNACLE_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

// environmentLayer is what PINNACLE_… variables set, and the file that PINNACLE_CONFIG names. A variable that is no
// setting is an error, for it is one that was written wrong.
func environmentLayer(environ []string) (layer, string, error) {
	l := layer{koanf.New(keyDelimiter), func(s Setting) string { return "environment " + s.Env() }}
	byEnv := map[string]Setting{}
	var names []string
	for _, s := range Settings() {
		byEnv[s.Env()] = s
		names = append(names, s.Env())
	}
	path, unknown := "", ""
	each := func(name, value string) (string, any) {
		switch s, ok := byEnv[name]; {
		case ok:
			return s.Key(), value
		case name == envPrefix+"CONFIG":
			path = value
		case !serviceLink.MatchString(name):
			unknown = name
		}
		return "", nil
	}
	provider := env.Provider(keyDelimiter, env.Opt{Prefix: envPrefix, TransformFunc: each, EnvironFunc: func() []string { return environ }})
	if err := l.values.Load(provider, nil); err != nil {
		return l, "", fmt.Errorf("environment: %w", err)
	}
	if unknown != "" {
		return l, "", &Error{Message: "environment variable " + unknown + " is no setting", Hint: suggest(unknown, names)}
	}
	return l, path, nil
}

// fileLayer is what a YAML file sets; nothing without a file.
func fileLayer(path string) (layer, error) {
	l := layer{koanf.New(keyDelimiter), func(Setting) string { return "file " + path }}
	if path == "" {
		return l, nil
	}
	if err := l.values.Load(file.Provider(path), yaml.Parser()); errors.Is(err, fs.ErrNotExist) {
		return l, &Error{Message: "configuration file " + path + " does not exist"}
	} else if err != nil {
		return l, &Error{Message: fmt.Sprintf("configuration file %s: %v", path, err), Hint: "It is YAML, one line a setting: max_connections: 200"}
	}
	var keys []string
	for _, s := range Settings() {
		keys = append(keys, s.Key())
	}
	for key, value := range l.values.Raw() {
		if !slices.Contains(keys, key) {
			return l, &Error{Message: fmt.Sprintf("configuration file %s: %s is no setting", path, key), Hint: suggest(key, keys)}
		}
		text, err := fileText(value)
		if err == nil {
			err = l.values.Set(key, text)
		}
		if err != nil {
			return l, &Error{Message: fmt.Sprintf("configuration file %s: setting %s: %v", path, key, err)}
		}
	}
	return l, nil
}

// fileText is the text of a value of a YAML file.
func fileText(value any) (string, error) {
	switch v := value.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int, int64, uint64:
		return fmt.Sprint(v), nil
	case []any:
		var parts []string
		for _, part := range v {
			text, err := fileText(part)
			if err != nil {
				return "", err
			}
			if strings.Contains(text, ",") {
				return "", errors.New("a part of a list cannot hold a comma")
			}
			parts = append(parts, text)
		}
		return strings.Join(parts, ","), nil
	}
	return "", fmt.Errorf("a value of this kind (%T) is not taken", value)
}

// suggest names what is nearest to a name that is not known; "" where nothing is near.
func suggest(name string, known []string) string {
	best, least := "", len(name)/2+1
	fold := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, "-", "_")) }
	for _, k := range known {
		if d := distance(fold(name), fold(k)); d < least {
			best, least = k, d
		}
	}
	if best == "" {
		return "check-config lists the settings."
	}
	return "Is " + best + " meant?"
}

// distance is Levenshtein's: the fewest bytes to insert, delete or replace.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			next := min(row[j]+1, row[j+1]+1, diagonal)
			if a[i] != b[j] {
				next = min(row[j]+1, row[j+1]+1, diagonal+1)
			}
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}
