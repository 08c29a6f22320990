package session

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// commandCursor is a portal that runs a command without rows.
type commandCursor struct {
	kind string
	run  func(ctx context.Context, h *homeSide) (tag string, err error)
	ran  bool
}

func (c *commandCursor) fields() []pgproto3.FieldDescription { return nil }
func (c *commandCursor) onHome() bool                        { return false }
func (c *commandCursor) close()                              {}
func (c *commandCursor) plan() string                        { return c.kind }

// execute implements cursor.
func (c *commandCursor) execute(ctx context.Context, h *homeSide, _ int64) (string, error) {
	if c.ran {
		return "", coded("55000", "portal cannot be run again", "", "")
	}
	c.ran = true
	return c.run(ctx, h)
}

// componentStatement is a command of the component DDL that gives no rows.
type componentStatement struct {
	s *session
	// what names the command for messages, alone says that it cannot be part of a transaction.
	what string
	run  func(ctx context.Context, h *homeSide) (tag string, err error)
}

func (c *componentStatement) params() []uint32                                           { return nil }
func (c *componentStatement) fields() []pgproto3.FieldDescription                        { return nil }
func (c *componentStatement) prepare(context.Context, *homeSide, string, []uint32) error { return nil }
func (c *componentStatement) renew(context.Context, *homeSide) error                     { return nil }
func (c *componentStatement) drop(context.Context, *homeSide) error                      { return nil }
func (c *componentStatement) plan() string                                               { return "component" }

func (c *componentStatement) bind(context.Context, *homeSide, *pgproto3.Bind) (cursor, error) {
	return &commandCursor{kind: "component", run: c.execute}, nil
}

// execute runs the command outside any transaction: the metadata store's change is durable at once and could not be
// rolled back with home's.
func (c *componentStatement) execute(ctx context.Context, h *homeSide) (string, error) {
	switch {
	case h.x.TxStatus() == 'E':
		return "", errAborted()
	case h.x.TxStatus() == 'T' || h.x.InBatch():
		return "", coded("25001", c.what+" cannot run inside a transaction block",
			"Its change is durable at once and could not be rolled back.",
			"Run it by itself, outside BEGIN … COMMIT and not together with other statements in one query; with drivers that open transactions by themselves, use autocommit.")
	}
	if err := mayChange(ctx, h, c.what); err != nil {
		return "", err
	}
	return c.run(ctx, h)
}

// mayChange asks home whether the session's current role may change components: those may that may create schemas in
// the database (privilege CREATE), its owner and superusers among them.
func mayChange(ctx context.Context, h *homeSide, what string) error {
	may := false
	q := stream.Query{
		Text:    "SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')",
		Formats: []int16{1},
	}
	err := h.rows(ctx, q, func(v [][]byte) error {
		may = len(v) == 1 && len(v[0]) == 1 && v[0][0] == 1
		return nil
	})
	if err != nil {
		return unpositioned(err)
	}
	if !may {
		return coded("42501", "permission denied for "+what, "Components may be changed by roles that have the privilege CREATE on the database.",
			"Have the database's owner run: GRANT CREATE ON DATABASE … TO this role.")
	}
	return nil
}

// component makes the statement for one of the component DDL.
func (s *session) component(script *sqlparse.Script, st *sqlparse.Statement) (statement, error) {
	if len(script.Statements) > 1 {
		if what := changes(st.Component); what != "" {
			return nil, &sqlparse.Error{Code: "25001", Message: what + " cannot run inside a transaction block", Position: st.Span.Start,
				Detail: "The statements of one query are one transaction.", Hint: "Send it by itself."}
		}
	}
	dl := s.cfg.Datalayer
	switch c := st.Component.(type) {
	case *sqlparse.CreateModel:
		return s.command("CREATE MODEL", func(ctx context.Context, h *homeSide) (string, error) {
			def, mode, err := definition(c)
			if err != nil {
				return "", err
			}
			out, err := dl.Add(ctx, def, mode, s.info.User)
			if err != nil {
				return "", err
			}
			h.notice(addNotice(out))
			return "CREATE MODEL", nil
		}), nil
	case *sqlparse.Alter:
		if c.Kind != "model" || c.Owner != (sqlparse.Role{}) {
			return nil, notYet(st)
		}
		return s.command("ALTER MODEL", func(ctx context.Context, h *homeSide) (string, error) { return s.alter(ctx, h, c) }), nil
	case *sqlparse.Drop:
		if c.Kind != "model" {
			return nil, notYet(st)
		}
		return s.command("DROP MODEL", func(ctx context.Context, h *homeSide) (string, error) {
			found, err := dl.Remove(ctx, c.Name.Name, c.Name.Version, c.IfExists)
			if err == nil && !found {
				h.notice(fmt.Sprintf("model %q does not exist, skipping", c.Name.Name))
			}
			return "DROP MODEL", err
		}), nil
	case *sqlparse.CopyArtifact:
		return s.command("COPY pinnacle.artifacts", s.copyArtifact), nil
	case *sqlparse.FunctionCall:
		return s.functionCall(script, st, c)
	case *sqlparse.Show:
		if c.What != "models" && c.What != "artifacts" && c.What != "jobs" {
			return nil, notYet(st)
		}
		return s.show(c)
	case *sqlparse.Describe:
		if c.Kind != "model" {
			return nil, notYet(st)
		}
		return &listStatement{s: s, list: func(ctx context.Context) ([][2]string, error) {
			m, err := dl.Describe(ctx, c.Name.Name, c.Name.Version)
			if err != nil {
				return nil, err
			}
			return properties(m), nil
		}}, nil
	case *sqlparse.ExplainCreate:
		model, ok := c.Create.(*sqlparse.CreateModel)
		if !ok {
			return nil, notYet(st)
		}
		return &listStatement{s: s, list: func(ctx context.Context) ([][2]string, error) { return s.dryRun(ctx, model) }}, nil
	}
	return nil, notYet(st)
}

// notYet is the error for a statement whose grammar is known and that is not done by this version.
func notYet(st *sqlparse.Statement) error {
	return &sqlparse.Error{Code: "0A000", Message: "this statement is not supported by this version of pinnacle-proxy", Position: st.Span.Start}
}

func (s *session) command(what string, run func(context.Context, *homeSide) (string, error)) *componentStatement {
	return &componentStatement{s: s, what: what, run: run}
}

// changes names a command that changes components; "" for one that only reads.
func changes(c sqlparse.Component) string {
	switch c := c.(type) {
	case sqlparse.Create:
		return "CREATE " + words(c.Kind())
	case *sqlparse.Alter:
		return "ALTER " + words(c.Kind)
	case *sqlparse.Drop:
		return "DROP " + words(c.Kind)
	case *sqlparse.CopyArtifact:
		return "COPY pinnacle.artifacts"
	}
	return ""
}

// words is a kind of component as SQL writes it.
func words(kind string) string { return strings.ToUpper(component.Words(kind)) }

func (h *homeSide) notice(message string) {
	if message != "" {
		h.x.Reply(&pgproto3.NoticeResponse{Severity: "NOTICE", SeverityUnlocalized: "NOTICE", Code: "00000", Message: message})
	}
}

// addNotice says what an Add did where the command tag does not.
func addNotice(out *datalayer.AddOutcome) string {
	switch out.Change {
	case "same":
		return fmt.Sprintf("model %q has this content already as version %d; nothing was changed", out.Model.Name, out.Model.Version)
	case "exists":
		return fmt.Sprintf("model %q already exists, skipping", out.Model.Name)
	case "new version":
		text := fmt.Sprintf("model %q has a new version %d", out.Model.Name, out.Model.Version)
		if !out.Model.Default {
			text += fmt.Sprintf("; the default stays version %d, as it was set: ALTER MODEL %s SET DEFAULT VERSION %d changes it",
				out.Default, sqlparse.QuoteIdentifier(out.Model.Name), out.Model.Version)
		}
		return text
	}
	return ""
}

// definition makes of a CREATE MODEL what the Datalayer adds.
func definition(c *sqlparse.CreateModel) (datalayer.ModelDefinition, datalayer.AddMode, error) {
	def := datalayer.ModelDefinition{
		Name: c.Name.Name, Runtime: c.Using, HasArgs: c.HasArgs, Artifact: c.Artifact,
		Source: c.Source, HasSource: c.HasSource, Options: map[string]string{},
	}
	mode := datalayer.AddNew
	switch {
	case c.Query != (sqlparse.Span{}) || c.Target != "":
		return def, mode, &sqlparse.Error{Code: "0A000", Message: "CREATE MODEL … FROM (select) is not supported yet", Position: c.Query.Start,
			Hint: "Train the model outside, export it to ONNX, and create it FROM its file."}
	case c.Sequence != nil || c.Validation != nil:
		return def, mode, &sqlparse.Error{Code: "0A000", Message: "CREATE MODEL … AS SEQUENCE and VALIDATE are not supported yet", Position: c.Name.Span.Start}
	case c.Name.Version != 0:
		return def, mode, &sqlparse.Error{Code: "42601", Message: "CREATE MODEL takes a name without a version", Position: c.Name.Span.Start,
			Hint: "Versions are counted by the proxy: CREATE OR REPLACE MODEL makes the next one."}
	case c.OrReplace:
		mode = datalayer.AddOrReplace
	case c.IfNotExists:
		mode = datalayer.AddIfNotExists
	}
	for _, a := range c.Args {
		t, err := udf.ParseType(a.Type)
		if err != nil {
			return def, mode, typeError(a.Type, a.Span.Start)
		}
		def.Args = append(def.Args, udf.Arg{Name: a.Name, Type: t})
	}
	if c.Returns != "" {
		t, err := udf.ParseType(c.Returns)
		if err != nil {
			return def, mode, typeError(c.Returns, c.ReturnsSpan.Start)
		}
		def.Returns = t
	}
	for _, o := range c.Options {
		def.Options[o.Key] = o.Value
	}
	return def, mode, nil
}

func typeError(name string, pos int) error {
	return &sqlparse.Error{Code: "42704", Message: fmt.Sprintf("type %q is not one that a model can take or give", name), Position: pos,
		Hint: "Models take and give boolean, smallint, integer, bigint, real, double precision, numeric, text, bytea, date, time, timestamp, timestamptz, interval, uuid, json, jsonb, and arrays of boolean, integer, bigint, real, double precision and text."}
}

// alter runs ALTER MODEL.
func (s *session) alter(ctx context.Context, h *homeSide, c *sqlparse.Alter) (string, error) {
	dl := s.cfg.Datalayer
	switch {
	case c.RenameTo != "":
		return "ALTER MODEL", dl.Rename(ctx, c.Name.Name, c.RenameTo)
	case c.DefaultVersion != 0:
		return "ALTER MODEL", dl.SetDefault(ctx, c.Name.Name, c.DefaultVersion)
	}
	options := map[string]string{}
	for _, o := range c.Set {
		options[o.Key] = o.Value
	}
	out, err := dl.SetOptions(ctx, c.Name.Name, options, s.info.User)
	if err != nil {
		return "", err
	}
	h.notice(addNotice(out))
	return "ALTER MODEL", nil
}

// dryRun is EXPLAIN CREATE MODEL.
func (s *session) dryRun(ctx context.Context, c *sqlparse.CreateModel) ([][2]string, error) {
	def, mode, err := definition(c)
	if err != nil {
		return nil, err
	}
	out, err := s.cfg.Datalayer.PlanAdd(ctx, def, mode)
	if err != nil {
		return nil, err
	}
	list := [][2]string{{"change", out.Change}}
	if out.Replaces != 0 {
		list = append(list, [2]string{"replaces version", fmt.Sprint(out.Replaces)})
	}
	if out.Model != nil {
		list = append(list, properties(out.Model)...)
	}
	return list, nil
}

// properties lists a model version for DESCRIBE MODEL.
func properties(m *datalayer.ModelVersion) [][2]string {
	list := [][2]string{
		{"name", m.Name}, {"version", fmt.Sprint(m.Version)}, {"default", fmt.Sprint(m.Default)}, {"runtime", m.Runtime},
		{"signature", planner.Signature(m)}, {"deterministic", fmt.Sprint(m.Deterministic)}, {"null on null input", fmt.Sprint(m.NullOnNull)},
	}
	if m.ArtifactDigest != "" {
		list = append(list, [2]string{"artifact", "sha256:" + strings.TrimPrefix(m.ArtifactDigest, "sha256:")}, [2]string{"artifact bytes", fmt.Sprint(m.ArtifactBytes)})
	}
	for _, k := range sortedKeys(m.Options) {
		list = append(list, [2]string{"option " + k, m.Options[k]})
	}
	if m.Source != "" {
		list = append(list, [2]string{"source", m.Source})
	}
	return append(list, [2]string{"hash", m.Hash}, [2]string{"created at", m.CreatedAt.UTC().Format("2006-01-02 15:04:05.999999Z07")}, [2]string{"created by", m.CreatedBy})
}

// copyArtifact is COPY pinnacle.artifacts FROM STDIN: the data, as they come, are one artifact.
func (s *session) copyArtifact(ctx context.Context, h *homeSide) (string, error) {
	h.x.Reply(&pgproto3.CopyInResponse{OverallFormat: 1, ColumnFormatCodes: []uint16{1}})
	if err := h.x.FlushClient(); err != nil {
		return "", err
	}
	in := &copyReader{ctx: ctx, h: h}
	digest, size, err := s.cfg.Datalayer.PutArtifact(ctx, in)
	if in.err != nil && in.err != io.EOF {
		return "", in.err
	}
	if drained := in.drain(); drained != nil {
		return "", drained
	}
	if err != nil {
		return "", err
	}
	h.notice(fmt.Sprintf("artifact sha256:%s holds %d bytes", strings.TrimPrefix(digest, "sha256:"), size))
	return "COPY 1", nil
}

// copyReader reads the client's CopyData as one stream.
type copyReader struct {
	ctx  context.Context
	h    *homeSide
	rest []byte
	err  error
}

// Read implements io.Reader.
func (r *copyReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		typ, body, err := r.h.x.ReceiveClient(r.ctx)
		switch {
		case err != nil:
			r.err = err
		case typ == 'd':
			r.rest = body
		case typ == 'c':
			r.err = io.EOF
		case typ == 'f':
			r.err = coded("57014", "COPY from stdin failed: "+string(cString(body, 0)), "", "")
		default:
			r.err = coded("08P01", "unexpected message during COPY from stdin", "", "")
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// drain reads what is left after a failure, so that the client's data are not taken for statements.
func (r *copyReader) drain() error {
	buf := make([]byte, 32<<10)
	for {
		if _, err := r.Read(buf); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}
