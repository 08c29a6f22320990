package conformance

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// writtenTables are the tables that random statements write to, by the columns of which values are made: the key first.
var writtenTables = map[string][]string{"w": {"id", "name", "qty", "price", "ratio", "flag", "day", "at"}, "u": {"id", "code", "n"}, "v": {"a", "b", "n"}}

// typeOfColumn is the type of a column of a written table.
func typeOfColumn(table, column string) valueType {
	i := slices.IndexFunc(commonSources[table], func(s source) bool { return s.text == "%s."+column })
	return commonSources[table][i].of
}

// write is a random statement that writes. Keys are constants, so that which row fails first is defined.
func (g *generator) write(without map[string]string) string {
	table := one(g, "w", "w", "u", "v")
	switch n := g.r.IntN(100); {
	case n < 35:
		return g.insert(table, without)
	case n < 70:
		return g.update(table)
	case n < 78:
		return fmt.Sprintf("INSERT INTO w (id, name, qty) SELECT i.id + 1000, i.name, %s FROM items AS i WHERE %s", g.expression(whole, sources("items", "i"), 1), g.condition(sources("items", "i"), 1))
	}
	return fmt.Sprintf("DELETE FROM %s WHERE %s", table, g.condition(sources(table, table), 2)) + g.returning(table)
}

// returning is a RETURNING clause, or nothing.
func (g *generator) returning(table string) string {
	if g.chance(60) {
		return ""
	}
	t := valueType(g.r.IntN(int(valueTypes)))
	return " RETURNING " + one(g, "*", strings.Join(writtenTables[table], ", ")+", "+shown(t, g.expression(t, sources(table, table), 1)))
}

// insert inserts rows, some of which are there.
func (g *generator) insert(table string, without map[string]string) string {
	columns := writtenTables[table]
	var rows, distinct []string
	keys := map[string]bool{}
	for range 1 + g.r.IntN(3) {
		values := g.row(table)
		row := "(" + strings.Join(values, ", ") + ")"
		if rows = append(rows, row); !keys[values[0]] {
			distinct = append(distinct, row)
		}
		keys[values[0]] = true
	}
	upsert := without["upserts"] == "" && g.chance(45)
	if upsert && table == "u" {
		// Of a key that is proposed twice and a code that is taken, PostgreSQL finds the one that comes first in the rows.
		rows = distinct
	}
	text := "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES " + strings.Join(rows, ", ")
	if upsert {
		target := map[string]string{"w": "(id)", "u": "(id)", "v": "(a, b)"}[table]
		last := columns[len(columns)-1]
		t := typeOfColumn(table, last)
		text += " ON CONFLICT " + target + one(g, " DO NOTHING", " DO UPDATE SET "+last+" = excluded."+last, " DO UPDATE SET "+last+" = coalesce("+table+"."+last+", excluded."+last+")",
			" DO UPDATE SET "+last+" = "+g.constant(t)+" WHERE "+g.condition(sources(table, table), 0))
	}
	return text + g.returning(table)
}

// row are values for one row.
func (g *generator) row(table string) []string {
	key := strconv.Itoa(1 + g.r.IntN(14))
	switch table {
	case "u":
		return []string{key, quoted("c" + strconv.Itoa(1+g.r.IntN(14))), g.constant(whole)}
	case "v":
		return []string{strconv.Itoa(1 + g.r.IntN(4)), quoted(one(g, "p", "q", "r")), g.constant(whole)}
	}
	values := []string{key}
	for _, c := range writtenTables[table][1:] {
		t := typeOfColumn(table, c)
		values = append(values, one(g, g.constant(t), "DEFAULT", g.constant(t), g.constant(t)))
	}
	return values
}

// update changes columns that are in no key.
func (g *generator) update(table string) string {
	from := sources(table, table)
	columns := slices.DeleteFunc(slices.Clone(writtenTables[table][1:]), func(c string) bool { return table != "w" && c != "n" })
	var sets []string
	for _, c := range columns {
		if len(columns) > 1 && g.chance(65) {
			continue
		}
		t := typeOfColumn(table, c)
		value := g.expression(t, from, 1)
		if t == decimal {
			value = "(" + value + ")::numeric(12,2)"
		}
		sets = append(sets, c+" = "+value)
	}
	if sets == nil {
		sets = []string{columns[0] + " = NULL"}
	}
	text := "UPDATE " + table + " SET " + strings.Join(sets, ", ")
	if g.chance(15) && table != "v" {
		return text + " FROM groups AS gg WHERE gg.gid = " + table + ".id AND " + g.condition(append(slices.Clone(from), sources("groups", "gg")...), 1)
	}
	return text + " WHERE " + g.condition(from, 2) + g.returning(table)
}

// transaction is several statements in a transaction block, with savepoints.
func (g *generator) transaction(without map[string]string) []step {
	steps := []step{{sql: "BEGIN"}}
	open := false
	for range 2 + g.r.IntN(5) {
		switch n := g.r.IntN(10); {
		case n < 5:
			steps = append(steps, step{sql: g.write(without)})
		case n < 7:
			q := g.randomQuery()
			steps = append(steps, step{sql: q.text(), ordered: q.ordered})
		case n < 8:
			table := one(g, "w", "u", "v")
			steps = append(steps, step{sql: "SELECT * FROM " + table + " WHERE " + g.condition(sources(table, table), 1)})
		case without["savepoints"] != "":
		case open:
			steps = append(steps, step{sql: one(g, "ROLLBACK TO s", "ROLLBACK TO s", "RELEASE s")})
			open = !strings.HasPrefix(steps[len(steps)-1].sql, "RELEASE")
		default:
			steps, open = append(steps, step{sql: "SAVEPOINT s"}), true
		}
	}
	return append(steps, step{sql: one(g, "COMMIT", "COMMIT", "ROLLBACK")})
}
