package prooftest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// key names the values of a type as an operand.
func key(typname string, operand int) string {
	if _, ok := second[typname]; ok && operand > 0 {
		return typname + " 2"
	}
	return typname
}

// table gives the table with a column for each operand and a row for each combination of what the engine stores.
func (b *bench) table(ctx context.Context, types []string) (*dialect.Table, error) {
	for i, typ := range types {
		if err := b.probe(ctx, typ, i); err != nil {
			return nil, err
		}
	}
	name := "p_" + strings.Join(types, "_")
	if len(types) == 0 {
		name = "p_none"
	}
	if t := b.tables[name]; t != nil {
		return t, nil
	}
	sql := make([]string, len(types))
	for i, t := range types {
		sql[i] = columnType(t, i)
	}
	t, err := b.createAs(ctx, name, sql)
	if err != nil {
		return nil, err
	}
	rows := combinations(b, types)
	if len(types) < 2 {
		rows = append(rows, rows...) // groups of more than one
	}
	for from := 0; from < len(rows); from += 100 {
		if err := b.insert(ctx, t, rows, from, min(from+100, len(rows))); err != nil {
			return nil, fmt.Errorf("fill %s: %w", name, err)
		}
	}
	return t, b.copy(ctx, t)
}

// probe finds the edges of a type that the engine stores, by inserting each alone.
func (b *bench) probe(ctx context.Context, typ string, operand int) error {
	k := key(typ, operand)
	if b.accepted[k] != nil {
		return nil
	}
	if err := b.unusable[k]; err != nil {
		return err
	}
	err := b.insertEdges(ctx, typ, operand, k)
	if err != nil {
		b.unusable[k] = err
	}
	return err
}

// insertEdges makes the table of one type's edges.
func (b *bench) insertEdges(ctx context.Context, typ string, operand int, k string) error {
	t, err := b.createAs(ctx, "e_"+strings.ReplaceAll(k, " ", "_"), []string{columnType(typ, operand)})
	if err != nil {
		return err
	}
	for i, v := range values(typ, operand) {
		one := [][][]byte{{[]byte(fmt.Sprint(i)), []byte("0"), []byte(v)}}
		if err := b.insert(ctx, t, one, 0, 1); err == nil {
			b.accepted[k] = append(b.accepted[k], v)
		}
	}
	if len(b.accepted[k]) == 0 {
		return fmt.Errorf("the engine takes no value of type %s", typ)
	}
	return nil
}

// createAs makes a table on the engine and on PostgreSQL: id, half, and a column for each type.
func (b *bench) createAs(ctx context.Context, name string, types []string) (*dialect.Table, error) {
	t := &dialect.Table{Schema: b.Schema, Name: name, PrimaryKey: []string{"id"}}
	defs := []string{}
	for i, sql := range append([]string{"integer", "integer"}, types...) {
		typ, err := dialect.ParseType(sql)
		if err != nil {
			return nil, err
		}
		column := append([]string{"id", "half"}, operands(len(types))...)[i]
		t.Columns = append(t.Columns, &dialect.Column{Name: column, Type: typ, TypeName: sql, NotNull: i < 2})
		defs = append(defs, column+" "+sql)
	}
	if _, err := b.ask(ctx, fmt.Sprintf("CREATE TABLE %q.%q (%s)", b.Schema, name, strings.Join(defs, ", "))); err != nil {
		return nil, err
	}
	if err := b.define(ctx, t); err != nil {
		return nil, fmt.Errorf("create %s: %w", name, err)
	}
	catalog, err := b.Engine.Catalog(ctx)
	if err != nil {
		return nil, err
	}
	shown := catalog.Table(b.Schema, name)
	if shown == nil {
		return nil, fmt.Errorf("the catalog does not show %s.%s", b.Schema, name)
	}
	b.tables[name] = shown
	return shown, nil
}

func (b *bench) define(ctx context.Context, t *dialect.Table) error {
	if b.Create != nil {
		return b.Create(ctx, t)
	}
	definer, ok := b.Engine.(backend.Definer)
	if !ok {
		return errors.New("the engine has no Define, and the Subject no Create")
	}
	return definer.Define(ctx, b.conn, &dialect.CreateTable{Table: t})
}

// combinations are the rows of all combinations of the operands' values and NULL; fewer of each where there are three.
func combinations(b *bench, types []string) [][][]byte {
	rows := [][][]byte{nil}
	for i, typ := range types {
		choices := [][]byte{nil}
		all := b.accepted[key(typ, i)]
		step := 1
		if len(types) > 2 {
			step = max(1, len(all)/7)
		}
		for j := 0; j < len(all); j += step {
			choices = append(choices, []byte(all[j]))
		}
		var next [][][]byte
		for _, r := range rows {
			for _, c := range choices {
				next = append(next, append(append([][]byte(nil), r...), c))
			}
		}
		rows = next
	}
	for i := range rows {
		rows[i] = append([][]byte{nil, []byte(fmt.Sprint(i % 2))}, rows[i]...)
	}
	return rows
}

// insert puts rows into a table of the engine's, by parameters. A row's id is its place.
func (b *bench) insert(ctx context.Context, t *dialect.Table, rows [][][]byte, from, to int) error {
	s := &dialect.Insert{Into: &dialect.Relation{Table: t}, Columns: t.Columns}
	var params [][]byte
	for i, r := range rows[from:to] {
		row := make([]dialect.Expr, len(r))
		for j, v := range r {
			if j == 0 && v == nil {
				v = []byte(fmt.Sprint(from + i + 1))
			}
			params = append(params, v)
			row[j] = &dialect.Param{Number: len(params), Type: t.Columns[j].Type}
		}
		s.Rows = append(s.Rows, row)
	}
	program, err := b.Engine.Compile(s)
	if err != nil {
		return err
	}
	_, err = b.conn.Exec(ctx, program, params)
	return err
}

// copy gives PostgreSQL the rows as the engine gives them back.
func (b *bench) copy(ctx context.Context, t *dialect.Table) error {
	s := &dialect.Select{From: &dialect.Relation{Table: t}}
	for _, c := range t.Columns {
		s.Columns = append(s.Columns, &dialect.ColumnRef{Column: c, Name: c.Name, Type: c.Type})
	}
	program, err := b.Engine.Compile(s)
	if err != nil {
		return err
	}
	rows, err := b.run(ctx, program, nil)
	if err != nil {
		return err
	}
	for _, r := range rows {
		marks := make([]string, len(r))
		for i := range r {
			marks[i] = fmt.Sprintf("$%d", i+1)
		}
		if _, err := b.ask(ctx, fmt.Sprintf("INSERT INTO %q.%q VALUES (%s)", t.Schema, t.Name, strings.Join(marks, ", ")), r...); err != nil {
			return err
		}
	}
	return nil
}

// run gives the rows of a program.
func (b *bench) run(ctx context.Context, program backend.Program, params [][]byte) (all [][][]byte, err error) {
	rows, err := b.conn.Query(ctx, program, params)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for {
		r, err := rows.Next(ctx)
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		kept := make([][]byte, len(r))
		for i, v := range r {
			if v != nil {
				kept[i] = append([]byte{}, v...)
			}
		}
		all = append(all, kept)
	}
}

// ask runs a statement on PostgreSQL. Without parameters the text may be several statements.
func (b *bench) ask(ctx context.Context, text string, params ...[]byte) ([][][]byte, error) {
	if len(params) > 0 {
		r := b.pg.ExecParams(ctx, text, params, nil, nil, nil).Read()
		return r.Rows, r.Err
	}
	results, err := b.pg.Exec(ctx, text).ReadAll()
	if err != nil || len(results) == 0 {
		return nil, err
	}
	return results[len(results)-1].Rows, nil
}
