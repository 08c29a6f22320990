package foreign

import (
	"context"
	"errors"
	"io"
	"strconv"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/spool"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// compileInsert looks whether the engine takes the rows at all, so that PREPARE tells.
func (s *Server) compileInsert(st *Statement, tree *dialect.Insert) error {
	if tree.Into.Table.ReadOnly != "" {
		return readOnly(tree.Into.Table)
	}
	if len(tree.Returning) > 0 {
		st.Columns = typesOf(tree.Returning)
	}
	return nil
}

// readOnly is the refusal of changes to a relation that cannot be written.
func readOnly(t *dialect.Table) *backend.Error {
	e := refuse("table %q of the databackend cannot be changed", t.Name)
	e.Detail = t.ReadOnly
	return e
}

// insert puts rows in: those next to each other in which the engine gives the values of the same columns at once.
func (l *link) insert(ctx context.Context, st *Statement, tree *dialect.Insert, params [][]byte) (outcome, error) {
	groups := groupRows(tree, params)
	if len(groups) == 1 && len(tree.Returning) == 0 {
		return l.insertGroup(ctx, st, tree, groups[0], params)
	}
	var all outcome
	var kept *spool.Spool
	if len(tree.Returning) > 0 {
		kept = l.server.spool()
		all.rows = &keptRows{kept}
	}
	for _, g := range groups {
		out, err := l.insertGroup(ctx, st, tree, g, params)
		if err == nil && kept != nil {
			err = keep(ctx, kept, out.rows)
		}
		if err != nil {
			if kept != nil {
				err = errors.Join(err, kept.Close())
			}
			return outcome{}, err
		}
		all.n += out.n
	}
	return all, nil
}

// keptRows are rows that were read into a spool.
type keptRows struct{ *spool.Spool }

// Next implements backend.Rows.
func (k *keptRows) Next(context.Context) ([][]byte, error) { return k.Spool.Next() }

// keep reads rows to their end into a spool.
func keep(ctx context.Context, to *spool.Spool, rows backend.Rows) error {
	for {
		row, err := rows.Next(ctx)
		if errors.Is(err, io.EOF) {
			return rows.Close()
		}
		if err == nil {
			err = to.Add(row)
		}
		if err != nil {
			return errors.Join(err, rows.Close())
		}
	}
}

// rowGroup is rows from up to, not including, to, with the same pattern: one byte a column, 'd' where the engine gives the
// value.
type rowGroup struct {
	from, to int
	pattern  string
}

// groupRows parts the rows of an INSERT. Rows in which the engine gives everything stand alone.
func groupRows(tree *dialect.Insert, params [][]byte) []rowGroup {
	if len(tree.Rows) == 0 {
		return []rowGroup{{0, 1, ""}}
	}
	var out []rowGroup
	pattern := make([]byte, len(tree.Columns))
	for i, row := range tree.Rows {
		given := false
		for c, column := range tree.Columns {
			pattern[c] = 'v'
			if generated(column, row[c], params) {
				pattern[c] = 'd'
			} else {
				given = true
			}
		}
		if last := len(out) - 1; last >= 0 && given && out[last].pattern == string(pattern) {
			out[last].to = i + 1
			continue
		}
		out = append(out, rowGroup{i, i + 1, string(pattern)})
	}
	return out
}

// insertGroup puts in the rows of one group.
func (l *link) insertGroup(ctx context.Context, st *Statement, tree *dialect.Insert, g rowGroup, params [][]byte) (outcome, error) {
	v, err := st.variant(strconv.Itoa(g.from)+"-"+strconv.Itoa(g.to)+g.pattern, func() (*variant, error) {
		built, places := insertOf(tree, g)
		program, err := l.server.compileChange(built)
		return &variant{program: program, params: places}, err
	})
	var unproven *dialect.Unproven
	if errors.As(err, &unproven) && len(tree.Returning) > 0 {
		return l.insertAndRead(ctx, tree, g, params, unproven)
	}
	if err != nil {
		return outcome{}, err
	}
	return l.runVariant(ctx, v, params, len(tree.Returning) > 0)
}

// insertOf is the INSERT of a group without the columns that the engine gives, its parameters numbered anew.
func insertOf(tree *dialect.Insert, g rowGroup) (built *dialect.Insert, places []int) {
	built = &dialect.Insert{Into: tree.Into, DoNothing: tree.DoNothing, Returning: tree.Returning}
	var numbers renumber
	for c, column := range tree.Columns {
		if g.pattern[c] == 'v' {
			built.Columns = append(built.Columns, column)
		}
	}
	if len(built.Columns) == 0 {
		return built, nil
	}
	for _, row := range tree.Rows[g.from:g.to] {
		var values []dialect.Expr
		for c, value := range row {
			if g.pattern[c] == 'v' {
				values = append(values, numbers.expr(value))
			}
		}
		built.Rows = append(built.Rows, values)
	}
	return built, numbers.places
}

// insertAndRead puts rows in and reads them again by their keys, for engines that have no RETURNING. That needs keys which
// the client gives.
func (l *link) insertAndRead(ctx context.Context, tree *dialect.Insert, g rowGroup, params [][]byte, unproven *dialect.Unproven) (outcome, error) {
	table := tree.Into.Table
	plain := *tree
	plain.Returning = nil
	built, places := insertOf(&plain, g)
	read, err := l.server.keyedSelect(table, primaryKey(table), tree.Returning)
	if err != nil || tree.DoNothing {
		return outcome{}, unproven
	}
	keys, ok := insertedKeys(built, primaryKey(table), (&variant{params: places}).values(params))
	if !ok {
		return outcome{}, unproven
	}
	program, err := l.server.compileChange(built)
	if err != nil {
		return outcome{}, err
	}
	if _, err := l.runVariant(ctx, &variant{program: program, params: places}, params, false); err != nil {
		return outcome{}, err
	}
	kept := l.server.spool()
	for _, key := range keys {
		rows, err := l.query(ctx, read, key, false)
		if err == nil {
			err = keep(ctx, kept, rows)
		}
		if err != nil {
			return outcome{}, errors.Join(err, kept.Close())
		}
	}
	return outcome{rows: &keptRows{kept}}, nil
}

// insertedKeys are the primary keys of the rows of an INSERT; ok is false where it does not give them as parameters.
func insertedKeys(built *dialect.Insert, columns []*dialect.Column, values [][]byte) (keys [][][]byte, ok bool) {
	for _, row := range built.Rows {
		var key [][]byte
		for _, k := range columns {
			var found []byte
			for c, column := range built.Columns {
				if p, isParam := row[c].(*dialect.Param); isParam && column == k {
					found = values[p.Number-1]
				}
			}
			if found == nil {
				return nil, false
			}
			key = append(key, found)
		}
		keys = append(keys, key)
	}
	return keys, len(keys) > 0 && len(columns) > 0
}
