package session

import (
	"fmt"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// definitionOf makes the definition of what a CREATE makes; text is the one that its spans are of.
func definitionOf(text string, c sqlparse.Create) (any, error) {
	switch c := c.(type) {
	case *sqlparse.CreateModel:
		return modelDefinition(text, c)
	case *sqlparse.CreateListener:
		d := &component.ListenerDefinition{Table: c.Table.Span.Of(text), Query: c.Query.Of(text), Key: c.Key, Model: versioned(c.Model), Into: c.Into.Span.Of(text),
			Flatten: c.Flatten, Refresh: c.Refresh, Every: c.Every, Options: optionMap(c.Options)}
		for _, a := range c.Args {
			d.Arguments = append(d.Arguments, a.Span.Of(text))
		}
		return d, nil
	case *sqlparse.CreateVectorIndex:
		return &component.VectorIndexDefinition{Listener: c.Listener.Name, Table: c.Table.Span.Of(text), Expression: c.Expression.Span.Of(text), Key: c.Key,
			Method: c.Method, Options: optionMap(c.Options)}, nil
	case *sqlparse.CreateDataset:
		return datasetDefinition(text, c)
	case *sqlparse.CreateMetric:
		return &component.MetricDefinition{Metric: c.Using, Options: optionMap(c.Options)}, nil
	case *sqlparse.CreateSecret:
		return &component.SecretDefinition{Env: c.Env, File: c.File}, nil
	}
	return nil, fmt.Errorf("component statement %T is not known here", c)
}

// versioned writes a name as definitions do: name or name@version.
func versioned(n sqlparse.Name) string {
	if n.Version == 0 {
		return n.Name
	}
	return fmt.Sprintf("%s@%d", n.Name, n.Version)
}

// optionMap makes a map of options; nil for none.
func optionMap(list []sqlparse.Option) map[string]string {
	if len(list) == 0 {
		return nil
	}
	m := map[string]string{}
	for _, o := range list {
		m[o.Key] = o.Value
	}
	return m
}

// modelDefinition is that of CREATE MODEL.
func modelDefinition(text string, c *sqlparse.CreateModel) (*component.ModelDefinition, error) {
	d := &component.ModelDefinition{Runtime: c.Using, Artifact: c.Artifact, Source: c.Source, Options: optionMap(c.Options)}
	if c.Query != (sqlparse.Span{}) || c.Target != "" {
		return nil, &sqlparse.Error{Code: "0A000", Message: "CREATE MODEL … FROM (select) is not supported yet", Position: c.Query.Start,
			Hint: "Train the model outside, export it to ONNX, and create it FROM its file."}
	}
	for _, m := range c.Sequence {
		d.Models = append(d.Models, versioned(m))
	}
	if c.HasArgs {
		d.Arguments = []component.Argument{}
	}
	for _, a := range c.Args {
		if _, err := udf.ParseType(a.Type); err != nil {
			return nil, typeError(a.Type, a.Span.Start)
		}
		d.Arguments = append(d.Arguments, component.Argument{Name: a.Name, Type: a.Type})
	}
	if c.Returns != "" {
		if _, err := udf.ParseType(c.Returns); err != nil {
			return nil, typeError(c.Returns, c.ReturnsSpan.Start)
		}
		d.Returns = c.Returns
	}
	if c.Validation != nil {
		d.Validation = validationDefinition(text, c.Validation)
	}
	return d, nil
}

// validationDefinition is that of VALIDATE … ON … TARGET … METRICS ….
func validationDefinition(text string, v *sqlparse.Validation) *component.ValidationDefinition {
	return &component.ValidationDefinition{Dataset: versioned(v.Dataset), Query: v.Query.Of(text), Target: v.Target, Metrics: v.Metrics, Options: optionMap(v.Options)}
}

// datasetDefinition is that of CREATE DATASET, whose only option is pin.
func datasetDefinition(text string, c *sqlparse.CreateDataset) (*component.DatasetDefinition, error) {
	d := &component.DatasetDefinition{Query: c.Query.Of(text)}
	for _, o := range c.Options {
		on, ok := boolean(o.Value)
		if o.Key != "pin" || !ok {
			return nil, &sqlparse.Error{Code: "22023", Message: fmt.Sprintf("invalid option of a dataset: %s", o.Span.Of(text)), Position: o.Span.Start,
				Hint: "The option is pin, true or false."}
		}
		d.Pin = on
	}
	return d, nil
}

func typeError(name string, pos int) error {
	return &sqlparse.Error{Code: "42704", Message: fmt.Sprintf("type %q is not one that a model can take or give", name), Position: pos,
		Hint: "Models take and give boolean, smallint, integer, bigint, real, double precision, numeric, text, bytea, date, time, timestamp, timestamptz, interval, uuid, json, jsonb, and arrays of boolean, integer, bigint, real, double precision and text."}
}

// boolean reads a boolean as PostgreSQL's boolean options have it.
func boolean(text string) (on, ok bool) {
	switch strings.ToLower(text) {
	case "true", "on", "yes", "1":
		return true, true
	case "false", "off", "no", "0":
		return false, true
	}
	return false, false
}
