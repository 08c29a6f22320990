package config_test

import (
	"errors"
	"flag"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/pinnacle-proxy/pinnacle-proxy/config"
)

var update = flag.Bool("update", false, "write the table into docs/configuration.md")

// load puts settings together from a command line, an environment and the text of a file.
func load(t *testing.T, args, environ []string, file string) (*config.Loaded, error) {
	t.Helper()
	if file != "" {
		path := filepath.Join(t.TempDir(), "pinnacle.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		environ = append(slices.Clone(environ), "PINNACLE_CONFIG="+path)
	}
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	config.AddFlags(flags)
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	return config.Load(flags, environ)
}

func TestPrecedence(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args, environ []string
		file          string
		want          int
		source        string
	}{
		"default":            {nil, nil, "", 1000, "default"},
		"file":               {nil, nil, "max_connections: 5", 5, "file "},
		"environment":        {nil, []string{"PINNACLE_MAX_CONNECTIONS=6"}, "", 6, "environment PINNACLE_MAX_CONNECTIONS"},
		"environment > file": {nil, []string{"PINNACLE_MAX_CONNECTIONS=6"}, "max_connections: 5", 6, "environment PINNACLE_MAX_CONNECTIONS"},
		"flag > file":        {[]string{"--max-connections=7"}, nil, "max_connections: 5", 7, "flag --max-connections"},
		"flag > environment > file": {[]string{"--max-connections", "7"}, []string{"PINNACLE_MAX_CONNECTIONS=6"}, "max_connections: 5", 7,
			"flag --max-connections"},
		"flag that repeats the default": {[]string{"--max-connections", "1000"}, []string{"PINNACLE_MAX_CONNECTIONS=6"}, "", 1000, "flag --max-connections"},
		"text in the file":              {nil, nil, `max_connections: "5"`, 5, "file "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := load(t, c.args, c.environ, c.file)
			if err != nil {
				t.Fatal(err)
			}
			if got.Config.MaxConnections != c.want {
				t.Errorf("max_connections is %d, want %d", got.Config.MaxConnections, c.want)
			}
			for _, v := range got.Values {
				if v.Setting.Name == "max-connections" && !strings.HasPrefix(v.Source, c.source) {
					t.Errorf("source is %q, want %q", v.Source, c.source)
				}
			}
		})
	}
}

func TestEveryKindFromEveryPlace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want := func(t *testing.T, c config.Config) {
		t.Helper()
		if c.Listen != "[::1]:7000" || c.DrainTimeout != 90*time.Second || c.MaxStatement != 1<<20 || !c.TLSRequired ||
			!slices.Equal(c.ArtifactImportDirs, []string{dir, "."}) || c.MaxConnections != 12 {
			t.Errorf("got %+v", c)
		}
	}
	places := map[string]func(t *testing.T) (*config.Loaded, error){
		"flags": func(t *testing.T) (*config.Loaded, error) {
			return load(t, []string{"--listen=[::1]:7000", "--drain-timeout=90s", "--max-statement=1MB", "--tls-required",
				"--artifact-import-dirs=" + dir, "--artifact-import-dirs=.", "--max-connections=12", "--tls-cert=c", "--tls-key=k"}, nil, "")
		},
		"environment": func(t *testing.T) (*config.Loaded, error) {
			return load(t, nil, []string{"PINNACLE_LISTEN=[::1]:7000", "PINNACLE_DRAIN_TIMEOUT=1m30s", "PINNACLE_MAX_STATEMENT=1048576",
				"PINNACLE_TLS_REQUIRED=on", "PINNACLE_ARTIFACT_IMPORT_DIRS=" + dir + ", .", "PINNACLE_MAX_CONNECTIONS=12",
				"PINNACLE_TLS_CERT=c", "PINNACLE_TLS_KEY=k", "HOME=/x", "PINNACLE_PORT_6432_TCP_ADDR=10.0.0.1", "PINNACLE_SERVICE_HOST=10.0.0.1"}, "")
		},
		"file": func(t *testing.T) (*config.Loaded, error) {
			return load(t, nil, nil, "listen: '[::1]:7000'\ndrain_timeout: 90s\nmax_statement: 1024 KiB\ntls_required: true\nartifact_import_dirs:\n- "+
				dir+"\n- .\nmax_connections: 12\ntls_cert: c\ntls_key: k\nmetrics_listen:\n")
		},
	}
	for name, place := range places {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := place(t)
			if err != nil {
				t.Fatal(err)
			}
			want(t, got.Config)
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args, environ []string
		file          string
		want, hint    string
	}{
		"unknown variable":       {environ: []string{"PINNACLE_LISTENN=x"}, want: "PINNACLE_LISTENN is no setting", hint: "PINNACLE_LISTEN"},
		"unknown key":            {file: "max_conections: 3", want: "max_conections is no setting", hint: "Is max_connections meant?"},
		"key written as a flag":  {file: "max-connections: 3", want: "max-connections is no setting", hint: "Is max_connections meant?"},
		"key like no other":      {file: "zzzzzzzzzzzz: 3", want: "is no setting", hint: "check-config lists"},
		"nested key":             {file: "tls:\n  cert: x", want: "tls is no setting"},
		"not YAML":               {file: "a: b: c", want: "configuration file"},
		"map as a value":         {file: "listen:\n  a: b", want: "setting listen"},
		"comma in a list's part": {file: "artifact_import_dirs: ['a,b']", want: "comma"},
		"no such file":           {args: []string{"--config=/nonexistent.yaml"}, want: "does not exist"},
		"not a number":           {environ: []string{"PINNACLE_MAX_CONNECTIONS=many"}, want: "setting max_connections, from environment PINNACLE_MAX_CONNECTIONS"},
		"out of range":           {file: "max_connections: 0", want: "0 is not between 1 and 100000"},
		"not a duration":         {file: "drain_timeout: 5", want: "is not a duration"},
		"negative duration":      {file: "drain_timeout: -5s", want: "is not between"},
		"not a size":             {file: "max_statement: big", want: "is not a number of bytes"},
		"size that overflows":    {file: "max_statement: 99999999999TiB", want: "is not a number of bytes"},
		"not a truth":            {file: "tls_required: maybe", want: "neither true nor false"},
		"not a word":             {file: "log_level: loud", want: "none of debug, info, warn, error"},
		"not an address":         {file: "listen: 6432", want: "is not an address"},
		"not a port":             {file: "listen: localhost:pg", want: "is not a port"},
		"databackend unknown":    {file: "databackend: oracle://u:hidden@h/d", want: "oracle:// is not known; sqlite://"},
		"databackend, no URI":    {file: "databackend: localhost", want: "no URI"},
		"metadata store":         {file: "metadata_store: redis://u:hidden@h/d", want: "badger, sqlite, postgres"},
		"metadata store, empty":  {file: "metadata_store: 'sqlite://'", want: "scheme://place"},
		"metadata in nothing":    {file: "metadata_store: databackend", want: "there is none"},
		"artifact store":         {file: "artifact_store: s3://u:hidden@h/d", want: "file, mongodb"},
		"import directory":       {file: "artifact_import_dirs: /nonexistent", want: "/nonexistent"},
		"settings pair":          {file: "postgres_settings: work_mem", want: "name=value"},
		"certificate alone":      {file: "tls_cert: x", want: "belong together"},
		"TLS without any":        {file: "tls_required: true", want: "no certificate"},
		"one address for both":   {file: "metrics_listen: 127.0.0.1:6432", want: "same address"},
		"statement over message": {file: "max_message: 1MiB", want: "larger than max_message"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, c.args, c.environ, c.file)
			var e *config.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want a *config.Error", err)
			}
			if !strings.Contains(e.Message, c.want) || !strings.Contains(e.Hint, c.hint) {
				t.Errorf("got %q with hint %q, want %q and %q", e.Message, e.Hint, c.want, c.hint)
			}
			if strings.Contains(e.Message+e.Hint, "hidden") {
				t.Errorf("a password is shown: %q", e.Message)
			}
		})
	}
}

func TestBadFlagIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	if _, err := load(t, []string{"--max-connections=0"}, nil, ""); err == nil || !strings.Contains(err.Error(), "not between") {
		t.Errorf("got %v", err)
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"listen: 127.0.0.1:1":                        "",
		"listen: localhost:1":                        "",
		"listen: '[::1]:1'":                          "",
		"listen: 0.0.0.0:1":                          "without TLS",
		"listen: ':1'":                               "without TLS",
		"listen: 0.0.0.0:1\ntls_cert: a\ntls_key: b": "lets clients in without TLS",
		"listen: 0.0.0.0:1\ntls_cert: a\ntls_key: b\ntls_required: true": "",
		"metrics_listen: 0.0.0.0:1":                                      "open to other machines",
		"databackend: postgres://u:p@h/d":                                "holds a password",
		"databackend: postgres://u@h/d?passfile=/x":                      "",
	} {
		got, err := load(t, nil, nil, file)
		if err != nil {
			t.Fatal(err)
		}
		warnings := strings.Join(got.Config.Warnings(), "\n")
		if !strings.Contains(warnings, want) || want == "" && warnings != "" {
			t.Errorf("%s: warnings %q, want %q", file, warnings, want)
		}
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	got, err := load(t, []string{"--databackend=postgres://u:hunter2@h/d?sslpassword=hunter3&sslmode=require"}, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(got.Config.Databackend, "hunter2") {
		t.Error("the setting itself lost its password")
	}
	for _, v := range got.Values {
		if strings.Contains(v.Text, "hunter") {
			t.Errorf("%s shows %q", v.Setting.Name, v.Text)
		}
	}
}

func TestRedactURI(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                                     "",
		"postgres://h/d":                       "postgres://h/d",
		"postgres://u@h:5432/d":                "postgres://u@h:5432/d",
		"postgres://u:secret@h/d":              "postgres://u:xxxxx@h/d",
		"postgres://u:s@c:ret/@h,i:1/d":        "postgres://u:xxxxx@h,i:1/d",
		"postgres://h/d?user=u&password=sec":   "postgres://h/d?user=u&password=xxxxx",
		"postgres://h/d?pass%77ord=sec&x=y":    "postgres://h/d?pass%77ord=xxxxx&x=y",
		"postgres://u@h/d?passfile=/p":         "postgres://u@h/d?passfile=/p",
		"host=h password=sec user=u":           "host=h password=xxxxx user=u",
		`host=h password = 'se \' c' user=u`:   `host=h password = xxxxx user=u`,
		"host=h sslpassword=sec":               "host=h sslpassword=xxxxx",
		"postgres://u:p?q@h/d?sslpassword=s@t": "postgres://u:xxxxx@t",
	} {
		if got := config.RedactURI(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func FuzzRedactURI(f *testing.F) {
	f.Add("user", "p@ss:/?#word", "host", "x")
	f.Add("", "secretsecret", "h,i", "a=b&c")
	f.Fuzz(func(t *testing.T, user, password, host, rest string) {
		if len(password) < 4 {
			return
		}
		u := url.URL{Scheme: "postgres", User: url.UserPassword(user, password), Host: "host.example"}
		text := u.String() + "/db?" + url.Values{"password": {password}, host: {rest}}.Encode()
		if strings.Contains(user+"postgres://@host.example/db?password=xxxxx&"+url.QueryEscape(host)+"="+url.QueryEscape(rest)+url.PathEscape(user), escaped(password)) {
			return
		}
		if got := config.RedactURI(text); strings.Contains(got, escaped(password)) {
			t.Errorf("%s keeps the password %q", got, password)
		}
	})
}

// escaped is the password as a URI's user part has it.
func escaped(password string) string {
	_, text, _ := strings.Cut(url.UserPassword("", password).String(), ":")
	return text
}

func TestSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]config.Size{"0": 0, "1": 1, "12B": 12, "1kB": 1024, "1 KiB": 1024, "64MiB": 64 << 20, "64mb": 64 << 20, "2GB": 2 << 30, "1TiB": 1 << 40} {
		if got, err := config.ParseSize(text); err != nil || got != want {
			t.Errorf("%s: got %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-1", "1.5GB", "MB", "1XB", "9223372036854775808", "8388608TiB"} {
		if got, err := config.ParseSize(text); err == nil {
			t.Errorf("%q gives %d, want an error", text, got)
		}
	}
}

func FuzzParseSize(f *testing.F) {
	f.Add("64MiB")
	f.Add("1 kB")
	f.Add("9223372036854775807")
	f.Fuzz(func(t *testing.T, text string) {
		size, err := config.ParseSize(text)
		if err != nil {
			return
		}
		if again, err := config.ParseSize(size.String()); size < 0 || err != nil || again != size {
			t.Errorf("%q gives %d, printed as %s, which gives %d, %v", text, size, size, again, err)
		}
	})
}

// TestTable checks that every row of the table can be loaded and is described.
func TestTable(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range config.Settings() {
		if seen[s.Name] || s.Name != strings.ToLower(s.Name) || strings.Contains(s.Name, "_") {
			t.Errorf("%s: the name is taken, or is not in kebab case", s.Name)
		}
		seen[s.Name] = true
		if !strings.HasSuffix(s.Doc, ".") || s.Group == "" {
			t.Errorf("%s: needs a group, and sentences as its doc", s.Name)
		}
		if s.Kind() == "number" && s.Unit == "" {
			t.Errorf("%s: a number needs a unit", s.Name)
		}
	}
	if _, err := load(t, nil, nil, ""); err != nil {
		t.Errorf("the defaults are refused: %v", err)
	}
}

// TestDocumentation keeps docs/configuration.md true to the table: go test ./config -run Documentation -update.
func TestDocumentation(t *testing.T) {
	const path = "../docs/configuration.md"
	const begin, end = "<!-- settings: made from config/table.go -->\n", "<!-- end of settings -->"
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s lacks the marks around the table", path)
	}
	want := before + begin + config.Markdown() + end + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(raw) != want {
		t.Errorf("%s differs from the table: go test ./config -run Documentation -update", path)
	}
}

// TestDefaultStores keeps metadata and artifacts in the data directory, whatever the databackend is, unless a store is named.
func TestDefaultStores(t *testing.T) {
	t.Parallel()
	for _, databackend := range []string{"", "postgres://u@h/d", "mysql://u@h/d", "sqlite:///f", "mongodb://h/d", "duckdb:///f"} {
		c := config.Config{DataDir: "/data", Databackend: databackend}
		if got, want := c.MetadataURI(), "badger:/data/metadata"; got != want {
			t.Errorf("metadata before %q: %s, not %s", databackend, got, want)
		}
		if got, want := c.ArtifactURI(), "file:/data/artifacts"; got != want {
			t.Errorf("artifacts before %q: %s, not %s", databackend, got, want)
		}
	}
	c := config.Config{DataDir: "/data", Databackend: "postgres://u@h/d", MetadataStore: "databackend", ArtifactStore: "file:///else"}
	if c.MetadataURI() != c.Databackend || c.ArtifactURI() != c.ArtifactStore {
		t.Errorf("stores that are named: %s and %s", c.MetadataURI(), c.ArtifactURI())
	}
}
