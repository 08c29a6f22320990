package config

import (
	"fmt"
	"strings"
)

// Markdown is the table as docs/configuration.md has it: a heading a group, a row a setting.
func Markdown() string {
	var out strings.Builder
	group := ""
	for _, s := range Settings() {
		if s.Group != group {
			group = s.Group
			fmt.Fprintf(&out, "\n## %s\n\n| flag, variable, key | kind | default | meaning |\n|---|---|---|---|\n", group)
		}
		kind, value := s.Kind(), "empty"
		if s.Unit != "" {
			kind += ", " + s.Unit
		}
		if s.Default != "" {
			value = "`" + s.Default + "`"
		}
		fmt.Fprintf(&out, "| `--%s`<br>`%s`<br>`%s` | %s | %s | %s |\n", s.Name, s.Env(), s.Key(), kind, value, strings.ReplaceAll(s.Doc, "|", "\\|"))
	}
	return strings.TrimPrefix(out.String(), "\n")
}
