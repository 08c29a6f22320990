package backendtest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// keyOf reads the key of the row with an id.
func (b *bench) keyOf(t *testing.T, conn backend.Conn, table *dialect.Table, id string) string {
	t.Helper()
	k := key(table)
	if len(k) != 1 {
		t.Skip("rows have no key of one column")
	}
	s := Scan(table, "id")
	s.Columns = append(s.Columns, &dialect.ColumnRef{Relation: "r1", Column: k[0], Name: k[0].Name, Type: k[0].Type})
	for _, row := range b.read(t, conn, s) {
		if row[:len(id)+1] == id+"|" {
			return row[len(id)+1:]
		}
	}
	t.Fatalf("no row with the id %s", id)
	return ""
}

// setName is an Update of the name of one row: $1 is the name, $2 the key.
func setName(table *dialect.Table) *dialect.Update {
	name := table.Column("name")
	return &dialect.Update{Table: &dialect.Relation{Table: table},
		Set:   []dialect.Assignment{{Column: name, Value: &dialect.Param{Number: 1, Type: name.Type}}},
		Where: byKey(table, 2)}
}

func (b *bench) counts(t *testing.T) {
	table, conn := b.fill(t), b.session(t)
	if n := b.exec(t, conn, Insert(table, 3, "id", "name"), "1", "a", "2", "b", "3", "c"); n != 3 {
		t.Errorf("insert counts %d", n)
	}
	if b.NoChanges {
		return
	}
	if n := b.exec(t, conn, setName(table), "B", b.keyOf(t, conn, table, "2")); n != 1 {
		t.Errorf("update counts %d", n)
	}
	if n := b.exec(t, conn, setName(table), "B", b.keyOf(t, conn, table, "2")); n != 1 {
		t.Errorf("update to the same value counts %d: PostgreSQL counts the rows found", n)
	}
	gone := b.keyOf(t, conn, table, "3")
	remove := &dialect.Delete{Table: &dialect.Relation{Table: table}, Where: byKey(table, 1)}
	for want := int64(1); want >= 0; want-- {
		if n := b.exec(t, conn, remove, gone); n != want {
			t.Errorf("delete counts %d, not %d", n, want)
		}
	}
	got := b.read(t, conn, Scan(table, "id", "name"))
	slices.Sort(got)
	if !slices.Equal(got, []string{"1|a", "2|B"}) {
		t.Errorf("after the changes: %q", got)
	}
}

func (b *bench) returning(t *testing.T) {
	if b.NoReturning {
		t.Skip("changes give no rows back")
	}
	table, conn := b.fill(t), b.session(t)
	back := func(names ...string) (out []dialect.Expr) {
		for _, c := range columns(table, names) {
			out = append(out, &dialect.ColumnRef{Column: c, Name: c.Name, Type: c.Type})
		}
		return out
	}
	in := Insert(table, 2, "id", "name")
	in.Returning = back("name", "id")
	if got := b.read(t, conn, in, "1", "a", "2", "b"); !slices.Equal(got, []string{"a|1", "b|2"}) {
		t.Errorf("insert returns %q", got)
	}
	if b.NoChanges {
		return
	}
	up := setName(table)
	up.Returning = back("id", "name")
	if got := b.read(t, conn, up, "B", b.keyOf(t, conn, table, "2")); !slices.Equal(got, []string{"2|B"}) {
		t.Errorf("update returns %q", got)
	}
	remove := &dialect.Delete{Table: &dialect.Relation{Table: table}, Where: byKey(table, 1), Returning: back("name")}
	if got := b.read(t, conn, remove, b.keyOf(t, conn, table, "1")); !slices.Equal(got, []string{"a"}) {
		t.Errorf("delete returns %q", got)
	}
	if got := b.read(t, conn, Scan(table, "id")); !slices.Equal(got, []string{"2"}) {
		t.Errorf("left: %q", got)
	}
}

func (b *bench) errors(t *testing.T) {
	table, conn := b.fill(t, "1|one|1|1.50|0.1"), b.session(t)
	for _, c := range []struct {
		name, want string
		skip       bool
		params     []string
	}{
		{"a key twice", "23505", b.Unkeyed, []string{"1", "again"}},
		{"a NULL in NOT NULL", "23502", b.NullsKept, []string{"2", "<null>"}},
	} {
		if c.skip {
			continue
		}
		_, err := conn.Exec(t.Context(), b.compile(t, Insert(table, 1, "id", "name")), Texts(c.params...))
		if code(err) != c.want {
			t.Errorf("%s: %v, not %s", c.name, err, c.want)
		}
	}
	if got := b.read(t, conn, Scan(table, "id")); !slices.Equal(got, []string{"1"}) {
		t.Errorf("after the errors: %q", got)
	}
}

func (b *bench) begin(t *testing.T, conn backend.Conn) {
	t.Helper()
	if !b.Engine.Traits().Transactions {
		return
	}
	if err := conn.Begin(t.Context(), backend.TxMode{}); err != nil {
		t.Fatalf("begin: %v", describe(err))
	}
}

func (b *bench) commit(t *testing.T, conn backend.Conn) {
	t.Helper()
	if !b.Engine.Traits().Transactions {
		return
	}
	if err := conn.Commit(t.Context()); err != nil {
		t.Fatalf("commit: %v", describe(err))
	}
}

func (b *bench) transactions(t *testing.T) {
	if !b.Engine.Traits().Transactions {
		t.Skip("no transactions")
	}
	table, conn, other := b.fill(t, "1|one|1|1.50|0.1"), b.session(t), b.session(t)
	b.begin(t, conn)
	b.exec(t, conn, Insert(table, 1, "id", "name"), "2", "two")
	if got := b.read(t, conn, Scan(table, "id")); len(got) != 2 {
		t.Errorf("a transaction does not see its own row: %q", got)
	}
	if got := b.read(t, other, Scan(table, "id")); len(got) != 1 {
		t.Errorf("another session sees what is not committed: %q", got)
	}
	if err := conn.Rollback(t.Context()); err != nil {
		t.Fatal(describe(err))
	}
	if got := b.read(t, conn, Scan(table, "id")); len(got) != 1 {
		t.Errorf("after rollback: %q", got)
	}
	if err := conn.Rollback(context.Background()); err != nil {
		t.Errorf("rollback without a transaction: %v", describe(err))
	}
	b.begin(t, conn)
	b.exec(t, conn, Insert(table, 1, "id", "name"), "3", "three")
	b.commit(t, conn)
	if got := b.read(t, other, Scan(table, "id")); len(got) != 2 {
		t.Errorf("after commit: %q", got)
	}
}

func (b *bench) savepoints(t *testing.T) {
	if !b.Engine.Traits().Savepoints {
		t.Skip("no savepoints")
	}
	table, conn := b.fill(t), b.session(t)
	b.begin(t, conn)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(describe(err))
		}
	}
	in := Insert(table, 1, "id", "name")
	b.exec(t, conn, in, "1", "a")
	must(conn.Savepoint(t.Context(), "s1"))
	b.exec(t, conn, in, "2", "b")
	must(conn.Savepoint(t.Context(), "s2"))
	b.exec(t, conn, in, "3", "c")
	must(conn.RollbackTo(t.Context(), "s2"))
	must(conn.Release(t.Context(), "s2"))
	must(conn.RollbackTo(t.Context(), "s1"))
	b.exec(t, conn, in, "4", "d")
	must(conn.Release(t.Context(), "s1"))
	b.commit(t, conn)
	got := b.read(t, conn, Scan(table, "id"))
	slices.Sort(got)
	if !slices.Equal(got, []string{"1", "4"}) {
		t.Errorf("left: %q", got)
	}
}

// readAndChange changes the rows of a result that is being read, as postgres_fdw does for an UPDATE: the result is what
// it was when it began.
func (b *bench) readAndChange(t *testing.T) {
	if b.NoChanges {
		t.Skip("rows are not changed by their key")
	}
	const n = 700
	b.many(t, n)
	table, conn := b.table(t, "items"), b.session(t)
	k := key(table)
	if len(k) != 1 {
		t.Skip("rows have no key of one column")
	}
	b.begin(t, conn)
	s := Scan(table, "name")
	s.Columns = append(s.Columns, &dialect.ColumnRef{Relation: "r1", Column: k[0], Name: k[0].Name, Type: k[0].Type})
	rows := b.open(t, conn, s)
	update := setName(table)
	for i := range n {
		row, err := rows.Next(t.Context())
		if err != nil {
			t.Fatalf("row %d: %v", i, err)
		}
		if string(row[0][:5]) != "name " {
			t.Fatalf("row %d shows a change that came after the result began: %q", i, row[0])
		}
		if got := b.exec(t, conn, update, "changed "+strconv.Itoa(i), string(row[1])); got != 1 {
			t.Fatalf("row %d: %d rows changed", i, got)
		}
	}
	if rest, err := Drain(t.Context(), rows); err != nil || len(rest) != 0 {
		t.Fatalf("more rows than there are: %d, %v", len(rest), err)
	}
	b.commit(t, conn)
	left := 0
	for _, name := range b.read(t, conn, Scan(table, "name")) {
		if name[:5] == "name " {
			left++
		}
	}
	if left != 0 {
		t.Error(fmt.Sprint(left, " rows are unchanged"))
	}
}
