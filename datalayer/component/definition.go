package component

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// The definitions of the kinds, as their JSON is kept in records, taken by pinnacle.add, and written in the YAML of a
// whole application. SQL texts within are as they were written, without the parentheses around them.

// ModelDefinition is CREATE MODEL. Of what the model itself says (Arguments to NullOnNull) the record has what was found.
type ModelDefinition struct {
	// Runtime is the word after USING; "" for a sequence.
	Runtime string `json:"runtime,omitempty"`
	// Models are those of a sequence, in the order in which they are called, each with @version where it is not to follow
	// the default one.
	Models []string `json:"models,omitempty"`
	// Arguments is nil where the model itself says them.
	Arguments []Argument `json:"arguments"`
	Returns   string     `json:"returns,omitempty"`
	// Artifact is what FROM names; in a record the SHA-256 in hex.
	Artifact      string            `json:"artifact,omitempty"`
	ArtifactBytes int64             `json:"artifact_bytes,omitempty"`
	Source        string            `json:"source,omitempty"`
	Options       map[string]string `json:"options,omitempty"`
	Deterministic bool              `json:"deterministic,omitempty"`
	NullOnNull    bool              `json:"null_on_null,omitempty"`
	// Validation is how it is measured when it is added; nil for not at all.
	Validation *ValidationDefinition `json:"validation,omitempty"`
}

// Argument is one argument of a model.
type Argument struct {
	// Name is "" for an argument without one.
	Name string `json:"name,omitempty"`
	// Type is the type's name, as PostgreSQL's format_type prints it.
	Type string `json:"type"`
}

// ValidationDefinition is how a model is measured: VALIDATE … ON … TARGET … METRICS ….
type ValidationDefinition struct {
	// Dataset is a dataset's name, with @version where it is not to follow the default one. Either it or Query is set.
	Dataset string `json:"dataset,omitempty"`
	// Query is the text of a SELECT.
	Query string `json:"query,omitempty"`
	// Target is the column with the right answers; the others are arguments.
	Target  string            `json:"target"`
	Metrics []string          `json:"metrics,omitempty"`
	Options map[string]string `json:"options,omitempty"`
}

// ListenerDefinition is CREATE LISTENER.
type ListenerDefinition struct {
	// Table is the source, as it is written in SQL: quoted where need be, with or without its schema. Either it or Query
	// is set.
	Table string `json:"table,omitempty"`
	// Query is the text of a SELECT.
	Query string `json:"query,omitempty"`
	// Key are the columns that tell the source's rows apart; none: the table's primary key.
	Key []string `json:"key,omitempty"`
	// Model is the model's name, with @version where it is not to follow the default one.
	Model string `json:"model"`
	// Arguments are SQL expressions over the source's columns, in the order of the model's arguments.
	Arguments []string `json:"arguments"`
	// Into is the table of the outputs, as it is written in SQL; "": the listener's name.
	Into string `json:"into,omitempty"`
	// SearchPath is the search_path by which the names in Table, Query, Arguments and Into are read; "": home's default.
	SearchPath string `json:"search_path,omitempty"`
	// Flatten says that an array that the model answers becomes one row an element.
	Flatten bool `json:"flatten,omitempty"`
	// Refresh is "change", "every" or "manual"; "": the default.
	Refresh string `json:"refresh,omitempty"`
	// Every is the interval of "every", as PostgreSQL reads intervals.
	Every string `json:"every,omitempty"`
	// Disabled is set by ALTER LISTENER … DISABLE.
	Disabled bool              `json:"disabled,omitempty"`
	Options  map[string]string `json:"options,omitempty"`
}

// VectorIndexDefinition is CREATE VECTOR INDEX.
type VectorIndexDefinition struct {
	// Listener is the listener whose outputs are indexed. Either it or Table and Expression are set.
	Listener string `json:"listener,omitempty"`
	// Table is the source, as it is written in SQL, and Expression one over its columns.
	Table      string `json:"table,omitempty"`
	Expression string `json:"expression,omitempty"`
	// Key are the columns that tell the table's rows apart; none: its primary key.
	Key []string `json:"key,omitempty"`
	// Method is the word after USING: "hnsw" or "flat"; "": the default.
	Method string `json:"method,omitempty"`
	// Options are measure, model and what the method knows.
	Options map[string]string `json:"options,omitempty"`
}

// DatasetDefinition is CREATE DATASET.
type DatasetDefinition struct {
	// Query is the text of a SELECT.
	Query string `json:"query"`
	// SearchPath is the search_path by which the names in Query are read; "": home's default.
	SearchPath string `json:"search_path,omitempty"`
	// Pin says that the rows are kept as they were when it was made.
	Pin bool `json:"pin,omitempty"`
	// Columns, Rows and Artifact are what pinning found; they are not given.
	Columns  []DatasetColumn `json:"columns,omitempty"`
	Rows     int64           `json:"rows,omitempty"`
	Artifact string          `json:"artifact,omitempty"`
}

// DatasetColumn is a column of a dataset, with its type as format_type prints it.
type DatasetColumn struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// MetricDefinition is CREATE METRIC: a name for a metric that VALIDATE knows, with settings.
type MetricDefinition struct {
	// Metric is the word after USING: "accuracy", say.
	Metric  string            `json:"metric"`
	Options map[string]string `json:"options,omitempty"`
}

// SecretDefinition is CREATE SECRET: where the secret is, never the secret itself. One of the two is set.
type SecretDefinition struct {
	// Env is the name of an environment variable of the proxy.
	Env string `json:"env,omitempty"`
	// File is a path on the proxy's machine.
	File string `json:"file,omitempty"`
}

// SecretNamed is the name of the secret that the value of an option stands for: secret:name.
func SecretNamed(value string) (name string, ok bool) { return strings.CutPrefix(value, "secret:") }

// Decode reads a definition. A key that it does not know is an error, so that a slip does not go unseen.
func Decode(text json.RawMessage, to any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the definition")
	}
	return nil
}
