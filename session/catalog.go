package session

import (
	"context"
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
	return c.s.cfg.Datalayer.Describe(c.ctx, name, version)
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

// arrayType finds the type of arrays of a type; 0 where there is none.
func (s *session) arrayType(ctx context.Context, h *homeSide, oid uint32) (uint32, error) {
	m := pgtype.NewMap()
	if t, ok := m.TypeForOID(oid); ok {
		if strings.HasPrefix(t.Name, "_") {
			return 0, nil
		}
		if a, ok := m.TypeForName("_" + t.Name); ok {
			return a.OID, nil
		}
	}
	var array uint32
	q := stream.Query{
		Text: "SELECT typarray FROM pg_catalog.pg_type WHERE oid = $1", Types: []uint32{26},
		Params: [][]byte{{byte(oid >> 24), byte(oid >> 16), byte(oid >> 8), byte(oid)}}, Formats: []int16{1},
	}
	err := h.rows(ctx, q, func(v [][]byte) error {
		if len(v) == 1 && len(v[0]) == 4 {
			array = uint32(v[0][0])<<24 | uint32(v[0][1])<<16 | uint32(v[0][2])<<8 | uint32(v[0][3])
		}
		return nil
	})
	return array, unpositioned(err)
}

// textArray is a text[] in binary form.
func textArray(texts []string) ([]byte, error) {
	return pgvalue.AppendArray(nil, &udf.Column{Type: udf.Text, Texts: texts}, udf.Text.OID())
}
