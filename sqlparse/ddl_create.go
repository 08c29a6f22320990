package sqlparse

import (
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// createGrammars are the hints of syntax errors in CREATE, by kind.
var createGrammars = map[string]string{
	"model": "CREATE [OR REPLACE] MODEL [IF NOT EXISTS] name [(argument type, …)] [RETURNS type] [FROM {'artifact' | (select)}] " +
		"[TARGET column] {USING runtime [AS $$source$$] | AS SEQUENCE (model, …)} [WITH (key = value, …)] [VALIDATE ON … TARGET column METRICS (…)]",
	"listener": "CREATE [OR REPLACE] LISTENER [IF NOT EXISTS] name ON {table | (select)} [KEY (column, …)] PREDICT model (column, …) " +
		"[INTO table] [FLATTEN] [REFRESH {ON CHANGE | EVERY 'interval' | MANUAL}] [WITH (key = value, …)]",
	"vector_index": "CREATE [OR REPLACE] VECTOR INDEX [IF NOT EXISTS] name ON {LISTENER listener | table (expression)} [KEY (column, …)] " +
		"[USING {hnsw | flat}] [WITH (key = value, …)]",
	"dataset": "CREATE [OR REPLACE] DATASET [IF NOT EXISTS] name AS select [WITH (pin = true)]",
	"metric":  "CREATE [OR REPLACE] METRIC [IF NOT EXISTS] name USING metric [WITH (key = value, …)]",
	"secret":  "CREATE [OR REPLACE] SECRET [IF NOT EXISTS] name FROM {ENV 'variable' | FILE 'path'}",
}

// create reads what follows CREATE.
func (d *ddl) create() Create {
	head := Creation{OrReplace: d.accept("or", "replace")}
	for _, w := range strings.Split(d.kind, "_") {
		d.expect(w)
	}
	if d.accept("if") {
		d.expect("not", "exists")
		head.IfNotExists = true
	}
	head.Name = d.name(false)
	if head.OrReplace && head.IfNotExists {
		d.fail("42601", head.Name.Span.Start, "OR REPLACE and IF NOT EXISTS exclude each other")
	}
	switch d.kind {
	case "model":
		return d.createModel(head)
	case "listener":
		return d.createListener(head)
	case "vector_index":
		return d.createVectorIndex(head)
	case "dataset":
		return d.createDataset(head)
	case "metric":
		return d.createMetric(head)
	}
	return d.createSecret(head)
}

// parseExplainCreate reads EXPLAIN CREATE …; nil for an EXPLAIN of anything else.
func parseExplainCreate(d *ddl) (Component, error) {
	create := 1
	if len(d.toks) > 1 && d.toks[1].Kind == pg_query.Token_ASCII_40 {
		create = closingParen(d.toks, 1) + 1
	}
	for create < len(d.toks) && isExplainWord(d.toks[create].Kind) {
		create++
	}
	w := words(d.text, d.toks[create:], 6)
	if w[0] != "create" || createdKind(w[1:]) == "" {
		return nil, nil
	}
	d.kind = createdKind(w[1:])
	return d.component("EXPLAIN "+createGrammars[d.kind], func() Component {
		if d.i = 1; create > 1 {
			d.unexpected()
		}
		d.i = 2
		return &ExplainCreate{Create: d.create()}
	})
}

// clauses reads clauses up to the end, in any order, each once; read reads the one that begins with the word.
func (d *ddl) clauses(read func(word string)) {
	seen := map[string]bool{}
	for d.i < len(d.toks) {
		word := d.peek()
		if seen[word] {
			d.fail("42601", d.toks[d.i].Span.Start, "%s is given twice", strings.ToUpper(word))
		}
		seen[word] = true
		read(word)
	}
}

// end is where the statement's last token ends.
func (d *ddl) end() int { return d.toks[len(d.toks)-1].Span.End }

// createListener reads what follows the name.
func (d *ddl) createListener(head Creation) *CreateListener {
	l := &CreateListener{Creation: head}
	d.expect("on")
	if d.isKind(pg_query.Token_ASCII_40) {
		l.Query = d.selectInParens("a listener listens to a table or")
	} else {
		l.Table = d.table()
	}
	d.clauses(func(word string) {
		d.i++
		switch word {
		case "key":
			l.Key = d.columns()
		case "predict":
			l.Model = d.name(true)
			l.Args = d.expressions()
		case "into":
			l.Into = d.table()
		case "flatten":
			l.Flatten = true
		case "refresh":
			d.refresh(l)
		case "with":
			l.Options = d.options()
		default:
			d.i--
			d.unexpected()
		}
	})
	if l.Model.Name == "" {
		d.fail("42601", d.end(), "CREATE LISTENER needs PREDICT and a model with its arguments")
	}
	return l
}

// refresh reads what follows REFRESH.
func (d *ddl) refresh(l *CreateListener) {
	switch {
	case d.accept("on"):
		d.expect("change")
		l.Refresh = "change"
	case d.accept("every"):
		l.Refresh = "every"
		l.Every, l.EverySpan = d.str()
	default:
		d.expect("manual")
		l.Refresh = "manual"
	}
}

// createVectorIndex reads what follows the name. A table of the name listener is told from LISTENER by what follows.
func (d *ddl) createVectorIndex(head Creation) *CreateVectorIndex {
	x := &CreateVectorIndex{Creation: head}
	d.expect("on")
	next := d.i + 1
	if d.peek() == "listener" && next < len(d.toks) && d.toks[next].Kind != pg_query.Token_ASCII_40 && d.toks[next].Kind != pg_query.Token_ASCII_46 {
		d.i++
		x.Listener = d.name(false)
	} else {
		x.Table = d.table()
		at := d.i
		list := d.expressions()
		if len(list) != 1 {
			d.i = at
			d.fail("42601", d.toks[at].Span.Start, "a vector index is on one expression")
		}
		x.Expression = list[0]
	}
	d.clauses(func(word string) {
		d.i++
		switch word {
		case "key":
			x.Key = d.columns()
		case "using":
			x.Method, x.MethodSpan = d.identifier()
		case "with":
			x.Options = d.options()
		default:
			d.i--
			d.unexpected()
		}
	})
	return x
}

// createDataset reads what follows the name. WITH before a parenthesis cannot stand in a select outside parentheses.
func (d *ddl) createDataset(head Creation) *CreateDataset {
	c := &CreateDataset{Creation: head}
	d.expect("as")
	start, end, depth := d.i, len(d.toks), 0
	for i := start; i < len(d.toks); i++ {
		switch d.toks[i].Kind {
		case pg_query.Token_ASCII_40, pg_query.Token_ASCII_91:
			depth++
		case pg_query.Token_ASCII_41, pg_query.Token_ASCII_93:
			depth--
		}
		if depth == 0 && i+1 < len(d.toks) && d.toks[i].word(d.text) == "with" && d.toks[i+1].Kind == pg_query.Token_ASCII_40 {
			end = i
			break
		}
	}
	if start == end {
		d.unexpected()
	}
	c.Query = spanOfTokens(d.toks[start:end])
	d.checkSelect(c.Query, "a dataset is made of")
	if d.i = end; d.accept("with") {
		c.Options = d.options()
	}
	return c
}

// createMetric reads what follows the name.
func (d *ddl) createMetric(head Creation) *CreateMetric {
	m := &CreateMetric{Creation: head}
	d.expect("using")
	m.Using, m.UsingSpan = d.identifier()
	if d.accept("with") {
		m.Options = d.options()
	}
	return m
}

// createSecret reads what follows the name.
func (d *ddl) createSecret(head Creation) *CreateSecret {
	s := &CreateSecret{Creation: head}
	d.expect("from")
	if d.accept("env") {
		s.Env, s.Span = d.str()
	} else {
		d.expect("file")
		s.File, s.Span = d.str()
	}
	if s.Env == "" && s.File == "" {
		d.fail("22023", s.Span.Start, "a secret needs the name of a variable or a file")
	}
	return s
}
