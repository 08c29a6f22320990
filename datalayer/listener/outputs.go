package listener

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// ensureOutputs makes the table of the outputs. One that is there is taken if it has the right columns; if only the type of
// output is another one, since the model's answers have become so, it is emptied and changed.
func (k *kept) ensureOutputs(ctx context.Context, tx pgx.Tx) (made bool, err error) {
	found, err := k.columnsThere(ctx, tx, k.outputs)
	if err != nil {
		return false, err
	}
	if found == nil && k.dry {
		return false, errMissing
	}
	if found == nil {
		return true, k.makeOutputs(ctx, tx)
	}
	wanted := k.outputColumns()
	if len(found) < len(wanted) || !slices.EqualFunc(found[:len(wanted)], wanted, func(a, b column) bool {
		return a.name == b.name && (a.typ == b.typ || a.name == "output")
	}) {
		ours, err := k.madeByUs(ctx, tx)
		if err != nil {
			return false, err
		}
		if !ours {
			e := faultf("42P07", "%s is there already, and is not a table of this listener's outputs", k.outputs)
			e.Detail = fmt.Sprintf("It has the columns %s; outputs have %s.", namesOf(found), namesOf(wanted))
			e.Hint = "Choose another table by INTO, or drop this one."
			return false, e
		}
		if k.dry {
			return false, errMissing
		}
		if _, err := tx.Exec(ctx, "DROP TABLE "+k.outputs); err != nil {
			return false, err
		}
		return true, k.makeOutputs(ctx, tx)
	}
	if i := slices.IndexFunc(found, func(c column) bool { return c.name == "output" }); found[i].typ != k.output.String() {
		if k.dry {
			return false, errMissing
		}
		_, err := tx.Exec(ctx, "TRUNCATE "+k.outputs+"; ALTER TABLE "+k.outputs+" ALTER COLUMN output TYPE "+k.output.String()+" USING NULL")
		return true, err
	}
	return false, nil
}

// outputColumns are the columns that the table of the outputs begins with.
func (k *kept) outputColumns() []column {
	columns := slices.Clone(k.key)
	if k.def.Flatten {
		columns = append(columns, column{name: "ordinal", typ: "integer"})
	}
	return append(columns, column{name: "output", typ: k.output.String()}, column{name: "model_version", typ: "integer"},
		column{name: "updated_at", typ: "timestamp with time zone"}, column{name: "input_hash", typ: "bytea"})
}

// comment marks the table of a listener's outputs.
func (k *kept) comment() string { return fmt.Sprintf("outputs of the listener %s", quote(k.def.Name)) }

// madeByUs reports whether the table of the outputs was made by this listener.
func (k *kept) madeByUs(ctx context.Context, tx pgx.Tx) (ours bool, err error) {
	err = tx.QueryRow(ctx, "SELECT coalesce(pg_catalog.obj_description(pg_catalog.to_regclass($1), 'pg_class') = $2, false)", k.outputs, k.comment()).Scan(&ours)
	return ours, err
}

// makeOutputs makes the table, and gives it to the listener's owner.
func (k *kept) makeOutputs(ctx context.Context, tx pgx.Tx) error {
	key, ordinal := each(len(k.key), ", ", k.own), ""
	if k.def.Flatten {
		key, ordinal = key+", ordinal", "ordinal integer NOT NULL, "
	}
	_, err := tx.Exec(ctx, "CREATE TABLE "+k.outputs+" ("+k.keyList(k.own)+", "+ordinal+"output "+k.output.String()+
		", model_version integer NOT NULL, updated_at timestamptz NOT NULL, input_hash bytea NOT NULL, PRIMARY KEY ("+key+"));"+
		"COMMENT ON TABLE "+k.outputs+" IS "+literal(k.comment()))
	if err == nil && k.findable() {
		_, err = tx.Exec(ctx, "CREATE INDEX ON "+k.outputs+" USING hash (input_hash)")
	}
	if err != nil || k.def.Owner == "" {
		return err
	}
	_, err = tx.Exec(ctx, "GRANT ALL ON "+k.outputs+" TO "+quote(k.def.Owner))
	return err
}
