package foreign

import (
	"context"
	"errors"
	"io"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/spool"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// foundChange is an UPDATE or DELETE that the engine is not asked for whole: the keys of its rows, the new values and what
// RETURNING asks for are read first, as a Select is; then each row is changed by its key.
type foundChange struct {
	table *dialect.Table
	read  *Statement
	// keys, values and returning are how many columns of read each takes, in that order.
	keys, values, returning int
	program                 backend.Program
	// set are the columns of the values.
	set []*dialect.Column
	// joined says that a row may be found several times; only the first counts.
	joined bool
}

// compileUpdate prepares an UPDATE: of the row of a ticket, whole for the engine, or row by row.
func (s *Server) compileUpdate(st *Statement, tree *dialect.Update) error {
	table := tree.Table.Table
	if err := st.writes(table, tree.Returning); err != nil {
		return err
	}
	ticket, keyed, err := asKeyed(tree.Where)
	if err != nil {
		return err
	}
	if keyed {
		st.keyed = &keyedChange{table: table, ticket: ticket, set: tree.Set, update: true, returning: tree.Returning}
		return st.keyed.check()
	}
	if st.program, st.Unproven, err = s.engineCompile(tree); err != nil || st.Unproven == nil {
		return err
	}
	var set []dialect.Assignment
	for _, a := range tree.Set {
		if !generated(a.Column, a.Value, nil) {
			set = append(set, a)
		}
	}
	if len(set) < len(tree.Set) {
		return refuse("DEFAULT cannot be set in an UPDATE that the databackend is not asked for whole")
	}
	return s.compileFound(st, tree.Table, tree.From, tree.Where, set, tree.Returning, true)
}

// compileDelete prepares a DELETE, as compileUpdate does.
func (s *Server) compileDelete(st *Statement, tree *dialect.Delete) error {
	table := tree.Table.Table
	if err := st.writes(table, tree.Returning); err != nil {
		return err
	}
	ticket, keyed, err := asKeyed(tree.Where)
	if err != nil {
		return err
	}
	if keyed {
		st.keyed = &keyedChange{table: table, ticket: ticket, returning: tree.Returning}
		return st.keyed.check()
	}
	if st.program, st.Unproven, err = s.engineCompile(tree); err != nil || st.Unproven == nil {
		return err
	}
	return s.compileFound(st, tree.Table, tree.Using, tree.Where, nil, tree.Returning, false)
}

// compileTruncate prepares a TRUNCATE.
func (s *Server) compileTruncate(st *Statement, tree *dialect.Truncate) error {
	for _, t := range tree.Tables {
		if t.ReadOnly != "" {
			return readOnly(t)
		}
	}
	var err error
	st.program, err = s.compileChange(tree)
	return err
}

// writes notes what a change returns, and refuses one of a table that cannot be written.
func (st *Statement) writes(table *dialect.Table, returning []dialect.Expr) error {
	if table.ReadOnly != "" {
		return readOnly(table)
	}
	if len(returning) > 0 {
		st.Columns = typesOf(returning)
	}
	return nil
}

// check refuses tables whose rows cannot be found again.
func (k *keyedChange) check() error {
	if len(keyOf(k.table)) == 0 {
		return noKey(k.table)
	}
	return nil
}

// compileFound prepares what is read, and the change by key.
func (s *Server) compileFound(st *Statement, target *dialect.Relation, others dialect.From, where []dialect.Expr,
	set []dialect.Assignment, returning []dialect.Expr, update bool) error {
	table := target.Table
	key := keyOf(table)
	if len(key) == 0 {
		return noKey(table)
	}
	f := &foundChange{table: table, keys: len(key), values: len(set), returning: len(returning), joined: others != nil}
	read := &dialect.Select{From: target, Where: where, Lock: others == nil}
	if others != nil {
		read.From = &dialect.Join{Kind: dialect.CrossJoin, Left: target, Right: others}
	}
	for _, c := range key {
		read.Columns = append(read.Columns, &dialect.ColumnRef{Relation: target.Alias, Column: c, Name: c.Name, Type: c.Type})
	}
	change := &keyedChange{table: table, update: update}
	after := map[*dialect.Column]dialect.Expr{}
	for i, a := range set {
		value, err := assigned(a)
		if err != nil {
			return err
		}
		read.Columns = append(read.Columns, value)
		after[a.Column] = &dialect.Cast{Arg: value, To: a.Column.Type}
		f.set = append(f.set, a.Column)
		change.set = append(change.set, dialect.Assignment{Column: a.Column, Value: &dialect.Param{Number: i + 1, Type: a.Column.Type}})
	}
	for _, e := range returning {
		e, err := returned(e, target.Alias, after, update)
		if err != nil {
			return err
		}
		read.Columns = append(read.Columns, e)
	}
	f.read = &Statement{Text: st.Text, tree: read, Params: st.Params}
	if err := s.compileSelect(f.read, read); err != nil {
		return err
	}
	pattern := make([]byte, len(set))
	for i := range pattern {
		pattern[i] = 'v'
	}
	tree, _ := change.build(string(pattern), false)
	var err error
	if f.program, err = s.compileChange(tree); err != nil {
		return err
	}
	st.found = f
	return nil
}

// returned is what RETURNING gives of the rows as they were before the change.
func returned(e dialect.Expr, target string, after map[*dialect.Column]dialect.Expr, update bool) (dialect.Expr, error) {
	ref, ok := e.(*dialect.ColumnRef)
	if !ok || ref.Column == nil || ref.Relation != target {
		if ok {
			return e, nil
		}
		return nil, refuse("RETURNING of an expression of a table of the databackend")
	}
	if update && ref.Column.Generated == dialect.Computed {
		return nil, refuse("RETURNING of column %q, which the databackend computes, in an UPDATE that it is not asked for whole", ref.Column.Name)
	}
	if value, set := after[ref.Column]; set {
		return value, nil
	}
	return e, nil
}

// changeFound reads the rows and changes them.
func (l *link) changeFound(ctx context.Context, st *Statement, params [][]byte) (out outcome, err error) {
	f := st.found
	rows, err := l.run(ctx, f.read, params)
	if err != nil {
		return outcome{}, err
	}
	var kept *spool.Spool
	if f.returning > 0 {
		kept = l.server.spool()
		out.rows = &keptRows{kept}
	}
	defer func() {
		err = errors.Join(err, rows.Close())
		if err != nil && kept != nil {
			err = errors.Join(err, kept.Close())
		}
	}()
	seen := map[[16]byte]bool{}
	for {
		found, err := rows.Next(ctx)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		row := cloneParams(found) // the engine's rows are parked before the change
		if f.joined {
			digest := keyDigest("", row[:f.keys])
			if seen[digest] {
				continue
			}
			if int64(len(seen)+1)*spentSize > max(l.server.config.Memory, 1<<20) {
				return out, &backend.Error{Code: codeLimitExceeded, Message: "too many rows are changed one by one in a join",
					Hint: "Change fewer rows at a time, or raise foreign_memory."}
			}
			seen[digest] = true
		}
		values := append(append([][]byte(nil), row[f.keys:f.keys+f.values]...), row[:f.keys]...)
		for i, c := range f.set {
			if values[i], err = fitText(values[i], c); err != nil {
				return out, err
			}
		}
		n, err := l.exec(ctx, f.program, values)
		if err != nil {
			return out, err
		}
		out.n += n
		if kept != nil && n > 0 {
			if err := kept.Add(row[f.keys+f.values:]); err != nil {
				return out, err
			}
		}
	}
}

// updateVariant is an UPDATE as the engine gets it with given parameters.
func (s *Server) updateVariant(st *Statement, tree *dialect.Update, params [][]byte) (*variant, error) {
	which := pattern(tree.Set, params)
	return st.variant(which, func() (*variant, error) {
		v := &variant{program: st.program}
		for i := range st.Params {
			v.params = append(v.params, i)
		}
		given := true
		changed := *tree
		changed.Set = append([]dialect.Assignment(nil), tree.Set...)
		for i := range which {
			if which[i] == 'd' {
				given = false
				changed.Set[i].Value = &dialect.Default{Type: changed.Set[i].Column.Type}
			}
		}
		if given {
			return v, nil
		}
		var numbers renumber
		for i, a := range changed.Set {
			changed.Set[i].Value = numbers.expr(a.Value)
		}
		changed.Where, changed.Returning = numbers.exprs(tree.Where), numbers.exprs(tree.Returning)
		if tree.From != nil {
			return nil, refuse("DEFAULT cannot be set in an UPDATE with FROM")
		}
		v.params = numbers.places
		var err error
		v.program, err = s.compileChange(&changed)
		return v, err
	})
}
