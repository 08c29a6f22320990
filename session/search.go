package session

import (
	"fmt"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/search"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// Searches is what sessions ask of vector indexes. *search.Keeper is one.
type Searches interface {
	// Index finds an index that may be searched.
	Index(name string) (*search.Info, error)
}

// overSearches makes the statement of one with calls of nearest and similarity: each becomes a call of predict with the
// model that stands for the index, so it may stand wherever predict may, over rows of other tables too.
func (s *session) overSearches(script *sqlparse.Script, st *sqlparse.Statement) (statement, error) {
	var edits []sqlparse.Edit
	for _, c := range st.Searches {
		if n := len(edits); n > 0 && c.Span.Start < edits[n-1].Span.End {
			continue // within the query of the one before: its turn comes when the new text is read
		}
		if s.cfg.Searches == nil {
			return nil, &sqlparse.Error{Code: "0A000", Message: "there are no vector indexes here", Position: c.Span.Start}
		}
		info, err := s.cfg.Searches.Index(c.Index)
		if err != nil {
			return nil, err
		}
		if c.ByKey && len(c.Key) != len(info.Key) {
			return nil, &sqlparse.Error{Code: "42883", Message: fmt.Sprintf("the key of vector index %q has %d columns, not %d", c.Index, len(info.Key), len(c.Key)), Position: c.Query.Start}
		}
		edits = append(edits, searchEdit(script.Text, c, info))
	}
	spliced, err := sqlparse.Splice(script.Text, edits)
	if err != nil {
		return nil, err
	}
	end := len(spliced.Text) - (len(script.Text) - st.Span.End)
	made, err := s.again(spliced.Text[st.Span.Start:end])
	return made, unpositioned(err)
}

// searchEdit puts a call of predict in place of a search. nearest reads nothing of the table, but asks for the right to.
func searchEdit(text string, c *sqlparse.Search, info *search.Info) sqlparse.Edit {
	model := sqlparse.QuoteLiteral(search.Function(c.Func, c.Index))
	by := "'" + search.ByQuery + "'"
	before, after := "(", ")::pg_catalog.text"
	if c.ByKey {
		by = "'" + search.ByKey + "'"
		list := make([]string, len(c.Key))
		for i, k := range c.Key {
			list[i] = "(" + k.Of(text) + ")::" + info.Key[i].Type
		}
		before, after = "pg_catalog.jsonb_build_array("+strings.Join(list, ", "), ")::pg_catalog.text"
	}
	query := before + c.Query.Of(text) + after
	if c.ByKey {
		query = before + after
	}
	if c.Func == "similarity" {
		list := make([]string, len(info.Key))
		for i, k := range info.Key {
			list[i] = c.Row.Of(text) + "." + k.Name
		}
		made := "pinnacle.predict(" + model + ", pg_catalog.jsonb_build_array(" + strings.Join(list, ", ") + ")::pg_catalog.text, " + by + ", " + query + ")"
		if !c.Aliased {
			made += " AS similarity"
		}
		return sqlparse.Edit{Span: c.Span, Text: made}
	}
	limit := "10"
	if c.Limit != (sqlparse.Span{}) {
		limit = "(" + c.Limit.Of(text) + ")::pg_catalog.int8"
	}
	columns := make([]string, len(info.Key))
	for i, k := range info.Key {
		columns[i] = k.Name + " " + k.Type
	}
	made := "LATERAL (SELECT found.* FROM pg_catalog.jsonb_to_recordset(pinnacle.predict(" + model + ", " + by + ", " + query + ", " + limit + ")) AS found(" +
		strings.Join(columns, ", ") + ", score pg_catalog.float8) WHERE NOT EXISTS (SELECT FROM " + info.Table + " LIMIT 0))"
	if !c.Aliased {
		made += " AS nearest"
	}
	return sqlparse.Edit{Span: c.Span, Text: made}
}
