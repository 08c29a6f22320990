package foreign

import (
	"container/list"
	"sync"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// schema is a snapshot of the catalog: its tables by name, and the statements that were compiled with it, the ones used
// last in front.
type schema struct {
	catalog *dialect.Catalog
	tables  map[[2]string]*dialect.Table

	mu         sync.Mutex
	order      list.List
	statements map[string]*list.Element
}

// newSchema indexes a catalog.
func newSchema(c *dialect.Catalog) *schema {
	s := &schema{catalog: c, tables: make(map[[2]string]*dialect.Table, len(c.Tables)), statements: map[string]*list.Element{}}
	for _, t := range c.Tables {
		s.tables[[2]string{t.Schema, t.Name}] = t
	}
	return s
}

// Table implements dialect.Resolver.
func (s *schema) Table(schema, name string) *dialect.Table { return s.tables[[2]string{schema, name}] }

// statement finds a compiled statement, nil if there is none.
func (s *schema) statement(text string) *Statement {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.statements[text]
	if e == nil {
		return nil
	}
	s.order.MoveToFront(e)
	return e.Value.(*Statement)
}

// keep remembers a statement, and at most limit of them.
func (s *schema) keep(st *Statement, limit int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.statements[st.Text] != nil {
		return
	}
	s.statements[st.Text] = s.order.PushFront(st)
	for len(s.statements) > limit {
		last := s.order.Back()
		s.order.Remove(last)
		delete(s.statements, last.Value.(*Statement).Text)
	}
}

// schemaNow is the snapshot of the catalog as it is now.
func (s *Server) schemaNow() *schema {
	c := s.config.Catalog()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.schema == nil || s.schema.catalog != c {
		s.schema = newSchema(c)
	}
	return s.schema
}
