package session

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// query runs the text of a simple Query message: statement by statement, all on home's session without a Sync between
// them, so that they stay one implicit transaction as PostgreSQL has it.
func (s *session) query(ctx context.Context, h *homeSide, text string) error {
	if s.parseErr != nil {
		return s.parseErr
	}
	if s.parsed == nil {
		return coded("XX000", "the statement was not parsed", "", "")
	}
	for i, st := range s.parsed.Statements {
		if i == 0 && h.x.TxStatus() == 'E' && !ends(st.Node) {
			return errAborted()
		}
		if err := s.runSimple(ctx, h, s.parsed, st); err != nil {
			return err
		}
	}
	return nil
}

// queryName is the name on home of the statement that a simple Query runs.
const queryName = "pinnacle_query"

// runSimple runs one statement of a simple Query: all in text format, no limit.
func (s *session) runSimple(ctx context.Context, h *homeSide, script *sqlparse.Script, st *sqlparse.Statement) error {
	began := time.Now()
	script, st, views, err := s.expandViews(ctx, h, script, st)
	if err != nil {
		return err
	}
	own, err := s.statementOf(script, st)
	if err != nil {
		return views.position(err)
	}
	views.attach(own)
	if _, alone := own.(*componentStatement); !alone {
		h.forget("", queryName) // a simple Query drops the unnamed statement; and what a failed one has left
	}
	if own == nil {
		return s.passThrough(ctx, h, script.Text, st)
	}
	if err := noParameters(st); err != nil {
		return views.position(err)
	}
	if f, ok := own.(*foreignStatement); ok {
		err = f.relay(ctx, h)
	} else {
		err = s.runOwn(ctx, h, own)
	}
	s.observe(own.plan(), began, err)
	return err
}

// runOwn runs a statement of the proxy's to its end.
func (s *session) runOwn(ctx context.Context, h *homeSide, own statement) error {
	if err := own.prepare(ctx, h, queryName, nil); err != nil {
		return err
	}
	c, err := own.bind(ctx, h, &pgproto3.Bind{PreparedStatement: queryName})
	if err != nil {
		return err
	}
	defer c.close()
	if f := c.fields(); f != nil {
		h.x.Reply(&pgproto3.RowDescription{Fields: f})
	}
	tag, err := c.execute(ctx, h, 0)
	if err != nil {
		return err
	}
	h.x.Reply(&pgproto3.CommandComplete{CommandTag: []byte(tag)})
	if c.onHome() {
		h.x.Send(&pgproto3.Close{ObjectType: 'P'})
		h.owed++
		h.forget(queryName)
	}
	return nil
}

// closePortal closes a portal of home, so that the rest of its rows is not kept while the transaction lasts.
func (h *homeSide) closePortal(ctx context.Context, name string) error {
	if err := h.ask(&pgproto3.Close{ObjectType: 'P', Name: name}); err != nil {
		return err
	}
	return h.expect(ctx, "3", nil)
}

// observe tells the observer of a statement that was run.
func (s *session) observe(plan string, began time.Time, err error) {
	if s.cfg.Observer != nil {
		s.cfg.Observer.StatementDone(plan, time.Since(began), err != nil)
	}
}

// statementOf makes the statement that the proxy runs; nil for one that is home's alone.
func (s *session) statementOf(script *sqlparse.Script, st *sqlparse.Statement) (statement, error) {
	if st.Component != nil {
		return s.component(script, st)
	}
	if own := s.definition(script, st); own != nil {
		return own, nil
	}
	if own := s.ofCursor(script, st); own != nil {
		return own, nil
	}
	if own, err := s.ofExecute(script, st); own != nil || err != nil {
		return own, err
	}
	if len(st.Datasets) > 0 {
		return s.overDatasets(script, st)
	}
	if len(st.Searches) > 0 {
		return s.overSearches(script, st, false)
	}
	switch c := sqlparse.CommandOf(st).(type) {
	case *sqlparse.Prepare:
		if len(st.Calls) > 0 || len(st.Relations) > 0 {
			return s.sqlPrepare(script, st, c)
		}
	case *sqlparse.Deallocate, *sqlparse.Discard:
		if s.namesPrepared(&sqlparse.Script{Statements: []*sqlparse.Statement{st}}) {
			return &forgetStatement{homeText: homeText{text: st.Span.Of(script.Text)}, s: s, command: c}, nil
		}
	case *sqlparse.Explain:
		if len(st.Calls) > 0 || s.executed(c.InnerNode) != nil || s.madeBy(c.InnerNode) {
			return s.explain(script, st, c)
		}
	}
	if len(st.Relations) > 0 {
		return s.overTables(script, st)
	}
	if own := s.overViews(script, st); own != nil {
		return own, nil
	}
	if len(st.Calls) > 0 {
		return s.predict(script.Text, st.Span, st.Node, st.Calls), nil
	}
	if m := s.mentionsOf(script, st); m != nil {
		return s.foreignStatement(script, st, m), nil
	}
	return nil, nil
}

// predict makes a statement with calls.
func (s *session) predict(text string, span sqlparse.Span, node *pg_query.Node, calls []*sqlparse.Call) *predictStatement {
	return &predictStatement{s: s, text: text, span: span, node: node, call: calls}
}

// executed gives the statement that an EXECUTE runs, if the proxy holds it.
func (s *session) executed(n *pg_query.Node) *predictStatement {
	e := n.GetExecuteStmt()
	if e == nil {
		return nil
	}
	p, _ := s.statements[e.GetName()].(*predictStatement)
	return p
}

// passThrough runs a statement that is home's alone, in the place that it has between others.
func (s *session) passThrough(ctx context.Context, h *homeSide, text string, st *sqlparse.Statement) error {
	own := st.Span.Of(text)
	err := h.relay(ctx, own)
	return repositioned(err, own, text, func(at int) int { return st.Span.Start + at })
}

// relay runs a text on home and passes its answers on as a simple Query has them.
func (h *homeSide) relay(ctx context.Context, text string) error {
	err := h.ask(&pgproto3.Parse{Name: queryName, Query: text}, &pgproto3.Bind{PreparedStatement: queryName}, &pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{})
	if err != nil {
		return err
	}
	if err := h.relayAnswers(ctx); err != nil {
		return err
	}
	h.x.Send(&pgproto3.Close{ObjectType: 'P'}) // an open portal uses its tables, which the next statement may drop
	h.owed++
	h.forget(queryName)
	return nil
}

// relayAnswers passes home's answers to an Execute on, to their end.
func (h *homeSide) relayAnswers(ctx context.Context) error {
	for {
		typ, body, err := h.receive(ctx)
		if err != nil {
			return err
		}
		switch typ {
		case '1', '2', '3', 'n', 't':
		case 'E':
			return decodeError(body)
		case 'G':
			h.x.ReplyRaw(typ, body)
			if err := h.copyIn(ctx); err != nil {
				return err
			}
		case 'C', 'I', 's':
			h.x.ReplyRaw(typ, body)
			return nil
		case 'T':
			if h.describing != nil {
				h.describing(body)
			}
			h.x.ReplyRaw(typ, body)
		default:
			h.x.ReplyRaw(typ, body)
		}
	}
}

// copyIn passes the client's data of a COPY FROM STDIN to home.
func (h *homeSide) copyIn(ctx context.Context) error {
	if err := h.x.FlushClient(); err != nil {
		return err
	}
	for {
		typ, body, err := h.x.ReceiveClient(ctx)
		if err != nil {
			return err
		}
		switch typ {
		case 'd':
			h.x.SendRaw(typ, body)
			if err := h.x.FlushHome(); err != nil {
				return err
			}
		case 'c', 'f':
			h.x.SendRaw(typ, body)
			return h.ask()
		default:
			return coded("08P01", "unexpected message during COPY from stdin", "", "")
		}
	}
}

// ends reports whether a statement ends a transaction, so that it may run in one that has failed.
func ends(n *pg_query.Node) bool {
	switch n.GetTransactionStmt().GetKind() {
	case pg_query.TransactionStmtKind_TRANS_STMT_COMMIT, pg_query.TransactionStmtKind_TRANS_STMT_ROLLBACK,
		pg_query.TransactionStmtKind_TRANS_STMT_ROLLBACK_TO, pg_query.TransactionStmtKind_TRANS_STMT_PREPARE:
		return true
	}
	return false
}

// noParameters refuses $n in a simple Query, as PostgreSQL does.
func noParameters(st *sqlparse.Statement) error {
	if _, prepares := sqlparse.CommandOf(st).(*sqlparse.Prepare); prepares || st.Node == nil {
		return nil
	}
	var err error
	sqlparse.Walk(st.Node, func(n *pg_query.Node) bool {
		if p := n.GetParamRef(); p != nil && err == nil {
			err = &sqlparse.Error{Code: "42P02", Message: fmt.Sprintf("there is no parameter $%d", p.GetNumber()), Position: int(p.GetLocation())}
		}
		return err == nil
	})
	return err
}
