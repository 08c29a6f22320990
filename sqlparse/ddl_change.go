package sqlparse

import (
	"slices"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

const (
	showGrammar     = "SHOW {MODELS | LISTENERS | VECTOR INDEXES | DATASETS | METRICS | SECRETS | COMPONENTS | JOBS | ARTIFACTS | VIEWS} [LIKE 'pattern']"
	validateGrammar = "VALIDATE MODEL name[@version] ON {(select) | DATASET dataset} TARGET column [METRICS (metric, …)] [WITH (key = value, …)]"
	grantGrammar    = "{GRANT | REVOKE} {EXECUTE ON MODEL name, … | CREATE COMPONENT} {TO | FROM} role, …"
)

// hasVersions says of which kinds a statement may name a version.
func hasVersions(kind string) bool { return kind == "model" || kind == "dataset" }

func versionGrammar(kind string) string {
	if hasVersions(kind) {
		return "[@version]"
	}
	return ""
}

// alterGrammar is the hint of syntax errors in ALTER.
func alterGrammar(kind string) string {
	ways := []string{"SET (key = value, …)", "RENAME TO name", "OWNER TO role"}
	if kind == "dataset" || kind == "secret" {
		ways = ways[1:]
	}
	if hasVersions(kind) {
		ways = append(ways, "SET DEFAULT VERSION number")
	}
	if kind == "listener" {
		ways = append(ways, "ENABLE", "DISABLE")
	}
	return "ALTER " + upperWords(kind) + " name {" + strings.Join(ways, " | ") + "}"
}

// dropGrammar is the hint of syntax errors in DROP.
func dropGrammar(kind string) string {
	text := "DROP " + upperWords(kind) + " [IF EXISTS] name" + versionGrammar(kind) + " [CASCADE | RESTRICT]"
	if kind == "listener" {
		text += " [KEEP OUTPUTS]"
	}
	return text
}

// alter reads what follows ALTER and the kind.
func (d *ddl) alter() Component {
	a := &Alter{Kind: d.kind, Name: d.name(false)}
	switch {
	case d.accept("rename"):
		d.expect("to")
		a.RenameTo = d.name(false).Name
	case d.accept("owner"):
		d.expect("to")
		if a.Owner = d.role(); a.Owner.Name == "public" {
			d.fail("42704", a.Owner.Span.Start, `role "public" does not exist`)
		}
	case hasVersions(d.kind) && d.accept("set", "default"):
		d.expect("version")
		a.DefaultVersion = d.version()
	case d.kind == "listener" && d.accept("enable"):
		a.Enable = true
	case d.kind == "listener" && d.accept("disable"):
		a.Disable = true
	case d.kind == "dataset", d.kind == "secret":
		d.unexpected()
	default:
		d.expect("set")
		a.Set = d.options()
	}
	return a
}

// drop reads what follows DROP and the kind. The words behind the name may stand in any order.
func (d *ddl) drop() Component {
	c := &Drop{Kind: d.kind}
	if d.accept("if") {
		d.expect("exists")
		c.IfExists = true
	}
	c.Name = d.name(hasVersions(d.kind))
	d.clauses(func(word string) {
		switch {
		case word == "restrict" && !c.Cascade:
		case word == "cascade":
			c.Cascade = true
		case word == "keep" && d.kind == "listener":
			d.i++
			if d.peek() != "outputs" {
				d.unexpected()
			}
			c.KeepOutputs = true
		default:
			d.unexpected()
		}
		d.i++
	})
	return c
}

// describe reads what follows DESCRIBE and the kind.
func (d *ddl) describe() Component { return &Describe{Kind: d.kind, Name: d.name(hasVersions(d.kind))} }

// show reads what follows the words of what is shown.
func (d *ddl) show(what string) Component {
	s := &Show{What: what}
	if d.accept("like") {
		like, _ := d.str()
		s.Like = &like
	}
	return s
}

// validate reads what follows VALIDATE MODEL.
func (d *ddl) validate() Component {
	v := &ValidateModel{Name: d.name(true)}
	d.validation(&v.Validation)
	if d.accept("with") {
		v.Options = d.options()
	}
	return v
}

// validation reads ON … TARGET … METRICS ….
func (d *ddl) validation(v *Validation) {
	d.expect("on")
	if d.isKind(pg_query.Token_ASCII_40) {
		v.Query = d.selectInParens("a model is validated on a dataset or")
	} else {
		d.expect("dataset")
		v.Dataset = d.name(true)
	}
	d.expect("target")
	v.Target, _ = d.identifier()
	if d.accept("metrics") {
		v.Metrics = d.columns()
	}
}

// parseGrant reads GRANT and REVOKE of rights to components; nil for those of PostgreSQL's own: ON MODEL TO, say, is about
// a table of the name model. w are the first words.
func parseGrant(d *ddl, w []string) (Component, error) {
	switch {
	case w[1] == "create" && w[2] == "component":
		d.i = 3
	case w[1] == "execute" && w[2] == "on" && w[3] == "model" && len(d.toks) > 4 && isName(d.toks[4]):
		d.i = 4
	default:
		return nil, nil
	}
	d.kind = "model"
	return d.component(grantGrammar, func() Component {
		g := &Grant{Revoke: w[0] == "revoke"}
		if d.i == 4 {
			g.Models = []Name{d.name(false)}
			for d.isKind(pg_query.Token_ASCII_44) {
				d.i++
				g.Models = append(g.Models, d.name(false))
			}
		}
		d.expect(map[bool]string{false: "to", true: "from"}[g.Revoke])
		g.Roles = []Role{d.role()}
		for d.isKind(pg_query.Token_ASCII_44) {
			d.i++
			g.Roles = append(g.Roles, d.role())
		}
		if at := d.i; d.accept("with", "grant", "option") {
			d.fail("0A000", d.toks[at].Span.Start, "rights to components have no grant option")
		}
		return g
	})
}

// isName reports whether a token can be a component's name: TO and a comma, say, cannot.
func isName(t Token) bool {
	return t.Kind == pg_query.Token_IDENT || t.Kind == pg_query.Token_UIDENT ||
		slices.Contains([]pg_query.KeywordKind{pg_query.KeywordKind_UNRESERVED_KEYWORD, pg_query.KeywordKind_COL_NAME_KEYWORD}, t.Keyword)
}
