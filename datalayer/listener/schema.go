package listener

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// schema is where home has what listeners need beside their outputs.
const schema = "pinnacle_listeners"

// lockClass is the first key of the advisory locks of this package. The second is a listener's or a capture's number;
// captures have negative ones, and 0 is for changes of the schema.
const lockClass = 0x70696e6c

// schemaVersion counts the forms that the tables of the schema have had.
const schemaVersion = 3

// schemaText makes the tables.
//
// captures are what notes changes of a table by the columns of a key (none: only that there were changes); means is how, as
// the option capture has it. captured is which listener goes by which; whole says that any change means a scan.
//
// slots has the one replication slot that captures by slot go by. It is ready when all that they note has been scanned after
// the slot was made; revision counts the changes of these captures, and error is why the slot cannot be read.
//
// dropped has the versions of listeners that were dropped, for those who have not heard of it.
//
// A scan is wanted while scan_wanted is above scan_done. scan_running is the one that is under way, scan_key the last key
// that it has done. While scan_stopped is set none is begun or gone on with.
const schemaText = `
CREATE SCHEMA ` + schema + `;
CREATE TABLE ` + schema + `.schema_version (number int NOT NULL);
INSERT INTO ` + schema + `.schema_version VALUES (3);
CREATE SEQUENCE ` + schema + `.generation;
CREATE TABLE ` + schema + `.listeners (
	id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name text NOT NULL UNIQUE,
	version int NOT NULL,
	identity text NOT NULL,
	outputs text NOT NULL,
	output_type text NOT NULL,
	salt bigint NOT NULL,
	model_version int NOT NULL DEFAULT 0,
	scan_wanted bigint NOT NULL DEFAULT 1,
	scan_done bigint NOT NULL DEFAULT 0,
	scan_running bigint,
	scan_key text[],
	scan_rows bigint NOT NULL DEFAULT 0,
	scan_total bigint NOT NULL DEFAULT 0,
	scan_began timestamptz,
	scan_stopped boolean NOT NULL DEFAULT false,
	scanned_at timestamptz,
	wanted_at timestamptz NOT NULL DEFAULT now(),
	written bigint NOT NULL DEFAULT 0,
	written_at timestamptz,
	failures int NOT NULL DEFAULT 0,
	retry_at timestamptz,
	error_code text,
	error text,
	error_at timestamptz,
	fingerprint text
);
CREATE TABLE ` + schema + `.dropped (name text PRIMARY KEY, version int NOT NULL);
CREATE TABLE ` + schema + `.captures (
	id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	relation text NOT NULL,
	key_columns text[] NOT NULL,
	key_types text[] NOT NULL,
	means text NOT NULL DEFAULT 'triggers',
	CONSTRAINT captures_unique UNIQUE (relation, key_columns, key_types, means)
);
CREATE TABLE ` + schema + `.captured (
	capture int NOT NULL REFERENCES ` + schema + `.captures ON DELETE CASCADE,
	listener int NOT NULL REFERENCES ` + schema + `.listeners ON DELETE CASCADE,
	whole boolean NOT NULL,
	PRIMARY KEY (capture, listener)
);
` + slotsText + ";"

// slotsText makes the table of the replication slot.
const slotsText = "CREATE TABLE IF NOT EXISTS " + schema + ".slots (name text PRIMARY KEY, ready boolean NOT NULL DEFAULT false, revision bigint NOT NULL DEFAULT 1, error_code text, error text, error_at timestamptz)"

// upgradeText brings the tables of an earlier version to this one.
const upgradeText = "ALTER TABLE " + schema + ".listeners ADD COLUMN IF NOT EXISTS scan_stopped boolean NOT NULL DEFAULT false; " +
	"ALTER TABLE " + schema + ".captures ADD COLUMN IF NOT EXISTS means text NOT NULL DEFAULT 'triggers', DROP CONSTRAINT IF EXISTS captures_relation_key_columns_key_types_key, " +
	"DROP CONSTRAINT IF EXISTS captures_unique, ADD CONSTRAINT captures_unique UNIQUE (relation, key_columns, key_types, means); " +
	slotsText + "; UPDATE " + schema + ".schema_version SET number = 3"

// alone runs a transaction that changes what there is of listeners at home, one after the other. The lock is taken before
// the transaction begins: a session that waits within one does not hear of tables that others have made meanwhile.
func alone(ctx context.Context, conn *pgx.Conn, change func(tx pgx.Tx) error) error {
	if _, err := conn.Exec(ctx, "SELECT pg_catalog.pg_advisory_lock($1, 0)", lockClass); err != nil {
		return err
	}
	err := pgx.BeginFunc(ctx, conn, change)
	if conn.IsClosed() {
		return err
	}
	_, unlock := conn.Exec(context.WithoutCancel(ctx), "SELECT pg_catalog.pg_advisory_unlock($1, 0)", lockClass)
	return errors.Join(err, unlock)
}

// ensureSchema makes the schema if there is none, and brings it to this program's version; where dry is set, errMissing says so.
func ensureSchema(ctx context.Context, tx pgx.Tx, dry bool) error {
	there, err := hasSchema(ctx, tx)
	if err != nil {
		return err
	}
	if dry && !there {
		return errMissing
	}
	if !there {
		_, err := tx.Exec(ctx, schemaText)
		return err
	}
	var version int
	if err := tx.QueryRow(ctx, "SELECT number FROM "+schema+".schema_version").Scan(&version); err != nil {
		return err
	}
	if version < schemaVersion && dry {
		return errMissing
	}
	if version < schemaVersion {
		_, err := tx.Exec(ctx, upgradeText)
		return err
	}
	if version != schemaVersion {
		e := faultf("55000", "the schema %s at home has version %d, this program knows %d", schema, version, schemaVersion)
		e.Hint = "Use the program that made it, or a newer one."
		return e
	}
	return nil
}

// querier is a connection or a transaction.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// hasSchema reports whether home has the tables.
func hasSchema(ctx context.Context, q querier) (there bool, err error) {
	err = q.QueryRow(ctx, "SELECT pg_catalog.to_regclass($1) IS NOT NULL", schema+".listeners").Scan(&there)
	return there, err
}

// queueOf is the table of the keys that a listener has to look at, errorsOf that of the rows that it has no outputs for
// though it has looked.
func queueOf(id int) string  { return fmt.Sprintf("%s.queue_%d", schema, id) }
func errorsOf(id int) string { return fmt.Sprintf("%s.errors_%d", schema, id) }

// changesOf is the table of a capture's changes, and captureOf its trigger function.
func changesOf(capture int) string { return fmt.Sprintf("%s.changes_%d", schema, capture) }
func captureOf(capture int) string { return fmt.Sprintf("%s.capture_%d", schema, capture) }
