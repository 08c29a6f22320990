// Package dialect is the SQL between the local PostgreSQL and a databackend: the canonical form, which is what
// postgres_fdw sends (PostgreSQL's contrib/postgres_fdw/deparse.c), as a typed tree, and the tables that say what of it
// an engine is proven to answer as PostgreSQL does. It knows neither drivers nor connections.
//
// The way of a statement: text → Parse → Statement (typed from its own casts and the mirrored columns) → an engine's
// Compile, which for SQL engines is an SQL's Render → the engine's own text. What is not proven is an *Unproven: the
// caller then asks for less, and PostgreSQL finishes.
package dialect
