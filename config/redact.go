package config

import (
	"net/url"
	"regexp"
	"strings"
)

// redacted stands in place of a password.
const redacted = "xxxxx"

// keywordPassword matches a password in a keyword/value string of libpq, quoted or not.
var keywordPassword = regexp.MustCompile(`(?i)((?:ssl)?password\s*=\s*)('(?:\\.|[^'\\])*(?:'|$)|(?:\\.|\S)+)`)

// RedactURI gives a databackend's URI, or keyword/value string, with xxxxx in place of passwords. Of a URI that is
// written wrong it hides too much rather than too little.
func RedactURI(uri string) string {
	scheme, rest, found := strings.Cut(uri, "://")
	if !found {
		return keywordPassword.ReplaceAllString(uri, "${1}"+redacted)
	}
	// A password with a bare @, / or ? in it is wrong, and is hidden all the same: up to the last @.
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		if user, _, has := strings.Cut(rest[:at], ":"); has {
			rest = user + ":" + redacted + rest[at:]
		}
	}
	base, query, found := strings.Cut(rest, "?")
	if !found {
		return scheme + "://" + rest
	}
	parameters := strings.Split(query, "&")
	for i, p := range parameters {
		name, _, has := strings.Cut(p, "=")
		plain, err := url.QueryUnescape(name)
		if plain = strings.ToLower(plain); has && (err != nil || strings.Contains(plain, "password") || strings.Contains(plain, "secret") || strings.Contains(plain, "token")) {
			parameters[i] = name + "=" + redacted
		}
	}
	return scheme + "://" + base + "?" + strings.Join(parameters, "&")
}
