package config

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// oneOf allows a text that is one of a few words.
func oneOf(words ...string) func(any) error {
	return func(v any) error {
		if slices.Contains(words, v.(string)) {
			return nil
		}
		return fmt.Errorf("%q is none of %s", v, strings.Join(words, ", "))
	}
}

// between allows a number in a range, both ends included.
func between[T int | Size | time.Duration](low, high T) func(any) error {
	return func(v any) error {
		if n := v.(T); n < low || n > high {
			return fmt.Errorf("%v is not between %v and %v", n, low, high)
		}
		return nil
	}
}

// address allows host:port; an empty text only where off is true.
func address(off bool) func(any) error {
	return func(v any) error {
		text := v.(string)
		if text == "" && off {
			return nil
		}
		host, port, err := net.SplitHostPort(text)
		if err != nil {
			return fmt.Errorf("%q is not an address such as 127.0.0.1:6432 or [::1]:6432", text)
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil {
			return fmt.Errorf("%q is not a port from 0 to 65535", port)
		} else if n == 0 && host == "" {
			return fmt.Errorf("%q names neither a host nor a port", text)
		}
		return nil
	}
}

// compute allows local and the address of a Dask scheduler.
func compute(v any) error {
	text := v.(string)
	if text == "local" {
		return nil
	}
	host, found := strings.CutPrefix(text, "dask://")
	if !found {
		return fmt.Errorf("%q is neither local nor dask://host:port", text)
	}
	return address(false)(host)
}

// databackend allows what this version can stand before.
func databackend(v any) error {
	text := v.(string)
	scheme, _, found := strings.Cut(text, "://")
	switch {
	case text == "" || scheme == "postgres" && found || scheme == "postgresql" && found:
		return nil
	case !found && strings.Contains(text, "="):
		// A keyword/value string of libpq.
		return nil
	case !found:
		return fmt.Errorf("it is no URI such as postgres://user@host:5432/database")
	}
	if slices.Contains(foreignSchemes(), scheme) {
		return nil
	}
	return fmt.Errorf("databackend %s:// is not known; %s:// are, postgres:// is, and none at all means the proxy's own PostgreSQL", scheme, strings.Join(foreignSchemes(), "://, "))
}

// foreignSchemes are the schemes of databackends other than PostgreSQL.
func foreignSchemes() []string {
	return []string{"sqlite", "duckdb", "mysql", "mariadb", "mongodb", "mongodb+srv", "clickhouse", "pandas", "polars"}
}

// metadataURI allows the URIs of metadata stores.
func metadataURI(v any) error {
	uri := v.(string)
	if uri == metadataInDatabackend {
		return nil
	}
	return storeURI(uri, "badger", "sqlite", "postgres", "postgresql", "mysql", "mssql", "sqlserver", "mongodb", "mongodb+srv")
}

// artifactURI allows the URIs of artifact stores.
func artifactURI(v any) error { return storeURI(v.(string), "file", "mongodb", "mongodb+srv") }

// storeURI allows "" and scheme:something with one of some schemes.
func storeURI(uri string, schemes ...string) error {
	if uri == "" {
		return nil
	}
	scheme, rest, _ := strings.Cut(uri, ":")
	if !slices.Contains(schemes, scheme) || strings.TrimPrefix(rest, "//") == "" {
		return fmt.Errorf("%q is not of the form scheme://place, with the scheme %s", RedactURI(uri), strings.Join(schemes, ", "))
	}
	return nil
}

// settingPairs allows name=value texts.
func settingPairs(v any) error {
	for _, pair := range v.([]string) {
		if name, _, ok := strings.Cut(pair, "="); !ok || name == "" {
			return fmt.Errorf("%q is not of the form name=value", pair)
		}
	}
	return nil
}

// directories allows directories that exist.
func directories(v any) error {
	for _, dir := range v.([]string) {
		if info, err := os.Stat(dir); err != nil {
			return err
		} else if !info.IsDir() {
			return fmt.Errorf("%s is not a directory", dir)
		}
	}
	return nil
}

// leastCache is the size of the smallest cache of answers.
const leastCache Size = 16 << 20

// cacheBytes allows the size of a cache, or 0 for none.
func cacheBytes(v any) error {
	if n := v.(Size); n != 0 && n < leastCache {
		return fmt.Errorf("%v is neither 0 nor at least %v", n, leastCache)
	}
	return nil
}
