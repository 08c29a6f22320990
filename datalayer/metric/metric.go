// Package metric computes how good a model's answers are, over rows that stream by: accuracy, precision, recall, f1,
// roc_auc, log_loss, mae, rmse, r2 and the confusion matrix. The figures are those of scikit-learn's functions of the same
// names (sklearn.metrics), to 1e-9. Memory is bounded whatever the number of rows; roc_auc is exact and spills to disk.
package metric

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// Average says how precision, recall and f1 of several labels become one figure (sklearn's parameter average).
type Average string

// The averages. Automatic is Binary where the positive one of at most two labels is known (true, 1, or the one that was
// given), and Macro otherwise: a figure of the positive label is what is mostly asked for, and where there is none, every
// label counts the same. The name of the outcome says which of the two it is, so figures of different kinds are never
// compared by mistake. sklearn's own default is Binary, and it refuses more labels.
const (
	Automatic Average = ""
	Binary    Average = "binary"
	Macro     Average = "macro"
	Micro     Average = "micro"
	Weighted  Average = "weighted"
)

// Spec is a metric that is asked for.
type Spec struct {
	// Base is the name without the average.
	Base    string
	Average Average
}

// kind says what a metric is computed from.
type kind uint8

// The kinds: pairs of labels, scores of labels, and numbers.
const (
	ofLabels kind = iota
	ofScores
	ofNumbers
)

// bases are the metrics; those that are averaged take a suffix.
var bases = []struct {
	name     string
	kind     kind
	averaged bool
}{
	{"accuracy", ofLabels, false}, {"precision", ofLabels, true}, {"recall", ofLabels, true}, {"f1", ofLabels, true},
	{"confusion_matrix", ofLabels, false}, {"roc_auc", ofScores, false}, {"log_loss", ofScores, false},
	{"mae", ofNumbers, false}, {"rmse", ofNumbers, false}, {"r2", ofNumbers, false},
}

// ParseSpec reads a metric's name: f1, or f1_macro with an average. Its error is an *Error.
func ParseSpec(name string) (Spec, error) {
	lower := strings.ToLower(name)
	for _, b := range bases {
		if b.name == lower {
			return Spec{Base: b.name}, nil
		}
		for _, a := range []Average{Binary, Macro, Micro, Weighted} {
			if b.averaged && lower == b.name+"_"+string(a) {
				return Spec{Base: b.name, Average: a}, nil
			}
		}
	}
	return Spec{}, &Error{Code: "42704", Message: fmt.Sprintf("metric %q does not exist", name),
		Hint: "There are " + strings.Join(Names(), ", ") + "; precision, recall and f1 take _binary, _macro, _micro or _weighted behind them."}
}

// Names are the metrics' names without averages.
func Names() []string {
	var names []string
	for _, b := range bases {
		names = append(names, b.name)
	}
	return names
}

// String is the metric's name, with its average.
func (s Spec) String() string {
	if s.Average == Automatic {
		return s.Base
	}
	return s.Base + "_" + string(s.Average)
}

// kind is what the metric is computed from.
func (s Spec) kind() kind {
	i := slices.IndexFunc(bases, func(b struct {
		name     string
		kind     kind
		averaged bool
	}) bool {
		return b.name == s.Base
	})
	return bases[i].kind
}

// Defaults are the metrics for a target of a type where none are asked for: those of regression for numbers with
// fractions, those of classification for all else.
func Defaults(target udf.Type) []Spec {
	switch target {
	case udf.Float4, udf.Float8, udf.Numeric:
		return []Spec{{Base: "mae"}, {Base: "rmse"}, {Base: "r2"}}
	}
	return []Spec{{Base: "accuracy"}, {Base: "precision"}, {Base: "recall"}, {Base: "f1"}, {Base: "confusion_matrix"}}
}

// Error is an error that a user can act on. Code is an SQLSTATE.
type Error struct {
	Code    string
	Message string
	Detail  string
	Hint    string
	// Err is the cause, nil for none.
	Err error
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// SQLState is the error's five-character code.
func (e *Error) SQLState() string { return e.Code }
