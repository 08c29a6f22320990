package conformance

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// sqlDialect is how an engine that speaks SQL is given the common tables, by itself and without the proxy.
type sqlDialect struct {
	// types are the engine's types; a kind without one is left to text.
	types map[kind]string
	// literal writes a value; nil: as 'text', quoted by doubling.
	literal func(k kind, text string) string
	// quote encloses names.
	quote string
	// keyless leaves out primary keys, unique and foreign keys.
	keyless bool
	// nullable is the type of a column that may be NULL; nil: that of one that may not.
	nullable func(typeName string) string
	// options stand behind the closing parenthesis of CREATE TABLE.
	options func(t table) string
	// copy is the statement that reads the file of a table that has one and no NULLs, which is much faster than to insert its rows;
	// nil: they are inserted.
	copy func(t table) (string, error)
}

// postgresDialect is PostgreSQL's, for the oracle and the embedded home.
func postgresDialect() sqlDialect {
	d := sqlDialect{types: map[kind]string{}, quote: `"`}
	for _, k := range []kind{boolKind, int2Kind, int4Kind, int8Kind, float8Kind, moneyKind, longKind, textKind, foldedText, shortKind, dateKind, timeKind, timestampKind, timestamptzKind,
		intervalKind, uuidKind, byteaKind, jsonbKind, int4sKind, textsKind} {
		d.types[k] = k.postgres()
	}
	return d
}

// typeOf is the engine's type of a kind.
func (d sqlDialect) typeOf(k kind) string {
	if t, ok := d.types[k]; ok {
		return t
	}
	// Other lengths and precisions than those of the common tables.
	if size, ok := strings.CutPrefix(string(k), "numeric"); ok {
		return strings.Replace(d.types[moneyKind], "(12,2)", size, 1)
	}
	if size, ok := strings.CutPrefix(string(k), "character varying"); ok {
		return strings.Replace(d.types[shortKind], "(20)", size, 1)
	}
	return d.types[textKind]
}

// name is a quoted name.
func (d sqlDialect) name(s string) string { return d.quote + s + d.quote }

// create is the statement that makes a table.
func (d sqlDialect) create(t table) string {
	var parts []string
	for _, c := range t.columns {
		def := d.typeOf(c.kind)
		switch {
		case d.nullable != nil && !c.notNull:
			def = d.nullable(def)
		case d.nullable == nil && c.notNull:
			def += " NOT NULL"
		}
		parts = append(parts, d.name(c.name)+" "+def)
	}
	if !d.keyless {
		parts = append(parts, "PRIMARY KEY ("+d.list(t.key)+")")
		if t.unique != "" {
			parts = append(parts, "CONSTRAINT "+t.name+"_"+t.unique+"_key UNIQUE ("+d.name(t.unique)+")")
		}
		if t.refers != "" {
			parts = append(parts, fmt.Sprintf("CONSTRAINT %s_pid_fkey FOREIGN KEY (%s) REFERENCES %s (%[2]s)", t.name, d.name("pid"), d.name(t.refers)))
		}
	}
	text := fmt.Sprintf("CREATE TABLE %s (%s)", d.name(t.name), strings.Join(parts, ", "))
	if d.options != nil {
		text += " " + d.options(t)
	}
	return text
}

// list are quoted names with commas.
func (d sqlDialect) list(names []string) string {
	var quoted []string
	for _, n := range names {
		quoted = append(quoted, d.name(n))
	}
	return strings.Join(quoted, ", ")
}

// rowsAtOnce is how many rows one INSERT has.
const rowsAtOnce = 500

// inserts are the statements that fill a table.
func (d sqlDialect) inserts(t table) []string {
	var list []string
	for some := range slices.Chunk(t.rows, rowsAtOnce) {
		var rows []string
		for _, r := range some {
			var values []string
			for i, v := range r {
				values = append(values, d.value(t.columns[i].kind, v))
			}
			rows = append(rows, "("+strings.Join(values, ", ")+")")
		}
		list = append(list, fmt.Sprintf("INSERT INTO %s VALUES %s", d.name(t.name), strings.Join(rows, ", ")))
	}
	return list
}

// value is a value of a row as SQL.
func (d sqlDialect) value(k kind, v any) string {
	if v == nil {
		return "NULL"
	}
	if d.literal != nil {
		return d.literal(k, v.(string))
	}
	return quoted(v.(string))
}

// bare writes numbers without quotes, booleans as these words, bytes in hex between quotes behind a prefix, and everything
// else as texts.
func bare(yes, no, bytesPrefix string) func(k kind, text string) string {
	return func(k kind, text string) string {
		switch k {
		case int2Kind, int4Kind, int8Kind, float8Kind, moneyKind, "numeric(15,2)":
			return text
		case boolKind:
			return map[string]string{"true": yes, "false": no}[text]
		case byteaKind:
			return bytesPrefix + quoted(strings.TrimPrefix(text, `\x`))
		}
		return quoted(text)
	}
}

// load gives a database the common tables, on one session, after statements that set it up.
func (d sqlDialect) load(ctx context.Context, driver, source string, tables []table, before ...string) (err error) {
	db, err := sql.Open(driver, source)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	script, err := d.script(tables)
	if err != nil {
		return err
	}
	for _, statement := range append(before, script...) {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%w\nin %.300s", err, statement)
		}
	}
	return nil
}

// index makes the indexes of tables that have some, and counts their rows.
func (d sqlDialect) index(ctx context.Context, driver, source string, tables []table) (err error) {
	db, err := sql.Open(driver, source)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, t := range tables {
		for _, c := range t.indexed {
			if _, err := db.ExecContext(ctx, fmt.Sprintf("CREATE INDEX %s ON %s (%s)", d.name(t.name+"_"+c), d.name(t.name), d.name(c))); err != nil {
				return err
			}
		}
		if len(t.indexed) > 0 {
			if _, err := db.ExecContext(ctx, "ANALYZE TABLE "+d.name(t.name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// quoted is a text between single quotes.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// script is everything that makes and fills tables, a statement an element.
func (d sqlDialect) script(tables []table) ([]string, error) {
	var list []string
	for _, t := range tables {
		list = append(list, d.create(t))
		if d.copy == nil || t.file == "" || slices.ContainsFunc(t.columns, func(c column) bool { return !c.notNull }) {
			list = append(list, d.inserts(t)...)
			continue
		}
		text, err := d.copy(t)
		if err != nil {
			return nil, err
		}
		list = append(list, text)
	}
	return list, nil
}
