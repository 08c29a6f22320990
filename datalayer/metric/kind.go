package metric

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
)

// Kind is the kind of components that are metrics: names for metrics with a setting.
type Kind struct{}

var _ component.Kind = Kind{}

// Name implements component.Kind.
func (Kind) Name() string { return component.KindMetric }

// KeepsVersions implements component.Kind.
func (Kind) KeepsVersions() bool { return false }

// Check implements component.Kind. Its one option is average, for the metrics that have a mean over classes.
func (Kind) Check(_ context.Context, in component.Proposal) (*component.Checked, error) {
	var def component.MetricDefinition
	if err := component.Decode(in.Definition, &def); err != nil {
		return nil, &component.Error{Code: "22023", Message: fmt.Sprintf("invalid definition of metric %q: %v", in.Name, err)}
	}
	if _, err := ParseSpec(in.Name); err == nil {
		return nil, &component.Error{Code: "42710", Message: fmt.Sprintf("metric %q is there already, built in", in.Name)}
	}
	if _, err := specOf(in.Name, def); err != nil {
		return nil, coded(err)
	}
	return &component.Checked{Definition: def}, nil
}

// Plan implements component.Kind.
func (Kind) Plan(component.Change) (component.Plan, error) { return component.Plan{}, nil }

// specOf is what a definition stands for.
func specOf(name string, def component.MetricDefinition) (Spec, error) {
	text := strings.ToLower(def.Metric)
	for key, value := range def.Options {
		if key != "average" {
			return Spec{}, &component.Error{Code: "22023", Message: fmt.Sprintf("metric %q has no option %q", name, key), Hint: "The option is average."}
		}
		text += "_" + strings.ToLower(value)
	}
	return ParseSpec(text)
}

// coded is an error of this package as kinds give errors.
func coded(err error) error {
	var own *Error
	if errors.As(err, &own) {
		return &component.Error{Code: own.Code, Message: own.Message, Detail: own.Detail, Hint: own.Hint, Err: err}
	}
	return err
}

// Named is what the name of a metric stands for: a component's, or a built-in one's.
func Named(c component.Catalog, name string) (Spec, error) {
	found := c.Component(component.KindMetric, name)
	if found == nil {
		return ParseSpec(name)
	}
	var def component.MetricDefinition
	if err := json.Unmarshal(found.Default().Definition, &def); err != nil {
		return Spec{}, err
	}
	return specOf(name, def)
}
