package session

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"
	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// upsert is an INSERT … ON CONFLICT over a foreign table, which postgres_fdw refuses where a conflict is named. Home runs one
// statement in its place: it evaluates the proposed rows once, looks which of them are there by their keys, updates these and
// inserts the others. It is one transaction at the databackend. Another session that inserts the same key in between makes it
// fail by the databackend's own unique key.
type upsert struct {
	// original is the client's statement, over the relation that has the keys: home checks and describes it, and plans it
	// once, which finds the unique index of the conflict.
	original string
	shape    *described
	planned  bool
	// returns says that there are rows for the client.
	returns bool
	// update says DO UPDATE.
	update bool
}

// twiceText is what home fails to read as a number where two proposed rows have one key.
const twiceText = "pinnacle: two proposed rows have one key"

// foreignColumn is a column of a foreign table.
type foreignColumn struct {
	name, typ string
	// value is the expression of its default, NULL where there is none.
	value string
}

// isUpsert reports whether the statement is an INSERT into a mirrored relation that names a conflict.
func (f *foreignStatement) isUpsert() bool {
	c := f.st.Node.GetInsertStmt().GetOnConflictClause()
	if c == nil || c.Infer == nil && c.Action != pg_query.OnConflictAction_ONCONFLICT_UPDATE || f.spliced == nil {
		return false
	}
	m := f.found[f.target()]
	_, replaced := f.children[m.child]
	return replaced
}

// target is the index of the mention that an INSERT is about.
func (f *foreignStatement) target() int {
	at := int(f.st.Node.GetInsertStmt().GetRelation().GetLocation())
	return slices.IndexFunc(f.mentions.Relations, func(m sqlparse.Mention) bool { return m.NameSpan.Start == at })
}

// makeUpsert makes the statement that home runs in place of the edited text.
func (f *foreignStatement) makeUpsert(ctx context.Context, h *homeSide) error {
	target := f.mentions.Relations[f.target()]
	u := &upsert{original: f.st.Span.Of(f.script.Text)}
	shape, err := h.look(ctx, u.original, f.declared)
	if err != nil {
		return repositioned(err, u.original, f.script.Text, func(at int) int { return f.st.Span.Start + at })
	}
	u.shape = shape
	script, err := sqlparse.Parse(f.text, f.s.cfg.Parse)
	if err != nil || len(script.Statements) != 1 {
		return fmt.Errorf("an edited statement became %d statements: %w", len(script.Statements), err)
	}
	parts, err := sqlparse.FindUpsert(f.text, script.Statements[0].Span, script.Statements[0].Node)
	if err != nil {
		return err
	}
	if parts == nil || parts.Odd != "" {
		odd := "this conflict"
		if parts != nil {
			odd = parts.Odd
		}
		return &sqlparse.Error{Code: "0A000", Message: "INSERT … ON CONFLICT with " + odd + " is not supported for a table of a databackend", Position: target.Span.Start,
			Hint: "Name the columns of a unique key: ON CONFLICT (column, …)."}
	}
	u.returns, u.update = parts.Returning != (sqlparse.Span{}), parts.Update
	child := f.found[f.target()]
	w := &upsertWriter{f: f, u: u, text: f.text, parts: parts, child: child}
	if err := w.read(ctx, h); err != nil {
		return err
	}
	if f.text, err = w.write(ctx, h); err != nil {
		return err
	}
	f.upsert = u
	return nil
}

// upsertWriter writes the statement.
type upsertWriter struct {
	f       *foreignStatement
	u       *upsert
	text    string
	parts   *sqlparse.Upsert
	child   mirrored
	columns []foreignColumn
	keys    []string
}

// readColumns lists the columns of a foreign table that can be written, with their defaults there, and readKeys those of a
// unique constraint of the relation that clients name.
const (
	readColumns = `SELECT a.attname::pg_catalog.text, pg_catalog.format_type(a.atttypid, -1), coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), 'NULL')
FROM pg_catalog.pg_attribute AS a LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = $1::pg_catalog.text::pg_catalog.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum`
	readKeys = `SELECT a.attname::pg_catalog.text FROM pg_catalog.pg_constraint AS c, pg_catalog.unnest(c.conkey) WITH ORDINALITY AS k(num, i), pg_catalog.pg_attribute AS a
WHERE c.conrelid = $1::pg_catalog.text::pg_catalog.oid AND c.conname = $2::pg_catalog.text AND a.attrelid = c.conrelid AND a.attnum = k.num ORDER BY k.i`
)

// read asks home for what the text does not say.
func (w *upsertWriter) read(ctx context.Context, h *homeSide) error {
	text := func(s string) []byte { return []byte(s) }
	var err error
	w.columns, err = h.foreignColumns(ctx, w.child.child)
	if w.keys = w.parts.Keys; err != nil || w.parts.Constraint == "" {
		return err
	}
	q := stream.Query{Text: readKeys, Types: []uint32{udf.Text.OID(), udf.Text.OID()}, Params: [][]byte{text(oidText(w.child.parent)), text(w.parts.Constraint)}, Formats: []int16{0}}
	err = h.rows(ctx, q, func(v [][]byte) error {
		w.keys = append(w.keys, string(v[0]))
		return nil
	})
	return unpositioned(err)
}

// foreignColumns lists the columns of a foreign table that can be written.
func (h *homeSide) foreignColumns(ctx context.Context, oid uint32) (columns []foreignColumn, err error) {
	q := stream.Query{Text: readColumns, Types: []uint32{udf.Text.OID()}, Params: [][]byte{[]byte(oidText(oid))}, Formats: []int16{0}}
	err = h.rows(ctx, q, func(v [][]byte) error {
		columns = append(columns, foreignColumn{string(v[0]), string(v[1]), string(v[2])})
		return nil
	})
	return columns, unpositioned(err)
}

func oidText(oid uint32) string { return strconv.FormatUint(uint64(oid), 10) }

// write gives the statement.
func (w *upsertWriter) write(ctx context.Context, h *homeSide) (string, error) {
	source, err := w.source(ctx, h)
	if err != nil {
		return "", err
	}
	p := w.parts
	name := p.Name.Of(w.text)
	ref := sqlparse.QuoteIdentifier(p.Table)
	target := name
	if p.Alias != "" {
		ref = sqlparse.QuoteIdentifier(p.Alias)
		target += " AS " + ref
	}
	var b strings.Builder
	if p.With == (sqlparse.Span{}) {
		b.WriteString("WITH ")
	} else {
		b.WriteString(p.With.Of(w.text) + ", ")
	}
	names := w.names("")
	keys := w.quoted(w.keys)
	fmt.Fprintf(&b, "pinnacle_proposed(%s, pinnacle_n) AS MATERIALIZED (SELECT q.*, pg_catalog.row_number() OVER () FROM (%s) AS q(%s))", names, source, names)
	fmt.Fprintf(&b, ", pinnacle_known(n, twice) AS MATERIALIZED (SELECT pg_catalog.array_agg(p.pinnacle_n), %s FROM pinnacle_proposed AS p JOIN %s AS o ON %s)",
		w.twice(keys, name, target, ref), name, w.equal("o", "p"))
	found := "coalesce(%s.pinnacle_n = ANY ((SELECT n FROM pinnacle_known)::pg_catalog.int8[]), false) AND (SELECT twice FROM pinnacle_known) IS NULL"
	if p.Update {
		fmt.Fprintf(&b, ", pinnacle_updated AS (UPDATE %s SET %s FROM pinnacle_proposed AS excluded WHERE %s AND "+fmt.Sprintf(found, "excluded"),
			target, p.Set.Of(w.text), w.equal(ref, "excluded"))
		if p.Where != (sqlparse.Span{}) {
			fmt.Fprintf(&b, " AND (%s)", p.Where.Of(w.text))
		}
		fmt.Fprintf(&b, " RETURNING %s.*)", ref)
	}
	fmt.Fprintf(&b, ", pinnacle_inserted AS (INSERT INTO %s (%s) SELECT %s FROM pinnacle_proposed AS p WHERE NOT ("+fmt.Sprintf(found, "p")+")",
		name, names, w.names("p."))
	if !p.Update {
		fmt.Fprintf(&b, " AND NOT EXISTS (SELECT FROM pinnacle_proposed AS a WHERE %s AND a.pinnacle_n < p.pinnacle_n)", w.equal("a", "p"))
	}
	b.WriteString(" ORDER BY p.pinnacle_n RETURNING *) SELECT ")
	if p.Returning == (sqlparse.Span{}) {
		b.WriteString("pg_catalog.count(*)")
	} else {
		b.WriteString(w.returning())
	}
	b.WriteString(" FROM (")
	if p.Update { // in the order in which they were proposed
		fmt.Fprintf(&b, "SELECT w.* FROM (SELECT * FROM pinnacle_updated UNION ALL SELECT * FROM pinnacle_inserted) AS w LEFT JOIN (SELECT %s, pg_catalog.max(pinnacle_n) AS pinnacle_n FROM pinnacle_proposed GROUP BY %[1]s) AS p ON %s ORDER BY p.pinnacle_n",
			strings.Join(keys, ", "), w.equal("w", "p"))
	} else {
		b.WriteString("SELECT * FROM pinnacle_inserted")
	}
	fmt.Fprintf(&b, ") AS %s", ref)
	return b.String(), nil
}

// source is a query for the proposed rows, with all columns in their types. A modifier of a type is left to the INSERT, which
// refuses a text that is too long where a cast would cut it.
func (w *upsertWriter) source(ctx context.Context, h *homeSide) (string, error) {
	given := w.parts.Columns
	if given == nil {
		given = w.list()
	}
	if len(w.parts.Rows) == 0 && w.parts.Query == (sqlparse.Span{}) {
		return "SELECT " + w.row(nil, nil), nil
	}
	if w.parts.Query != (sqlparse.Span{}) {
		query := w.parts.Query.Of(w.text)
		d, err := h.look(ctx, w.parts.With.Of(w.text)+" "+query, w.u.shape.params)
		if err != nil {
			return "", unpositioned(err)
		}
		var inner []string
		for i := range d.fields {
			inner = append(inner, fmt.Sprintf("pinnacle_%d", i))
		}
		list := strings.Join(inner, ", ")
		return fmt.Sprintf("SELECT %s FROM (%s) AS s(%s)", w.row(given, inner), query, list), nil
	}
	rows := make([]string, len(w.parts.Rows))
	for i, row := range w.parts.Rows {
		values := make([]string, len(row))
		for j, v := range row {
			if !v.Default {
				values[j] = "(" + v.Span.Of(w.text) + ")"
			}
		}
		rows[i] = "(" + w.row(given, values) + ")"
	}
	return "VALUES " + strings.Join(rows, ", "), nil
}

// row is one proposed row: the values of the given columns, "" for the default, and the defaults of the others.
func (w *upsertWriter) row(given, values []string) string {
	out := make([]string, len(w.columns))
	for i, c := range w.columns {
		value := c.value
		if at := slices.Index(given, c.name); at >= 0 && at < len(values) && values[at] != "" {
			value = values[at]
		}
		out[i] = "CAST(" + value + " AS " + c.typ + ")"
	}
	return strings.Join(out, ", ")
}

func (w *upsertWriter) list() []string {
	var names []string
	for _, c := range w.columns {
		names = append(names, c.name)
	}
	return names
}

// names lists the columns with something before each.
func (w *upsertWriter) names(before string) string {
	names := w.quoted(w.list())
	for i := range names {
		names[i] = before + names[i]
	}
	return strings.Join(names, ", ")
}

func (w *upsertWriter) quoted(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = sqlparse.QuoteIdentifier(n)
	}
	return out
}

// equal compares the key of two relations.
func (w *upsertWriter) equal(a, b string) string {
	var terms []string
	for _, k := range w.quoted(w.keys) {
		terms = append(terms, a+"."+k+" = "+b+"."+k)
	}
	return strings.Join(terms, " AND ")
}

// twice is an expression that fails where DO UPDATE would come to one row a second time: where two proposed rows have one key, and
// the first of them is inserted or changes the row that is there. A row that WHERE leaves alone may be proposed again.
func (w *upsertWriter) twice(keys []string, name, target, ref string) string {
	if !w.parts.Update {
		return "NULL::pg_catalog.int4"
	}
	var set []string
	for _, k := range keys {
		set = append(set, "t."+k+" IS NOT NULL")
	}
	same := func(more string) string {
		return fmt.Sprintf("SELECT FROM pinnacle_proposed AS t WHERE %s%s GROUP BY %s HAVING pg_catalog.count(*) > 1", strings.Join(set, " AND "), more, "t."+strings.Join(keys, ", t."))
	}
	found, guard := same(""), ""
	if w.parts.Where != (sqlparse.Span{}) {
		found = fmt.Sprintf("%s UNION ALL SELECT FROM %s JOIN pinnacle_proposed AS excluded ON %s WHERE EXISTS (SELECT FROM pinnacle_proposed AS t WHERE %s AND t.pinnacle_n > excluded.pinnacle_n) AND (%s)",
			same(fmt.Sprintf(" AND NOT EXISTS (SELECT FROM %s AS o WHERE %s)", name, w.equal("o", "t"))), target, w.equal(ref, "excluded"), w.equal("t", "excluded"), w.parts.Where.Of(w.text))
		guard = fmt.Sprintf("CASE WHEN EXISTS (%s) THEN ", same(""))
	}
	text := fmt.Sprintf("%s(SELECT %s FROM (%s LIMIT 1) AS d)::pg_catalog.int4", guard, sqlparse.QuoteLiteral(twiceText)+"::pg_catalog.text", found)
	if guard != "" {
		text += " END"
	}
	return text
}

// returning is the client's list over the rows that were written, without schemas before columns.
func (w *upsertWriter) returning() string {
	text := w.parts.Returning.Of(w.text)
	script, err := sqlparse.Parse(w.text, w.f.s.cfg.Parse)
	if err != nil {
		return text
	}
	m, err := sqlparse.FindMentions(w.text, script.Statements[0].Span, script.Statements[0].Node)
	if err != nil {
		return text
	}
	var edits []sqlparse.Edit
	for _, q := range m.Qualifiers {
		if w.parts.Returning.Contains(q.Span) && q.Schema == w.child.foreign && q.Name == w.parts.Table {
			at := w.parts.Returning.Start
			edits = append(edits, sqlparse.Edit{Span: sqlparse.Span{Start: q.Span.Start - at, End: q.Span.End - at}})
		}
	}
	if spliced, err := sqlparse.Splice(text, edits); err == nil {
		return spliced.Text
	}
	return text
}

// plan has home plan the client's own statement once: it finds the unique index of the conflict, or says that there is none.
func (u *upsert) plan(ctx context.Context, h *homeSide, b *pgproto3.Bind) error {
	if u.planned {
		return nil
	}
	err := h.ask(&pgproto3.Close{ObjectType: 'S', Name: typedName}, &pgproto3.Parse{Name: typedName, Query: u.original, ParameterOIDs: u.shape.params},
		&pgproto3.Bind{DestinationPortal: typedName, PreparedStatement: typedName, ParameterFormatCodes: b.ParameterFormatCodes, Parameters: b.Parameters},
		&pgproto3.Close{ObjectType: 'P', Name: typedName}, &pgproto3.Close{ObjectType: 'S', Name: typedName})
	if err != nil {
		return err
	}
	if err := h.expect(ctx, "31233", nil); err != nil {
		return unpositioned(err)
	}
	u.planned = true
	return nil
}

// failed gives home's error as the one of an INSERT.
func (u *upsert) failed(err error) error {
	if sqlState(err) == "22P02" && strings.Contains(err.Error(), twiceText) {
		return &homeError{response: pgproto3.ErrorResponse{Code: "21000", Message: "ON CONFLICT DO UPDATE command cannot affect row a second time",
			Hint: "Ensure that no rows proposed for insertion within the same command have duplicate constrained values."}}
	}
	return unpositioned(err)
}

// upsertCursor is a portal over an upsert.
type upsertCursor struct {
	foreignCursor
	u *upsert
}

// execute implements cursor.
func (c *upsertCursor) execute(ctx context.Context, h *homeSide, limit int64) (string, error) {
	if c.u.returns {
		tag, err := c.homeCursor.execute(ctx, h, limit)
		return insertTag(tag), c.f.unnamed(c.u.failed(err))
	}
	if err := h.ask(&pgproto3.Execute{Portal: c.portal}); err != nil {
		return "", err
	}
	count := ""
	err := h.each(ctx, func(v [][]byte) error {
		if len(v) == 1 {
			count = string(v[0])
		}
		return nil
	})
	return "INSERT 0 " + count, c.f.unnamed(c.u.failed(err))
}

// insertTag makes the tag of an INSERT of that of a SELECT; "" stays.
func insertTag(tag string) string {
	if n, ok := strings.CutPrefix(tag, "SELECT "); ok {
		return "INSERT 0 " + n
	}
	return tag
}
