package metric

import (
	"cmp"
	"fmt"
	"math"

	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// Config says what a Set computes.
type Config struct {
	// Metrics are what is asked for; none: Defaults of the target's type.
	Metrics []Spec
	// Target and Answer are the types of what is to be answered and of the model's answers.
	Target, Answer udf.Type
	// Positive is the label that precision, recall and f1 are of, and that an answer of one number is the score or probability
	// of: as text, "true" for a truth value. nil: true, or 1; for roc_auc and log_loss the greater label.
	Positive *string
	// MaxLabels is the largest number of labels (setting validate_max_labels): 1000.
	MaxLabels int
	// Memory is what roc_auc holds in memory before it writes to disk, in bytes (setting validate_memory): 64 MiB.
	Memory int64
	// Dir is where it writes: the system's temporary files.
	Dir string
}

// The defaults of Config.
const (
	defaultMaxLabels = 1000
	defaultMemory    = 64 << 20
)

// Set computes several metrics of one model over the same rows. It is used by one goroutine, and closed by Close.
type Set struct {
	config  Config
	pairs   *pairs
	losses  *losses
	ranking *ranking
	numbers *numbers
	// targets are the labels of targets alone, which scores are of.
	targets       *labels
	rows, skipped int64
	probabilities [2]float64
}

// Result is one metric's outcome.
type Result struct {
	// Name is the metric with the average that it was computed with.
	Name string
	// Value is NaN where the metric is not defined for the rows, as Note says, and for the confusion matrix.
	Value  float64
	Matrix *Matrix
	// Note says what there is to know of the value, "" for nothing.
	Note string
}

// New makes a Set; metrics that cannot be computed of the types are refused with an *Error.
func New(c Config) (*Set, error) {
	c.MaxLabels, c.Memory = cmp.Or(c.MaxLabels, defaultMaxLabels), cmp.Or(c.Memory, defaultMemory)
	if len(c.Metrics) == 0 {
		c.Metrics = Defaults(c.Target)
	}
	s := &Set{config: c}
	for _, m := range c.Metrics {
		if err := s.want(m); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// want makes ready what one metric is computed by.
func (s *Set) want(m Spec) error {
	c := &s.config
	target, answer := familyOf(c.Target), familyOf(c.Answer)
	truth := c.Target == udf.Bool
	switch m.kind() {
	case ofNumbers:
		if target != numberLabels || answer != numberLabels {
			return s.errTypes(m, "numbers", "Targets and answers have to be numbers.")
		}
		s.numbers = cmp.Or(s.numbers, &numbers{})
	case ofLabels:
		if target == noLabels || target != answer {
			return s.errTypes(m, "labels", "Targets and answers have to be of types that can be equal: both numbers, or both text. A model that answers with probabilities has no labels to compare.")
		}
		if s.pairs == nil {
			s.pairs = &pairs{labels: newLabels(target, truth && c.Answer == udf.Bool, c.MaxLabels)}
		}
	default:
		scores := answer == numberLabels || c.Answer.Storage() == udf.StoreFloatLists
		if target == noLabels || !scores {
			return s.errTypes(m, "labels and scores", "Targets have to be labels, and answers numbers: the score or probability of one label, or a list of the probabilities of all, in the labels' order.")
		}
		if s.targets == nil {
			s.targets = newLabels(target, truth, c.MaxLabels)
		}
		if m.Base == "log_loss" {
			s.losses = cmp.Or(s.losses, &losses{labels: s.targets, clip: clipOf(c.Answer)})
		} else if s.ranking == nil {
			s.ranking = &ranking{labels: s.targets, most: int(max(c.Memory/groupBytes, 2)), runs: &runs{dir: c.Dir}}
		}
	}
	return nil
}

// errTypes refuses a metric for the types at hand.
func (s *Set) errTypes(m Spec, of, detail string) error {
	return &Error{Code: "42804", Message: fmt.Sprintf("%s is of %s, and the target is of type %s, the answer of type %s", m, of, s.config.Target, s.config.Answer),
		Detail: detail, Hint: "Cast the target in the select, or choose other metrics."}
}

// Add takes rows: targets and answers in columns of the Config's types and of one length. Rows in which either is NULL are
// left out and counted. After an error the Set is of no more use.
func (s *Set) Add(target, answer *udf.Column) error {
	if target.Type.Storage() != s.config.Target.Storage() || answer.Type.Storage() != s.config.Answer.Storage() || target.Len() != answer.Len() {
		return &Error{Code: "XX000", Message: fmt.Sprintf("%d targets of %s and %d answers of %s were given to metrics of %s and %s",
			target.Len(), target.Type, answer.Len(), answer.Type, s.config.Target, s.config.Answer)}
	}
	for i := range target.Len() {
		if target.Null(i) || answer.Null(i) {
			s.skipped++
			continue
		}
		s.rows++
		if err := s.add(target, answer, i); err != nil {
			return err
		}
	}
	return s.checkBinary()
}

// add takes one row.
func (s *Set) add(target, answer *udf.Column, i int) error {
	if s.numbers != nil {
		t, err := number(target, i)
		if err != nil {
			return err
		}
		a, err := number(answer, i)
		if err != nil {
			return err
		}
		s.numbers.add(t, a)
	}
	if s.pairs != nil {
		t, err := s.pairs.labels.of(target, i)
		if err != nil {
			return err
		}
		a, err := s.pairs.labels.of(answer, i)
		if err != nil {
			return err
		}
		s.pairs.add(t, a)
	}
	if s.targets == nil {
		return nil
	}
	t, err := s.targets.of(target, i)
	if err != nil {
		return err
	}
	scores, err := s.scores(answer, i)
	if err != nil {
		return err
	}
	if s.losses != nil {
		if err := s.losses.add(t, scores); err != nil {
			return err
		}
	}
	if s.ranking == nil {
		return nil
	}
	if len(scores) != 2 {
		return &Error{Code: "22023", Message: fmt.Sprintf("roc_auc is of two labels, and the model gives %d probabilities", len(scores))}
	}
	return s.ranking.add(t, scores[1])
}

// scores are the scores of the labels in row i: of one number, 1-p and p. They are valid until the next call.
func (s *Set) scores(answer *udf.Column, i int) ([]float64, error) {
	if answer.Type.Storage() == udf.StoreFloatLists {
		if answer.ElementNulls(i) != nil {
			return nil, &Error{Code: "22004", Message: "a list of probabilities holds NULL"}
		}
		for _, p := range answer.FloatLists[i] {
			if err := finite(p); err != nil {
				return nil, err
			}
		}
		return answer.FloatLists[i], nil
	}
	p, err := number(answer, i)
	s.probabilities = [2]float64{1 - p, p}
	return s.probabilities[:], err
}

// checkBinary fails as soon as a metric that was asked for by name cannot be computed of so many labels.
func (s *Set) checkBinary() error {
	if s.pairs == nil || s.pairs.labels.count() <= 2 {
		return nil
	}
	for _, m := range s.config.Metrics {
		if m.Average == Binary {
			return errNotBinary(m, s.pairs.labels.count())
		}
	}
	return nil
}

// Rows is the number of rows that the metrics are of, and of those that were left out because of a NULL.
func (s *Set) Rows() (used, skipped int64) { return s.rows, s.skipped }

// Results computes what was asked for, in that order. It is called once, after the last Add.
func (s *Set) Results() ([]Result, error) {
	var out []Result
	for _, m := range s.config.Metrics {
		r := Result{Name: m.String(), Value: math.NaN(), Note: "there are no rows"}
		if s.rows > 0 {
			var err error
			if r, err = s.result(m); err != nil {
				return nil, err
			}
		}
		out = append(out, r)
	}
	return out, nil
}

// result computes one metric of at least one row.
func (s *Set) result(m Spec) (Result, error) {
	r := Result{Name: m.String()}
	var err error
	switch m.Base {
	case "accuracy":
		r.Value = s.pairs.accuracy()
	case "confusion_matrix":
		r.Value, r.Matrix = math.NaN(), s.pairs.matrix()
	case "roc_auc":
		r.Value, r.Note, err = s.ranking.value(s.scored())
	case "log_loss":
		r.Value, r.Note = s.losses.value(s.scored())
	case "mae":
		r.Value, r.Note = s.numbers.mae()
	case "rmse":
		r.Value, r.Note = s.numbers.rmse()
	case "r2":
		r.Value, r.Note = s.numbers.r2()
	default:
		r.Value, m.Average, r.Note, err = s.pairs.averaged(m, s.config.Positive)
		r.Name = m.String()
	}
	return r, err
}

// scored is the label that an answer of one number is the score of, nil for the greater one. Lists are in the order of labels.
func (s *Set) scored() *string {
	if s.config.Answer.Storage() == udf.StoreFloatLists {
		return nil
	}
	return s.config.Positive
}

// Close frees what the Set has on disk. It may be called more than once.
func (s *Set) Close() error {
	if s.ranking == nil {
		return nil
	}
	return s.ranking.runs.close()
}
