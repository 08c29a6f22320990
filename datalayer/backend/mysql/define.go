package mysql

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
)

// Define implements backend.Definer. In MySQL a change of the schema commits what is open before.
func (e *Engine) Define(ctx context.Context, conn backend.Conn, change dialect.Change) error {
	c, ok := conn.(*Conn)
	if !ok {
		return &backend.Error{Code: "XX000", Message: "a session of another engine"}
	}
	if err := c.ready(); err != nil {
		return err
	}
	if c.inTransaction {
		return &backend.Error{Code: "25001", Message: "the databackend cannot change its schema inside a transaction block",
			Detail: "MySQL and MariaDB commit a transaction when the schema is changed."}
	}
	text, err := e.definition(change)
	if err == nil {
		err = c.after(c.session.run(ctx, text))
	}
	return err
}

// definition is the statement for a change.
func (e *Engine) definition(change dialect.Change) (string, error) {
	switch x := change.(type) {
	case *dialect.CreateTable:
		return e.createTable(x)
	case *dialect.DropTable:
		return "DROP TABLE " + tableName(x.Table), nil
	case *dialect.AlterTable:
		return e.alterTable(x)
	case *dialect.CreateIndex:
		unique := ""
		if x.Index.Unique {
			unique = "UNIQUE "
		}
		columns, err := e.keyColumns(x.Table, x.Index.Columns)
		return "CREATE " + unique + "INDEX " + quote(x.Index.Name) + " ON " + tableName(x.Table) + " " + columns, err
	case *dialect.DropIndex:
		return "DROP INDEX " + quote(x.Name) + " ON " + tableName(x.Table), nil
	case *dialect.CreateView:
		return e.createView(x)
	case *dialect.DropView:
		return "DROP VIEW " + tableName(x.Table), nil
	case *dialect.CreateSchema:
		if e.place.database != "" {
			return "", lacks("more schemas: the databackend's URI names one database, whose tables are in schema public")
		}
		return "CREATE DATABASE " + quote(x.Name) + " CHARACTER SET utf8mb4 COLLATE " + e.server.binary, nil
	case *dialect.DropSchema:
		// MySQL would drop its tables too; the caller has seen that there are none.
		return "DROP DATABASE " + quote(x.Name), nil
	}
	return "", lacks(fmt.Sprintf("changes of the kind %T", change))
}

// lacks is the error for what the engine cannot do.
func lacks(what string) error {
	return &backend.Error{Code: "0A000", Message: "MySQL and MariaDB lack " + what}
}

// nameOf is the native name of a table that is to be.
func (e *Engine) nameOf(schema, name string) string {
	if e.place.database != "" {
		return quote(e.place.database) + "." + quote(name)
	}
	return quote(schema) + "." + quote(name)
}

// createTable writes CREATE TABLE: texts are compared by bytes, as in PostgreSQL.
func (e *Engine) createTable(x *dialect.CreateTable) (string, error) {
	t := x.Table
	if e.place.database != "" && t.Schema != "public" {
		return "", lacks("schemas other than public where the URI names a database")
	}
	var parts []string
	for _, c := range t.Columns {
		part, err := e.columnDefinition(t, c)
		if err != nil {
			return "", err
		}
		parts = append(parts, part)
	}
	if len(t.PrimaryKey) > 0 {
		columns, err := e.keyColumns(t, t.PrimaryKey)
		if err != nil {
			return "", err
		}
		parts = append(parts, "PRIMARY KEY "+columns)
	}
	for _, k := range t.Uniques {
		columns, err := e.keyColumns(t, k.Columns)
		if err != nil {
			return "", err
		}
		parts = append(parts, "UNIQUE KEY "+quote(k.Name)+" "+columns)
	}
	for _, k := range t.ForeignKeys {
		parts = append(parts, e.foreignKey(k))
	}
	for _, c := range t.Checks {
		part, err := e.check(t, c)
		if err != nil {
			return "", err
		}
		parts = append(parts, part)
	}
	exists := ""
	if x.IfNotExists {
		exists = "IF NOT EXISTS "
	}
	text := "CREATE TABLE " + exists + e.nameOf(t.Schema, t.Name) + " (" + strings.Join(parts, ", ") + ") ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE " + e.server.binary
	if t.Comment != "" {
		text += " COMMENT=" + literal(t.Comment)
	}
	return text, nil
}

// check writes a CHECK whose condition the server is proven to judge as PostgreSQL does.
func (e *Engine) check(t *dialect.Table, k dialect.Check) (string, error) {
	c := e.compiler()
	text, err := c.sql.Condition(t, k)
	if err != nil {
		return "", backend.Unchecked("a MySQL or MariaDB server", k, err)
	}
	return "CONSTRAINT " + quote(k.Name) + " CHECK (" + text + ")", nil
}

// literal writes a text: the SQL mode leaves backslashes alone.
func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// keyColumns writes the columns of a key. Texts without a length cannot be in one.
func (e *Engine) keyColumns(t *dialect.Table, names []string) (string, error) {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = quote(name)
		c := t.Column(name)
		if c == nil {
			continue
		}
		if quoted[i] = quote(native(c)); c.Type.OID == pgtype.TextOID || c.Type.OID == pgtype.ByteaOID && factsOf(c).length == 0 || c.Type.OID == pgtype.VarcharOID && c.Type.Mod < 0 {
			return "", &backend.Error{Code: "0A000", Message: fmt.Sprintf("MySQL and MariaDB lack keys over texts and bytes without a length: column %q", name),
				Hint: "Declare it varchar(n), n up to 768.", Column: name}
		}
	}
	return "(" + strings.Join(quoted, ", ") + ")", nil
}

// native is the engine's name of a column, which one that is to be does not have yet.
func native(c *dialect.Column) string {
	if c.Native != "" {
		return c.Native
	}
	return c.Name
}

// foreignKey writes a foreign key.
func (e *Engine) foreignKey(k dialect.ForeignKey) string {
	list := func(names []string) string {
		quoted := make([]string, len(names))
		for i, n := range names {
			quoted[i] = quote(n)
		}
		return "(" + strings.Join(quoted, ", ") + ")"
	}
	text := "CONSTRAINT " + quote(k.Name) + " FOREIGN KEY " + list(k.Columns) + " REFERENCES " + e.nameOf(k.RefSchema, k.RefName) + " " + list(k.RefColumns)
	if k.OnDelete != "" {
		text += " ON DELETE " + k.OnDelete
	}
	if k.OnUpdate != "" {
		text += " ON UPDATE " + k.OnUpdate
	}
	return text
}

// columnDefinition writes a column.
func (e *Engine) columnDefinition(t *dialect.Table, c *dialect.Column) (string, error) {
	typ, err := e.nativeType(c)
	if err != nil {
		return "", err
	}
	text := quote(native(c)) + " " + typ
	if c.NotNull {
		text += " NOT NULL"
	} else {
		text += " NULL" // a TIMESTAMP would be NOT NULL without
	}
	switch c.Generated {
	case dialect.Identity:
		if len(t.PrimaryKey) == 0 || t.PrimaryKey[0] != c.Name {
			return "", &backend.Error{Code: "0A000", Message: fmt.Sprintf("MySQL and MariaDB count in the first column of the primary key only, and column %q is not", c.Name), Column: c.Name}
		}
		text += " AUTO_INCREMENT"
	case dialect.Computed:
		return "", lacks("generated columns with PostgreSQL's expressions")
	case dialect.NotGenerated:
		if c.Default != "" {
			value, err := defaultLiteral(c)
			if err != nil {
				return "", err
			}
			text += " DEFAULT " + value
		}
	}
	if c.Comment != "" {
		text += " COMMENT " + literal(c.Comment)
	}
	return text, nil
}

// nativeType is the type of a column that is to be.
func (e *Engine) nativeType(c *dialect.Column) (string, error) {
	fraction := func(name string) string {
		if c.Type.Mod < 0 {
			return name + "(6)"
		}
		return fmt.Sprintf("%s(%d)", name, c.Type.Mod)
	}
	switch c.Type.OID {
	case pgtype.BoolOID:
		return "tinyint(1)", nil
	case pgtype.Int2OID:
		return "smallint", nil
	case pgtype.Int4OID:
		return "int", nil
	case pgtype.Int8OID:
		return "bigint", nil
	case pgtype.Float4OID:
		return "float", nil
	case pgtype.Float8OID:
		return "double", nil
	case pgtype.NumericOID:
		return numericType(c)
	case pgtype.TextOID:
		return "longtext", nil
	case pgtype.VarcharOID:
		switch n := c.Type.Mod - 4; {
		case c.Type.Mod < 0 || n > 16383: // what a row can hold of utf8mb4
			return "longtext", nil
		default:
			return fmt.Sprintf("varchar(%d)", n), nil
		}
	case pgtype.BPCharOID:
		if n := c.Type.Mod - 4; n >= 1 && n <= 255 {
			return fmt.Sprintf("char(%d)", n), nil
		}
	case pgtype.ByteaOID:
		return "longblob", nil
	case pgtype.DateOID:
		return "date", nil
	case pgtype.TimestampOID:
		return fraction("datetime"), nil
	case pgtype.TimestamptzOID:
		return fraction("timestamp"), nil
	case pgtype.TimeOID:
		return fraction("time"), nil
	case pgtype.JSONBOID, pgtype.JSONOID:
		return "json", nil
	case pgtype.BitOID:
		if c.Type.Mod >= 1 && c.Type.Mod <= 64 {
			return fmt.Sprintf("bit(%d)", c.Type.Mod), nil
		}
	case pgtype.UUIDOID:
		if e.server.mariaDB {
			return "uuid", nil
		}
	}
	return "", &backend.Error{Code: "0A000", Message: fmt.Sprintf("MySQL and MariaDB have no type for %s of column %q", c.TypeName, c.Name), Column: c.Name}
}

// numericType is decimal: up to 65 digits, 30 of them behind the point.
func numericType(c *dialect.Column) (string, error) {
	precision, scale := (c.Type.Mod-4)>>16&0xffff, (c.Type.Mod-4)&0x7ff
	if c.Type.Mod < 0 {
		return "", &backend.Error{Code: "0A000", Message: fmt.Sprintf("MySQL and MariaDB have no numeric without a precision: column %q", c.Name), Hint: "Declare it numeric(p,s), p up to 65 and s up to 30.", Column: c.Name}
	}
	if scale > 30 || precision > 65 || scale > precision {
		return "", &backend.Error{Code: "0A000", Message: fmt.Sprintf("MySQL and MariaDB have no type for %s of column %q", c.TypeName, c.Name), Detail: "decimal has up to 65 digits, 30 of them behind the point.", Column: c.Name}
	}
	return fmt.Sprintf("decimal(%d,%d)", precision, scale), nil
}

// defaultLiteral writes a default that is a constant: 5, 'x'::text, true, now().
func defaultLiteral(c *dialect.Column) (string, error) {
	text := c.Default
	if body, quoted := strings.CutPrefix(text, "'"); quoted {
		end := strings.LastIndexByte(body, '\'')
		if end >= 0 {
			text = strings.ReplaceAll(body[:end], "''", "'")
			v, err := newFacts(c).bind(text, c.Name)
			if err != nil {
				return "", err
			}
			return literal(fmt.Sprint(v)), nil
		}
	}
	switch lower := strings.ToLower(text); {
	case lower == "true", lower == "false", lower == "null":
		return lower, nil
	case lower == "now()", lower == "current_timestamp":
		if c.Type.OID == pgtype.TimestampOID || c.Type.OID == pgtype.TimestamptzOID {
			if c.Type.Mod < 0 {
				return "current_timestamp(6)", nil
			}
			return fmt.Sprintf("current_timestamp(%d)", c.Type.Mod), nil
		}
	case strings.Trim(text, "-0123456789.") == "" && text != "":
		return text, nil
	}
	return "", &backend.Error{Code: "0A000", Message: fmt.Sprintf("the default of column %q is no constant, which is what MySQL and MariaDB can be told", c.Name), Column: c.Name}
}

// newFacts are the facts of a column that is to be.
func newFacts(c *dialect.Column) facts {
	f, _ := kindOf(c.Type)
	return f
}

// alterTable writes ALTER TABLE.
func (e *Engine) alterTable(x *dialect.AlterTable) (string, error) {
	text := "ALTER TABLE " + tableName(x.Table) + " "
	switch {
	case x.AddColumn != nil:
		part, err := e.columnDefinition(x.Table, x.AddColumn)
		if err != nil || x.AddCheck == nil {
			return text + "ADD COLUMN " + part, err
		}
		check, err := e.check(&dialect.Table{Columns: []*dialect.Column{x.AddColumn}}, *x.AddCheck)
		return text + "ADD COLUMN " + part + ", ADD " + check, err
	case x.DropColumn != nil:
		return text + "DROP COLUMN " + quote(native(x.DropColumn)), nil
	case x.RenameTo != "" && x.Column != nil:
		return text + "RENAME COLUMN " + quote(native(x.Column)) + " TO " + quote(x.RenameTo), nil
	case x.RenameTo != "":
		return text + "RENAME TO " + e.nameOf(x.Table.Schema, x.RenameTo), nil
	case x.AddUnique != nil:
		columns, err := e.keyColumns(x.Table, x.AddUnique.Columns)
		return text + "ADD UNIQUE KEY " + quote(x.AddUnique.Name) + " " + columns, err
	case len(x.AddPrimaryKey) > 0:
		columns, err := e.keyColumns(x.Table, x.AddPrimaryKey)
		return text + "ADD PRIMARY KEY " + columns, err
	case x.AddCheck != nil:
		check, err := e.check(x.Table, *x.AddCheck)
		return text + "ADD " + check, err
	case x.AddForeignKey != nil:
		return text + "ADD " + e.foreignKey(*x.AddForeignKey), nil
	case x.DropConstraint != "":
		return text + dropConstraint(x), nil
	case x.Column == nil:
		return "", lacks("this change of a table")
	case x.DropDefault:
		return text + "ALTER COLUMN " + quote(native(x.Column)) + " DROP DEFAULT", nil
	case x.SetDefault != "":
		c := *x.Column
		c.Default = x.SetDefault
		value, err := defaultLiteral(&c)
		return text + "ALTER COLUMN " + quote(native(x.Column)) + " SET DEFAULT " + value, err
	}
	return e.modifyColumn(text, x)
}

// dropConstraint writes the end of a unique key or of a foreign key.
func dropConstraint(x *dialect.AlterTable) string {
	for _, k := range x.Table.ForeignKeys {
		if k.Name == x.DropConstraint {
			return "DROP FOREIGN KEY " + quote(k.Name)
		}
	}
	for _, k := range x.Table.Uniques {
		if k.Name == x.DropConstraint {
			return "DROP INDEX " + quote(k.Name)
		}
	}
	if x.DropConstraint == "PRIMARY" || x.DropConstraint == x.Table.Name+"_pkey" {
		return "DROP PRIMARY KEY"
	}
	return "DROP CONSTRAINT " + quote(x.DropConstraint)
}

// modifyColumn changes a column's type, or whether it takes NULL: MySQL has to be told the whole column again. One with
// properties that the catalogue does not have would lose them, and is refused.
func (e *Engine) modifyColumn(text string, x *dialect.AlterTable) (string, error) {
	c := *x.Column
	if c.Generated != dialect.NotGenerated || factsOf(&c).onUpdate {
		return "", lacks(fmt.Sprintf("a change of one property of column %q without the others", c.Name))
	}
	kept := c.NativeType
	switch {
	case x.SetType != nil:
		c.Type, c.TypeName, kept = x.SetType.Type, x.SetType.TypeName, ""
	case x.SetNotNull:
		c.NotNull = true
	case x.DropNotNull:
		c.NotNull = false
	default:
		return "", lacks("this change of a column")
	}
	part, err := e.columnDefinition(x.Table, &c)
	if err != nil {
		return "", err
	}
	if kept != "" { // the type as it is, with its collation
		typ, err := e.nativeType(&c)
		if err != nil {
			return "", err
		}
		if f := factsOf(&c); f.collation != "" {
			kept += " CHARACTER SET " + f.charset + " COLLATE " + f.collation
		}
		part = strings.Replace(part, " "+typ, " "+kept, 1)
	}
	return text + "MODIFY COLUMN " + part, nil
}

// createView writes CREATE VIEW of a select that compiles without arguments.
func (e *Engine) createView(x *dialect.CreateView) (string, error) {
	p, err := e.compileSelect(x.Select)
	if err != nil || len(p.args) > 0 {
		return "", &backend.Error{Code: "0A000", Message: "the databackend cannot be told this view", Hint: "Views that it cannot have are made with CREATE VIEW in another schema.", Err: err}
	}
	names := make([]string, len(x.Columns))
	for i, n := range x.Columns {
		names[i] = quote(n)
	}
	columns := ""
	if len(names) > 0 {
		columns = " (" + strings.Join(names, ", ") + ")"
	}
	return "CREATE VIEW " + e.nameOf(x.Schema, x.Name) + columns + " AS " + p.text, nil
}

var _ backend.Definer = (*Engine)(nil)
