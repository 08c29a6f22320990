// Package clickhouse is the databackend ClickHouse, over its HTTP interface (ClickHouse documentation, Interfaces: HTTP).
// Plain HTTP serves every server and proxy before it, streams rows as text, and needs no driver. Tables of the URI's
// database are in schema public; without a database in the URI every database is a schema.
package clickhouse
