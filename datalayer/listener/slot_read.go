package listener

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgproto3"
)

const (
	// slotStatusEvery is how often home is told how far the slot was read. It gives a reader up who says nothing for
	// wal_sender_timeout, a minute by default.
	slotStatusEvery = 10 * time.Second
	// slotTurns is how many times Config.Poll lie between two tries to read the slot.
	slotTurns = 5
	// slotRows is how many keys are written at once.
	slotRows = 20_000
)

// readSlot reads home's replication slot while there are listeners that go by it, until ctx ends. One Keeper of all does;
// when it ends, another one goes on.
func (k *Keeper) readSlot(ctx context.Context) {
	looked, failed := false, false
	for ctx.Err() == nil {
		if some, slot := k.bySlot(); slot || some && !looked {
			err := k.slotTurn(ctx)
			if err != nil && ctx.Err() == nil && !failed {
				k.config.Logger.Warn("changes cannot be read from the replication slot", "code", errorOf(err).Code, "error", err)
			}
			looked, failed = err == nil, err != nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(slotTurns * k.config.Poll):
		}
	}
}

// bySlot reports whether there are listeners, and whether there are some that go by the slot.
func (k *Keeper) bySlot() (some, slot bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, t := range k.tasks {
		some = true
		if k.how(&t.def) == CaptureSlot {
			return true, true
		}
	}
	return some, false
}

// slotTurn reads the slot until it cannot go on, if no other does. Where no listener goes by the slot, it is taken away.
func (k *Keeper) slotTurn(ctx context.Context) error {
	c, err := k.config.Pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	conn := c.Conn()
	if there, err := hasSchema(ctx, conn); err != nil || !there {
		return err
	}
	var current, mine bool
	err = conn.QueryRow(ctx, "SELECT number = $3, number = $3 AND pg_catalog.pg_try_advisory_lock($1, $2) FROM "+schema+".schema_version", lockClass, slotLock, schemaVersion).Scan(&current, &mine)
	if err != nil || !current || !mine {
		return err
	}
	defer func() {
		if !conn.IsClosed() {
			_, _ = conn.Exec(context.WithoutCancel(ctx), "SELECT pg_catalog.pg_advisory_unlock_all()") // or the session goes, and the lock with it
		}
	}()
	if err := dropUnusedSlot(ctx, conn); err != nil {
		return err
	}
	r := &slotReader{keeper: k, conn: conn, changes: newSlotChanges()}
	if err = r.run(ctx); err == nil || ctx.Err() != nil || conn.IsClosed() {
		return err
	}
	return errors.Join(err, r.failed(ctx, err))
}

// slotReader is one turn at the slot.
type slotReader struct {
	keeper *Keeper
	// conn is a session of home that holds slotLock; what was read is written there, so that nobody writes who has lost it.
	conn    *pgx.Conn
	stream  *pgconn.PgConn
	name    string
	changes *slotChanges
	// revision is that of the routes in changes.
	revision int64
	// since is when the first of the changes was read that are not written yet.
	since time.Time
	// inside says that a transaction is being sent. ended is the end of the last one that was sent whole, and confirmed how
	// far home may forget its log.
	inside           bool
	ended, confirmed pglogrepl.LSN
	told, verified   time.Time
}

// errNoSlot says that no capture goes by the slot any more.
var errNoSlot = errors.New("no listener goes by the replication slot")

// run reads until something fails, or there is no capture by slot.
func (r *slotReader) run(ctx context.Context) error {
	var err error
	if r.name, err = slotName(ctx, r.conn); err != nil {
		return err
	}
	if some, err := anySlot(ctx, r.conn); err != nil || !some {
		return err
	}
	if err := r.ensure(ctx); err != nil {
		return err
	}
	if r.stream, err = r.connect(ctx); err != nil {
		return err
	}
	defer func() { _ = r.stream.Close(context.WithoutCancel(ctx)) }() // nothing is lost: what was not confirmed is sent again
	if _, err := r.conn.Exec(ctx, "UPDATE "+schema+".slots SET error = NULL, error_code = NULL, error_at = NULL WHERE error IS NOT NULL"); err != nil {
		return err
	}
	r.told, r.verified = time.Now(), time.Now()
	for {
		err := r.step(ctx)
		if errors.Is(err, errNoSlot) {
			return nil
		}
		if err != nil {
			if some, asked := anySlot(ctx, r.conn); asked == nil && !some {
				return nil // whoever has dropped the last listener has ended the stream too
			}
			return err
		}
	}
}

// ensure makes the slot where there is none that all captures can rely on. What happened before it was made is found by scans.
func (r *slotReader) ensure(ctx context.Context) error {
	var ready bool
	err := r.conn.QueryRow(ctx, "SELECT s.ready AND p.slot_name IS NOT NULL AND coalesce(p.wal_status, '') <> 'lost' AND p.plugin = 'pgoutput' FROM "+schema+
		".slots s LEFT JOIN pg_catalog.pg_replication_slots p ON p.slot_name = s.name WHERE s.name = $1", r.name).Scan(&ready)
	if err == nil && ready {
		return nil
	}
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	// A database that was copied has a row with another's number.
	if _, err := r.conn.Exec(ctx, "DELETE FROM "+schema+".slots WHERE name <> $1", r.name); err != nil {
		return err
	}
	if _, err := r.conn.Exec(ctx, "INSERT INTO "+schema+".slots (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET ready = false", r.name); err != nil {
		return err
	}
	if err := dropSlot(ctx, r.conn); err != nil {
		return err
	}
	if _, err := r.conn.Exec(ctx, "SELECT pg_catalog.pg_create_logical_replication_slot($1, 'pgoutput')", r.name); err != nil {
		return slotFault(err)
	}
	var scans []int
	err = pgx.BeginFunc(ctx, r.conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "UPDATE "+schema+".slots SET ready = true"); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, "UPDATE "+schema+".listeners SET wanted_at = CASE WHEN scan_wanted > scan_done THEN wanted_at ELSE pg_catalog.now() END, scan_wanted = scan_wanted + 1 "+
			"WHERE id IN (SELECT d.listener FROM "+schema+".captured d JOIN "+schema+".captures c ON c.id = d.capture WHERE c.means = $1) RETURNING id", CaptureSlot)
		if err == nil {
			scans, err = pgx.CollectRows(rows, pgx.RowTo[int])
		}
		return err
	})
	if err == nil {
		r.keeper.dueIDs(scans)
		r.keeper.Wake()
	}
	return err
}

// slotFault explains home's refusal of a slot.
func slotFault(err error) error {
	e := *errorOf(err)
	switch e.Code {
	case "42501":
		e.Hint = cmp.Or(e.Hint, "ALTER ROLE … REPLICATION for the role of the setting databackend, or take capture = 'triggers' or 'timer'.")
	case "53400":
		e.Hint = cmp.Or(e.Hint, "Raise max_replication_slots of the PostgreSQL behind, or take capture = 'triggers' or 'timer'.")
	}
	return &e
}

// connect opens the stream of changes from where it was confirmed last.
func (r *slotReader) connect(ctx context.Context) (*pgconn.PgConn, error) {
	config := r.keeper.config.Pool.Config().ConnConfig.Config.Copy()
	config.RuntimeParams["replication"] = "database"
	// Values are read again by any session of home.
	config.RuntimeParams["datestyle"], config.RuntimeParams["intervalstyle"] = "ISO, YMD", "postgres"
	config.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.DeadlineContextWatcherHandler{Conn: conn.Conn()}
	}
	stream, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	err = pglogrepl.StartReplication(ctx, stream, r.name, 0, pglogrepl.StartReplicationOptions{Mode: pglogrepl.LogicalReplication,
		PluginArgs: []string{"proto_version '1'", "publication_names '" + publication + "'"}})
	if err != nil {
		_ = stream.Close(context.WithoutCancel(ctx)) // err says what is wrong
		return nil, err
	}
	return stream, nil
}

// step reads one message, or waits until something is to be done, and does that.
func (r *slotReader) step(ctx context.Context) error {
	until := r.told.Add(slotStatusEvery)
	if !r.since.IsZero() {
		until = earlier(until, r.since.Add(r.keeper.config.Poll))
	}
	until = earlier(until, r.verified.Add(r.keeper.config.Verify))
	waiting, cancel := context.WithDeadline(ctx, until)
	message, err := r.stream.ReceiveMessage(waiting)
	cancel()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil:
		err = r.receive(ctx, message)
	case pgconn.Timeout(err):
		err = nil
	}
	if err != nil {
		return err
	}
	now := time.Now()
	full := r.changes.rows >= slotRows || r.changes.bytes >= r.keeper.config.BatchBytes
	if full || !r.since.IsZero() && now.Sub(r.since) >= r.keeper.config.Poll {
		if err := r.write(ctx); err != nil {
			return err
		}
	}
	if now.Sub(r.verified) >= r.keeper.config.Verify {
		r.verified = now
		if err := r.verify(ctx); err != nil {
			return err
		}
	}
	if now.Sub(r.told) >= slotStatusEvery {
		return r.tell(ctx)
	}
	return nil
}

// earlier is the earlier of two times.
func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// receive takes a message of the stream.
func (r *slotReader) receive(ctx context.Context, message pgproto3.BackendMessage) error {
	switch m := message.(type) {
	case *pgproto3.ErrorResponse:
		return pgconn.ErrorResponseToPgError(m)
	case *pgproto3.CopyDone:
		return fault("08006", "home has ended the stream of the replication slot", "")
	case *pgproto3.CopyData:
		if len(m.Data) == 0 {
			return nil
		}
		switch m.Data[0] {
		case pglogrepl.PrimaryKeepaliveMessageByteID:
			return r.keepalive(ctx, m.Data[1:])
		case pglogrepl.XLogDataByteID:
			return r.record(ctx, m.Data[1:])
		}
	}
	return nil // notices and settings
}

// keepalive hears how far home has sent: all of it was received, since messages come in order.
func (r *slotReader) keepalive(ctx context.Context, data []byte) error {
	m, err := pglogrepl.ParsePrimaryKeepaliveMessage(data)
	if err != nil {
		return err
	}
	if !r.inside && r.changes.rows == 0 {
		r.confirmed = max(r.confirmed, m.ServerWALEnd)
	}
	if m.ReplyRequested {
		return r.tell(ctx)
	}
	return nil
}

// record takes a piece of home's log.
func (r *slotReader) record(ctx context.Context, data []byte) error {
	x, err := pglogrepl.ParseXLogData(data)
	if err != nil || len(x.WALData) == 0 {
		return err
	}
	message, err := pglogrepl.Parse(x.WALData)
	if err != nil {
		return fmt.Errorf("home's log cannot be read: %w", err)
	}
	switch m := message.(type) {
	case *pglogrepl.BeginMessage:
		r.inside = true
	case *pglogrepl.CommitMessage:
		r.inside, r.ended = false, m.TransactionEndLSN
		if r.changes.rows == 0 {
			r.confirmed = max(r.confirmed, r.ended)
		}
	case *pglogrepl.RelationMessage:
		r.changes.relations[m.RelationID] = m
		if _, known := r.changes.routes[m.RelationID]; !known { // the first, or a partition that has come
			err = r.reload(ctx, r.conn)
		}
	default:
		r.changes.add(m)
	}
	if r.since.IsZero() && r.changes.rows > 0 {
		r.since = time.Now()
	}
	return err
}

// reload reads the routes anew. A capture that has come since they were read may have changes among those that were read
// by the old ones: it gets a scan.
func (r *slotReader) reload(ctx context.Context, q querier) error {
	var revision int64
	err := q.QueryRow(ctx, "SELECT revision FROM "+schema+".slots WHERE name = $1", r.name).Scan(&revision)
	if errors.Is(err, pgx.ErrNoRows) {
		return errNoSlot
	}
	if err != nil {
		return err
	}
	routes, err := loadRoutes(ctx, q)
	if err != nil {
		return err
	}
	before := captured(r.changes.routes)
	if r.changes.routes != nil {
		for capture := range captured(routes) {
			if !before[capture] {
				r.changes.whole(capture)
			}
		}
	}
	r.changes.routes, r.revision = routes, revision
	return nil
}

// captured are the captures that routes lead to.
func captured(routes map[uint32][]slotRoute) map[int]bool {
	all := map[int]bool{}
	for _, list := range routes {
		for _, one := range list {
			all[one.capture] = true
		}
	}
	return all
}

// write notes at home what was read, as triggers would, and lets home forget its log up to there.
func (r *slotReader) write(ctx context.Context) error {
	err := pgx.BeginFunc(ctx, r.conn, func(tx pgx.Tx) error {
		var revision int64
		// Captures do not come and go while this transaction runs.
		err := tx.QueryRow(ctx, "SELECT revision FROM "+schema+".slots WHERE name = $1 FOR SHARE", r.name).Scan(&revision)
		if errors.Is(err, pgx.ErrNoRows) {
			return errNoSlot
		}
		if err == nil && revision != r.revision {
			err = r.reload(ctx, tx)
		}
		if err != nil {
			return err
		}
		there := captured(r.changes.routes)
		for _, capture := range slices.Sorted(maps.Keys(r.changes.notes)) {
			if !there[capture] {
				continue
			}
			if err := r.writeNotes(ctx, capture, r.changes.notes[capture]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.changes.forget()
	r.since, r.confirmed = time.Time{}, max(r.confirmed, r.ended)
	r.keeper.Wake()
	return r.tell(ctx)
}

// writeNotes writes those of one capture.
func (r *slotReader) writeNotes(ctx context.Context, capture int, n *slotNotes) error {
	if n.whole {
		if _, err := r.conn.Exec(ctx, "INSERT INTO "+changesOf(capture)+" (whole) VALUES (true)"); err != nil {
			return err
		}
	}
	if len(n.keys) == 0 {
		return nil
	}
	columns := len(r.columnsOf(capture))
	_, err := r.conn.PgConn().CopyFrom(ctx, bytes.NewReader(n.keys), "COPY "+changesOf(capture)+" ("+numbered(columns, ", ", "k%d")+") FROM STDIN")
	return err
}

// columnsOf are the key's columns of a capture.
func (r *slotReader) columnsOf(capture int) []string {
	for _, list := range r.changes.routes {
		for _, one := range list {
			if one.capture == capture {
				return one.columns
			}
		}
	}
	return nil
}

// tell tells home how far its log is not needed any more.
func (r *slotReader) tell(ctx context.Context) error {
	r.told = time.Now()
	return pglogrepl.SendStandbyStatusUpdate(ctx, r.stream, pglogrepl.StandbyStatusUpdate{WALWritePosition: r.confirmed})
}

// verify takes tables out of what home sends that are not needed or cannot be captured any more, and ends the turn where none is left.
func (r *slotReader) verify(ctx context.Context) error {
	if err := pgx.BeginFunc(ctx, r.conn, func(tx pgx.Tx) error { return unpublish(ctx, tx) }); err != nil {
		return err
	}
	some, err := anySlot(ctx, r.conn)
	if err == nil && !some {
		return errNoSlot
	}
	return err
}

// failed notes why the slot cannot be read. Where home does not have any more what the slot needs, it is made anew.
func (r *slotReader) failed(ctx context.Context, err error) error {
	e := errorOf(err)
	message := e.Message
	if e.Hint != "" {
		message += " (" + e.Hint + ")"
	}
	// 42704: the publication was not there at the slot's place in the log; 55000, 58P01: that place is gone.
	anew := slices.Contains([]string{"42704", "55000", "58P01"}, e.Code)
	_, err = r.conn.Exec(ctx, "UPDATE "+schema+".slots SET error_code = $1, error = $2, error_at = pg_catalog.now(), ready = ready AND NOT $3", e.Code, message, anew)
	return err
}
