package duckdb

import (
	"context"

	"github.com/pinnacle-proxy/pinnacle-proxy/datalayer/backend"
)

// Run runs a statement of DuckDB's own on a session of this package, for engines that are built on DuckDB.
func Run(ctx context.Context, on backend.Conn, sql string) error {
	c, ok := on.(*conn)
	if !ok {
		return &backend.Error{Code: "XX000", Message: "a session of another engine"}
	}
	defer c.session.c.watch(ctx)()
	return c.control(ctx, sql)
}

// Texts runs a query of DuckDB's own, whose columns are texts, and gives its rows; NULL is "".
func Texts(ctx context.Context, on backend.Conn, sql string) ([][]string, error) {
	c, ok := on.(*conn)
	if !ok {
		return nil, &backend.Error{Code: "XX000", Message: "a session of another engine"}
	}
	if err := c.readAhead(ctx); err != nil {
		return nil, err
	}
	defer c.session.c.watch(ctx)()
	var rows [][]string
	err := c.session.texts(sql, func(row []*string) {
		out := make([]string, len(row))
		for i, v := range row {
			out[i] = text(v)
		}
		rows = append(rows, out)
	})
	return rows, asError(ctx, err, nil)
}
