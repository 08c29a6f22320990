package listener

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
)

// firstRows is how many rows the first batch of a pass has.
const firstRows = 64

// size is how many rows the next look is for. It follows the size of rows, so that a batch is about as large as it may be,
// and begins small again where the model fails at all of them.
type size struct {
	rows, most int
	// failing counts the batches in a row of which the model could answer nothing.
	failing int
}

// after sets the size of the next look by what the last one has read, and by what the model made of it.
func (s *size) after(l *look, most int) {
	next := s.rows * 4
	if l.read > 0 && l.bytes > 0 {
		next = min(next, len(l.keys)*most/l.bytes)
	}
	s.rows = max(1, min(next, s.most))
}

// failedRows is from how many rows on a batch that failed as a whole says that the model is at fault, not the rows.
const failedRows = 16

// pass is one turn at a listener, by whoever holds its lock: until nothing is left to do.
type pass struct {
	keeper *Keeper
	conn   *pgx.Conn
	k      *kept
	state  state
	size   size
	// held says that the cursor of a scan is open.
	held bool
}

// errModelFails says that a model answered none of many rows; the listener is left alone for a while.
type errModelFails struct{ cause error }

func (e *errModelFails) Error() string { return e.cause.Error() }
func (e *errModelFails) Unwrap() error { return e.cause }

// run does everything that there is to do: keys in the queue, then a piece of a scan, in turns, so that neither waits for
// all of the other.
func (p *pass) run(ctx context.Context) (err error) {
	if p.state, err = readState(ctx, p.conn, p.k.id); err != nil {
		return err
	}
	if err := p.follow(ctx); err != nil {
		return err
	}
	defer func() {
		if closing := p.closeCursor(context.WithoutCancel(ctx)); err == nil {
			err = closing
		}
	}()
	for !p.keeper.outdated(ctx, p.k) {
		if err := p.redo(ctx); err != nil {
			return err
		}
		more, err := p.queue(ctx)
		if err != nil {
			return err
		}
		if p.state.scanning() {
			if p.state.stopped, err = stopped(ctx, p.conn, p.k.id); err != nil {
				return err
			}
		}
		if p.state.scanning() {
			if _, err := p.scan(ctx); err != nil {
				return err
			}
			continue
		}
		if !more {
			return p.again(ctx)
		}
	}
	p.keeper.due(p.k.def.Name)
	return nil
}

// follow wants a scan where the outputs are not of the model's version, also if an earlier one's scan was stopped.
func (p *pass) follow(ctx context.Context) error {
	s := &p.state
	if s.version == p.k.model.Version || s.wanted > s.done && s.running == nil && (!s.stopped || s.version == 0) {
		return nil
	}
	err := pgx.BeginFunc(ctx, p.conn, func(tx pgx.Tx) error {
		if err := wantScan(ctx, tx, p.k.id); err != nil {
			return err
		}
		return setStopped(ctx, tx, p.k.id, false)
	})
	s.wanted, s.stopped = s.wanted+1, false
	return err
}

// again looks whether scans were asked for meanwhile.
func (p *pass) again(ctx context.Context) error {
	s, err := readState(ctx, p.conn, p.k.id)
	if err == nil && s.scanning() {
		p.keeper.due(p.k.def.Name)
	}
	return err
}

// redo puts the rows that failed, and whose time has come, into the queue again; where there is none, a scan is wanted.
func (p *pass) redo(ctx context.Context) error {
	k := p.k
	if !k.keyed {
		if p.held {
			return nil
		}
		var due bool
		if err := p.conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM "+errorsOf(k.id)+" WHERE retry_at <= pg_catalog.now())").Scan(&due); err != nil || !due || p.state.scanning() {
			return err
		}
		if err := pgx.BeginFunc(ctx, p.conn, func(tx pgx.Tx) error { return wantScan(ctx, tx, k.id) }); err != nil {
			return err
		}
		p.state.wanted++
		return nil
	}
	keys := numbered(len(k.key), ", ", "k%d")
	_, err := p.conn.Exec(ctx, "INSERT INTO "+queueOf(k.id)+" ("+keys+", gen, at) SELECT "+keys+", pg_catalog.nextval('"+schema+".generation'), at FROM "+errorsOf(k.id)+
		" WHERE retry_at <= pg_catalog.now() ORDER BY retry_at LIMIT $1 ON CONFLICT DO NOTHING", p.size.most)
	return err
}

// queue does the keys that have waited longest, and reports whether there were any.
func (p *pass) queue(ctx context.Context) (bool, error) {
	if !p.k.keyed {
		return false, nil
	}
	l, err := p.k.readLook(ctx, p.conn.PgConn(), p.k.queueText(p.size.rows), p.keeper.config.BatchBytes)
	if err != nil || len(l.keys) == 0 {
		return false, err
	}
	a, err := p.ask(ctx, l)
	if err != nil {
		return false, err
	}
	return true, p.write(ctx, l, a, func(*pgx.Batch) {})
}

// ask has the model answer what a look found to be stale, if the listener's owner may still call it.
func (p *pass) ask(ctx context.Context, l *look) (*answers, error) {
	if len(l.stale) == 0 {
		return &answers{}, nil
	}
	if err := p.keeper.config.Models.Permit(ctx, p.k.def.Owner, p.k.model); err != nil {
		return nil, err
	}
	return p.k.ask(ctx, p.keeper.config.Models, l)
}

// write writes what a look means, and sets the size of the next one.
func (p *pass) write(ctx context.Context, l *look, a *answers, more func(b *pgx.Batch)) error {
	n, err := p.k.write(ctx, p.conn, l, a, func(b *pgx.Batch) {
		more(b)
		b.Queue("UPDATE "+schema+".listeners SET written = written + $2, written_at = pg_catalog.now(), failures = 0, error = NULL, error_code = NULL, error_at = NULL WHERE id = $1", p.k.id, len(l.stale))
	})
	if err != nil {
		return err
	}
	if o := p.keeper.config.Observer; o != nil {
		o.Kept(p.k.def.Name, n.written, n.removed, n.failed)
	}
	p.size.after(l, p.keeper.config.BatchBytes)
	if a.asked < failedRows || a.bad < a.asked {
		if a.asked > a.bad {
			p.size.failing = 0
		}
		return nil
	}
	p.size.failing++
	p.keeper.shrink(p.k.def.Name, p.size.failing)
	for i := range a.failed {
		if a.failed[i] != nil {
			return &errModelFails{p.k.model.Failure(a.failed[i])}
		}
	}
	return nil
}

// note writes that a pass has failed, and when the next one may be.
func note(ctx context.Context, conn *pgx.Conn, id int, e *datalayer.Error) (time.Duration, error) {
	var failures int
	message := e.Message
	if e.Detail != "" {
		message += " (" + e.Detail + ")"
	}
	err := conn.QueryRow(ctx, "UPDATE "+schema+".listeners SET failures = failures + 1, error_code = $2, error = $3, error_at = pg_catalog.now(), "+
		"retry_at = pg_catalog.now() + LEAST($4, pg_catalog.power(2, LEAST(failures, 20))) * interval '1 second' WHERE id = $1 RETURNING failures",
		id, e.Code, message, maxBackoff.Seconds()).Scan(&failures)
	return backoff(failures, maxBackoff), err
}
