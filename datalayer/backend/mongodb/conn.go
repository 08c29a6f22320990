package mongodb

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
)

// conn is a session. It implements backend.Conn.
type conn struct {
	engine  *engine
	session *mongo.Session
	// within says that a transaction is open; broken is why it can only be rolled back, nil while it can be committed.
	within bool
	broken error
	// writes counts what the transaction has written; marks are the counts at the savepoints.
	writes int
	marks  []mark
	// open are the results that are still read from the server.
	open map[*rows]bool
}

// mark is a savepoint.
type mark struct {
	name   string
	writes int
}

var _ backend.Conn = (*conn)(nil)

// Connect implements backend.Engine. The driver has a pool of connections.
func (e *engine) Connect(ctx context.Context) (backend.Conn, error) {
	c := &conn{engine: e, open: map[*rows]bool{}}
	if !e.transactions {
		return c, nil
	}
	session, err := e.client.StartSession()
	if err != nil {
		return nil, e.failed(ctx, nil, err)
	}
	c.session = session
	return c, nil
}

// context is ctx with the session, while a transaction is open.
func (c *conn) context(ctx context.Context) context.Context {
	if c.session == nil || !c.within {
		return ctx
	}
	return mongo.NewSessionContext(ctx, c.session)
}

// concerns are those of every transaction: one snapshot, and a commit that a majority has in its journals.
func concerns() *options.TransactionOptionsBuilder {
	journal := true
	return options.Transaction().SetReadConcern(readconcern.Snapshot()).SetReadPreference(readpref.Primary()).
		SetWriteConcern(&writeconcern.WriteConcern{W: "majority", Journal: &journal})
}

// Begin implements backend.Conn.
func (c *conn) Begin(ctx context.Context, mode backend.TxMode) error {
	if c.session == nil {
		return &backend.Error{Code: "0A000", Message: "this MongoDB is a single server, which has no transactions",
			Hint: "Make it a replica set, of one if need be (rs.initiate())."}
	}
	if mode.Serializable && !mode.ReadOnly {
		return &backend.Error{Code: "0A000", Message: "MongoDB's transactions are not serializable: each reads one snapshot", Hint: "Use REPEATABLE READ."}
	}
	if err := ctx.Err(); err != nil {
		return c.failed(ctx, nil, err)
	}
	if err := c.session.StartTransaction(concerns()); err != nil {
		return c.failed(ctx, nil, err)
	}
	c.within, c.broken, c.writes, c.marks = true, nil, 0, nil
	return nil
}

// commitAttempts is how often a commit whose outcome is unknown is sent: it may be, any number of times.
const commitAttempts = 3

// Commit implements backend.Conn.
func (c *conn) Commit(ctx context.Context) error {
	if !c.within {
		return nil
	}
	if c.broken != nil {
		broken := c.broken
		return errors.Join(broken, c.Rollback(context.WithoutCancel(ctx)))
	}
	if err := c.detach(ctx, nil); err != nil {
		return err
	}
	var err error
	for range commitAttempts {
		err = c.session.CommitTransaction(mongo.NewSessionContext(ctx, c.session))
		if err == nil || !hasLabel(err, unknownDoneLabel) {
			break
		}
	}
	c.within = false
	switch {
	case err == nil:
		return nil
	case hasLabel(err, unknownDoneLabel):
		return &backend.Error{Code: "08007", Message: "it is not known whether MongoDB has committed the transaction", Detail: c.engine.said(err), Lost: true, Err: err}
	}
	return c.failed(ctx, nil, err)
}

// Rollback implements backend.Conn. Where the server cannot be told, it gives the transaction up itself.
func (c *conn) Rollback(ctx context.Context) error {
	for r := range c.open {
		_ = r.Close()
	}
	if !c.within {
		return nil
	}
	c.within, c.broken = false, nil
	_ = c.session.AbortTransaction(mongo.NewSessionContext(ctx, c.session))
	return nil
}

// Savepoint implements backend.Conn. MongoDB has none: they are noted, so that a rollback to one behind which nothing was
// written can be told from one that is refused.
func (c *conn) Savepoint(_ context.Context, name string) error {
	c.marks = append(c.marks, mark{name: name, writes: c.writes})
	return nil
}

// marked is the place of the newest savepoint of a name.
func (c *conn) marked(name string) (int, error) {
	for i := len(c.marks) - 1; i >= 0; i-- {
		if c.marks[i].name == name {
			return i, nil
		}
	}
	return 0, &backend.Error{Code: "3B001", Message: fmt.Sprintf("savepoint %q does not exist", name)}
}

// Release implements backend.Conn.
func (c *conn) Release(_ context.Context, name string) error {
	i, err := c.marked(name)
	if err == nil {
		c.marks = c.marks[:i]
	}
	return err
}

// RollbackTo implements backend.Conn. Behind a refusal the transaction can only be rolled back.
func (c *conn) RollbackTo(_ context.Context, name string) error {
	i, err := c.marked(name)
	if err != nil {
		return err
	}
	if c.writes == c.marks[i].writes && c.broken == nil {
		c.marks = c.marks[:i+1]
		return nil
	}
	c.broken = &backend.Error{Code: "0A000", Message: "MongoDB has no savepoints: what was written behind one cannot be undone alone",
		Hint: "Roll back the whole transaction."}
	return c.broken
}

// Close implements backend.Conn.
func (c *conn) Close() error {
	err := c.Rollback(context.Background())
	if c.session != nil {
		c.session.EndSession(context.Background())
	}
	return err
}

// failed is the error for the client. Within a transaction MongoDB has ended it with every error of a statement.
func (c *conn) failed(ctx context.Context, in *collection, err error) error {
	if err == nil {
		return nil
	}
	err = c.engine.failed(ctx, in, err)
	if c.within && c.broken == nil {
		c.broken = err
	}
	return err
}

// detach reads what open results have left, but for one, so that they stay what they were when they began whatever is
// written now.
func (c *conn) detach(ctx context.Context, but *rows) error {
	for r := range c.open {
		if r != but {
			if err := r.detach(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// changing runs a change, in the transaction that is open, or in one of its own that is run again where another was in
// its way.
func (c *conn) changing(ctx context.Context, in *collection, change func(ctx context.Context) (int64, error)) (n int64, err error) {
	if c.broken != nil {
		return 0, &backend.Error{Code: "25P02", Message: "the transaction was ended by an error before", Err: c.broken}
	}
	if c.within {
		if err := c.detach(ctx, nil); err != nil {
			return 0, err
		}
		c.writes++
		n, err = change(c.context(ctx))
		return n, c.failed(ctx, in, err)
	}
	if c.session == nil {
		n, err = change(ctx)
		return n, c.failed(ctx, in, err)
	}
	// Results that are open have cursors outside the session, and the session is free for this.
	_, err = c.session.WithTransaction(ctx, func(ctx context.Context) (any, error) {
		n, err = change(ctx)
		return nil, err
	}, concerns())
	return n, c.failed(ctx, in, err)
}

// Exec implements backend.Conn.
func (c *conn) Exec(ctx context.Context, p backend.Program, params [][]byte) (int64, error) {
	program, ok := p.(*program)
	if !ok || program.read != nil {
		return 0, &backend.Error{Code: "XX000", Message: "this program is none that changes something"}
	}
	if program.truncate != nil {
		return 0, c.truncate(ctx, program)
	}
	return c.changing(ctx, program.in, func(ctx context.Context) (int64, error) {
		n, _, err := c.change(ctx, program, params)
		return n, err
	})
}

// change runs a change, and gives the documents that RETURNING is about.
func (c *conn) change(ctx context.Context, p *program, params [][]byte) (int64, []bson.Raw, error) {
	switch {
	case p.insert != nil:
		return c.insert(ctx, p, params)
	case p.update != nil:
		return c.update(ctx, p, params)
	}
	return c.remove(ctx, p, params)
}

// Query implements backend.Conn.
func (c *conn) Query(ctx context.Context, p backend.Program, params [][]byte) (backend.Rows, error) {
	program, ok := p.(*program)
	if !ok {
		return nil, &backend.Error{Code: "XX000", Message: "this program is none of MongoDB's"}
	}
	if program.read == nil {
		return c.queryChange(ctx, program, params)
	}
	if c.broken != nil {
		return nil, c.broken // who reads again asks what is wrong
	}
	q, err := compileSelect(program.read, params, true)
	if err != nil {
		return nil, late(err)
	}
	r := &rows{conn: c, in: q.in, outputs: q.outputs}
	// The cursor lives as long as the rows: its end is theirs, and a call's end does not end it.
	aggregate := options.Aggregate().SetBatchSize(int32(c.engine.options.Batch)).SetAllowDiskUse(true).SetCollation(q.in.collation())
	if r.cursor, err = c.engine.db.Collection(q.in.name).Aggregate(c.context(ctx), q.pipeline, aggregate); err != nil {
		return nil, c.failed(ctx, q.in, err)
	}
	c.open[r] = true
	return r, nil
}

// queryChange runs a change with RETURNING.
func (c *conn) queryChange(ctx context.Context, p *program, params [][]byte) (backend.Rows, error) {
	outputs, err := returningOutputs(p)
	if err != nil {
		return nil, err
	}
	r := &rows{conn: c, in: p.in, outputs: outputs}
	_, err = c.changing(ctx, p.in, func(ctx context.Context) (int64, error) {
		n, documents, err := c.change(ctx, p, params)
		r.documents = documents
		return n, err
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Estimate implements backend.Conn.
func (c *conn) Estimate(_ context.Context, p backend.Program) (float64, error) {
	program, ok := p.(*program)
	if !ok {
		return -1, nil
	}
	return program.rows, nil
}

// sequence counts up the counter of an identity column, outside of any transaction, as PostgreSQL's sequences are. It
// gives the first of n numbers.
func (e *engine) sequence(ctx context.Context, f *field, n int64) (int64, error) {
	var found struct {
		Last int64 `bson:"last"`
	}
	update := of("$inc", bson.D{{Key: "last", Value: n}})
	// A context without the session of ctx, which ends when ctx does.
	free, end := context.WithCancel(context.Background())
	defer end()
	defer context.AfterFunc(ctx, sync.OnceFunc(end))()
	err := e.db.Collection(countersName).FindOneAndUpdate(free, of(idName, counterID(f)), update,
		options.FindOneAndUpdate().SetUpsert(true).SetReturnDocument(options.After)).Decode(&found)
	return found.Last - n + 1, err
}

// counterID names the counter of a column.
func counterID(f *field) string { return f.collection + "." + f.dotted() }
