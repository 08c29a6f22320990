//go:build testruntime

// Package testruntime runs models for tests: they compute something simple, and can count, fail, be slow, wait for the
// test, and answer differently each time, as the options of CREATE MODEL say. It writes files that statements name, so it
// is built with the tag testruntime only, and no released binary holds it.
//
//	CREATE MODEL twice(x int4) RETURNS int4 USING test WITH (compute = 'multiply', by = 2, log = '/tmp/twice.log')
//
// The options:
//
//	compute   what is answered; see computations
//	by        the computation's own constant
//	log       the absolute path of a file that gets one line for each argument tuple the model is asked, before it is
//	          answered: the number of the batch since the model was loaded, a tab, and the arguments as a JSON array of
//	          texts and nulls
//	fail      texts, split by commas: a tuple that holds one of them as an argument cannot be answered
//	fail_code the SQLSTATE of that error; 38000 without it
//	whole     true: such an error does not say which row it is about
//	delay     how long each batch takes, as Go writes durations: 20ms
//	gate      the absolute path of a file: a batch is answered when it exists, and not before
package testruntime

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// Runtime implements udf.Runtime. The zero value is fit for use.
type Runtime struct{}

// Name implements udf.Runtime.
func (Runtime) Name() string { return "test" }

// Load implements udf.Runtime. The types of arguments and answer are to be declared; there is neither source nor
// artifact.
func (Runtime) Load(ctx context.Context, spec udf.Spec) (udf.Model, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if spec.Source != "" || spec.Artifact != "" {
		return nil, refuse("a test model has no source")
	}
	if spec.Args == nil || spec.Returns == udf.Invalid {
		return nil, refuse("a test model declares its arguments and what it returns")
	}
	m := &model{sig: udf.Signature{Args: spec.Args, Returns: spec.Returns}, failCode: "38000"}
	for i, a := range spec.Args {
		if a.Type == udf.Invalid {
			return nil, refuse("argument %d of a test model has no type", i+1)
		}
	}
	for key, value := range spec.Options {
		if err := m.option(key, value); err != nil {
			return nil, err
		}
	}
	c, ok := computations[spec.Options["compute"]]
	if !ok {
		return nil, refuse("a test model computes nothing of the name %q", spec.Options["compute"])
	}
	var err error
	if m.answer, err = c(m.sig, spec.Options["by"]); err != nil {
		return nil, err
	}
	m.changing = spec.Options["compute"] == "count"
	if path := spec.Options["log"]; path != "" {
		if m.log, err = os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
			return nil, refuse("the log of a test model cannot be opened: %v", err)
		}
	}
	return m, nil
}

// option reads one option. compute, by and log are read elsewhere.
func (m *model) option(key, value string) (err error) {
	switch key {
	case "compute", "by":
	case "log", "gate":
		if !filepath.IsAbs(value) {
			return refuse("option %q of a test model is no absolute path", key)
		}
		if key == "gate" {
			m.gate = value
		}
	case "fail":
		m.fail = strings.Split(value, ",")
	case "fail_code":
		m.failCode = value
	case "whole":
		m.whole = value == "true"
	case "delay":
		if m.delay, err = time.ParseDuration(value); err != nil {
			return refuse("option delay of a test model: %v", err)
		}
	default:
		return refuse("unknown option %q of a test model", key)
	}
	return nil
}

// refuse is the error of a statement that cannot make a test model.
func refuse(format string, args ...any) error {
	return &udf.Error{Code: "22023", Message: fmt.Sprintf(format, args...)}
}
