// Package dataset is the kind of components that are datasets: named queries, whose rows may be pinned as they were when
// the dataset was made.
package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/component"
)

// Kind is the kind.
type Kind struct {
	// Sessions are those in which queries run: they lead through the proxy, so that predict works in them, and log in as
	// a user that may take the role of who makes the dataset.
	Sessions *pgxpool.Pool
}

var _ component.Kind = Kind{}

// Name implements component.Kind.
func (Kind) Name() string { return component.KindDataset }

// KeepsVersions implements component.Kind.
func (Kind) KeepsVersions() bool { return true }

// Plan implements component.Kind.
func (Kind) Plan(component.Change) (component.Plan, error) { return component.Plan{}, nil }

// Check implements component.Kind: it finds the columns, and of a dataset that is pinned it stores the rows, as CSV
// (RFC 4180, as PostgreSQL's COPY writes it, NULL being nothing between two commas and an empty text a pair of quotes).
// The query runs with the rights of the role that asks.
func (k Kind) Check(ctx context.Context, in component.Proposal) (*component.Checked, error) {
	var def component.DatasetDefinition
	if err := component.Decode(in.Definition, &def); err != nil {
		return nil, &component.Error{Code: "22023", Message: fmt.Sprintf("invalid definition of dataset %q: %v", in.Name, err), Err: err}
	}
	if strings.TrimSpace(def.Query) == "" {
		return nil, &component.Error{Code: "22023", Message: fmt.Sprintf("dataset %q needs a query", in.Name)}
	}
	def.Columns, def.Rows, def.Artifact = nil, 0, ""
	if def.SearchPath == "" && in.Home != nil {
		rows, err := in.Home.Query(ctx, "SHOW search_path")
		if err != nil {
			return nil, err
		}
		if len(rows) == 1 && rows[0][0] != nil {
			def.SearchPath = *rows[0][0]
		}
	}
	checked := &component.Checked{}
	err := k.within(ctx, in, &def, func(conn *pgx.Conn) (err error) {
		if def.Columns, err = columns(ctx, conn, def.Query); err != nil || !def.Pin {
			return err
		}
		a, release, err := pin(ctx, conn, &def, in.Artifacts)
		if err == nil {
			checked.Artifacts, checked.Release = []component.Artifact{a}, release
			def.Artifact = a.Digest
		}
		return err
	})
	if err != nil {
		if checked.Release != nil {
			checked.Release()
		}
		return nil, err
	}
	checked.Definition = def
	return checked, nil
}

// within runs read in a transaction of one snapshot, which is not read-only since predict may need temporary functions, as the role and by the search_path of who asks, and with the
// settings that make texts of values the same everywhere.
func (k Kind) within(ctx context.Context, in component.Proposal, def *component.DatasetDefinition, read func(conn *pgx.Conn) error) error {
	session, err := k.Sessions.Acquire(ctx)
	if err != nil {
		return err
	}
	defer session.Release()
	return pgx.BeginTxFunc(ctx, session, pgx.TxOptions{IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) error {
		if in.Home != nil && in.Role != "" {
			if _, err := tx.Exec(ctx, "SET LOCAL ROLE "+pgx.Identifier{in.Role}.Sanitize()); err != nil {
				return err
			}
		}
		settings := map[string]string{"DateStyle": "ISO, YMD", "IntervalStyle": "postgres", "bytea_output": "hex", "extra_float_digits": "1"}
		if def.SearchPath != "" {
			settings["search_path"] = def.SearchPath
		}
		for name, value := range settings {
			if _, err := tx.Exec(ctx, "SELECT pg_catalog.set_config($1, $2, true)", name, value); err != nil {
				return err
			}
		}
		return read(tx.Conn())
	})
}

// columns are those of a query, each of another name.
func columns(ctx context.Context, conn *pgx.Conn, query string) ([]component.DatasetColumn, error) {
	rows, err := conn.Query(ctx, "SELECT * FROM ("+query+"\n) AS dataset LIMIT 0")
	if err != nil {
		return nil, err
	}
	fields := rows.FieldDescriptions()
	rows.Close()
	if err := rows.Err(); err != nil {
		return nil, err
	}
	var list []component.DatasetColumn
	taken := map[string]bool{}
	for _, f := range fields {
		if taken[f.Name] {
			return nil, &component.Error{Code: "42701", Message: fmt.Sprintf("column %q of a dataset is named twice", f.Name), Hint: "Give the columns names of their own by AS."}
		}
		taken[f.Name] = true
		c := component.DatasetColumn{Name: f.Name}
		if err := conn.QueryRow(ctx, "SELECT pg_catalog.format_type($1::pg_catalog.oid, $2::pg_catalog.int4)", f.DataTypeOID, f.TypeModifier).Scan(&c.Type); err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	if len(list) == 0 {
		return nil, &component.Error{Code: "42601", Message: "a dataset needs a column"}
	}
	return list, nil
}

// pin stores the rows of a query, and counts them.
func pin(ctx context.Context, conn *pgx.Conn, def *component.DatasetDefinition, to component.ArtifactWriter) (component.Artifact, func(), error) {
	r, w := io.Pipe()
	copied := make(chan error, 1)
	go func() {
		tag, err := conn.PgConn().CopyTo(ctx, w, "COPY ("+def.Query+"\n) TO STDOUT (FORMAT csv)")
		def.Rows = tag.RowsAffected()
		_ = w.CloseWithError(err) // it gives no error
		copied <- err
	}()
	a, release, err := to.Put(ctx, r)
	_ = r.CloseWithError(io.ErrClosedPipe) // so that the copying ends where the store has failed
	if copyErr := <-copied; copyErr != nil && err == nil {
		release()
		err = copyErr
	}
	return a, release, err
}

// Attach makes a dataset readable in a session, and gives the text of a SELECT of its rows: its query, or, where it is
// pinned, a temporary table that holds what was pinned. open gives the bytes of an artifact by its digest. The session's
// search_path is that of the dataset then.
func Attach(ctx context.Context, conn *pgx.Conn, def component.DatasetDefinition, open func(ctx context.Context, digest string) (io.ReadCloser, error)) (query string, err error) {
	if def.SearchPath != "" {
		if _, err := conn.Exec(ctx, "SELECT pg_catalog.set_config('search_path', $1, false)", def.SearchPath); err != nil {
			return "", err
		}
	}
	if !def.Pin {
		return def.Query, nil
	}
	if _, err := conn.Exec(ctx, "DROP TABLE IF EXISTS "+Table(def)); err != nil {
		return "", err
	}
	if _, err := conn.Exec(ctx, TableText(def)); err != nil {
		return "", err
	}
	bytes, err := open(ctx, def.Artifact)
	if err != nil {
		return "", err
	}
	_, err = conn.PgConn().CopyFrom(ctx, bytes, CopyText(def))
	if closeErr := bytes.Close(); err == nil {
		err = closeErr
	}
	return "TABLE " + Table(def), err
}

// Table is the temporary table that holds the rows of a pinned dataset, as SQL names it. It is named by its columns and rows:
// datasets that are equal in both have one table.
func Table(def component.DatasetDefinition) string {
	columns := sha256.Sum256([]byte(columnList(def)))
	return "pg_temp." + pgx.Identifier{"pinnacle_dataset_" + def.Artifact[:16] + "_" + hex.EncodeToString(columns[:8])}.Sanitize()
}

// columnList declares the columns.
func columnList(def component.DatasetDefinition) string {
	var list []string
	for _, c := range def.Columns {
		list = append(list, pgx.Identifier{c.Name}.Sanitize()+" "+c.Type)
	}
	return strings.Join(list, ", ")
}

// TableText is the statement that makes it.
func TableText(def component.DatasetDefinition) string {
	return "CREATE TABLE " + Table(def) + " (" + columnList(def) + ")"
}

// CopyText is the statement that fills it from the bytes of its artifact.
func CopyText(def component.DatasetDefinition) string {
	return "COPY " + Table(def) + " FROM STDIN (FORMAT csv)"
}
