package session

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/search"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// Searches is what sessions ask of vector indexes. *search.Keeper is one.
type Searches interface {
	// Index finds an index that may be searched.
	Index(name string) (*search.Info, error)
	// Near gives the n rows nearest to a query, which is as search.ByQuery or search.ByKey say.
	Near(ctx context.Context, index, by, query string, n int) (*search.Near, error)
}

// overSearches makes the statement of one with calls of nearest and similarity: each becomes a call of predict with the
// model that stands for the index, or a query of home's own index, so it may stand wherever predict may, over rows of
// other tables too. What is to be ranked by an index is, unless plain is set.
func (s *session) overSearches(script *sqlparse.Script, st *sqlparse.Statement, plain bool) (statement, error) {
	var edits []sqlparse.Edit
	var indexes []string
	infos := map[string]*search.Info{}
	end := 0
	for _, c := range st.Searches {
		if c.Span.Start < end {
			continue // within the query of the one before: its turn comes when the new text is read
		}
		end = c.Span.End
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
		if infos[c.Index] == nil {
			infos[c.Index] = info
			indexes = append(indexes, c.Index+" (in "+info.Place+")")
		}
		edits = append(edits, searchEdits(script.Text, c, info)...)
	}
	spliced, err := sqlparse.Splice(script.Text, edits)
	if err != nil {
		return nil, err
	}
	var settings []string
	for _, info := range infos {
		if info.Home != nil {
			settings = []string{info.Home.Settings}
		}
	}
	start, stop := st.Span.Start, len(spliced.Text)-(len(script.Text)-st.Span.End)
	q := &searchStatement{settings: settings, place: &expansion{client: script.Text, text: spliced.Text[start:stop], origin: func(pos int) int { return spliced.Original(start + pos) }}}
	if q.statement, err = s.again(q.place.text); err != nil {
		return nil, q.position(err)
	}
	if e, explains := q.statement.(*explainStatement); explains {
		e.indexes = append(indexes, e.indexes...)
	}
	if !plain {
		q.ranked = s.rankingOf(script, st, infos)
	}
	return q, nil
}

// searchStatement is a statement in place of one with searches. Places in its errors are those of the client's text.
type searchStatement struct {
	statement
	// place knows where the bytes of the statement's text come from, and views the same of the client's, where views were
	// expanded in it.
	place, views *expansion
	// ranked is set where the rows are to be found by an index.
	ranked *ranking
	// settings are queries that are to be run before it, in its session.
	settings []string
}

// bare is the statement that is run in the end.
func bare(own statement) statement {
	for {
		q, is := own.(*searchStatement)
		if !is {
			return own
		}
		own = q.statement
	}
}

// position maps the place of an error to the client's text.
func (q *searchStatement) position(err error) error { return q.views.position(q.place.position(err)) }

// prepare implements statement.
func (q *searchStatement) prepare(ctx context.Context, h *homeSide, name string, declared []uint32) error {
	if err := q.statement.prepare(ctx, h, name, declared); err != nil {
		return q.position(err)
	}
	if q.ranked == nil {
		return nil
	}
	return q.ranked.prepare(ctx, h, name, q.params())
}

// renew implements statement.
func (q *searchStatement) renew(ctx context.Context, h *homeSide) error {
	if err := q.statement.renew(ctx, h); err != nil {
		return q.position(err)
	}
	if q.ranked == nil {
		return nil
	}
	return q.ranked.renew(ctx, h)
}

// drop implements statement.
func (q *searchStatement) drop(ctx context.Context, h *homeSide) error {
	if q.ranked != nil {
		if err := q.ranked.drop(ctx, h); err != nil {
			return err
		}
	}
	return q.statement.drop(ctx, h)
}

// bind implements statement.
func (q *searchStatement) bind(ctx context.Context, h *homeSide, b *pgproto3.Bind) (cursor, error) {
	for _, sql := range q.settings {
		if _, err := (homeQuestions{h}).Query(ctx, sql); err != nil {
			return nil, err
		}
	}
	if q.ranked != nil {
		c, err := q.ranked.bind(ctx, h, b)
		if c != nil || err != nil {
			return c, unpositioned(err)
		}
	}
	c, err := q.statement.bind(ctx, h, b)
	if err != nil {
		return nil, q.position(err)
	}
	return &searchCursor{cursor: c, q: q}, nil
}

// searchCursor is a portal over a searchStatement.
type searchCursor struct {
	cursor
	q *searchStatement
}

// execute implements cursor.
func (c *searchCursor) execute(ctx context.Context, h *homeSide, limit int64) (string, error) {
	tag, err := c.cursor.execute(ctx, h, limit)
	return tag, c.q.position(err)
}

// mayRead refuses who may not read the table of an index, with home's own words.
func (s *session) mayRead(ctx context.Context, h *homeSide, index string) error {
	if s.cfg.Searches == nil {
		return nil
	}
	info, err := s.cfg.Searches.Index(index)
	if err != nil {
		return err
	}
	_, err = homeQuestions{h}.Query(ctx, "SELECT 1 FROM "+info.Table+" LIMIT 0")
	return err
}

// searchText is the text that replaces a search: between the parts that stay as the client has written them, so that an
// error in one of these is placed where it is.
type searchText struct {
	client string
	at     int
	text   strings.Builder
	edits  []sqlparse.Edit
}

// keep goes on with a part of the client's text. One that stands before what was kept already is copied.
func (t *searchText) keep(part sqlparse.Span) {
	if part.Start < t.at {
		t.text.WriteString(part.Of(t.client))
		return
	}
	t.end(part.Start)
	t.at = part.End
}

// end puts what was written in place of the client's text up to a place.
func (t *searchText) end(at int) {
	t.edits = append(t.edits, sqlparse.Edit{Span: sqlparse.Span{Start: t.at, End: at}, Text: t.text.String()})
	t.text.Reset()
}

// query writes the query as a text: the client's own, or the key as indexes have it.
func (t *searchText) query(c *sqlparse.Search, info *search.Info) {
	if !c.ByKey {
		t.text.WriteString("(")
		t.keep(c.Query)
		t.text.WriteString(")::pg_catalog.text")
		return
	}
	t.text.WriteString("pg_catalog.jsonb_build_array(")
	for i, k := range c.Key {
		if i > 0 {
			t.text.WriteString(", ")
		}
		t.text.WriteString("(")
		t.keep(k)
		t.text.WriteString(")::" + info.Key[i].Type)
	}
	t.text.WriteString(")::pg_catalog.text")
}

// searchEdits put a call of predict, or a query of home's index, in place of a search.
func searchEdits(text string, c *sqlparse.Search, info *search.Info) []sqlparse.Edit {
	t := &searchText{client: text, at: c.Span.Start}
	if c.Func == "similarity" {
		t.similarity(c, info)
	} else {
		t.nearest(c, info)
	}
	t.end(c.Span.End)
	return t.edits
}

func byOf(c *sqlparse.Search) string {
	if c.ByKey {
		return "'" + search.ByKey + "'"
	}
	return "'" + search.ByQuery + "'"
}

// similarity writes similarity('index', row, query).
func (t *searchText) similarity(c *sqlparse.Search, info *search.Info) {
	t.text.WriteString("pinnacle.predict(" + sqlparse.QuoteLiteral(search.Function(c.Func, c.Index)) + ", pg_catalog.jsonb_build_array(")
	for i, k := range info.Key {
		if i > 0 {
			t.text.WriteString(", ")
		}
		t.keep(c.Row)
		t.text.WriteString("." + k.Name)
	}
	t.text.WriteString(")::pg_catalog.text, " + byOf(c) + ", ")
	t.query(c, info)
	t.text.WriteString(")")
	if !c.Aliased {
		t.text.WriteString(" AS similarity")
	}
}

// nearest writes nearest('index', query, n). It reads nothing of the table, but asks for the right to.
func (t *searchText) nearest(c *sqlparse.Search, info *search.Info) {
	may := "NOT EXISTS (SELECT FROM " + info.Table + " LIMIT 0)"
	columns := make([]string, len(info.Key))
	for i, k := range info.Key {
		columns[i] = k.Name + " " + k.Type
	}
	if info.Home != nil {
		t.nearestAtHome(c, info, columns, may)
	} else {
		t.text.WriteString("LATERAL (SELECT found.* FROM pg_catalog.jsonb_to_recordset(pinnacle.predict(" + sqlparse.QuoteLiteral(search.Function(c.Func, c.Index)) + ", " + byOf(c) + ", ")
		t.query(c, info)
		t.text.WriteString(", ")
		t.limit(c)
		t.text.WriteString(")) AS found(" + strings.Join(columns, ", ") + ", score pg_catalog.float8) WHERE " + may + ")")
	}
	if !c.Aliased {
		t.text.WriteString(" AS nearest")
	}
}

// limit writes how many rows are wanted.
func (t *searchText) limit(c *sqlparse.Search) {
	if c.Limit == (sqlparse.Span{}) {
		t.text.WriteString("10")
		return
	}
	t.text.WriteString("(")
	t.keep(c.Limit)
	t.text.WriteString(")::pg_catalog.int8")
}

// nearestAtHome writes a search of home's own index: the vector that is looked for is the proxy's to make, the rest is in
// home's hands.
func (t *searchText) nearestAtHome(c *sqlparse.Search, info *search.Info, columns []string, may string) {
	members := make([]string, len(info.Key))
	for i, k := range info.Key {
		members[i] = sqlparse.QuoteLiteral(strings.ReplaceAll(strings.Trim(k.Name, `"`), `""`, `"`)) + ", found.key::pg_catalog.jsonb -> " + fmt.Sprint(i)
	}
	t.text.WriteString("LATERAL (SELECT own.*, (-found.distance)::pg_catalog.float8 AS score FROM (SELECT pinnacle.predict(" + sqlparse.QuoteLiteral(search.Function("vector", c.Index)) + ", " + byOf(c) + ", ")
	t.query(c, info)
	t.text.WriteString(")::" + info.Home.Type + " AS vector OFFSET 0) AS asked, LATERAL (SELECT near.key, near.embedding " + info.Home.Distance + " asked.vector AS distance FROM " + info.Home.View +
		" AS near WHERE asked.vector IS NOT NULL ORDER BY near.embedding " + info.Home.Distance + " asked.vector LIMIT ")
	t.limit(c)
	t.text.WriteString(") AS found, LATERAL pg_catalog.jsonb_to_record(pg_catalog.jsonb_build_object(" + strings.Join(members, ", ") + ")) AS own(" + strings.Join(columns, ", ") + ") WHERE " + may + ")")
}
