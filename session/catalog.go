package session

import (
	"context"
	"encoding/binary"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// catalog is planner.Catalog for one exchange: models of the Datalayer, functions of home.
type catalog struct {
	ctx context.Context
	s   *session
	h   *homeSide
}

func (s *session) catalog(ctx context.Context, h *homeSide) planner.Catalog {
	return &catalog{ctx, s, h}
}

// Model implements planner.Catalog.
func (c *catalog) Model(name string, version int) (*datalayer.ModelVersion, error) {
	return c.s.model(c.ctx, c.h, name, version)
}

// model finds a model version that the session's current role may execute. Home is asked for the role only where EXECUTE
// on the model is not everybody's.
func (s *session) model(ctx context.Context, h *homeSide, name string, version int) (*datalayer.ModelVersion, error) {
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

// FunctionKinds implements planner.Catalog. Every schema counts: a name that is an aggregate anywhere is one.
func (c *catalog) FunctionKinds(names []string) (map[string]sqlparse.FunctionKind, error) {
	kinds := map[string]sqlparse.FunctionKind{}
	if len(names) == 0 {
		return kinds, nil
	}
	list, err := textArray(names)
	if err != nil {
		return nil, err
	}
	q := stream.Query{
		Text: "SELECT proname::pg_catalog.text, CASE WHEN proretset THEN 's' ELSE prokind END::pg_catalog.text FROM pg_catalog.pg_proc " +
			"WHERE proname::pg_catalog.text = ANY ($1) AND (proretset OR prokind IN ('a', 'w')) ORDER BY 2",
		Types:  []uint32{udf.Text.ArrayOID()},
		Params: [][]byte{list}, Formats: []int16{0},
	}
	err = c.h.rows(c.ctx, q, func(v [][]byte) error {
		if len(v) == 2 && len(v[1]) == 1 {
			kinds[string(v[0])] = sqlparse.FunctionKind(v[1][0])
		}
		return nil
	})
	return kinds, unpositioned(err)
}

// Volatile implements planner.Catalog. Every schema counts here too.
func (c *catalog) Volatile(names []string) (map[string]bool, error) {
	return c.functions(names, "provolatile = 'v' AND prokind = 'f'")
}

// UserFunctions implements planner.Catalog.
func (c *catalog) UserFunctions(names []string) (map[string]bool, error) {
	return c.functions(names, "pronamespace <> 'pg_catalog'::pg_catalog.regnamespace")
}

// functions gives those of the names for which home has a function that meets a condition on pg_proc.
func (c *catalog) functions(names []string, condition string) (map[string]bool, error) {
	found := map[string]bool{}
	if len(names) == 0 {
		return found, nil
	}
	list, err := textArray(names)
	if err != nil {
		return nil, err
	}
	q := stream.Query{
		Text:   "SELECT DISTINCT proname::pg_catalog.text FROM pg_catalog.pg_proc WHERE proname::pg_catalog.text = ANY ($1) AND " + condition,
		Types:  []uint32{udf.Text.ArrayOID()},
		Params: [][]byte{list}, Formats: []int16{0},
	}
	err = c.h.rows(c.ctx, q, func(v [][]byte) error {
		if len(v) == 1 {
			found[string(v[0])] = true
		}
		return nil
	})
	return found, unpositioned(err)
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
