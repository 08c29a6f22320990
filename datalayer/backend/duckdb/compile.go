package duckdb

import (
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/sqlprogram"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// program is a statement of DuckDB's.
type program = sqlprogram.Program[*form]

// Compile implements backend.Engine.
func (e *engine) Compile(stmt dialect.Statement) (backend.Program, error) {
	p, err := e.grammar.Compile(stmt)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// newGrammar describes DuckDB to the compiler.
func newGrammar() *sqlprogram.Grammar[*form] {
	return &sqlprogram.Grammar[*form]{
		SQL: newSQL(),
		Column: func(c *dialect.Column) (*form, bool) {
			if c == nil {
				return nil, false
			}
			f, ok := c.Facts.(*form)
			return f, ok
		},
		Type:        func(t dialect.Type) *form { return &form{typ: t} },
		Same:        func(a, b *form) bool { return a.native == b.native },
		Placeholder: placeholder,
		Alias:       " ",
		Name:        "DuckDB",
	}
}
