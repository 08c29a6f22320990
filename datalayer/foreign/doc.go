// Package foreign answers postgres_fdw of the local PostgreSQL, on a private Unix socket, from a databackend: it is the
// server side of PostgreSQL's protocol 3 for the statements that contrib/postgres_fdw sends (connection.c, deparse.c,
// postgres_fdw.c of PostgreSQL 14 to 18), and no more than those.
//
// A session of postgres_fdw is one goroutine. What it sends is parsed to the canonical form (datalayer/dialect), compiled
// by the engine (datalayer/backend) and run on an engine session that is taken from a pool for the length of a transaction.
// Results stream; one that is still open while another statement needs the engine session is spooled. What the engine is
// not proven to answer as PostgreSQL does is read with the proven part and finished by a second session of the local
// PostgreSQL.
package foreign
