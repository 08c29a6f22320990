package sqlite

import (
	"strconv"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/sqlprogram"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// program is a statement of SQLite's.
type program = sqlprogram.Program[*form]

// Compile implements backend.Engine.
func (e *engine) Compile(stmt dialect.Statement) (backend.Program, error) {
	p, err := e.grammar.Compile(guarded(stmt))
	if err != nil {
		return nil, err
	}
	return p, nil
}

// newGrammar describes SQLite to the compiler.
func newGrammar() *sqlprogram.Grammar[*form] {
	return &sqlprogram.Grammar[*form]{
		SQL:    newSQL(),
		Column: facts,
		Type: func(t dialect.Type) *form {
			f, _ := resultForm(t)
			return &f
		},
		Same:           func(a, b *form) bool { return a.kind == b.kind && a.textual == b.textual },
		Placeholder:    func(n int) string { return "?" + strconv.Itoa(n) },
		Alias:          " AS ",
		InsertOrIgnore: true,
		NoUsing:        true,
		Name:           "SQLite",
	}
}

// facts gives what the engine knows of a column that it described.
func facts(column *dialect.Column) (*form, bool) {
	if column == nil {
		return nil, false
	}
	f, ok := column.Facts.(*form)
	return f, ok
}

// Stored implements sqlprogram.Form.
func (f *form) Stored(value string) string { return value }

// Given implements sqlprogram.Form.
func (f *form) Given(ref string) string { return ref }

// Default implements sqlprogram.Form: SQLite has no DEFAULT in VALUES, but its own expression stands for it, and NULL
// for the next INTEGER PRIMARY KEY.
func (f *form) Default() string {
	if f.fallback == "" {
		return "NULL"
	}
	return "(" + f.fallback + ")"
}

// Literal implements sqlprogram.Form.
func (f *form) Literal(text string) (string, error) {
	value, err := f.write([]byte(text))
	return literal(value), err
}
