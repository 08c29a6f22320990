package planner_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// texts makes random statements with calls of the models f, g and h over the tables t(id, k, c) and u(a, b), and, where
// they write, x, a copy of t.
type texts struct {
	r *rand.Rand
	n int // number of aliases so far
}

func (g *texts) pick(s ...string) string { return s[g.r.IntN(len(s))] }

func (g *texts) alias(letter string) string {
	g.n++
	return letter + strconv.Itoa(g.n)
}

// value is an expression of an integer, of depth d, over columns.
func (g *texts) value(cols []string, d int) string {
	if d <= 0 || g.r.IntN(4) == 0 {
		if len(cols) == 0 || g.r.IntN(6) == 0 {
			return strconv.Itoa(g.r.IntN(6))
		}
		return cols[g.r.IntN(len(cols))]
	}
	v := func() string { return g.value(cols, d-1) }
	switch g.r.IntN(14) {
	case 0, 1, 2, 3:
		return fmt.Sprintf("predict('f', %s)", v())
	case 4:
		return fmt.Sprintf("predict('g', %s)", v())
	case 5:
		return fmt.Sprintf("predict('h', %s, %s)", v(), v())
	case 6:
		return fmt.Sprintf("predict('f', %s)%s", v(), g.pick("::int", " + 1", "::bigint::int"))
	case 7:
		return fmt.Sprintf("(SELECT predict('f', %s))", v())
	case 8:
		return fmt.Sprintf("CASE WHEN %s THEN %s ELSE %s END", g.cond(cols, d-1), v(), v())
	case 9:
		return fmt.Sprintf("coalesce(%s, %s)", v(), v())
	case 10:
		return fmt.Sprintf("nullif(%s, %s)", v(), v())
	case 11:
		return fmt.Sprintf("(%s + %s)", v(), v())
	case 12:
		return fmt.Sprintf("%s(%s, %s)", g.pick("greatest", "least"), v(), v())
	}
	a := g.alias("s")
	own := []string{a + ".a", a + ".b"}
	return fmt.Sprintf("(SELECT %s(%s.a + %s)::int FROM u %s WHERE %s)", g.pick("max", "min", "count"), a, g.value(own, d-1), a, g.cond(append(own, cols...), d-1))
}

// cond is a condition.
func (g *texts) cond(cols []string, d int) string {
	v := func() string { return g.value(cols, d-1) }
	if d <= 0 {
		return v() + g.pick(" = ", " > ", " < ", " <> ") + v()
	}
	switch g.r.IntN(13) {
	case 0, 1, 2:
		return v() + g.pick(" = ", " > ", " < ", " <> ") + v()
	case 3, 4:
		return fmt.Sprintf("(%s AND %s)", g.cond(cols, d-1), g.cond(cols, d-1))
	case 5, 6:
		return fmt.Sprintf("(%s OR %s)", g.cond(cols, d-1), g.cond(cols, d-1))
	case 7:
		return fmt.Sprintf("NOT (%s)", g.cond(cols, d-1))
	case 8:
		return v() + g.pick(" IS NULL", " IS NOT NULL")
	case 9:
		return fmt.Sprintf("%s %s (%s, %s)", v(), g.pick("IN", "NOT IN"), v(), v())
	case 10:
		return fmt.Sprintf("%s BETWEEN %s AND %s", v(), v(), v())
	case 11:
		return fmt.Sprintf("%s IS DISTINCT FROM %s", v(), v())
	}
	a := g.alias("s")
	all := append([]string{a + ".a", a + ".b"}, cols...)
	if g.r.IntN(2) == 0 {
		return fmt.Sprintf("%s (SELECT 1 FROM u %s WHERE %s)", g.pick("EXISTS", "NOT EXISTS"), a, g.cond(all, d-1))
	}
	return fmt.Sprintf("%s %s (SELECT %s FROM u %s WHERE %s)", v(), g.pick("IN", "NOT IN"), g.value(all, d-1), a, g.cond(all, d-1))
}

// from is an item of FROM and its columns.
func (g *texts) from(d int) (string, []string) {
	a := g.alias("q")
	switch g.r.IntN(9) {
	case 0, 1, 2:
		return "t " + a, []string{a + ".id", a + ".k", a + ".c"}
	case 3, 4:
		if d > 0 {
			l, lc := g.from(d - 1)
			r, rc := g.from(d - 1)
			all := append(append([]string{}, lc...), rc...)
			return fmt.Sprintf("(%s %s JOIN %s ON %s = %s%s)", l, g.pick("", "LEFT", "INNER"), r, lc[0], rc[0], g.pick("", " AND "+g.cond(all, d-1))), all
		}
	case 5, 6, 7:
		if d > 0 {
			return fmt.Sprintf("(%s) %s(p, q)", g.query(d-1), a), []string{a + ".p", a + ".q"}
		}
	case 8:
		if d > 0 {
			return fmt.Sprintf("predict('f', %s) %s", g.value(nil, d-1), a), []string{a, a + "." + a}
		}
	}
	return "u " + a, []string{a + ".a", a + ".b"}
}

// query is a SELECT of two columns.
func (g *texts) query(d int) string {
	from, cols := g.from(d)
	head, items, tail := "SELECT ", make([]string, 2), ""
	where := ""
	if g.r.IntN(3) > 0 {
		where = " WHERE " + g.cond(cols, d)
	}
	key := g.value(cols, d-1)
	_, constant := strconv.Atoi(key)
	switch {
	case g.r.IntN(5) == 0 && constant != nil: // grouped
		for i := range items {
			items[i] = g.pick(key, g.pick("max", "min", "sum", "count")+"("+g.value(cols, d-1)+")::int")
		}
		tail = " GROUP BY " + key
		if g.r.IntN(3) == 0 {
			tail += " HAVING " + g.value([]string{"max(" + cols[0] + ")", "count(*)::int"}, d-1) + g.pick(" > 1", " IS NULL", " = 2")
		}
	default:
		for i := range items {
			items[i] = g.value(cols, d)
			if g.r.IntN(8) == 0 {
				items[i] = fmt.Sprintf("%s(%s) OVER (ORDER BY %s)", g.pick("max", "min"), g.value(cols, d-1), g.value(cols, d-1))
			}
		}
		head += g.pick("", "", "", "", "", "DISTINCT ")
	}
	q := head + strings.Join(items, ", ") + " FROM " + from + where + tail
	if d > 1 && g.r.IntN(8) == 0 {
		return q + g.pick(" UNION ALL ", " UNION ", " EXCEPT ", " INTERSECT ") + "(" + g.query(d-1) + ")"
	}
	if g.r.IntN(3) == 0 {
		q += " ORDER BY 1, 2" + g.pick("", fmt.Sprintf(" LIMIT %d", 1+g.r.IntN(4)))
	}
	return q
}

// statement is a query.
func (g *texts) statement() string {
	g.n = 0
	if g.r.IntN(6) == 0 {
		return "WITH w(a, b) AS (" + g.query(1) + ") " + strings.ReplaceAll(g.query(2), "u q", "w q")
	}
	return g.query(2 + g.r.IntN(2))
}

// writing is a statement that writes to x.
func (g *texts) writing() string {
	g.n = 0
	cols := []string{"x.id", "x.k", "x.c"}
	both := append([]string{"r.a", "r.b"}, cols...)
	where := g.pick("", " WHERE "+g.cond(cols, 2))
	switch g.r.IntN(6) {
	case 0:
		return "INSERT INTO x (id, k) " + g.query(2)
	case 1:
		return fmt.Sprintf("INSERT INTO x VALUES (%s, %s, DEFAULT), (1, %s, 2)", g.value(nil, 2), g.value(nil, 2), g.value(nil, 1))
	case 2:
		return fmt.Sprintf("UPDATE x SET k = %s, c = %s%s", g.value(cols, 2), g.value(cols, 1), where)
	case 3:
		return fmt.Sprintf("UPDATE x SET (k, c) = (%s, 1), id = %s FROM u r WHERE r.a = x.id AND %s", g.value(both, 2), g.value(both, 1), g.cond(both, 2))
	case 4:
		return "DELETE FROM x" + where
	}
	return fmt.Sprintf("WITH w AS (SELECT 1) DELETE FROM ONLY x USING u r WHERE r.a = x.id AND %s RETURNING x.*, %s", g.cond(both, 2), g.value(both, 1))
}
