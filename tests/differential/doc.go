// Package differential compares predict with PostgreSQL itself: random statements over random tables are run through the
// proxy, where models answer, and on a plain PostgreSQL, where SQL functions of the same meaning do. README.md says how to
// run it and how to read what it prints.
package differential
