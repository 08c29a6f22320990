package foreign

import (
	"context"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// rowIDs says how the rows of an engine become the rows of a statement that asks for ctid: the engine is asked for the
// key in its place.
type rowIDs struct {
	// columns has one entry for each column of the statement.
	columns []rowIDColumn
	// joined says that a row may be found several times.
	joined bool
}

// rowIDColumn is a value of the engine's row, or the ticket of the key that lies in some of them.
type rowIDColumn struct {
	at  int
	key []int
}

// withKeys replaces ctid in a select list by keys, behind the other columns. ids is nil where there is none.
func withKeys(tree *dialect.Select) (asked *dialect.Select, ids *rowIDs, err error) {
	found := false
	for _, c := range tree.Columns {
		if _, ok := c.(*dialect.RowID); ok {
			found = true
		}
	}
	if !found {
		return tree, nil, nil
	}
	relations := dialect.Relations(tree.From)
	ids = &rowIDs{joined: len(relations) > 1}
	copied := *tree
	copied.Columns = nil
	for _, c := range tree.Columns {
		if _, ok := c.(*dialect.RowID); !ok {
			ids.columns = append(ids.columns, rowIDColumn{at: len(copied.Columns)})
			copied.Columns = append(copied.Columns, c)
			continue
		}
		ids.columns = append(ids.columns, rowIDColumn{at: -1})
	}
	for i, c := range tree.Columns {
		id, ok := c.(*dialect.RowID)
		if !ok {
			continue
		}
		keys, err := keyColumns(relations, id.Relation)
		if err != nil {
			return nil, nil, err
		}
		for _, k := range keys {
			ids.columns[i].key = append(ids.columns[i].key, len(copied.Columns))
			copied.Columns = append(copied.Columns, k)
		}
	}
	return &copied, ids, nil
}

// keyColumns are the columns by which a row of the relation with an alias is found again.
func keyColumns(relations []*dialect.Relation, alias string) ([]dialect.Expr, error) {
	for _, r := range relations {
		if r.Alias != alias {
			continue
		}
		columns := keyOf(r.Table)
		if len(columns) == 0 {
			return nil, noKey(r.Table)
		}
		var out []dialect.Expr
		for _, c := range columns {
			out = append(out, &dialect.ColumnRef{Relation: alias, Column: c, Name: c.Name, Type: c.Type})
		}
		return out, nil
	}
	return nil, refuse("ctid of a relation that is not in FROM")
}

// noKey is the refusal of row by row changes to a table without a primary key.
func noKey(t *dialect.Table) *backend.Error {
	e := refuse("table %q of the databackend has no primary key, so its rows cannot be changed one by one", t.Name)
	e.Detail = "The statement has a condition, a value or a join that the databackend is not asked for, and PostgreSQL can then name the rows only by their key."
	e.Hint = "Give the table a primary key, or write a condition that the databackend can answer itself; EXPLAIN (VERBOSE) shows what goes down."
	return e
}

// ticketRows gives the rows of a statement that asks for ctid, from those of the engine.
type ticketRows struct {
	backend.Rows
	tickets *tickets
	ids     *rowIDs
	scan    uint64
	row     [][]byte
	key     [][]byte
	text    []byte
}

// newTicketRows begins a scan.
func newTicketRows(rows backend.Rows, t *tickets, ids *rowIDs) *ticketRows {
	t.scans++
	return &ticketRows{Rows: rows, tickets: t, ids: ids, scan: t.scans, row: make([][]byte, len(ids.columns))}
}

// Next implements backend.Rows.
func (r *ticketRows) Next(ctx context.Context) ([][]byte, error) {
	found, err := r.Rows.Next(ctx)
	if err != nil {
		return nil, err
	}
	r.text = r.text[:0]
	for i, c := range r.ids.columns {
		if c.key == nil {
			r.row[i] = found[c.at]
			continue
		}
		r.key = r.key[:0]
		for _, at := range c.key {
			if found[at] != nil {
				r.key = append(r.key, found[at])
			}
		}
		if len(r.key) < len(c.key) { // an outer join brought no row
			r.row[i] = nil
			continue
		}
		from := len(r.text)
		if r.text, err = r.tickets.issue(r.text, r.scan, r.ids.joined, r.key); err != nil {
			return nil, err
		}
		r.row[i] = r.text[from:len(r.text):len(r.text)]
	}
	return r.row, nil
}
