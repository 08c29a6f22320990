package datalayer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/metadata"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// runtimeSequence is the runtime that a sequence of models is shown with.
const runtimeSequence = "sequence"

// parseVersioned reads name or name@version.
func parseVersioned(text string) (name string, version int, err error) {
	name, number, found := strings.Cut(text, "@")
	if found {
		version, err = strconv.Atoi(number)
	}
	if name == "" || err != nil || found && version < 1 {
		return "", 0, &Error{Code: "22023", Message: fmt.Sprintf("%q is not the name of a model", text), Hint: "Write name or name@version."}
	}
	return name, version, nil
}

// inspectSequence makes the record of a sequence: it takes what its first model takes and gives what its last gives, and
// each of the others takes one argument, of the type that the one before it gives. The versions that the names mean now
// are part of what it is: the sequence answers as it does until it is made anew.
func (d *Datalayer) inspectSequence(def ModelDefinition) (*metadata.Version, error) {
	if def.Runtime != "" || def.HasArgs || def.Returns != udf.Invalid || def.Artifact != "" || def.HasSource {
		return nil, &Error{Code: "42601", Message: fmt.Sprintf("sequence %q has models, and no runtime, signature, artifact or source of its own", def.Name)}
	}
	own, err := parseOwnOptions(def.Options)
	if err != nil {
		return nil, err
	}
	if rest := runtimeOptions(def.Options); len(rest) > 0 {
		return nil, &Error{Code: "22023", Message: fmt.Sprintf("a sequence has no option %q", slices.Sorted(maps.Keys(rest))[0]), Hint: "Options of a sequence are deterministic and max_batch."}
	}
	c := d.catalog.Load()
	v := &metadata.Version{Runtime: runtimeSequence, Options: def.Options, Deterministic: true, NullOnNull: true, Validation: def.Validation,
		CreatedAt: time.Now().UTC().Truncate(time.Microsecond)}
	var last *ModelVersion
	for _, text := range def.Models {
		name, version, err := parseVersioned(text)
		if err != nil {
			return nil, err
		}
		if name == def.Name {
			return nil, &Error{Code: "42P17", Message: fmt.Sprintf("sequence %q cannot hold itself", def.Name)}
		}
		link, err := c.find(name, version)
		if err != nil {
			return nil, err
		}
		if err := linked(def.Name, last, link); err != nil {
			return nil, err
		}
		if last == nil {
			for _, a := range link.Args {
				v.Args = append(v.Args, metadata.Arg{Name: a.Name, Type: a.Type.String()})
			}
		}
		v.Models = append(v.Models, fmt.Sprintf("%s@%d", link.Name, link.Version))
		v.Uses = append(v.Uses, component.Ref{Kind: component.KindModel, Name: link.Name, Version: link.Version})
		v.Deterministic = v.Deterministic && link.Deterministic
		v.NullOnNull = v.NullOnNull && link.NullOnNull
		last = link
	}
	if last == nil {
		return nil, &Error{Code: "42601", Message: fmt.Sprintf("sequence %q has no models", def.Name)}
	}
	v.Returns = last.Returns.String()
	if own.deterministic != nil {
		v.Deterministic = *own.deterministic
	}
	v.Hash, err = hash(v)
	return v, err
}

// linked sees that a model takes what the one before it in a sequence gives; before is nil for the first.
func linked(sequence string, before, link *ModelVersion) error {
	if before == nil {
		return nil
	}
	if len(link.Args) == 1 && link.Args[0].Type == before.Returns {
		return nil
	}
	return &Error{
		Code:    "42804",
		Message: fmt.Sprintf("model %q cannot follow model %q in sequence %q", link.Name, before.Name, sequence),
		Detail:  fmt.Sprintf("Model %q gives %s; model %q takes (%s).", before.Name, before.Returns, link.Name, argumentsText(link.Args)),
		Hint:    "Each model but the first takes one argument, of the type that the one before it gives.",
	}
}

// sequence is a chain of models that is loaded. It implements udf.Model.
type sequence struct {
	version *ModelVersion
	links   []*Lease
	d       *Datalayer
}

// loadSequence holds the models of a sequence.
func (d *Datalayer) loadSequence(ctx context.Context, v *ModelVersion) (udf.Model, error) {
	s := &sequence{version: v, d: d}
	for _, text := range v.Models {
		name, version, err := parseVersioned(text)
		if err == nil {
			var link *Lease
			if link, err = d.Acquire(ctx, name, version); err == nil {
				s.links = append(s.links, link)
				continue
			}
		}
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Signature implements udf.Model.
func (s *sequence) Signature() udf.Signature {
	return udf.Signature{Args: s.links[0].version.Args, Returns: s.links[len(s.links)-1].version.Returns}
}

// Deterministic implements udf.Model.
func (s *sequence) Deterministic() bool { return s.version.Deterministic }

// MaxBatch implements udf.Model.
func (s *sequence) MaxBatch() int {
	most := s.links[0].MaxBatch()
	for _, link := range s.links[1:] {
		most = min(most, link.MaxBatch())
	}
	return most
}

// Predict implements udf.Model: each model answers what the one before it gave, but for NULLs, which it is not called for
// unless it is declared to be. Rows are counted as the caller does.
func (s *sequence) Predict(ctx context.Context, args []udf.Column) (udf.Column, error) {
	rows := 0
	if len(args) > 0 {
		rows = args[0].Len()
	}
	for _, link := range s.links {
		v := link.Version()
		asked := rowsToAsk(v, args, rows)
		answers := nullsBut(v, rows, asked)
		if len(asked) > 0 {
			var stats CallStats
			stats.Rows, stats.NullSkipped = int64(rows), int64(rows-len(asked))
			err := s.d.predictBatch(ctx, link, args, asked, &answers, &stats)
			if err != nil {
				stats.Errors++
			}
			s.d.Record(v, stats)
			if err != nil {
				return udf.Column{}, err
			}
		}
		args = []udf.Column{answers}
	}
	return args[0], nil
}

// Close implements udf.Model. The loader calls it while it is locked, so the models are let go behind its back; it waits
// for that before it ends.
func (s *sequence) Close() error {
	links := s.links
	s.links = nil
	s.d.loads.running.Go(func() {
		for _, link := range links {
			link.Release()
		}
	})
	return nil
}
