package sqlparse

import (
	"testing"

	pg_query "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// step is a message that a walk visits, and the one above it.
type step struct{ m, parent proto.Message }

// described walks by the descriptors of messages, which know of fields what the structs may not show.
func described(m protoreflect.Message, parent proto.Message) (steps []step) {
	if !m.IsValid() {
		return nil
	}
	msg := m.Interface()
	steps = append(steps, step{msg, parent})
	switch msg := msg.(type) {
	case *pg_query.Node:
	case *pg_query.A_Const, *pg_query.String, *pg_query.Integer:
		return steps
	case *pg_query.MultiAssignRef:
		if msg.Colno > 1 {
			return steps
		}
		parent = msg
	default:
		parent = msg
	}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if fd.Kind() != protoreflect.MessageKind || !m.Has(fd) {
			continue
		}
		if !fd.IsList() {
			steps = append(steps, described(m.Get(fd).Message(), parent)...)
			continue
		}
		for list, j := m.Get(fd).List(), 0; j < list.Len(); j++ {
			steps = append(steps, described(list.Get(j).Message(), parent)...)
		}
	}
	return steps
}

// checkWalk compares both walks over the statements of a text.
func checkWalk(t *testing.T, text string) {
	t.Helper()
	tree, err := pg_query.Parse(text)
	if err != nil {
		return
	}
	for _, raw := range tree.Stmts {
		want := described(raw.Stmt.ProtoReflect(), nil)
		n := 0
		walkMessage(raw.Stmt, nil, func(m, parent proto.Message) bool {
			if n >= len(want) || want[n] != (step{m, parent}) {
				t.Fatalf("%s: message %d is %T below %T", text, n, m, parent)
			}
			n++
			return true
		})
		if n != len(want) {
			t.Fatalf("%s: %d messages of %d", text, n, len(want))
		}
	}
}

func TestWalkVisitsAll(t *testing.T) {
	t.Parallel()
	for _, text := range fuzzSeeds {
		checkWalk(t, text)
	}
	for _, text := range []string{
		"UPDATE t SET (a, b) = (SELECT 1, f(x)), c[1:2] = ARRAY[1, NULL] WHERE x <> ALL (VALUES (1), (2)) RETURNING *",
		"SELECT xmlelement(name a, xmlattributes(b AS c), d), GROUPING(a), f(VARIADIC x ORDER BY y) FILTER (WHERE z) OVER w FROM ROWS FROM (g(1) AS (a int)) WITH ORDINALITY, t " +
			"TABLESAMPLE system (1) GROUP BY GROUPING SETS ((a), ()) WINDOW w AS (PARTITION BY a ROWS 1 PRECEDING) FOR UPDATE OF t",
		"CREATE TABLE t (a int DEFAULT f(1) CHECK (a > 0), EXCLUDE USING gist (a WITH =)) PARTITION BY RANGE (a); CREATE VIEW v AS SELECT 1 UNION (SELECT 2 INTERSECT SELECT 3)",
		"INSERT INTO t SELECT 1 ON CONFLICT (a) WHERE b DO UPDATE SET c = excluded.d WHERE e; MERGE INTO t USING u ON a WHEN NOT MATCHED AND b THEN INSERT (c) VALUES (d)",
		"WITH RECURSIVE r(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM r) SEARCH DEPTH FIRST BY a SET o CYCLE a SET c USING p SELECT (r).a[1].b FROM r JOIN LATERAL (SELECT 1) s USING (a) AS j",
	} {
		if _, err := pg_query.Parse(text); err != nil {
			t.Fatal(err)
		}
		checkWalk(t, text)
	}
}
