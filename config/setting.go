package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// envPrefix begins the name of every environment variable that is a setting.
const envPrefix = "PINNACLE_"

// Setting is one row of the table.
type Setting struct {
	// Name is the flag's name, without the two hyphens.
	Name string
	// Group is the heading under which the documentation has it.
	Group string
	// Default is the value's text where nothing sets it.
	Default string
	// Unit says what a number counts, "" where the value says it itself.
	Unit string
	// Doc is one or more sentences.
	Doc string
	// Field points to the setting in a Config: *string, *[]string, *bool, *int, *Size or *time.Duration.
	Field func(*Config) any
	// Check looks at the value once it is set; nil for none.
	Check func(value any) error
	// Secret says that the value is shown with RedactURI.
	Secret bool
}

// Key is the setting's name in the configuration file.
func (s Setting) Key() string { return strings.ReplaceAll(s.Name, "-", "_") }

// Env is the setting's environment variable.
func (s Setting) Env() string { return envPrefix + strings.ToUpper(s.Key()) }

// set parses text into the Config's field and checks it.
func (s Setting) set(c *Config, text string) error {
	var err error
	switch p := s.Field(c).(type) {
	case *string:
		*p = text
	case *[]string:
		*p = splitList(text)
	case *bool:
		*p, err = parseBool(text)
	case *int:
		*p, err = parseInt(text)
	case *Size:
		*p, err = ParseSize(text)
	case *time.Duration:
		*p, err = parseDuration(text)
	default:
		panic(fmt.Sprintf("setting %s has a field of type %T", s.Name, p))
	}
	if err == nil && s.Check != nil {
		err = s.Check(s.value(c))
	}
	return err
}

// value is the field's value.
func (s Setting) value(c *Config) any {
	switch p := s.Field(c).(type) {
	case *string:
		return *p
	case *[]string:
		return *p
	case *bool:
		return *p
	case *int:
		return *p
	case *Size:
		return *p
	case *time.Duration:
		return *p
	}
	return nil
}

// text is the field's value as it can be written in a flag, without its secrets.
func (s Setting) text(c *Config) string {
	switch v := s.value(c).(type) {
	case []string:
		return strings.Join(v, ",")
	case string:
		if s.Secret {
			return RedactURI(v)
		}
		return v
	default:
		return fmt.Sprint(v)
	}
}

// Kind is the word for the value's type in the help and the documentation.
func (s Setting) Kind() string {
	switch s.Field(new(Config)).(type) {
	case *[]string:
		return "list"
	case *bool:
		return "true or false"
	case *int:
		return "number"
	case *Size:
		return "size"
	case *time.Duration:
		return "duration"
	}
	return "text"
}

// splitList splits at commas and drops blanks around the parts and empty parts.
func splitList(text string) []string {
	var out []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// parseBool takes the words that YAML and PostgreSQL take.
func parseBool(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "true", "on", "yes", "1":
		return true, nil
	case "false", "off", "no", "0":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false", text)
}

// parseInt reads a whole number; underscores between digits are allowed.
func parseInt(text string) (int, error) {
	n, err := strconv.Atoi(strings.ReplaceAll(text, "_", ""))
	if err != nil {
		return 0, fmt.Errorf("%q is not a whole number", text)
	}
	return n, nil
}

// parseDuration wants a unit, since a bare number says nothing.
func parseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration such as 500ms, 30s or 5m", text)
	}
	return d, nil
}
