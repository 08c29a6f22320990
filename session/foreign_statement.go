package session

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"
	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// foreignStatement is a statement over mirrored relations, run by home with the foreign tables' names in place of theirs:
// postgres_fdw ships joins, aggregates and direct changes only for these, and COPY, ONLY and the tag of INSERT mean the rows
// of the databackend only there. Where a name's place cannot be taken without a doubt, the statement is the client's own.
type foreignStatement struct {
	homeText
	s        *session
	script   *sqlparse.Script
	st       *sqlparse.Statement
	mentions *sqlparse.Mentions
	declared []uint32

	// found is what the mentions stand for, and children what of that has taken their places, by OID.
	found    []mirrored
	children map[uint32]mirrored
	// spliced is the whole script's text as edited, nil where it is the client's own. Only the statement is edited in it, so
	// that it begins where it does in the script.
	spliced *sqlparse.Spliced
	// copied are the columns of the relation that COPY TO names without any; "" for other statements.
	copied string
	// upsert is set for INSERT … ON CONFLICT that names a conflict; text is then another statement.
	upsert *upsert
	// promised is what the client was told first of the result.
	promised []pgproto3.FieldDescription
	told     bool
}

// foreignStatement makes the statement of one that mentions relations.
func (s *session) foreignStatement(script *sqlparse.Script, st *sqlparse.Statement, m *sqlparse.Mentions) *foreignStatement {
	return &foreignStatement{s: s, script: script, st: st, mentions: m}
}

func (f *foreignStatement) plan() string                        { return "foreign" }
func (f *foreignStatement) fields() []pgproto3.FieldDescription { return f.promised }

// resolve asks home what the names stand for and makes the text that home runs. changed says that it is not what it was.
func (f *foreignStatement) resolve(ctx context.Context, h *homeSide) (changed bool, err error) {
	found, err := f.s.resolve(ctx, h, f.mentions.Relations)
	if err != nil {
		return false, err
	}
	if f.found != nil && same(f.found, found) {
		return false, nil
	}
	f.found = found
	if err := f.findCopied(ctx, h); err != nil {
		return false, err
	}
	if err := f.splice(); err != nil {
		return false, err
	}
	if f.mentions.Grouped && f.spliced != nil {
		agrees, err := f.agrees(ctx, h)
		if err != nil {
			return false, err
		}
		if !agrees {
			f.keep()
		}
	}
	if f.upsert = nil; f.isUpsert() {
		return true, f.makeUpsert(ctx, h)
	}
	return true, nil
}

// findCopied asks home which columns COPY gives of a relation that is copied whole: those that are generated it leaves out.
func (f *foreignStatement) findCopied(ctx context.Context, h *homeSide) error {
	f.copied = ""
	for i, r := range f.mentions.Relations {
		if r.Use != sqlparse.CopiedTo || r.Columns != (sqlparse.Span{}) || f.found[i].child == 0 {
			continue
		}
		columns, err := h.foreignColumns(ctx, f.found[i].child)
		if err != nil {
			return err
		}
		var names []string
		for _, c := range columns {
			names = append(names, sqlparse.QuoteIdentifier(c.name))
		}
		f.copied = strings.Join(names, ", ")
	}
	return nil
}

// same reports whether names stand for the same relations.
func same(a, b []mirrored) bool {
	for i := range a {
		was, is := a[i], b[i]
		was.readable = is.readable
		if was != is {
			return false
		}
	}
	return true
}

// keep leaves the client's text as it is.
func (f *foreignStatement) keep() {
	f.spliced, f.children = nil, nil
	f.text = f.st.Span.Of(f.script.Text)
}

// splice edits the text for what was found.
func (f *foreignStatement) splice() error {
	f.keep()
	if err := f.refuse(); err != nil {
		return err
	}
	edits, children := f.replacements(false)
	if len(edits) == 0 {
		return nil
	}
	spliced, err := sqlparse.Splice(f.script.Text, edits)
	if err != nil {
		return err
	}
	f.spliced, f.children = spliced, children
	f.text = spliced.Text[f.st.Span.Start : len(spliced.Text)-(len(f.script.Text)-f.st.Span.End)]
	return nil
}

// replacements are the edits that put foreign tables in the places of what they are behind, and these tables by OID. What is
// only read is the same without them: it is left out where least is asked for, and where it could mean something else.
func (f *foreignStatement) replacements(least bool) ([]sqlparse.Edit, map[uint32]mirrored) {
	places := make([]sqlparse.Place, len(f.found))
	children := map[uint32]mirrored{}
	for i, m := range f.found {
		r := &f.mentions.Relations[i]
		places[i].Parent = m.schema
		if m.child == 0 || m.own || least && r.Use == sqlparse.Read && !r.Only {
			continue
		}
		places[i].Schema, places[i].Columns = m.foreign, f.copied
		children[m.child] = m
	}
	edits, ok := f.mentions.Splice(f.script.Text, places)
	switch {
	case ok:
		return edits, children
	case !least:
		return f.replacements(true)
	}
	return nil, nil
}

// edits are the replacements for a statement that calls predict, which is planned with them.
func (f *foreignStatement) edits(ctx context.Context, h *homeSide) ([]sqlparse.Edit, error) {
	var err error
	if f.found, err = f.s.resolve(ctx, h, f.mentions.Relations); err != nil {
		return nil, err
	}
	if err := f.refuse(); err != nil {
		return nil, err
	}
	edits, _ := f.replacements(f.mentions.Grouped)
	if c := f.st.Node.GetInsertStmt().GetOnConflictClause(); len(edits) > 0 && c != nil && f.found[f.target()].child != 0 &&
		(c.Infer != nil || c.Action == pg_query.OnConflictAction_ONCONFLICT_UPDATE) {
		return nil, &sqlparse.Error{Code: "0A000", Message: "INSERT … ON CONFLICT with predict is not supported for a table of a databackend, where it names a conflict",
			Position: int(c.Location), Hint: "Put the predictions into a temporary table first."}
	}
	return edits, nil
}

// refuse gives the error for what would silently mean other rows than those of the databackend.
func (f *foreignStatement) refuse() error {
	for i, r := range f.mentions.Relations {
		if r.Sampled && f.found[i].child != 0 {
			return &sqlparse.Error{Code: "0A000", Message: "TABLESAMPLE is not supported for a table of a databackend", Position: r.Span.Start,
				Hint: "Use WHERE random() < fraction."}
		}
		if r.Use == sqlparse.Merged && f.found[i].child != 0 {
			return &sqlparse.Error{Code: "0A000", Message: "MERGE is not supported into a table of a databackend", Position: r.Span.Start,
				Hint: "Use INSERT … ON CONFLICT, or UPDATE, INSERT and DELETE in one transaction."}
		}
	}
	return nil
}

// agrees reports whether home takes the edited text where a column may stand beside GROUP BY only because its table has a
// primary key, which the foreign table has not.
func (f *foreignStatement) agrees(ctx context.Context, h *homeSide) (bool, error) {
	switch {
	case f.mentions.Kept:
		return false, nil
	case h.x.InBlock():
		refused, err := h.prepareApart(ctx, &block{savepoints: true}, typedName, f.text, f.declared)
		if err == nil && !refused {
			h.forget(typedName)
		}
		return !refused, err
	case !h.alone || h.x.TxStatus() != 'I':
		return false, nil
	}
	_, err := h.look(ctx, f.text, f.declared)
	if sqlState(err) != "" && ctx.Err() == nil {
		return false, h.x.Settle(ctx)
	}
	return err == nil, err
}

// prepare implements statement.
func (f *foreignStatement) prepare(ctx context.Context, h *homeSide, name string, declared []uint32) error {
	f.declared = declared
	if _, err := f.resolve(ctx, h); err != nil {
		return err
	}
	if f.upsert != nil {
		declared = f.upsert.shape.params
	}
	if err := f.homeText.prepare(ctx, h, name, declared); err != nil {
		return f.position(err)
	}
	if f.own(f.home.fields); f.upsert != nil {
		f.home = f.upsert.shape
	}
	if !f.told {
		f.promised, f.told = f.home.fields, true
	}
	return nil
}

// renew implements statement: names may stand for other relations since, by the search path or by what was made.
func (f *foreignStatement) renew(ctx context.Context, h *homeSide) error {
	changed, err := f.resolve(ctx, h)
	if err != nil || !changed {
		return err
	}
	if err := h.closeStatement(ctx, f.name); err != nil {
		return err
	}
	f.found = nil
	if err := f.prepare(ctx, h, f.name, f.home.params); err != nil {
		return err
	}
	return sameColumns(f.promised, f.home.fields)
}

// sameColumns refuses a change of a prepared statement's result, as PostgreSQL does.
func sameColumns(before, after []pgproto3.FieldDescription) error {
	if sameResult(before, after) != nil {
		return coded("0A000", "cached plan must not change result type", "", "")
	}
	return nil
}

// bind implements statement.
func (f *foreignStatement) bind(ctx context.Context, h *homeSide, b *pgproto3.Bind) (cursor, error) {
	if c, err := f.direct(ctx, h, b); c != nil || err != nil {
		return c, err
	}
	return f.bindHome(ctx, h, b)
}

// bindHome has home bind the statement.
func (f *foreignStatement) bindHome(ctx context.Context, h *homeSide, b *pgproto3.Bind) (cursor, error) {
	if f.upsert != nil {
		if err := f.upsert.plan(ctx, h, b); err != nil {
			return nil, err
		}
		if !f.upsert.returns {
			// What comes is the number of rows, for the command tag.
			own := *b
			own.ResultFormatCodes = nil
			b = &own
		}
	}
	c, err := f.bindOnHome(ctx, h, b, f.plan())
	if err != nil {
		return nil, f.unnamed(err)
	}
	if f.upsert != nil {
		return &upsertCursor{foreignCursor{homeCursor: *c, f: f}, f.upsert}, nil
	}
	if explainer := f.explainer(); explainer != nil {
		c.row = h.explainRows(explainer)
	}
	return &foreignCursor{homeCursor: *c, f: f}, nil
}

// foreignCursor is a portal over a foreignStatement.
type foreignCursor struct {
	homeCursor
	f *foreignStatement
}

// execute implements cursor.
func (c *foreignCursor) execute(ctx context.Context, h *homeSide, limit int64) (string, error) {
	tag, err := c.homeCursor.execute(ctx, h, limit)
	return tag, c.f.unnamed(err)
}

// relay runs the statement of a simple Query and passes home's answers on.
func (f *foreignStatement) relay(ctx context.Context, h *homeSide) error {
	if _, err := f.resolve(ctx, h); err != nil {
		return err
	}
	if f.upsert != nil || f.explainer() != nil {
		return f.s.runOwn(ctx, h, f)
	}
	if done, err := f.relayDirect(ctx, h); done || err != nil {
		return err
	}
	if f.spliced != nil {
		h.describing = f.ownBody
		defer func() { h.describing = nil }()
	}
	return f.position(h.relay(ctx, f.text))
}

// position maps an error of home's about the edited text to the client's.
func (f *foreignStatement) position(err error) error {
	if f.upsert != nil {
		return f.unnamed(f.upsert.failed(err))
	}
	text, origin := f.text, func(at int) int { return f.st.Span.Start + at }
	if f.spliced != nil {
		origin = func(at int) int { return f.spliced.Original(f.st.Span.Start + at) }
	}
	return f.unnamed(repositioned(err, text, f.script.Text, origin))
}

// unnamed takes the foreign tables out of what home says in an error.
func (f *foreignStatement) unnamed(err error) error {
	var home *homeError
	if f.spliced == nil || !errors.As(err, &home) {
		return err
	}
	e := *home
	for _, m := range f.children {
		if e.response.SchemaName == m.foreign {
			e.response.SchemaName = m.schema
		}
		e.response.Message = strings.ReplaceAll(e.response.Message, sqlparse.QuoteIdentifier(m.foreign)+".", sqlparse.QuoteIdentifier(m.schema)+".")
	}
	if e.response.Code == "42501" {
		e.response.Message = strings.Replace(e.response.Message, "permission denied for foreign table ", "permission denied for table ", 1)
	}
	return &e
}

// own gives columns of foreign tables the relations that the client has named as their origins.
func (f *foreignStatement) own(fields []pgproto3.FieldDescription) {
	for i := range fields {
		if m, ok := f.children[fields[i].TableOID]; ok {
			fields[i].TableOID = m.parent
		}
	}
}

// ownBody is own for the body of a RowDescription.
func (f *foreignStatement) ownBody(body []byte) {
	const fixed = 4 + 2 + 4 + 2 + 4 + 2 // behind each name: table, column, type, size, modifier, format
	if len(body) < 2 {
		return
	}
	for body = body[2:]; ; body = body[fixed:] {
		end := bytes.IndexByte(body, 0)
		if end < 0 || len(body) < end+1+fixed {
			return
		}
		body = body[end+1:]
		if m, ok := f.children[binary.BigEndian.Uint32(body)]; ok {
			binary.BigEndian.PutUint32(body, m.parent)
		}
	}
}
