package session

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/answer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// Foreign is a databackend whose relations are mirrored in home: each is a table there (the parent) with one foreign table
// that inherits from it (the child), of the same name, in the schema that dialect.ForeignSchema gives. It is safe for
// concurrent use.
type Foreign interface {
	// Mirrored are the names of the mirrored relations, without schemas, and a number that is another one whenever the
	// databackend's schema was read anew and found changed. It neither waits nor allocates: it is asked for every statement.
	Mirrored() (names *sqlparse.Names, version uint64)
}

// foreignTexts bounds the texts that are kept parsed, in number and in bytes.
const (
	foreignTexts     = 1024
	foreignTextBytes = 8 << 10
)

// foreignText is a text with what its statements name of relations. It is not changed once made.
type foreignText struct {
	script *sqlparse.Script
	// mentions are the statements', in their order.
	mentions []*sqlparse.Mentions
	version  uint64
}

// foreignCache keeps texts parsed that clients send again and again. It is safe for concurrent use.
type foreignCache struct {
	mu    sync.Mutex
	texts map[string]*foreignText
}

// get gives what is known of a text under the version of the schema.
func (c *foreignCache) get(text []byte, version uint64) *foreignText {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.texts[string(text)]; t != nil && t.version == version {
		return t
	}
	return nil
}

// put keeps a text; where there are many it forgets any of them.
func (c *foreignCache) put(t *foreignText) {
	if len(t.script.Text) > foreignTextBytes {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.texts == nil {
		c.texts = map[string]*foreignText{}
	}
	for other := range c.texts {
		if len(c.texts) < foreignTexts {
			break
		}
		delete(c.texts, other)
	}
	c.texts[t.script.Text] = t
}

// mayMention reports whether a text may name a mirrored relation.
func (s *session) mayMention(text []byte) bool {
	if s.cfg.Foreign == nil {
		return false
	}
	names, _ := s.cfg.Foreign.Mirrored()
	return names.In(text)
}

// knownText gives a text that was parsed before, all of whose statements are home's but for the mirrored relations in them.
func (s *session) knownText(text []byte) *foreignText {
	_, version := s.cfg.Foreign.Mirrored()
	return s.foreign.get(text, version)
}

// mentions finds what a script's statements name of mirrored relations; nil where they name none.
func (s *session) mentions(script *sqlparse.Script) *foreignText {
	names, version := s.cfg.Foreign.Mirrored()
	found := false
	t := &foreignText{script: script, version: version}
	for _, st := range script.Statements {
		m := &sqlparse.Mentions{}
		if st.Node != nil && st.Component == nil {
			if own, err := sqlparse.FindMentions(script.Text, st.Span, st.Node); err == nil {
				m = own
			}
		}
		for _, r := range m.Relations {
			found = found || names.Has(r.Name)
		}
		t.mentions = append(t.mentions, m)
	}
	if !found {
		return nil
	}
	return t
}

// mentionsOf gives what the statement at hand names of relations; nil where none is mirrored.
func (s *session) mentionsOf(script *sqlparse.Script, st *sqlparse.Statement) *sqlparse.Mentions {
	if s.naming == nil || s.naming.script != script {
		return nil
	}
	if i := slices.Index(script.Statements, st); i >= 0 && len(s.naming.mentions[i].Relations) > 0 {
		return s.naming.mentions[i]
	}
	return nil
}

// mirrored is a relation of home that a name stands for, with the foreign table behind it.
type mirrored struct {
	// parent and child are OIDs; child is 0 for a relation that is not mirrored.
	parent, child uint32
	// schema is the parent's, foreign the child's.
	schema, foreign string
	// own says that the parent has row security or rules, which hold for who names it and not for who names the child.
	own bool
	// readable says that the role may read all columns of the child.
	readable bool
}

// homeState is what a run without home must know of the session there.
type homeState struct {
	// text is all of it, as home says it.
	text string
	// process is home's process of the session, timeout its statement_timeout, 0 for none.
	process uint32
	timeout time.Duration
	// plans holds what decides how a text is planned and how values are shown: role, search path and settings.
	plans string
	// exact says that floating-point numbers are printed so that they can be read back, hexed that bytea is in hexadecimals.
	exact, hexed bool
}

// read reads what home says.
func (s *homeState) read(text []byte) error {
	if s.text == string(text) {
		return nil
	}
	process, rest, _ := strings.Cut(string(text), stateSeparator)
	timeout, plans, ok := strings.Cut(rest, stateSeparator)
	n, err := strconv.ParseUint(process, 10, 32)
	if err != nil || !ok {
		return fmt.Errorf("home's session is described as %q", process)
	}
	if s.timeout, err = answer.ParseTime(timeout); err != nil {
		return fmt.Errorf("home's statement_timeout %q: %w", timeout, err)
	}
	digits, rest, _ := strings.Cut(plans, stateSeparator)
	s.text, s.process, s.plans, s.exact, s.hexed = string(text), uint32(n), plans, digits > "0", strings.HasPrefix(rest, "hex"+stateSeparator)
	return nil
}

// stateSeparator stands between the parts of what home says of the session.
const stateSeparator = "\x1f"

// resolveName is the name on home of the prepared statement that resolves names.
const resolveName = "pinnacle_resolve"

// resolveNames finds relations by their names as PostgreSQL would, with the search path and the temporary tables of the
// session, and the foreign table behind each.
const resolveNames = `SELECT (n.i - 1)::pg_catalog.int4, c.oid, s.nspname, coalesce(f.oid, 0), coalesce(f.nspname, ''),
  c.relrowsecurity OR c.relhasrules, f.oid IS NOT NULL AND pg_catalog.has_table_privilege(f.oid, 'SELECT'),
  pg_catalog.concat_ws(pg_catalog.chr(31), pg_catalog.pg_backend_pid(), pg_catalog.current_setting('statement_timeout'),
    pg_catalog.current_setting('extra_float_digits'), pg_catalog.current_setting('bytea_output'), current_user, pg_catalog.current_setting('search_path'))
FROM pg_catalog.unnest($1) WITH ORDINALITY AS n(name, i) JOIN pg_catalog.pg_class AS c ON c.oid = pg_catalog.to_regclass(n.name)
  JOIN pg_catalog.pg_namespace AS s ON s.oid = c.relnamespace
  LEFT JOIN LATERAL (SELECT f.oid, fs.nspname FROM pg_catalog.pg_inherits AS h JOIN pg_catalog.pg_class AS f ON f.oid = h.inhrelid AND f.relkind = 'f'
    JOIN pg_catalog.pg_foreign_table AS t ON t.ftrelid = f.oid JOIN pg_catalog.pg_foreign_server AS v ON v.oid = t.ftserver
    JOIN pg_catalog.pg_namespace AS fs ON fs.oid = f.relnamespace
    WHERE h.inhparent = c.oid AND f.relname = c.relname AND v.srvname = '` + dialect.ForeignServer + `') AS f ON true`

// resolve asks home what mentioned names stand for. Those that no mirrored relation has are not asked about; what is not
// mirrored has a zero child.
func (s *session) resolve(ctx context.Context, h *homeSide, relations []sqlparse.Mention) ([]mirrored, error) {
	names, _ := s.cfg.Foreign.Mirrored()
	found := make([]mirrored, len(relations))
	var spellings []string
	var asked []int
	for i, r := range relations {
		if names.Has(r.Name) && (r.Catalog == "" || r.Catalog == s.info.Database) {
			spellings, asked = append(spellings, r.Spelling()), append(asked, i)
		}
	}
	if len(asked) == 0 {
		return found, nil
	}
	list, err := textArray(spellings)
	if err != nil {
		return nil, err
	}
	expected := "2"
	if !s.resolves {
		h.x.Send(&pgproto3.Close{ObjectType: 'S', Name: resolveName}, &pgproto3.Parse{Name: resolveName, Query: resolveNames, ParameterOIDs: []uint32{pgtype.TextArrayOID}})
		expected = "312"
	}
	err = h.ask(&pgproto3.Bind{DestinationPortal: ownName, PreparedStatement: resolveName, ParameterFormatCodes: []int16{1},
		Parameters: [][]byte{list}, ResultFormatCodes: []int16{1}}, &pgproto3.Execute{Portal: ownName}, &pgproto3.Close{ObjectType: 'P', Name: ownName})
	if err != nil {
		return nil, err
	}
	if err := h.expect(ctx, expected, nil); err != nil {
		return nil, unpositioned(err)
	}
	s.resolves = true
	err = h.each(ctx, func(v [][]byte) error {
		if len(v) != 8 || len(v[0]) != 4 || len(v[1]) != 4 || len(v[3]) != 4 || len(v[5]) != 1 || len(v[6]) != 1 {
			return fmt.Errorf("home resolves a name with %d columns", len(v))
		}
		at := binary.BigEndian.Uint32(v[0])
		if int(at) >= len(asked) {
			return fmt.Errorf("home resolves name %d of %d", at, len(asked))
		}
		found[asked[at]] = mirrored{parent: binary.BigEndian.Uint32(v[1]), schema: string(v[2]), child: binary.BigEndian.Uint32(v[3]),
			foreign: string(v[4]), own: v[5][0] == 1, readable: v[6][0] == 1}
		return s.state.read(v[7])
	})
	if err != nil {
		return nil, unpositioned(err)
	}
	return found, h.expect(ctx, "3", nil)
}

// each reads the rows of an Execute to their end.
func (h *homeSide) each(ctx context.Context, take func([][]byte) error) error {
	var failed error
	for {
		values, status, err := h.next(ctx)
		if err != nil {
			return err
		}
		if status != stream.Row {
			return failed
		}
		if failed == nil {
			failed = take(values)
		}
	}
}

// dropWords are the statements that may drop a prepared statement.
var dropWords = []string{"deallocate", "discard"}

// noteDropped notes that a text may drop the session's prepared statements, that of the proxy's own among them.
func (s *session) noteDropped(text []byte) {
	if s.resolves && sqlparse.HoldsAny(text, dropWords) {
		s.resolves = false
	}
}
