package listener

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer"
	"github.com/pinnacle-proxy/pinnacle-proxy/udf"
)

// lockTimeout bounds how long the set-up waits for locks on the user's tables, since whoever comes after waits behind it.
const lockTimeout = "3s"

// kept is what home has of a listener, and what follows from it.
type kept struct {
	def   *Definition
	model *datalayer.ModelVersion
	*source

	id int
	// outputs is the table of the outputs, qualified, and output the type of its column output.
	outputs string
	output  udf.Type
	// dry says that nothing is to be changed by ensure.
	dry bool
	// others are the names of the other listeners that there are.
	others []string
	// indexed says that outputs can be found by the hash of their input.
	indexed bool
	// salt goes into every hash of an input, so that outputs of another definition are not taken for this one's.
	salt int64
}

// modelOf says which model a definition calls: a version, or 0 for the default one.
func modelOf(def *Definition) (name string, version int, err error) {
	name, number, found := strings.Cut(def.Model, "@")
	if found {
		if version, err = strconv.Atoi(number); err != nil || version < 1 {
			return "", 0, fault("42602", fmt.Sprintf("%q is no name of a model", def.Model), "A version is a number from 1 on, as in model@2.")
		}
	}
	return name, version, nil
}

// setUp makes at home whatever a listener needs and is not there yet, and takes away captures that it does not need any
// more. Where all is as it should be it only reads, and waits for nobody. What was made anew means a scan.
//
// others are the names of all other listeners: what home has of none of them, with the same outputs, is this one's under an
// earlier name.
func setUp(ctx context.Context, conn *pgx.Conn, def *Definition, model *datalayer.ModelVersion, how string, others []string) (k *kept, err error) {
	k = &kept{def: def, model: model, output: outputType(def, model), others: others, dry: true}
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return k.ensure(ctx, tx, how) })
	if errors.Is(err, errMissing) {
		k.dry = false
		if err = alone(ctx, conn, func(tx pgx.Tx) error { return k.ensure(ctx, tx, how) }); err == nil {
			err = dropUnusedSlot(ctx, conn)
		}
	}
	if err != nil {
		return nil, locked(err)
	}
	return k, nil
}

// errMissing says, where nothing is to be changed, that something would be.
var errMissing = fault("55000", "something that the listener needs is missing at home", "")

// ensure does what setUp says, or, if k.dry is set, gives errMissing where there is anything to do.
func (k *kept) ensure(ctx context.Context, tx pgx.Tx, how string) error {
	if err := k.look(ctx, tx); err != nil {
		return err
	}
	if err := ensureSchema(ctx, tx, k.dry); err != nil {
		return err
	}
	// Whoever comes after the locks on the user's tables that are taken from here on waits behind them.
	if _, err := tx.Exec(ctx, "SET LOCAL lock_timeout = '"+lockTimeout+"'"); err != nil {
		return err
	}
	made, err := k.ensureState(ctx, tx)
	if err != nil {
		return err
	}
	more, err := k.ensureTables(ctx, tx)
	if err != nil {
		return err
	}
	captured, err := k.ensureCaptures(ctx, tx, how)
	if err != nil {
		return err
	}
	if k.indexed, err = k.hasHashIndex(ctx, tx); err != nil {
		return err
	}
	if made || more || captured {
		return wantScan(ctx, tx, k.id)
	}
	return nil
}

// locked explains the error of a lock that was not to be had.
func locked(err error) error {
	e := errorOf(err)
	if e.Code != "55P03" {
		return err
	}
	own := *e
	own.Hint = "Another transaction holds a lock on the listener's source; try again when it has ended."
	return &own
}

// look analyses the source, and leaves nothing behind of what that takes.
func (k *kept) look(ctx context.Context, tx pgx.Tx) error {
	undo, err := tx.Begin(ctx)
	if err != nil {
		return err
	}
	k.source, err = analyse(ctx, undo, k.def, k.model)
	if err == nil {
		k.outputs, err = outputsName(ctx, undo, k.def)
	}
	if back := undo.Rollback(ctx); back != nil && err == nil {
		err = back
	}
	return err
}

// outputsName is the table of the outputs, qualified: the one that INTO names, or one of the listener's name.
func outputsName(ctx context.Context, q querier, def *Definition) (string, error) {
	var name *string
	err := q.QueryRow(ctx, `SELECT CASE pg_catalog.array_length(p, 1) WHEN 1 THEN pg_catalog.quote_ident(pg_catalog.current_schema()) || '.' || pg_catalog.quote_ident(p[1])
			WHEN 2 THEN pg_catalog.quote_ident(p[1]) || '.' || pg_catalog.quote_ident(p[2]) END
		FROM (SELECT pg_catalog.parse_ident($1)) AS t(p)`, into(def)).Scan(&name)
	switch {
	case err != nil:
		return "", err
	case name == nil:
		return "", fault("42602", fmt.Sprintf("%s is no name for the table of a listener's outputs", into(def)), "It is a table's name, with or without its schema.")
	}
	return *name, nil
}

// outputType is the type of the column output.
func outputType(def *Definition, model *datalayer.ModelVersion) udf.Type {
	if def.Flatten {
		return elementOf(model.Returns)
	}
	return model.Returns
}

// elementOf is the type of an array's elements; Invalid for what is no array.
func elementOf(t udf.Type) udf.Type {
	for e := udf.Bool; e <= udf.TextArray; e++ {
		if e.ArrayOID() != 0 && e.ArrayOID() == t.OID() {
			return e
		}
	}
	return udf.Invalid
}

// identity tells definitions apart whose outputs are not each other's.
func (k *kept) identity() string {
	sort := struct {
		From                string
		Key                 []column
		Model               string
		Arguments           []string
		Flatten             bool
		Outputs, SearchPath string
	}{k.from, k.key, k.def.Model, k.def.Arguments, k.def.Flatten, k.outputs, k.def.SearchPath}
	text, err := json.Marshal(sort)
	if err != nil {
		panic(err) // texts and names
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// ensureState makes the listener's row, or brings it to the definition. It reports whether all outputs are to be looked at.
func (k *kept) ensureState(ctx context.Context, tx pgx.Tx) (bool, error) {
	if err := k.checkVersion(ctx, tx); err != nil {
		return false, err
	}
	if k.dry {
		return false, k.checkState(ctx, tx)
	}
	if _, err := tx.Exec(ctx, "UPDATE "+schema+".listeners SET name = $1 WHERE outputs = $2 AND name <> $1 AND name <> ALL ($3) AND NOT EXISTS (SELECT FROM "+schema+".listeners WHERE name = $1)",
		k.def.Name, k.outputs, k.others); err != nil {
		return false, err
	}
	var identity string
	var version int
	err := tx.QueryRow(ctx, "SELECT id, version, identity, salt FROM "+schema+".listeners WHERE name = $1 FOR UPDATE", k.def.Name).Scan(&k.id, &version, &identity, &k.salt)
	if errors.Is(err, pgx.ErrNoRows) {
		k.salt = int64(rand.Uint64())
		return true, tx.QueryRow(ctx, "INSERT INTO "+schema+".listeners (name, version, identity, outputs, output_type, salt) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
			k.def.Name, k.def.Version, k.identity(), k.outputs, k.output.String(), k.salt).Scan(&k.id)
	}
	if err == nil && identity == k.identity() && version != k.def.Version {
		_, err = tx.Exec(ctx, "UPDATE "+schema+".listeners SET version = $2 WHERE id = $1", k.id, k.def.Version)
	}
	if err != nil || identity == k.identity() {
		return false, err
	}
	k.salt = int64(rand.Uint64())
	_, err = tx.Exec(ctx, "UPDATE "+schema+".listeners SET version = $2, identity = $3, outputs = $4, output_type = $5, salt = $6, scan_running = NULL, scan_key = NULL WHERE id = $1",
		k.id, k.def.Version, k.identity(), k.outputs, k.output.String(), k.salt)
	return true, err
}

// checkState gives errMissing where ensureState would have something to do.
func (k *kept) checkState(ctx context.Context, tx pgx.Tx) error {
	err := tx.QueryRow(ctx, "SELECT id, salt FROM "+schema+".listeners WHERE name = $1 AND version = $2 AND identity = $3", k.def.Name, k.def.Version, k.identity()).Scan(&k.id, &k.salt)
	if errors.Is(err, pgx.ErrNoRows) {
		return errMissing
	}
	return err
}

// errOutdated says that a definition is not the newest that home has heard of.
var errOutdated = fault("55000", "the listener was changed or dropped meanwhile", "")

// checkVersion refuses a definition that home knows to be out of date.
func (k *kept) checkVersion(ctx context.Context, tx pgx.Tx) error {
	var known int
	err := tx.QueryRow(ctx, "SELECT GREATEST((SELECT version FROM "+schema+".listeners WHERE name = $1), (SELECT version + 1 FROM "+schema+".dropped WHERE name = $1), 0)", k.def.Name).Scan(&known)
	if err == nil && k.def.Version != 0 && k.def.Version < known {
		return errOutdated
	}
	return err
}

// wantScan asks for a scan. One that is under way is followed by another.
func wantScan(ctx context.Context, tx pgx.Tx, id int) error {
	_, err := tx.Exec(ctx, "UPDATE "+schema+".listeners SET wanted_at = CASE WHEN scan_wanted > scan_done THEN wanted_at ELSE pg_catalog.now() END, scan_wanted = scan_wanted + 1, "+
		"retry_at = NULL, failures = 0 WHERE id = $1", id)
	return err
}

// keyList declares the key's columns under the names that f gives.
func (k *kept) keyList(f func(i int) string) string {
	return each(len(k.key), ", ", func(i int) string {
		c := k.key[i]
		text := f(i) + " " + c.typ
		if c.collation != "" {
			text += " COLLATE " + c.collation
		}
		return text + " NOT NULL"
	})
}

// own and place name the key's columns in the outputs, and in the tables beside.
func (k *kept) own(i int) string { return quote(k.key[i].name) }
func place(i int) string         { return fmt.Sprintf("k%d", i) }

// ensureTables makes the tables of outputs, of keys to look at and of failed rows, where they are missing or have another
// form. It reports whether it made any.
func (k *kept) ensureTables(ctx context.Context, tx pgx.Tx) (bool, error) {
	made, err := k.ensureOutputs(ctx, tx)
	if err != nil {
		return false, err
	}
	key := numbered(len(k.key), ", ", "k%d")
	for _, t := range []struct{ name, columns, rest string }{
		{queueOf(k.id), k.keyList(place) + ", gen bigint NOT NULL, at timestamptz NOT NULL, PRIMARY KEY (" + key + ")", " (gen)"},
		{errorsOf(k.id), k.keyList(place) + ", input_hash bytea NOT NULL, model_version int NOT NULL, code text, message text, " +
			"attempts int NOT NULL, at timestamptz NOT NULL, retry_at timestamptz, PRIMARY KEY (" + key + ")", " (retry_at)"},
	} {
		fits, err := k.fits(ctx, tx, t.name)
		if err != nil {
			return false, err
		}
		if fits {
			continue
		}
		if made = true; k.dry {
			return false, errMissing
		}
		if _, err := tx.Exec(ctx, "DROP TABLE IF EXISTS "+t.name+"; CREATE TABLE "+t.name+" ("+t.columns+"); CREATE INDEX ON "+t.name+t.rest); err != nil {
			return false, err
		}
	}
	return made, nil
}

// fits reports whether a table beside the outputs is there and begins with the key's columns, by type.
func (k *kept) fits(ctx context.Context, tx pgx.Tx, name string) (bool, error) {
	found, err := k.columnsThere(ctx, tx, name)
	if err != nil || len(found) < len(k.key) {
		return false, err
	}
	for i, c := range k.key {
		if found[i].name != place(i) || found[i].typ != c.typ {
			return false, nil
		}
	}
	return true, nil
}

// columnsThere lists the columns of a table, none where there is no such table.
func (k *kept) columnsThere(ctx context.Context, tx pgx.Tx, name string) ([]column, error) {
	var oid *uint32
	if err := tx.QueryRow(ctx, "SELECT pg_catalog.to_regclass($1)::oid", name).Scan(&oid); err != nil || oid == nil {
		return nil, err
	}
	return columnsOf(ctx, tx, *oid)
}
