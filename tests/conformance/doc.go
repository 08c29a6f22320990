// Package conformance compares every databackend with PostgreSQL: the same statements, on the same data, through the
// proxy and on a plain PostgreSQL. README.md says how.
package conformance
