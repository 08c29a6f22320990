// Package mirror shows a databackend's tables in the local PostgreSQL, as its catalogs, its planner and every tool expect
// tables: for each an ordinary parent, which is empty and carries keys, indexes and comments, and one foreign child by
// inheritance, through which postgres_fdw reads and writes. Views become views over a foreign table of their own.
//
// What was shown, and how, is kept in the schema pinnacle_foreign of the local PostgreSQL, so that a refresh alters only
// what has changed.
package mirror
