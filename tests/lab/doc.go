// Package lab starts what tests need around them: PostgreSQL servers of their own and pinnacle-proxy processes. It knows
// nothing of the project's packages, so what uses it tests the binary from outside.
package lab
