package differential

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// database is what one round's statements run on: types, tables and rows, made in a schema of their own.
type database struct {
	tables []*table
	// views are views over tables, some of which call models; statements only read them.
	views []*table
	// settings are SET commands that every session begins with.
	settings []string
}

// table is one table. Its first column is id, its primary key.
type table struct {
	name    string
	columns []column
	// rows hold a constant expression for each column.
	rows [][]string
	// indexes are expressions that are indexed.
	indexes []string
	// query makes the table a view.
	query *node
	// partitioned says that it has partitions, watched that a trigger changes its rows and notes what is done to them.
	partitioned, watched bool
}

// size is about how many rows the table has.
func (t *table) size() int {
	if t.query != nil {
		return 15
	}
	return len(t.rows)
}

// watching makes the table that triggers note in, and their function.
const watching = `CREATE TABLE noted (what text, id int4, m int4);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO noted VALUES (TG_OP, CASE WHEN TG_OP = 'DELETE' THEN OLD.id ELSE NEW.id END, CASE WHEN TG_OP <> 'INSERT' THEN OLD.m END);
  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
  NEW.m := coalesce(NEW.m, 0) % 50;
  RETURN NEW;
END $$;
`

// column is one column of a table.
type column struct {
	// name is written as SQL wants it, with quotes where it needs them.
	name string
	// typ is what expressions take it for, declared what the table says: a varchar column is used as text, a domain as what
	// it is over.
	typ      typ
	declared string
	collated bool
	// generated says that nothing can be assigned to it.
	generated bool
}

// typesSQL makes the types that a database has beside PostgreSQL's own.
const typesSQL = `CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (a int4, b text);
CREATE TYPE deep AS (p pair, m mood, l int4[]);
CREATE DOMAIN posint AS int4 CHECK (value > -1000000);
CREATE DOMAIN label AS text;
CREATE DOMAIN cents AS numeric(14,2);
CREATE DOMAIN short AS varchar(12);
CREATE DOMAIN tags AS text[];
CREATE DOMAIN couple AS pair;
`

// declarations are what columns of a type may be declared as; the type itself where there is none.
var declarations = map[typ][]string{
	tInt4:        {"int4", "int4", "int4", "int4", "posint"},
	tText:        {"text", "text", "text", "text", "varchar(20)", "short", "label", "char(6)", `text COLLATE "C"`, `text COLLATE "und-x-icu"`},
	tNumeric:     {"numeric(8,2)", "numeric(8,2)", "numeric(14,2)", "numeric", "cents"},
	tTimestamp:   {"timestamp", "timestamp(3)"},
	tTimestamptz: {"timestamptz", "timestamptz(3)"},
	tTime:        {"time", "time(3)"},
	tTexts:       {"text[]", "text[]", "varchar(12)[]", "tags"},
	tPair:        {"pair", "pair", "couple"},
}

// names are what columns are called: plain ones, and ones that need quotes.
var names = []string{"a", "b", "c", "d", "e", "f", "g", "h", `"select"`, `"Col"`, `"a b"`, `"q""q"`, "größe", "_x1", "value", "name", "predict"}

// newDatabase makes a random database.
func newDatabase(r *rand.Rand) *database {
	db := &database{}
	for i, size := range []int{r.IntN(4), 4 + r.IntN(6), 10 + r.IntN(8), 25 + r.IntN(36)} {
		db.tables = append(db.tables, newTable(r, "t"+itoa(i), size))
	}
	if r.IntN(4) == 0 {
		db.tables[1].name = `"Table ""1"`
	}
	db.tables[2].partitioned, db.tables[1].watched = r.IntN(4) == 0, r.IntN(4) == 0
	for i := range r.IntN(3) {
		db.views = append(db.views, newView(r, "v"+itoa(i), db.tables[1+r.IntN(2)]))
	}
	for _, s := range []string{"SET TimeZone = 'Europe/Berlin'", "SET DateStyle = 'German'", "SET IntervalStyle = 'iso_8601'",
		"SET extra_float_digits = 0", "SET bytea_output = 'escape'", "SET enable_hashagg = off", "SET enable_hashjoin = off",
		"SET enable_sort = off", "SET enable_nestloop = off", "SET plan_cache_mode = force_generic_plan",
		"SET default_transaction_isolation = 'repeatable read'", "SET standard_conforming_strings = on", "SET predict.cache = 'off'", "SET predict.cache = 'on'",
		"SET predict.batch_size = 3", "SET predict.concurrency = 2"} {
		if r.IntN(12) == 0 {
			db.settings = append(db.settings, s)
		}
	}
	return db
}

// newView makes a view over a table, with calls in it most of the time.
func newView(r *rand.Rand, name string, of *table) *table {
	v := &table{name: name, columns: slices.Clone(of.columns[:4])}
	v.columns[0].declared = "int4"
	items := list(", ", txt("id"), txt("k"), txt("m"), txt("n"))
	for i, m := range []string{"tens", "maybe", "high", "price", "wrap", "shout", "next"} {
		if r.IntN(4) > 0 {
			continue
		}
		model := modelNamed(m)
		arg := "k"
		if model.args[0].typ == tText {
			arg = "n"
		}
		items.add(txt(oracleOnly("m_"+m+"."), "predict('"+m+"', "+arg+") AS p"+itoa(i)))
		v.columns = append(v.columns, column{name: "p" + itoa(i), typ: model.returns, declared: string(model.returns)})
	}
	v.query = txt("SELECT ", items, " FROM ", of.name)
	if r.IntN(3) == 0 {
		v.query.parts = append(v.query.parts, " WHERE ", oracleOnly("m_unsure."), "predict('unsure', k) OR id > 3")
	}
	return v
}

// newTable makes a table of random columns. Every one has k and m, integers, and n, a text, beside id.
func newTable(r *rand.Rand, name string, size int) *table {
	t := &table{name: name, columns: []column{{name: "id", typ: tInt4, declared: "int4 PRIMARY KEY"}, {name: "k", typ: tInt4, declared: "int4"},
		{name: "m", typ: tInt4, declared: "int4"}, {name: "n", typ: tText, declared: "text"}}}
	for _, i := range r.Perm(len(names))[:3+r.IntN(5)] {
		c := column{name: names[i], typ: pick(r, scalars)}
		c.declared = string(c.typ)
		if d := declarations[c.typ]; d != nil {
			c.declared = one(r, d...)
			c.collated = strings.Contains(c.declared, "COLLATE")
		}
		t.columns = append(t.columns, c)
	}
	if r.IntN(5) == 0 {
		t.columns = append(t.columns, column{name: "made", typ: tInt4, declared: "int4 GENERATED ALWAYS AS (k % 10 + 1) STORED", generated: true})
	}
	if r.IntN(5) == 0 {
		t.columns = append(t.columns, column{name: "given", typ: tInt4, declared: "int4 DEFAULT 7"})
	}
	nulls := make([]int, len(t.columns))
	for i := range nulls {
		nulls[i] = one(r, 0, 5, 15, 40)
	}
	for id := range size {
		row := []string{itoa(id + 1)}
		for i, c := range t.columns[1:] {
			v := "NULL"
			if c.generated {
				row = append(row, "DEFAULT")
				continue
			}
			if r.IntN(100) >= nulls[i+1] {
				v = c.value(r)
			}
			row = append(row, v)
		}
		t.rows = append(t.rows, row)
	}
	if r.IntN(3) == 0 {
		t.indexes = append(t.indexes, "k")
	}
	return t
}

// value is a random value of the column as a literal that takes the column's type.
func (c column) value(r *rand.Rand) string {
	v := c.typ.value(r)
	if c.typ == tText && len(v) > 6 && c.declared == "char(6)" {
		v = "abc"
	}
	return "'" + v + "'"
}

// create is the script that makes the database in a schema of the oracle, or of a proxy.
func (db *database) create(schema string, oracle bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "DROP SCHEMA IF EXISTS %[1]s CASCADE;\nCREATE SCHEMA %[1]s;\nSET search_path = %[1]s, public;\n%[2]s%[3]s", schema, typesSQL, watching)
	for _, t := range db.tables {
		b.WriteString(t.create())
	}
	for _, t := range db.tables {
		fmt.Fprintf(&b, "ANALYZE %s;\n", t.name)
	}
	return b.String() + db.createViews(oracle)
}

// createViews is the script that makes the views.
func (db *database) createViews(oracle bool) string {
	var b strings.Builder
	for _, v := range db.views {
		fmt.Fprintf(&b, "CREATE VIEW %s AS %s;\n", v.name, v.query.text(rendering{oracle: oracle}))
	}
	return b.String()
}

// create is the script that makes the table with its rows.
func (t *table) create() string {
	var cols []string
	for _, c := range t.columns {
		cols = append(cols, c.name+" "+c.declared)
	}
	s := fmt.Sprintf("CREATE TABLE %s (%s)", t.name, strings.Join(cols, ", "))
	if t.partitioned {
		s += fmt.Sprintf(" PARTITION BY LIST (id);\nCREATE TABLE part1 PARTITION OF %[1]s FOR VALUES IN (1, 2, 3, 5, 8);\nCREATE TABLE part2 PARTITION OF %[1]s DEFAULT", t.name)
	}
	s += ";\n" + t.insert()
	if t.watched {
		s += fmt.Sprintf("CREATE TRIGGER note BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION note();\n", t.name)
	}
	for _, e := range t.indexes {
		s += fmt.Sprintf("CREATE INDEX ON %s (%s);\n", t.name, e)
	}
	return s
}

// insert is the statement that puts the rows in, "" without rows.
func (t *table) insert() string {
	if len(t.rows) == 0 {
		return ""
	}
	var rows []string
	for _, row := range t.rows {
		rows = append(rows, "("+strings.Join(row, ", ")+")")
	}
	return fmt.Sprintf("INSERT INTO %s VALUES %s;\n", t.name, strings.Join(rows, ", "))
}

// refill is the script that gives every table its first rows again.
func (db *database) refill() string {
	var b strings.Builder
	for _, t := range db.tables {
		if t.watched {
			fmt.Fprintf(&b, "ALTER TABLE %s DISABLE TRIGGER note;\n", t.name)
		}
		fmt.Fprintf(&b, "DELETE FROM %s;\n%s", t.name, t.insert())
		if t.watched {
			fmt.Fprintf(&b, "ALTER TABLE %s ENABLE TRIGGER note;\n", t.name)
		}
	}
	return b.String() + "DELETE FROM noted;\n"
}

// contents is one statement for each table that reads all of it.
func (db *database) contents() []string {
	var list []string
	for _, t := range db.tables {
		list = append(list, "SELECT * FROM "+t.name+" ORDER BY "+t.wholeRow())
	}
	return append(list, "SELECT * FROM noted ORDER BY 1, 2, 3")
}

// wholeRow is a sort key of all columns.
func (t *table) wholeRow() string {
	var list []string
	for i := range t.columns {
		list = append(list, itoa(i+1))
	}
	return strings.Join(list, ", ")
}

// named finds a column.
func (t *table) named(name string) column {
	for _, c := range t.columns {
		if c.name == name {
			return c
		}
	}
	return column{}
}
