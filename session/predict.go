package session

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgtype"
	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/answer"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/pgvalue"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/stream"
	"github.com/pinnacle-proxy/pinnacle-proxy/planner"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// predictStatement is a SELECT with predict calls, or an EXECUTE of one.
type predictStatement struct {
	s    *session
	text string
	span sqlparse.Span
	node *pg_query.Node
	call []*sqlparse.Call
	// executes is set for an EXECUTE of another statement, whose plan it runs: home's text is the client's own.
	executes *predictStatement
	// makes is home's text of a statement that makes a table of what another gives, by EXECUTE; "" for any other.
	makes string
	// direct says that home has the statement under the protocol's name, and not by PREPARE; bare is set where it has expressions
	// that need no functions in place of calls.
	direct bool
	bare   *bareStatement
	// many says that it has more answers than are to be held without functions.
	many bool
	// views says which views' queries text has in place of their names; nil for none.
	views *expansion

	// encoded says that the client has another encoding than UTF-8.
	encoded bool
	// declares is the query of a DECLARE CURSOR whose rows are answered when they are fetched; nil for any other statement.
	declares *predictStatement
	// guard is planner.Request.Guard, and memory what its FETCHes remember.
	guard  string
	memory *stream.Memory

	// name is the statement's name on home, declared the types that the client declared for its parameters.
	name     string
	declared []uint32
	// stream or ship is the plan.
	stream  *planner.Stream
	ship    *planner.Ship
	home    *described
	onHome  []stream.Field
	visible []pgproto3.FieldDescription
	// promised is what the client was told first of the result, which must not change.
	promised []pgproto3.FieldDescription
	told     bool
}

func (p *predictStatement) params() []uint32                    { return p.home.params }
func (p *predictStatement) fields() []pgproto3.FieldDescription { return p.promised }

func (p *predictStatement) plan() string {
	if p.ship != nil {
		return "ship"
	}
	return "stream"
}

func (p *predictStatement) drop(ctx context.Context, h *homeSide) error {
	return h.closeStatement(ctx, p.name)
}

// prepare implements statement.
func (p *predictStatement) prepare(ctx context.Context, h *homeSide, name string, declared []uint32) error {
	p.name, p.declared, p.direct = name, declared, true
	if p.makes != "" {
		return p.prepareMaking(ctx, h)
	}
	if p.executes != nil {
		return p.prepareExecute(ctx, h)
	}
	if p.home != nil {
		if err := p.renewViews(ctx, h); err != nil {
			return err
		}
	}
	if p.views != nil {
		if err := p.views.describe(ctx, h, declared); err != nil {
			return err
		}
	}
	return p.replan(ctx, h, func(home string) (*described, error) {
		return h.prepare(ctx, name, home, declared)
	})
}

// replan plans the statement, as a stream where that can be, and has home prepare what it is to run.
func (p *predictStatement) replan(ctx context.Context, h *homeSide, prepare func(home string) (*described, error)) error {
	if p.encoded = otherEncoding(h.x.Parameter) && p.views == nil; p.encoded {
		if err := plainText(h.x.Parameter, p.span.Of(p.text)); err != nil {
			return err
		}
		p.stream, p.declares = nil, nil
		return p.replanShip(ctx, h, prepare)
	}
	err := p.replanDeclare(ctx, h)
	if refused(err) {
		err = p.replanStream(ctx, h, prepare)
	}
	if !refused(err) {
		return p.views.position(err)
	}
	return p.views.position(p.replanShip(ctx, h, prepare))
}

// prepareExecute has home prepare an EXECUTE of a statement that is made ready already.
func (p *predictStatement) prepareExecute(ctx context.Context, h *homeSide) error {
	if err := p.executes.renew(ctx, h); err != nil {
		return err
	}
	own := p.span.Of(p.text)
	d, err := h.prepare(ctx, p.name, own, p.declared)
	if err != nil {
		return repositioned(err, own, p.text, func(at int) int { return p.span.Start + at })
	}
	p.encoded = p.executes.encoded
	if p.executes.ship != nil {
		p.describeShip(p.executes.ship, d)
		return nil
	}
	return p.describe(ctx, h, p.executes.stream, d)
}

// replanStream plans the statement as a stream and has home prepare it; where an argument then proves to need a cast of home's, or text may
// have a collation of its own, it does both again.
func (p *predictStatement) replanStream(ctx context.Context, h *homeSide, prepare func(home string) (*described, error)) error {
	req := planner.Request{Text: p.text, Span: p.span, Node: p.node, Calls: p.call, Casts: map[[2]int]bool{}, Guard: p.guard}
	for {
		plan, err := planner.PlanStream(req, p.s.catalog(ctx, h))
		if err != nil {
			return err
		}
		d, err := prepare(plan.Home)
		if err != nil {
			return repositioned(err, plan.Home, p.text, plan.Origin)
		}
		more, err := neededCasts(plan, d)
		if err != nil { // home has a statement that the client does not have
			if closed := h.closeStatement(ctx, p.name); closed != nil {
				return closed
			}
			return err
		}
		collations := !req.Collations && collatable(plan, d)
		if len(more) == 0 && !collations {
			return p.describe(ctx, h, plan, d)
		}
		for _, c := range more {
			req.Casts[c] = true
		}
		req.Collations = req.Collations || collations
		if err := h.closeStatement(ctx, p.name); err != nil {
			return err
		}
	}
}

// neededCasts lists the arguments that home must cast to the model's type, and refuses those that it would not.
func neededCasts(plan *planner.Stream, d *described) ([][2]int, error) {
	var casts [][2]int
	first := len(d.fields) - len(plan.Hidden)
	if first < 0 {
		return nil, fmt.Errorf("home describes %d columns where %d are hidden", len(d.fields), len(plan.Hidden))
	}
	for i, hidden := range plan.Hidden {
		if hidden.Type == udf.Invalid || hidden.Cast {
			continue
		}
		oid := d.fields[first+i].DataTypeOID
		switch c := pgvalue.Convert(oid, hidden.Type); {
		case c == pgvalue.Direct:
		case c == pgvalue.Cast && hidden.Kind == planner.CheckColumn: // it is cast where it is computed
		case c == pgvalue.Cast:
			casts = append(casts, [2]int{hidden.Call, hidden.Arg})
		default:
			call := plan.Calls[hidden.Call]
			return nil, &sqlparse.Error{Code: "42883", Position: hidden.Position,
				Message: fmt.Sprintf("argument %d of model %q is of type %s, not %s", hidden.Arg+1, call.Model.Name, typeName(oid), hidden.Type),
				Detail:  "The call is " + call.Text + "; the signature is " + planner.Signature(call.Model) + ".",
				Hint:    fmt.Sprintf("There is no implicit cast between the two types. You might need to add one: (…)::%s.", hidden.Type)}
		}
	}
	return casts, nil
}

// firstUserOID is the first OID of types that are not PostgreSQL's own (FirstNormalObjectId in transam.h).
const firstUserOID = 16384

// collatable reports whether text among what expressions read may have another collation than the default. The type name
// has one of its own everywhere, and types of users may be domains over text.
func collatable(plan *planner.Stream, d *described) bool {
	first := len(d.fields) - len(plan.Hidden)
	for _, c := range plan.Collated {
		for _, id := range c.From {
			switch oid := d.fields[first+int(id)].DataTypeOID; {
			case oid == pgtype.TextOID, oid == pgtype.VarcharOID, oid == pgtype.BPCharOID, oid == pgtype.TextArrayOID,
				oid == pgtype.VarcharArrayOID, oid == pgtype.BPCharArrayOID, oid >= firstUserOID:
				return true
			}
		}
	}
	return false
}

// typeName names a type of pg_catalog.
func typeName(oid uint32) string {
	if t, ok := pgtype.NewMap().TypeForOID(oid); ok {
		return t.Name
	}
	return fmt.Sprintf("with OID %d", oid)
}

// describe keeps what home says of the statement, and makes of it what the client is told.
func (p *predictStatement) describe(ctx context.Context, h *homeSide, plan *planner.Stream, d *described) error {
	p.stream, p.home = plan, d
	first := len(d.fields) - len(plan.Hidden)
	p.onHome, p.visible = nil, append([]pgproto3.FieldDescription{}, d.fields[:first]...)
	for i, f := range d.fields {
		field := stream.Field{Name: string(f.Name), OID: f.DataTypeOID}
		if i >= first && plan.Hidden[i-first].Kind == planner.LeafColumn {
			var err error
			if field.Array, field.Type, err = p.s.arrayType(ctx, h, f.DataTypeOID); err != nil {
				return err
			}
		}
		p.onHome = append(p.onHome, field)
	}
	columns := map[int]*planner.Output{}
	for i := range p.visible {
		for j, out := range plan.Outputs {
			if string(p.visible[i].Name) == out.HomeName {
				p.visible[i].Name = []byte(out.Name)
				columns[i] = &plan.Outputs[j]
			}
		}
	}
	if err := p.inherit(ctx, h, columns); err != nil {
		return err
	}
	p.expansion().shape(p.visible)
	if !p.told {
		p.promised, p.told = p.visible, true
	}
	return nil
}

// expansion says which views' queries stand in place of their names in what the statement runs; nil for none.
func (p *predictStatement) expansion() *expansion {
	if p.executes != nil {
		return p.executes.views
	}
	return p.views
}

// renew implements statement. A statement whose result would change stays refused until its models answer as before.
func (p *predictStatement) renew(ctx context.Context, h *homeSide) error {
	stale, err := p.stale(ctx, h)
	if err != nil {
		return err
	}
	if stale {
		p.stream, p.ship = nil, nil // home has no statement of the name until prepare has ended well
		if err := h.closeStatement(ctx, p.name); err != nil {
			return err
		}
		if err := p.prepare(ctx, h, p.name, p.home.params); err != nil {
			return err
		}
	}
	return sameResult(p.promised, p.visible)
}

// stale reports whether a model that is called by its bare name has another default version than the plan uses, or the
// last renew has failed.
func (p *predictStatement) stale(ctx context.Context, h *homeSide) (bool, error) {
	if p.makes != "" {
		return true, nil // the statement that it runs was prepared for it alone
	}
	if p.executes != nil {
		err := p.executes.renew(ctx, h)
		return p.stream != p.executes.stream || p.ship != p.executes.ship, err
	}
	if p.views != nil {
		if changed, err := p.views.changed(ctx, h); err != nil || changed {
			return true, err
		}
	}
	if p.ship != nil {
		return p.staleShip(ctx, h)
	}
	if p.stream == nil || otherEncoding(h.x.Parameter) {
		return true, nil
	}
	for _, c := range p.call {
		m, err := p.s.model(ctx, h, c.Model, c.Version)
		if err != nil {
			return false, err
		}
		used := false
		for _, have := range p.stream.Calls {
			used = used || (have.Model.Name == m.Name && have.Model.Version == m.Version)
		}
		if !used {
			return true, nil
		}
	}
	return false, nil
}

// sameResult refuses a change of a prepared statement's result, as PostgreSQL does.
func sameResult(before, after []pgproto3.FieldDescription) error {
	same := len(before) == len(after)
	for i := 0; same && i < len(before); i++ {
		same = before[i].DataTypeOID == after[i].DataTypeOID && string(before[i].Name) == string(after[i].Name)
	}
	if same {
		return nil
	}
	return coded("0A000", "cached plan must not change result type",
		"A model that the prepared statement calls has a new default version that answers in another type.", "Prepare the statement again.")
}

// reposition maps an error of home to the client's text.
func (p *predictStatement) reposition(err error) error {
	if p.executes != nil {
		return unpositioned(err)
	}
	if p.ship != nil {
		return p.views.position(renamed(repositioned(err, p.ship.Home, p.text, p.ship.Origin), p.ship))
	}
	return p.views.position(repositioned(err, p.stream.Home, p.text, p.stream.Origin))
}

// bind implements statement.
func (p *predictStatement) bind(ctx context.Context, h *homeSide, b *pgproto3.Bind) (cursor, error) {
	if p.declares != nil {
		return p.bindDeclare(ctx, h, b)
	}
	if p.ship != nil {
		return p.bindShip(ctx, h, b)
	}
	fields := slices.Clone(p.visible)
	if p.vague() {
		if err := p.planned(ctx, h, p.stream.Typed, b, fields); err != nil {
			return nil, err
		}
	}
	return p.bindRows(ctx, h, b, fields)
}

// bindRows has home bind what gives the rows of a stream, of which the client is told visible.
func (p *predictStatement) bindRows(ctx context.Context, h *homeSide, b *pgproto3.Bind, visible []pgproto3.FieldDescription) (cursor, error) {
	fields, formats, err := withFormats(visible, b.ResultFormatCodes)
	if err != nil {
		return nil, err
	}
	own := *b
	own.ResultFormatCodes = stream.HomeFormats(p.stream, p.onHome, formats)
	if err := h.ask(&own); err != nil {
		return nil, err
	}
	if err := h.expect(ctx, "2", nil); err != nil {
		return nil, p.reposition(err)
	}
	c := &predictCursor{p: p, described: fields, formats: formats, portal: b.DestinationPortal, memory: p.memory}
	return c, c.open(ctx, h)
}

// predictCursor is a portal over a predictStatement.
type predictCursor struct {
	p         *predictStatement
	described []pgproto3.FieldDescription
	formats   []int16
	portal    string
	leases    []*datalayer.Lease
	run       *stream.Run
	side      *portalSide
	began     time.Time
	recorded  bool
	// memory is that of the runs of a cursor's FETCHes; nil for any other statement.
	memory *stream.Memory
}

func (c *predictCursor) fields() []pgproto3.FieldDescription { return c.described }
func (c *predictCursor) onHome() bool                        { return true }
func (c *predictCursor) plan() string                        { return "stream" }

// open takes hold of the models.
func (c *predictCursor) open(ctx context.Context, h *homeSide) error {
	c.began = time.Now()
	if err := readable(h.x.Parameter); err != nil {
		return err
	}
	for _, call := range c.p.stream.Calls {
		l, err := c.p.s.cfg.Datalayer.Acquire(ctx, call.Model.Name, call.Model.Version)
		if err != nil {
			c.close()
			return err
		}
		c.leases = append(c.leases, l)
	}
	models := make([]stream.Model, len(c.leases))
	for i, l := range c.leases {
		models[i] = l
	}
	settings, err := c.p.s.settings(ctx, h)
	if err != nil {
		c.close()
		return err
	}
	c.side = &portalSide{portal: c.portal}
	run, err := stream.NewRun(stream.Config{Plan: c.p.stream, Fields: c.p.onHome, Formats: c.formats, Models: models, Limits: c.p.s.cfg.Stream,
		Answers: c.p.s.cfg.Answerer, Settings: settings, Budget: answer.NewBudget(settings.Limits), Memory: c.memory}, c.side)
	if err != nil {
		c.close()
		return err
	}
	if settings.Cache == answer.CacheOff {
		c.memory = nil
	}
	c.run = run
	return nil
}

// execute implements cursor.
func (c *predictCursor) execute(ctx context.Context, h *homeSide, limit int64) (string, error) {
	return c.emit(ctx, h, limit, clientSink{h.x})
}

// emit runs the statement into a sink.
func (c *predictCursor) emit(ctx context.Context, h *homeSide, limit int64, sink stream.Sink) (string, error) {
	c.side.homeSide = h
	more, rows, err := c.run.Emit(ctx, limit, sink)
	if err != nil {
		c.record()
		return "", unpositioned(err)
	}
	if more {
		return "", nil
	}
	c.record()
	c.warn(h)
	if c.memory != nil {
		c.run.Remember(c.memory)
	}
	return fmt.Sprintf("%s %d", c.p.stream.Tag, rows), nil
}

// record adds what was done to predict_stats, once.
func (c *predictCursor) record() {
	if c.recorded {
		return
	}
	c.recorded = true
	for i, s := range c.run.Stats() {
		c.p.s.cfg.Datalayer.Record(c.p.stream.Calls[i].Model, s)
	}
}

// close implements cursor.
func (c *predictCursor) close() {
	if c.run != nil {
		c.record()
	}
	for _, l := range c.leases {
		l.Release()
	}
	c.leases = nil
}
