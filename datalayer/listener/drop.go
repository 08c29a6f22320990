package listener

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
)

// SetUp makes at home what a listener needs, so that changes are noted from now on; Run makes its outputs. It may be called
// again, and does only what is missing. Run calls it too, so that a listener whose set-up was cut off is set up by it.
func (k *Keeper) SetUp(ctx context.Context, def Definition) error {
	name, number, err := modelOf(&def)
	if err != nil {
		return err
	}
	model, err := k.config.Models.Describe(ctx, name, number)
	if err != nil {
		return err
	}
	how := k.how(&def)
	err = k.config.Pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		_, err := setUp(ctx, c.Conn(), &def, model, how, k.others(&def))
		return err
	})
	if err != nil {
		return about(def.Name, err)
	}
	k.forgetCaptures()
	k.due(def.Name)
	return nil
}

// checkWords checks what takes no question to home.
func checkWords(def *Definition, model *datalayer.ModelVersion, how string) error {
	if err := checkOptions(def); err != nil {
		return err
	}
	switch {
	case def.Flatten && elementOf(model.Returns) == 0:
		return fault("42804", "FLATTEN needs a model that answers with an array; "+quote(model.Name)+" answers with "+model.Returns.String(), "Leave FLATTEN out.")
	case def.Refresh != "" && def.Refresh != RefreshChange && def.Refresh != RefreshEvery && def.Refresh != RefreshManual:
		return fault("22023", "a listener is not refreshed by "+quote(def.Refresh), "It is change, every or manual.")
	case how != "" && how != CaptureTriggers && how != CaptureTimer && how != CaptureSlot:
		return fault("22023", "changes are not captured by "+quote(how), "The option capture is triggers, slot or timer.")
	}
	return nil
}

// TearDown takes away what a listener has at home: its outputs too, unless they are to be kept. A pass that is under way is
// waited for. It may be called again, and for a listener that is not there. Where home has the listener in a later version
// than the one that was dropped (0: any), nothing is done.
func (k *Keeper) TearDown(ctx context.Context, name string, version int, keepOutputs bool) error {
	k.mu.Lock()
	if t := k.tasks[name]; t != nil {
		if t.stop != nil {
			t.stop()
		}
		delete(k.tasks, name)
	}
	k.captures = nil
	k.mu.Unlock()
	err := k.config.Pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		if there, err := hasSchema(ctx, c); err != nil || !there {
			return err
		}
		if err := alone(ctx, c.Conn(), func(tx pgx.Tx) error { return tearDown(ctx, tx, name, version, keepOutputs) }); err != nil {
			return err
		}
		return dropUnusedSlot(ctx, c.Conn())
	})
	if err != nil {
		return about(name, err)
	}
	return nil
}

// tearDown is TearDown within a transaction.
func tearDown(ctx context.Context, tx pgx.Tx, name string, version int, keepOutputs bool) error {
	if err := ensureSchema(ctx, tx, false); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "SET LOCAL lock_timeout = '"+lockTimeout+"'"); err != nil {
		return err
	}
	var id int
	var outputs string
	err := tx.QueryRow(ctx, "SELECT id, outputs FROM "+schema+".listeners WHERE name = $1 AND (version <= $2 OR $2 = 0)", name, version).Scan(&id, &outputs)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil // gone, or made again meanwhile
	}
	if err != nil {
		return err
	}
	// Whoever works on the listener ends, since this name is not among the definitions any more.
	if _, err := tx.Exec(ctx, "SELECT pg_catalog.pg_advisory_xact_lock($1, $2)", lockClass, id); err != nil {
		return locked(err)
	}
	if _, err := tx.Exec(ctx, "SELECT pg_catalog.pg_advisory_xact_lock($1, -capture) FROM "+schema+".captured WHERE listener = $2", lockClass, id); err != nil {
		return locked(err)
	}
	if _, err := tx.Exec(ctx, "INSERT INTO "+schema+".dropped SELECT name, version FROM "+schema+".listeners WHERE id = $1 ON CONFLICT (name) DO UPDATE SET version = excluded.version", id); err != nil {
		return err
	}
	text := "DELETE FROM " + schema + ".listeners WHERE id = " + itoa(id) + "; DROP TABLE IF EXISTS " + queueOf(id) + ", " + errorsOf(id)
	if !keepOutputs {
		text += "; DROP TABLE IF EXISTS " + outputs
	}
	if _, err := tx.Exec(ctx, text); err != nil {
		return err
	}
	return dropUnused(ctx, tx)
}
