package clickhouse

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// Catalog implements backend.Engine, by two queries. Tables whose reading takes rows away (Kafka and the like) are not
// shown, nor are the server's own.
func (e *Engine) Catalog(ctx context.Context) (*dialect.Catalog, error) {
	filter := "database NOT IN ('system', 'INFORMATION_SCHEMA', 'information_schema')"
	if e.database != "" {
		filter = "database = " + string(literal(nil, e.database))
	}
	found, err := e.ask(ctx, "SELECT database, name, engine, ifNull(toString(total_rows), ''), comment FROM system.tables WHERE "+filter+
		" AND NOT is_temporary AND name NOT LIKE '.inner%' AND engine NOT IN ('Kafka', 'RabbitMQ', 'NATS', 'FileLog', 'S3Queue', 'AzureQueue', 'Dictionary') ORDER BY 1, 2")
	if err != nil {
		return nil, err
	}
	columns, err := e.ask(ctx, "SELECT database, table, name, type, default_kind, default_expression, comment, is_in_sorting_key OR is_in_partition_key OR is_in_primary_key FROM system.columns WHERE "+filter+" ORDER BY 1, 2, position")
	if err != nil {
		return nil, err
	}
	tables, order := map[[2]string]*dialect.Table{}, []*dialect.Table{}
	for _, row := range found {
		t := e.table(row)
		tables[[2]string{row[0], row[1]}] = t
		order = append(order, t)
	}
	for _, row := range columns {
		t := tables[[2]string{row[0], row[1]}]
		if t == nil || row[4] == "EPHEMERAL" {
			continue
		}
		if c := e.column(row); c != nil {
			t.Columns = append(t.Columns, c)
			continue
		}
		e.log.Info("a column of the databackend is not shown: PostgreSQL has nothing like its type", "table", row[0]+"."+row[1], "column", row[2], "type", row[3])
	}
	catalog := &dialect.Catalog{}
	for _, t := range order {
		if len(t.Columns) > 0 {
			catalog.Tables = append(catalog.Tables, t)
		}
	}
	return catalog, nil
}

// shown is the name that clients see: PostgreSQL's names have 63 bytes; longer ones end in a digest.
func shown(name string) string {
	if len(name) <= 63 {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	cut := 50
	for !utf8.RuneStart(name[cut]) {
		cut--
	}
	return name[:cut] + "_" + hex.EncodeToString(sum[:6])
}

// table makes a table of a row of system.tables.
func (e *Engine) table(row []string) *dialect.Table {
	t := &dialect.Table{Schema: shown(row[0]), Name: shown(row[1]), Native: []string{row[0], row[1]}, Comment: row[4], Rows: -1}
	if row[0] == e.database {
		t.Schema = "public"
	}
	if n, err := strconv.ParseFloat(row[3], 64); err == nil {
		t.Rows = n
	}
	switch {
	case strings.HasSuffix(row[2], "View"):
		t.Kind, t.ReadOnly = dialect.View, "it is a view of the databackend"
	case row[2] == "Merge":
		t.ReadOnly = "it is a table of ClickHouse's engine Merge"
	}
	return t
}

// column makes a column of a row of system.columns; nil where it is not shown.
func (e *Engine) column(row []string) *dialect.Column {
	typ, f, exact, ok := typeOf(row[3], e.reading)
	if !ok {
		return nil
	}
	f.keyed = row[7] == "1"
	c := &dialect.Column{Name: shown(row[2]), Native: row[2], Type: typ, TypeName: typeName(typ), NativeType: row[3], NotNull: !f.nullable && f.typ.name != "Variant" && f.typ.name != "Dynamic",
		Comment: row[6], Exact: exact, Bytewise: typ.OID == pgtype.TextOID && exact}
	c.Facts = f
	switch row[4] {
	case "MATERIALIZED", "ALIAS":
		c.Generated = dialect.Computed
	case "DEFAULT":
		if value, ok := constantDefault(c, row[5]); ok {
			c.Default = value
		} else if _, ok := dialect.Marker(typ.OID); ok {
			c.Generated = dialect.EngineDefault
		}
	}
	return c
}

// constantDefault reads a default that is a constant, as PostgreSQL writes it.
func constantDefault(c *dialect.Column, text string) (string, bool) {
	if body, quoted := strings.CutPrefix(text, "'"); quoted && strings.HasSuffix(body, "'") && c.Type.OID == pgtype.TextOID {
		body = body[:len(body)-1]
		if strings.Contains(strings.ReplaceAll(strings.ReplaceAll(body, `\\`, ""), `\'`, ""), "'") {
			return "", false // an expression that begins and ends with a text
		}
		return "'" + strings.ReplaceAll(string(unescape(nil, []byte(body))), "'", "''") + "'::text", true
	}
	switch c.Type.OID {
	case pgtype.BoolOID:
		return text, text == "true" || text == "false"
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.NumericOID, pgtype.Float4OID, pgtype.Float8OID:
		return text, text != "" && strings.Trim(text, "-0123456789.") == ""
	}
	return "", false
}
