package foreign

import (
	"context"
	"errors"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend/spool"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// keyedChange is an UPDATE or DELETE "WHERE ctid = $n".
type keyedChange struct {
	table *dialect.Table
	// ticket is the place of the parameter with the ctid.
	ticket int
	// set are an UPDATE's assignments, their values parameters or DEFAULT.
	set       []dialect.Assignment
	update    bool
	returning []dialect.Expr
}

// asKeyed tells "WHERE ctid = $n" from other conditions. An error says that ctid stands where it cannot.
func asKeyed(where []dialect.Expr) (ticket int, ok bool, err error) {
	if len(where) == 1 {
		if op, isOp := where[0].(*dialect.Operator); isOp && op.Name == "=" {
			_, isID := op.Left.(*dialect.RowID)
			if p, isParam := stripCast(op.Right).(*dialect.Param); isID && isParam {
				return p.Number - 1, true, nil
			}
		}
	}
	for _, term := range where {
		dialect.Walk(term, func(e dialect.Expr) bool {
			if _, isID := e.(*dialect.RowID); isID {
				err = errTicket()
			}
			return true
		})
	}
	return 0, false, err
}

// stripCast takes casts off.
func stripCast(e dialect.Expr) dialect.Expr {
	for {
		c, ok := e.(*dialect.Cast)
		if !ok {
			return e
		}
		e = c.Arg
	}
}

// keyOf are the columns by which a row of a table is found again; none if there are none.
func keyOf(table *dialect.Table) []*dialect.Column {
	if table.RowKey != nil {
		return []*dialect.Column{table.RowKey}
	}
	return primaryKey(table)
}

// primaryKey are the columns of a table's primary key; none if there is none.
func primaryKey(table *dialect.Table) []*dialect.Column {
	var out []*dialect.Column
	for _, name := range table.PrimaryKey {
		c := table.Column(name)
		if c == nil {
			return nil
		}
		out = append(out, c)
	}
	return out
}

// rowKey is the condition on the columns of a key, its values parameters from first on.
func rowKey(columns []*dialect.Column, first int) *dialect.RowKey {
	key := &dialect.RowKey{Columns: columns}
	for i, c := range columns {
		key.Values = append(key.Values, &dialect.Param{Number: first + i, Type: c.Type})
	}
	return key
}

// keyedSelect reads columns of the row of a table with a key.
func (s *Server) keyedSelect(table *dialect.Table, key []*dialect.Column, columns []dialect.Expr) (backend.Program, error) {
	plain := make([]dialect.Expr, len(columns))
	for i, c := range columns {
		ref, ok := c.(*dialect.ColumnRef)
		if !ok || ref.Column == nil {
			return nil, &dialect.Unproven{What: "RETURNING of an expression"}
		}
		plain[i] = &dialect.ColumnRef{Column: ref.Column, Name: ref.Name, Type: ref.Type}
	}
	return s.compileChange(&dialect.Select{Columns: plain, From: &dialect.Relation{Table: table}, Where: []dialect.Expr{rowKey(key, 1)}})
}

// build is the change for the engine: its parameters are the values that the client gives, then the key. pattern has one byte
// for each assignment, 'd' where the engine gives the value.
func (k *keyedChange) build(pattern string, returning bool) (tree dialect.Statement, places []int) {
	var numbers renumber
	var set []dialect.Assignment
	for i, a := range k.set {
		if pattern[i] == 'd' {
			set = append(set, dialect.Assignment{Column: a.Column, Value: &dialect.Default{Type: a.Column.Type}})
			continue
		}
		set = append(set, dialect.Assignment{Column: a.Column, Value: numbers.expr(a.Value)})
	}
	key := rowKey(keyOf(k.table), len(numbers.places)+1)
	var columns []dialect.Expr
	if returning {
		columns = k.returning
	}
	of := &dialect.Relation{Table: k.table}
	if k.update {
		return &dialect.Update{Table: of, Set: set, Where: []dialect.Expr{key}, Returning: columns}, numbers.places
	}
	return &dialect.Delete{Table: of, Where: []dialect.Expr{key}, Returning: columns}, numbers.places
}

// pattern says which assignments' values are the engine's.
func pattern(set []dialect.Assignment, params [][]byte) string {
	out := make([]byte, len(set))
	for i, a := range set {
		out[i] = 'v'
		if generated(a.Column, a.Value, params) {
			out[i] = 'd'
		}
	}
	return string(out)
}

// changeKeyed changes the row that a ticket stands for.
func (l *link) changeKeyed(ctx context.Context, st *Statement, params [][]byte) (outcome, error) {
	k := st.keyed
	row, err := l.tickets.find(params[k.ticket])
	if err != nil {
		return outcome{}, err
	}
	if len(row.key) != len(keyOf(k.table)) {
		return outcome{}, errTicket()
	}
	name := k.table.Schema + "." + k.table.Name
	if l.tickets.void(row, name) {
		return l.nothing(k.returning), nil
	}
	out, err := l.changeRow(ctx, st, row.key, params)
	if err == nil {
		err = l.tickets.use(row, name)
	}
	return out, err
}

// nothing is the outcome of a change that found no row.
func (l *link) nothing(returning []dialect.Expr) outcome {
	if len(returning) == 0 {
		return outcome{}
	}
	return outcome{rows: &keptRows{spool.New(spool.Limits{})}}
}

// changeRow changes the row with a key. Where the engine has no RETURNING, the row is read before it is deleted, or after
// it was updated.
func (l *link) changeRow(ctx context.Context, st *Statement, key, params [][]byte) (outcome, error) {
	k := st.keyed
	which := pattern(k.set, params)
	v, err := st.variant(which, func() (*variant, error) {
		tree, places := k.build(which, true)
		program, err := l.server.compileChange(tree)
		return &variant{program: program, params: places}, err
	})
	var unproven *dialect.Unproven
	if errors.As(err, &unproven) && len(k.returning) > 0 {
		return l.changeAndRead(ctx, st, which, key, params)
	}
	if err != nil {
		return outcome{}, err
	}
	return l.runProgram(ctx, v.program, append(v.values(params), key...), len(k.returning) > 0)
}

// changeAndRead changes a row and reads what RETURNING asks for by itself.
func (l *link) changeAndRead(ctx context.Context, st *Statement, which string, key, params [][]byte) (outcome, error) {
	k := st.keyed
	read, err := l.server.keyedSelect(k.table, keyOf(k.table), k.returning)
	if err != nil {
		return outcome{}, err
	}
	v, err := st.variant("plain"+which, func() (*variant, error) {
		tree, places := k.build(which, false)
		program, err := l.server.compileChange(tree)
		return &variant{program: program, params: places}, err
	})
	if err != nil {
		return outcome{}, err
	}
	kept := l.server.spool()
	fetch := func(key [][]byte) error {
		rows, err := l.query(ctx, read, key, false)
		if err != nil {
			return err
		}
		return keep(ctx, kept, rows)
	}
	if !k.update {
		err = fetch(key)
	}
	if err == nil {
		var n int64
		n, err = l.exec(ctx, v.program, append(v.values(params), key...))
		if err == nil && k.update && n > 0 {
			err = fetch(k.keyAfter(key, params))
		}
	}
	if err != nil {
		return outcome{}, errors.Join(err, kept.Close())
	}
	return outcome{rows: &keptRows{kept}}, nil
}

// keyAfter is a row's key once the assignments are made.
func (k *keyedChange) keyAfter(key, params [][]byte) [][]byte {
	out := append([][]byte(nil), key...)
	for i, c := range keyOf(k.table) {
		for _, a := range k.set {
			if p, ok := stripCast(a.Value).(*dialect.Param); ok && a.Column == c {
				out[i] = params[p.Number-1]
			}
		}
	}
	return out
}
