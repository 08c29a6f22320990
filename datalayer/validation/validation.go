// Package validation measures a model over rows whose right answers are known: it makes the statement that calls the model,
// takes its rows, and records the figures.
package validation

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metric"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// Definition is how a model is measured: VALIDATE … ON … TARGET … METRICS … WITH ….
type Definition component.ValidationDefinition

// Request is what pinnacle.validate takes, as JSON.
type Request struct {
	// Model is the model's name, with or without @version.
	Model string `json:"model"`
	Definition
}

// ParseRequest reads the JSON of pinnacle.validate. Its error is a *datalayer.Error.
func ParseRequest(text string) (*Request, error) {
	const hint = `Write {"model": "m", "query": "SELECT …", "target": "column", "metrics": ["accuracy"]}.`
	r := &Request{}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(r); err != nil {
		return nil, &datalayer.Error{Code: "22023", Message: "the argument of pinnacle.validate cannot be read: " + err.Error(), Hint: hint, Err: err}
	}
	if r.Model == "" || r.Target == "" || (r.Query == "") == (r.Dataset == "") {
		return nil, &datalayer.Error{Code: "22023", Message: "pinnacle.validate needs a model, a target, and either a query or a dataset", Hint: hint}
	}
	return r, nil
}

// Settings bound what a validation takes (see metric.Config).
type Settings struct {
	MaxLabels int
	Memory    int64
	// Components tells the metrics that are components; nil: there are none.
	Components func() component.Catalog
}

// metric is what the name of a metric stands for; own says that it is a component's name.
func (s Settings) metric(name string) (m metric.Spec, own bool, err error) {
	if s.Components == nil {
		m, err = metric.ParseSpec(name)
		return m, false, err
	}
	catalog := s.Components()
	m, err = metric.Named(catalog, name)
	return m, catalog.Component(component.KindMetric, name) != nil, err
}

// config has the metrics and options of a definition, for targets and answers of some types. names are the metrics' own
// names, by their places; "" for those that are built in.
func (d *Definition) config(s Settings, target, answer udf.Type) (c metric.Config, names []string, err error) {
	c = metric.Config{Target: target, Answer: answer, MaxLabels: s.MaxLabels, Memory: s.Memory}
	for _, name := range d.Metrics {
		m, own, err := s.metric(name)
		if err != nil {
			return c, nil, err
		}
		if !own {
			name = ""
		}
		c.Metrics, names = append(c.Metrics, m), append(names, name)
	}
	for key, value := range d.Options {
		if key != "positive" {
			return c, nil, &datalayer.Error{Code: "22023", Message: fmt.Sprintf("option %q is not known to VALIDATE", key),
				Hint: "There is positive: the label that precision, recall and f1 are of."}
		}
		c.Positive = &value
	}
	return c, names, nil
}

// Source names the rows in pinnacle.metrics: a dataset, or the SHA-256 of a query's text.
func (d *Definition) Source() string {
	if d.Dataset != "" {
		return "dataset " + d.Dataset
	}
	sum := sha256.Sum256([]byte(d.Query))
	return "query " + hex.EncodeToString(sum[:])
}

// Column is a column of the rows.
type Column struct {
	Name string
	// OID is its type's.
	OID uint32
}

// Statement is what home is asked for: a row's right answer, and the model's.
type Statement struct {
	Text string
	// QueryAt is where the query begins in Text.
	QueryAt int
}

// Describing is the statement whose columns are those of a query.
func Describing(query string) Statement {
	const head = "SELECT * FROM ("
	return Statement{Text: head + query + "\n) AS validated", QueryAt: len(head)}
}

// Compose makes the statement that calls a model over a query of some columns. A model's arguments are columns: those of
// their names where all have one, otherwise those beside the target, in their order.
func (d *Definition) Compose(model *datalayer.ModelVersion, query string, columns []Column) (Statement, error) {
	at := slices.IndexFunc(columns, func(c Column) bool { return c.Name == d.Target })
	if at < 0 {
		return Statement{}, &datalayer.Error{Code: "42703", Message: fmt.Sprintf("column %q, the target, does not exist", d.Target),
			Hint: "The select has " + names(columns) + "."}
	}
	rest := slices.Delete(slices.Clone(columns), at, at+1)
	args, err := arguments(model, rest)
	if err != nil {
		return Statement{}, err
	}
	target := "validated." + sqlparse.QuoteIdentifier(d.Target)
	if udf.TypeOfOID(columns[at].OID) == udf.Invalid { // an enumeration, say
		target += "::pg_catalog.text"
	}
	text := "SELECT " + target + ", predict(" + sqlparse.QuoteLiteral(fmt.Sprintf("%s@%d", model.Name, model.Version))
	for _, a := range args {
		text += ", validated." + sqlparse.QuoteIdentifier(a)
	}
	text += ") FROM ("
	return Statement{Text: text + query + "\n) AS validated", QueryAt: len(text)}, nil
}

// arguments are the columns that a model is called with.
func arguments(model *datalayer.ModelVersion, columns []Column) ([]string, error) {
	var byName, byPlace []string
	for _, c := range columns {
		byPlace = append(byPlace, c.Name)
	}
	for _, a := range model.Args {
		if a.Name != "" && slices.Contains(byPlace, a.Name) {
			byName = append(byName, a.Name)
		}
	}
	switch {
	case len(byName) == len(model.Args):
		return byName, nil
	case len(byPlace) == len(model.Args):
		return byPlace, nil
	}
	return nil, &datalayer.Error{Code: "42883", Message: fmt.Sprintf("model %q takes %d arguments, and the select has %d columns beside the target", model.Name, len(model.Args), len(columns)),
		Detail: "The columns are " + names(columns) + "; the arguments are " + argumentNames(model) + ".",
		Hint:   "Let the select have a column for each argument, by its name or in the arguments' order, and the target."}
}

// names lists columns for messages.
func names(columns []Column) string {
	if len(columns) == 0 {
		return "none"
	}
	var all []string
	for _, c := range columns {
		all = append(all, c.Name)
	}
	return strings.Join(all, ", ")
}

// argumentNames lists a model's arguments for messages.
func argumentNames(model *datalayer.ModelVersion) string {
	if len(model.Args) == 0 {
		return "none"
	}
	var all []string
	for _, a := range model.Args {
		all = append(all, strings.TrimSpace(a.Name+" "+a.Type.String()))
	}
	return strings.Join(all, ", ")
}

// Dataset finds a dataset by its name as it stands in a definition: with @version where it is not to follow the default one.
func Dataset(name string, find func(component.Ref) (*component.Record, error)) (def component.DatasetDefinition, err error) {
	name, version, err := SplitVersion(name)
	if err != nil {
		return def, err
	}
	record, err := find(component.Ref{Kind: component.KindDataset, Name: name, Version: version})
	if err != nil {
		return def, err
	}
	if err := json.Unmarshal(record.Definition, &def); err != nil {
		return def, &datalayer.Error{Code: "XX001", Message: fmt.Sprintf("dataset %q is damaged in the metadata store", name), Err: err}
	}
	return def, nil
}

// SplitVersion takes name@version apart; version is 0 where there is none. Its error is a *datalayer.Error.
func SplitVersion(text string) (name string, version int, err error) {
	name, number, versioned := strings.Cut(text, "@")
	if !versioned {
		return name, 0, nil
	}
	if version, err = strconv.Atoi(number); err != nil || version < 1 {
		return "", 0, &datalayer.Error{Code: "22023", Message: fmt.Sprintf("%q is no version", number), Hint: "Versions count from 1."}
	}
	return name, version, nil
}
