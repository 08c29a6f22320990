package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"
)

// The tables: with a schema pinnacle.metadata_records, else pinnacle_metadata_records, and so on.
const (
	schemaName   = "pinnacle"
	recordsTable = "metadata_records"
	layoutTable  = "metadata_layout"
)

// rows is the table of records for bun. Its columns are given as text, since their types differ.
type rows struct {
	bun.BaseModel `bun:"table:metadata_records"`
}

// layout is a row of the layout's table for bun: a version that the tables were brought to.
type layout struct {
	bun.BaseModel `bun:"table:metadata_layout"`

	Version int `bun:"version,notnull"`
}

// pageSizes are the numbers of rows that Scan reads at a time, smallest first: each has its own statement.
var pageSizes = [...]int{1, 10, 100}

// page says which of the statements of Scan is meant.
type page struct {
	// behind: the first key is not part of the range.
	behind bool
	// open: the range has no end.
	open bool
	// size is one of pageSizes.
	size int
}

// texts are the statements of one engine.
type texts struct {
	createRecords, createLayout string
	// readLayout gives the newest version that addLayout has noted.
	readLayout, addLayout string
	// The parameters of get and remove are space and key, those of put key, space and value.
	get, put, remove string
	// spaces has no parameters.
	spaces string
	// update is for updateOrWrite alone: put then is INSERT. Its parameters are value, space and key.
	update string
	scan   map[page]string
}

// all are the statements of transactions.
func (t *texts) all() []string {
	found := []string{t.get, t.put, t.remove, t.spaces}
	if t.update != "" {
		found = append(found, t.update)
	}
	for _, text := range t.scan {
		found = append(found, text)
	}
	return found
}

// unconnected is a driver that bun is given where it only has to write texts.
type unconnected struct{}

var errUnconnected = errors.New("there is no database")

// Connect implements driver.Connector.
func (unconnected) Connect(context.Context) (driver.Conn, error) { return nil, errUnconnected }

// Driver implements driver.Connector.
func (unconnected) Driver() driver.Driver { return nil }

// offline is a dialect that does not ask a database for its version.
type offline struct{ schema.Dialect }

// Init implements schema.Dialect.
func (offline) Init(*sql.DB) {}

// writer writes the statements of one engine.
type writer struct {
	e  *engine
	db *bun.DB
}

// newTexts writes the statements of an engine.
func newTexts(e *engine) (*texts, error) {
	w := writer{e: e, db: bun.NewDB(sql.OpenDB(unconnected{}), offline{e.dialect})}
	t := w.texts()
	if err := w.db.Close(); err != nil {
		return nil, fmt.Errorf("statements of the metadata store: %w", err)
	}
	return t, nil
}

// texts writes all statements.
func (w writer) texts() *texts {
	t := &texts{scan: map[page]string{}}
	t.createRecords = w.unlessThere(recordsTable, w.createRecords())
	t.createLayout = w.unlessThere(layoutTable, w.db.NewCreateTable().Model((*layout)(nil)).ModelTableExpr("?", w.table(layoutTable)).IfNotExists().String())
	t.readLayout = w.db.NewSelect().TableExpr("?", w.table(layoutTable)).ColumnExpr("MAX(?)", bun.Ident("version")).String()
	t.addLayout = w.insert(layoutTable, &map[string]any{"version": w.param(1)}).String()
	t.get = w.where(w.db.NewSelect().TableExpr("?", w.table(recordsTable)).Column("value").QueryBuilder(), 1).Unwrap().(*bun.SelectQuery).String()
	t.remove = w.where(w.db.NewDelete().TableExpr("?", w.table(recordsTable)).QueryBuilder(), 1).Unwrap().(*bun.DeleteQuery).String()
	t.put = w.put()
	t.spaces = w.db.NewSelect().TableExpr("?", w.table(recordsTable)).Distinct().Column("space").Order("space").String()
	if w.e.upsert == updateOrWrite {
		set := w.db.NewUpdate().TableExpr("?", w.table(recordsTable)).Set("? = ?", bun.Ident("value"), w.param(1))
		t.update = w.where(set.QueryBuilder(), 2).Unwrap().(*bun.UpdateQuery).String()
	}
	for _, size := range pageSizes {
		for _, p := range []page{{false, false, size}, {true, false, size}, {false, true, size}, {true, true, size}} {
			t.scan[p] = w.scan(p)
		}
	}
	return t
}

// table names a table.
func (w writer) table(name string) schema.QueryAppender {
	if w.e.schema == "" {
		return bun.Ident(schemaName + "_" + name)
	}
	return bun.SafeQuery("?.?", bun.Ident(w.e.schema), bun.Ident(name))
}

// unlessThere makes a statement do nothing where its table is there already.
func (w writer) unlessThere(table, text string) string {
	if w.e.unlessThere == nil {
		return text
	}
	return w.e.unlessThere(w.e.schema+"."+table, text)
}

// param is the n-th parameter.
func (w writer) param(n int) bun.Safe { return bun.Safe(w.e.placeholder(n)) }

// where keeps a statement to one record, whose space and key are the parameters first and first+1.
func (w writer) where(q bun.QueryBuilder, first int) bun.QueryBuilder {
	return q.Where("? = ?", bun.Ident("space"), w.param(first)).Where("? = ?", bun.Ident("key"), w.param(first+1))
}

// createRecords writes the table of the records.
func (w writer) createRecords() string {
	c := w.e.types
	return w.db.NewCreateTable().Model((*rows)(nil)).ModelTableExpr("?", w.table(recordsTable)).IfNotExists().
		ColumnExpr("? ? NOT NULL", bun.Ident("space"), bun.Safe(c.space)).
		ColumnExpr("? ? NOT NULL", bun.Ident("key"), bun.Safe(c.key)).
		ColumnExpr("? ? NOT NULL", bun.Ident("value"), bun.Safe(c.value)).
		ColumnExpr("? (?, ?)", bun.Safe(cmp.Or(w.e.primaryKey, "PRIMARY KEY")), bun.Ident("space"), bun.Ident("key")).
		String()
}

// insert writes the insertion of one row.
func (w writer) insert(table string, row *map[string]any) *bun.InsertQuery {
	return w.db.NewInsert().Model(row).ModelTableExpr("?", w.table(table))
}

// put writes the statement that puts a record, whose parameters are key, space and value: bun sorts
// columns by name.
func (w writer) put() string {
	q := w.insert(recordsTable, &map[string]any{"key": w.param(1), "space": w.param(2), "value": w.param(3)})
	value := bun.Ident("value")
	switch w.e.upsert {
	case onConflict:
		q = q.On("CONFLICT (?, ?) DO UPDATE", bun.Ident("space"), bun.Ident("key")).Set("? = EXCLUDED.?", value, value)
	case onDuplicate:
		q = q.On("DUPLICATE KEY UPDATE").Set("? = VALUES(?)", value, value)
	}
	return q.String()
}

// scan writes the statement of a page, whose parameters are space, the first key and, if there is one, the end.
func (w writer) scan(p page) string {
	q := w.db.NewSelect().TableExpr("?", w.table(recordsTable)).Column("key", "value").
		Where("? = ?", bun.Ident("space"), w.param(1)).Order("key").Limit(p.size)
	from := "? >= ?"
	if p.behind {
		from = "? > ?"
	}
	q = q.Where(from, bun.Ident("key"), w.param(2))
	if !p.open {
		q = q.Where("? < ?", bun.Ident("key"), w.param(3))
	}
	return q.String()
}
