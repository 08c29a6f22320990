// Package define carries DDL of clients out on a databackend other than PostgreSQL. What a statement means is asked of the
// local PostgreSQL: it is run there as the client, in a transaction that is rolled back, and what it has changed in the
// catalogs is what the databackend is told. So types, defaults, names, rights and errors are PostgreSQL's own.
package define

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	pg_query "github.com/pganalyze/pg_query_go/v5"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/dialect"
	"github.com/pinnacle-proxy/pinnacle-proxy/sqlparse"
)

// Mirror shows the databackend's tables in the local PostgreSQL. *mirror.Mirror, with its Refresh made to give the error
// alone, is one.
type Mirror interface {
	// Refresh makes the local PostgreSQL show the schema as it is now.
	Refresh(ctx context.Context) error
	// Catalog is the schema that is shown.
	Catalog() *dialect.Catalog
}

// Config is what definitions need.
type Config struct {
	Engine backend.Engine
	Mirror Mirror
	// Connect opens a session of the local PostgreSQL as a superuser, in the database that clients use.
	Connect func(ctx context.Context) (*pgx.Conn, error)
	// Owner is the role that the mirror gives new relations to.
	Owner string
	// KeyName gives the databackend's name of a key that is shown under another.
	KeyName func(c *dialect.Catalog, t *dialect.Table, shown string) string
	Logger  *slog.Logger
}

// Client is who sends a statement, and in what circumstances.
type Client struct {
	// Role is current_user and SearchPath the setting of that name.
	Role, SearchPath string
	// Block says that the statement is not alone in its transaction. The databackend's schema then changes only if
	// Immediate is set: at once, whatever becomes of the transaction.
	Block, Immediate bool
}

// Statement is one statement.
type Statement struct {
	// Text is the statement alone, Node its tree.
	Text string
	Node *pg_query.Node
}

// Definer carries out DDL. It is safe for concurrent use.
type Definer struct{ c Config }

// New makes a Definer.
func New(c Config) *Definer {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Definer{c}
}

// Define carries out a statement and gives its command tag. home says that it is none of the databackend's, and was left
// for home to run. Errors of the local PostgreSQL are *pgconn.PgError, with positions in the statement's text; the
// databackend's are *backend.Error.
func (d *Definer) Define(ctx context.Context, by Client, st Statement) (tag string, home bool, err error) {
	conn, err := d.c.Connect(ctx)
	if err != nil {
		return "", false, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	w := &work{Definer: d, conn: conn, by: by, st: st, catalog: d.c.Mirror.Catalog()}
	plan, err := w.plan(ctx)
	switch {
	case err != nil:
		return "", false, w.plain(err)
	case plan == nil:
		return "", true, nil
	}
	if err := d.allowed(by); err != nil {
		return "", false, err
	}
	if len(plan.changes) > 0 {
		err := w.change(ctx, plan)
		var e *backend.Error
		if plan.optional && errors.As(err, &e) && (e.Code == "0A000" || e.Code == "3F000") {
			return "", true, nil
		}
		if err != nil {
			return "", false, errors.Join(err, d.refresh(ctx))
		}
	}
	for _, text := range plan.locally {
		w.follow(w.asClient(ctx, text))
	}
	if len(plan.changes) > 0 {
		if err := d.refresh(ctx); err != nil {
			return "", false, err
		}
	}
	for _, text := range plan.checks {
		_, err := w.conn.Exec(ctx, text)
		w.follow(err)
	}
	return plan.tag, false, w.own(ctx, plan.made)
}

// follow logs that the local PostgreSQL shows less than the databackend has; nil is no error.
func (w *work) follow(err error) {
	if err != nil {
		w.c.Logger.Warn("the local PostgreSQL did not follow a change of the databackend's schema", "reason", err)
	}
}

// change has the databackend make a plan's changes. A table that gets another name gets it in the local PostgreSQL in a transaction
// around that, so that rights and views over it stay, and no refresh in between takes it for one that has gone.
func (w *work) change(ctx context.Context, p *plan) (err error) {
	if p.renamed == nil {
		return w.carryOut(ctx, p.changes)
	}
	tx, err := w.conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback(context.WithoutCancel(ctx)))
		}
	}()
	if _, err := tx.Exec(ctx, "SET LOCAL session_replication_role = replica; SET LOCAL lock_timeout = '2s'"); err != nil {
		return err
	}
	to := p.changes[0].(*dialect.AlterTable).RenameTo
	if _, err := tx.Exec(ctx, "SELECT pinnacle_foreign.rename($1, $2, $3)", p.renamed.Schema, p.renamed.Name, to); err != nil {
		return w.plain(err)
	}
	if err := w.carryOut(ctx, p.changes); err != nil {
		return err
	}
	w.follow(tx.Commit(context.WithoutCancel(ctx)))
	return nil
}

// allowed refuses what a transaction cannot take back.
func (d *Definer) allowed(by Client) error {
	if !by.Block || by.Immediate {
		return nil
	}
	return &backend.Error{Code: "25001", Message: "the databackend's schema cannot be changed inside a transaction block",
		Detail: "The change would take effect at once, and could not be rolled back with the transaction.",
		Hint:   "Run it by itself; or SET pinnacle.ddl_in_transactions = immediate to have it take effect at once all the same."}
}

// carryOut has the databackend make changes, in order.
func (d *Definer) carryOut(ctx context.Context, changes []dialect.Change) error {
	definer, ok := d.c.Engine.(backend.Definer)
	if !ok {
		return &backend.Error{Code: "0A000", Message: "the schema of this databackend cannot be changed through the proxy", Detail: d.c.Engine.Describe()}
	}
	conn, err := d.c.Engine.Connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, change := range changes {
		if err := definer.Define(ctx, conn, change); err != nil {
			return err
		}
	}
	return nil
}

// refresh shows the new schema. What the databackend has done stays done when it fails.
func (d *Definer) refresh(ctx context.Context) error {
	if err := d.c.Mirror.Refresh(ctx); err != nil {
		return fmt.Errorf("the databackend's schema was changed, and cannot be shown: %w", err)
	}
	return nil
}

// Column is a column of a table that a query makes.
type Column struct {
	Name string
	Type dialect.Type
}

// CreateAs makes a table of columns, for CREATE TABLE AS and SELECT INTO. It gives nil where there is a relation of that
// name, and unless says that this is no error.
func (d *Definer) CreateAs(ctx context.Context, by Client, into *pg_query.RangeVar, columns []Column, unless bool) (*dialect.Table, error) {
	if err := d.allowed(by); err != nil {
		return nil, err
	}
	conn, err := d.c.Connect(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	w := &work{Definer: d, conn: conn, by: by, catalog: d.c.Mirror.Catalog()}
	if unless {
		if there, err := w.exists(ctx, rangeName(into)); err != nil || there {
			return nil, err
		}
	}
	text := "CREATE TABLE " + rangeName(into) + " ("
	for i, c := range columns {
		if i > 0 {
			text += ", "
		}
		var typ string
		if err := conn.QueryRow(ctx, "SELECT pg_catalog.format_type($1, $2)", c.Type.OID, c.Type.Mod).Scan(&typ); err != nil {
			return nil, err
		}
		text += sqlparse.QuoteIdentifier(c.Name) + " " + typ
	}
	w.st.Text = text + ")"
	made, err := w.dryCreate(ctx, into)
	if err != nil {
		return nil, w.plain(err)
	}
	if err := d.carryOut(ctx, []dialect.Change{&dialect.CreateTable{Table: made}}); err != nil {
		return nil, err
	}
	if err := d.refresh(ctx); err != nil {
		return nil, err
	}
	return made, w.own(ctx, []string{Name(made)})
}

// Name is a table's name as a statement can say it.
func Name(t *dialect.Table) string {
	return sqlparse.QuoteIdentifier(t.Schema) + "." + sqlparse.QuoteIdentifier(t.Name)
}

// Undo removes a table that CreateAs made, since its rows could not be put there.
func (d *Definer) Undo(ctx context.Context, made *dialect.Table) error {
	tables := d.c.Mirror.Catalog().Tables
	at := slices.IndexFunc(tables, func(t *dialect.Table) bool { return t.Schema == made.Schema && t.Name == made.Name })
	if at < 0 {
		return nil
	}
	err := d.carryOut(ctx, []dialect.Change{&dialect.DropTable{Table: tables[at]}})
	return errors.Join(err, d.refresh(ctx))
}

// own gives new relations to who made them.
func (w *work) own(ctx context.Context, made []string) error {
	if w.by.Role == w.c.Owner {
		return nil
	}
	for _, name := range made {
		if _, err := w.conn.Exec(ctx, "ALTER TABLE "+name+" OWNER TO "+sqlparse.QuoteIdentifier(w.by.Role)); err != nil {
			return err
		}
	}
	return nil
}

// plain takes out of an error what comes from the dry run: the place in a text that is not the client's.
func (w *work) plain(err error) error {
	var e *pgconn.PgError
	if errors.As(err, &e) && e.Code == "55P03" {
		return &backend.Error{Code: "55P03", Message: "the table is in use by another statement", Hint: "Try again when it has ended.", Err: err}
	}
	return err
}

// rangeName is a relation's name as the client wrote it.
func rangeName(r *pg_query.RangeVar) string {
	if r.Schemaname == "" {
		return sqlparse.QuoteIdentifier(r.Relname)
	}
	return sqlparse.QuoteIdentifier(r.Schemaname) + "." + sqlparse.QuoteIdentifier(r.Relname)
}
