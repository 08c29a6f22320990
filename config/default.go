package config

import "fmt"

// Default gives every setting its default, for programs that embed the proxy and set fields of a Config themselves.
func Default() Config {
	var c Config
	for _, s := range Settings() {
		if err := s.set(&c, s.Default); err != nil {
			panic(fmt.Sprintf("the default of setting %s: %v", s.Name, err))
		}
	}
	return c
}

// Check looks at settings that did not come from Load. An error is an *Error.
func (c *Config) Check() error {
	for _, s := range Settings() {
		if s.Check == nil {
			continue
		}
		if err := s.Check(s.value(c)); err != nil {
			return &Error{Message: fmt.Sprintf("setting %s: %v", s.Key(), err), Hint: s.Doc}
		}
	}
	return c.check()
}
