package session

import (
	"context"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/search"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// catalog is planner.Catalog for one exchange: models of the Datalayer, functions of home.
type catalog struct {
	ctx       context.Context
	s         *session
	h         *homeSide
	functions map[string]namesake
}

func (s *session) catalog(ctx context.Context, h *homeSide) planner.Catalog {
	return &catalog{ctx: ctx, s: s, h: h}
}

// Model implements planner.Catalog.
func (c *catalog) Model(name string, version int) (*datalayer.ModelVersion, error) {
	return c.s.model(c.ctx, c.h, name, version)
}

// model finds a model version that the session's current role may execute. Home is asked for the role only where EXECUTE
// on the model is not everybody's. A search of a vector index is for who may read the index's table.
func (s *session) model(ctx context.Context, h *homeSide, name string, version int) (*datalayer.ModelVersion, error) {
	if index, is := search.Indexed(name); is {
		if err := s.mayRead(ctx, h, index); err != nil {
			return nil, err
		}
	}
	m, err := s.cfg.Datalayer.Describe(ctx, name, version)
	if err != nil || !s.cfg.Datalayer.Restricted(name) {
		return m, err
	}
	by, err := s.requester(ctx, h)
	if err != nil {
		return nil, err
	}
	return m, s.cfg.Datalayer.MayExecute(ctx, by, name)
}

// requester is the session as one that asks for changes of components: by home's current role.
func (s *session) requester(ctx context.Context, h *homeSide) (datalayer.Requester, error) {
	by := datalayer.Requester{User: s.info.User, Home: homeQuestions{h}}
	rows, err := by.Home.Query(ctx, "SELECT current_user::pg_catalog.text")
	if err == nil && len(rows) == 1 && rows[0][0] != nil {
		by.Role = *rows[0][0]
	}
	return by, err
}

// homeQuestions is home as component.Home.
type homeQuestions struct{ h *homeSide }

// Query implements component.Home.
func (q homeQuestions) Query(ctx context.Context, sql string, args ...string) ([][]*string, error) {
	query := stream.Query{Text: sql, Formats: []int16{0}}
	for _, arg := range args {
		query.Types = append(query.Types, udf.Text.OID())
		query.Params = append(query.Params, []byte(arg))
	}
	var rows [][]*string
	err := q.h.rows(ctx, query, func(values [][]byte) error {
		row := make([]*string, len(values))
		for i, v := range values {
			if v != nil {
				text := string(v)
				row[i] = &text
			}
		}
		rows = append(rows, row)
		return nil
	})
	return rows, unpositioned(err)
}

// namesake is what the catalog knows of the functions of one name, in any schema.
type namesake struct {
	kind           sqlparse.FunctionKind
	volatile, user bool
}

// known gives what home knows of functions by name; it is asked once for each name.
func (c *catalog) known(names []string) (map[string]namesake, error) {
	var missing []string
	for _, n := range names {
		if _, ok := c.functions[n]; !ok && !slices.Contains(missing, n) {
			missing = append(missing, n)
		}
	}
	if len(missing) == 0 {
		return c.functions, nil
	}
	list, err := textArray(missing)
	if err != nil {
		return nil, err
	}
	q := stream.Query{
		Text: "SELECT proname::pg_catalog.text, max((CASE WHEN proretset THEN 's' WHEN prokind IN ('a', 'w') THEN prokind END)::pg_catalog.text), " +
			"bool_or(provolatile = 'v' AND prokind = 'f'), bool_or(pronamespace <> 'pg_catalog'::pg_catalog.regnamespace) " +
			"FROM pg_catalog.pg_proc WHERE proname = ANY ($1::pg_catalog.name[]) GROUP BY 1",
		Types:  []uint32{udf.Text.ArrayOID()},
		Params: [][]byte{list}, Formats: []int16{0},
	}
	if c.functions == nil {
		c.functions = map[string]namesake{}
	}
	for _, n := range missing {
		c.functions[n] = namesake{}
	}
	err = c.h.rows(c.ctx, q, func(v [][]byte) error {
		f := namesake{volatile: string(v[2]) == "t", user: string(v[3]) == "t"}
		if len(v[1]) == 1 {
			f.kind = sqlparse.FunctionKind(v[1][0])
		}
		c.functions[string(v[0])] = f
		return nil
	})
	return c.functions, unpositioned(err)
}

// FunctionKinds implements planner.Catalog. Every schema counts: a name that is an aggregate anywhere is one.
func (c *catalog) FunctionKinds(names []string) (map[string]sqlparse.FunctionKind, error) {
	known, err := c.known(names)
	kinds := map[string]sqlparse.FunctionKind{}
	for _, n := range names {
		if f := known[n]; f.kind != 0 {
			kinds[n] = f.kind
		}
	}
	return kinds, err
}

// Volatile implements planner.Catalog. Every schema counts here too.
func (c *catalog) Volatile(names []string) (map[string]bool, error) {
	return c.those(names, func(f namesake) bool { return f.volatile })
}

// UserFunctions implements planner.Catalog.
func (c *catalog) UserFunctions(names []string) (map[string]bool, error) {
	return c.those(names, func(f namesake) bool { return f.user })
}

// those gives the names of functions of a sort.
func (c *catalog) those(names []string, sort func(namesake) bool) (map[string]bool, error) {
	known, err := c.known(names)
	found := map[string]bool{}
	for _, n := range names {
		if sort(known[n]) {
			found[n] = true
		}
	}
	return found, err
}

// Drawn implements planner.Catalog.
func (c *catalog) Drawn(schema, name string) ([]planner.VolatileFunction, error) {
	list, err := textArray([]string{schema, name})
	if err != nil {
		return nil, err
	}
	q := stream.Query{
		Text: `SELECT p.oid, n.nspname, pg_catalog.pg_get_function_arguments(p.oid), p.pronargs, p.provariadic <> 0,
  pg_catalog.pg_get_function_result(p.oid), t.oid, t.typarray, n.nspname = 'pg_catalog',
  p.provolatile = 'v' AND p.prokind = 'f' AND NOT p.proretset AND NOT coalesce(p.proargmodes, '{}') OPERATOR(pg_catalog.&&) '{o,b,t}' AND t.typtype IN ('b', 'd', 'e', 'r', 'm') AND t.typarray <> 0
    AND t.typsend <> 0 AND t.typreceive <> 0 AND p.provariadic <> 'pg_catalog.any'::pg_catalog.regtype
    AND NOT EXISTS (SELECT FROM pg_catalog.unnest(p.proargtypes) AS a(o) JOIN pg_catalog.pg_type AS at ON at.oid = a.o
      WHERE at.typtype = 'p' OR at.typsend = 0)
FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace JOIN pg_catalog.pg_type AS t ON t.oid = p.prorettype
WHERE p.proname = $1[2]::pg_catalog.name AND CASE WHEN $1[1] = '' THEN pg_catalog.pg_function_is_visible(p.oid)
  ELSE p.pronamespace = CASE WHEN $1[1] = 'pg_temp' THEN pg_catalog.pg_my_temp_schema()
    ELSE (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $1[1]::pg_catalog.name) END END
ORDER BY 1`,
		Types:  []uint32{udf.Text.ArrayOID()},
		Params: [][]byte{list}, Formats: []int16{0},
	}
	var functions []planner.VolatileFunction
	all := true
	err = c.h.rows(c.ctx, q, func(v [][]byte) error {
		number := func(i int) uint32 {
			n, _ := strconv.ParseUint(string(v[i]), 10, 32)
			return uint32(n)
		}
		all = all && string(v[9]) == "t"
		functions = append(functions, planner.VolatileFunction{OID: number(0), Schema: string(v[1]), Name: name, Parameters: string(v[2]),
			Arguments: int(number(3)), Variadic: string(v[4]) == "t", Returns: string(v[5]), ReturnsOID: number(6), ReturnsArray: number(7),
			Own: string(v[8]) == "t"})
		return nil
	})
	if !all {
		functions = nil
	}
	return functions, unpositioned(err)
}

// arrayType finds the type of arrays of a type, or, where there is none, the type's name. Composite types count as having
// none: unnest would give their fields as columns.
func (s *session) arrayType(ctx context.Context, h *homeSide, oid uint32) (array uint32, name string, err error) {
	m := pgtype.NewMap()
	if t, ok := m.TypeForOID(oid); ok && !strings.HasPrefix(t.Name, "_") {
		if a, ok := m.TypeForName("_" + t.Name); ok {
			return a.OID, "", nil
		}
	}
	q := stream.Query{
		Text:   "SELECT CASE WHEN typtype <> 'c' THEN typarray ELSE 0 END::oid, pg_catalog.format_type(oid, NULL) FROM pg_catalog.pg_type WHERE oid = $1",
		Types:  []uint32{pgtype.OIDOID},
		Params: [][]byte{binary.BigEndian.AppendUint32(nil, oid)}, Formats: []int16{1, 0},
	}
	err = h.rows(ctx, q, func(v [][]byte) error {
		if len(v) == 2 && len(v[0]) == 4 {
			array, name = binary.BigEndian.Uint32(v[0]), string(v[1])
		}
		return nil
	})
	return array, name, unpositioned(err)
}

// textArray is a text[] in binary form.
func textArray(texts []string) ([]byte, error) {
	return pgvalue.AppendArray(nil, &udf.Column{Type: udf.Text, Texts: texts}, udf.Text.OID())
}
