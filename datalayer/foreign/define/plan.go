package define

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// Concerns reports whether a statement may change the databackend's schema. CREATE TABLE AS and SELECT INTO are not among
// them: see IntoTable.
func Concerns(n *pg_query.Node) bool {
	switch x := n.GetNode().(type) {
	case *pg_query.Node_CreateStmt:
		return lasting(x.CreateStmt.Relation)
	case *pg_query.Node_AlterTableStmt:
		return x.AlterTableStmt.Objtype == pg_query.ObjectType_OBJECT_TABLE
	case *pg_query.Node_RenameStmt:
		return x.RenameStmt.Relation != nil && (x.RenameStmt.RenameType == pg_query.ObjectType_OBJECT_TABLE || x.RenameStmt.RenameType == pg_query.ObjectType_OBJECT_COLUMN)
	case *pg_query.Node_AlterObjectSchemaStmt:
		return x.AlterObjectSchemaStmt.ObjectType == pg_query.ObjectType_OBJECT_TABLE
	case *pg_query.Node_DropStmt:
		switch x.DropStmt.RemoveType {
		case pg_query.ObjectType_OBJECT_TABLE, pg_query.ObjectType_OBJECT_VIEW, pg_query.ObjectType_OBJECT_INDEX, pg_query.ObjectType_OBJECT_SCHEMA:
			return true
		}
	case *pg_query.Node_IndexStmt, *pg_query.Node_CreateSchemaStmt, *pg_query.Node_CreateTrigStmt, *pg_query.Node_RuleStmt, *pg_query.Node_CreatePolicyStmt:
		return true
	}
	return false
}

// IntoTable gives where CREATE TABLE AS or SELECT INTO makes a table that lasts; nil for any other statement.
func IntoTable(n *pg_query.Node) *pg_query.IntoClause {
	var into *pg_query.IntoClause
	switch x := n.GetNode().(type) {
	case *pg_query.Node_CreateTableAsStmt:
		if x.CreateTableAsStmt.Objtype == pg_query.ObjectType_OBJECT_TABLE {
			into = x.CreateTableAsStmt.Into
		}
	case *pg_query.Node_SelectStmt:
		s := x.SelectStmt
		for s.Larg != nil {
			s = s.Larg
		}
		into = s.IntoClause
	}
	if into == nil || !lasting(into.Rel) {
		return nil
	}
	return into
}

// lasting says that a new relation is none for the session alone.
func lasting(r *pg_query.RangeVar) bool { return r.Relpersistence != "t" && r.Schemaname != "pg_temp" }

// work is one statement being carried out.
type work struct {
	*Definer
	conn    *pgx.Conn
	by      Client
	st      Statement
	catalog *dialect.Catalog
}

// plan is what a statement comes to.
type plan struct {
	changes []dialect.Change
	// locally are statements for the local PostgreSQL, run as the client, once the databackend has changed.
	locally []string
	// checks are statements about CHECK constraints that the local PostgreSQL shows, run when it shows the rest.
	checks []string
	// renamed is the table that has another name afterwards; nil for none.
	renamed *dialect.Table
	// made are new relations, by name.
	made []string
	// optional says that home runs the statement where the databackend lacks what it is about.
	optional bool
	tag      string
}

// plan says what is to be done; nil for what home is to run.
func (w *work) plan(ctx context.Context) (*plan, error) {
	switch x := w.st.Node.GetNode().(type) {
	case *pg_query.Node_CreateStmt:
		return w.createTable(ctx, x.CreateStmt)
	case *pg_query.Node_AlterTableStmt:
		return w.alterTable(ctx, x.AlterTableStmt)
	case *pg_query.Node_RenameStmt:
		return w.rename(ctx, x.RenameStmt)
	case *pg_query.Node_DropStmt:
		return w.drop(ctx, x.DropStmt)
	case *pg_query.Node_IndexStmt:
		return w.createIndex(ctx, x.IndexStmt)
	case *pg_query.Node_CreateSchemaStmt:
		return w.createSchema(ctx, x.CreateSchemaStmt)
	case *pg_query.Node_AlterObjectSchemaStmt:
		return nil, w.refuseOn(ctx, x.AlterObjectSchemaStmt.Relation, "moved to another schema")
	case *pg_query.Node_CreateTrigStmt:
		return nil, w.refuseOn(ctx, x.CreateTrigStmt.Relation, "given triggers")
	case *pg_query.Node_RuleStmt:
		return nil, w.refuseOn(ctx, x.RuleStmt.Relation, "given rules")
	case *pg_query.Node_CreatePolicyStmt:
		return nil, w.refuseOn(ctx, x.CreatePolicyStmt.Table, "given policies")
	}
	return nil, nil
}

// unsupported is the error for what no databackend is asked for.
func unsupported(format string, args ...any) error {
	return &backend.Error{Code: "0A000", Message: fmt.Sprintf(format, args...),
		Hint: "Leave it out, or make it with the databackend's own client and run SELECT pinnacle.refresh()."}
}

// refuseOn is an error if a relation is the databackend's.
func (w *work) refuseOn(ctx context.Context, r *pg_query.RangeVar, what string) error {
	t, err := w.table(ctx, rangeName(r))
	if err != nil || t == nil {
		return err
	}
	return unsupported("table %q is the databackend's and cannot be %s", t.Name, what)
}

// createTable plans CREATE TABLE.
func (w *work) createTable(ctx context.Context, s *pg_query.CreateStmt) (*plan, error) {
	if s.IfNotExists {
		there, err := w.exists(ctx, rangeName(s.Relation))
		if err != nil || there {
			return nil, err
		}
	}
	switch {
	case s.Partspec != nil || s.Partbound != nil:
		return nil, unsupported("partitioned tables cannot be made in the databackend")
	case len(s.InhRelations) > 0:
		return nil, unsupported("tables that inherit cannot be made in the databackend")
	case s.Relation.Relpersistence == "u":
		return nil, unsupported("unlogged tables cannot be made in the databackend")
	}
	made, err := w.dryCreate(ctx, s.Relation)
	if err != nil {
		return nil, err
	}
	p := &plan{changes: []dialect.Change{&dialect.CreateTable{Table: made}}, made: []string{Name(made)}, tag: "CREATE TABLE"}
	for _, c := range made.Checks {
		p.checks = append(p.checks, shownCheck(made, c))
	}
	return p, nil
}

// dryCreate makes a table in the local PostgreSQL, looks at it and takes it back.
func (w *work) dryCreate(ctx context.Context, r *pg_query.RangeVar) (made *dialect.Table, err error) {
	err = w.dry(ctx, func() error {
		if _, err := w.conn.Exec(ctx, w.st.Text, pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
		s, err := w.look(ctx, rangeName(r))
		if err != nil {
			return err
		}
		made, err = s.table()
		return err
	})
	return made, err
}

// dry runs do in a transaction of the client's role and search path that is rolled back.
func (w *work) dry(ctx context.Context, do func() error) error {
	if err := w.begin(ctx); err != nil {
		return err
	}
	err := do()
	_, undo := w.conn.Exec(context.WithoutCancel(ctx), "ROLLBACK", pgx.QueryExecModeSimpleProtocol)
	return errors.Join(err, undo)
}

// begin opens a transaction as the client. Event triggers and notices are of no use there.
func (w *work) begin(ctx context.Context) error {
	text := "BEGIN; SET LOCAL session_replication_role = replica; SET LOCAL client_min_messages = error; SET LOCAL lock_timeout = '2s'; SET LOCAL search_path = " +
		w.by.SearchPath + "; SET LOCAL ROLE " + sqlparse.QuoteIdentifier(w.by.Role)
	if w.by.SearchPath == "" {
		text = strings.Replace(text, "search_path = ;", "search_path = '';", 1)
	}
	_, err := w.conn.PgConn().Exec(ctx, text).ReadAll()
	return err
}

// asClient runs a statement as the client, for good.
func (w *work) asClient(ctx context.Context, text string) error {
	if err := w.begin(ctx); err != nil {
		return err
	}
	_, err := w.conn.PgConn().Exec(ctx, text).ReadAll()
	end := "COMMIT"
	if err != nil {
		end = "ROLLBACK"
	}
	_, ended := w.conn.PgConn().Exec(context.WithoutCancel(ctx), end).ReadAll()
	return errors.Join(err, ended)
}

// exists says whether there is a relation of a name.
func (w *work) exists(ctx context.Context, name string) (there bool, err error) {
	err = w.dry(ctx, func() error {
		return w.conn.QueryRow(ctx, "SELECT pg_catalog.to_regclass($1) IS NOT NULL", name).Scan(&there)
	})
	return there, err
}

// table finds the databackend's relation that a name stands for; nil for any other, or none.
func (w *work) table(ctx context.Context, name string) (*dialect.Table, error) {
	var schema, relation string
	err := w.dry(ctx, func() error {
		if err := w.conn.QueryRow(ctx, "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = pg_catalog.to_regclass($1)", name).
			Scan(&schema, &relation); !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		return nil
	})
	if err != nil || relation == "" {
		return nil, err
	}
	return w.find(schema, relation), nil
}

// find finds a relation in the catalog that is shown.
func (w *work) find(schema, name string) *dialect.Table {
	at := slices.IndexFunc(w.catalog.Tables, func(t *dialect.Table) bool { return t.Schema == schema && t.Name == name })
	if at < 0 {
		return nil
	}
	return w.catalog.Tables[at]
}
