package differential

// many makes a query over thousands of rows: so many answers take other ways than a few.
func many(g *generator, position string) []*step {
	g.parameters = false
	rows := one(g.r, 300, 2600, 2600, 5000)
	from := txt(`(SELECT i AS id, i % 900 AS k, 'n' || i % 2500 AS n, i / 4.0::float8 AS f, i::int8 * 5000000000 AS w, round(i / 4.0, 2) AS p, date '2000-01-01' + i AS d,
  timestamp '2000-01-01' + i * interval '1 hour' AS t, ('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid AS u, i % 3 = 0 AS b, CASE WHEN i % 7 > 0 THEN i * 3 END AS o,
  (i % 300)::int2 AS s, ARRAY[i, i % 9] AS l, jsonb_build_object('v', i % 400) AS j FROM generate_series(1, `, itoa(rows), `) AS i) AS big`)
	s := &scope{keys: []*node{txt("id")}}
	for _, c := range []struct {
		name string
		typ  typ
	}{{"id", tInt4}, {"k", tInt4}, {"o", tInt4}, {"n", tText}, {"f", tFloat8}, {"w", tInt8}, {"p", tNumeric}, {"d", tDate}, {"t", tTimestamp}, {"u", tUUID}, {"b", tBool},
		{"s", tInt2}, {"l", tInt4s}, {"j", tJSONB}} {
		s.fields = append(s.fields, field{expr(c.typ, c.name), true})
	}
	p := place{scope: s, position: position, depth: 1}
	call := func() *node {
		return g.callOf(modelNamed(one(g.r, "add", "tens", "maybe", "zero", "size", "month", "keys", "total", "high", "rich", "few", "wide", "half", "weigh", "price", "twice", "shout",
			"mix", "known", "year", "nick", "clock", "noon", "next", "wrap", "day", "ident")), p, nil)
	}
	digest := func(x *node) *node {
		return txt("SELECT count(*), md5(string_agg(", x, "::text, ',' ORDER BY id)) FROM ", from)
	}
	switch g.r.IntN(7) {
	case 0:
		x := call()
		return []*step{{node: txt("SELECT ", x, ", count(*), min(id) FROM ", from, " GROUP BY 1 ORDER BY 3")}}
	case 1:
		return []*step{{node: txt(digest(call()), " WHERE ", g.callOf(modelNamed(one(g.r, "high", "unsure")), p, nil), one(g.r, " OR id < 9", " AND id > 9", ""))}}
	case 2:
		return []*step{{node: txt("SELECT id, ", call(), " FROM ", from, " WHERE ", g.callOf(modelNamed(one(g.r, "high", "unsure")), p, nil), " ORDER BY id LIMIT ", itoa(1+g.r.IntN(50))), total: true}}
	case 3:
		return []*step{{node: txt("SELECT id, ", call(), " FROM ", from, " ORDER BY ", call(), ", id", one(g.r, opt(" LIMIT 20"), opt(" OFFSET 250"), txt())), total: true}}
	case 4:
		return []*step{{node: txt("SELECT id, ", call(), ", ", call(), " FROM ", from, " ORDER BY id"), total: true}}
	case 5:
		return []*step{{node: txt("SELECT a.id FROM (SELECT id, ", call(), " AS x FROM ", from, ") AS a JOIN (SELECT id, ", call(), " AS x FROM ", from,
			") AS b ON a.id = b.id AND a.x::text < b.x::text ORDER BY 1"), total: true}}
	}
	return []*step{{node: digest(call())}}
}
